"""The user's handlers: one that raises harms neither the stream nor the others, and what it missed can be replayed."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from the_alchemiser.domain.probes import probe

log = logging.getLogger(__name__)

FAILURES_MAX = 5
FAILURES_SECONDS = 10.0
"""So many failures within so long, and the handler is left alone for a while."""
REST_SECONDS = 30.0
KEPT_MAX = 1_000
"""The newest of what a handler missed is kept for replay; what is older is counted as lost."""

Handler = Callable[[Any], None]


class Guard:
    """One handler. `call` is what the stream calls: the handler itself, or for a while after many failures the keeper.

    `changed` is told of each change of `call`, `broken` once when the handler is given its rest.
    """

    def __init__(
        self, handler: Handler, changed: Callable[[Handler], None], broken: Callable[[str], None]
    ) -> None:
        self._handler, self._changed, self._broken = handler, changed, broken
        self._failed_at: deque[float] = deque(maxlen=FAILURES_MAX)
        self._kept: deque[Any] = deque()
        self._rest: asyncio.TimerHandle | None = None
        self.failures = 0
        self.lost = 0
        """What was missed and is no longer kept."""

    @property
    def kept(self) -> tuple[Any, ...]:
        """What was missed and can be replayed, oldest first."""
        return tuple(self._kept)

    @property
    def is_resting(self) -> bool:
        """Whether it failed so often that it is not called for the moment."""
        return self._rest is not None

    def failed(self, missed: Any, error: Exception) -> None:
        """It raised over `missed`."""
        self.failures += 1
        self._keep(missed)
        if self.failures == 1 or self.failures % 1000 == 0:
            log.error("stream: a handler failed, %d times so far", self.failures, exc_info=error)
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._failed_at.append(now)
        if len(self._failed_at) == FAILURES_MAX and now - self._failed_at[0] <= FAILURES_SECONDS:
            self._begin_rest(loop, error)

    def replay(self) -> int:
        """Give the handler what it missed, oldest first, until it fails again. Returns how many are left."""
        while self._kept:
            missed = self._kept.popleft()
            try:
                self._handler(missed)
            except Exception:
                self._kept.appendleft(missed)
                log.exception("stream: a handler failed again over what it had missed")
                break
        return len(self._kept)

    def _begin_rest(self, loop: asyncio.AbstractEventLoop, error: Exception) -> None:
        if self._rest is None:
            probe("handlers.resting")
            self._rest = loop.call_later(REST_SECONDS, self._end_rest)
            self._changed(self._keep)
            self._broken(
                f"a handler always fails and rests for {REST_SECONDS:.0f} s: {type(error).__name__} {error}"
            )

    def _end_rest(self) -> None:
        """Try it again; one more failure is enough for another rest."""
        self._rest = None
        now = asyncio.get_running_loop().time()
        self._failed_at.extend([now] * (FAILURES_MAX - 1))
        self._changed(self._handler)

    def _keep(self, missed: Any) -> None:
        self._kept.append(missed)
        if len(self._kept) > KEPT_MAX:
            self._kept.popleft()
            self.lost += 1
