"""What does somebody else have open on our account? Counted with our own, never changed or undone by us."""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from the_alchemiser.domain.facts import ExternalOrderSeen
from the_alchemiser.domain.instants import Nanos
from the_alchemiser.domain.money import plain
from the_alchemiser.domain.orders import (
    CLIENT_ORDER_ID_PREFIX,
    BrokerOrderId,
    ClientOrderId,
    OrderReport,
    OrderStatus,
    later,
)
from the_alchemiser.domain.probes import probe
from the_alchemiser.state import EngineState
from the_alchemiser.step import Step

MISSED_MIN = 2
"""So many reads in a row must lack an order of somebody else's, in the list and when asked for it, to end it."""
GONE = "the broker no longer knows it"


class Others:
    """Follows the orders that are not ours."""

    def __init__(self, state: EngineState) -> None:
        self.state = state
        self._missed: dict[BrokerOrderId, int] = {}

    def knows(self, report: OrderReport) -> bool:
        """Whether this order was met before."""
        name = report.broker_order_id
        return name in self.state.others or name in self.state.others_ended

    def take(self, step: Step, report: OrderReport) -> bool:
        """Take in the broker's word on an order that is not ours. True where it was filled further than we knew."""
        if not self.state.account_number:
            return False  # The record with which the account is opened will show it.
        name = report.broker_order_id
        known = self.state.others.get(name) or self.state.others_ended.get(name)
        if known is None:
            if report.status.is_done:
                return False  # Its executions alone count, and they are told of by themselves.
            step.record(ExternalOrderSeen(step.at, report))
            self._tell(step, report)
            return report.filled > 0
        status, filled = later(known.status, report.status), max(known.filled, report.filled)
        if known.reason == GONE and not report.status.is_done:
            status = report.status  # That it had ended was our belief alone.
        if (status, filled) == (known.status, known.filled):
            return False
        step.record(ExternalOrderSeen(step.at, replace(report, status=status, filled=filled)))
        return filled > known.filled

    def end_missing(
        self, step: Step, told: Collection[OrderReport], unread: Collection[ClientOrderId], asked_at: Nanos
    ) -> bool:
        """An order of theirs that the broker, asked for it twice, does not know has ended. True where there was one.

        `unread` are those that could not be asked for.
        """
        reported = {one.broker_order_id for one in told}
        missing = {
            name: one
            for name, one in self.state.others.items()
            if name not in reported and one.client_order_id not in unread and one.at < asked_at
        }
        self._missed = {name: self._missed.get(name, 0) + 1 for name in missing}
        ended = [report for name, report in missing.items() if self._missed[name] >= MISSED_MIN]
        for report in ended:
            probe("others.order_vanished")
            step.record(ExternalOrderSeen(step.at, replace(report, status=OrderStatus.CANCELED, reason=GONE)))
        return bool(ended)

    def _tell(self, step: Step, report: OrderReport) -> None:
        probe("others.order_adopted")
        asked = plain(report.shares) if report.shares else f"${plain(report.notional or report.shares)} of"
        text = f"{report.side.value} {asked} {report.symbol} ({report.client_order_id or report.broker_order_id})"
        if report.client_order_id.startswith(CLIENT_ORDER_ID_PREFIX):
            # The journal may be an older copy of itself: its name is ours, so nobody else will look after it.
            step.alert("error", f"an order with our name that the journal does not know is open: {text}")
        else:
            step.alert("warning", f"an order that is not ours is open and counted: {text}")
