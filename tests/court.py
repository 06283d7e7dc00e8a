"""Histories made by hand for the judge: an exchange and a journal that say whatever a test writes into them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import msgspec

from the_alchemiser.domain import facts as told
from the_alchemiser.domain.facts import Fact
from the_alchemiser.domain.intent import PlannedTrade
from the_alchemiser.domain.market import Quote
from the_alchemiser.domain.money import Side
from the_alchemiser.domain.orders import Fill, OrderReport, OrderRequest, OrderStatus, OrderType
from the_alchemiser.domain.portfolio import Holding
from the_alchemiser.exchange.venue.account import FillRecord, OtherActivity
from the_alchemiser.exchange.venue.orders import Order, OrderFilter
from the_alchemiser.simulation.judge.case import Case, Rules, Session
from the_alchemiser.simulation.judge.hearing import CANCEL, SUBMIT, Arrival, Glance
from the_alchemiser.simulation.judge.judge import Judge
from the_alchemiser.simulation.judge.record import ENDED, Record
from the_alchemiser.simulation.judge.story import alarm_of

SECOND, MINUTE, E9, E4, E13 = 10**9, 60 * 10**9, 10**9, 10**4, 10**13
CASH = 10_000
CYCLE = "20210104"
ACME, BOLT = "ACME", "BOLT"
OPEN, CLOSE = 1_000 * SECOND, 20_000 * SECOND
SESSION = Session("2021-01-04", OPEN, CLOSE)


class RecordedExchange:
    """What the judge reads of an exchange, written by hand."""

    def __init__(self) -> None:
        self.now = OPEN + MINUTE
        self.update_count = 0
        self.opening_cash_e13 = CASH * E13
        self.stated_cash_e13: int | None = None
        self.records: dict[str, Order] = {}
        self.executions: list[FillRecord] = []
        self.others: list[OtherActivity] = []

    def order(self, order_id: str) -> Order:
        return msgspec.structs.replace(self.records[order_id])

    def orders(self, chosen: OrderFilter | None = None) -> list[Order]:
        ids = list(self.records)
        last = chosen.after_order_id if chosen is not None else None
        first = 0 if last is None else ids.index(last) + 1
        return [self.order(one) for one in ids[first:]]

    def fills(self, after: int | None = None, until: int | None = None) -> list[FillRecord]:
        return [fill for fill in self.executions if after is None or fill.at > after]

    def other_activities(self) -> list[OtherActivity]:
        return self.others

    def account(self) -> Any:
        flows = sum(-fill.value_e13 if fill.side == "buy" else fill.value_e13 for fill in self.executions)
        cash = self.opening_cash_e13 + flows + sum(other.cash_e13 for other in self.others)
        return SimpleNamespace(cash_e13=cash if self.stated_cash_e13 is None else self.stated_cash_e13)

    def positions(self) -> list[Any]:
        held: dict[str, int] = {}
        for fill in self.executions:
            held[fill.symbol] = held.get(fill.symbol, 0) + (
                fill.qty_e9 if fill.side == "buy" else -fill.qty_e9
            )
        return [SimpleNamespace(symbol=one, qty_e9=qty) for one, qty in held.items() if qty]

    # Writing

    def add(self, name: str, shares: int = 10, side: str = "buy", symbol: str = ACME, **more: Any) -> str:
        """An order; returns the broker's id of it."""
        order_id = f"b{len(self.records) + 1}"
        self.records[order_id] = Order(
            symbol=symbol,
            asset_id="",
            side=side,
            type="limit",
            time_in_force="day",
            id=order_id,
            client_order_id=name,
            status="new",
            qty_e9=shares * E9,
            sequence=len(self.records) + 1,
            **{"limit_price_e4": 100 * E4, **more},
        )
        self.update_count += 1
        return order_id

    def set(self, order_id: str, status: str) -> None:
        self.records[order_id].status = status
        self.update_count += 1

    def execute(self, order_id: str, shares: int, dollars: int = 100) -> None:
        order = self.records[order_id]
        order.filled_qty_e9 += shares * E9
        number = len(self.executions) + 1
        self.executions.append(
            FillRecord(
                sequence=number,
                execution_id=f"e{number}",
                order_id=order_id,
                client_order_id=order.client_order_id,
                symbol=order.symbol,
                side=order.side,
                price_e4=dollars * E4,
                qty_e9=shares * E9,
                cum_qty_e9=order.filled_qty_e9,
                leaves_qty_e9=(order.qty_e9 or 0) - order.filled_qty_e9,
                order_status="partially_filled",
                at=self.now,
            )
        )
        if order.qty_e9 == order.filled_qty_e9 and order.status not in ENDED:
            order.status = "filled"
        self.update_count += 1


class Court:
    """A judge over a history that a test writes line by line."""

    def __init__(self, rules: Rules | None = None, *, is_opened: bool = True) -> None:
        self.exchange = RecordedExchange()
        self.journal: list[Fact] = []
        self.case = Case(Record(self.exchange), rules or Rules(bounds={"timers": 5}), [SESSION])
        self.judge = Judge(self.case, self.journal)
        if is_opened:
            self.say(told.AccountOpened(self.exchange.now, "A1", Decimal(CASH), ()))
            self.wait(1)
            self.say(told.CycleStarted(self.now, CYCLE, SESSION.date, CLOSE))
            for symbol in (ACME, BOLT, "NEWS"):
                self.quote(symbol)
            self.approve()
            self.approve(BOLT)

    @property
    def now(self) -> int:
        return self.exchange.now

    def wait(self, seconds: float) -> None:
        self.exchange.now += round(seconds * SECOND)

    def say(self, fact: Fact, *, is_told: bool = True) -> None:
        """A fact becomes durable; a person is told of it, where one must be."""
        self.journal.append(fact)
        alarm = alarm_of(fact) if is_told else ""
        if alarm:
            self.journal.append(told.AlertRaised(fact.at, "warning", alarm))
            self.judge.struck("something")

    def quote(self, symbol: str = ACME, bid: str = "99.9", ask: str = "100.1", age_seconds: int = 0) -> None:
        quote = Quote(symbol, self.now - age_seconds * SECOND, Decimal(bid), Decimal(ask))
        self.say(told.CycleStepped(self.now, CYCLE, 0, {symbol: quote}))

    def approve(self, symbol: str = ACME, shares: int = 10, side: Side = Side.BUY) -> None:
        trade = PlannedTrade(symbol, side, Decimal(shares), Decimal(100), Decimal(100))
        self.say(told.TradeApproved(self.now, CYCLE, trade))

    def intend(
        self, name: str, shares: int = 10, side: str = "buy", symbol: str = ACME, limit: int = 100
    ) -> None:
        request = OrderRequest(
            name, symbol, Side(side), Decimal(shares), OrderType.LIMIT, limit_price=Decimal(limit)
        )
        self.say(told.OrderIntended(self.now, CYCLE, request, Decimal(100)))

    def arrive(self, name: str, shares: int = 10, side: str = "buy", symbol: str = ACME, **more: Any) -> None:
        """An order reaches the exchange, which has not acted on it yet."""
        details: dict[str, Any] = {"type": "limit", "limit_e4": 100 * E4, "durable": len(self.journal)} | more
        self.judge.arrived(
            Arrival(self.now, "one", SUBMIT, name, symbol=symbol, side=side, qty_e9=shares * E9, **details)
        )

    def cancel(self, name: str) -> None:
        """A cancel reaches the exchange."""
        self.judge.arrived(Arrival(self.now, "one", CANCEL, name, len(self.journal)))

    def send(self, name: str, shares: int = 10, side: str = "buy", symbol: str = ACME) -> str:
        """The whole ordinary way of an order into the broker's book; returns the broker's id of it."""
        self.intend(name, shares, side, symbol)
        self.arrive(name, shares, side, symbol)
        return self.exchange.add(name, shares, side, symbol)

    def report(self, name: str, status: OrderStatus, filled: int = 0, symbol: str = ACME) -> None:
        report = OrderReport(name, "", symbol, Side.BUY, Decimal(10), status, Decimal(filled))
        self.say(told.OrderReported(self.now, report))

    def book(
        self, name: str, before: int, after: int, side: str = "buy", symbol: str = ACME, dollars: int = 100
    ) -> None:
        fill = Fill(name, symbol, Side(side), Decimal(before), Decimal(after), Decimal(dollars), self.now)
        self.say(told.FillBooked(self.now, CYCLE, fill))

    def trade(self, name: str, shares: int = 10, side: str = "buy", symbol: str = ACME) -> str:
        """Sent, executed, told and booked."""
        order_id = self.send(name, shares, side, symbol)
        self.exchange.execute(order_id, shares)
        self.report(name, OrderStatus.FILLED, shares, symbol)
        self.book(name, 0, shares, side, symbol)
        return order_id

    def close_day(self, **more: Any) -> None:
        details: dict[str, Any] = {
            "session": SESSION.date,
            "cash": Decimal(CASH),
            "equity": Decimal(CASH),
            "realised": Decimal(0),
            "unrealised": Decimal(0),
            "marks": {},
        } | more
        self.say(told.DayClosed(self.now, **details))

    def step(self, **memory: Any) -> None:
        """A machine takes a turn; its memory is what the journal makes unless told otherwise."""
        self.judge._catch_up()
        story = self.case.story
        details: dict[str, Any] = {
            "cash_e13": story.cash_e13,
            "positions_e9": dict(story.positions_e9),
            "orders": {
                name: (one.status, one.reported_e9, one.booked_e9) for name, one in story.live.items()
            },
        } | memory
        promised = sum(
            (one.qty_e9 - one.booked_e9) * (one.limit_e4 or 0) for one in story.live.values() if one.is_buy
        )
        self.judge.stepped("one", Glance(**{"free_e13": details["cash_e13"] - promised, **details}))

    def rest(self) -> None:
        self.step()
        self.judge.rested()

    @property
    def violated(self) -> set[str]:
        """The names of the rules that were broken."""
        return {violation.invariant for violation in self.judge.violations}

    @property
    def texts(self) -> list[str]:
        return [str(violation) for violation in self.judge.violations]


def holding(symbol: str, shares: int, dollars: int) -> Holding:
    return Holding(symbol, Decimal(shares), Decimal(dollars), Decimal(shares * dollars))


def opened_with(court: Court, holdings: Sequence[Holding]) -> None:
    court.say(told.AccountOpened(court.now, "A1", Decimal(CASH), tuple(holdings)))
