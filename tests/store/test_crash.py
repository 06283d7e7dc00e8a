"""kill -9 in the middle of appends: what was acknowledged is there, whole, and the next process goes on."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from the_alchemiser.domain.facts import Fact, encode
from the_alchemiser.store.journal import SqlJournal
from the_alchemiser.store.memory import MemoryJournal
from the_alchemiser.store.reading import Reading

from .database_files import dump

BATCH = 5
WRITER = """
import sys
from the_alchemiser.domain.facts import decode
from the_alchemiser.store.journal import SqlJournal
url, source, batch = sys.argv[1], sys.argv[2], int(sys.argv[3])
facts = [decode(line) for line in open(source, "rb")]
journal = SqlJournal(url)
for start in range(journal.head().seq, len(facts), batch):
    journal.append(facts[start : start + batch])
    print(journal.head().seq, flush=True)
"""


@pytest.fixture
def source(tmp_path: Path, year: list[Fact]) -> Path:
    """The facts, a line each, for another process."""
    file = tmp_path / "facts.jsonl"
    file.write_bytes(b"".join(encode(fact) + b"\n" for fact in year))
    return file


def killed_while_writing(url: str, source: Path, after_appends: int) -> int:
    """The last entry acknowledged by a writer that was killed, while still writing, after so many more appends."""
    command = [sys.executable, "-c", WRITER, url, str(source), str(BATCH)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(after_appends):
            writer.stdout.readline()
        writer.kill()
        acknowledged = [int(line) for line in writer.stdout.read().split("\n") if line]
    return acknowledged[-1] if acknowledged else 0


@pytest.mark.slow
@pytest.mark.spec("S2-32")
def test_after_kill_9_every_acknowledged_fact_is_there_and_the_next_writer_goes_on(
    url: str, path: Path, source: Path, year: list[Fact]
) -> None:
    for after_appends in (1, 7, 40, 90):
        acknowledged = killed_while_writing(url, source, after_appends)
        with Reading(url) as reading:
            stored = list(reading.facts())
            assert reading.verify().is_sound
        assert len(stored) >= acknowledged
        assert len(stored) % BATCH == 0
        assert stored == year[: len(stored)]
    _finish(url, path, year)


def _finish(url: str, path: Path, year: list[Fact]) -> None:
    """Another process writes the rest; the tables then are those of a journal that was never interrupted."""
    with closing(SqlJournal(url)) as journal:
        journal.append(year[journal.head().seq :])
        folded = dump(path)
        journal.rebuild()
        assert dump(path) == folded
        memory = MemoryJournal()
        memory.append(year)
        assert journal.head() == memory.head()
        assert journal.verify().is_sound
