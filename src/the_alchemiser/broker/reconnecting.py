"""When to connect again, and when being deaf must be told. It reads no clock: every instant is given, in seconds."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from the_alchemiser.broker.resilience import Backoff
from the_alchemiser.domain.probes import probe

STABLE_SECONDS = 10.0
"""A connection that listened this long was a good one: the next wait begins again with the shortest."""
ATTEMPTS_PER_MINUTE_MAX = 20
"""No broker is asked for a connection more often, whatever the waits come to."""
FAILURES_MAX = 5
"""So many failures in a row, and a person is told."""
DEAF_SECONDS_MAX = 30.0
"""Told as well before nobody has listened for longer than this."""
ATTEMPT_SECONDS_MAX = 13.0
"""The longest an attempt takes: name, connection, TLS, upgrade, authentication, subscription."""


@dataclass(frozen=True)
class Pause:
    """How long to wait before the next attempt, and whether being deaf must be told now."""

    seconds: float
    is_deaf: bool


class Reconnecting:
    """Counts attempts and failures of one stream. Attempts go on for ever; being deaf is told once until it listens."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._attempts: deque[float] = deque(maxlen=ATTEMPTS_PER_MINUTE_MAX)
        self._listening_since: float | None = None
        self._deaf_since: float | None = None
        self._is_told = False
        self.failures = 0
        """Attempts in a row that came to nothing or to a connection of a few seconds."""

    def begin(self, now: float) -> None:
        """An attempt begins."""
        self._attempts.append(now)
        if self._deaf_since is None:
            self._deaf_since = now

    def listening(self, now: float) -> None:
        """It listens: an outage, if there was one, is over."""
        self._listening_since, self._deaf_since = now, None
        if self._is_told:
            probe("reconnecting.heard_again")
            self._is_told, self.failures = False, 0

    def ended(self, now: float, *, is_hopeless: bool = False, is_suspect: bool = False) -> Pause:
        """The attempt, or the connection it became, has ended.

        `is_hopeless`: trying soon cannot help (refused keys). `is_suspect`: it was ended because it said nothing,
        so it was no good one however long it lived.
        """
        self._judge(now, is_suspect=is_suspect)
        seconds = max(self._backoff.next_seconds(longest=is_hopeless), self._crowded_seconds(now))
        deaf_by_then = (
            now - (now if self._deaf_since is None else self._deaf_since) + seconds + ATTEMPT_SECONDS_MAX
        )
        must_tell = is_hopeless or self.failures >= FAILURES_MAX or deaf_by_then > DEAF_SECONDS_MAX
        is_first = must_tell and not self._is_told
        self._is_told = self._is_told or must_tell
        return Pause(seconds, is_first)

    def _judge(self, now: float, *, is_suspect: bool) -> None:
        since, self._listening_since = self._listening_since, None
        if since is not None:
            self._deaf_since = now
        if since is not None and now - since >= STABLE_SECONDS and not is_suspect:
            self._backoff.reset()
            self.failures = 0
            return
        self.failures += 1

    def _crowded_seconds(self, now: float) -> float:
        """How long until another attempt is within the limit of attempts a minute."""
        if len(self._attempts) < ATTEMPTS_PER_MINUTE_MAX:
            return 0.0
        return self._attempts[0] + 60.0 - now
