"""A stored journal behind whose back somebody wrote: verification names the first entry, or the row, that is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from the_alchemiser.domain.errors import JournalCorrupt, StoreUnavailable
from the_alchemiser.domain.facts import AlertRaised, Fact, TradingStateChanged
from the_alchemiser.domain.intent import TradingState
from the_alchemiser.store.chain import Tip
from the_alchemiser.store.journal import SqlJournal
from the_alchemiser.store.reading import Reading
from the_alchemiser.store.records import RECORDS
from the_alchemiser.store.tables import DERIVED
from the_alchemiser.store.verification import Verification

from .database_files import query, tamper

ENTRIES = 60


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, days: list[Fact]) -> Path:
    """A sound journal of sixty entries, closed."""
    path = tmp_path_factory.mktemp("original") / "alchemiser.db"
    with closing(SqlJournal(f"sqlite:///{path}")) as journal:
        facts = days[: ENTRIES - 2]
        for start in range(0, len(facts), 8):
            journal.append(facts[start : start + 8])
        at = facts[-1].at
        journal.append([TradingStateChanged(at, TradingState.REDUCING, "the order stream is lost")])
        journal.append([AlertRaised(at, "info", "the last one")])
    return path


@pytest.fixture
def copy(original: Path, path: Path) -> Path:
    """A copy to tamper with."""
    shutil.copy(original, path)
    return path


def verdict(path: Path) -> Verification:
    with Reading(f"sqlite:///{path}") as reading:
        return reading.verify()


def each_tampered(original: Path, path: Path, statements: list[str]) -> Iterator[tuple[int, Verification]]:
    """The verdict after running the statements against each entry in turn, in a fresh copy."""
    for seq in range(1, ENTRIES + 1):
        shutil.copy(original, path)
        tamper(path, *(statement.format(seq=seq) for statement in statements))
        yield seq, verdict(path)


EDITS = {
    "body": ["UPDATE journal SET body = replace(body, '\"at\":1', '\"at\":2') WHERE seq = {seq}"],
    "hash": ["UPDATE journal SET hash = upper(hash) WHERE seq = {seq}"],
    "time": ["UPDATE journal SET at = at + 1 WHERE seq = {seq}"],
    "kind": ["UPDATE journal SET kind = kind || ' ' WHERE seq = {seq}"],
    "emptied": ["UPDATE journal SET body = '' WHERE seq = {seq}"],
}


@pytest.mark.spec("S2-40")
@pytest.mark.parametrize("statements", EDITS.values(), ids=EDITS.keys())
def test_an_edit_of_any_entry_is_named(original: Path, path: Path, statements: list[str]) -> None:
    for seq, found in each_tampered(original, path, statements):
        assert (found.bad_seq, found.is_sound) == (seq, False), found


def test_a_deleted_entry_is_named_and_so_is_a_cut_end(original: Path, path: Path) -> None:
    for seq, found in each_tampered(original, path, ["DELETE FROM journal WHERE seq = {seq}"]):
        assert not found.is_sound
        if seq < ENTRIES:
            assert (found.bad_seq, found.reason) == (seq, f"journal entry {seq} was deleted")
        else:
            assert (
                found.reason
                == f"entry {seq - 1} is the last, but its tables reach to {seq}: the end was cut off"
            )


def test_a_deleted_entry_is_named_though_the_rest_be_renumbered(original: Path, path: Path) -> None:
    renumber = [
        "DELETE FROM journal WHERE seq = {seq}",
        "UPDATE journal SET seq = -seq WHERE seq > {seq}",
        "UPDATE journal SET seq = -seq - 1 WHERE seq < 0",
    ]
    for seq, found in each_tampered(original, path, renumber):
        assert found.bad_seq == (seq if seq < ENTRIES else None)
        assert not found.is_sound


def test_two_entries_that_changed_places_are_named_by_the_first(original: Path, path: Path) -> None:
    swap = [
        "UPDATE journal SET seq = -1 WHERE seq = {seq}",
        f"UPDATE journal SET seq = {{seq}} WHERE seq = {ENTRIES}",
        f"UPDATE journal SET seq = {ENTRIES} WHERE seq = -1",
    ]
    for seq, found in each_tampered(original, path, swap):
        assert found.bad_seq == (seq if seq < ENTRIES else None)


def test_an_entry_inserted_anywhere_is_named(original: Path, path: Path) -> None:
    insertion = [
        "UPDATE journal SET seq = -seq WHERE seq >= {seq}",
        "UPDATE journal SET seq = 1 - seq WHERE seq < 0",
        "INSERT INTO journal SELECT {seq}, at, kind, body, hash FROM journal WHERE seq = {seq} + 1",
    ]
    for seq, found in each_tampered(original, path, insertion):
        # A copy of an entry put before itself verifies; the original behind it is then the forged one.
        assert found.bad_seq == seq + 1


def test_an_entry_numbered_zero_is_an_insertion(copy: Path) -> None:
    tamper(copy, "INSERT INTO journal SELECT 0, at, kind, body, hash FROM journal WHERE seq = 1")
    assert verdict(copy).reason == "journal entry 0 was inserted"


def test_a_digest_noted_elsewhere_finds_a_cut_end_that_the_tables_were_adapted_to(copy: Path) -> None:
    url = f"sqlite:///{copy}"
    with Reading(url) as reading:
        noted = reading.head()
    tamper(copy, f"DELETE FROM journal WHERE seq > {ENTRIES - 5}")
    with closing(SqlJournal(url)) as journal:
        with pytest.raises(JournalCorrupt, match="the end was cut off"):
            journal.append([AlertRaised(1, "info", "x")])
        with pytest.raises(JournalCorrupt, match="the end was cut off"):
            list(journal.read())
        with pytest.raises(JournalCorrupt, match="the end was cut off"):
            journal.head()
        journal.rebuild()
        assert journal.verify().is_sound
        assert journal.verify(noted).bad_seq == ENTRIES - 4
        assert journal.verify(Tip(3, noted.hash)).bad_seq == 3


def test_a_tampered_journal_is_not_replayed(copy: Path) -> None:
    tamper(copy, "UPDATE journal SET body = replace(body, '\"at\":1', '\"at\":2') WHERE seq = 20")
    with closing(SqlJournal(f"sqlite:///{copy}")) as journal:
        with pytest.raises(JournalCorrupt, match="entry 20 had its body edited"):
            list(journal.read())
        with pytest.raises(JournalCorrupt, match="entry 20 had its body edited"):
            journal.rebuild()


@pytest.mark.parametrize("table", [table.name for table in DERIVED.values()])
def test_any_row_changed_removed_or_added_behind_the_journal_is_named(
    original: Path, path: Path, table: str
) -> None:
    columns = [row[1] for row in query(original, f"PRAGMA table_info({table})")]
    changes = [
        f"UPDATE {table} SET {column} = coalesce({column}, '') || '0'"
        for column in columns
        if column not in KEYS
    ]
    if not query(original, f"SELECT * FROM {table}"):
        pytest.fail(f"the sixty entries leave no row in {table}")
    for change in (*changes, f"DELETE FROM {table}"):
        shutil.copy(original, path)
        tamper(path, change)
        found = verdict(path)
        assert found.bad_seq is None
        assert found.reason.startswith(f"table {table}, row "), change


KEYS = {name for kind in RECORDS for name in kind.KEY} | {"at"}


def test_a_row_no_fact_accounts_for_is_named(copy: Path) -> None:
    tamper(copy, "INSERT INTO alerts VALUES (7, 7, 'info', 'forged')")
    assert verdict(copy).reason == "table alerts, row 7: the journal makes no such row"


def test_a_damaged_file_structure_is_told_even_where_no_row_is_wrong_yet(copy: Path) -> None:
    with copy.open("r+b") as file:
        # The count of free pages in the header (SQLite file format, 1.3): there are none.
        file.seek(36)
        file.write((5).to_bytes(4, "big"))
    assert verdict(copy).reason.startswith("the file is damaged: ")


@pytest.mark.slow
def test_no_single_flipped_bit_goes_unnoticed(original: Path, path: Path) -> None:
    content = _content(original)
    intact = original.read_bytes()
    random = Random(20)
    noticed = 0
    for _ in range(250):
        bit = random.randrange(len(intact) * 8)
        spoiled = bytearray(intact)
        spoiled[bit // 8] ^= 1 << bit % 8
        path.write_bytes(spoiled)
        if _is_found_unsound(path):
            noticed += 1
        else:
            assert _content(path) == content, f"bit {bit}"
    assert noticed > 50


def _is_found_unsound(path: Path) -> bool:
    try:
        return not verdict(path).is_sound
    except StoreUnavailable:
        return True


def _content(path: Path) -> list[object]:
    tables = ["journal", "projection", *(table.name for table in DERIVED.values())]
    return [query(path, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]
