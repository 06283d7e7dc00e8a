"""Whatever is asked for and wherever prices go: the books balance to the last unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trading_desk import Desk

from the_alchemiser.exchange.errors import Refusal
from the_alchemiser.exchange.units import CENT_E4, MINUTE, QUANTITY
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.orders import (
    BUY,
    TERMINAL_STATUSES,
    TRANSITIONS,
    Order,
    OrderChanges,
    OrderFilter,
    OrderRequest,
    Update,
)
from the_alchemiser.exchange.venue.rules import VenueRules

SYMBOLS = ("HAT", "SHOE")
CASH_E13 = 1000 * 10**13


# Prices are drawn as distances from the market, in cents, so that most orders are sensible ones.
away = st.integers(-3, 120)
quantities = st.one_of(
    st.integers(1, 30).map(lambda count: count * QUANTITY), st.integers(1, 5 * QUANTITY), st.just(0)
)
wishes = st.fixed_dictionaries(
    {
        "symbol": st.sampled_from((*SYMBOLS, *SYMBOLS, "SOCK")),
        "side": st.sampled_from(("buy", "sell")),
        "type": st.sampled_from(("market", "limit", "stop", "stop_limit", "trailing_stop")),
        "time_in_force": st.sampled_from(("day", "day", "gtc", "gtc", "ioc", "fok", "opg", "cls")),
        "extended_hours": st.sampled_from((False, False, False, True)),
        "qty_e9": quantities,
        "near": away,
        "far": away,
    }
)
exits = st.fixed_dictionaries(
    {
        "symbol": st.sampled_from(SYMBOLS),
        "order_class": st.sampled_from(("bracket", "bracket", "oco", "oto")),
        "type": st.sampled_from(("market", "limit", "stop")),
        "time_in_force": st.sampled_from(("day", "gtc")),
        "qty_e9": st.integers(1, 30).map(lambda count: count * QUANTITY),
        "near": away,
        "far": away,
        "limited": st.booleans(),
    }
)
dollars = st.builds(
    OrderRequest,
    symbol=st.sampled_from(SYMBOLS),
    side=st.sampled_from(("buy", "buy", "sell")),
    notional_e13=st.integers(100, 50_000).map(lambda count: count * 10**11),
)
which = st.integers(0, 50)
arguments = {
    "move": st.tuples(st.sampled_from(SYMBOLS), st.integers(-80, 80), st.integers(0, 3)),
    "submit": st.tuples(wishes),
    "protect": st.tuples(exits),
    "spend": st.tuples(dollars),
    "replace": st.tuples(which, away, st.none() | quantities),
    "cancel": st.tuples(which),
    "close": st.tuples(st.sampled_from(SYMBOLS)),
    "wait": st.tuples(st.sampled_from((1, 60, 600))),
    "cancel_all": st.tuples(),
}
often = (
    ("move",) * 8
    + ("submit",) * 4
    + ("protect",) * 3
    + ("replace",) * 3
    + ("cancel", "close", "wait", "spend")
)
steps = st.sampled_from((*often, *often, "cancel_all")).flatmap(
    lambda kind: arguments[kind].map(lambda given_to: (kind, *given_to))
)


class Auditor:
    """Does one step after another, and after each compares the books with its own, kept from updates alone."""

    def __init__(self, rules: VenueRules) -> None:
        self.desk = Desk(rules=rules)
        self.exchange: Exchange = self.desk.exchange
        self.cash = CASH_E13
        self.shares = dict.fromkeys(SYMBOLS, 0)
        self.last_status: dict[str, str] = {}
        self.ended: dict[str, tuple[str, int]] = {}

    def take(self, step: tuple[Any, ...]) -> None:
        action: Callable[..., object] = getattr(self, "_" + step[0])
        before = self._totals()
        try:
            action(*step[1:])
        except Refusal:
            assert self._totals() == before
        for update in self.exchange.take_updates():
            self._hear(update)
        self._compare()

    def _totals(self) -> tuple[object, ...]:
        account = self.exchange.account()
        return account.cash_e13, account.held_cash_e13, self.exchange.update_count, len(self._all_orders())

    def _all_orders(self) -> list[Order]:
        return self.exchange.orders(OrderFilter(status="all", limit=500, direction="asc"))

    def _price(self, symbol: str, cents: int) -> int:
        quote = self.exchange.quote(symbol)
        return (quote.bid_e4 if quote else 100_000) // CENT_E4 * CENT_E4 + cents * CENT_E4

    def _submit(self, wish: dict[str, Any]) -> None:
        """A limit order behind the market, a stop beyond it; sometimes on the wrong side by a cent or three."""
        near, far = wish["near"], wish["far"]
        below = wish["side"] == BUY
        symbol, kind = wish["symbol"], wish["type"]
        names = ("symbol", "side", "type", "time_in_force", "qty_e9", "extended_hours")
        request = OrderRequest(**{name: wish[name] for name in names})
        if kind == "trailing_stop":
            request.trail_price_e4 = max(1, far) * CENT_E4
        if kind in ("limit", "stop_limit"):
            request.limit_price_e4 = self._price(symbol, -near if below else near)
        if kind in ("stop", "stop_limit"):
            request.stop_price_e4 = self._price(symbol, far if below else -far)
        self.exchange.submit(request)

    def _protect(self, wish: dict[str, Any]) -> None:
        symbol, kind, near, far = wish["symbol"], wish["order_class"], wish["near"], wish["far"]
        fields = {name: wish[name] for name in ("symbol", "type", "time_in_force", "qty_e9", "order_class")}
        request = OrderRequest(side=BUY, **fields)
        if kind == "oco":
            request.type, request.side = "limit", "sell"
        elif request.type == "limit":
            request.limit_price_e4 = self._price(symbol, 3)
        elif request.type == "stop":
            request.stop_price_e4 = self._price(symbol, 5)
        if kind != "oto":
            request.take_profit_limit_e4 = self._price(symbol, 4 + near)
        request.stop_loss_stop_e4 = self._price(symbol, -4 - far)
        if wish["limited"]:
            request.stop_loss_limit_e4 = self._price(symbol, -8 - far)
        self.exchange.submit(request)

    def _spend(self, request: OrderRequest) -> None:
        self.exchange.submit(request)

    def _pick(self, number: int) -> str:
        """An open order mostly, any order sometimes."""
        orders = self._all_orders()
        still_open = [order for order in orders if order.is_open]
        among = orders if number % 10 == 0 or not still_open else still_open
        return among[number % len(among)].id if among else "none"

    def _replace(self, number: int, cents: int, qty_e9: int | None) -> None:
        order = self.exchange.order(self._pick(number))
        changes = OrderChanges(qty_e9=qty_e9)
        if order.limit_price_e4 is not None:
            changes.limit_price_e4 = self._price(order.symbol, -cents if order.side == BUY else cents)
        if order.trail_price_e4 is not None:
            changes.trail_e4 = max(1, cents) * CENT_E4
        elif order.stop_price_e4 is not None:
            changes.stop_price_e4 = self._price(order.symbol, cents if order.side == BUY else -cents)
        self.exchange.replace(order.id, changes)

    def _cancel(self, number: int) -> None:
        self.exchange.cancel(self._pick(number))

    def _cancel_all(self) -> None:
        self.exchange.cancel_all()
        if not self.exchange.rules.cancel_delay:
            assert self.exchange.account().held_cash_e13 == 0

    def _close(self, symbol: str) -> None:
        self.exchange.close_position(symbol)

    def _move(self, symbol: str, cents: int, spread: int) -> None:
        """A minute later, or at the next opening, the market stands some cents away."""
        exchange = self.exchange
        price = max(100 * CENT_E4, self._price(symbol, cents))
        following = exchange.market.sessions.next_open(exchange.now)
        assert following is not None
        is_open = exchange.market.sessions.is_open(exchange.now)
        at = exchange.now + MINUTE if is_open else following.open
        exchange.move(symbol, price, price + spread * CENT_E4, at)

    def _wait(self, minutes: int) -> None:
        self.exchange.advance(self.exchange.now + minutes * MINUTE)

    def _hear(self, update: Update) -> None:
        order = update.order
        known = self.last_status.get(order.id)
        if known is not None and known != order.status:
            assert order.status in TRANSITIONS[known], (known, order.status)
        assert known not in TERMINAL_STATUSES or known == order.status
        self.last_status[order.id] = order.status
        if update.qty_e9 is None or update.price_e4 is None:
            return
        sign = 1 if order.side == BUY else -1
        self.shares[order.symbol] += sign * update.qty_e9
        self.cash -= sign * update.qty_e9 * update.price_e4
        assert update.position_qty_e9 == self.shares[order.symbol]
        if order.limit_price_e4 is not None:
            assert sign * update.price_e4 <= sign * order.limit_price_e4

    def _compare(self) -> None:
        account = self.exchange.account()
        positions = {position.symbol: position for position in self.exchange.positions()}
        assert account.cash_e13 == self.cash
        assert {symbol: self.shares[symbol] for symbol in positions} == {
            symbol: position.qty_e9 for symbol, position in positions.items()
        }
        assert all(self.shares[symbol] == 0 for symbol in SYMBOLS if symbol not in positions)
        value = sum(position.qty_e9 * position.current_price_e4 for position in positions.values())
        assert account.equity_e13 == self.cash + value
        self._compare_orders()

    def _compare_orders(self) -> None:
        orders = self._all_orders()
        open_orders = [order for order in orders if order.is_open]
        held_cash = sum(order.held_cash_e13 for order in open_orders)
        assert self.exchange.account().held_cash_e13 == held_cash >= 0
        for position in self.exchange.positions():
            held = sum(order.held_qty_e9 for order in open_orders if order.symbol == position.symbol)
            assert position.qty_available_e9 == position.qty_e9 - held >= 0
        for order in orders:
            self._compare_order(order)

    def _compare_order(self, order: Order) -> None:
        if order.qty_e9 is not None:
            assert 0 <= order.filled_qty_e9 <= order.qty_e9
        assert order.held_cash_e13 >= 0
        assert order.held_qty_e9 >= 0
        if order.side == BUY and order.status == "new" and order.qty_e9 is not None:
            assert order.held_cash_e13 > 0
        if not order.is_open:
            assert (order.held_cash_e13, order.held_qty_e9) == (0, 0)
            end = (order.status, order.filled_qty_e9)
            assert self.ended.setdefault(order.id, end) == end


RULES = (
    VenueRules(),
    VenueRules(),
    VenueRules(partial_fills="random"),
    VenueRules(partial_fills="displayed"),
    VenueRules(partial_fills="random", cancel_delay=MINUTE, replace_delay=2 * MINUTE),
)


STEPS = 20_000
LIVES = 440  # of some fifty steps each


@pytest.mark.slow
@pytest.mark.timeout(600)  # a failure is made small first, which may take five minutes
def test_the_books_balance_after_every_one_of_twenty_thousand_steps() -> None:
    taken = 0

    @settings(max_examples=LIVES, deadline=None)
    @given(st.sampled_from(RULES), st.lists(steps, min_size=30, max_size=90))
    def live(rules: VenueRules, script: list[tuple[Any, ...]]) -> None:
        nonlocal taken
        auditor = Auditor(rules)
        for step in script:
            auditor.take(step)
        taken += len(script)

    live()
    assert taken >= STEPS
