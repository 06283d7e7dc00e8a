"""Is what is stored what was written? The chain tells for the journal, folding it again for the tables."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from the_alchemiser.domain.errors import InvariantBroken, JournalCorrupt
from the_alchemiser.domain.facts import decode

from .chain import START, BrokenChain, Entry, Tip, verified
from .projections import PROJECTED_KINDS, MemoryRecords, project
from .records import RECORDS, Record, pack
from .tables import DERIVED, PROJECTION_VERSION, SQLITE_DECLARATIONS, journal, projection

PAGE_ROWS = 2_000
"""Entries fetched at a time: a journal of any length is read in bounded memory."""


class Verification(msgspec.Struct, frozen=True):
    """What a check found.

    `bad_seq` is the first entry that is wrong, None where the fault is not in the journal itself.
    """

    entries: int
    hash: str
    bad_seq: int | None = None
    reason: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether everything stored is what was written."""
        return not self.reason


def stored_entries(connection: Connection, after: int | None = None) -> Iterator[Entry]:
    """Entries as they are stored, unchecked, in the order of their numbers."""
    while rows := connection.execute(_page(after)).all():
        yield from (Entry(*row) for row in rows)
        after = rows[-1].seq


def _page(after: int | None) -> Any:
    page = select(journal).order_by(journal.c.seq).limit(PAGE_ROWS)
    return page if after is None else page.where(journal.c.seq > after)


def stored_tip(connection: Connection) -> Tip:
    """Where the journal ends, by its last entry alone."""
    row = connection.execute(
        select(journal.c.seq, journal.c.hash).order_by(journal.c.seq.desc()).limit(1)
    ).one_or_none()
    return Tip(*row) if row else START


def projected_tip(connection: Connection) -> Tip:
    """Up to where the derived tables have been folded."""
    row = connection.execute(select(projection.c.seq, projection.c.hash)).one_or_none()
    return Tip(*row) if row else START


def require_agreement(connection: Connection) -> Tip:
    """The journal's end. Raises JournalCorrupt where the derived tables were folded from another one."""
    tip, projected = stored_tip(connection), projected_tip(connection)
    if tip != projected:
        raise JournalCorrupt(_disagreement(tip, projected))
    return tip


def _disagreement(tip: Tip, projected: Tip) -> str:
    if projected.seq > tip.seq:
        return f"entry {tip.seq} is the last, but its tables reach to {projected.seq}: the end was cut off"
    return f"the tables were folded up to entry {projected.seq}, not from the journal ending at {tip.seq}"


def refold(connection: Connection) -> tuple[Tip, MemoryRecords]:
    """The rows the journal as stored makes, and where it ends.

    Raises BrokenChain, or JournalCorrupt where it makes none.
    """
    records, tip = MemoryRecords(), START
    for entry in verified(stored_entries(connection)):
        tip = Tip(entry.seq, entry.hash)
        if entry.kind in PROJECTED_KINDS:
            _fold(records, entry)
    return tip, records


def _fold(records: MemoryRecords, entry: Entry) -> None:
    try:
        project(records, entry.seq, decode(entry.body))
    except (InvariantBroken, msgspec.MsgspecError) as error:
        raise BrokenChain(entry.seq, f"cannot be folded: {error}") from error


def _structural_faults(connection: Connection) -> str:
    """What SQLite itself finds wrong with the file; empty where nothing, and where a server keeps the pages."""
    if connection.dialect.name != "sqlite":
        return ""
    found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
    if found != "ok":
        return str(found)
    # SQLite believes whatever the declarations say: with one letter changed, numbers are kept as something else.
    is_ours = declarations_digest(connection) == SQLITE_DECLARATIONS
    return "" if is_ours else "its tables are not declared as they were made"


def declarations_digest(connection: Connection) -> str:
    """What the tables of a SQLite file are declared to be, as one hash."""
    found = connection.exec_driver_sql(
        "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
    )
    return sha256(repr([tuple(row) for row in found]).encode()).hexdigest()


def verify(connection: Connection, anchor: Tip | None = None) -> Verification:
    """Check everything, within one transaction of the caller's.

    `anchor` is a digest noted earlier in another place (a report prints one): with it, a cut or rewritten
    end is found too.
    """
    if faults := _structural_faults(connection):
        return Verification(0, "", None, f"the file is damaged: {faults}")
    try:
        tip, records = refold(connection)
        _require_anchor(connection, tip, anchor)
    except BrokenChain as broken:
        return Verification(broken.seq - 1, "", broken.seq, str(broken))
    return Verification(tip.seq, tip.hash, None, _table_fault(connection, tip, records))


def glance(connection: Connection, anchor: Tip | None = None) -> Verification:
    """Check what can be checked without reading every entry: the file's structure, its end, and the anchor."""
    if faults := _structural_faults(connection):
        return Verification(0, "", None, f"the file is damaged: {faults}")
    try:
        tip = require_agreement(connection)
        _require_anchor(connection, tip, anchor)
    except BrokenChain as broken:
        return Verification(broken.seq - 1, "", broken.seq, str(broken))
    except JournalCorrupt as corrupt:
        return Verification(0, "", None, str(corrupt))
    return Verification(tip.seq, tip.hash)


def _require_anchor(connection: Connection, tip: Tip, anchor: Tip | None) -> None:
    if anchor is None or anchor == START:
        return
    if anchor.seq > tip.seq:
        raise BrokenChain(tip.seq + 1, f"and all after it are gone: the journal once ended at {anchor.seq}")
    found = connection.execute(select(journal.c.hash).where(journal.c.seq == anchor.seq)).scalar_one_or_none()
    if found != anchor.hash:
        raise BrokenChain(
            anchor.seq, "is not the one whose digest was noted: the journal was rewritten at or before it"
        )


def _table_fault(connection: Connection, tip: Tip, records: MemoryRecords) -> str:
    """The first way in which the derived tables differ from the journal's own; empty where none."""
    if (projected := projected_tip(connection)) != tip:
        return _disagreement(tip, projected)
    if connection.execute(select(projection.c.version)).scalar_one_or_none() not in (
        PROJECTION_VERSION,
        None,
    ):
        return "the tables were folded by another version: run `alchemiser db rebuild`"
    return next(filter(None, (_difference(connection, kind, records) for kind in RECORDS)), "")


def _difference(connection: Connection, kind: type[Record], records: MemoryRecords) -> str:
    table = DERIVED[kind]
    due = {
        tuple(row[name] for name in kind.KEY): row for row in map(pack, records.rows.get(kind, {}).values())
    }
    for found in connection.execute(select(table)):
        key = tuple(getattr(found, name) for name in kind.KEY)
        if fault := _row_fault(found, due.pop(key, None)):
            return f"table {table.name}, row {_shown(key)}: {fault}"
    return f"table {table.name}, row {_shown(next(iter(due)))}: is missing" if due else ""


def _row_fault(found: Row[Any], due: dict[str, Any] | None) -> str:
    if due is None:
        return "the journal makes no such row"
    wrong = [name for name, value in found._mapping.items() if value != due[name]]
    return f"{wrong[0]} is {found._mapping[wrong[0]]!r}, the journal makes {due[wrong[0]]!r}" if wrong else ""


def _shown(key: tuple[Any, ...]) -> str:
    return "/".join(map(str, key))
