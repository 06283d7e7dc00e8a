"""Power cuts: what a disk may hold when the current goes away in the middle of a journal's work.

What was synced is there. Of what was written since, any part may be: each write whole, torn or not at all, in any
combination, because a disk writes its cache in the order it likes. The index beside the write-ahead log (-shm) is
memory and is gone. Run by hand: `python -m tests.store.power_cuts 10000`.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.store.faulty_disk import Disk, Happening
from tests.story_facts import random_closes, story, trading_days
from the_alchemiser.domain.facts import Fact
from the_alchemiser.store.journal import SqlJournal

BATCH = 4
SECTOR_BYTES = 512
OFTEN_MOVED = "PRAGMA wal_autocheckpoint = 20"
"""The log is copied into the file every few appends instead of every hundred, so that cuts meet that, too."""
REOPENED_AFTER = 25
"""Appends after which the journal is closed and opened again."""
FILE = "alchemiser.db"
INDEX = "-shm"


def traded_days() -> list[Fact]:
    """Four symbols traded over five days: some two hundred facts."""
    return story(random_closes(["AAPL", "JPM", "KO", "XOM"], trading_days("2021-03-01", 6)))


def recorded(folder: Path, facts: Sequence[Fact], *pragmas: str) -> list[Happening]:
    """Everything that reaches the disk while a real journal is made, appended to, closed, opened and closed."""
    disk = Disk(pragmas=(OFTEN_MOVED, *pragmas))
    journal = SqlJournal(f"sqlite:///{folder / FILE}", connect=disk.connect)
    disk.acknowledge(0)
    for number, start in enumerate(range(0, len(facts), BATCH), start=1):
        journal.append(facts[start : start + BATCH])
        disk.acknowledge(min(start + BATCH, len(facts)))
        if number % REOPENED_AFTER == 0:
            journal.close()
            journal = SqlJournal(f"sqlite:///{folder / FILE}", connect=disk.connect)
    journal.close()
    return disk.happenings


@dataclass
class _Stored:
    """One file: its name may be newer than what the folder on the disk says."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Happening] = field(default_factory=list)
    is_named: bool = False
    is_deleted: bool = False
    former: bytes | None = None
    """What the name stood for before, while the disk may not know yet that this file took its place."""


class Platter:
    """What is certain to be on the disk, and what only may be."""

    def __init__(self) -> None:
        self._files: dict[str, _Stored] = {}
        self.acknowledged = -1

    def take(self, happening: Happening) -> None:
        """Let one thing happen."""
        match happening.what:
            case "acknowledge":
                self.acknowledged = happening.number
            case "create":
                old = self._files.get(happening.file)
                former = bytes(old.durable) if old is not None and old.is_named else None
                self._files[happening.file] = _Stored(former=former)
            case "delete":
                self._files[happening.file].is_deleted = True
                if happening.number:
                    self._settle_names()
            case "sync":
                self._sync(self._files[happening.file], happening.file)
            case _:
                self._files[happening.file].pending.append(happening)

    def _sync(self, stored: _Stored, name: str) -> None:
        for happening in stored.pending:
            _apply(stored.durable, happening)
        stored.pending.clear()
        # SQLite syncs the folder with the first sync of a new journal or write-ahead log.
        if not stored.is_named and name != FILE:
            self._settle_names()

    def _settle_names(self) -> None:
        self._files = {name: stored for name, stored in self._files.items() if not stored.is_deleted}
        for stored in self._files.values():
            stored.is_named, stored.former = True, None

    def after_the_cut(self, random: Random) -> dict[str, bytes]:
        """The files as the next start may find them."""
        share = random.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        found = {
            name: self._content(stored, random, share)
            for name, stored in self._files.items()
            if not name.endswith(INDEX)
        }
        return {name: content for name, content in found.items() if content is not None}

    @staticmethod
    def _content(stored: _Stored, random: Random, share: float) -> bytes | None:
        if stored.is_deleted and random.random() < 0.5:
            return None
        if not stored.is_named and random.random() < 0.5:
            return stored.former
        content = bytearray(stored.durable)
        for happening in stored.pending:
            if random.random() < share:
                _apply(content, _torn(happening, random))
        return bytes(content)


def _torn(happening: Happening, random: Random) -> Happening:
    """Perhaps only the sectors up to one of them were written, or from one of them on."""
    if happening.what != "write" or random.random() < 0.6:
        return happening
    cut = random.randrange(0, len(happening.data), SECTOR_BYTES)
    if random.random() < 0.5:
        return Happening("write", happening.file, happening.offset, happening.data[:cut])
    return Happening("write", happening.file, happening.offset + cut, happening.data[cut:])


def _apply(content: bytearray, happening: Happening) -> None:
    if happening.what == "truncate":
        del content[happening.number :]
        content.extend(b"\0" * (happening.number - len(content)))
        return
    end = happening.offset + len(happening.data)
    content.extend(b"\0" * (end - len(content)))
    content[happening.offset : end] = happening.data


def cut_points(happenings: Sequence[Happening], count: int, random: Random) -> list[int]:
    """Before and after every sync, and anywhere else, in order."""
    syncs = [index for index, one in enumerate(happenings) if one.what == "sync"]
    points = [*syncs, *(index + 1 for index in syncs)]
    points += [random.randrange(len(happenings) + 1) for _ in range(max(0, count - len(points)))]
    return sorted(random.sample(points, count) if len(points) > count else points)


def images(
    happenings: Sequence[Happening], count: int, seed: int
) -> Iterator[tuple[int, int, dict[str, bytes]]]:
    """For each cut: where it was, how many facts had been acknowledged (-1: none could be yet), and the files."""
    random, platter, done = Random(seed), Platter(), 0
    for point in cut_points(happenings, count, random):
        for happening in happenings[done:point]:
            platter.take(happening)
        done = point
        yield point, platter.acknowledged, platter.after_the_cut(random)


def fault_after(folder: Path, facts: Sequence[Fact], acknowledged: int) -> str:
    """What a start on these files finds wrong; empty where everything acknowledged is there, whole, and goes on."""
    with closing(SqlJournal(f"sqlite:///{folder / FILE}")) as journal:
        stored = list(journal.read())
        if len(stored) < acknowledged:
            return f"{acknowledged} facts were acknowledged, {len(stored)} are left"
        if stored != list(facts[: len(stored)]) or (len(stored) % BATCH and len(stored) != len(facts)):
            return f"the {len(stored)} facts left are not whole appends"
        if not (verdict := journal.verify()).is_sound:
            return verdict.reason
        journal.append(facts[len(stored) : len(stored) + BATCH])
        return journal.verify().reason


def lost_to_cuts(place: Path, count: int, seed: int, *pragmas: str) -> Counter[str]:
    """Cut the power so many times; every fault found, counted."""
    facts, faults = traded_days(), Counter[str]()
    (place / "recorded").mkdir()
    for point, acknowledged, files in images(recorded(place / "recorded", facts, *pragmas), count, seed):
        with tempfile.TemporaryDirectory(dir=place) as name:
            for file, content in files.items():
                (Path(name) / file).write_bytes(content)
            try:
                fault = fault_after(Path(name), facts, acknowledged)
            except Exception as error:  # noqa: BLE001 - whatever a start dies of is a finding
                fault = f"{type(error).__name__}: {error}".replace(name, "")
        if fault:
            faults[fault] += 1
            print(f"cut {point}: {fault}", file=sys.stderr)
    return faults


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as by_hand:
        cuts, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
        found = lost_to_cuts(Path(by_hand), cuts, seed)
    print(f"{cuts} power cuts (seed {seed}): {sum(found.values())} lost or damaged something")
    sys.exit(1 if found else 0)
