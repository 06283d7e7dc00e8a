"""Markets whose ticks are quotes, of which only some are trades: what such a market shows.

A tick of size zero moves the quote and prints nothing. Sizes are counted in fractions of a coin or contract.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import msgspec
import numpy as np

from the_alchemiser.exchange.market.barring import Path
from the_alchemiser.exchange.market.paths import PathMarket
from the_alchemiser.exchange.market.prices import Bar, NoPrice, Quote, Trade

SESSIONS_SEARCHED_LIMIT = 30  # how far back the latest trade is looked for


class SparseMarket(PathMarket):
    """A path market in which trades are rarer than quotes. `size_unit` path sizes make one coin or contract."""

    quiet_ticks = True
    size_unit: ClassVar[int] = 1

    def quote(self, symbol: str, at: int) -> Quote:
        return self._quote_of(symbol, *self._latest(symbol, at))

    def trade(self, symbol: str, at: int) -> Trade:
        """The latest print by `at`. Raises NoPrice when there was none within the last thirty sessions."""
        path, place = self._latest(symbol, at)
        for _ in range(SESSIONS_SEARCHED_LIMIT):
            traded = np.flatnonzero(path.size[: place + 1])
            if len(traded):
                return self._trade_of(path, int(traded[-1]))
            path, place = self._latest(symbol, int(path.at[0]) - 1)
        raise NoPrice(symbol)

    def trades(self, symbol: str, start: int, end: int, at: int) -> Iterator[Trade]:
        for path, low, high in self._pieces(symbol, start - 1, min(end, at)):
            for place in np.flatnonzero(path.size[low:high]).tolist():
                yield self._trade_of(path, low + place)

    def quotes(self, symbol: str, start: int, end: int, at: int) -> Iterator[Quote]:
        for path, low, high in self._pieces(symbol, start - 1, min(end, at)):
            for place in range(low, high):
                yield self._quote_of(symbol, path, place)

    def bars(self, symbol: str, timeframe: str, start: int, end: int, at: int) -> list[Bar]:
        bars = super().bars(symbol, timeframe, start, end, at)
        if self.size_unit == 1:
            return bars
        return [msgspec.structs.replace(bar, volume=bar.volume / self.size_unit) for bar in bars]

    def _quote_of(self, symbol: str, path: Path, place: int) -> Quote:
        raise NotImplementedError

    def _taker_of(self, path: Path, place: int) -> str:
        """The side that took, where the market tells it."""
        return ""

    def _trade_of(self, path: Path, place: int) -> Trade:
        size = int(path.size[place]) / self.size_unit
        return Trade(
            int(path.at[place]), int(path.price[place]), size, place + 1, self._taker_of(path, place)
        )
