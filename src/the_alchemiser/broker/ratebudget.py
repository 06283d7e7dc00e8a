"""How many requests may still be sent this minute, and who goes first when they run short."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum

from the_alchemiser.domain.errors import BrokerBusy

REQUESTS_PER_MINUTE = 200
"""Alpaca's limit per account for ordinary plans; the answers' headers correct it."""
RESERVED_SHARE = 0.2
WINDOW_SECONDS = 60.0
MODELLED_LIMIT_MAX = 10_000
"""Alpaca's largest plan; whoever states a larger limit has none, as our own exchange at full speed."""


class Lane(Enum):
    """What a request is for; the value is its longest wait in seconds, after which it gives up (SAFETY goes anyway)."""

    SAFETY = 1.0
    """Cancels and closes: may use the whole budget, and is sent even when the budget says no."""
    ORDER = 5.0
    """Orders and replacements: a price decided longer ago than this is stale."""
    READ = 65.0
    """Everything else can wait for the next window."""


class RateBudget:
    """A sliding minute of requests, corrected by what the broker says is left.

    `now` and `sleep` are in the broker's seconds: with an exchange whose time runs X times faster, give its clock and a
    sleep divided by X. Where time stands still unless asked (lockstep), use `unlimited()`: waiting would be for ever.
    """

    def __init__(
        self,
        requests_per_minute: int = REQUESTS_PER_MINUTE,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.limit = requests_per_minute
        self._now, self._sleep = now, sleep
        self._sent: deque[float] = deque()
        self._closed_until = float("-inf")
        self._lock = threading.Lock()

    @classmethod
    def unlimited(cls) -> RateBudget:
        """A budget that never waits and learns nothing."""
        return _Unlimited()

    def acquire(self, lane: Lane) -> None:
        """Take one request, waiting if need be. Raises BrokerBusy where that would take longer than the lane allows."""
        waited = 0.0
        while (wait := self._reserve(lane)) > 0:
            if waited + wait > lane.value:
                if lane is Lane.SAFETY:
                    self._take(self._now())
                    return
                raise BrokerBusy(
                    f"not sent: the rate limit of {self.limit} requests a minute is used up for {wait:.0f} s"
                )
            waited += wait
            self._sleep(wait)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take the broker's own count from an answer's headers (lower-case names); others may use the same account."""
        limit, remaining = (
            _whole(headers.get("x-ratelimit-limit")),
            _whole(headers.get("x-ratelimit-remaining")),
        )
        with self._lock:
            if limit:
                self.limit = limit
            if limit and remaining is not None and limit <= MODELLED_LIMIT_MAX:
                self._add_foreign(limit - remaining)

    def refused(self, retry_after_seconds: float) -> None:
        """The broker said 429: send nothing but cancels and closes for so long."""
        with self._lock:
            self._closed_until = self._now() + min(max(retry_after_seconds, 1.0), WINDOW_SECONDS)

    def _reserve(self, lane: Lane) -> float:
        """Seconds until this lane may send; at 0 the request is counted as sent."""
        if self.limit > MODELLED_LIMIT_MAX:
            return 0.0
        with self._lock:
            now = self._now()
            wait = self._wait_seconds(now, lane)
            if wait <= 0:
                self._sent.append(now)
            return wait

    def _wait_seconds(self, now: float, lane: Lane) -> float:
        while self._sent and self._sent[0] <= now - WINDOW_SECONDS:
            self._sent.popleft()
        closed = 0.0 if lane is Lane.SAFETY else self._closed_until - now
        share = 1.0 if lane is Lane.SAFETY else 1.0 - RESERVED_SHARE
        excess = len(self._sent) - max(1, int(self.limit * share))
        full = self._sent[excess] + WINDOW_SECONDS - now if excess >= 0 else 0.0
        return max(closed, full)

    def _take(self, now: float) -> None:
        with self._lock:
            self._sent.append(now)

    def _add_foreign(self, used: int) -> None:
        """Requests the broker counted and we did not send (another process, an earlier run) are counted as sent now."""
        now = self._now()
        for _ in range(used - len(self._sent)):
            self._sent.append(now)


class _Unlimited(RateBudget):
    def acquire(self, lane: Lane) -> None:
        return

    def learn(self, headers: Mapping[str, str]) -> None:
        return


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None
