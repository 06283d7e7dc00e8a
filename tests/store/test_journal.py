"""The journal on disk: what is appended stays, what fails leaves nothing, and one process writes."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from the_alchemiser.domain.errors import (
    ConfigurationError,
    InvariantBroken,
    JournalCorrupt,
    LeaseHeld,
    StoreUnavailable,
)
from the_alchemiser.domain.facts import AccountOpened, AlertRaised, Fact, FillBooked
from the_alchemiser.domain.money import ZERO, Side
from the_alchemiser.domain.orders import Fill
from the_alchemiser.store.chain import START
from the_alchemiser.store.journal import SqlJournal
from the_alchemiser.store.memory import MemoryJournal
from the_alchemiser.store.reading import Reading
from the_alchemiser.store.sqlite import one_clear_line

from .database_files import dump, query, tamper


def alerts(count: int, text: str = "x") -> list[Fact]:
    """Facts of a kind that needs nothing before it."""
    return [AlertRaised(n, "info", text) for n in range(count)]


def reopened(url: str) -> SqlJournal:
    return SqlJournal(url)


@pytest.mark.spec("S2-40")
def test_every_fact_comes_back_as_it_went_in_after_the_file_was_closed(url: str, days: list[Fact]) -> None:
    with closing(SqlJournal(url)) as journal:
        for start in range(0, len(days), 9):
            journal.append(days[start : start + 9])
        assert list(journal.read()) == days
        head = journal.head()
    with closing(reopened(url)) as journal:
        assert list(journal.read()) == days
        assert journal.head() == head
        assert journal.verify().is_sound


def test_the_digest_is_that_of_the_same_facts_in_memory(journal: SqlJournal, days: list[Fact]) -> None:
    memory = MemoryJournal()
    memory.append(days)
    journal.append(days)
    assert journal.head() == memory.head()


def test_an_empty_journal_is_sound_and_has_the_first_digest(journal: SqlJournal) -> None:
    journal.append([])
    assert journal.head() == START
    assert list(journal.read()) == []
    assert journal.verify().is_sound


def test_appending_goes_on_after_a_restart_where_the_chain_ended(url: str, days: list[Fact]) -> None:
    for start in range(0, len(days), 40):
        with closing(reopened(url)) as journal:
            journal.append(days[start : start + 40])
    with closing(reopened(url)) as journal:
        assert list(journal.read()) == days
        assert journal.verify().is_sound


def test_commits_are_made_to_survive_a_power_cut(journal: SqlJournal, path: Path) -> None:
    assert path.exists()
    # Not to be had from outside: SQLite keeps both settings per connection.
    with journal._session.transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2


def test_a_second_writer_is_refused_by_name_of_the_first(url: str, journal: SqlJournal) -> None:
    journal.append(alerts(1))
    attempt = f"from the_alchemiser.store.journal import SqlJournal; SqlJournal({url!r})"
    outcome = subprocess.run([sys.executable, "-c", attempt], capture_output=True, text=True, check=False)
    assert outcome.returncode == 1
    assert f"LeaseHeld: another engine trades this account: process {os.getpid()} on " in outcome.stderr
    with pytest.raises(LeaseHeld, match=r"holds its lease \(epoch 1\) for another \d"):
        reopened(url)
    journal.append(alerts(1))


def test_a_refused_writer_leaves_the_first_one_its_lock(url: str, journal: SqlJournal) -> None:
    for _ in range(2):
        with pytest.raises(LeaseHeld, match="another engine"):
            reopened(url)
    assert journal.head() == START


def test_a_closed_journal_may_be_written_by_the_next(url: str) -> None:
    for _ in range(3):
        with closing(reopened(url)) as journal:
            journal.append(alerts(2))
    with Reading(url) as reading:
        assert reading.head().seq == 6


def test_closing_leaves_one_whole_file_that_can_be_copied(url: str, path: Path) -> None:
    journal = SqlJournal(url)
    journal.append(alerts(5))
    journal.close()
    assert sorted(file.name for file in path.parent.iterdir()) == ["alchemiser.db", "alchemiser.db.lock"]


def test_a_locked_file_is_told_in_one_line_and_the_append_can_be_repeated(url: str, path: Path) -> None:
    with closing(SqlJournal(url, busy_seconds=0.01)) as journal:
        journal.append(alerts(2))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match="another program holds it locked") as refusal:
                journal.append(alerts(1))
            assert "\n" not in str(refusal.value)
            other.execute("ROLLBACK")
        journal.append(alerts(1))
        assert len(list(journal.read())) == 3
        assert journal.verify().is_sound


def fill_up(journal: SqlJournal) -> int:
    """Append until nothing more fits; how many facts are durable."""
    durable = 0
    for _ in range(5_000):
        try:
            journal.append(alerts(3, "y" * 200))
        except StoreUnavailable:
            return durable
        durable += 3
    raise AssertionError("the limit was never reached")


def test_a_full_disk_stops_appends_and_keeps_everything_before(url: str, path: Path) -> None:
    with closing(SqlJournal(url, bytes_max=300_000)) as journal:
        durable = fill_up(journal)
        assert durable > 0
        with pytest.raises(StoreUnavailable, match="the disk is full"):
            journal.append(alerts(1, "y" * 9_000))
        assert path.exists()
        assert len(list(journal.read())) == durable
        assert journal.verify().is_sound
    with closing(reopened(url)) as journal:
        journal.append(alerts(30, "z" * 200))
        assert len(list(journal.read())) == durable + 30
        assert journal.verify().is_sound


@contextmanager
def no_file_may_grow_beyond(size_bytes: int) -> Iterator[None]:
    """Writes past this offset fail as on a failing disk, for this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_after_a_write_error_the_same_append_succeeds_once_the_disk_works_again(
    journal: SqlJournal, path: Path, days: list[Fact]
) -> None:
    journal.append(days[:60])
    log_bytes = path.with_name(path.name + "-wal").stat().st_size
    with no_file_may_grow_beyond(log_bytes + 5_000), pytest.raises(StoreUnavailable) as refusal:
        journal.append(days[60:])
    assert "\n" not in str(refusal.value)
    assert list(journal.read()) == days[:60]
    assert journal.verify().is_sound
    journal.append(days[60:])
    assert list(journal.read()) == days
    assert journal.verify().is_sound


def test_facts_that_would_falsify_money_leave_nothing_at_all(journal: SqlJournal, path: Path) -> None:
    journal.append([AccountOpened(1, "PA1", Decimal(1000), ())])
    before = dump(path)
    sale = FillBooked(2, "c", Fill("alc-1", "KO", Side.SELL, ZERO, Decimal(5), Decimal(10), 2))
    with pytest.raises(InvariantBroken, match="there already"):
        journal.append([*alerts(3), sale, sale])
    assert dump(path) == before
    journal.append(alerts(3))
    assert journal.verify().is_sound


def test_the_same_fill_cannot_be_booked_twice(journal: SqlJournal) -> None:
    purchase = FillBooked(2, "c", Fill("alc-1", "KO", Side.BUY, ZERO, Decimal(5), Decimal(10), 2))
    journal.append([AccountOpened(1, "PA1", Decimal(1000), ()), purchase])
    for attempt in ([purchase], [*alerts(1), purchase]):
        with pytest.raises(InvariantBroken, match="twice"):
            journal.append(attempt)
    assert len(list(journal.read())) == 2


def test_a_file_moved_away_while_in_use_is_noticed_before_the_next_fact(
    journal: SqlJournal, path: Path
) -> None:
    journal.append(alerts(1))
    path.rename(path.with_name("elsewhere.db"))
    with pytest.raises(StoreUnavailable, match="moved or deleted"):
        journal.append(alerts(1))


def test_a_file_that_is_no_database_is_called_damaged(url: str, path: Path) -> None:
    path.write_bytes(b"these are no pages of a database " * 400)
    with pytest.raises(JournalCorrupt, match="is damaged"):
        SqlJournal(url)
    with pytest.raises(JournalCorrupt, match="is damaged"):
        Reading(url)


def test_the_database_of_another_program_is_left_alone(url: str, path: Path) -> None:
    tamper(path, "CREATE TABLE invoices (id INTEGER)")
    with pytest.raises(StoreUnavailable, match="invoices"):
        SqlJournal(url)
    assert query(path, "SELECT name FROM sqlite_schema") == [("invoices",)]


def test_writing_where_only_reading_is_allowed_says_so(url: str, path: Path) -> None:
    SqlJournal(url).close()
    with (
        closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection,
        pytest.raises(StoreUnavailable, match="it is read-only"),
        one_clear_line(path),
    ):
        connection.execute("DELETE FROM journal")


def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        SqlJournal(f"sqlite:///{tmp_path}/file/alchemiser.db")


ODD_SCHEMA = "postgresql://user:hunter2@host/db?schema=a%20b;drop"


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", "mysql://user:hunter2@host/db", "no url", "", ODD_SCHEMA],
)
def test_only_a_file_or_a_schema_is_accepted_and_no_password_is_shown(url: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        SqlJournal(url)
    assert "hunter2" not in str(refusal.value)


def test_a_folder_with_odd_characters_holds_a_journal_like_any_other(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/100% mine? #1/ä/alchemiser.db".replace("?", "%3F")
    with closing(SqlJournal(url)) as journal:
        journal.append(alerts(2))
        with Reading(url) as reading:
            assert len(reading.alerts()) == 2
