"""Which database a journal lives in, by its URL; and what both kinds must be able to do."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError

from the_alchemiser.domain.errors import ConfigurationError

from .sqlite import BUSY_SECONDS, JOURNAL_BYTES_MAX, Connect, SqliteDatabase


class Writer(Protocol):
    """The one session that may write a journal; the database itself keeps every other one out."""

    connection: Connection

    def close(self) -> None:
        """Let another session write."""
        ...


class Database(Protocol):
    """Where one account's journal is kept."""

    @property
    def name(self) -> str:
        """How messages call it; without a password."""
        ...

    def exists(self) -> bool:
        """Whether there is anything to open for reading."""
        ...

    def writer(self) -> Writer:
        """The right to write, and a connection whose commits survive power loss.

        Raises LeaseHeld, naming what the database knows of the other, while another session has it.
        """
        ...

    def end_other_writer(self) -> bool:
        """Take the right to write away from who has it; False where this database cannot."""
        ...

    def reading_engine(self) -> Engine:
        """An engine that can change nothing; each of its transactions sees the state of one moment."""
        ...

    def require_same(self) -> None:
        """Raises StoreUnavailable where what was opened is no longer what its name says."""
        ...

    def one_clear_line(self) -> AbstractContextManager[None]:
        """Turns what the driver, SQLAlchemy and the row decoders raise into our errors, one line each."""
        ...


def database_of(
    url: str,
    *,
    busy_seconds: float = BUSY_SECONDS,
    bytes_max: int = JOURNAL_BYTES_MAX,
    connect: Connect = sqlite3.connect,
) -> Database:
    """The database of a URL; what is not the URL's concerns SQLite alone. Raises ConfigurationError."""
    parsed = _parsed(url)
    if parsed.get_backend_name() == "postgresql":
        from .postgres import PostgresDatabase

        return PostgresDatabase(parsed)
    return SqliteDatabase(parsed, busy_seconds=busy_seconds, bytes_max=bytes_max, connect=connect)


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(
            "DATABASE_URL is not a database URL (example: sqlite:///data/alchemiser.db)"
        ) from error
