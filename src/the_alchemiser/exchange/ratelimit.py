"""How many requests a minute an account has left, counted in exchange time."""

from __future__ import annotations

from collections import deque

SECOND_NANOS = 1_000_000_000
MINUTE_NANOS = 60 * SECOND_NANOS
UNLIMITED = 1_000_000  # what the headers say of an account without a limit


class RequestBudget:
    """A fixed window of one minute, or with `rolling` the 60 seconds before now.

    Alpaca does not say which its window is; a fixed one is what its `Reset` header suggests. 0 = unlimited.
    """

    def __init__(self, requests_per_minute: int, *, rolling: bool = False) -> None:
        self.limit = requests_per_minute
        self._rolling = rolling
        self._window = -1
        self._spent = 0
        self._recent: deque[int] = deque(maxlen=max(1, requests_per_minute))

    def spend(self, now: int) -> bool:
        """Takes one request out of the budget; False when none is left."""
        if self._rolling and self.limit:
            return self._spend_rolling(now)
        window = now // MINUTE_NANOS
        if window != self._window:
            self._window, self._spent = window, 0
        self._spent += 1
        return not self.limit or self._spent <= self.limit

    def _spend_rolling(self, now: int) -> bool:
        """Only requests that were let in count."""
        recent = self._recent
        while recent and recent[0] <= now - MINUTE_NANOS:
            recent.popleft()
        has_room = len(recent) < self.limit
        if has_room:
            recent.append(now)
        self._spent = len(recent)
        return has_room

    def headers(self) -> dict[str, str]:
        """The three `X-Ratelimit-*` headers; `Reset` in Unix seconds of exchange time."""
        remaining = max(0, self.limit - self._spent) if self.limit else UNLIMITED
        return {
            "X-Ratelimit-Limit": str(self.limit or UNLIMITED),
            "X-Ratelimit-Remaining": str(remaining),
            "X-Ratelimit-Reset": str(-(-self._resets_at // SECOND_NANOS)),
        }

    @property
    def _resets_at(self) -> int:
        if self._recent:
            return self._recent[0] + MINUTE_NANOS
        return (self._window + 1) * MINUTE_NANOS

    def seconds_until_reset(self, now: int) -> int:
        """Whole exchange seconds until there is room again, at least 1 (for `Retry-After`)."""
        return max(1, -(-(self._resets_at - now) // SECOND_NANOS))
