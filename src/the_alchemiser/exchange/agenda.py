"""What is to happen at instants of the exchange's time, beside what the market and the orders bring."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

from the_alchemiser.exchange.units import NEVER

ENTRIES_LIMIT = 100_000


class Agenda:
    """Actions by instant; those of one instant in the order they were entered."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, int, Callable[[], object]]] = []
        self._numbers = count()
        self._waiting: set[asyncio.Event] = set()

    @property
    def upcoming(self) -> int:
        """The instant of the next entry; NEVER without one."""
        return self._entries[0][0] if self._entries else NEVER

    def enter(self, at: int, action: Callable[[], object]) -> None:
        """Has `action` done once time has reached `at`; at once when the agenda is full."""
        if len(self._entries) >= ENTRIES_LIMIT:
            action()
            return
        heapq.heappush(self._entries, (at, next(self._numbers), action))

    def clear(self) -> None:
        """The time of another world begins: nothing on the agenda happens, and whoever waits waits no longer."""
        waiting, self._waiting, self._entries = self._waiting, set(), []
        for reached in waiting:
            reached.set()

    def reach(self, now: int) -> None:
        """Does everything that is due."""
        while self._entries and self._entries[0][0] <= now:
            heapq.heappop(self._entries)[2]()

    async def until(self, at: int) -> None:
        """Waits until time has reached `at`."""
        reached = asyncio.Event()
        self.enter(at, reached.set)
        self._waiting.add(reached)
        try:
            await reached.wait()
        finally:
            self._waiting.discard(reached)
