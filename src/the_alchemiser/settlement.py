"""What became of each order? Its reports, its fills, and the search for one that got no clear answer.

Reports and fills may come twice, late, in any order and by three ways (reply, stream, the broker's record): they are
taken in by what they say, never by when or how they came.
"""

from __future__ import annotations

from msgspec.structs import replace

from the_alchemiser.arrival import Arrivals
from the_alchemiser.domain.effects import SetTimer
from the_alchemiser.domain.facts import FillBooked, FillCorrected, OrderReported
from the_alchemiser.domain.instants import SECOND, Nanos
from the_alchemiser.domain.intervals import holes, is_believed, news_in
from the_alchemiser.domain.money import ZERO, plain, ratio
from the_alchemiser.domain.orders import (
    ABSENT,
    DONE,
    ClientOrderId,
    Execution,
    Fill,
    FillSource,
    Order,
    OrderReport,
    OrderStatus,
)
from the_alchemiser.domain.probes import probe
from the_alchemiser.inquiry import Inquiry
from the_alchemiser.kinship import Kinship
from the_alchemiser.state import EngineState
from the_alchemiser.step import Step

FILL_GRACE_SECONDS = 1
"""How long a fill that a report implies may take to arrive on the stream before it is asked for."""
FILL_RETRY_SECONDS = 15
"""How soon the broker's record is read again where it lacked such a fill."""
HOLE_READS_MIN = 3
HOLE_SECONDS_MIN = 30
"""How often, and for how long, the record must lack a fill of an ended order before it is reckoned instead."""


class Settlement:
    """Brings the story of every order to its end. What it knows is in the state; only a pending timer is its own."""

    def __init__(self, state: EngineState, inquiry: Inquiry) -> None:
        self.state = state
        self.arrivals = Arrivals(state, inquiry)
        self.kinship = Kinship(state, inquiry)
        self._awaits_fills = False
        self._hole_reads: dict[ClientOrderId, tuple[Nanos, int]] = {}
        """Ended orders with holes: since when, and how often the record was read without filling them."""

    def take_report(self, step: Step, report: OrderReport) -> bool:
        """Record what is news in it. False for an order that is not ours."""
        order = self.kinship.find(step, report)
        if order is None:
            return False
        if self._is_of(order, report, step):
            name = order.request.client_order_id
            own = report if report.client_order_id == name else replace(report, client_order_id=name)
            self._take_own(step, order, own)
        return True

    def _take_own(self, step: Step, order: Order, report: OrderReport) -> None:
        before, was_named = order.status, bool(order.broker_order_id)
        has_kin = self.kinship.is_news(report)
        if has_kin or order.learns(report):
            news = report
            if not order.advances(report):
                news = replace(report, status=before, at=order.told_at, reason=order.reason)
            step.record(OrderReported(step.at, news))
            if has_kin:
                self.kinship.seek(step)
        if before in ABSENT and order.status is not before:
            self.arrivals.take_back(step, order, before)
        elif order.status is OrderStatus.UNKNOWN and before is OrderStatus.INTENDED:
            probe("settlement.status_not_known")
            self.arrivals.lose(step, order, "the broker's word for its state is not one we know")
        elif not was_named and order.broker_order_id:
            self.arrivals.named(step, order)

    def book(self, step: Step, execution: Execution, client_order_id: ClientOrderId) -> None:
        """Book an execution once, by whichever way and however often it is told."""
        name = self.state.names.get(execution.broker_order_id, client_order_id)
        order = self.state.orders.get(name)
        if order is None:
            if execution.broker_order_id not in self.state.kin:
                self._book_external(step, execution)
        elif self._is_of(order, execution, step) and ZERO <= execution.cum_before < execution.cum_after:
            self._book(step, order, execution.as_fill(name))

    def _book(self, step: Step, order: Order, told: Fill) -> None:
        """Book what of a fill is news: parts that are booked already are the same money told again."""
        news = news_in(told, order.fills)
        for fill in news.missing:
            step.record(FillBooked(step.at, order.cycle_id, fill))
        for booked, part in news.disputed:
            self._dispute(step, order, booked, part)
        if news.missing:
            self.kinship.check_legs(step, order)
        if news.missing and order.remaining < 0:
            probe("settlement.more_filled_than_asked")
            name, excess = order.request.client_order_id, plain(-order.remaining)
            step.alert("critical", f"order {name} was filled by {excess} shares more than asked")

    def _dispute(self, step: Step, order: Order, booked: Fill, told: Fill) -> None:
        """The same shares at two prices: the broker's list of executions decides, whenever it is read."""
        probe("settlement.price_disputed")
        name = order.request.client_order_id
        where = f"shares {plain(told.cum_before)} to {plain(told.cum_after)} of order {name}"
        step.alert("error", f"{where} are booked at {plain(booked.price)} and told at {plain(told.price)}")
        if is_believed(told, booked):
            correction = FillCorrected(step.at, order.cycle_id, told, booked.cum_before, booked.price)
            step.record(correction)

    def _is_of(self, order: Order, told: OrderReport | Execution, step: Step) -> bool:
        """Whether something told under this order's name can be about it."""
        asked = order.request
        if told.symbol == asked.symbol and told.side is asked.side:
            return True
        probe("settlement.told_of_another_order")
        text = f"{told.side.value} {told.symbol} was told of order {asked.client_order_id}"
        step.alert("error", f"{text}, which is to {asked.side.value} {asked.symbol}: not believed")
        return False

    def take_read(self, step: Step, known: frozenset[ClientOrderId], *, is_start: bool) -> None:
        """A read of the broker's whole record has been taken in: what does it leave open?"""
        if is_start:
            self.arrivals.search_again(step, known)
        for name, order in list(self.state.live.items()):
            if order.status in DONE and order.booked < order.reported_filled:
                self._fill_holes(step, name, order)

    def _fill_holes(self, step: Step, name: ClientOrderId, order: Order) -> None:
        """An ended order lacks fills that the record does not hold: after some reads, reckon them from its average."""
        since, reads = self._hole_reads.get(name, (step.at, 0))
        self._hole_reads[name] = (since, reads + 1)
        is_time = reads + 1 >= HOLE_READS_MIN and step.at - since >= HOLE_SECONDS_MIN * SECOND
        if not is_time or order.average_price is None or order.averaged != order.reported_filled:
            return
        probe("settlement.fill_synthesised")
        missing = order.reported_filled - order.booked
        value = order.average_price * order.averaged - sum(fill.shares * fill.price for fill in order.fills)
        price = ratio(value, missing)
        for start, end in holes(order.fills, order.reported_filled):
            fill = Fill(
                name,
                order.request.symbol,
                order.request.side,
                start,
                end,
                price if price > 0 else order.average_price,
                step.at,
                FillSource.SYNTHETIC,
            )
            step.record(FillBooked(step.at, order.cycle_id, fill))
        del self._hole_reads[name]
        step.alert(
            "error", f"{plain(missing)} shares of order {name} are booked at its average: no record of them"
        )

    def ask_for_fills(self, step: Step, seconds: int) -> None:
        """Make sure that somebody looks for fills that reports imply and nobody has told."""
        if self.has_holes and not self._awaits_fills:
            self._awaits_fills = True
            step.ask(SetTimer(step.at + seconds * SECOND, "fills"))

    def fills_are_due(self) -> bool:
        """The time that `ask_for_fills` set has come: are any still missing?"""
        self._awaits_fills = False
        return self.has_holes

    @property
    def has_holes(self) -> bool:
        """Whether the broker has reported more filled shares of some order than are booked."""
        return any(order.reported_filled > order.booked for order in self.state.live.values())

    def _may_be_ours(self, execution: Execution) -> bool:
        """Whether an order of ours, of which the broker's name is not known yet, may be what was executed."""
        return any(
            not order.broker_order_id
            and order.request.symbol == execution.symbol
            and order.request.side is execution.side
            for order in self.state.live.values()
        )

    def _book_external(self, step: Step, execution: Execution) -> None:
        """A trade somebody else made on our account: adopted, and told."""
        booked = self.state.external.get(execution.broker_order_id, ())
        told_as = execution.as_fill(f"external-{execution.broker_order_id}")
        known = (
            not (ZERO <= execution.cum_before < execution.cum_after) or not news_in(told_as, booked).missing
        )
        is_opened = bool(self.state.account_number)
        if known or not is_opened or execution.at <= self.state.opened_at:
            return
        if self._may_be_ours(execution):
            probe("settlement.execution_awaits_its_order")
            return  # The broker's record is read again until that order is settled, and then it has a name.
        shares = execution.cum_after - execution.cum_before
        probe("settlement.external_trade_adopted")
        for fill in news_in(told_as, booked).missing:
            step.record(FillBooked(step.at, "", fill))
        told = f"{execution.side.value} {plain(shares)} {execution.symbol} at {plain(execution.price)}"
        step.alert("warning", f"adopted a trade that was not ours: {told}")
