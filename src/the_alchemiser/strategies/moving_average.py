"""Hold one symbol while its fast average is above its slow one; told bar by bar."""

from __future__ import annotations

from the_alchemiser.domain.market import Bar, Symbol
from the_alchemiser.domain.money import ZERO, Weight, decimal

PRICE_UNITS = 10_000
"""Closes are rounded to a hundredth of a cent and summed as integers: the averages are exact, so a tie is a tie."""


class MovingAverageCross:
    """Long `weight` of equity while the `fast`-bar average close exceeds the `slow`-bar one, else flat."""

    name = "moving_average"

    def __init__(self, symbol: Symbol, fast: int = 10, slow: int = 30, weight: str = "0.99") -> None:
        if not 0 < fast < slow:
            raise ValueError(f"the fast average ({fast}) must be shorter than the slow one ({slow})")
        self.symbols = (symbol,)
        self.fast, self.slow = fast, slow
        self.weight: Weight = decimal(weight)
        self._closes = [0] * slow
        self._place = 0
        self._bars_missing = slow
        # fast average - slow average, times both lengths: its sign says which is higher, and no division rounds it.
        self._lead = 0
        self._is_long = False

    def on_bar(self, bar: Bar) -> Weight | None:
        """The new weight when the averages cross, else None."""
        closes, place = self._closes, self._place
        close = int(bar.close * PRICE_UNITS + 0.5)
        # A ring: the oldest close stands at `place`; `fast` steps back stands the one that leaves the fast average.
        self._lead += (close - closes[place - self.fast]) * self.slow - (close - closes[place]) * self.fast
        closes[place] = close
        self._place = place + 1 if place + 1 < self.slow else 0
        if self._bars_missing > 1:
            self._bars_missing -= 1
            return None
        if self._is_long:
            if self._lead < 0:
                self._is_long = False
                return ZERO
        elif self._lead > 0:
            self._is_long = True
            return self.weight
        return None
