"""Two stocks, a coin, and contracts on the stocks: the test tells what stocks cost, and that tells the rest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any

from the_alchemiser.exchange.market.board import Board
from the_alchemiser.exchange.market.combination import NET_SHIFT_E4, UNSELLABLE_E4, parts_of
from the_alchemiser.exchange.market.contracts import Contract, parse_contract
from the_alchemiser.exchange.market.prices import Asset, NoPrice, PushedMarket, Quote, asset_id
from the_alchemiser.exchange.market.script import MarketScript
from the_alchemiser.exchange.market.sessions import Session, xnys_sessions
from the_alchemiser.exchange.units import CENT_E4, PRICE

STOCKS = ("HAT", "SHOE")
COIN = Asset(id=asset_id("BTC/USD"), symbol="BTC/USD", name="coin", exchange="CRYPTO", asset_class="crypto")
EXPIRIES = ("220318", "220325")
STRIKES = {"HAT": (100, 150, 200, 220), "SHOE": (80, 90, 100, 240)}
CONTRACTS = tuple(
    f"{stock}{expiry}{kind}{strike * 1000:08d}"
    for stock in STOCKS
    for expiry in EXPIRIES
    for kind in "CP"
    for strike in STRIKES[stock]
)
LISTED = date(2022, 3, 14)
SHOWN = 60


class PushedBoard(PushedMarket, Board):  # type: ignore[misc]
    """A Board whose contracts cost what they are worth and a little more, the nearer their strike the more."""

    script: Any = MarketScript()

    def __init__(self) -> None:
        PushedMarket.__init__(self, STOCKS, xnys_sessions())
        self.options = self.chains = self  # type: ignore[assignment]
        self.stock_quote: Callable[[str], Quote | None] = lambda _: None

    def assets(self) -> tuple[Asset, ...]:
        return (*super().assets(), COIN)

    def asset(self, symbol: str) -> Asset | None:
        if symbol == COIN.symbol:
            return COIN
        return _contract_asset(symbol) if symbol in CONTRACTS else super().asset(symbol)

    def first_session(self, _: Contract) -> Session | None:
        return self.sessions.on(LISTED)

    def expires_at(self, contract: Contract) -> int:
        session = self.sessions.on(contract.expiry)
        assert session is not None
        return session.close

    def quote(self, symbol: str, *_: object, **__: object) -> Quote:
        parts = parts_of(symbol)
        if not parts:
            return self._quote_of(symbol)
        quotes = [(part.number, self._quote_of(part.symbol)) for part in parts]
        bid = sum(count * (one.bid_e4 if count > 0 else one.ask_e4) for count, one in quotes)
        ask = sum(count * (one.ask_e4 if count > 0 else one.bid_e4) for count, one in quotes)
        unsellable = any(count < 0 and not one.bid_e4 for count, one in quotes)
        shifted = UNSELLABLE_E4 if unsellable else ask + NET_SHIFT_E4
        return Quote(quotes[0][1].at, bid + NET_SHIFT_E4, shifted, 1, 1)

    def _quote_of(self, symbol: str) -> Quote:
        contract = parse_contract(symbol)
        stock = None if contract is None else self.stock_quote(contract.underlying)
        if contract is None or stock is None:
            raise NoPrice(symbol)
        distance = abs(stock.bid_e4 - contract.strike_e4)
        worth = contract.intrinsic_e4(stock.bid_e4) + max(0, 4 * PRICE - distance // 10)
        bid = worth // CENT_E4 * CENT_E4
        return Quote(stock.at, bid, bid + 5 * CENT_E4, SHOWN, SHOWN)


@cache
def _contract_asset(symbol: str) -> Asset:
    return Asset(
        id=asset_id(symbol),
        symbol=symbol,
        name=symbol,
        exchange="",
        fractionable=False,
        asset_class="us_option",
        multiplier=100,
    )
