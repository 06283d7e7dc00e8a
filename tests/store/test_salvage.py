"""What a damaged journal gives back: its beginning, entry for entry, up to the first that cannot be trusted."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from the_alchemiser.domain.errors import JournalCorrupt, StoreUnavailable
from the_alchemiser.store.chain import Entry, link
from the_alchemiser.store.journal import SqlJournal
from the_alchemiser.store.salvage import Salvage, remove, replace, salvaged

from .bit_flips import FILES, killed_journal
from .database_files import query, tamper

FILE, LOG = FILES
ENTRIES = 189


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A journal as a kill left it: half of it in the write-ahead log alone."""
    killed_journal(tmp_path)
    return tmp_path / FILE


def found_in(path: Path) -> Salvage:
    return salvaged(path, lambda _: None)


def entries_of(path: Path) -> list[Entry]:
    return [Entry(*row) for row in query(path, "SELECT seq, at, kind, body, hash FROM journal ORDER BY seq")]


def test_a_sound_journal_is_given_back_whole_and_its_files_are_not_touched(killed: Path) -> None:
    before = {path.name: path.read_bytes() for path in killed.parent.iterdir() if path.is_file()}
    found = found_in(killed)
    assert (len(found.entries), found.reason) == (ENTRIES, "")
    assert {path.name: path.read_bytes() for path in killed.parent.iterdir() if path.is_file()} == before


@pytest.mark.parametrize("seq", [1, 60, ENTRIES])
def test_from_the_first_entry_on_that_was_edited_nothing_is_kept(killed: Path, seq: int) -> None:
    tamper(killed, f"UPDATE journal SET body = body || ' ' WHERE seq = {seq}")
    found = found_in(killed)
    assert len(found.entries) == seq - 1
    assert f"entry {seq} " in found.reason


def test_a_page_that_cannot_be_read_takes_no_entry_before_it_along(killed: Path) -> None:
    whole = entries_of(killed)  # this moves the write-ahead log into the file
    content = bytearray(killed.read_bytes())
    place = content.find(whole[100].body.encode())
    page = place // 4096 * 4096
    content[page : page + 4096] = b"\xff" * 4096
    killed.write_bytes(content)
    found = found_in(killed)
    assert found.reason
    assert found.entries == whole[: len(found.entries)]
    assert 40 < len(found.entries) <= 100


@pytest.mark.parametrize(("start", "end"), [(0, 16), (16, 100), (100, 4096), (0, 4096)])
def test_a_lost_first_page_hides_no_entry_behind_it(killed: Path, start: int, end: int) -> None:
    whole = entries_of(killed)
    content = bytearray(killed.read_bytes())
    content[start:end] = b"\xff" * (end - start)
    killed.write_bytes(content)
    found = found_in(killed)
    assert found.entries == whole
    assert "first page" in found.reason


def test_what_is_no_database_at_all_gives_nothing_back(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is a letter to my aunt" * 500)
    found = found_in(tmp_path / FILE)
    assert found.entries == []
    assert "cannot be read" in found.reason


def test_a_genuine_entry_of_a_newer_version_is_not_damage(killed: Path) -> None:
    last = entries_of(killed)[-1]
    body = '{"kind":"telepathy_received","at":5,"text":"x"}'
    with closing(sqlite3.connect(killed)) as connection, connection:
        connection.execute(
            "INSERT INTO journal VALUES (?, 5, 'telepathy_received', ?, ?)",
            (last.seq + 1, body, link(last.hash, last.seq + 1, body)),
        )
    with pytest.raises(StoreUnavailable, match="a newer one wrote it"):
        found_in(killed)


def test_entries_taken_over_are_the_same_bytes_and_must_follow(killed: Path, tmp_path: Path) -> None:
    found = found_in(killed)
    with closing(SqlJournal(f"sqlite:///{tmp_path / 'new.db'}")) as journal:
        journal.take_over(found.entries[:100])
        with pytest.raises(JournalCorrupt, match="does not follow"):
            journal.take_over(found.entries[101:])
        journal.take_over(found.entries[100:])
        assert list(journal.entries()) == found.entries
        assert journal.verify().is_sound


def test_the_new_file_takes_the_place_of_the_old_one_without_its_log_and_the_old_one_is_kept(
    killed: Path,
) -> None:
    new, evidence = killed.with_name("x.new"), killed.with_name("x.damaged")
    before = killed.read_bytes(), killed.with_name(LOG).read_bytes()
    with closing(SqlJournal(f"sqlite:///{new}")) as journal:
        journal.take_over(found_in(killed).entries[:10])
    replace(killed, new, evidence)
    assert (evidence.read_bytes(), evidence.with_name("x.damaged-wal").read_bytes()) == before
    assert len(entries_of(killed)) == 10
    assert not new.exists()


def test_a_file_that_was_never_finished_is_removed_whole(tmp_path: Path) -> None:
    for suffix in ("", "-wal", "-shm", ".lock"):
        (tmp_path / f"half.db{suffix}").touch()
    remove(tmp_path / "half.db")
    assert list(tmp_path.iterdir()) == []
