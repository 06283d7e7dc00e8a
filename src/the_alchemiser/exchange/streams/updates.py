"""One trade update as the trading stream and the event route tell it, and how many of them are remembered."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable
from typing import Any

from the_alchemiser.exchange.ids import derived_ulid
from the_alchemiser.exchange.rows import update_row
from the_alchemiser.exchange.venue.orders import Update

HISTORY_LIMIT = 20_000  # updates an account remembers; older ones are forgotten

Row = dict[str, Any]


def event_id(update: Update) -> str:
    """A ULID: sorts by time, then by the account's own count of updates."""
    return derived_ulid(update.at, update.sequence, update.order.id)


def told(update: Update) -> Row:
    """The `data` of a trade_updates frame, and an event of the event route."""
    return {**update_row(update), "event_id": event_id(update)}


class History:
    """The latest updates of one account, oldest first."""

    def __init__(self, limit: int = HISTORY_LIMIT) -> None:
        self._updates: deque[Update] = deque(maxlen=limit)
        self._forgotten_at: int | None = None

    def remember(self, updates: Iterable[Update]) -> None:
        for update in updates:
            if len(self._updates) == self._updates.maxlen:
                self._forgotten_at = self._updates[0].at
            self._updates.append(update)

    @property
    def forgotten_at(self) -> int | None:
        """The instant of the latest update that is no longer remembered; None while all are."""
        return self._forgotten_at

    def since(self, at: int) -> list[Update]:
        """The updates at or after an instant."""
        updates = list(self._updates)
        return updates[bisect_left(updates, at, key=lambda update: update.at) :]

    def after_id(self, ulid: str) -> list[Update]:
        """The updates after the one with this id."""
        updates = list(self._updates)
        return updates[bisect_right(updates, ulid, key=event_id) :]
