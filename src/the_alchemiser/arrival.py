"""Did an order reach the broker? Nothing is taken for absent or present but on evidence, and the evidence is kept.

A request without a clear answer may live, arrive late, or be lost. It keeps its reservation and its name; it is looked
for by that name; and only when it could no longer be under way is the same request sent again, or the order given up.
"""

from __future__ import annotations

import msgspec

from the_alchemiser.domain.effects import CancelOrder, LookUpOrder, SetTimer, SubmitOrder
from the_alchemiser.domain.events import OrderNotSent
from the_alchemiser.domain.facts import CancelIntended, OrderLost, OrderReported, OrderSentAgain
from the_alchemiser.domain.instants import MILLISECOND, SECOND, Nanos
from the_alchemiser.domain.money import Side
from the_alchemiser.domain.orders import (
    LIVE,
    ClientOrderId,
    Evidence,
    Order,
    OrderReport,
    OrderStatus,
)
from the_alchemiser.domain.probes import probe
from the_alchemiser.inquiry import ORDERS, SUSPICION, Inquiry
from the_alchemiser.state import EngineState
from the_alchemiser.step import Step

LOOK_UPS_AT_MS = (300, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 62_000)
"""How long after the loss each look-up is asked; from then on one every 30 seconds until the order is settled."""
LOOK_UP_GAP_SECONDS = 30
IN_FLIGHT_SECONDS = 60
"""How long a request may still be under way: before that the broker's not knowing it proves nothing."""
CLEAN_READS_MIN = 2
"""How many complete lists of the open orders since the loss must lack the order, too."""
READS_FROM_SECONDS = 30
"""How soon after the loss such reads are asked for, where nothing else asks for them."""
SENDS_MAX = 2
"""How often one order is sent in doubt, always under the same id; then it is given up."""
BUSY_SENDS_MAX = 4
"""How often an order that was certainly not accepted is sent again before it is given up as unsent."""
CANCEL_AGAIN_SECONDS = 30
"""How soon a cancellation that had no effect is asked for again."""
_ROUND = 1_000
"""Timers of one search count from here, those of the next from twice it: an old timer is known by its number."""


class _Absence(msgspec.Struct):
    """What speaks for an order's not being at the broker, since it was last sent."""

    since: Nanos
    look_ups: int = 0
    list_reads: int = 0
    not_found_at: Nanos = 0


class Arrivals:
    """Settles what became of every request. What must survive is in the facts; a restart gathers evidence anew."""

    def __init__(self, state: EngineState, inquiry: Inquiry) -> None:
        self.state = state
        self._inquiry = inquiry
        self._absences: dict[ClientOrderId, _Absence] = {}
        self._busy: dict[ClientOrderId, int] = {}
        self._pressed_at: dict[ClientOrderId, Nanos] = {}

    # No clear answer

    def lose(self, step: Step, order: Order, reason: str) -> None:
        """No clear answer came: from now on the order may live, and is looked for."""
        name = order.request.client_order_id
        if order.status in (OrderStatus.INTENDED, OrderStatus.UNKNOWN):
            step.record(OrderLost(step.at, name, reason))
            step.alert("warning", f"no clear answer for order {name}: {reason}")
            self._time_look_up(step, order, 0)

    def resume(self, step: Step) -> None:
        """A process has started: the searches that ran when the last one ended go on, whatever else can be read."""
        for order in self.state.live.values():
            if order.status is OrderStatus.UNKNOWN:
                self._time_look_up(step, order, 0)

    def search_again(self, step: Step, known: frozenset[ClientOrderId]) -> None:
        """After a start: look for every order that was about to be sent at the end before it and is not listed."""
        for name, order in list(self.state.live.items()):
            if order.status is not OrderStatus.UNKNOWN and name not in known:
                self.lose(step, order, "the broker's list does not show it")
        horizon = step.at - IN_FLIGHT_SECONDS * SECOND
        unknown = [order for order in self.state.live.values() if order.status is OrderStatus.UNKNOWN]
        if any(order.lost_at <= horizon for order in unknown):
            # What was lost long ago needs no more patience, only reads: the sooner, the less a next crash can undo.
            self._inquiry.ask(step, ORDERS)

    def on_timer(self, step: Step, kind: str, rest: str) -> None:
        """The time of a look-up, or of sending once more, has come."""
        if kind == "send":
            self._send(step, rest)
        else:
            name, _, number = rest.rpartition(":")
            self._look_up(step, name, int(number))

    def _look_up(self, step: Step, client_order_id: ClientOrderId, number: int) -> None:
        order = self.state.live.get(client_order_id)
        if order is None or order.status is not OrderStatus.UNKNOWN or number // _ROUND != order.losses:
            return
        step.ask(LookUpOrder(client_order_id))
        self._time_look_up(step, order, number % _ROUND + 1)

    def _time_look_up(self, step: Step, order: Order, number: int) -> None:
        if number < len(LOOK_UPS_AT_MS):
            before = LOOK_UPS_AT_MS[number - 1] if number else 0
            gap = (LOOK_UPS_AT_MS[number] - before) * MILLISECOND
        else:
            number, gap = len(LOOK_UPS_AT_MS), LOOK_UP_GAP_SECONDS * SECOND
        key = f"lookup:{order.request.client_order_id}:{order.losses * _ROUND + number}"
        step.ask(SetTimer(step.at + gap, key))

    # Evidence

    def not_found(self, step: Step, client_order_id: ClientOrderId) -> None:
        """The broker, asked by name, knows no such order."""
        order = self.state.live.get(client_order_id)
        if order is None or order.status is not OrderStatus.UNKNOWN:
            return
        absence = self._absence(order)
        absence.look_ups += 1
        absence.not_found_at = step.at
        if not self._settle(step, order) and self._lacks_reads(step.at, absence):
            self._inquiry.ask(step, ORDERS)

    def take_read(self, step: Step, known: frozenset[ClientOrderId], asked_at: Nanos) -> None:
        """A read of the broker's open orders, asked for at `asked_at`, holds these of our live orders and no others."""
        for name, order in list(self.state.live.items()):
            if name not in known:
                if order.status is OrderStatus.UNKNOWN and asked_at > order.lost_at:
                    self._lack(order, asked_at)
                    self._settle(step, order)
            elif order.cancel_intended and order.status in LIVE:
                self._press(step, name, order)

    def _lack(self, order: Order, asked_at: Nanos) -> None:
        # A read of the orders asks by name, too, for every live order that the list lacks.
        absence = self._absence(order)
        absence.list_reads += 1
        absence.look_ups += 1
        absence.not_found_at = max(absence.not_found_at, asked_at)

    def _absence(self, order: Order) -> _Absence:
        name = order.request.client_order_id
        absence = self._absences.get(name)
        if absence is None or absence.since != order.lost_at:
            absence = self._absences[name] = _Absence(order.lost_at)
        return absence

    def _lacks_reads(self, at: Nanos, absence: _Absence) -> bool:
        is_time = at - absence.since >= READS_FROM_SECONDS * SECOND
        return is_time and absence.list_reads < CLEAN_READS_MIN

    def _settle(self, step: Step, order: Order) -> bool:
        """End the search where all evidence is in: the same request once more while it is wanted, else give up."""
        absence = self._absence(order)
        horizon = absence.since + IN_FLIGHT_SECONDS * SECOND
        if absence.not_found_at < horizon or absence.list_reads < CLEAN_READS_MIN or order.broker_order_id:
            return False
        name = order.request.client_order_id
        evidence = Evidence(absence.look_ups, absence.list_reads, absence.since)
        del self._absences[name]
        if order.sends < SENDS_MAX and self._is_wanted(order, step.at):
            probe("arrival.order_sent_again")
            # The same id again: were the first one still on its way, the broker would refuse the second.
            step.record(OrderSentAgain(step.at, name, evidence))
            step.ask(SubmitOrder(order.request, self._wanted_until(order)))
            # This process may end before the answer comes: the search goes on all the same.
            self._time_look_up(step, order, 0)
        else:
            self._give_up(step, order, evidence)
        return True

    def _is_wanted(self, order: Order, at: Nanos) -> bool:
        """Whether the decision behind the order still stands: an exit's for its session, an entry's for its cycle."""
        if order.request.side is Side.SELL and at < order.not_after:
            return True
        cycle = self.state.cycle
        return cycle is not None and cycle.cycle_id == order.cycle_id and at < cycle.closes_at

    def _wanted_until(self, order: Order) -> Nanos:
        """From when on sending it again is too late: a day order that leaves after the close trades tomorrow."""
        cycle = self.state.cycle
        closes_at = cycle.closes_at if cycle is not None and cycle.cycle_id == order.cycle_id else 0
        return max(closes_at, order.not_after)

    def _give_up(self, step: Step, order: Order, evidence: Evidence) -> None:
        probe("arrival.order_given_up")
        name = order.request.client_order_id
        self._end(step, order, OrderStatus.ABANDONED, "no trace of it at the broker", evidence)
        step.alert(
            "error",
            f"order {name} was given up: no trace of it at the broker after {evidence.look_ups} look-ups"
            f" and {evidence.list_reads} lists of its orders",
        )
        self._inquiry.ask(step, SUSPICION)

    # Certainly not accepted

    def deny(self, step: Step, client_order_id: ClientOrderId, reason: str) -> None:
        """The broker refused the order: nothing of it exists, unless another sending of it is under way."""
        order = self.state.live.get(client_order_id)
        if order is None:
            return
        if order.status is OrderStatus.INTENDED:
            self._end(step, order, OrderStatus.DENIED, reason)
            step.alert("warning", f"order {client_order_id} refused: {reason}")
        elif order.status is OrderStatus.UNKNOWN:
            probe("arrival.repeat_refused")
            step.alert("warning", f"order {client_order_id}, sent again, was refused: {reason}")

    def not_sent(self, step: Step, event: OrderNotSent) -> None:
        """Nothing of it was accepted: the same may be sent again while it is in time, and else it ends as unsent."""
        order = self.state.live.get(event.client_order_id)
        if order is None or order.status is not OrderStatus.INTENDED:
            return
        name, tries = event.client_order_id, self._busy.get(event.client_order_id, 0)
        seconds = max(event.again_after_seconds, 2**tries)
        is_in_time = not order.not_after or step.at + seconds * SECOND < order.not_after
        if event.is_too_late or not is_in_time or tries >= BUSY_SENDS_MAX:
            probe("arrival.order_never_sent")
            self._busy.pop(name, None)
            self._end(step, order, OrderStatus.UNSENT, event.reason)
            step.alert("warning", f"order {name} was not sent: {event.reason}")
        else:
            probe("arrival.order_held_back")
            self._busy[name] = tries + 1
            step.ask(SetTimer(step.at + seconds * SECOND, f"send:{name}"))

    def _send(self, step: Step, client_order_id: ClientOrderId) -> None:
        order = self.state.live.get(client_order_id)
        if order is not None and order.status is OrderStatus.INTENDED:
            step.ask(SubmitOrder(order.request, order.not_after))

    # Late arrivals, and cancellations

    def take_back(self, step: Step, order: Order, believed: OrderStatus) -> None:
        """An order that was taken for absent lives after all; nobody wants it any more."""
        probe("arrival.absent_order_lives")
        name = order.request.client_order_id
        step.alert("error", f"order {name}, {believed.value} before, is {order.status.value} at the broker")
        if not order.is_done:
            self.cancel(step, order)

    def cancel(self, step: Step, order: Order) -> None:
        """Ask for the order's cancellation: now, or as soon as the broker has told its name for it."""
        name = order.request.client_order_id
        step.record(CancelIntended(step.at, name))
        if order.broker_order_id:
            step.ask(CancelOrder(name, order.broker_order_id))
        else:
            probe("arrival.cancel_waits_for_a_name")

    def named(self, step: Step, order: Order) -> None:
        """The broker's name for an order has become known: a cancellation may have waited for it."""
        if order.cancel_intended and order.status in LIVE:
            step.ask(CancelOrder(order.request.client_order_id, order.broker_order_id))

    def _press(self, step: Step, name: ClientOrderId, order: Order) -> None:
        """Ask again for a cancellation that has had no effect; one that the broker has taken up is only waited for."""
        asked_at = max(order.cancel_asked_at, self._pressed_at.get(name, 0))
        is_asked = step.at - asked_at < CANCEL_AGAIN_SECONDS * SECOND
        if order.status is OrderStatus.PENDING_CANCEL or is_asked:
            return
        probe("arrival.cancel_asked_again")
        self._pressed_at[name] = step.at
        step.ask(CancelOrder(name, order.broker_order_id))

    def _end(
        self, step: Step, order: Order, status: OrderStatus, reason: str, evidence: Evidence | None = None
    ) -> None:
        asked = order.request
        report = OrderReport(
            asked.client_order_id,
            order.broker_order_id,
            asked.symbol,
            asked.side,
            asked.shares,
            status,
            order.reported_filled,
            step.at,
            reason,
        )
        step.record(OrderReported(step.at, report, evidence))
