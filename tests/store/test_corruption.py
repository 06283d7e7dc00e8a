"""What a disk, a restore or a hand did to the files is found by the next start, or changed nothing at all."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from the_alchemiser.domain.errors import JournalCorrupt, StoreUnavailable
from the_alchemiser.domain.facts import AlertRaised
from the_alchemiser.store.anchor import Anchor
from the_alchemiser.store.journal import SqlJournal

from .bit_flips import ANCHOR, FILES, SILENT, killed_journal, started, verdicts
from .database_files import tamper

FLIPS = 400
FILE, LOG = FILES


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The files as a kill left them: half of the journal is in the write-ahead log alone."""
    killed_journal(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_no_single_bit_turned_over_in_any_file_goes_unnoticed(tmp_path: Path) -> None:
    found = verdicts(tmp_path, FLIPS, seed=4711)
    assert not [verdict for verdict in found if verdict.startswith(SILENT)]
    assert all(any(verdict == f"found in {name}" for verdict in found) for name in FILES)


def test_the_files_as_they_are_start(killed: Path) -> None:
    assert started(killed)


@pytest.mark.parametrize("kept", [0, 32, 20_000, 300_001])
def test_a_write_ahead_log_cut_short_is_found(killed: Path, kept: int) -> None:
    whole = (killed / LOG).read_bytes()
    (killed / LOG).write_bytes(whole[:kept])
    with pytest.raises(StoreUnavailable, match="are gone: the journal once ended at 189"):
        started(killed)


def test_a_write_ahead_log_deleted_is_found(killed: Path) -> None:
    (killed / LOG).unlink()
    with pytest.raises(StoreUnavailable, match="are gone"):
        started(killed)


def test_a_deleted_journal_is_not_taken_for_a_first_start(killed: Path) -> None:
    for name in FILES:
        (killed / name).unlink()
    with pytest.raises(JournalCorrupt, match="entry 1 and all after it are gone"):
        started(killed)


def test_another_journal_in_its_place_is_found(killed: Path) -> None:
    for name in FILES:
        (killed / name).unlink()
    with closing(SqlJournal(f"sqlite:///{killed / FILE}")) as other:
        other.append([AlertRaised(number, "info", "of another account") for number in range(250)])
        assert other.verify().is_sound
    with pytest.raises(JournalCorrupt, match="entry 189 is not the one whose digest was noted"):
        started(killed)


def test_an_older_copy_put_back_is_found(killed: Path) -> None:
    """The file alone, without the log beside it: what a copy of one file while the service ran would be."""
    (killed / LOG).unlink()
    with pytest.raises(JournalCorrupt, match="the journal once ended at 189"):
        started(killed)


def test_a_note_of_the_end_that_cannot_be_read_stops_nothing(killed: Path) -> None:
    note = (killed / ANCHOR).read_bytes()
    for damaged in (b"", b"{}", note.replace(b"189", b"190"), b"\xff" * len(note)):
        (killed / ANCHOR).write_bytes(damaged)
        assert Anchor(killed / ANCHOR).read() is None
        assert started(killed)


def test_the_note_of_the_end_is_never_behind_what_this_process_wrote(killed: Path) -> None:
    with closing(SqlJournal(f"sqlite:///{killed / FILE}")) as journal:
        assert Anchor(killed / ANCHOR).read() == journal.head()


def test_a_note_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    anchor = Anchor(tmp_path / "a-file" / "anchor")
    with closing(SqlJournal(f"sqlite:///{tmp_path / FILE}")) as journal:
        anchor.note(journal.head())
    assert anchor.read() is None


def test_a_long_journal_is_glanced_at_and_its_end_still_compared(
    killed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("the_alchemiser.store.journal.CHECKED_ENTRIES_MAX", 10)
    assert started(killed)
    tamper(killed / FILE, "DELETE FROM journal WHERE seq = 189")
    with pytest.raises(JournalCorrupt, match="the end was cut off"):
        started(killed)
