"""Whatever is asked for, wherever prices go, whatever becomes of the shares: two sets of books agree, and balance.

Accounts live through up to two hundred steps each, at least 20,000 in all; after every one the books are compared.
"""

from __future__ import annotations

import contextlib
from datetime import date

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from second_books import FINAL, Row, SecondBooks
from trading_desk import session_of

from the_alchemiser.exchange.errors import Refusal
from the_alchemiser.exchange.market.prices import Asset, PushedMarket, asset_id
from the_alchemiser.exchange.market.script import Dividend, MarketScript, Split
from the_alchemiser.exchange.market.sessions import xnys_sessions
from the_alchemiser.exchange.rest.account_rows import account_row, activity_row
from the_alchemiser.exchange.rows import order_row, position_row
from the_alchemiser.exchange.units import CENT_E4, MINUTE, format_price, price_e4
from the_alchemiser.exchange.venue.activities import TYPES, ActivityFilter
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.intake import parse_order_changes, parse_order_request
from the_alchemiser.exchange.venue.orders import Order, OrderFilter
from the_alchemiser.exchange.venue.rules import VenueRules

ACCOUNTS, STEPS, LEAST_STEPS = 120, 200, 20_000
FEES = frozenset({"CFEE"})
SYMBOLS = ("HAT", "SHOE")
COIN = Asset(id=asset_id("BTC/USD"), symbol="BTC/USD", name="coin", exchange="CRYPTO", asset_class="crypto")
FIRST_DAY, SPLIT_DAY, REVERSE_DAY, EX_DAY, PAY_DAY = (date(2022, 3, day) for day in (16, 17, 18, 21, 22))
# Splits keep the prices where maintenance is 30 %: above $16.67 a short share is never asked for $5.
LOWEST_E4, HIGHEST_E4 = price_e4("70"), price_e4("400")

stocks = st.sampled_from(SYMBOLS)
anything = st.sampled_from((*SYMBOLS, *SYMBOLS, COIN.symbol))
cents = st.integers(-20, 60)
whole = st.integers(1, 40).map(str)
sizes = st.one_of(whole, whole, st.integers(1, 9_999_999_999).map(lambda count: f"{count / 10**9:.9f}"))
kinds = st.sampled_from(("market", "market", "limit", "stop", "stop_limit"))
sides = st.sampled_from(("buy", "sell"))
lasting = st.sampled_from(("day", "gtc"))
which = st.integers(0, 40)


class StocksAndCoins(PushedMarket):
    """Two stocks, and a coin with its fee."""

    def asset(self, symbol: str) -> Asset | None:
        return COIN if symbol == COIN.symbol else super().asset(symbol)

    def assets(self) -> tuple[Asset, ...]:
        return (*super().assets(), COIN)


class AnyDays(RuleBasedStateMachine):
    """One account, and beside it the second books."""

    compared = 0

    @initialize(
        multiplier=st.sampled_from((1, 2, 4)),
        fills=st.sampled_from(("off", "random", "displayed")),
        pays=st.booleans(),
        ratio=st.sampled_from(((1, 2), (2, 3), (1, 3))),
        reverse=st.sampled_from(((3, 1), (5, 2), (7, 1))),
        side=sides,
    )
    def open_the_account(
        self,
        multiplier: int,
        fills: str,
        pays: bool,
        ratio: tuple[int, int],
        reverse: tuple[int, int],
        side: str,
    ) -> None:
        market = StocksAndCoins(SYMBOLS, xnys_sessions())
        market.script = MarketScript(
            (
                Split("HAT", SPLIT_DAY, *ratio),
                Split("SHOE", REVERSE_DAY, *reverse),
                Dividend("HAT", EX_DAY, EX_DAY, PAY_DAY, 25 * 10**11),
            )
        )
        cash = "4000" if multiplier == 1 else "30000"
        start = session_of(FIRST_DAY.isoformat()).open
        self.exchange = Exchange(market, seed=1, cash=cash, start=start, multiplier=multiplier)
        self.exchange.rules = VenueRules(partial_fills=fills, pay_dividends=pays)
        self.books = SecondBooks(cash, multiplier)
        self.last_activity: dict[frozenset[str], str] = {}
        self.open_ids: set[str] = set()
        for symbol, bid in (("HAT", "200.00"), ("SHOE", "90.00"), ("BTC/USD", "300.00")):
            self.exchange.move(symbol, price_e4(bid), price_e4(bid) + 2 * CENT_E4, start)
        for symbol in SYMBOLS:
            self._submit({"symbol": symbol, "side": side, "type": "market", "qty": "8"})

    # -- what is done -----------------------------------------------------------------------------

    @rule(symbol=anything, by=st.integers(-300, 300), spread=st.integers(0, 3), minutes=st.integers(1, 20))
    def prices_move(self, symbol: str, by: int, spread: int, minutes: int) -> None:
        exchange = self.exchange
        bid = min(HIGHEST_E4, max(LOWEST_E4, self._bid(symbol) + by * CENT_E4))
        at = exchange.now + minutes * MINUTE
        if not exchange.market.sessions.is_open(at) and symbol != COIN.symbol:
            following = exchange.market.sessions.next_open(exchange.now)
            assert following is not None
            at = following.open
        # The splits of the night come before the price of the morning.
        exchange.advance(at)
        exchange.move(symbol, bid, bid + spread * CENT_E4, at)

    @rule(symbol=anything, side=sides, kind=kinds, qty=sizes, near=cents, far=cents, tif=lasting)
    def an_order_comes(
        self, symbol: str, side: str, kind: str, qty: str, near: int, far: int, tif: str
    ) -> None:
        sign = 1 if side == "buy" else -1
        tif = "gtc" if symbol == COIN.symbol else tif
        body: Row = {"symbol": symbol, "side": side, "type": kind, "qty": qty, "time_in_force": tif}
        if "limit" in kind:
            body["limit_price"] = self._price(symbol, -sign * near)
        if "stop" in kind:
            body["stop_price"] = self._price(symbol, sign * far)
        self._submit(body)

    @rule(symbol=anything, side=sides, cents=st.integers(100, 300_000))
    def dollars_change_hands(self, symbol: str, side: str, cents: int) -> None:
        tif = "gtc" if symbol == COIN.symbol else "day"
        body = {"symbol": symbol, "side": side, "type": "market", "time_in_force": tif}
        self._submit({**body, "notional": f"{cents / 100:.2f}"})

    @rule(
        symbol=stocks, side=sides, qty=whole, near=cents, far=cents, group=st.sampled_from(("bracket", "oco"))
    )
    def a_group_comes(self, symbol: str, side: str, qty: str, near: int, far: int, group: str) -> None:
        up = 1 if (side == "buy") == (group == "bracket") else -1
        body: Row = {"symbol": symbol, "side": side, "qty": qty, "order_class": group, "time_in_force": "gtc"}
        body["type"] = "market" if group == "bracket" else "limit"
        body["take_profit"] = {"limit_price": self._price(symbol, up * (4 + near))}
        body["stop_loss"] = {"stop_price": self._price(symbol, -up * (4 + far))}
        self._submit(body)

    @rule(number=which, by=cents, qty=st.none() | whole)
    def an_order_is_replaced(self, number: int, by: int, qty: str | None) -> None:
        order = self._pick(number)
        if order is None:
            return
        sign = 1 if order.side == "buy" else -1
        changes: Row = {} if qty is None else {"qty": qty}
        if order.limit_price_e4 is not None:
            changes["limit_price"] = self._price(order.symbol, -sign * by)
        if order.stop_price_e4 is not None:
            changes["stop_price"] = self._price(order.symbol, sign * by)
        ask = self._ask(order.symbol)
        with contextlib.suppress(Refusal):
            self._accepted(self.exchange.replace(order.id, parse_order_changes(changes)), ask)

    @rule(number=which)
    def an_order_is_canceled(self, number: int) -> None:
        order = self._pick(number)
        if order is not None:
            with contextlib.suppress(Refusal):
                self.exchange.cancel(order.id)

    @rule(symbol=anything, percentage=st.sampled_from((None, None, "50", "33.3")))
    def a_position_is_closed(self, symbol: str, percentage: str | None) -> None:
        with contextlib.suppress(Refusal):
            self.exchange.close_position(symbol, percentage=percentage)

    @rule(chance=st.integers(0, 11))
    def everything_is_canceled(self, chance: int) -> None:
        """Seldom: a book that is emptied all the time shows little."""
        if chance < 3:
            self.exchange.cancel_all()
        if chance < 1:
            self.exchange.close_all()

    @rule()
    def the_night_passes(self) -> None:
        following = self.exchange.market.sessions.next_open(self.exchange.now)
        assert following is not None
        self.exchange.advance(following.open)

    # -- what must hold ---------------------------------------------------------------------------

    @invariant()
    def the_books_agree(self) -> None:
        if not hasattr(self, "exchange"):
            return
        self.exchange.take_updates()
        self._read_activities()
        orders = [order_row(order, nested=False) for order in self._open()]
        positions = [position_row(position) for position in self.exchange.positions()]
        AnyDays.compared += 1
        self.books.compare(account_row(self.exchange.account()), positions, orders)
        for order in orders:
            self.books.compare_order(order)
        now_open = {order["id"] for order in orders}
        for ended in self.open_ids - now_open:
            row = order_row(self.exchange.order(ended))
            assert row["status"] in FINAL
            self.books.compare_order(row)
        self.open_ids = now_open

    @invariant()
    def the_books_balance(self) -> None:
        if not hasattr(self, "exchange"):
            return
        account, open_orders = self.exchange.account(), self._open()
        assert account.held_cash_e13 == sum(order.held_cash_e13 for order in open_orders)
        assert all(order.held_cash_e13 >= 0 and order.held_qty_e9 >= 0 for order in open_orders)
        for position in self.exchange.positions():
            mine = [order for order in open_orders if order.symbol == position.symbol]
            held = sum(order.held_qty_e9 for order in mine)
            assert abs(position.qty_e9) - held == abs(position.qty_available_e9)

    def teardown(self) -> None:
        """In the end every fee has been told of."""
        if hasattr(self, "exchange"):
            self.the_night_passes()
            self._read_activities()
            assert self.books.told_in_kind == self.books.fees_in_kind
            assert self.books.told_in_money == self.books.fees_in_money

    # -- means ------------------------------------------------------------------------------------

    def _read_activities(self) -> None:
        """What is new in two lists: fees come up a day late, and so behind what has been read."""
        for listed in (FEES, TYPES - FEES):
            while True:
                token = self.last_activity.get(listed, "")
                wanted = ActivityFilter(types=listed, newest_first=False, page_token=token)
                rows = [activity_row(activity) for activity in self.exchange.activities(wanted)]
                for row in rows:
                    self.books.read(row)
                    self.last_activity[listed] = row["id"]
                if len(rows) < wanted.page_size:
                    break

    def _open(self) -> list[Order]:
        return self.exchange.orders(OrderFilter(limit=500))

    def _pick(self, number: int) -> Order | None:
        found = self._open()
        return found[number % len(found)] if found else None

    def _bid(self, symbol: str) -> int:
        quote = self.exchange.quote(symbol)
        assert quote is not None
        return quote.bid_e4 // CENT_E4 * CENT_E4

    def _ask(self, symbol: str) -> str:
        quote = self.exchange.quote(symbol)
        assert quote is not None
        return format_price(quote.ask_e4)

    def _price(self, symbol: str, cents: int) -> str:
        return format_price(self._bid(symbol) + cents * CENT_E4)

    def _submit(self, body: Row) -> None:
        ask = self._ask(body["symbol"])
        with contextlib.suppress(Refusal):
            request = parse_order_request({"time_in_force": "day", **body})
            self._accepted(self.exchange.submit(request), ask)

    def _accepted(self, order: Order, ask: str) -> None:
        self.books.asked(order_row(order, nested=False), ask)


@pytest.mark.slow
def test_two_sets_of_books_agree_after_each_of_twenty_thousand_steps() -> None:
    AnyDays.compared = 0
    # To find the shortest story of a failure takes minutes: add Phase.shrink when there is one.
    whole = settings(max_examples=ACCOUNTS, stateful_step_count=STEPS, deadline=None, phases=[Phase.generate])
    run_state_machine_as_test(AnyDays, settings=whole)
    assert AnyDays.compared >= LEAST_STEPS
