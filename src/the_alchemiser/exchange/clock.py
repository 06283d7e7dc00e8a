"""How wall time drives exchange time."""

from __future__ import annotations

import time

NANOS_PER_SECOND = 1_000_000_000
_PUMP_SECONDS_SHORTEST, _PUMP_SECONDS_LONGEST = 0.005, 0.05
_TICK_SECONDS = 10.0


class FreeClock:
    """Exchange time runs on by itself, `speed` times as fast as wall time, from `origin` on, unless paused.

    In lockstep mode there is no clock: time stands still until a client moves it.
    """

    def __init__(self, origin: int, speed: float) -> None:
        self.speed = speed
        self.paused = False
        self._origin = origin
        self._started = time.monotonic_ns()

    def now(self) -> int:
        """The instant (ns UTC) exchange time should have reached."""
        if self.paused:
            return self._origin
        return self._origin + int((time.monotonic_ns() - self._started) * self.speed)

    def set(self, instant: int) -> None:
        """Runs, or stands, from this instant on."""
        self._origin, self._started = instant, time.monotonic_ns()

    def pause(self) -> None:
        """Stands still until `resume`."""
        self.set(self.now())
        self.paused = True

    def resume(self) -> None:
        """Runs on from where it stands."""
        self.set(self.now())
        self.paused = False

    @property
    def pump_seconds(self) -> float:
        """How long to wait between two moves of time: a tenth of a market tick, within bounds."""
        return min(_PUMP_SECONDS_LONGEST, max(_PUMP_SECONDS_SHORTEST, _TICK_SECONDS / self.speed / 10))
