"""What the judge is told while a world runs: what reached the exchange, what reached an engine, what struck."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import takewhile

import msgspec

from the_alchemiser.domain.events import (
    BrokerRead,
    Event,
    JournalRestored,
    OrderHeard,
    OrdersRead,
    Started,
    StreamRestored,
)
from the_alchemiser.domain.orders import Execution, OrderReport

SUBMIT, CANCEL, REPLACE = "submit", "cancel", "replace"


class Arrival(msgspec.Struct, frozen=True):
    """One request as it reached the exchange. `client_order_id` is the order's to be sent, canceled or replaced."""

    at: int
    machine: str
    kind: str
    client_order_id: str
    durable: int
    """How many facts of the journal were durable at this moment."""
    symbol: str = ""
    side: str = ""
    qty_e9: int = 0
    type: str = "market"
    limit_e4: int | None = None


class Departure(msgspec.Struct, frozen=True):
    """A request as it leaves a machine: `name` is the client order id, or the broker's id of what is to be canceled."""

    name: str
    epoch: int = 0
    """The lease its sender has."""
    in_force: int = 0
    """The lease that is in force."""
    is_submission: bool = False


class Glance(msgspec.Struct, frozen=True):
    """What one engine has in its memory, in the exchange's units."""

    cash_e13: int
    positions_e9: Mapping[str, int]
    free_e13: int
    """The cash it takes to be promised to nobody."""
    orders: Mapping[str, tuple[str, int, int]]
    """Its unfinished orders: status, filled as reported, filled as booked (e9)."""
    sizes: Mapping[str, int] = {}
    """How long its queues, timers and sets are."""


class Hearing:
    """Everything told, in order."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.names: set[str] = set()
        """Client order ids that ever arrived."""
        self.denied: set[str] = set()
        """Client order ids that the broker refused, as a process was told."""
        self.not_found: dict[str, list[int]] = {}
        """When a process was told that there is no order of this name."""
        self.lists: list[int] = []
        """When a list of the open orders reached a process."""
        self.seen: dict[tuple[str, int], int] = {}
        """When an execution (broker's order id, end of its interval) first reached an engine."""
        self.seen_orders: dict[str, int] = {}
        """When an open order, by the broker's id, first reached an engine."""
        self.asked_at: dict[str, int] = {}
        """When something was asked of the broker last, by site, and of a single order by site and name."""
        self.restored_at = 0
        """When an engine learnt last that its stream was back."""
        self.awake_from = 0
        """Since when a process has had the account without a pause, or will have had it."""
        self.struck: list[tuple[int, str]] = []
        """Faults as they struck: when, which."""
        self._fresh: dict[str, set[str]] = {"one": set(), "written": set()}

    def arrived(self, arrival: Arrival) -> None:
        """A request reached the exchange."""
        self.arrivals.append(arrival)
        if arrival.kind == SUBMIT:
            self.names.add(arrival.client_order_id)
            for fresh in self._fresh.values():
                fresh.add(arrival.client_order_id)

    def fresh_names(self, purpose: str) -> set[str]:
        """Client order ids that arrived since this was last asked for that purpose."""
        fresh, self._fresh[purpose] = self._fresh[purpose], set()
        return fresh

    def recent(self, since: int) -> list[Arrival]:
        """The arrivals after an instant."""
        return list(takewhile(lambda arrival: arrival.at > since, reversed(self.arrivals)))

    def delivered(self, at: int, event: Event) -> None:
        """An answer or message reached an engine."""
        if isinstance(event, Started | JournalRestored):
            self.awake_from = max(self.awake_from, at)
        elif isinstance(event, StreamRestored):
            self.restored_at = at
        elif isinstance(event, OrderHeard):
            self._saw_orders(at, (event.report,))
            if event.execution is not None:
                self._saw(at, event.execution)
        elif isinstance(event, BrokerRead):
            self._saw_orders(at, event.state.orders)
            for execution in event.state.executions:
                self._saw(at, execution)
        elif isinstance(event, OrdersRead):
            self._saw_orders(at, event.orders)

    def _saw_orders(self, at: int, reports: Iterable[OrderReport]) -> None:
        for report in reports:
            if not report.status.is_done:
                self.seen_orders.setdefault(report.broker_order_id, at)

    def _saw(self, at: int, execution: Execution) -> None:
        self.seen.setdefault((execution.broker_order_id, int(execution.cum_after.scaleb(9))), at)
