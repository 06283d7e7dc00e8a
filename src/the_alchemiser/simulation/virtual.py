"""Virtual time: what is set for an instant happens then, and the exchange moves along. Nobody waits."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from the_alchemiser.domain.instants import Nanos
from the_alchemiser.exchange.venue.core import Exchange

Action = Callable[[], None]


class VirtualTime:
    """The one clock of a world, and its agenda. The exchange's time is the world's time.

    Actions of one instant happen in the order they were set; with `latest_first`, in the opposite order.
    """

    def __init__(
        self, exchange: Exchange, on_update: Action = lambda: None, *, latest_first: bool = False
    ) -> None:
        self.exchange, self.on_update = exchange, on_update
        self.actions = 0
        self._agenda: list[tuple[Nanos, int, Action]] = []
        self._count = 0
        self._sign = -1 if latest_first else 1
        self._told = exchange.update_count

    @property
    def now(self) -> Nanos:
        """The instant, in nanoseconds of UTC."""
        return self.exchange.now

    def at(self, instant: Nanos, action: Action) -> None:
        """Let `action` happen at an instant; one that has passed means now."""
        self._count += 1
        heapq.heappush(self._agenda, (max(instant, self.now), self._sign * self._count, action))

    def run(self, until: Nanos) -> None:
        """Everything that is set up to an instant, and what follows from it, happens; then it is that instant."""
        while self._agenda and self._agenda[0][0] <= until:
            self.run_next(until)
        self._move(until)

    def run_next(self, until: Nanos) -> None:
        """The next action, or what the exchange has to say before it."""
        due = self._agenda[0][0]
        if due > self.now and self._move(min(due, until), stop_on_update=True):
            return
        action = heapq.heappop(self._agenda)[2]
        self.actions += 1
        action()
        self._tell()

    def _move(self, until: Nanos, *, stop_on_update: bool = False) -> bool:
        """Whether the exchange had something to say on the way."""
        self.exchange.advance(until, stop_on_update=stop_on_update)
        return self._tell()

    def _tell(self) -> bool:
        if self.exchange.update_count == self._told:
            return False
        self._told = self.exchange.update_count
        self.on_update()
        return True
