"""Which orders came out of ours? Replacements made at the broker, exits of brackets, a request that was taken twice.

They are ours by origin: their fills count for our intent, their ends end it. Nothing of them was decided here, so
nothing of them is undone here either.
"""

from __future__ import annotations

from msgspec.structs import replace

from the_alchemiser.domain.facts import CancelIntended, OrderFollowed
from the_alchemiser.domain.money import ZERO, Shares, plain
from the_alchemiser.domain.orders import ClientOrderId, Kin, Order, OrderReport, Relation
from the_alchemiser.domain.probes import probe
from the_alchemiser.inquiry import ORDERS, Inquiry
from the_alchemiser.state import EngineState
from the_alchemiser.step import Step


class Kinship:
    """Finds the order that a report is of, and takes in those that came out of ours."""

    def __init__(self, state: EngineState, inquiry: Inquiry) -> None:
        self.state = state
        self._inquiry = inquiry

    def find(self, step: Step, report: OrderReport) -> Order | None:
        """The order of ours that the report is of; None for somebody else's."""
        state, its_id = self.state, report.broker_order_id
        known = state.names.get(its_id)
        if known is not None:
            return state.orders[known]
        order = state.orders.get(report.client_order_id)
        if order is not None:
            is_same = order.broker_order_id in ("", its_id) or not its_id
            return order if is_same else self._follow_twin(step, order, report)
        of, relation = state.kin.get(its_id, ("", Relation.REPLACEMENT))
        if not of and report.kin is not None:
            of, relation = self._ancestor(report.kin)
        return self._follow(step, state.orders[of], relation, report) if of else None

    def _ancestor(self, kin: Kin) -> tuple[ClientOrderId, Relation]:
        replaced = self.state.names.get(kin.replaces, "")
        if replaced:
            return replaced, Relation.REPLACEMENT
        return self.state.names.get(kin.leg_of, ""), Relation.LEG

    def is_news(self, report: OrderReport) -> bool:
        """Whether the report names a relative that nothing is known of."""
        if report.kin is None:
            return False
        relatives = (report.kin.replaced_by, *report.kin.legs)
        return any(one and one not in self.state.names and one not in self.state.kin for one in relatives)

    def seek(self, step: Step) -> None:
        """Have the broker asked for the relatives it has only named."""
        if self.state.kin:
            self._inquiry.ask(step, ORDERS)

    def check_legs(self, step: Step, order: Order) -> None:
        """Both exits of a bracket can fill: then more is sold than was bought, and a person must know."""
        if order.relation is not Relation.LEG:
            return
        parent = self.state.orders[order.of]
        filled = sum((leg.booked - leg.counted for leg in self._legs(parent)), ZERO)
        excess = filled - parent.booked
        if excess > 0 and order.booked:
            probe("kinship.both_exits_filled")
            step.alert("critical", self._both_filled(parent, excess))

    def _both_filled(self, parent: Order, excess: Shares) -> str:
        symbol, name = parent.request.symbol, parent.request.client_order_id
        return f"the exits of {name} filled {plain(excess)} shares of {symbol} more than it had opened"

    def _legs(self, parent: Order) -> list[Order]:
        name = parent.request.client_order_id
        return [one for one in self.state.orders.values() if one.of == name and one.relation is Relation.LEG]

    def _follow(self, step: Step, ancestor: Order, relation: Relation, report: OrderReport) -> Order:
        probe("kinship.order_followed")
        of = ancestor.request.client_order_id
        counted = ZERO
        if relation is Relation.REPLACEMENT:
            # A replacement goes on counting where the replaced order stood; one that starts anew shows less.
            counted = ancestor.reported_filled if report.filled >= ancestor.reported_filled else ZERO
            step.alert("warning", self._replaced(ancestor, report))
        if ancestor.relation is Relation.LEG:
            relation, of = Relation.LEG, ancestor.of
        return self._take_in(step, ancestor, of, relation, report, counted)

    def _replaced(self, ancestor: Order, report: OrderReport) -> str:
        asked = ancestor.request
        change = f"{plain(asked.shares)} shares, now {plain(report.shares)}"
        return (
            f"order {asked.client_order_id} was replaced at the broker by {report.client_order_id}: {change}"
        )

    def _follow_twin(self, step: Step, order: Order, report: OrderReport) -> Order:
        """The broker has two orders of one name: both are real, and one of them nobody wants."""
        probe("kinship.same_request_taken_twice")
        name = f"{report.client_order_id}+{report.broker_order_id}"
        step.alert("critical", f"the broker has taken order {report.client_order_id} a second time")
        twin = replace(report, client_order_id=name)
        followed = self._take_in(step, order, report.client_order_id, Relation.TWIN, twin, ZERO)
        # Asked for as soon as the report that brought it here is taken in.
        step.record(CancelIntended(step.at, name))
        return followed

    def _take_in(
        self, step: Step, ancestor: Order, of: str, relation: Relation, report: OrderReport, counted: Shares
    ) -> Order:
        named = report if report.client_order_id else replace(report, client_order_id=report.broker_order_id)
        step.record(OrderFollowed(step.at, ancestor.cycle_id, of, relation, named, counted))
        return self.state.orders[named.client_order_id]
