"""What the splits of a script do to prices: from its ex-date on, a market's own prices are divided.

A market's own prices are continuous (the shipped history is adjusted for the splits of the real world), so that a
split by script is made by dividing what comes after it. Prices keep to their ticks: bids are rounded down, asks up.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import numpy as np

from the_alchemiser.exchange.market.barring import Ints, Path
from the_alchemiser.exchange.market.bridge import on_grid, tick_steps
from the_alchemiser.exchange.market.names import first_name
from the_alchemiser.exchange.market.script import MarketScript

WHOLE = Fraction(1)


class SplitRatios:
    """What the prices of each symbol (by its first name) are multiplied by, day by day."""

    def __init__(self, script: MarketScript) -> None:
        self._steps: dict[str, list[tuple[date, Fraction]]] = {}
        for split in script.splits:
            symbol = first_name(script, split.symbol, split.ex_date) or split.symbol
            ratio = Fraction(split.old_rate, split.new_rate)
            self._steps.setdefault(symbol, []).append((split.ex_date, ratio))

    def __bool__(self) -> bool:
        return bool(self._steps)

    def on(self, symbol: str, day: date) -> Fraction:
        """The ratio of raw prices on `day` to the market's own."""
        ratio = WHOLE
        for ex_date, step in self._steps.get(symbol, ()):
            if ex_date <= day:
                ratio *= step
        return ratio

    def between(self, symbol: str, earlier: date, day: date) -> Fraction:
        """What a raw price of an earlier day is multiplied by to compare with those of `day`."""
        if symbol not in self._steps:
            return WHOLE
        return self.on(symbol, day) / self.on(symbol, earlier)


def divided(path: Path, ratio: Fraction) -> Path:
    """The path with its prices multiplied by `ratio`, and its sizes divided by it, of at least one share."""
    if ratio == WHOLE or not len(path.at):
        return path
    up, down = ratio.numerator, ratio.denominator
    price = np.maximum(on_grid(path.price * up // down), 1)
    bid = _floored(path.bid * up // down)
    ask = _raised(-(-path.ask * up // down))
    return Path(path.at, price, bid, ask, np.maximum(path.size * down // up, 1))


def _floored(prices: Ints) -> Ints:
    step = tick_steps(np.maximum(prices, 1))
    floored: Ints = np.maximum(prices // step * step, 1)
    return floored


def _raised(prices: Ints) -> Ints:
    step = tick_steps(np.maximum(prices, 1))
    raised: Ints = -(-prices // step) * step
    return raised
