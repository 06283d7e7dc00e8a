"""Statements written in SQLAlchemy, compiled once and handed to the driver itself.

An append runs seven statements on average. Through SQLAlchemy's execution each costs some 80 µs, more than the rows
themselves; compiled beforehand it costs less than 10, and the SQL stays SQLAlchemy's own, right for any dialect.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, select, update
from sqlalchemy.sql.expression import ClauseElement

from .records import RECORDS, Record
from .tables import DERIVED, journal, projection

Row = Mapping[str, Any]


class Statement:
    """One statement, ready for one connection's driver. Parameters are given by name."""

    def __init__(self, connection: Connection, clause: ClauseElement, names: Iterable[str]) -> None:
        compiled: Any = clause.compile(dialect=connection.dialect, column_keys=list(names))
        self._sql: str = compiled.string
        self._arrange = _arrangement(compiled.positiontup)
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


class Statements:
    """All that the writer of a journal says to its database while it trades."""

    def __init__(self, connection: Connection) -> None:
        self.append = Statement(connection, insert(journal), journal.c.keys())
        self.mark = Statement(connection, update(projection), ("version", "seq", "hash"))
        self.insert: dict[type[Record], Statement] = {}
        self.update: dict[type[Record], Statement] = {}
        self.find: dict[type[Record], Statement] = {}
        for kind in RECORDS:
            self._prepare(connection, kind, DERIVED[kind])

    def close(self) -> None:
        """Let go of the connection."""
        for statement in (
            self.append,
            self.mark,
            *self.insert.values(),
            *self.update.values(),
            *self.find.values(),
        ):
            statement.close()

    def _prepare(self, connection: Connection, kind: type[Record], table: Table) -> None:
        is_it = [column == bindparam(f"key_{column.name}") for column in table.primary_key.columns]
        changeable = [name for name in table.c.keys() if name not in kind.KEY]  # noqa: SIM118 (not a mapping)
        self.insert[kind] = Statement(connection, insert(table), table.c.keys())
        self.update[kind] = Statement(connection, update(table).where(*is_it), changeable)
        self.find[kind] = Statement(connection, select(table).where(*is_it), ())
