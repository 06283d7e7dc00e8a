"""What the journal has lost, the broker still knows: orders of ours that a damaged, cut or older journal does not hold.

A decision's id is a function of the decision alone, so a journal that forgot an order would make its id once more. The
broker would refuse it, and its answer would tell of the old order. Therefore such orders are taken in before anything
else is decided, and the cycle they belong to is not run again: it may have sent more than can be seen.
"""

from __future__ import annotations

from collections.abc import Sequence

from the_alchemiser.domain.facts import CycleRefused, OrderImported
from the_alchemiser.domain.money import ZERO
from the_alchemiser.domain.orders import OrderReport, cycle_of, is_ours
from the_alchemiser.domain.probes import probe
from the_alchemiser.state import EngineState
from the_alchemiser.step import Step

NAMED_MAX = 5
"""Orders named in the alert; the facts have them all."""
LOST = "orders of it were at the broker and not in the journal"


class Recovery:
    """Takes in orders of ours that the journal does not know."""

    def __init__(self, state: EngineState) -> None:
        self.state = state

    def take(self, step: Step, reports: Sequence[OrderReport], *, is_opening: bool) -> None:
        """Record each as ours. `is_opening`: the ledger was just opened, and so holds what they had filled."""
        lost = [
            report
            for report in reports
            if is_ours(report.client_order_id)
            and report.client_order_id not in self.state.orders
            and not self._is_adopted(report)
        ]
        if not lost:
            return
        probe("recovery.order_imported")
        for report in lost:
            self._import(step, report, is_opening=is_opening)
        names = ", ".join(report.client_order_id for report in lost[:NAMED_MAX])
        more = f" and {len(lost) - NAMED_MAX} more" if len(lost) > NAMED_MAX else ""
        step.alert("critical", f"orders of ours that the journal had lost were taken in: {names}{more}")

    def _is_adopted(self, report: OrderReport) -> bool:
        """Whether it was met before and taken for somebody else's: what it filled is booked so already."""
        name, state = report.broker_order_id, self.state
        is_booked = name in state.external
        return is_booked or name in state.others or name in state.others_ended

    def _import(self, step: Step, report: OrderReport, *, is_opening: bool) -> None:
        cycle_id = cycle_of(report.client_order_id, report.symbol)
        # Only the day's cycles can come back; a decision made on a bar has the bar's instant in its name.
        if cycle_id.isdecimal() and cycle_id not in self.state.ended_cycles:
            probe("recovery.cycle_closed")
            step.record(CycleRefused(step.at, cycle_id, (LOST,)))
        counted = report.filled if is_opening else ZERO
        step.record(OrderImported(step.at, cycle_id, report, counted))
