"""A disk between SQLite and the file: it writes down what reaches it, and fails where a test says so.

SQLite's own library does the work (a second copy of it, from `apsw`, because Python's lets nobody beneath it); the
connection speaks as `sqlite3` does, so that the journal cannot tell.
"""

# ruff: noqa: N802 (the disk's operations are named by SQLite)

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

Fault = Callable[[str, str], int | None]
"""Told operation (open, read, write, sync, truncate, delete, lock) and file name; gives SQLite's code to fail with."""

_numbers = itertools.count()


@dataclass(frozen=True)
class Happening:
    """One thing that reached the disk, in order; `acknowledge` is the caller's own mark."""

    what: str
    file: str = ""
    offset: int = 0
    data: bytes = b""
    number: int = 0
    """Of a truncation the size, of an acknowledgement the facts so far, of a sync or deletion 1 with the folder."""


@dataclass
class Disk:
    """What happened to every file opened through it."""

    fault: Fault = lambda _what, _file: None
    happenings: list[Happening] = field(default_factory=list)
    pragmas: Sequence[str] = ()
    """Said on each connection behind the journal's own; to plant a bug."""

    def __post_init__(self) -> None:
        self.name = f"disk-{next(_numbers)}"
        self._vfs = _Vfs(self)

    def connect(self, address: str, *, uri: bool, timeout: float, **_: Any) -> Any:
        """As `sqlite3.connect`, with this disk beneath."""
        assert uri
        with _as_sqlite3():
            flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI
            connection = apsw.Connection(address, flags=flags, vfs=self.name)
            connection.set_busy_timeout(int(timeout * 1000))
            return _Connection(connection, self.pragmas)

    def acknowledge(self, facts: int) -> None:
        """The journal has said that so many facts are durable."""
        self.happenings.append(Happening("acknowledge", number=facts))

    def happen(self, what: str, file: str, offset: int = 0, data: bytes = b"", number: int = 0) -> None:
        """Fail if it must; else remember it."""
        code = self.fault(what, file)
        if code is not None:
            raise apsw.exception_for(code)
        if what not in ("read", "lock", "open"):
            self.happenings.append(Happening(what, file, offset, data, number))


class _Vfs(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        super().__init__(disk.name, "")
        self._disk = disk

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        is_new = not Path(path).exists()
        self._disk.happen("open", Path(path).name)
        opened = _File(self._disk, name, flags, Path(path).name)
        if is_new:
            self._disk.happen("create", Path(path).name)
        return opened

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        self._disk.happen("delete", Path(filename).name, number=int(syncdir))


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int], file: str) -> None:
        super().__init__("", name, flags)
        self._disk, self._file = disk, file

    def xRead(self, amount: int, offset: int) -> bytes:
        self._disk.happen("read", self._file)
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.happen("write", self._file, offset, bytes(data))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._disk.happen("truncate", self._file, number=newsize)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        self._disk.happen("sync", self._file)
        super().xSync(flags)

    def xLock(self, level: int) -> None:
        self._disk.happen("lock", self._file)
        super().xLock(level)


@contextmanager
def _as_sqlite3() -> Iterator[None]:
    """Turns apsw's errors into those that `sqlite3` would have raised."""
    try:
        yield
    except apsw.Error as error:
        is_double = isinstance(error, apsw.ConstraintError)
        said = (sqlite3.IntegrityError if is_double else sqlite3.OperationalError)(str(error))
        said.sqlite_errorcode = getattr(error, "extendedresult", sqlite3.SQLITE_ERROR)
        raise said from error


class _Cursor:
    arraysize, lastrowid = 1, None

    def __init__(self, cursor: apsw.Cursor) -> None:
        self._cursor = cursor
        # A statement without rows is finished before it could be asked for its columns, but not yet when it begins.
        cursor.exec_trace = self._see_columns
        self.description: Any = None
        self.rowcount = -1
        self._rows: list[Any] = []

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> _Cursor:
        with _as_sqlite3():
            self._rows = list(self._cursor.execute(sql, parameters or None))
        self.rowcount = self._cursor.connection.changes()
        return self

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> _Cursor:
        with _as_sqlite3():
            for row in rows:
                self._cursor.execute(sql, row)
        return self

    def _see_columns(self, cursor: apsw.Cursor, _sql: str, _bindings: Any) -> bool:
        columns = cursor.get_description()
        self.description = tuple((name, kind, None, None, None, None, None) for name, kind in columns) or None
        return True

    def fetchone(self) -> Any:
        return self._rows.pop(0) if self._rows else None

    def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    def fetchmany(self, size: int = 1) -> list[Any]:
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    def close(self) -> None:
        self._cursor.close(True)


class _Connection:
    isolation_level = None

    def __init__(self, connection: apsw.Connection, pragmas: Sequence[str]) -> None:
        self._connection, self._pragmas = connection, pragmas

    def cursor(self) -> _Cursor:
        return _Cursor(self._connection.cursor())

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> _Cursor:
        done = self.cursor().execute(sql, parameters)
        for pragma in self._pragmas:  # the last word is the test's
            self.cursor().execute(pragma)
        return done

    def create_function(self, name: str, count: int, function: Any, *, deterministic: bool = False) -> None:
        self._connection.create_scalar_function(name, function, count, deterministic=deterministic)

    def commit(self) -> None:
        if self._connection.in_transaction:
            self.cursor().execute("COMMIT")

    def rollback(self) -> None:
        if self._connection.in_transaction:
            self.cursor().execute("ROLLBACK")

    def close(self) -> None:
        with _as_sqlite3():
            self._connection.close(True)
