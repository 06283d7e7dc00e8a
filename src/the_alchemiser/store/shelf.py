"""Rows on their way into the derived tables: read when needed, changed in memory, written once a commit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update
from sqlalchemy.sql.dml import Insert, Update

from the_alchemiser.domain.errors import InvariantBroken

from .records import RECORDS, Key, R, Record, pack, pack_value, unpack
from .tables import DERIVED

ROWS_KEPT_MAX = 20_000
"""Rows remembered between commits; then all are forgotten and read again when needed."""

Slot = tuple[type[Record], Key]


def _key_conditions(table: Table) -> list[Any]:
    return [column == bindparam(f"key_{column.name}") for column in table.primary_key.columns]


_INSERT: dict[type[Record], Insert] = {kind: insert(table) for kind, table in DERIVED.items()}
_UPDATE: dict[type[Record], Update] = {
    kind: update(table).where(*_key_conditions(table)) for kind, table in DERIVED.items()
}
_FIND = {kind: select(table).where(*_key_conditions(table)) for kind, table in DERIVED.items()}


class Shelf:
    """The Records of one writer.

    After `write` and the commit call `keep`; after any failure call `forget`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._kept: dict[Slot, Record] = {}
        self._new: dict[Slot, Record] = {}
        self._changed: dict[Slot, Record] = {}

    def find(self, kind: type[R], *key: Any) -> R | None:
        """The row with this key."""
        slot = (kind, key)
        record = (
            self._new.get(slot) or self._changed.get(slot) or self._kept.get(slot) or self._fetch(kind, key)
        )
        return record  # type: ignore[return-value]

    def _fetch(self, kind: type[R], key: Key) -> R | None:
        names = [f"key_{name}" for name in kind.KEY]
        parameters = dict(zip(names, (pack_value(part) for part in key), strict=True))
        row = self._connection.execute(_FIND[kind], parameters).mappings().one_or_none()
        if row is None:
            return None
        self._kept[(kind, key)] = record = unpack(kind, dict(row))
        return record  # noqa: RET504 (kept and given out)

    def add(self, record: Record) -> None:
        """Leave a row whose key was never used; one that was makes `write` raise IntegrityError."""
        slot = (type(record), record.key)
        if slot in self._new:
            raise InvariantBroken(f"{type(record).__name__} {record.key} is there already")
        self._new[slot] = record

    def put(self, record: Record) -> None:
        """Leave a row, in the place of the one with its key."""
        slot = (type(record), record.key)
        is_stored = slot not in self._new and self.find(type(record), *record.key) is not None
        (self._changed if is_stored else self._new)[slot] = record

    def write(self) -> None:
        """Send every new and changed row to the database, within the caller's transaction."""
        for kind, records in _by_kind(self._new.values()).items():
            self._connection.execute(_INSERT[kind], [pack(record) for record in records])
        for kind, records in _by_kind(self._changed.values()).items():
            self._connection.execute(_UPDATE[kind], [_pack_update(record) for record in records])

    def keep(self) -> None:
        """The rows written are durable: remember them."""
        if len(self._kept) > ROWS_KEPT_MAX:
            self._kept.clear()
        self._kept.update(self._new)
        self._kept.update(self._changed)
        self._new.clear()
        self._changed.clear()

    def forget(self) -> None:
        """Nothing written since the last commit counts; read everything again."""
        self._kept.clear()
        self._new.clear()
        self._changed.clear()


def replace_all(connection: Connection, rows: dict[type[Record], dict[Key, Record]]) -> None:
    """Empty every derived table and fill it with `rows` alone."""
    for kind in RECORDS:
        connection.execute(delete(DERIVED[kind]))
        if records := rows.get(kind):
            connection.execute(_INSERT[kind], [pack(record) for record in records.values()])


def _by_kind(records: Iterable[Record]) -> dict[type[Record], list[Record]]:
    groups: dict[type[Record], list[Record]] = {}
    for record in records:
        groups.setdefault(type(record), []).append(record)
    return groups


def _pack_update(record: Record) -> dict[str, Any]:
    row = pack(record)
    for name in record.KEY:
        row[f"key_{name}"] = row.pop(name)
    return row
