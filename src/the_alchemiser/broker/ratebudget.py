"""How many requests may still be sent this minute, and who goes first when they run short."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Protocol

from the_alchemiser.domain.errors import BrokerBusy
from the_alchemiser.domain.probes import probe

REQUESTS_PER_MINUTE = 200
"""Alpaca's limit per account for ordinary plans; the answers' headers correct it."""
RESERVED_SHARE = 0.2
"""Kept free for cancels and closes: whatever else is going on, the way out is open."""
WINDOW_SECONDS = 60.0
MODELLED_LIMIT_MAX = 10_000
"""Alpaca's largest plan; whoever states a larger limit has none, as our own exchange at full speed."""
YIELD_SECONDS = 0.05
"""How soon a request asks again that lets a more urgent one go first."""


class Lane(IntEnum):
    """What a request is for, the most urgent first: while one waits, none of a later lane is let through."""

    SAFETY = 0
    """Cancels and closes: may use the whole budget, and are sent even when the budget says no."""
    EXIT = 1
    """Orders that make a position smaller."""
    ENTRY = 2
    """Orders that make one larger, and replacements."""
    RECONCILE = 3
    """Reads of our own orders, fills, positions and cash."""
    READ = 4
    """Everything else."""

    @property
    def wait_seconds_max(self) -> float:
        """How long a request of this lane waits before it gives up."""
        return _WAIT_SECONDS_MAX[self]

    @property
    def share(self) -> float:
        """How much of the window's budget may be used up when a request of this lane is let through."""
        return 1.0 if self is Lane.SAFETY else 1.0 - RESERVED_SHARE


# An order's price grows old while it waits; a read can wait for the whole next window.
_WAIT_SECONDS_MAX = {
    Lane.SAFETY: 1.0,
    Lane.EXIT: 20.0,
    Lane.ENTRY: 20.0,
    Lane.RECONCILE: 65.0,
    Lane.READ: 65.0,
}


class Tally(Protocol):
    """Where the requests of one window are counted: in this process, or for all processes of an account."""

    def take(self, lane: Lane, limit: int) -> float:
        """Count one request if the lane has room, and return 0; else the seconds until it may have."""
        ...

    def take_anyway(self) -> None:
        """Count one request that goes out whatever the budget says."""
        ...

    def at_least(self, used: int) -> None:
        """The broker has counted so many in its window: requests that we did not know of are added."""
        ...

    def close_for(self, seconds: float) -> None:
        """Let nothing but SAFETY through for so long."""
        ...


class LocalTally:
    """A sliding window of the requests that this process sent. Thread-safe."""

    def __init__(self, now: Callable[[], float], window_seconds: float = WINDOW_SECONDS) -> None:
        self._now, self._window_seconds = now, window_seconds
        self._sent: deque[float] = deque()
        self._closed_until = float("-inf")
        self._lock = threading.Lock()

    def take(self, lane: Lane, limit: int) -> float:
        with self._lock:
            now = self._now()
            wait = self._wait_seconds(now, lane, max(1, int(limit * lane.share)))
            if wait <= 0:
                self._sent.append(now)
            return max(wait, 0.0)

    def take_anyway(self) -> None:
        with self._lock:
            self._sent.append(self._now())

    def at_least(self, used: int) -> None:
        with self._lock:
            now = self._now()
            self._sent.extend([now] * (used - len(self._sent)))

    def close_for(self, seconds: float) -> None:
        with self._lock:
            self._closed_until = self._now() + seconds

    def _wait_seconds(self, now: float, lane: Lane, allowed: int) -> float:
        while self._sent and self._sent[0] <= now - self._window_seconds:
            self._sent.popleft()
        closed = 0.0 if lane is Lane.SAFETY else self._closed_until - now
        excess = len(self._sent) - allowed
        full = self._sent[excess] + self._window_seconds - now if excess >= 0 else 0.0
        return max(closed, full)


class RateBudget:
    """A sliding minute of requests, corrected by what the broker says is left, shared out by urgency.

    `now` and `sleep` are in the broker's seconds: with an exchange whose time runs X times faster, give its clock and a
    sleep divided by X. Where time stands still unless asked (lockstep), use `unlimited()`: waiting would be for ever.
    `tally` is where requests are counted when several processes use one account.
    """

    def __init__(
        self,
        requests_per_minute: int = REQUESTS_PER_MINUTE,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        tally: Tally | None = None,
    ) -> None:
        self.limit = requests_per_minute
        self._sleep = sleep
        self._tally = tally or LocalTally(now)
        self._waiting: Counter[Lane] = Counter()
        self._lock = threading.Lock()

    @classmethod
    def unlimited(cls) -> RateBudget:
        """A budget that never waits and learns nothing."""
        return _Unlimited()

    def acquire(self, lane: Lane) -> None:
        """Take one request, waiting if need be. Raises BrokerBusy where that would take longer than the lane allows."""
        if self._wait_seconds(lane) == 0:
            return
        self._note_waiting(lane, 1)
        try:
            self._wait(lane)
        finally:
            self._note_waiting(lane, -1)

    def _wait(self, lane: Lane) -> None:
        waited = 0.0
        while (wait := self._wait_seconds(lane)) > 0:
            if waited + wait > lane.wait_seconds_max:
                self._out_of_patience(lane, wait)
                return
            probe("ratebudget.waited")
            self._sleep(wait)
            waited += wait

    def _out_of_patience(self, lane: Lane, wait: float) -> None:
        if lane is not Lane.SAFETY:
            raise BrokerBusy(
                f"not sent: the rate limit of {self.limit} requests a minute is used up for {wait:.0f} s",
                retry_after_seconds=wait,
            )
        probe("ratebudget.exceeded_for_safety")
        self._tally.take_anyway()

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take the broker's own count from an answer's headers (lower-case names); others may use the same account."""
        limit, remaining = (
            _whole(headers.get("x-ratelimit-limit")),
            _whole(headers.get("x-ratelimit-remaining")),
        )
        if limit:
            self.limit = limit
        if limit and remaining is not None and limit <= MODELLED_LIMIT_MAX:
            self._tally.at_least(limit - remaining)

    def refused(self, retry_after_seconds: float) -> None:
        """The broker said 429: send nothing but cancels and closes for so long."""
        self._tally.close_for(min(max(retry_after_seconds, 1.0), WINDOW_SECONDS))

    def _wait_seconds(self, lane: Lane) -> float:
        """Seconds until this lane should ask again; at 0 the request is counted as sent."""
        if self.limit > MODELLED_LIMIT_MAX:
            return 0.0
        with self._lock:
            is_outranked = any(count for other, count in self._waiting.items() if other < lane)
        return YIELD_SECONDS if is_outranked else self._tally.take(lane, self.limit)

    def _note_waiting(self, lane: Lane, change: int) -> None:
        with self._lock:
            self._waiting[lane] += change


class _Unlimited(RateBudget):
    def acquire(self, lane: Lane) -> None:
        return

    def learn(self, headers: Mapping[str, str]) -> None:
        return


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None
