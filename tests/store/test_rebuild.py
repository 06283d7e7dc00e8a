"""The tables for reading hold nothing of their own: folded anew from the journal they are the same, bit for bit."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from the_alchemiser.domain.facts import Fact, encode
from the_alchemiser.store.journal import SqlJournal
from the_alchemiser.store.tables import DERIVED

from .database_files import dump, tamper


@pytest.mark.parametrize("batch", [1, 6, 10_000])
def test_rebuilt_tables_are_those_that_grew_with_the_journal(
    url: str, path: Path, days: list[Fact], batch: int
) -> None:
    with closing(SqlJournal(url)) as journal:
        for start in range(0, len(days), batch):
            journal.append(days[start : start + batch])
        grown = dump(path)
        assert journal.rebuild() == journal.head()
        assert dump(path) == grown


def test_a_restart_at_any_entry_leaves_no_trace_in_the_tables(
    tmp_path: Path, journal: SqlJournal, path: Path, days: list[Fact]
) -> None:
    journal.append(days)
    restarted = tmp_path / "restarted.db"
    for start in range(0, len(days), 11):
        with closing(SqlJournal(f"sqlite:///{restarted}")) as again:
            again.append(days[start : start + 11])
    assert dump(restarted) == dump(path)


def test_spoiled_tables_are_made_good_again(url: str, path: Path, days: list[Fact]) -> None:
    with closing(SqlJournal(url)) as journal:
        journal.append(days)
        sound = dump(path)
        for table in DERIVED.values():
            tamper(path, f"DELETE FROM {table.name}")
        assert not journal.verify().is_sound
        journal.rebuild()
        assert dump(path) == sound
        journal.append(days[-1:])
        assert journal.verify().is_sound


@pytest.mark.spec("S3-27")
def test_tables_folded_by_an_older_version_are_folded_anew_at_opening(
    url: str, path: Path, days: list[Fact]
) -> None:
    with closing(SqlJournal(url)) as journal:
        journal.append(days)
    sound = dump(path)
    tamper(path, "UPDATE projection SET version = 0", "UPDATE orders SET reason = 'as of old'")
    SqlJournal(url).close()
    assert dump(path) == sound


WRITER = """
import sys
from the_alchemiser.domain.facts import decode
from the_alchemiser.store.journal import SqlJournal
SqlJournal(sys.argv[1]).append([decode(line) for line in open(sys.argv[2], "rb")])
"""


@pytest.mark.slow
def test_neither_time_zone_nor_hash_order_nor_locale_reaches_the_file(
    tmp_path: Path, days: list[Fact]
) -> None:
    source = tmp_path / "facts.jsonl"
    source.write_bytes(b"".join(encode(fact) + b"\n" for fact in days))
    digests = set()
    for n, (zone, seed, locale) in enumerate((("UTC", "0", "C"), ("Asia/Tokyo", "4711", "de_DE.UTF-8"))):
        path = tmp_path / f"{n}.db"
        environment = os.environ | {"TZ": zone, "PYTHONHASHSEED": seed, "LC_ALL": locale}
        command = [sys.executable, "-c", WRITER, f"sqlite:///{path}", str(source)]
        subprocess.run(command, env=environment, check=True)
        digests.add(hashlib.sha256("\n".join(dump(path)).encode()).hexdigest())
    assert len(digests) == 1
