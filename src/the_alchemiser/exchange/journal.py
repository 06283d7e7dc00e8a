"""The command log: every command that can change the exchange, in order, with its exchange time.

One JSON object a line. The first line names what the commands ran against (seed, cash, start, data …); the
exchange is deterministic, so running the lines again gives the same orders, ids, fills, cash and time. A line
is handed to the operating system before the command runs, and so before its answer leaves: killing the
process loses nothing that a client has been told. Without a file of its own the log lives in an unlinked
temporary one: memory does not grow with it, and it can be saved at any time.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

LOCK_PATIENCE_SECONDS = 5.0
_LOCK_POLL_SECONDS = 0.05
_READ_BYTES = 1 << 20
_PAGE_BYTES = 4096

Command = dict[str, Any]


class JournalError(Exception):
    """The command log cannot be used; the text says why in one line."""


class CommandLog:
    """An append-only file, locked against a second exchange for as long as this one lives."""

    def __init__(self, file: int, path: Path | None) -> None:
        """Takes over a descriptor of a whole or empty log. `path` is None for a temporary file."""
        self.path = path
        self._file = file
        self._encode = msgspec.json.Encoder().encode
        self._size = 0
        self._mark_at: int | None = None  # where the last line begins, if it is a mark
        self._cut_torn_line()

    @classmethod
    def at(cls, path: Path) -> CommandLog:
        """Opens or creates the log at `path` and locks it. Raises JournalError."""
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(f"cannot open the state file {path}: {error.strerror}") from error
        _lock(file, path)
        return cls(file, path)

    @classmethod
    def temporary(cls) -> CommandLog:
        """A new log that nobody else can see and that vanishes with the process."""
        with tempfile.TemporaryFile(prefix="exchange-") as file:
            return cls(os.dup(file.fileno()), None)

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return self._size

    def read(self, offset: int, count: int) -> bytes:
        """A part of its text."""
        return os.pread(self._file, count, offset)

    def header(self) -> dict[str, Any] | None:
        """Its first line; None of a new log. Raises JournalError."""
        for line in self._lines():
            return self._parse(line, 1)
        return None

    @property
    def first_command(self) -> int:
        """Where the line after the header begins."""
        header = next(self._lines(), b"")
        return min(len(header) + 1, self._size)

    def replayed(self) -> Iterator[Command]:
        """Its commands, in order. Raises JournalError."""
        for number, line in enumerate(self._lines(), start=1):
            if number > 1:
                yield self._parse(line, number)

    def append(self, command: Command) -> None:
        """Hands one line to the operating system as a whole, or raises OSError and leaves the file as it was."""
        self._write(self._encode(command) + b"\n", self._size)
        self._mark_at = None

    def mark(self, at: int) -> None:
        """Appends the time reached; a mark right before it has served and is written over. Raises OSError."""
        line = b'{"at":%d,"do":"advance"}\n' % at
        begins = self._mark_at
        if begins is None or not _fits(line, begins, self._size):
            begins = self._size
        self._write(line, begins)
        self._mark_at = begins

    def extend(self, text: bytes) -> None:
        """Appends text that was read from another log. Raises OSError."""
        self._write(text, self._size)

    def move_to(self, path: Path) -> None:
        """Takes the place of the log at `path`, in the same folder. Raises OSError."""
        if self.path is not None:
            self.path.replace(path)
        self.path = path

    def discard(self) -> None:
        """Closes it and takes it away."""
        self.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Releases file and lock."""
        os.close(self._file)

    def _write(self, line: bytes, begins: int) -> None:
        written = 0
        try:
            while written < len(line):
                written += os.pwrite(self._file, line[written:], begins + written)
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size = begins + len(line)

    def _lines(self) -> Iterator[bytes]:
        """Every line as it stands now, read piece by piece: a long log does not have to fit into memory."""
        rest, offset, end = b"", 0, self._size
        while offset < end:
            part = self.read(offset, min(_READ_BYTES, end - offset))
            offset += len(part)
            *lines, rest = (rest + part).split(b"\n")
            yield from lines

    def _cut_torn_line(self) -> None:
        """Cuts a last line off that has no end: the process died while writing it."""
        size = whole = os.fstat(self._file).st_size
        while whole:
            begins = max(0, whole - _READ_BYTES)
            end = self.read(begins, whole - begins).rfind(b"\n") + 1
            whole = begins + end
            if end:
                break
        if whole != size:
            os.ftruncate(self._file, whole)
        self._size = whole

    def _parse(self, line: bytes, number: int) -> Command:
        try:
            return msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            place = f"the state file {self.path}" if self.path else "the state"
            raise JournalError(f"line {number} of {place} is damaged") from error


def _fits(line: bytes, begins: int, ends: int) -> bool:
    """Whether a line can take the place of the last one at once, whenever the process is killed: it must be as
    long, and lie within one page, which the system copies as a whole.
    """
    return begins + len(line) == ends and begins // _PAGE_BYTES == (ends - 1) // _PAGE_BYTES


def _lock(file: int, path: Path) -> None:
    deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(file)
                raise JournalError(f"the state file {path} is in use by another exchange") from None
            time.sleep(_LOCK_POLL_SECONDS)
