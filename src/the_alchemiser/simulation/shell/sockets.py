"""One side of a connection as blocking code wants it: whoever reads waits in virtual time, and nobody else does."""

from __future__ import annotations

import io
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from the_alchemiser.broker.resilience import Waits
from the_alchemiser.broker.sockets import Deadline
from the_alchemiser.domain.errors import BrokerUnavailable
from the_alchemiser.domain.instants import SECOND
from the_alchemiser.simulation.shell.network import End, Host
from the_alchemiser.simulation.threads import Crew
from the_alchemiser.simulation.virtual import VirtualTime

Register = Callable[[Callable[[], None]], None]


class Waiting:
    """How the threads of one process wait for something or for a while, whichever comes first."""

    def __init__(self, time: VirtualTime, crew: Crew) -> None:
        self.time, self._crew = time, crew

    def until(self, register: Register, seconds: float) -> bool:
        """Wait until what `register` is given has been called, or so long; whether it was called."""

        def begin(deliver: Callable[[Any], None]) -> None:
            is_over = False

            def end(came: bool) -> None:
                nonlocal is_over
                if not is_over:
                    is_over = True
                    deliver(came)

            register(lambda: self.time.at(self.time.now, lambda: end(True)))
            self.time.at(self.time.now + round(seconds * SECOND), lambda: end(False))

        return cast("bool", self._crew.wait(begin))


class VirtualWaits(Waits):
    """The waits of budgets and retries, which a stop can end."""

    def __init__(self, waiting: Waiting) -> None:
        super().__init__()
        self._waiting = waiting
        self._sleepers: list[Callable[[], None]] = []
        self._has_ended = False

    def sleep(self, seconds: float) -> None:
        if self._has_ended or self._waiting.until(self._sleepers.append, max(seconds, 0.0)):
            raise BrokerUnavailable("not tried again: the program is stopping")

    def end(self) -> None:
        self._has_ended = True
        sleepers, self._sleepers = self._sleepers, []
        for wake in sleepers:
            wake()


class ThreadNetwork:
    """The `Network` of the broker's adapter, over the world's. TLS is taken for granted: nobody listens in here."""

    def __init__(self, host: Host, waiting: Waiting) -> None:
        self._host, self._waiting = host, waiting

    def open(self, host: str, port: int, context: ssl.SSLContext | None, deadline: Deadline) -> ThreadSocket:
        """As the real one: TimeoutError where nobody answers, ConnectionRefusedError where nobody listens."""
        outcome: list[End | OSError] = []

        def register(wake: Callable[[], None]) -> None:
            def tell(found: End | OSError) -> None:
                outcome.append(found)
                wake()

            self._host.connect(host, port, tell)

        if not self._waiting.until(register, deadline.remaining()):
            raise TimeoutError("timed out")
        if isinstance(outcome[0], OSError):
            raise outcome[0]
        return ThreadSocket(outcome[0], self._waiting)

    def is_silent(self, connected: ThreadSocket) -> bool:
        return connected.is_silent


class ThreadSocket:
    """As much of a socket as `http.client` uses."""

    deadline: Deadline | None = None

    def __init__(self, end: End, waiting: Waiting) -> None:
        self._end, self._waiting = end, waiting
        self._pieces: deque[memoryview] = deque()
        self._is_ended = False
        self._error: OSError | None = None
        self._wake: Callable[[], None] = _nobody
        end.receive(self)

    # What the network tells

    def arrived(self, piece: bytes) -> None:
        self._pieces.append(memoryview(piece))
        self._wake()

    def ended(self, error: OSError | None) -> None:
        self._is_ended, self._error = True, error
        if error is not None:
            self._end.broken(error)
        self._wake()

    # What a thread asks

    @property
    def is_silent(self) -> bool:
        """Whether neither bytes nor the end have come since the last read."""
        return not self._pieces and not self._is_ended

    def settimeout(self, _: float | None) -> None:
        """The deadline says how long a read may wait."""

    def sendall(self, data: bytes) -> None:
        """Let it travel. Raises ConnectionError where the connection is known to be broken."""
        self._end.send(data)

    def recv_into(self, buffer: memoryview) -> int:
        """The next bytes that came, 0 at the end. Raises TimeoutError, ConnectionError."""
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self._is_ended:
                return 0
            self._wait()
        piece = self._pieces.popleft()
        count = min(len(piece), len(buffer))
        buffer[:count] = piece[:count]
        if count < len(piece):
            self._pieces.appendleft(piece[count:])
        return count

    def _wait(self) -> None:
        seconds = self.deadline.remaining() if self.deadline is not None else 0.0
        came = self._waiting.until(self._on_news, seconds)
        self._wake = _nobody
        if not came:
            raise TimeoutError("timed out")

    def _on_news(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def makefile(self, mode: str) -> io.BufferedReader:
        """For reading only, as `http.client` asks."""
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        self._end.close()


class _Reader(io.RawIOBase):
    def __init__(self, connected: ThreadSocket) -> None:
        self._connected = connected

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._connected.recv_into(memoryview(buffer))


def _nobody() -> None:
    """Nobody waits."""
