"""Does the ledger agree with the broker? Every word of the broker's whole record is taken in, then both are compared.

The broker owns the truth, but one answer is not the truth: a difference counts when a second look finds the same one.
Then what the broker tells of transfers, dividends, fees and splits is tried as an explanation; what stays unexplained
freezes its symbol for opening until both agree again or a person adjusts the ledger.
"""

from __future__ import annotations

from collections.abc import Sequence

from the_alchemiser.causes import Evidence, explain, suspects
from the_alchemiser.domain.effects import SetTimer
from the_alchemiser.domain.errors import SafetyRefusal
from the_alchemiser.domain.events import AdjustmentAsked, BrokerRead, BrokerState, OrdersRead
from the_alchemiser.domain.facts import (
    AccountOpened,
    ActivityBooked,
    LedgerAdjusted,
    Reconciled,
    SymbolFrozen,
    SymbolReleased,
)
from the_alchemiser.domain.instants import DAY, SECOND, Nanos, rfc3339
from the_alchemiser.domain.market import Symbol
from the_alchemiser.domain.money import ONE, ZERO, Weight, decimal, plain
from the_alchemiser.domain.orders import ClientOrderId, OrderReport, OrderStatus
from the_alchemiser.domain.portfolio import Activity
from the_alchemiser.domain.probes import probe
from the_alchemiser.inquiry import SUSPICION, Inquiry
from the_alchemiser.others import Others
from the_alchemiser.pipeline.ledger import Difference, reconcile
from the_alchemiser.recovery import Recovery
from the_alchemiser.settlement import Settlement
from the_alchemiser.stance import START, Stance
from the_alchemiser.state import AGAIN, EngineState
from the_alchemiser.step import Step

RECHECK_SECONDS = 2
"""A difference must still be there after this long before it counts: two reads are never of one instant."""
LOOKS_MAX = 5
"""Looks at a difference that is another one each time; then the newest counts."""
NOT_IN_FLIGHT = frozenset(OrderStatus) - {OrderStatus.INTENDED, OrderStatus.UNKNOWN}
"""Orders whose answer is not under way: only these can be expected on the broker's list."""
LIST_GRACE_SECONDS = 5
"""An order younger than this when the list was asked for need not be on it."""
UNREAD_TOLD_EVERY = 10
"""A person is told of an order that so many reads in a row could not look up."""
OPENING_TOLERANCE: Weight = decimal("0.02")
"""How far the marks of two answers may lie apart before the list of holdings must be incomplete."""

_Key = tuple[Symbol, object, object, str]


class Reconciliation:
    """Takes in the broker's record and compares. `broker` is the newest one, None before the first."""

    def __init__(
        self,
        state: EngineState,
        settlement: Settlement,
        inquiry: Inquiry,
        stance: Stance,
        account_number: str = "",
    ) -> None:
        self.state = state
        self.broker: BrokerState | None = None
        self.others = Others(state)
        self._recovery = Recovery(state)
        self._settlement, self._inquiry, self._stance = settlement, inquiry, stance
        self._account_number = account_number
        self._unread: dict[ClientOrderId, int] = {}
        self._looks: dict[str, tuple[int, frozenset[_Key]]] = {}

    # What the broker says

    def take(self, step: Step, event: BrokerRead, asked_at: Nanos) -> bool:
        """Take the record in; False where what it says must be looked at again before it counts.

        Raises SafetyRefusal for the record of another account.
        """
        read, is_opening = event.state, not self.state.account_number
        if not self._is_our_account(step, event):
            return False
        self.broker = read
        if event.purpose == "start":
            self._recovery.take(step, read.orders, is_opening=is_opening)
        self._take_orders(step, read.orders, asked_at, read.unread)
        for execution in read.executions:
            self._settlement.book(step, execution, self.state.names.get(execution.broker_order_id, ""))
        known = frozenset(one.client_order_id for one in read.orders)
        self._settlement.take_read(step, known, is_start=event.purpose == "start")
        return self._compare(step, event, asked_at)

    def take_orders(self, step: Step, event: OrdersRead, asked_at: Nanos) -> None:
        """Take in the open orders; where they do not fit what we know, the whole record is asked for."""
        has_news = self._take_orders(step, event.orders, asked_at, event.unread)
        listed = {one.client_order_id for one in event.orders}
        missing = any(
            order.status in NOT_IN_FLIGHT and order.intended_at + LIST_GRACE_SECONDS * SECOND < asked_at
            for name, order in self.state.live.items()
            if name not in listed
        )
        if has_news or missing or self._settlement.has_holes:
            probe("reconciliation.poll_escalated")
            self._inquiry.ask(step, SUSPICION)

    def _take_orders(
        self, step: Step, reports: Sequence[OrderReport], asked_at: Nanos, unread: Sequence[ClientOrderId]
    ) -> bool:
        """Whether somebody else's order was filled further, so that there are executions to be read."""
        has_news = False
        for report in reports:
            if not self._settlement.take_report(step, report):
                has_news |= self.others.take(step, report)
        self._tell_unread(step, unread)
        # What could not be read is no evidence of anything: it is taken for neither missing nor there.
        known = frozenset(report.client_order_id for report in reports).union(unread)
        has_news |= self.others.end_missing(step, reports, unread, asked_at)
        self._settlement.arrivals.take_read(step, known, asked_at)
        return has_news

    def _tell_unread(self, step: Step, unread: Sequence[ClientOrderId]) -> None:
        self._unread = {name: self._unread.get(name, 0) + 1 for name in unread}
        for name, times in self._unread.items():
            if times % UNREAD_TOLD_EVERY == 0:
                step.alert("warning", f"order {name} could not be looked up in {times} reads in a row")

    def _is_our_account(self, step: Step, event: BrokerRead) -> bool:
        read = event.state
        expected = self.state.account_number or self._account_number
        if expected and expected != read.account.number:
            raise SafetyRefusal(
                f"these keys open account {read.account.number}, the journal is of {expected}"
            )
        return bool(self.state.account_number) or self._open_account(step, event)

    def _open_account(self, step: Step, event: BrokerRead) -> bool:
        read = event.state
        if any(holding.shares < 0 for holding in read.holdings):
            raise SafetyRefusal("the account holds short positions, which this version does not trade")
        value, stated = (
            read.account.holdings_value,
            sum((one.shares * one.price for one in read.holdings), ZERO),
        )
        if value is not None and abs(value - stated) > max(ONE, OPENING_TOLERANCE * abs(value)):
            reason = f"the positions are worth ${plain(stated)}, the account says ${plain(value)}"
            self._inquiry.failed(step, event.purpose, reason, is_unauthorized=False)
            return False
        held = tuple(sorted(read.holdings, key=lambda holding: holding.symbol))
        known = tuple(sorted(one.id for one in read.activities))
        step.record(AccountOpened(step.at, read.account.number, read.account.cash, held, known))
        return True

    # The comparison

    def _compare(self, step: Step, event: BrokerRead, asked_at: Nanos) -> bool:
        purpose = event.purpose.removeprefix(AGAIN)
        if self._is_doubt_unread(step, event):
            return False
        differences = self._differences(event.state)
        if differences and self._book_activities(step, differences, event.state.activities):
            differences = self._differences(event.state)
        if differences and not self._is_the_same_again(purpose, differences):
            self.state.suspects = frozenset(one.symbol for one in differences)
            step.ask(SetTimer(step.at + RECHECK_SECONDS * SECOND, f"{AGAIN}{purpose}"))
            return False
        self._conclude(step, event, differences)
        self.state.is_compared = True
        if purpose == "start":
            self._stance.dispel(START)
        if "" not in self.state.frozen:
            self._stance.agreed(step, asked_at)
        return True

    def _is_doubt_unread(self, step: Step, event: BrokerRead) -> bool:
        """An agreement ends the doubt about an order that was given up: not without the broker's word on that order."""
        orders = (self.state.orders.get(name) for name in event.state.unread)
        doubted = [one for one in orders if one is not None and one.request.symbol in self.state.doubted]
        if doubted:
            probe("reconciliation.doubted_order_unread")
            reason = f"no answer about {doubted[0].request.client_order_id}, which was given up"
            self._inquiry.failed(step, event.purpose, reason, is_unauthorized=False)
        return bool(doubted)

    def _differences(self, read: BrokerState) -> tuple[Difference, ...]:
        live_at_broker = {
            report.client_order_id: report.symbol
            for report in read.orders
            if not report.status.is_done and report.client_order_id in self.state.orders
        }
        expected = [
            order
            for name, order in self.state.live.items()
            if order.status in NOT_IN_FLIGHT and name not in read.unread
        ]
        return reconcile(self.state.ledger, expected, read.account, read.holdings, live_at_broker)

    def _is_the_same_again(self, purpose: str, differences: Sequence[Difference]) -> bool:
        """Trading goes on between two looks: what differs each time is time itself, not the books."""
        looks, before = self._looks.get(purpose, (0, frozenset()))
        found = frozenset(_key(one) for one in differences)
        if found <= before:
            return True
        if looks >= LOOKS_MAX - 1:
            probe("reconciliation.differs_each_time")
            return True
        self._looks[purpose] = (looks + 1, found)
        return False

    def _book_activities(
        self, step: Step, differences: Sequence[Difference], activities: Sequence[Activity]
    ) -> bool:
        explanations = explain(differences, self._new_activities(activities))
        for one in explanations:
            probe("reconciliation.activity_booked")
            step.record(ActivityBooked(step.at, one.activity, one.former))
        return bool(explanations)

    def _new_activities(self, activities: Sequence[Activity]) -> list[Activity]:
        """Those not booked yet. A day is all that some of them are dated by, so the day before the opening counts."""
        first = rfc3339(max(self.state.opened_at - DAY, 0))[:10]
        return [one for one in activities if one.id not in self.state.activities and one.date >= first]

    def _conclude(self, step: Step, event: BrokerRead, differences: Sequence[Difference]) -> None:
        purpose, account = event.purpose.removeprefix(AGAIN), event.state.account
        self._looks.pop(purpose, None)
        self.state.suspects = frozenset()
        evidence = self._evidence(event)
        texts = tuple(one.text for one in differences)
        step.record(Reconciled(step.at, purpose, texts, account.cash, account.equity))
        self._freeze(step, differences, evidence)
        self._release(step, {one.symbol for one in differences})

    def _evidence(self, event: BrokerRead) -> Evidence:
        names = self.state.names
        executions = [
            (names.get(one.broker_order_id) or f"external-{one.broker_order_id}", one)
            for one in event.state.executions
            if one.at > self.state.agreed_at
        ]
        activities = self._new_activities(event.state.activities)
        return Evidence(
            tuple(self.state.unagreed), executions, activities if event.purpose.startswith(AGAIN) else None
        )

    def _freeze(self, step: Step, differences: Sequence[Difference], evidence: Evidence) -> None:
        """Once a symbol: its first difference is told, the comparison keeps them all."""
        for symbol in dict.fromkeys(one.symbol for one in differences):
            first = next(one for one in differences if one.symbol == symbol)
            known = self.state.frozen.get(symbol)
            if known is not None and known.difference == first.text:
                continue
            probe("reconciliation.frozen")
            cause = suspects(first, evidence)
            held = self.state.ledger.shares().get(symbol, ZERO)
            step.record(SymbolFrozen(step.at, symbol, first.text, cause, held + first.shares))
            what = f"nothing is opened in {symbol}" if symbol else "nothing is opened"
            step.alert("critical", f"ledger and broker disagree, {what}: {first.text}; {cause}")

    def _release(self, step: Step, differing: set[Symbol]) -> None:
        for symbol in [symbol for symbol in self.state.frozen if symbol not in differing]:
            probe("reconciliation.released")
            step.record(SymbolReleased(step.at, symbol))
            step.alert("warning", f"ledger and broker agree again on {symbol or 'cash'}")

    # A person's word

    def adjust(self, step: Step, event: AdjustmentAsked) -> str:
        """Make the ledger follow the broker's newest record in one symbol (empty: in cash); else says why not."""
        if self.broker is None:
            return "the broker's record was not read yet"
        found = [
            one
            for one in self._differences(self.broker)
            if one.symbol == event.symbol and (one.shares or one.cash)
        ]
        if not found:
            return f"ledger and broker agree on {event.symbol or 'cash'}: there is nothing to adjust"
        (one,) = found
        marks = {held.symbol: held.price for held in self.broker.holdings}
        if self.state.ledger.shares().get(event.symbol, ZERO) + one.shares < 0:
            return f"the broker says that {event.symbol} was sold short, which this version does not trade"
        price = marks.get(event.symbol) or self._cost_of(event.symbol) if event.symbol else ZERO
        step.record(
            LedgerAdjusted(step.at, event.symbol, one.shares, price, one.cash, event.reason, event.who)
        )
        step.alert("warning", f"{event.who} adjusted the ledger ({one.text}): {event.reason}")
        if not any(left.symbol == event.symbol for left in self._differences(self.broker)):
            self._release(step, self.state.frozen.keys() - {event.symbol})
        return ""

    def _cost_of(self, symbol: Symbol) -> Weight:
        """What a share that the broker no longer marks has cost: it leaves the ledger without profit or loss."""
        position = self.state.ledger.positions.get(symbol)
        return position.cost / position.shares if position and position.lots else ZERO


def _key(one: Difference) -> _Key:
    """What makes two differences the same one: by how much the books are apart, not where they stand."""
    is_amount = bool(one.shares or one.cash)
    return one.symbol, one.shares, one.cash, "" if is_amount else one.text
