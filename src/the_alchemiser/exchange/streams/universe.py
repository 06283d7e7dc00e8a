"""Which symbols a feed knows, and which of them `*` stands for."""

from __future__ import annotations

from collections.abc import Iterator

from the_alchemiser.exchange.market.board import Board
from the_alchemiser.exchange.market.names import name_on
from the_alchemiser.exchange.market.options import OptionMarket
from the_alchemiser.exchange.market.prices import Market, NoPrice
from the_alchemiser.exchange.market.sessions import new_york_date
from the_alchemiser.exchange.streams.fakepaca import SYMBOL
from the_alchemiser.exchange.streams.feeds import CRYPTO, NEWS, OPTIONS, STOCKS, TEST
from the_alchemiser.exchange.streams.subscriptions import EVERYTHING

EXPIRY_DAYS_AHEAD = 21  # the nearest expiry is looked for so far
STRIKES_NEAR_THE_MONEY = 4


class Universe:
    """The symbols of each family of instruments, on the day it is.

    There are too many option contracts to tell all of them: `*` stands for those of the nearest expiry whose
    strikes lie next to the price, and any other is told by its name.
    """

    def __init__(self, market: Market, at: int) -> None:
        self._market = market
        self._at = at
        self._families: dict[str, frozenset[str]] = {}
        self.options = market.options if isinstance(market, Board) else None
        self.originals: dict[str, str] = {}
        """By their names of the day, the first names of stocks that are called otherwise now."""
        self._begin_day()

    def moves_to(self, at: int) -> bool:
        """Tells what time it is; whether a new day has begun, on which symbols may be others."""
        is_new_day = new_york_date(at) != new_york_date(self._at)
        self._at = at
        if is_new_day:
            self._begin_day()
        return is_new_day

    def _begin_day(self) -> None:
        today, script = new_york_date(self._at), self._market.script
        assets = self._market.assets()
        names = {
            name_on(script, one.symbol, today): one.symbol for one in assets if one.asset_class == STOCKS
        }
        self.originals = {name: first for name, first in names.items() if name != first}
        pairs = frozenset(one.symbol for one in assets if one.asset_class == CRYPTO)
        self._families = {
            TEST: frozenset({SYMBOL}),
            STOCKS: frozenset(names),
            CRYPTO: pairs,
            NEWS: frozenset(),
        }

    def all_of(self, family: str) -> frozenset[str]:
        """What `*` stands for."""
        if family not in self._families:
            self._families[family] = frozenset(_near_the_money(self.options, self._at))
        return self._families[family]

    def chosen(self, family: str, symbols: frozenset[str]) -> frozenset[str]:
        """The known ones of the symbols, `*` spelled out. News may be about anything."""
        if family == NEWS:
            return symbols
        if family == OPTIONS:
            named = {symbol for symbol in symbols if self._is_option(symbol)}
            return frozenset(named | self.all_of(family)) if EVERYTHING in symbols else frozenset(named)
        known = self.all_of(family)
        return known if EVERYTHING in symbols else symbols & known

    def _is_option(self, symbol: str) -> bool:
        return self.options is not None and self.options.asset(symbol) is not None


def _near_the_money(options: OptionMarket | None, at: int) -> Iterator[str]:
    if options is None:
        return
    today = new_york_date(at)
    horizon = today.fromordinal(today.toordinal() + EXPIRY_DAYS_AHEAD)
    expiry = next(options.chains.expiries(today, horizon, at), None)
    for underlying in options.chains.underlyings if expiry is not None else ():
        try:
            spot = options.stocks.quote(underlying, at).bid_e4
        except NoPrice:
            continue
        contracts = options.chains.contracts(underlying, expiry, at) if expiry is not None else ()
        by_distance = sorted(contracts, key=lambda contract: abs(contract.strike_e4 - spot))
        yield from (contract.symbol for contract in by_distance[: 2 * STRIKES_NEAR_THE_MONEY])
