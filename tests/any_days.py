"""A life of any days: whatever is asked for, wherever prices go, and beside it the second books."""

from __future__ import annotations

import contextlib
from datetime import date
from itertools import accumulate
from random import Random
from typing import Any

from pushed_board import COIN, CONTRACTS, STOCKS, PushedBoard
from second_books import Row, SecondBooks

from the_alchemiser.exchange.errors import Refusal
from the_alchemiser.exchange.market.contracts import parse_contract
from the_alchemiser.exchange.market.prices import Quote
from the_alchemiser.exchange.market.script import Dividend, Halt, MarketScript, Split
from the_alchemiser.exchange.market.sessions import Session, new_york_date, xnys_sessions
from the_alchemiser.exchange.rest.account_rows import account_row, activity_row
from the_alchemiser.exchange.rows import order_row, position_row
from the_alchemiser.exchange.units import CENT_E4, CENT_E13, HOUR, MINUTE, format_price, price_e4
from the_alchemiser.exchange.venue.activities import TYPES, ActivityFilter
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.intake import parse_order_changes, parse_order_request
from the_alchemiser.exchange.venue.orders import Order, OrderFilter
from the_alchemiser.exchange.venue.rules import VenueRules
from the_alchemiser.exchange.venue.setbacks import Blow, Setback

# What comes up when its day is over, and so behind what has been read.
LATE = frozenset({"CFEE", "OPASN", "OPEXC", "OPEXP", "OPTRD"})
# Sorted by the beginning of its day, and so behind the executions of the day.
PAID = frozenset({"CSD", "CSW"})
# "MISC" and "TRANS" would bring them again.
PROMPT = TYPES - LATE - PAID - {"MISC", "TRANS"}
FIRST_DAY, SPLIT_DAY, REVERSE_DAY, EX_DAY, PAY_DAY = (date(2022, 3, day) for day in (16, 17, 18, 21, 22))
# Splits keep the prices where maintenance is 30 %: above $16.67 a short share is never asked for $5.
LOWEST_E4, HIGHEST_E4 = price_e4("70"), price_e4("400")
ANYTHING = (*STOCKS, *STOCKS, COIN.symbol)
RATIOS, REVERSE = ((1, 2), (2, 3), (1, 3)), ((3, 1), (5, 2), (7, 1))
KINDS = ("market", "market", "limit", "stop", "stop_limit")


class AnyDays:
    """One account. Everything follows from the seed."""

    def __init__(self, seed: int) -> None:
        self.dice = dice = Random(seed)
        self.market = PushedBoard()
        self.market.script = MarketScript(
            (
                Split("HAT", SPLIT_DAY, *dice.choice(RATIOS)),
                Split("SHOE", REVERSE_DAY, *dice.choice(REVERSE)),
                Dividend("HAT", EX_DAY, EX_DAY, PAY_DAY, 25 * 10**11),
            )
        )
        multiplier = dice.choice((1, 2, 4))
        cash = "4000" if multiplier == 1 else dice.choice(("30000", "90000"))
        start = _session(FIRST_DAY).open
        self.exchange = Exchange(self.market, seed=1, cash=cash, start=start, multiplier=multiplier)
        self.market.stock_quote = self.exchange.quote
        self.exchange.rules = VenueRules(
            partial_fills=dice.choice(("off", "random", "displayed")),
            pay_dividends=dice.random() < 0.5,
            replace_delay=dice.choice((0, 0, 7 * MINUTE)),
            cancel_delay=dice.choice((0, 0, 5 * MINUTE)),
        )
        self.books = SecondBooks(multiplier)
        self.last_activity: dict[frozenset[str], str] = {}
        self.open_ids: set[str] = set()
        self.story: list[str] = []
        for symbol, bid in (("HAT", "200.00"), ("SHOE", "90.00"), ("BTC/USD", "300.00")):
            self.exchange.move(symbol, price_e4(bid), price_e4(bid) + 2 * CENT_E4, start)
        self.check()
        side = dice.choice(("buy", "sell"))
        for symbol in STOCKS:
            with contextlib.suppress(Refusal):
                qty = dice.choice(("8", "100"))
                self._submit({"symbol": symbol, "side": side, "type": "market", "qty": qty})
            self.check()

    def step(self) -> None:
        """One thing happens, and the books are compared."""
        act = self.dice.choices(ACTS, cum_weights=_WEIGHTS)[0]
        self.story.append(act.__name__)
        with contextlib.suppress(Refusal):
            act(self)
        self.check()

    # -- time and prices --------------------------------------------------------------------------

    def prices_move(self) -> None:
        symbol, dice = self.dice.choice(ANYTHING), self.dice
        bid = min(HIGHEST_E4, max(LOWEST_E4, self._bid(symbol) + dice.randint(-300, 300) * CENT_E4))
        at = self.exchange.now + dice.randint(1, 20) * MINUTE
        if not self.market.sessions.is_open(at) and symbol != COIN.symbol:
            at = self._next_open()
        self._move(symbol, bid, bid + dice.randint(0, 3) * CENT_E4, at)

    def a_price_leaps(self) -> None:
        symbol = self.dice.choice(STOCKS)
        bid = self.dice.randint(LOWEST_E4 // CENT_E4, HIGHEST_E4 // CENT_E4) * CENT_E4
        at = self.exchange.now + MINUTE
        self._move(
            symbol, bid, bid + 2 * CENT_E4, at if self.market.sessions.is_open(at) else self._next_open()
        )

    def the_evening_comes(self) -> None:
        """A price outside the session: early in the morning, or late."""
        closing = self.market.sessions.next_close(self.exchange.now)
        assert closing is not None
        pause = self.dice.choice((HOUR, 3 * HOUR))
        at = closing.close + pause if self.exchange.now < closing.open else self._next_open() - pause
        symbol = self.dice.choice(STOCKS)
        bid = self._bid(symbol) + self.dice.randint(-200, 200) * CENT_E4
        bid = min(HIGHEST_E4, max(LOWEST_E4, bid))
        if at > self.exchange.now:
            self._move(symbol, bid, bid + 2 * CENT_E4, at)

    def the_night_passes(self) -> None:
        self.exchange.advance(self._next_open())

    def a_stock_is_halted(self) -> None:
        now = self.exchange.now
        halt = Halt(self.dice.choice(STOCKS), now, now + self.dice.randint(1, 60) * MINUTE, "T1")
        self.market.script = MarketScript((*self.market.script.entries, halt))
        self.exchange.halt(halt)

    # -- orders -----------------------------------------------------------------------------------

    def an_order_comes(self) -> None:
        dice = self.dice
        symbol, side, kind = dice.choice(ANYTHING), self._side(), dice.choice(KINDS)
        sign = 1 if side == "buy" else -1
        tif = "gtc" if symbol == COIN.symbol else dice.choice(("day", "gtc"))
        body: Row = {"symbol": symbol, "side": side, "type": kind, "qty": self._size(), "time_in_force": tif}
        if "limit" in kind:
            body["limit_price"] = self._price(symbol, -sign * self._cents())
        if "stop" in kind:
            body["stop_price"] = self._price(symbol, sign * self._cents())
        if kind == "limit" and symbol != COIN.symbol:
            body["extended_hours"] = dice.random() < 0.5
        self._submit(body)

    def dollars_change_hands(self) -> None:
        symbol = self.dice.choice(ANYTHING)
        body = {"symbol": symbol, "side": self._side(), "type": "market"}
        body["time_in_force"] = "gtc" if symbol == COIN.symbol else "day"
        self._submit({**body, "notional": f"{self.dice.randint(100, 300_000) / 100:.2f}"})

    def a_group_comes(self) -> None:
        symbol, side, group = self.dice.choice(STOCKS), self._side(), self.dice.choice(("bracket", "oco"))
        up = 1 if (side == "buy") == (group == "bracket") else -1
        body: Row = {"symbol": symbol, "side": side, "order_class": group, "time_in_force": "gtc"}
        body["qty"] = str(self.dice.randint(1, 40))
        body["type"] = "market" if group == "bracket" else "limit"
        body["take_profit"] = {"limit_price": self._price(symbol, up * (4 + self._cents()))}
        body["stop_loss"] = {"stop_price": self._price(symbol, -up * (4 + self._cents()))}
        self._submit(body)

    def an_option_is_traded(self) -> None:
        symbol, side = self._contract(), self._side()
        body: Row = {"symbol": symbol, "side": side, "qty": str(self.dice.randint(1, 3)), "type": "market"}
        if self.dice.random() < 0.6:
            price = max(1, self._bid(symbol) // CENT_E4 + self._cents())
            body |= {"type": "limit", "limit_price": format_price(price * CENT_E4)}
        self._submit(body)

    def a_combination_is_traded(self) -> None:
        dice = self.dice
        stock, expiry = dice.choice(STOCKS), dice.choice(("2203", "220325"))
        fitting = [symbol for symbol in CONTRACTS if symbol.startswith(stock + expiry)]
        legs = [
            {"symbol": symbol, "ratio_qty": str(dice.choice((1, 1, 1, 2))), "side": self._side()}
            for symbol in dice.sample(fitting, dice.choice((2, 2, 3, 4)))
        ]
        body: Row = {
            "order_class": "mleg",
            "qty": str(dice.randint(1, 3)),
            "type": "market",
            "legs": legs,
            "time_in_force": "day",
        }
        if dice.random() < 0.6:
            body |= {"type": "limit", "limit_price": format_price(dice.randint(-3000, 3000) * CENT_E4)}
        quotes = {leg["symbol"]: self._quote(leg["symbol"]) for leg in legs}
        row = order_row(self.exchange.submit(parse_order_request(body)))
        self.books.asked_together(row, quotes)

    def an_order_is_replaced(self) -> None:
        order = self._pick()
        if order is None:
            return
        sign = 1 if order.side == "buy" else -1
        changes: Row = {} if self.dice.random() < 0.5 else {"qty": str(self.dice.randint(1, 40))}
        if order.limit_price_e4 is not None:
            changes["limit_price"] = self._price(order.symbol, -sign * self._cents())
        if order.stop_price_e4 is not None:
            changes["stop_price"] = self._price(order.symbol, sign * self._cents())
        quote = self._quote(order.symbol)
        with self._maybe_suffering(order):
            self._accepted(self.exchange.replace(order.id, parse_order_changes(changes)), quote)

    def an_order_is_canceled(self) -> None:
        order = self._pick()
        if order is not None:
            with self._maybe_suffering(order):
                self.exchange.cancel(order.id)

    def everything_is_canceled(self) -> None:
        self.exchange.cancel_all()

    # -- positions --------------------------------------------------------------------------------

    def a_position_is_closed(self) -> None:
        held = self.exchange.positions()
        if held:
            symbol, part = self.dice.choice(held).symbol, self.dice.choice((None, None, "50", "33.3"))
            quote = self._quote(symbol)
            self._accepted(self.exchange.close_position(symbol, percentage=part), quote)

    def everything_is_closed(self) -> None:
        """One by one: what an order in options reserves hangs on the orders before it."""
        for position in self.exchange.positions():
            quote = self._quote(position.symbol)
            with contextlib.suppress(Refusal):
                self._accepted(self.exchange.close_position(position.symbol), quote)
                self.check()

    def an_option_is_exercised(self) -> None:
        held = [one.symbol for one in self.exchange.positions() if one.asset_class == "us_option"]
        if held:
            symbol = self.dice.choice(held)
            if self.dice.random() < 0.2:
                self.exchange.do_not_exercise(symbol)
            else:
                self.exchange.exercise(symbol)
                self.books.exercised(symbol)

    def money_is_transferred(self) -> None:
        self.exchange.transfer(self.dice.randint(-500_000, 500_000) * CENT_E13)

    # -- mishaps ----------------------------------------------------------------------------------

    def an_order_is_rejected_late(self) -> None:
        order = self._pick()
        if order is not None:
            self.exchange.reject_later(order.id, "the venue says no")

    def an_order_is_filled_anyway(self) -> None:
        """Also one that has ended."""
        known = self._open() if self.dice.random() < 0.7 else self.ended()
        if known:
            order = self.dice.choice(known)
            half = None if self.dice.random() < 0.5 else (order.qty_e9 or 0) // (2 * 10**9) * 10**9
            self.exchange.fill_anyway(order.id, half or None)

    def _maybe_suffering(self, order: Order) -> contextlib.AbstractContextManager[None]:
        if self.dice.random() < 0.8:
            return contextlib.nullcontext()
        blow = Blow(self.dice.randint(0, 9) * MINUTE, self.dice.random() < 0.5)
        return self.exchange.suffering(Setback(by_order={order.id: blow}))

    # -- what must hold ---------------------------------------------------------------------------

    def check(self) -> None:
        """The two sets of books agree, and balance."""
        exchange = self.exchange
        for update in exchange.take_updates():
            assert "+" not in update.order.symbol or update.order.order_class == "mleg"
        self._read_activities()
        records = self._open()
        orders = [order_row(order, nested=False) for order in records]
        positions = exchange.positions()
        account = exchange.account()
        now_open = {order["id"] for order in orders}
        ended = [order_row(exchange.order(one)) for one in self.open_ids - now_open]
        self.open_ids = now_open
        for row in ended:
            self.books.ended(row)
        self._balance(account.held_cash_e13, records, positions)
        self.books.compare(account_row(account), [position_row(one) for one in positions], orders)
        for order in (*orders, *ended):
            self.books.compare_order(order)

    def _balance(self, held_cash_e13: int, records: list[Order], positions: Any) -> None:
        assert held_cash_e13 == sum(order.held_cash_e13 for order in records)
        held: dict[str, int] = {}
        for order in records:
            assert order.held_cash_e13 >= 0, order
            assert order.held_qty_e9 >= 0, order
            held[order.symbol] = held.get(order.symbol, 0) + order.held_qty_e9
        for position in positions:
            pledged = self.exchange._account.positions[position.symbol].pledged_e9
            promised = held.pop(position.symbol, 0) + pledged
            assert pledged >= 0
            assert abs(position.qty_e9) - promised == abs(position.qty_available_e9)
        assert not any(held.values()), "an order holds what is not there"

    def end(self) -> None:
        """In the end every fee has been told of, and everything that was exercised."""
        for _ in range(2):
            self.the_night_passes()
            self.check()
        assert self.books.told_in_kind == self.books.fees_in_kind
        assert self.books.told_in_money == self.books.fees_in_money
        assert not self.books.awaited

    # -- means ------------------------------------------------------------------------------------

    def _move(self, symbol: str, bid: int, ask: int, at: int) -> None:
        """The splits of the night come before the price of the morning; contracts follow their stock."""
        self._go(at)
        if at < self.exchange.now:
            return
        self.exchange.move(symbol, bid, ask, at)
        for name in {order.symbol for order in self.exchange.open_orders() if len(order.symbol) > 15}:
            quote = self.market.quote(name)
            self.exchange.move(name, quote.bid_e4, quote.ask_e4, at)

    def _go(self, at: int) -> None:
        """What expires is told of at midnight: until then nothing is looked at."""
        today = new_york_date(at)
        expires = any(
            contract.expiry == today
            for one in self.exchange.positions()
            if (contract := parse_contract(one.symbol)) is not None
        )
        session = self.market.sessions.on(today)
        if expires and session is not None and at >= session.close:
            following = self.market.sessions.next_open(session.close)
            assert following is not None
            at = max(at, following.open)
        self.exchange.advance(at)

    def _next_open(self) -> int:
        following = self.market.sessions.next_open(self.exchange.now)
        assert following is not None
        return following.open

    def _read_activities(self) -> None:
        found: list[Row] = []
        for listed in (LATE, PAID, PROMPT):
            while True:
                token = self.last_activity.get(listed, "")
                wanted = ActivityFilter(types=listed, newest_first=False, page_token=token)
                rows = [activity_row(activity) for activity in self.exchange.activities(wanted)]
                found += rows
                if rows:
                    self.last_activity[listed] = rows[-1]["id"]
                if len(rows) < wanted.page_size:
                    break
        for row in sorted(found, key=_happened_at):
            self.books.read(row)

    def _open(self) -> list[Order]:
        return self.exchange.orders(OrderFilter(limit=500))

    def ended(self, limit: int = 10) -> list[Order]:
        """The latest orders that are no longer open."""
        return self.exchange.orders(OrderFilter(status="closed", limit=limit))

    def _pick(self) -> Order | None:
        found = self._open()
        return self.dice.choice(found) if found else None

    def _side(self) -> str:
        return self.dice.choice(("buy", "sell"))

    def _cents(self) -> int:
        return self.dice.randint(-20, 60)

    def _size(self) -> str:
        chance = self.dice.random()
        if chance < 0.3:
            return f"{self.dice.randint(1, 9_999_999_999) / 10**9:.9f}"
        return "100" if chance < 0.4 else str(self.dice.randint(1, 40))

    def _contract(self) -> str:
        """One that is held, or any."""
        held = [one.symbol for one in self.exchange.positions() if one.asset_class == "us_option"]
        return self.dice.choice(held if held and self.dice.random() < 0.4 else CONTRACTS)

    def _quote(self, symbol: str) -> Quote:
        quote = self.exchange.quote(symbol)
        assert quote is not None
        return quote

    def _bid(self, symbol: str) -> int:
        return self._quote(symbol).bid_e4 // CENT_E4 * CENT_E4

    def _price(self, symbol: str, cents: int) -> str:
        return format_price(self._bid(symbol) + cents * CENT_E4)

    def _submit(self, body: Row) -> None:
        quote = self._quote(body["symbol"])
        request = parse_order_request({"time_in_force": "day", **body})
        self._accepted(self.exchange.submit(request), quote)

    def _accepted(self, order: Order, quote: Quote) -> None:
        self.books.asked(order_row(order, nested=False), quote)


def _happened_at(activity: Row) -> str:
    """Options end at the close of a day, whenever that is told."""
    if activity["activity_type"] in LATE:
        return f"{activity['date']}T20:00:00"
    return str(activity.get("transaction_time") or activity["date"])


def _session(day: date) -> Session:
    session = xnys_sessions().on(day)
    assert session is not None
    return session


_CHANCES = {
    AnyDays.prices_move: 24,
    AnyDays.a_price_leaps: 2,
    AnyDays.the_evening_comes: 2,
    AnyDays.the_night_passes: 3,
    AnyDays.a_stock_is_halted: 1,
    AnyDays.an_order_comes: 16,
    AnyDays.dollars_change_hands: 4,
    AnyDays.a_group_comes: 8,
    AnyDays.an_option_is_traded: 14,
    AnyDays.a_combination_is_traded: 8,
    AnyDays.an_order_is_replaced: 8,
    AnyDays.an_order_is_canceled: 5,
    AnyDays.everything_is_canceled: 1,
    AnyDays.a_position_is_closed: 4,
    AnyDays.everything_is_closed: 1,
    AnyDays.an_option_is_exercised: 3,
    AnyDays.money_is_transferred: 1,
    AnyDays.an_order_is_rejected_late: 1,
    AnyDays.an_order_is_filled_anyway: 2,
}
ACTS = tuple(_CHANCES)
_WEIGHTS = tuple(accumulate(_CHANCES.values()))
