"""Twelve-month momentum: the strongest, equal parts, never a loser."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from language import NOON, TODAY, history, quotes, weights

from the_alchemiser.domain.market import MarketSnapshot
from the_alchemiser.domain.money import ONE, ZERO
from the_alchemiser.strategies import InverseVolatility, Momentum
from the_alchemiser.strategies.indicators import annual_volatility, as_weights, momentum


def snapshot(**closes: list[float]) -> MarketSnapshot:
    market = "; ".join(f"{symbol} 100/100" for symbol in closes)
    histories = {symbol: history(symbol, series) for symbol, series in closes.items()}
    return MarketSnapshot(NOON, TODAY, histories, quotes(market))


def grown(total: float, sessions: int = 253, latest: float = 0.0) -> list[float]:
    """Closes that grew by `total` up to a month ago, and by `latest` since."""
    until = sessions - 21
    path = [100 * (1 + total * place / (until - 1)) for place in range(until)]
    return path + [path[-1] * (1 + latest)] * 21


def test_the_strongest_are_held_in_equal_parts() -> None:
    signal = Momentum(top=2).evaluate(snapshot(A=grown(0.1), B=grown(0.3), C=grown(0.2)))
    assert signal.weights == weights("B 50%, C 50%")
    assert signal.reasons == {"B": "+30.0% in 12 months", "C": "+20.0% in 12 months"}


def test_what_fell_is_not_held_and_its_part_stays_in_cash() -> None:
    signal = Momentum(top=2).evaluate(snapshot(A=grown(0.1), B=grown(-0.3), C=grown(-0.2)))
    assert signal.weights == weights("A 50%")


def test_the_latest_month_does_not_count() -> None:
    signal = Momentum(top=1).evaluate(snapshot(A=grown(0.2, latest=-0.5), B=grown(0.1, latest=9.0)))
    assert list(signal.weights) == ["A"]


def test_equal_strength_is_decided_by_name_not_by_chance() -> None:
    series = grown(0.1)
    for names in (["A", "B", "C"], ["C", "B", "A"]):
        signal = Momentum(top=2).evaluate(snapshot(**dict.fromkeys(names, series)))
        assert list(signal.weights) == ["A", "B"]


def test_it_looks_back_as_far_as_it_says_and_no_further() -> None:
    strategy = Momentum(top=1)
    exact = [50.0, *([100.0] * 252)]
    assert strategy.sessions_needed == len(exact) == 253
    assert momentum(np.array(exact), 252, 21) == 1.0
    signal = strategy.evaluate(snapshot(A=[999.0, *exact], B=grown(0.5)))
    assert list(signal.weights) == ["A"]


def restless(size: float, sessions: int = 64) -> list[float]:
    return [100 * (1 + size * (place % 2)) for place in range(sessions)]


def test_the_calm_weigh_more_than_the_restless() -> None:
    signal = InverseVolatility().evaluate(snapshot(A=restless(0.01), B=restless(0.02)))
    assert signal.weights["A"] / signal.weights["B"] == pytest.approx(Decimal(2), rel=Decimal("0.02"))
    assert ONE - sum(signal.weights.values(), ZERO) < Decimal("0.00000001")


def test_a_symbol_that_never_moves_counts_as_one_percent_a_year() -> None:
    signal = InverseVolatility().evaluate(snapshot(A=[100.0] * 64, B=restless(0.02)))
    assert signal.reasons["A"] == "volatility 1% a year"
    assert signal.weights["A"] < ONE


def test_volatility_is_the_deviation_of_log_returns_over_the_window_per_year() -> None:
    closes = np.array([1.0, 100.0, 110.0, 99.0])
    returns = [np.log(1.1), np.log(0.9)]
    expected = np.std(returns, ddof=1) * 252**0.5
    assert annual_volatility(closes, 2) == pytest.approx(expected)


@given(st.lists(st.floats(0.001, 1.0), min_size=1, max_size=20))
def test_measured_parts_become_weights_that_never_sum_to_more(parts: list[float]) -> None:
    total = sum(parts)
    exact = as_weights({f"X{number}": part / total for number, part in enumerate(parts)})
    assert sum(exact.values(), ZERO) <= ONE
    assert all(
        weight <= Decimal(repr(part / total)) for weight, part in zip(exact.values(), parts, strict=True)
    )
