"""A market under the names its symbols have today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from the_alchemiser.exchange.market.prices import Bar, Quote, Trade
from the_alchemiser.exchange.streams.marketfeed import Tape


class RenamedTape:
    """A tape that is asked by today's names; `originals` are the names it knows where they differ."""

    def __init__(self, tape: Tape, originals: Mapping[str, str]) -> None:
        self.script = tape.script
        self._tape = tape
        self._originals = originals

    def trades(self, symbol: str, start: int, end: int, at: int) -> Iterable[Trade]:
        return self._tape.trades(self._originals.get(symbol, symbol), start, end, at)

    def quotes(self, symbol: str, start: int, end: int, at: int) -> Iterable[Quote]:
        return self._tape.quotes(self._originals.get(symbol, symbol), start, end, at)

    def bars(self, symbol: str, timeframe: str, start: int, end: int, at: int) -> list[Bar]:
        return self._tape.bars(self._originals.get(symbol, symbol), timeframe, start, end, at)
