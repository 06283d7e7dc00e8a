"""The disk fails in the middle of the journal's work: one clear line, nothing half, and all goes on when it is well."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import pytest

from the_alchemiser.domain.errors import StoreUnavailable
from the_alchemiser.domain.facts import Fact
from the_alchemiser.store.journal import SqlJournal
from the_alchemiser.store.reading import Reading

from .faulty_disk import Disk

BATCH = 8
TRIES = 3
KINDS = {
    "full": (apsw.SQLITE_FULL, ("write",), "the disk is full"),
    "write error": (apsw.SQLITE_IOERR, ("write",), "the disk reports an input/output error"),
    "sync error": (apsw.SQLITE_IOERR, ("sync",), "the disk reports an input/output error"),
    "read-only": (apsw.SQLITE_READONLY, ("write",), "it is read-only"),
}


@dataclass
class Trouble:
    """Fails the n-th operation of some kinds, and all that follow, until it is over."""

    code: int
    operations: Sequence[str]
    after: int = 0
    is_on: bool = False
    met: int = field(default=0, init=False)

    def __call__(self, what: str, file: str) -> int | None:
        if not self.is_on or what not in self.operations:
            return None
        self.met += 1
        return self.code if self.met > self.after else None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file, for only files have a disk that a test can reach."""
    return tmp_path / "alchemiser.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def half(days: list[Fact]) -> list[Fact]:
    return days[: len(days) // 2]


def appends(journal: SqlJournal, facts: Sequence[Fact]) -> Iterator[None]:
    for start in range(0, len(facts), BATCH):
        journal.append(facts[start : start + BATCH])
        yield


@pytest.mark.spec("S2-40")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_failing_disk_is_one_clear_line_and_nothing_of_the_append_stays(
    url: str, days: list[Fact], half: list[Fact], kind: str, after: int
) -> None:
    code, operations, text = KINDS[kind]
    trouble = Trouble(code, operations, 0 if "sync" in operations else after)  # an append syncs once
    with closing(SqlJournal(url, connect=Disk(trouble).connect)) as journal:
        for _ in appends(journal, half):
            pass
        trouble.is_on = True
        more = days[len(half) : len(half) + BATCH]
        failures = failing_appends(journal, more)
        assert all(text in failure and "\n" not in failure for failure in failures)
        with Reading(url) as reading:
            # A sync that failed may have written all the same: then it is the whole append, and is not written twice.
            assert list(reading.facts()) in ([half, half + more] if "sync" in operations else [half])

        trouble.is_on = False
        for _ in appends(journal, days[len(half) :]):
            pass
        assert list(journal.read()) == days
        assert journal.verify().is_sound


def failing_appends(journal: SqlJournal, facts: Sequence[Fact]) -> list[str]:
    """What the same append says while the disk fails."""
    said: list[str] = []
    while len(said) < TRIES:
        with pytest.raises(StoreUnavailable) as caught:
            journal.append(facts)
        said.append(str(caught.value))
    return said


def test_a_slow_sync_only_takes_its_time(url: str, days: list[Fact]) -> None:
    def slow(what: str, file: str) -> None:
        if what == "sync":
            time.sleep(0.02)

    with closing(SqlJournal(url, connect=Disk(slow).connect)) as journal:  # type: ignore[arg-type]
        journal.append(days)
        assert journal.verify().is_sound


def test_another_programs_lock_is_told_and_outlived(url: str, path: Path, days: list[Fact]) -> None:
    with closing(SqlJournal(url, busy_seconds=0.05)) as journal:
        journal.append(days[:BATCH])
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match="another program holds it locked"):
                journal.append(days[BATCH:])
            other.execute("ROLLBACK")
        journal.append(days[BATCH:])
        assert list(journal.read()) == days


def test_a_lock_held_shorter_than_one_try_is_not_even_noticed(url: str, path: Path, days: list[Fact]) -> None:
    with closing(SqlJournal(url, busy_seconds=5)) as journal:
        journal.append(days[:BATCH])
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.2, other.execute, ["ROLLBACK"])
        release.start()
        journal.append(days[BATCH:])
        release.join()
        other.close()
        assert list(journal.read()) == days
