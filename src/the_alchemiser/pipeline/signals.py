"""What do we want to hold? Every strategy's wish, weighed by its share of the capital."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from the_alchemiser.domain.errors import InvariantBroken
from the_alchemiser.domain.intent import Signal, TargetPortfolio
from the_alchemiser.domain.market import Symbol
from the_alchemiser.domain.money import FRACTION, ONE, ZERO, Weight, floor_to_lot


def blend(allocations: Mapping[str, Weight], signals: Sequence[Signal]) -> TargetPortfolio:
    """The weighted sum of all signals. Raises InvariantBroken for a signal of more than one, or with a short weight.

    Two strategies with half the capital each, one all in AAPL, one half AAPL half MSFT: AAPL 0.75, MSFT 0.25.
    """
    contributions: dict[str, dict[Symbol, Weight]] = {}
    weights: dict[Symbol, Weight] = {}
    for signal in signals:
        _check(signal)
        share = allocations[signal.strategy]
        parts = {symbol: floor_to_lot(share * wish, FRACTION) for symbol, wish in signal.weights.items()}
        contributions[signal.strategy] = parts
        for symbol, part in parts.items():
            weights[symbol] = weights.get(symbol, ZERO) + part
    return TargetPortfolio({symbol: weights[symbol] for symbol in sorted(weights)}, contributions)


def _check(signal: Signal) -> None:
    if any(not weight.is_finite() or weight < 0 for weight in signal.weights.values()):
        raise InvariantBroken(f"strategy {signal.strategy} asked for a weight below zero")
    if sum(signal.weights.values(), ZERO) > ONE:
        raise InvariantBroken(f"strategy {signal.strategy} asked for more than the whole portfolio")
