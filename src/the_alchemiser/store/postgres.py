"""PostgreSQL as we use it: how it is reached, who may write, and what its failures mean.

One account's journal is one schema, `alchemiser` unless the URL names another (`?schema=NAME`); so several accounts
share a database without seeing each other. One session writes, held to that by an advisory lock that ends with the
session. A connection pooler between us and the server must pool whole sessions.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import msgspec
from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, ResourceClosedError
from sqlalchemy.pool import NullPool

from the_alchemiser.domain.errors import (
    AlchemiserError,
    ConfigurationError,
    ConnectionLost,
    InvariantBroken,
    JournalCorrupt,
    LeaseHeld,
    StoreUnavailable,
)

try:
    import psycopg
except ImportError as missing:
    raise ConfigurationError(
        "DATABASE_URL names PostgreSQL, which needs a driver: pip install 'the-alchemiser[postgres]'"
    ) from missing

DEFAULT_SCHEMA: Final = "alchemiser"
SCHEMA_PATTERN: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
CONNECT_SECONDS_MAX: Final = 5
STATEMENT_SECONDS_MAX: Final = 5
"""Nothing we ask takes a second; what takes longer waits for a lock, a disk or a network that is not there. With the
time to connect it stays within the life of a lease."""
READERS_MAX: Final = 4
"""Connections one reader keeps."""
SESSION_END_SECONDS_MAX: Final = 2.0
"""How long the server may take to end a session it was told to end."""
LOCK_SPACE: Final = 0x416C6368
"""The first half of our advisory locks' names ("Alch"), so that they meet no other program's."""

_CAUSES = {
    "53100": "its disk is full",
    "53200": "it ran out of memory",
    "53300": "it has no connection left for us",
    "25006": "it is read-only",
    "40001": "another session was in the way",
    "40P01": "another session was in the way",
    "55P03": "another session holds it locked",
    "57014": f"it took longer than {STATEMENT_SECONDS_MAX} s",
    "57P03": "it is starting or stopping",
    "42501": "permission is denied",
}
# Of a connection refused the driver tells only what the server said, in the server's language.
_REFUSALS = {
    re.compile(r'database ".*" does not exist'): "there is no such database",
    re.compile(r'role ".*" does not exist|no pg_hba.conf entry'): "it does not accept this user",
    re.compile("password authentication failed|no password supplied"): "it does not accept this password",
}


class PostgresDatabase:
    """One schema of a database."""

    def __init__(self, url: URL) -> None:
        query = dict(url.query)
        schema = query.pop("schema", DEFAULT_SCHEMA)
        if not isinstance(schema, str) or not SCHEMA_PATTERN.fullmatch(schema):
            raise ConfigurationError(
                f"schema = {schema} in DATABASE_URL: a name of small letters, digits and _ is needed"
            )
        self._schema = schema
        self._options = str(query.pop("options", ""))
        self._url = url.set(drivername="postgresql+psycopg", query=query)
        self.name = f"{url.set(query={}).render_as_string(hide_password=True)} (schema {schema})"

    def exists(self) -> bool:
        with self.one_clear_line():
            engine = self._engine(["-c default_transaction_read_only=on"], poolclass=NullPool)
            with engine.connect() as connection:
                return self._has_schema(connection)

    def writer(self) -> PostgresWriter:
        # Durable on this server, whatever its default; and never waiting longer than a lease can bear.
        options = [
            "-c synchronous_commit=on",
            f"-c statement_timeout={STATEMENT_SECONDS_MAX}s",
            f"-c lock_timeout={STATEMENT_SECONDS_MAX}s",
            f"-c idle_in_transaction_session_timeout={STATEMENT_SECONDS_MAX}s",
        ]
        connection = self._engine(options, poolclass=NullPool).connect()
        try:
            self._require_durable(connection)
            self._take_lock(connection)
            self._make_schema(connection)
        except BaseException:
            connection.close()
            raise
        return PostgresWriter(connection)

    def end_other_writer(self) -> bool:
        """End the session that holds the lock; False where it is not ours to end, or does not end in time."""
        engine = self._engine([], poolclass=NullPool)
        with engine.connect() as connection:
            pid = self._lock_holder(connection)
            if pid is None:
                return True
            return bool(
                connection.execute(
                    text("SELECT pg_terminate_backend(:pid, :milliseconds)"),
                    {"pid": pid, "milliseconds": int(SESSION_END_SECONDS_MAX * 1000)},
                ).scalar_one()
            )

    def reading_engine(self) -> Engine:
        options = ["-c default_transaction_read_only=on"]
        return self._engine(
            options,
            isolation_level="REPEATABLE READ",
            pool_size=READERS_MAX,
            max_overflow=0,
            pool_pre_ping=True,
        )

    def require_same(self) -> None:
        """A server keeps its files itself."""

    @contextmanager
    def one_clear_line(self) -> Iterator[None]:
        """Turns what psycopg, SQLAlchemy and the row decoders raise into our errors, one line each."""
        try:
            yield
        except DBAPIError as error:
            raise self._meaning(error.orig) from error
        except psycopg.Error as error:
            raise self._meaning(error) from error
        except ResourceClosedError as error:
            raise StoreUnavailable(f"the journal at {self.name} is closed") from error
        except (msgspec.MsgspecError, ArithmeticError, UnicodeError) as error:
            raise JournalCorrupt(
                f"the journal at {self.name} holds a row that cannot be read: {error}"
            ) from error

    def _engine(self, options: list[str], **more: Any) -> Engine:
        chosen = " ".join(filter(None, [self._options, f"-c search_path={self._schema}", *options]))
        return create_engine(
            self._url,
            connect_args={
                "options": chosen,
                "connect_timeout": CONNECT_SECONDS_MAX,
                # A server that vanished without a word is noticed by what stays unacknowledged.
                "tcp_user_timeout": STATEMENT_SECONDS_MAX * 1000,
                "keepalives_idle": STATEMENT_SECONDS_MAX,
                "keepalives_interval": 1,
                "keepalives_count": 3,
                "application_name": "alchemiser",
            },
            **more,
        )

    def _has_schema(self, connection: Connection) -> bool:
        found = text("SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = :name")
        return bool(connection.execute(found, {"name": self._schema}).scalar_one())

    def _make_schema(self, connection: Connection) -> None:
        with connection.begin():
            if not self._has_schema(connection):
                connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {self._schema}")

    def _require_durable(self, connection: Connection) -> None:
        with connection.begin():
            if connection.exec_driver_sql("SHOW fsync").scalar_one() != "on":
                raise StoreUnavailable(
                    f"{self.name} runs with fsync = off: what it acknowledges would not survive a power cut"
                )

    def _take_lock(self, connection: Connection) -> None:
        with connection.begin():
            query = text("SELECT pg_try_advisory_lock(:space, :name)")
            is_ours = connection.execute(query, self._lock_name()).scalar_one()
            if not is_ours:
                holder = f"session {self._lock_holder(connection)}"
                text_ = f"another process ({holder}) is writing this journal ({self.name})"
                raise LeaseHeld(text_, owner=holder)

    def _lock_holder(self, connection: Connection) -> int | None:
        query = text(
            "SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            " WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()"
            " AND l.classid::bigint = :space AND l.objid::bigint = (:name + 4294967296) % 4294967296 LIMIT 1"
        )
        found: int | None = connection.execute(query, self._lock_name()).scalar_one_or_none()
        return found

    def _lock_name(self) -> dict[str, int]:
        # The second half is a signed 32-bit number.
        return {"space": LOCK_SPACE, "name": zlib.crc32(self._schema.encode()) - 2**31}

    def _meaning(self, error: BaseException | None) -> AlchemiserError:
        """What a failure says about the server. One it cannot name means that the tables are not what we made."""
        state = getattr(error, "sqlstate", None) or ""
        said = " ".join(str(error).split())
        if state.startswith("23"):
            return InvariantBroken(f"{self.name}: an entry or row would be recorded twice ({said})")
        if state in _CAUSES:
            return StoreUnavailable(f"the journal at {self.name} cannot be used: {_CAUSES[state]}")
        for pattern, refusal in _REFUSALS.items():
            if not state and pattern.search(said):
                return ConfigurationError(f"DATABASE_URL = {self.name}: {refusal}")
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return ConnectionLost(f"the journal at {self.name} cannot be reached: {said}")
        return JournalCorrupt(f"the journal at {self.name} is damaged: {said}")


class PostgresWriter:
    """The session that writes. Its lock ends with it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def close(self) -> None:
        """End the session; of one that broke nothing more is asked."""
        with suppress(DBAPIError, psycopg.Error):
            driver: Any = self.connection.connection.driver_connection
            if driver is None or driver.broken:
                self.connection.invalidate()
            self.connection.close()
