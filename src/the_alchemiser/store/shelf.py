"""Rows on their way into the derived tables: read when needed, changed in memory, written once a commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from the_alchemiser.domain.errors import InvariantBroken

from .records import Key, R, Record, pack, pack_value, unpack
from .statements import Statements

ROWS_KEPT_MAX = 20_000
"""Rows remembered between commits; then all are forgotten and read again when needed."""

Slot = tuple[type[Record], Key]


class Shelf:
    """The Records of one writer.

    After `write` and the commit call `keep`; after any failure call `forget`.
    """

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._kept: dict[Slot, Record] = {}
        self._new: dict[Slot, Record] = {}
        self._changed: dict[Slot, Record] = {}

    def find(self, kind: type[R], *key: Any) -> R | None:
        """The row with this key."""
        slot = (kind, key)
        record = self._new.get(slot) or self._changed.get(slot) or self._kept.get(slot)
        if record is None and (record := self._fetch(kind, key)) is not None:
            self._kept[slot] = record
        return record  # type: ignore[return-value]

    def _fetch(self, kind: type[R], key: Key) -> R | None:
        parameters = {f"key_{name}": pack_value(part) for name, part in zip(kind.KEY, key, strict=True)}
        row = self._statements.find[kind].first(parameters)
        return None if row is None else unpack(kind, row)

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
            self._statements.insert[kind].run(map(pack, records))
        for kind, records in _by_kind(self._changed.values()).items():
            self._statements.update[kind].run(map(_pack_update, records))

    def keep(self) -> None:
        """The rows written are durable: remember them."""
        if len(self._kept) > ROWS_KEPT_MAX:
            self._kept.clear()
        self._kept.update(self._new)
        self._kept.update(self._changed)
        self._new.clear()
        self._changed.clear()

    def replace_all(self, rows: Mapping[type[Record], Mapping[Key, Record]]) -> None:
        """Fill the derived tables, empty now, with `rows` alone."""
        self.forget()
        for kind, records in rows.items():
            self._statements.insert[kind].run(map(pack, records.values()))

    def forget(self) -> None:
        """Nothing written since the last commit counts; read everything again."""
        self._kept.clear()
        self._new.clear()
        self._changed.clear()


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
