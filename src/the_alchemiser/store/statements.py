"""Statements written in SQLAlchemy, compiled once and handed to the driver itself.

An append runs seven statements on average. Through SQLAlchemy's execution each costs some 80 µs, more than the rows
themselves; compiled beforehand it costs less than 10, and the SQL stays SQLAlchemy's own, right for any dialect.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Dialect, bindparam, insert, select, update
from sqlalchemy.sql.expression import ClauseElement

from .records import RECORDS
from .tables import DERIVED, journal, lease, projection

Row = Mapping[str, Any]


class Statement:
    """One statement, ready for one connection's driver. Parameters are given by name."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._sql, self._arrange = _compiled(connection.dialect)[name]
        self._cursor = connection.connection.cursor()

    def run(self, rows: Iterable[Row]) -> None:
        """Once for each row."""
        self._cursor.executemany(self._sql, [self._arrange(row) for row in rows])

    def first(self, row: Row) -> dict[str, Any] | None:
        """The one row it finds."""
        self._cursor.execute(self._sql, self._arrange(row))
        found = self._cursor.fetchone()
        names = (column[0] for column in self._cursor.description or ())
        return None if found is None else dict(zip(names, found, strict=True))

    def close(self) -> None:
        """Let go of the connection: SQLite keeps a file open as long as any statement on it lives."""
        self._cursor.close()


def _arrangement(positions: list[str] | None) -> Callable[[Row], Any]:
    """How this driver wants its parameters: by position, or (None) by name."""
    if positions is None:
        return dict
    if len(positions) == 1:
        return lambda row: (row[positions[0]],)
    return operator.itemgetter(*positions)


def _clauses() -> Iterator[tuple[str, ClauseElement, Iterable[str]]]:
    """Every statement by name, with the columns it is given values for."""
    yield "append", insert(journal), journal.c.keys()
    # On PostgreSQL the row is locked until the transaction ends, on SQLite the whole file is.
    is_ours = lease.c.epoch == bindparam("key_epoch")
    yield "lease", select(lease.c.epoch).where(is_ours).with_for_update(read=True), ()
    yield "mark", update(projection), ("version", "seq", "hash")
    for kind in RECORDS:
        table = DERIVED[kind]
        is_it = [column == bindparam(f"key_{column.name}") for column in table.primary_key.columns]
        changeable = [name for name in table.c.keys() if name not in kind.KEY]  # noqa: SIM118 (not a mapping)
        yield f"insert {table.name}", insert(table), table.c.keys()
        yield f"update {table.name}", update(table).where(*is_it), changeable
        yield f"find {table.name}", select(table).where(*is_it), ()


_by_dialect: dict[str, dict[str, tuple[str, Callable[[Row], Any]]]] = {}


def _compiled(dialect: Dialect) -> dict[str, tuple[str, Callable[[Row], Any]]]:
    """Compiled once a process: it takes longer than opening a journal otherwise does."""
    found = _by_dialect.get(dialect.name)
    if found is None:
        found = {}
        for name, clause, columns in _clauses():
            compiled: Any = clause.compile(dialect=dialect, column_keys=list(columns))
            found[name] = (compiled.string, _arrangement(compiled.positiontup))
        _by_dialect[dialect.name] = found
    return found


class Statements:
    """All that the writer of a journal says to its database while it trades."""

    def __init__(self, connection: Connection) -> None:
        self.append = Statement(connection, "append")
        self.lease = Statement(connection, "lease")
        self.mark = Statement(connection, "mark")
        tables = {kind: DERIVED[kind].name for kind in RECORDS}
        self.insert = {kind: Statement(connection, f"insert {name}") for kind, name in tables.items()}
        self.update = {kind: Statement(connection, f"update {name}") for kind, name in tables.items()}
        self.find = {kind: Statement(connection, f"find {name}") for kind, name in tables.items()}

    def close(self) -> None:
        """Let go of the connection."""
        for statement in (
            self.append,
            self.lease,
            self.mark,
            *self.insert.values(),
            *self.update.values(),
            *self.find.values(),
        ):
            statement.close()
