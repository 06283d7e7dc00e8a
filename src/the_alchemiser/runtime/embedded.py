"""The embedded exchange as a process of its own: it ends when we do, and its log continues it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from the_alchemiser.domain.errors import AlchemiserError, BrokerUnavailable, ConfigurationError

START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 2.0
"""How long it may take to end by itself: its log survives a kill, so patience would gain nothing."""
COMPLAINT_CHARACTERS_MAX = 500
USAGE = 2
"""The exchange's exit code for options it cannot use."""


class ExchangeRefused(AlchemiserError):
    """The exchange could not start; its own words say why."""


class EmbeddedOptions(msgspec.Struct, frozen=True):
    """What kind of market to trade against. `speed` None is lockstep: time moves only when we ask."""

    seed: int = 7
    speed: float | None = None
    start: str = ""
    cash: str = "100000"
    state: Path | None = None
    """Its command log: a killed exchange continues from it, at the instant it had reached."""

    def arguments(self) -> Sequence[str]:
        """The same as command line arguments."""
        given = {
            "--port": 0,
            "--seed": self.seed,
            "--speed": self.speed or "max",
            "--cash": self.cash,
            "--multiplier": 1,  # the product owns long positions and borrows nothing
            "--start": self.start or None,
            "--state": self.state,
        }
        return [word for name, value in given.items() if value is not None for word in (name, str(value))]


class EmbeddedExchange:
    """A running exchange. It ends when we do, however we end: it watches the pipe that only we hold open."""

    def __init__(self, options: EmbeddedOptions) -> None:
        # A file, not a pipe: nobody reads along, and a full pipe would stop the exchange.
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [
                sys.executable,
                "-m",
                "the_alchemiser.exchange.server",
                *options.arguments(),
                "--regular-hours-only",  # the product neither trades around the sessions nor values by their prices
                "--until-stdin-closes",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
            # Ctrl-C on a terminal is for us; the exchange ends when we do, after our last request.
            start_new_session=True,
        )

    def ready(self) -> dict[str, str]:
        """Its addresses and keys, once it listens. Raises ConfigurationError, ExchangeRefused or BrokerUnavailable."""
        overdue = threading.Timer(START_SECONDS_MAX, self._process.kill)
        overdue.start()
        try:
            line = _pipe(self._process.stdout).readline()
        finally:
            overdue.cancel()
        if line:
            addresses: dict[str, str] = json.loads(line)
            return addresses
        code = self._process.wait()
        self._complaints.seek(0)
        complaint = self._complaints.read()[-COMPLAINT_CHARACTERS_MAX:].strip().removeprefix("exchange: ")
        if code == USAGE:
            raise ConfigurationError(complaint)
        if code > 0:
            raise ExchangeRefused(complaint or "the embedded exchange did not start")
        raise BrokerUnavailable(f"the embedded exchange did not start within {START_SECONDS_MAX:.0f} s")

    def close(self) -> None:
        """Let it end by itself; end it by force where it does not."""
        _pipe(self._process.stdin).close()
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _pipe(self._process.stdout).close()
        self._complaints.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise BrokerUnavailable("the embedded exchange has no pipe")
    return pipe
