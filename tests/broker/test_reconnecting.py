"""When to try again and when to tell: the rules alone, with every instant given."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from the_alchemiser.broker.reconnecting import (
    ATTEMPTS_PER_MINUTE_MAX,
    FAILURES_MAX,
    STABLE_SECONDS,
    Reconnecting,
)
from the_alchemiser.broker.resilience import Backoff


def hasty() -> Reconnecting:
    """Its waits are so short that only the limit of attempts a minute holds it back."""
    return Reconnecting(Backoff(first_seconds=0.01, last_seconds=0.02, random=lambda: 0.0))


@given(lives=st.lists(st.tuples(st.floats(0, 20), st.booleans()), min_size=30, max_size=200))
def test_no_backoff_and_no_line_lead_to_more_than_twenty_attempts_a_minute(
    lives: list[tuple[float, bool]],
) -> None:
    rule, now = hasty(), 0.0
    attempts = []
    for seconds, listens in lives:
        attempts.append(now)
        rule.begin(now)
        if listens:
            rule.listening(now)
        now += seconds
        now += rule.ended(now).seconds
    for begin in range(len(attempts) - ATTEMPTS_PER_MINUTE_MAX):
        assert attempts[begin + ATTEMPTS_PER_MINUTE_MAX] - attempts[begin] >= 60 - 1e-6


def test_five_failures_in_a_row_are_told_once_and_again_after_it_was_heard_again() -> None:
    rule, now, told = hasty(), 0.0, []
    for attempt in range(4 * FAILURES_MAX):
        rule.begin(now)
        if attempt == 2 * FAILURES_MAX:
            rule.listening(now)
        told.append(rule.ended(now).is_deaf)
        now += 0.1
    assert [number for number, is_told in enumerate(told) if is_told] == [
        FAILURES_MAX - 1,
        3 * FAILURES_MAX - 1,
    ]


def test_a_long_life_forgives_earlier_failures_and_a_suspect_one_does_not() -> None:
    for is_suspect, failures in ((False, 0), (True, 4)):
        rule = hasty()
        for _ in range(3):
            rule.begin(0.0)
            rule.ended(0.0)
        rule.begin(0.0)
        rule.listening(0.0)
        rule.ended(STABLE_SECONDS, is_suspect=is_suspect)
        assert rule.failures == failures


def test_what_is_hopeless_is_told_at_once() -> None:
    rule = hasty()
    rule.begin(0.0)
    assert rule.ended(0.1, is_hopeless=True).is_deaf
