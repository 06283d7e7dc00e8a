"""Whose time it is: the broker's, kept by our own monotonic clock, or an exchange's that moves only when asked."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from urllib.parse import urlsplit

from the_alchemiser.broker.platform import elapsed
from the_alchemiser.domain.errors import BrokerUnauthorized, BrokerUnavailable
from the_alchemiser.domain.instants import SECOND, Nanos, parse_rfc3339, rfc3339

CONTROL_TIMEOUT_SECONDS = 30.0
PACED_STEP_SECONDS = 0.1
OK, UNAUTHORIZED = 200, 401


class RunningClock:
    """The broker's clock as it was when asked, carried on by the monotonic clock: no step of ours can move it."""

    def __init__(
        self, broker_time: Nanos, speed: float = 1.0, monotonic: Callable[[], int] = elapsed
    ) -> None:
        self.speed = speed
        self._broker_time, self._monotonic = broker_time, monotonic
        self._since = monotonic()

    def now(self) -> Nanos:
        return self._broker_time + int((self._monotonic() - self._since) * self.speed)

    def seconds_until(self, at: Nanos) -> float:
        return max(0.0, (at - self.now()) / SECOND / self.speed)


class LockstepClock:
    """The clock of an embedded exchange in lockstep: it stands still while we think, so every run is the same."""

    def __init__(self, control: ExchangeControl, pace: float | None = None) -> None:
        self._control = control
        self._now = control.read().now
        self._pace = pace
        """Broker seconds per second of ours, to watch a day go by; None runs as fast as it can."""

    def now(self) -> Nanos:
        return self._now

    def seconds_until(self, at: Nanos) -> float:
        return max(0.0, (at - self._now) / SECOND / self._pace) if self._pace else 0.0

    def next_stop(self, due_at: Nanos) -> Nanos:
        """How far to move next: at a chosen pace in small steps, so that a watcher sees the day go by."""
        if not self._pace:
            return due_at
        return min(due_at, self._now + int(self._pace * PACED_STEP_SECONDS * SECOND))

    def advance(self, until: Nanos) -> int:
        """Let the exchange run to `until`, or to the first order update before it.

        Returns how many stream messages the exchange has sent by then.
        """
        self._now, sequence = self._control.advance(max(until, self._now))
        return sequence


class ControlReading:
    """What the exchange says of its clock."""

    __slots__ = ("mode", "now", "speed")

    def __init__(self, now: Nanos, mode: str, speed: float) -> None:
        self.now, self.mode, self.speed = now, mode, speed


class ExchangeControl:
    """The embedded exchange's own control routes. Not for use by several threads at once."""

    def __init__(self, base_url: str, key: str, secret: str) -> None:
        parts = urlsplit(base_url)
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=CONTROL_TIMEOUT_SECONDS)
        self._headers = {
            "APCA-API-KEY-ID": key,
            "APCA-API-SECRET-KEY": secret,
            "Content-Type": "application/json",
        }

    def read(self) -> ControlReading:
        """The exchange's time, and how it moves. Raises BrokerUnavailable where there is no such exchange."""
        body, _ = self._call("GET", "/v1/control/clock", None)
        return ControlReading(
            parse_rfc3339(str(body["now"])), str(body["mode"]), float(str(body["speed"] or 1))
        )

    def advance(self, until: Nanos) -> tuple[Nanos, int]:
        """Move a lockstep exchange; the time reached, and the number of stream messages sent by then."""
        body, sequence = self._call("POST", "/v1/control/advance", {"until": rfc3339(until)})
        return parse_rfc3339(str(body["now"])), sequence

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._connection.close()

    def _call(self, method: str, path: str, body: object) -> tuple[dict[str, object], int]:
        try:
            self._connection.request(method, path, json.dumps(body) if body else None, self._headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as failure:
            self._connection.close()
            raise BrokerUnavailable(f"the embedded exchange does not answer: {failure}") from failure
        if answer.status == UNAUTHORIZED:
            raise BrokerUnauthorized("the exchange refuses these keys")
        if answer.status != OK:
            raise BrokerUnavailable(f"the embedded exchange refused {path} (HTTP {answer.status})")
        return json.loads(content), int(answer.headers.get("X-Stream-Sequence", 0))
