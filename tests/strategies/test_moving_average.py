"""The crossing of two averages, told bar by bar."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from the_alchemiser.domain.market import Bar
from the_alchemiser.strategies import MovingAverageCross


def bar(cents: int, number: int = 0) -> Bar:
    price = cents / 100
    return Bar("AAPL", number, price, price, price, price)


def told(closes: list[int], fast: int = 2, slow: int = 4) -> list[tuple[int, Decimal]]:
    """What the strategy said, and at which bar."""
    strategy = MovingAverageCross("AAPL", fast, slow, "0.9")
    answers = [(number, strategy.on_bar(bar(cents, number))) for number, cents in enumerate(closes)]
    return [(number, weight) for number, weight in answers if weight is not None]


def test_it_speaks_only_when_the_averages_cross() -> None:
    rising, falling = [100, 101, 102, 103, 104, 105], [104, 100, 90, 80]
    assert told(rising + falling) == [(3, Decimal("0.9")), (7, Decimal(0))]


def test_it_is_silent_before_the_slow_average_exists() -> None:
    assert told([100, 200, 300]) == []


def test_a_tie_is_no_cross() -> None:
    assert told([100] * 50) == []
    assert told([100, 101, 102, 103, *[103] * 10]) == [(3, Decimal("0.9"))]


@given(st.lists(st.integers(1, 10_000), max_size=80), st.integers(1, 5), st.integers(1, 5))
def test_it_agrees_with_averages_counted_anew_at_every_bar(closes: list[int], fast: int, more: int) -> None:
    slow, is_long, expected = fast + more, False, []
    for number in range(slow - 1, len(closes)):
        # Compared without dividing: sums of integers, so that a tie is a tie.
        lead = slow * sum(closes[number + 1 - fast : number + 1]) - fast * sum(
            closes[number + 1 - slow : number + 1]
        )
        if (lead > 0) if not is_long else (lead < 0):
            is_long = not is_long
            expected.append((number, Decimal("0.9") if is_long else Decimal(0)))
    assert told(closes, fast, slow) == expected


@pytest.mark.parametrize(("fast", "slow"), [(10, 10), (30, 10), (0, 10), (-1, 5)])
def test_the_fast_average_must_be_the_shorter_one(fast: int, slow: int) -> None:
    with pytest.raises(ValueError, match="must be shorter"):
        MovingAverageCross("AAPL", fast, slow)
