"""SQLite as we use it: how it is opened, who may write, and what its failures mean.

One process writes, held to that by a lock the operating system drops when the process dies, however it
dies. Any number read meanwhile, each from one moment's state.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

import msgspec
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, ResourceClosedError
from sqlalchemy.pool import NullPool

from the_alchemiser.domain.errors import (
    ConfigurationError,
    InvariantBroken,
    JournalCorrupt,
    LeaseHeld,
    StoreUnavailable,
)

BUSY_SECONDS = 1.0
"""How long one try waits for a program that opened the file behind our back; the service then tries again."""
PAGE_BYTES = 4096
JOURNAL_BYTES_MAX = 64 * 2**30
"""A journal is never let grow beyond this: at 100,000 facts a day some thousand days."""

Connect = Callable[..., sqlite3.Connection]
"""How a file is opened: `sqlite3.connect`, or in tests what stands between SQLite and a disk that fails."""
Prepare = Callable[[sqlite3.Connection], None]

_PRIMARY_CODE = 0xFF
_CAUSES = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_BUSY: "another program holds it locked",
    sqlite3.SQLITE_LOCKED: "another program holds it locked",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_PERM: "permission is denied",
    sqlite3.SQLITE_IOERR: "the disk reports an input/output error",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
    sqlite3.SQLITE_NOMEM: "memory ran out",
    sqlite3.SQLITE_INTERRUPT: "the operation was interrupted",
}


class SqliteDatabase:
    """One file. One process writes it, held to that by a lock that ends with the process, however it ends."""

    def __init__(
        self,
        url: URL,
        *,
        busy_seconds: float = BUSY_SECONDS,
        bytes_max: int = JOURNAL_BYTES_MAX,
        connect: Connect = sqlite3.connect,
    ) -> None:
        self.path = _path(url)
        self._busy_seconds, self._bytes_max, self._connect = busy_seconds, bytes_max, connect
        self._inode: int | None = None

    @property
    def name(self) -> str:
        return str(self.path)

    def exists(self) -> bool:
        return self.path.exists()

    def writer(self) -> SqliteWriter:
        lock = WriterLock(self.path)
        try:
            engine = writing_engine(self.path, self._busy_seconds, self._bytes_max, self._connect)
            connection = engine.connect()
        except BaseException:
            lock.release()
            raise
        self._inode = self.path.stat().st_ino
        return SqliteWriter(connection, lock)

    def end_other_writer(self) -> bool:
        """Only whoever may end a process can take its file lock away; a person is asked to."""
        return False

    def reading_engine(self) -> Engine:
        return reading_engine(self.path)

    def require_same(self) -> None:
        """SQLite itself would go on writing into a file that has no name any more."""
        if not self.path.exists() or self.path.stat().st_ino != self._inode:
            raise StoreUnavailable(f"the journal {self.path} was moved or deleted while in use")

    def one_clear_line(self) -> AbstractContextManager[None]:
        return one_clear_line(self.path)


def _path(url: URL) -> Path:
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        shown = url.render_as_string(hide_password=True)
        raise ConfigurationError(
            f"the journal needs a SQLite file (sqlite:///PATH) or PostgreSQL, not {shown}"
        )
    return Path(url.database).absolute()


class SqliteWriter:
    """The connection that writes, and the lock that makes it the only one."""

    def __init__(self, connection: Connection, lock: WriterLock) -> None:
        self.connection, self._lock = connection, lock

    def close(self) -> None:
        """Give the file back."""
        try:
            self.connection.close()
        finally:
            self._lock.release()


def writing_engine(
    path: Path, busy_seconds: float, bytes_max: int, connect: Connect = sqlite3.connect
) -> Engine:
    """An engine whose commits survive power loss; every transaction takes the write lock at once."""
    address = f"file:{quote(str(path))}?mode=rwc"

    def make_durable(connection: sqlite3.Connection) -> None:
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise StoreUnavailable(f"{path} lies where SQLite can keep no write-ahead log (a network drive?)")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA max_page_count = {bytes_max // PAGE_BYTES}")

    return _engine(address, busy_seconds, make_durable, "BEGIN IMMEDIATE", connect)


def reading_engine(path: Path) -> Engine:
    """An engine that can change nothing; each of its transactions sees the state of one moment."""
    if not path.exists():
        raise StoreUnavailable(f"there is no journal at {path} yet; --data DIR looks in another folder")
    return _engine(f"file:{quote(str(path))}?mode=ro", BUSY_SECONDS, lambda _: None, "BEGIN")


def _engine(
    address: str, busy_seconds: float, prepare: Prepare, begin: str, connect: Connect = sqlite3.connect
) -> Engine:
    def prepared() -> sqlite3.Connection:
        # isolation_level None: Python's own notion of transactions would leave schema changes out of ours.
        connection = connect(
            address, uri=True, timeout=busy_seconds, isolation_level=None, check_same_thread=False
        )
        prepare(connection)
        return connection

    engine = create_engine("sqlite://", creator=prepared, poolclass=NullPool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


@contextmanager
def one_clear_line(path: Path) -> Iterator[None]:
    """Turns what SQLite, SQLAlchemy and the row decoders raise into our errors, one line each."""
    try:
        yield
    except (IntegrityError, sqlite3.IntegrityError) as error:
        raise InvariantBroken(
            f"{path}: an entry or row would be recorded twice ({getattr(error, 'orig', error)})"
        ) from error
    except DBAPIError as error:
        raise _meaning(path, error.orig) from error
    except sqlite3.Error as error:
        raise _meaning(path, error) from error
    except ResourceClosedError as error:
        raise StoreUnavailable(f"the journal {path} is closed") from error
    except (msgspec.MsgspecError, ArithmeticError, UnicodeError) as error:
        raise JournalCorrupt(f"the journal {path} holds a row that cannot be read: {error}") from error
    except OSError as error:
        raise StoreUnavailable(f"the journal {path} cannot be used: {error.strerror or error}") from error


def _meaning(path: Path, error: BaseException | None) -> StoreUnavailable:
    """What a failure of SQLite says about the file.

    One it cannot name means that the file is not what we wrote.
    """
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    cause = _CAUSES.get(code & _PRIMARY_CODE)
    if cause is None:
        return JournalCorrupt(f"the journal {path} is damaged: {error}")
    return StoreUnavailable(f"the journal {path} cannot be used: {cause}")


class WriterLock:
    """The right to write one journal.

    The operating system takes it back at the process's end, even after kill -9.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + ".lock")
        self._file: TextIO | None = self._take()

    def _take(self) -> TextIO:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = self._holder(file)
            file.close()
            text = f"another process{holder} is writing this journal ({self._path})"
            raise LeaseHeld(text, owner=holder.strip(" ()")) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        return file

    @staticmethod
    def _holder(file: TextIO) -> str:
        file.seek(0)
        pid = file.read(20).strip()
        return f" (pid {pid})" if pid.isdigit() else ""

    def release(self) -> None:
        """Let another process write.

        The file stays: deleting it would let two processes lock two files of one name.
        """
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None
