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
        self._count = self._fast_sum = self._slow_sum = 0
        self._is_long = False

    def on_bar(self, bar: Bar) -> Weight | None:
        """The new weight when the averages cross, else None."""
        count, closes, slow = self._count, self._closes, self.slow
        close = int(bar.close * PRICE_UNITS + 0.5)
        place = count % slow
        self._fast_sum += close - (closes[(count - self.fast) % slow] if count >= self.fast else 0)
        self._slow_sum += close - closes[place]
        closes[place] = close
        self._count = count = count + 1
        if count < slow:
            return None
        # Compared as fast_sum / fast against slow_sum / slow, without dividing.
        lead = self._fast_sum * slow - self._slow_sum * self.fast
        if self._is_long:
            if lead < 0:
                self._is_long = False
                return ZERO
        elif lead > 0:
            self._is_long = True
            return self.weight
        return None
