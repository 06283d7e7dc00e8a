"""A desk at an exchange whose prices the test itself moves: for tests of the exchange core."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from the_alchemiser.exchange import units
from the_alchemiser.exchange.errors import Refusal
from the_alchemiser.exchange.market.prices import PushedMarket
from the_alchemiser.exchange.market.script import AnyEntry, MarketScript
from the_alchemiser.exchange.market.sessions import Session, xnys_sessions
from the_alchemiser.exchange.units import SECOND, price_e4
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.intake import parse_order_changes, parse_order_request
from the_alchemiser.exchange.venue.orders import Order
from the_alchemiser.exchange.venue.rules import VenueRules


def session_of(day: str) -> Session:
    session = xnys_sessions().on(date.fromisoformat(day))
    assert session is not None
    return session


class Desk:
    """An open market in HAT and SHOE, both at 10.00 bid, 10.02 asked, and 1,000 dollars to trade with."""

    def __init__(
        self,
        *,
        cash: str = "1000",
        seconds_from_open: int = 0,
        day: str = "2022-03-16",
        multiplier: int = 1,
        rules: VenueRules | None = None,
        script: Sequence[AnyEntry] = (),
    ) -> None:
        self.session = session_of(day)
        market = PushedMarket(("HAT", "SHOE"), xnys_sessions())
        market.script = MarketScript(script)
        start = self.session.open + seconds_from_open * SECOND
        self.exchange = Exchange(market, seed=1, cash=cash, start=start, multiplier=multiplier, rules=rules)
        for symbol in ("HAT", "SHOE"):
            self.quote("10.00", "10.02", symbol=symbol, after_seconds=0)

    def quote(self, bid: str, ask: str, *, symbol: str = "HAT", after_seconds: float = 1) -> None:
        at = self.exchange.now + int(after_seconds * SECOND)
        self.exchange.move(symbol, price_e4(bid), price_e4(ask), at)

    def buy(self, qty: str | None = "10", **fields: Any) -> Order:
        return self._send("buy", qty, fields)

    def sell(self, qty: str | None = "10", **fields: Any) -> Order:
        return self._send("sell", qty, fields)

    def _send(self, side: str, qty: str | None, fields: dict[str, Any]) -> Order:
        body = {"symbol": "HAT", "side": side, "qty": qty, "type": "market", "time_in_force": "day", **fields}
        if "type" not in fields and "limit_price" in fields:
            body["type"] = "limit"
        if "type" not in fields and "stop_price" in fields:
            body["type"] = "stop"
        return self.exchange.submit(parse_order_request(body))

    def bracket(self, profit: str = "11", loss: str = "9", **fields: Any) -> Order:
        exits: dict[str, Any] = {"take_profit": {"limit_price": profit}, "stop_loss": {"stop_price": loss}}
        return self.buy(order_class="bracket", **exits, **fields)

    def change(self, order: Order, **fields: Any) -> Order:
        return self.exchange.replace(order.id, parse_order_changes(fields))

    def refused(self, action: Any, *args: Any, **fields: Any) -> Refusal:
        """The refusal that `action` must meet, after which nothing may have changed."""
        before = self.totals(), len(self.exchange.orders()), self.exchange.update_count
        with pytest.raises(Refusal) as caught:
            action(*args, **fields)
        assert (self.totals(), len(self.exchange.orders()), self.exchange.update_count) == before
        return caught.value

    def now(self, order: Order) -> Order:
        return self.exchange.order(order.id)

    def status(self, order: Order) -> str:
        return self.now(order).status

    def news(self) -> list[tuple[str, str]]:
        """(event, kind of order) of the updates since the last look."""
        return [
            (update.event, update.order.leg_role or update.order.side)
            for update in self.exchange.take_updates()
        ]

    @property
    def cash(self) -> str:
        return units.format_money(self.exchange.account().cash_e13)

    @property
    def buying_power(self) -> str:
        return units.format_money(self.exchange.account().buying_power_e13)

    @property
    def equity(self) -> str:
        return units.format_money(self.exchange.account().equity_e13)

    def shares(self, symbol: str = "HAT") -> str:
        owned = {position.symbol: position.qty_e9 for position in self.exchange.positions()}
        return units.format_quantity(owned.get(symbol, 0))

    def free_shares(self, symbol: str = "HAT") -> str:
        return units.format_quantity(self.exchange.position(symbol).qty_available_e9)

    def totals(self) -> tuple[str, str, str]:
        return self.cash, self.buying_power, self.shares()

    def next_day(self, bid: str, ask: str) -> None:
        """The market opens again on the next session, at this quote."""
        following = self.exchange.market.sessions.next_open(self.exchange.now)
        assert following is not None
        self.exchange.move("HAT", price_e4(bid), price_e4(ask), following.open)

    def after_the_close(self) -> None:
        self.exchange.advance(self.session.close + SECOND)
