"""What is worth another try, how long to wait before it, and which calls may be tried again at all.

Only requests that change nothing are ever repeated. An order, a replacement or a cancellation is sent once: when no
clear answer comes, its outcome is unknown and is settled by looking it up, never by sending it again.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from the_alchemiser.domain.errors import AlchemiserError, BrokerBusy, BrokerUnavailable, OutcomeUnknown

MAX_RETRIES = 3
WAIT_SECONDS_MAX = 60.0
"""No wait of ours is longer, whatever a server asks for: Alpaca's rate window is one minute."""

TRANSIENT_STATUSES = {
    408: "request time-out",
    425: "too early",
    429: "rate limited",
    500: "server error",
    502: "bad gateway",
    503: "service unavailable",
    504: "gateway time-out",
}
_TRANSIENT_WORDS = re.compile(
    r"timed? ?out|connection (error|reset|refused|aborted)|temporarily unavailable", re.IGNORECASE
)
_STATUS_IN_TEXT = re.compile(r"\b(429|500|502|503|504)\b")


def is_transient_error(error: BaseException) -> tuple[bool, str]:
    """Whether trying again can help, and why. The one place where a new transient case is added.

    True only means that repeating is sensible for a request that is safe to repeat; OutcomeUnknown is therefore False.
    """
    if isinstance(error, OutcomeUnknown):
        return False, "the outcome is unknown: look it up, do not send it again"
    if isinstance(error, BrokerBusy):
        return True, "nothing was accepted"
    if isinstance(error, BrokerUnavailable):
        return True, "the broker could not be reached or failed"
    if isinstance(error, AlchemiserError):
        return False, "permanent"
    if isinstance(error, TimeoutError):
        return True, "network time-out"
    if isinstance(error, ConnectionError):
        return True, "connection error"
    return _foreign(error)


def _foreign(error: BaseException) -> tuple[bool, str]:
    """Errors of other libraries: by their status where they carry one, else by their words."""
    status = getattr(error, "status_code", None) or getattr(
        getattr(error, "response", None), "status_code", None
    )
    if isinstance(status, int):
        return status in TRANSIENT_STATUSES, TRANSIENT_STATUSES.get(status, f"HTTP {status} is permanent")
    text = str(error)
    if found := _STATUS_IN_TEXT.search(text):
        return True, TRANSIENT_STATUSES[int(found[1])]
    if _TRANSIENT_WORDS.search(text) or _TRANSIENT_WORDS.search(type(error).__name__):
        return True, "network trouble"
    return False, "permanent"


# Jitter decorrelates processes, so it must differ between them; nothing but waits depends on it.
_any_random = random.SystemRandom().random


class Waits:
    """Waiting that a stop can end: whoever waits then is told that the broker is not to be had any more."""

    def __init__(self) -> None:
        self._is_over = threading.Event()

    def sleep(self, seconds: float) -> None:
        """Wait. Raises BrokerUnavailable, at once or in the middle of it, where waiting has been ended."""
        if self._is_over.wait(max(seconds, 0.0)):
            raise BrokerUnavailable("not tried again: the program is stopping")

    def end(self) -> None:
        """End every wait, also those not begun yet."""
        self._is_over.set()


@dataclass(frozen=True)
class RetryPolicy:
    """How long to wait before each further try; `sleep` and `random` are arguments so that tests need not wait."""

    waits_seconds: tuple[float, ...] = (1.0, 2.0, 4.0)
    jitter_share: float = 0.25
    """Up to this share is added to a wait, so that many clients do not come back together."""
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = _any_random

    def pause(self, retry: int, at_least_seconds: float = 0.0) -> None:
        """Wait before retry number `retry` (0 is the first); a server's own wish is honoured up to the limit."""
        planned = self.waits_seconds[min(retry, len(self.waits_seconds) - 1)]
        planned *= 1 + self.jitter_share * self.random()
        self.sleep(min(max(planned, at_least_seconds), WAIT_SECONDS_MAX))


S2_RETRIES = RetryPolicy(waits_seconds=(2.0, 4.0, 8.0))
"""The slower profile of the service specification; use it with `max_retries=2` (three attempts)."""


@dataclass(frozen=True)
class Operation:
    """What is being done, for errors and logs, and how often its safe requests may be repeated."""

    name: str
    max_retries: int


_UNNAMED = Operation("broker request", 0)
_operation: ContextVar[Operation] = ContextVar("broker_operation", default=_UNNAMED)


def current_operation() -> Operation:
    """The innermost operation this thread or task is in."""
    return _operation.get()


@contextmanager
def alpaca_retry_context(
    max_retries: int = MAX_RETRIES, operation_name: str = "broker request"
) -> Iterator[None]:
    """Name an operation, and let each safe request inside it be repeated up to `max_retries` times on transient errors.

    The repetition happens at the request, not at the block: a block of ten pages repeats one page, and an order sent
    inside the block is still sent once. After the last try the error of that try is raised.
    """
    token = _operation.set(Operation(operation_name, max_retries))
    try:
        yield
    finally:
        _operation.reset(token)


class Backoff:
    """Waits between attempts that go on for ever, doubling; each is drawn between its length and twice that.

    The longest is then between half of `last_seconds` and the whole. `random` is the source of chance, in [0, 1).
    """

    def __init__(
        self,
        first_seconds: float = 0.5,
        last_seconds: float = 30.0,
        random: Callable[[], float] = _any_random,
    ) -> None:
        self._first, self._last, self._random = first_seconds, last_seconds, random
        self._failures = 0

    def reset(self) -> None:
        """Begin again with the shortest wait: the last attempt succeeded."""
        self._failures = 0

    def next_seconds(self, *, longest: bool = False) -> float:
        """The next wait; `longest` where trying soon cannot help (refused keys)."""
        shortest = min(self._first * 2**self._failures, self._last / 2)
        self._failures = min(self._failures + 1, 32)
        shortest = self._last / 2 if longest else shortest
        return shortest * (1 + self._random())
