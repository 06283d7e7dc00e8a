"""Single bits turned over in a journal's files: each is found by the next start, or shown to change nothing.

Run by hand: `python -m tests.store.bit_flips 10000`.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from random import Random

from tests.store.database_files import dump
from tests.store.power_cuts import traded_days
from the_alchemiser.domain.errors import StoreUnavailable
from the_alchemiser.store.anchor import Anchor, AnchoredJournal
from the_alchemiser.store.journal import SqlJournal

FILES = ("alchemiser.db", "alchemiser.db-wal")
ANCHOR = "anchor"
BATCH = 4
FOUND, HARMLESS, SILENT = "found", "harmless", "SILENT"


def killed_journal(folder: Path) -> None:
    """A journal as a kill leaves it: most of it in the file, the last appends only in the write-ahead log."""
    facts = traded_days()
    source = folder / "source"
    source.mkdir()
    journal = SqlJournal(f"sqlite:///{source / FILES[0]}")
    anchor = Anchor(source / ANCHOR)
    anchored = AnchoredJournal(journal, anchor)
    half = len(facts) // 2
    anchored.append(facts[:half])
    journal.close()
    journal = SqlJournal(f"sqlite:///{source / FILES[0]}")
    anchored = AnchoredJournal(journal, anchor)
    for start in range(half, len(facts), BATCH):
        anchored.append(facts[start : start + BATCH])
    for name in (*FILES, ANCHOR):
        shutil.copy(source / name, folder / name)
    anchor.close()
    journal.close()


def closed_journal(folder: Path) -> None:
    """The same journal as a stop in good order leaves it: all of it is in the file."""
    killed_journal(folder)
    SqlJournal(f"sqlite:///{folder / FILES[0]}").close()


def flipped(originals: Mapping[str, Path], count: int, seed: int) -> Iterator[tuple[str, int, int, bytes]]:
    """File, byte and bit of each flip, and the content with it; every part of a file has the same chance."""
    random = Random(seed)
    contents = {name: (folder / name).read_bytes() for name, folder in originals.items()}
    for _ in range(count):
        name = random.choice(FILES)
        offset, bit = random.randrange(len(contents[name])), random.randrange(8)
        content = bytearray(contents[name])
        content[offset] ^= 1 << bit
        yield name, offset, bit, bytes(content)


def started(folder: Path) -> list[str]:
    """Start on these files as the service does; what they then hold. Raises StoreUnavailable where it refuses."""
    with closing(SqlJournal(f"sqlite:///{folder / FILES[0]}")) as journal:
        journal.require_sound(Anchor(folder / ANCHOR).read())
        facts = [str(fact) for fact in journal.read()]
    return [*facts, *dump(folder / FILES[0])]


def verdicts(place: Path, count: int, seed: int) -> Counter[str]:
    """Turn so many bits over, one at a time, and start on each damaged copy.

    In the file where all is in the file, for the log hides what lies beneath its pages; in the log as a kill left it.
    """
    originals = {FILES[0]: place / "closed", FILES[1]: place / "killed"}
    for folder, make in zip(originals.values(), (closed_journal, killed_journal), strict=True):
        folder.mkdir()
        make(folder)
    damaged, found = place / "damaged", Counter[str]()
    sound = started(_copied(originals[FILES[0]], damaged))
    for name, offset, bit, content in flipped(originals, count, seed):
        (_copied(originals[name], damaged) / name).write_bytes(content)
        verdict = _verdict(damaged, sound)
        found[f"{verdict} in {name}"] += 1
        if verdict == SILENT:
            print(f"{name}: bit {bit} of byte {offset} changed something and nobody noticed", file=sys.stderr)
    return found


def _copied(original: Path, damaged: Path) -> Path:
    shutil.rmtree(damaged, ignore_errors=True)
    shutil.copytree(original, damaged, ignore=shutil.ignore_patterns("source"))
    return damaged


def _verdict(folder: Path, sound: list[str]) -> str:
    try:
        return HARMLESS if started(folder) == sound else SILENT
    except StoreUnavailable:
        return FOUND


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as by_hand:
        flips, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
        counts = verdicts(Path(by_hand), flips, seed)
    print(f"{flips} flips (seed {seed}): {dict(sorted(counts.items()))}")
    sys.exit(any(verdict.startswith(SILENT) for verdict in counts))
