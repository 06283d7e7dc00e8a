"""A simulated market of options on the stocks: every quote computed from the stock's, no contract stored.

A contract's path of a session is the stock's path through the pricing model (`pricing`), tick by tick. A few of its
ticks, more of them near the money, are trades, drawn from (seed, symbol, date).
"""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from the_alchemiser.exchange.market import pricing
from the_alchemiser.exchange.market.barring import Ints, Path, Span
from the_alchemiser.exchange.market.bridge import random_bits, tick_steps
from the_alchemiser.exchange.market.combination import (
    NET_SHIFT_E4,
    UNSELLABLE_E4,
    Part,
    parts_of,
)
from the_alchemiser.exchange.market.contracts import MULTIPLIER, Chains, Contract, parse_contract
from the_alchemiser.exchange.market.days import volatility_before
from the_alchemiser.exchange.market.paths import PathMarket
from the_alchemiser.exchange.market.prices import (
    Asset,
    NoPrice,
    Quote,
    Trade,
    UnknownSymbol,
    asset_id,
    trade_price_e4,
)
from the_alchemiser.exchange.market.sessions import Session
from the_alchemiser.exchange.market.sparse import SESSIONS_SEARCHED_LIMIT, SparseMarket
from the_alchemiser.exchange.units import PRICE

PATH_CACHE_SIZE = 64
SPANS_CACHED = 4096
VOLATILITIES_CACHED = 8192
ASSETS_CACHED = 16_384
DAYS_OF_VOLATILITY = 21
SOURCE = "simulated: Black-Scholes over a stated volatility surface, from the stock's quotes"


class Valued(NamedTuple):
    """Contracts at one instant: quotes (1e-4 dollars), volatility and sensitivities, an array element for each."""

    bid: Ints
    ask: Ints
    volatility: pricing.Floats
    greeks: pricing.Greeks


class OptionMarket(SparseMarket):
    """Chains on every tradable stock of `stocks`."""

    path_cache_size = PATH_CACHE_SIZE

    def __init__(self, stocks: PathMarket, *, seed: int = 7) -> None:
        self.stocks = stocks
        self.chains = Chains(stocks)
        self.seed = seed
        covered = {symbol: stocks.covered(symbol) for symbol in self.chains.underlyings}
        super().__init__(stocks.sessions, (), covered, "simulated-options/1")
        self._summed: OrderedDict[tuple[str, int], Span | None] = OrderedDict()
        self._volatility = lru_cache(maxsize=VOLATILITIES_CACHED)(self._volatility_before)
        self._asset = lru_cache(maxsize=ASSETS_CACHED)(self._listed_asset)

    def contract(self, symbol: str) -> Contract:
        """The contract of a symbol that was or will be listed. Raises UnknownSymbol."""
        contract = parse_contract(symbol)
        if contract is None or self.asset(symbol) is None:
            raise UnknownSymbol(symbol)
        return contract

    def asset(self, symbol: str) -> Asset | None:
        return self._asset(symbol)

    def _listed_asset(self, symbol: str) -> Asset | None:
        contract = parse_contract(symbol)
        try:
            self.covered(symbol)
        except UnknownSymbol:
            return None
        if contract is None:
            return None
        return Asset(
            id=asset_id(symbol),
            symbol=symbol,
            name=contract.name,
            exchange="",
            fractionable=False,
            asset_class="us_option",
            multiplier=MULTIPLIER,
            source=SOURCE,
        )

    def expires_at(self, contract: Contract) -> int:
        """The close of its expiry day."""
        session = self.sessions.on(contract.expiry)
        if session is None:
            raise UnknownSymbol(contract.symbol)
        return session.close

    def covered(self, symbol: str) -> range:
        """The sessions from the contract's listing to its expiry, as far as its stock has prices."""
        parts = parts_of(symbol)
        if parts:
            ranges = [self.covered(part.symbol) for part in parts]
            return range(max(one.start for one in ranges), min(one.stop for one in ranges))
        contract = parse_contract(symbol)
        first = self.chains.first_session(contract) if contract is not None else None
        last = self.sessions.on(contract.expiry) if contract is not None else None
        if contract is None or first is None or last is None:
            raise UnknownSymbol(symbol)
        stock = self.stocks.covered(contract.underlying)
        days = range(max(first.index, stock[0]), min(last.index, stock[-1]) + 1)
        if not days:
            raise UnknownSymbol(symbol)
        return days

    def value(self, underlying: str, contracts: list[Contract], at: int) -> Valued:
        """Contracts on one stock as of its latest quote in a regular session by `at`. Raises NoPrice."""
        terms = self._terms_at(underlying, contracts, self._stock_quote(underlying, at))
        bid, ask = pricing.quotes_around(pricing.values(terms))
        return Valued(bid, ask, pricing.implied_volatility(terms), pricing.greeks(terms))

    def _terms_at(self, underlying: str, contracts: list[Contract], stock: Quote) -> pricing.Terms:
        session = self.sessions.begun(stock.at)
        if session is None:
            raise NoPrice(underlying)
        return self._terms(
            contracts,
            np.array([trade_price_e4(stock.bid_e4, stock.ask_e4)]),
            np.array([stock.at]),
            self._volatility(underlying, session.index),
        )

    def quote(self, symbol: str, at: int) -> Quote:
        """The quote of a contract, or the shifted one of a combination (`combination`)."""
        parts = parts_of(symbol)
        if parts:
            return self._net_quote(parts, at)
        contract = self.contract(symbol)
        covered = self.covered(symbol)
        begun = self.sessions.begun(at)
        # Nothing is covered of a contract that is listed after its stock's last price.
        if begun is None or not covered or begun.index < covered[0]:
            raise NoPrice(symbol)
        at = min(at, self.sessions.all[covered[-1]].close)
        stock = self._stock_quote(contract.underlying, at)
        value = pricing.values(self._terms_at(contract.underlying, [contract], stock))
        bid, ask = pricing.quotes_around(value)
        return self._sized(symbol, stock.at, int(bid[0]), int(ask[0]))

    def _stock_quote(self, underlying: str, at: int) -> Quote:
        """Options trade in the regular session alone: what a stock does around it is none of their business."""
        session = self.sessions.begun(at)
        return self.stocks.quote(underlying, min(at, session.close - 1) if session else at)

    def _net_quote(self, parts: list[Part], at: int) -> Quote:
        quotes = [(part.number, self.quote(part.symbol, at)) for part in parts]
        bid = sum(count * (one.bid_e4 if count > 0 else one.ask_e4) for count, one in quotes)
        ask = sum(count * (one.ask_e4 if count > 0 else one.bid_e4) for count, one in quotes)
        ask = (
            UNSELLABLE_E4
            if any(count < 0 and not one.bid_e4 for count, one in quotes)
            else ask + NET_SHIFT_E4
        )
        return Quote(max(one.at for _, one in quotes), bid + NET_SHIFT_E4, ask, 1, 1)

    def trade(self, symbol: str, at: int) -> Trade:
        """The latest print by `at`; looks up the draws of a day before it computes any price."""
        contract, covered = self.contract(symbol), self.covered(symbol)
        begun = self.sessions.begun(at)
        if not covered:
            raise NoPrice(symbol)
        last = min(begun.index, covered[-1]) if begun else -1
        for index in range(last, max(covered[0], last - SESSIONS_SEARCHED_LIMIT) - 1, -1):
            stock = self.stocks.path(contract.underlying, index)
            count = int(stock.at.searchsorted(at, "right"))
            size = self._sizes(contract, self.sessions.all[index], stock)[:count]
            traded = np.flatnonzero(size)
            if len(traded):
                place = int(traded[-1])
                moment = int(stock.at[place])
                valued = self.value(contract.underlying, [contract], moment)
                price = trade_price_e4(int(valued.bid[0]), int(valued.ask[0]))
                return Trade(moment, price, int(size[place]), place + 1)
        raise NoPrice(symbol)

    def _terms(self, contracts: list[Contract], spot: Ints, at: Ints, volatility: float) -> pricing.Terms:
        ends = np.array([self.expires_at(contract) for contract in contracts])
        years = (ends - at) / pricing.YEAR
        return pricing.Terms(
            np.maximum(spot, 1) / PRICE,
            np.array([contract.strike_e4 for contract in contracts]) / PRICE,
            years,
            pricing.at_the_money(volatility, np.maximum(years, 0)),
            np.array([contract.is_call for contract in contracts]),
        )

    def _volatility_before(self, underlying: str, index: int) -> float:
        """The realised daily volatility before a session, from the closes that came before it."""
        covered = self.stocks.covered(underlying)
        days = self.sessions.all[max(covered[0] + 1, index - DAYS_OF_VOLATILITY + 1) : index + 1]
        closes = [self.stocks.previous_close_e4(underlying, session.open) for session in days]
        return volatility_before(np.array(closes, dtype=np.int64), len(closes))

    def _path_of(self, symbol: str, session: Session) -> Path:
        parts = parts_of(symbol)
        if parts:
            return self._net_path(parts, session)
        contract = self.contract(symbol)
        stock = self.stocks.path(contract.underlying, session.index)
        if not len(stock.at):
            return stock
        terms = self._terms(
            [contract], stock.price, stock.at, self._volatility(contract.underlying, session.index)
        )
        bid, ask = pricing.quotes_around(pricing.values(terms))
        middle = np.maximum((bid + ask) // 2, 1)
        step = tick_steps(middle)
        return Path(stock.at, middle // step * step, bid, ask, self._sizes(contract, session, stock))

    def _net_path(self, parts: list[Part], session: Session) -> Path:
        paths = [(part.number, self.path(part.symbol, session.index)) for part in parts]
        first = paths[0][1]
        bid, ask = np.full_like(first.at, NET_SHIFT_E4), np.full_like(first.at, NET_SHIFT_E4)
        for count, path in paths:
            bid += count * (path.bid if count > 0 else path.ask)
            ask += count * (path.ask if count > 0 else path.bid)
        for count, path in paths:
            if count < 0:
                ask[path.bid == 0] = UNSELLABLE_E4
        return Path(first.at, (bid + ask) // 2, bid, ask, np.zeros_like(first.at))

    def _sizes(self, contract: Contract, session: Session, stock: Path) -> Ints:
        """Contracts traded at each tick; at most one tick in twenty trades, far from the money hardly any."""
        if not len(stock.at):
            return stock.size
        distance = (contract.strike_e4 - int(stock.price[0])) / int(stock.price[0])
        ticks_of_256 = int(12 / (1 + 400 * distance * distance))
        if not ticks_of_256:
            return np.zeros(len(stock.at), dtype=np.int64)
        octets = random_bits(len(stock.at), self.seed, contract.symbol, session.date).view(np.uint8)
        traded = octets[0::8] < ticks_of_256
        contracts = 1 + octets[1::8].astype(np.int64) ** 2 // 4000
        return np.where(traded, contracts, 0)

    def _drawn(self, path: Path) -> Path:
        """Bars of options are drawn from trades: where nothing was traded there is none."""
        traded = path.size > 0
        return Path(*(column[traded] for column in path))

    def _quote_of(self, symbol: str, path: Path, place: int) -> Quote:
        return self._sized(symbol, int(path.at[place]), int(path.bid[place]), int(path.ask[place]))

    def _sized(self, symbol: str, at: int, bid_e4: int, ask_e4: int) -> Quote:
        noise = blake2b(f"{self.seed}|{symbol}|{at}".encode(), digest_size=2).digest()
        return Quote(at, bid_e4, ask_e4, (1 + noise[0] % 60) if bid_e4 else 0, 1 + noise[1] % 60)

    def _span(self, symbol: str, index: int) -> Span | None:
        key = (symbol, index)
        if key not in self._summed:
            self._summed[key] = self._sum_up(symbol, self.sessions.all[index])
            if len(self._summed) > SPANS_CACHED:
                self._summed.popitem(last=False)
        return self._summed[key]

    def _close_of(self, symbol: str, index: int) -> int | None:
        close = self.sessions.all[index].close
        quote = self.quote(symbol, close)
        return trade_price_e4(quote.bid_e4, quote.ask_e4)
