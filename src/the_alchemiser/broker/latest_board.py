"""The newest of everything a data stream told, with its age. A slow reader misses what was overtaken, never the newest.

The stream writes here as fast as it can; whoever decides reads when it is time to. What has been overtaken is dropped,
bars excepted: each minute is a bar of its own, kept until it was taken.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from the_alchemiser.broker.market_messages import StockQuote, StockTrade, TradingStatus
from the_alchemiser.domain.market import Symbol

STALE_SECONDS = 5.0
"""A quote that came longer ago opens no position."""
BARS_MAX = 100_000
"""So many bars wait to be taken; then the oldest are dropped and counted, and must be requested."""
NEVER = float("inf")


class LatestBoard:
    """`take` is a handler of frames for a `StockStream`. Ages are in seconds since the arrival here."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or asyncio.get_running_loop().time
        self._newest: dict[type, dict[Symbol, Any]] = {StockQuote: {}, StockTrade: {}, TradingStatus: {}}
        self._quoted_at: dict[Symbol, float] = {}
        self._changed: dict[tuple[type, Symbol], Any] = {}
        self._bars: deque[Any] = deque()
        self._is_changed = asyncio.Event()
        self.conflated = 0
        """Messages that were overtaken before anybody took them."""
        self.unusable = 0
        """Quotes without two sides that are not crossed: they are no quotes."""
        self.bars_dropped = 0

    def take(self, messages: list[Any]) -> None:
        """The messages of one frame."""
        now = self._clock()
        changed = self._changed
        for message in messages:
            kind, symbol = type(message), message.symbol
            newest = self._newest.get(kind)
            if newest is None:
                self._bars.append(message)
                continue
            if kind is StockQuote:
                if not 0.0 < message.bid <= message.ask < NEVER:
                    self.unusable += 1  # the last good one stays, and ages
                    continue
                self._quoted_at[symbol] = now
            newest[symbol] = message
            self.conflated += (kind, symbol) in changed
            changed[kind, symbol] = message
        self._drop_bars()
        self._is_changed.set()

    def quote(self, symbol: Symbol) -> StockQuote | None:
        """The newest quote, however old; None where there never was one."""
        return self._newest[StockQuote].get(symbol)

    def trade(self, symbol: Symbol) -> StockTrade | None:
        """The newest trade, however old."""
        return self._newest[StockTrade].get(symbol)

    def status(self, symbol: Symbol) -> TradingStatus | None:
        """The newest halt or resumption."""
        return self._newest[TradingStatus].get(symbol)

    def age_seconds(self, symbol: Symbol) -> float:
        """How long ago its newest quote came; infinite where none did."""
        return self._clock() - self._quoted_at.get(symbol, -NEVER)

    def fresh(
        self, symbols: Iterable[Symbol], stale_seconds: float = STALE_SECONDS
    ) -> dict[Symbol, StockQuote]:
        """The quotes an opening decision may rest on: those that came within so long. Poll the others."""
        quotes = self._newest[StockQuote]
        return {symbol: quotes[symbol] for symbol in symbols if self.age_seconds(symbol) <= stale_seconds}

    async def changes(self) -> list[Any]:
        """Wait for news, then: the newest of each kind and symbol that changed since the last call, and all bars."""
        await self._is_changed.wait()
        self._is_changed.clear()
        changed, self._changed = self._changed, {}
        bars, self._bars = self._bars, deque()
        return [*changed.values(), *bars]

    def _drop_bars(self) -> None:
        while len(self._bars) > BARS_MAX:
            self._bars.popleft()
            self.bars_dropped += 1
