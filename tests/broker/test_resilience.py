"""What is worth another try, and how long to wait for it."""

from __future__ import annotations

import pytest

from the_alchemiser.broker import RetryPolicy, is_transient_error
from the_alchemiser.broker.resilience import S2_RETRIES, Backoff
from the_alchemiser.domain.errors import (
    BrokerBusy,
    BrokerRefused,
    BrokerUnauthorized,
    BrokerUnavailable,
    MarketDataMissing,
    OutcomeUnknown,
)


class ForeignError(Exception):
    """An error of another library, with its status."""

    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError("timed out"),
        ConnectionResetError(),
        BrokerUnavailable("no answer"),
        BrokerBusy("rate limited"),
        *(ForeignError(status) for status in (429, 500, 502, 503)),
        *(Exception(text) for text in ("429 Rate Limit", "HTTP 503", "Read timed out", "Connection refused")),
    ],
    ids=repr,
)
@pytest.mark.spec("S0-10", "S0-12")
def test_passing_troubles_are_transient(error: Exception) -> None:
    is_transient, reason = is_transient_error(error)
    assert is_transient
    assert reason


@pytest.mark.parametrize(
    "error",
    [
        BrokerUnauthorized("keys"),
        BrokerRefused("insufficient buying power", status=403),
        BrokerRefused("429 shares are too many", status=422),
        MarketDataMissing("no quote"),
        *(ForeignError(status) for status in (401, 403, 404, 422)),
        ValueError("market closed"),
    ],
    ids=repr,
)
@pytest.mark.spec("S0-10", "S0-14")
def test_refusals_are_permanent(error: Exception) -> None:
    is_transient, reason = is_transient_error(error)
    assert not is_transient
    assert reason


@pytest.mark.spec("C1")
def test_an_unknown_outcome_is_never_a_reason_to_send_again() -> None:
    assert is_transient_error(OutcomeUnknown("it may live"))[0] is False


def pauses(policy: RetryPolicy, retries: int) -> list[float]:
    slept: list[float] = []
    timed = RetryPolicy(policy.waits_seconds, policy.jitter_share, slept.append, lambda: 0.0)
    for retry in range(retries):
        timed.pause(retry)
    return slept


@pytest.mark.spec("S0-13", "S2-06", "S4-15", "C1")
def test_the_waits_are_one_two_four_or_two_four_eight() -> None:
    assert pauses(RetryPolicy(), 4) == [1, 2, 4, 4]
    assert pauses(S2_RETRIES, 3) == [2, 4, 8]


@pytest.mark.spec("S0-13")
def test_jitter_lengthens_a_wait_by_at_most_its_share() -> None:
    slept: list[float] = []
    for chance in (0.0, 0.5, 1.0):
        RetryPolicy(sleep=slept.append, random=lambda chance=chance: chance).pause(0)  # type: ignore[misc]
    assert slept == [1.0, 1.125, 1.25]


@pytest.mark.spec("S0-26")
def test_reconnecting_waits_longer_each_time_up_to_half_a_minute() -> None:
    shortest, longest = Backoff(random=lambda: 0.0), Backoff(random=lambda: 1.0)
    assert [shortest.next_seconds() for _ in range(8)] == [0.5, 1, 2, 4, 8, 15, 15, 15]
    assert [longest.next_seconds() for _ in range(8)] == [1, 2, 4, 8, 16, 30, 30, 30]
    longest.reset()
    assert longest.next_seconds() == 1
    assert Backoff(random=lambda: 0.0).next_seconds(longest=True) == 15
