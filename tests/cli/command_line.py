"""The command as a person or a script runs it: a process of its own, in an empty folder, with nothing set."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import structlog
from wire import WireExchange

from the_alchemiser.cli import main

COMMAND = [sys.executable, "-m", "the_alchemiser"]
SECONDS_MAX = 120.0
KEY, SECRET = "PKCANARYCANARYCANARY", "canary-secret-0123456789-canary-secret"
SIGNING_KEY = "canary-signing-key-0123456789-0123456789"
CANARIES = (KEY, SECRET, SIGNING_KEY)
"""Planted wherever a secret may stand; none of them may ever be seen again."""


@dataclass(frozen=True)
class Ran:
    """How one command ended. No traceback and no secret is in anything it said or left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output, which must be exactly one JSON document."""
        return json.loads(self.out, parse_float=Decimal)

    @property
    def complaints(self) -> list[str]:
        """What it said was wrong, a line each."""
        prefix = "alchemiser: "
        return [line.removeprefix(prefix) for line in self.err.splitlines() if line.startswith(prefix)]

    @property
    def complaint(self) -> str:
        """The one line it said was wrong."""
        assert len(self.complaints) == 1, self
        return self.complaints[0]


class CommandLine:
    """Runs `alchemiser` in `folder`; settings are given as keywords, as they stand in the environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: object, preexec_fn: Any = None, **settings: object) -> Ran:
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            check=False,
            cwd=self.folder,
            env=self.environment(settings),
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            stdin=subprocess.DEVNULL,
            preexec_fn=preexec_fn,
        )
        self.check(done.stdout, done.stderr)
        return Ran(done.returncode, done.stdout, done.stderr)

    def environment(self, settings: Mapping[str, object]) -> dict[str, str]:
        given = {name: str(value) for name, value in settings.items()}
        inherited = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        return {**inherited, "JWT_SECRET_KEY": SIGNING_KEY, **given}

    def check(self, *said: str) -> None:
        """No traceback was shown; no secret was shown or written."""
        assert not any("Traceback" in text for text in said), said
        assert not any(canary in text for text in said for canary in CANARIES), said
        for path in self.folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert not any(canary.encode() in content for canary in CANARIES), path

    @contextmanager
    def started(self, *arguments: object, **settings: object) -> Iterator[subprocess.Popen[str]]:
        """The command while it runs, in a process group of its own, as a terminal starts it."""
        process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            cwd=self.folder,
            env=self.environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


class InThisProcess(CommandLine):
    """The same without a process of its own: fit for commands that only read or refuse, and far quicker."""

    def __call__(self, *arguments: object, preexec_fn: Any = None, **settings: object) -> Ran:
        assert preexec_fn is None
        out, err = io.StringIO(), io.StringIO()
        before = dict(os.environ)
        os.environ.update(self.environment(settings))
        os.environ.pop("COLUMNS", None)
        try:
            with chdir(self.folder), redirect_stdout(out), redirect_stderr(err), logging_left_alone():
                code = main([*map(str, arguments)])
        finally:
            os.environ.clear()
            os.environ.update(before)
        self.check(out.getvalue(), err.getvalue())
        return Ran(code, out.getvalue(), err.getvalue())


@contextmanager
def logging_left_alone() -> Iterator[None]:
    """A command sets up the logging of its process, which here is the tests' own."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


def interrupt(process: subprocess.Popen[str]) -> Ran:
    """Ctrl-C: the terminal signals the whole group."""
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS_MAX)
    return Ran(process.returncode, out, err)


def keys_of(exchange: WireExchange) -> dict[str, str]:
    """The settings that name an exchange as the broker."""
    return {
        "ALPACA_API_KEY": exchange.key,
        "ALPACA_SECRET_KEY": exchange.secret,
        "ALPACA_BASE_URL": exchange.rest,
    }
