"""The blend: every strategy's wish, weighed by its share of the capital, never more than everything."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from language import NOON, weights

from the_alchemiser.domain.errors import InvariantBroken
from the_alchemiser.domain.intent import Signal
from the_alchemiser.domain.money import FRACTION, ONE, ZERO
from the_alchemiser.pipeline.signals import blend

D = Decimal


def wish(strategy: str, text: str) -> Signal:
    return Signal(strategy, NOON, weights(text))


def test_two_strategies_share_the_capital() -> None:
    target = blend({"a": D("0.5"), "b": D("0.5")}, [wish("a", "AAPL 100%"), wish("b", "AAPL 50%, MSFT 50%")])
    assert target.weights == weights("AAPL 75%, MSFT 25%")
    assert target.contributions == {"a": weights("AAPL 50%"), "b": weights("AAPL 25%, MSFT 25%")}


def test_what_nobody_wants_stays_in_cash() -> None:
    assert blend({"a": ONE}, [wish("a", "AAPL 30%")]).weights == weights("AAPL 30%")
    assert blend({"a": ONE}, [wish("a", "")]).weights == {}


def test_symbols_come_in_one_order_whoever_asked_first() -> None:
    signals = [wish("a", "MSFT 10%, AAPL 10%"), wish("b", "BAC 10%")]
    forward, backward = (blend({"a": D("0.5"), "b": D("0.5")}, some) for some in (signals, signals[::-1]))
    assert list(forward.weights) == list(backward.weights) == ["AAPL", "BAC", "MSFT"]
    assert forward.weights == backward.weights


@pytest.mark.parametrize("asked", ["AAPL -1%", "AAPL 60%, MSFT 40.0001%", "AAPL NaN%", "AAPL Infinity%"])
def test_a_strategy_that_asks_for_less_than_nothing_or_more_than_all_is_a_defect(asked: str) -> None:
    with pytest.raises(InvariantBroken, match="strategy a asked"):
        blend({"a": ONE}, [wish("a", asked)])


@given(
    st.lists(st.lists(st.integers(0, 10**9), min_size=1, max_size=6), min_size=1, max_size=4),
    st.data(),
)
def test_the_blend_never_asks_for_more_than_the_capital(parts: list[list[int]], data: st.DataObject) -> None:
    shares = data.draw(st.lists(st.integers(1, 100), min_size=len(parts), max_size=len(parts)))
    allocations = {f"s{number}": D(share) / sum(shares) for number, share in enumerate(shares)}
    signals = [
        Signal(
            f"s{number}",
            NOON,
            {
                f"X{place}": (D(part) / max(sum(some), 1)).quantize(FRACTION, "ROUND_FLOOR")
                for place, part in enumerate(some)
            },
        )
        for number, some in enumerate(parts)
    ]
    target = blend(allocations, signals)
    assert sum(target.weights.values(), ZERO) <= ONE
    for symbol, weight in target.weights.items():
        assert weight == sum((given.get(symbol, ZERO) for given in target.contributions.values()), ZERO)
