"""Several markets as one: stocks, crypto pairs and option contracts, told apart by the form of their symbols."""

from __future__ import annotations

from collections.abc import Iterable

from the_alchemiser.exchange.market.crypto import SimulatedCrypto, canonical_pair
from the_alchemiser.exchange.market.options import OptionMarket
from the_alchemiser.exchange.market.paths import PathMarket
from the_alchemiser.exchange.market.prices import (
    Asset,
    Bar,
    Levels,
    Quote,
    Stretch,
    Tick,
    Trade,
    UnknownSymbol,
)
from the_alchemiser.exchange.market.script import MarketScript

# An option's symbol is its stock's and fifteen characters more.
OCC_TAIL = 15


class Board:
    """Stocks with their sessions and days, and beside them what else is traded. A Market.

    Option contracts are found by `asset`, but too many to stand in the list of assets.

    `BTCUSD` and other spellings of a pair find its asset; prices are asked by the asset's own symbol.
    """

    def __init__(
        self,
        stocks: PathMarket,
        crypto: SimulatedCrypto | None = None,
        options: OptionMarket | None = None,
    ) -> None:
        self.stocks = stocks
        self.crypto = crypto
        self.options = options
        self.sessions = stocks.sessions
        self.first_day = stocks.first_day
        self.last_day = stocks.last_day
        others = [part.fingerprint for part in (crypto, options) if part is not None]
        self.fingerprint = "+".join([stocks.fingerprint, *others])

    @property
    def script(self) -> MarketScript:
        return self.stocks.script

    @script.setter
    def script(self, script: MarketScript) -> None:
        self.stocks.script = script
        self.sessions = self.stocks.sessions
        if self.options is not None:  # its contracts expire with the sessions there are now
            self.options = OptionMarket(self.stocks, seed=self.options.seed)

    def _part(self, symbol: str) -> PathMarket:
        part: PathMarket | None = self.stocks
        if "/" in symbol:
            part = self.crypto
        elif len(symbol) > OCC_TAIL:
            part = self.options
        if part is None:
            raise UnknownSymbol(symbol)
        return part

    def assets(self) -> tuple[Asset, ...]:
        return self.stocks.assets() + (self.crypto.assets() if self.crypto is not None else ())

    def asset(self, symbol: str) -> Asset | None:
        found = self.stocks.asset(symbol)
        if found is not None:
            return found
        if len(symbol) > OCC_TAIL:
            return self.options.asset(symbol) if self.options is not None else None
        return self.crypto.asset(canonical_pair(symbol) or "") if self.crypto is not None else None

    def quote(self, symbol: str, at: int) -> Quote:
        return self._part(symbol).quote(symbol, at)

    def trade(self, symbol: str, at: int) -> Trade:
        return self._part(symbol).trade(symbol, at)

    def previous_close_e4(self, symbol: str, at: int) -> int:
        return self._part(symbol).previous_close_e4(symbol, at)

    def ticks(self, symbol: str, after: int, until: int) -> Iterable[Tick]:
        return self._part(symbol).ticks(symbol, after, until)

    def next_cross(self, symbol: str, after: int, until: int, levels: Levels) -> Tick | None:
        return self._part(symbol).next_cross(symbol, after, until, levels)

    def stretches(self, symbol: str, after: int, until: int) -> Iterable[Stretch]:
        return self._part(symbol).stretches(symbol, after, until)

    def trades(self, symbol: str, start: int, end: int, at: int) -> Iterable[Trade]:
        return self._part(symbol).trades(symbol, start, end, at)

    def quotes(self, symbol: str, start: int, end: int, at: int) -> Iterable[Quote]:
        return self._part(symbol).quotes(symbol, start, end, at)

    def bars(self, symbol: str, timeframe: str, start: int, end: int, at: int) -> list[Bar]:
        return self._part(symbol).bars(symbol, timeframe, start, end, at)
