"""The command log: every command that can change the exchange, in order, with its exchange time.

One JSON object a line. The first line names what the commands ran against (seed, cash, start, data); the
exchange is deterministic, so running the lines again gives the same orders, ids, fills, cash and time. A line
is handed to the operating system before the command runs, and so before its answer leaves: killing the
process loses nothing that a client has been told.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

LOCK_PATIENCE_SECONDS = 5.0
_LOCK_POLL_SECONDS = 0.05
_FORMAT = 1

Command = dict[str, Any]


class JournalError(Exception):
    """The command log cannot be used; the text says why in one line."""


class CommandLog:
    """An append-only file, locked against a second exchange for as long as this one lives."""

    def __init__(self, path: Path, setting: dict[str, Any]) -> None:
        """Opens or creates the log for this `setting`. Raises JournalError."""
        self._path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(f"cannot open the state file {path}: {error.strerror}") from error
        self._lock()
        self._encoder = msgspec.json.Encoder()
        self._commands = self._read(setting)

    def replayed(self) -> Iterator[Command]:
        """The commands of earlier runs, once, in order."""
        commands, self._commands = self._commands, []
        return iter(commands)

    def append(self, command: Command) -> None:
        """Hands one line to the operating system as a whole, or raises OSError and leaves the file as it was."""
        line = self._encoder.encode(command) + b"\n"
        size = os.fstat(self._file).st_size
        written = 0
        try:
            while written < len(line):
                written += os.write(self._file, line[written:])
        except OSError:
            os.ftruncate(self._file, size)
            raise

    def close(self) -> None:
        """Releases file and lock."""
        os.close(self._file)

    def _lock(self) -> None:
        deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(self._file)
                    raise JournalError(f"the state file {self._path} is in use by another exchange") from None
                time.sleep(_LOCK_POLL_SECONDS)

    def _read(self, setting: dict[str, Any]) -> list[Command]:
        lines = self._whole_lines()
        header = {"exchange_commands": _FORMAT, **setting}
        if not lines:
            self.append(header)
            return []
        found = self._parse(lines[0], 1)
        for name, value in header.items():
            if found.get(name) != value:
                raise JournalError(
                    f"the state file {self._path} was written with {name} {found.get(name)!r}, not {value!r}"
                )
        return [self._parse(line, number) for number, line in enumerate(lines[1:], start=2)]

    def _whole_lines(self) -> list[bytes]:
        """Every complete line; a torn last one (the process died while writing it) is cut off the file."""
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole != len(content):
            os.ftruncate(self._file, whole)
        return content[:whole].splitlines()

    def _parse(self, line: bytes, number: int) -> Command:
        try:
            return msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise JournalError(f"line {number} of the state file {self._path} is damaged") from error
