"""Which strategy earned what: every day's profit of every symbol, handed to the strategies that wanted it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from the_alchemiser.domain.intent import TargetPortfolio
from the_alchemiser.domain.market import Symbol
from the_alchemiser.domain.money import FRACTION, ZERO, Dollars, Weight, cents

from .figures import Contribution

NO_STRATEGY = "No strategy"
"""Positions that no strategy ever asked for: opening holdings, orders placed by hand."""
NOT_TRADING = "Not from trading"
"""Money that moved without a trade: dividends, fees, deposits."""
ROUNDING = "Rounding"
"""What is left of splitting amounts and of showing strategies in whole cents."""

Wanted = Mapping[Symbol, Mapping[str, Weight]]


class Attribution:
    """Splits profits by the weights strategies asked for; a symbol nobody wants any more stays with its last askers.

    What a carried position earns from one close to the next belongs to the target in force when the day began;
    what the day's own trades earn belongs to the newest target.
    """

    def __init__(self) -> None:
        self._wanted: dict[Symbol, Mapping[str, Weight]] = {}
        self._wanted_at_open: Wanted = {}
        self._totals: dict[str, Dollars] = {}
        self._daily: list[dict[str, float]] = []

    def retarget(self, target: TargetPortfolio) -> None:
        """A new target: its askers replace the earlier ones of every symbol it wants."""
        for symbol in target.weights:
            asked = {
                strategy: weights[symbol]
                for strategy, weights in target.contributions.items()
                if weights.get(symbol, ZERO) > ZERO
            }
            if asked:
                self._wanted[symbol] = asked
        for strategy in target.contributions:
            self._totals.setdefault(strategy, ZERO)

    def close_day(self, carried: Mapping[Symbol, Dollars], traded: Mapping[Symbol, Dollars]) -> None:
        """One session's profits per symbol: of what was held when it began, and of what it traded."""
        for symbol, profit in carried.items():
            self._share_out(profit, self._wanted_at_open.get(symbol, {}))
        for symbol, profit in traded.items():
            self._share_out(profit, self._wanted.get(symbol, {}))
        self._wanted_at_open = dict(self._wanted)
        self._daily.append({name: float(total) for name, total in self._totals.items()})

    def _share_out(self, profit: Dollars, asked: Mapping[str, Weight]) -> None:
        if not asked:
            self._totals[NO_STRATEGY] = self._totals.get(NO_STRATEGY, ZERO) + profit
            return
        whole = sum(asked.values(), ZERO)
        for strategy, weight in asked.items():
            self._totals[strategy] += (profit * weight / whole).quantize(FRACTION)

    def lines(self, profit: Dollars, not_trading: Dollars) -> Iterator[Contribution]:
        """Every line, strategies first by name, adding up to `profit` exactly."""
        left = profit
        for name in sorted(self._totals, key=lambda name: (name == NO_STRATEGY, name)):
            amount = cents(self._totals[name])
            left -= amount
            yield Contribution(name, amount, name != NO_STRATEGY, self._cumulative(name))
        if not_trading:
            yield Contribution(NOT_TRADING, not_trading, False, ())
        if rounding := left - not_trading:
            yield Contribution(ROUNDING, rounding, False, ())

    def _cumulative(self, name: str) -> tuple[float, ...]:
        return (0.0, *(day.get(name, 0.0) for day in self._daily))
