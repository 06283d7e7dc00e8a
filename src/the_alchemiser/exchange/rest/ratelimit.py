"""How many requests a minute an account has left, counted in exchange time."""

from __future__ import annotations

MINUTE_NANOS = 60_000_000_000


class RequestBudget:
    """A fixed window of one minute.

    Alpaca does not say whether its window is fixed or rolling; a fixed one is what its `Reset` header
    suggests.
    """

    def __init__(self, requests_per_minute: int) -> None:
        self.limit = requests_per_minute
        self._window = -1
        self._spent = 0

    def spend(self, now: int) -> bool:
        """Takes one request out of the minute that contains `now`; False when none is left. 0 = unlimited."""
        window = now // MINUTE_NANOS
        if window != self._window:
            self._window, self._spent = window, 0
        self._spent += 1
        return not self.limit or self._spent <= self.limit

    def headers(self) -> dict[str, str]:
        """The three `X-Ratelimit-*` headers; `Reset` in Unix seconds of exchange time."""
        remaining = max(0, self.limit - self._spent) if self.limit else 1_000_000
        return {
            "X-Ratelimit-Limit": str(self.limit or 1_000_000),
            "X-Ratelimit-Remaining": str(remaining),
            "X-Ratelimit-Reset": str((self._window + 1) * 60),
        }

    def seconds_until_reset(self, now: int) -> int:
        """Whole exchange seconds until the window ends, at least 1 (for `Retry-After`)."""
        return max(1, -(-((self._window + 1) * MINUTE_NANOS - now) // 1_000_000_000))
