"""Trade updates as they are told: at an instant of their own, with an id, and how many of them are remembered."""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from the_alchemiser.exchange.ids import derived_ulid
from the_alchemiser.exchange.rows import update_row
from the_alchemiser.exchange.timestamps import rfc3339
from the_alchemiser.exchange.venue.orders import Update

HISTORY_LIMIT = 10_000  # updates an account remembers; older ones are forgotten
WAITING_LIMIT = 10_000  # updates that wait for one reader before all of them are dropped

Row = dict[str, Any]


class Told(NamedTuple):
    """An update as it is told. `at` differs from that of every other update of the account, so that whoever has
    read this one can ask for all later ones by time; the id sorts like `at`.
    """

    at: int
    update: Update

    @property
    def id(self) -> str:
        """Worked out when it is asked for: most updates are never told to anybody."""
        return derived_ulid(self.at, self.update.sequence, self.update.order.id)

    def row(self) -> Row:
        """The `data` of a trade_updates frame, and an event of the event route."""
        return {**update_row(self.update), "at": rfc3339(self.at), "event_id": self.id}


_at, _id = attrgetter("at"), attrgetter("id")


class History:
    """The latest updates of one account, oldest first."""

    def __init__(self, limit: int = HISTORY_LIMIT) -> None:
        self._told: deque[Told] = deque(maxlen=limit)
        self._last_at = 0
        self.forgotten: Told | None = None
        """The latest update that is no longer remembered; None while all are."""

    def take(self, updates: Iterable[Update]) -> list[Told]:
        """Remembers updates; returns them as they are to be told."""
        return [self._take(update) for update in updates]

    def _take(self, update: Update) -> Told:
        self._last_at = max(update.at, self._last_at + 1)
        told = Told(self._last_at, update)
        if len(self._told) == self._told.maxlen:
            self.forgotten = self._told[0]
        self._told.append(told)
        return told

    def since(self, at: int) -> list[Told]:
        """The updates at or after an instant."""
        told = list(self._told)
        return told[bisect_left(told, at, key=_at) :]

    def after_id(self, ulid: str) -> list[Told]:
        """The updates after the one with this id."""
        told = list(self._told)
        return told[bisect_right(told, ulid, key=_id) :]


class Tap:
    """What one reader of the event route has still to be sent."""

    def __init__(self) -> None:
        self._waiting: deque[Told] = deque()
        self._changed = asyncio.Event()
        self.dropped = 0
        """How many updates were dropped because the reader was too slow, since they were last taken."""
        self.closed = False

    def put(self, told: Sequence[Told]) -> None:
        self._waiting += told
        if len(self._waiting) > WAITING_LIMIT:
            self.dropped += len(self._waiting)
            self._waiting.clear()
        self._changed.set()

    def close(self) -> None:
        """Nothing more will come."""
        self.closed = True
        self._changed.set()

    async def take(self, patience_seconds: float) -> tuple[list[Told], int]:
        """What waits and how many were dropped, as soon as there is something; nothing after the patience."""
        if not self._waiting and not self.dropped and not self.closed:
            try:
                await asyncio.wait_for(self._changed.wait(), patience_seconds)
            except TimeoutError:
                return [], 0
        self._changed.clear()
        taken, dropped = list(self._waiting), self.dropped
        self._waiting.clear()
        self.dropped = 0
        return taken, dropped
