"""How long a start waits for its journal: opening, checking and replaying it into an engine.

Prints one JSON line for each size. `hash_s_limit` is reading the same entries with bare SQLite and hashing them, the
least that any start pays who wants to know that they are genuine. Up to `checked_entries_max` entries the whole state
is derived again and compared with every table; above, the structure, the end and the chain are checked.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import resource
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.journal import SYMBOLS, steps
from the_alchemiser.engine import Engine, EngineConfig
from the_alchemiser.store.journal import CHECKED_ENTRIES_MAX, SqlJournal

FACTS = 1_000_000
FACTS_PER_DAY = 10 * len(SYMBOLS) + 9
APPEND_FACTS = 5_000


def write(url: str, facts: int) -> None:
    """A journal of so many facts, in large appends."""
    stream = itertools.chain.from_iterable(steps(facts // FACTS_PER_DAY + 1))
    with closing(SqlJournal(url)) as journal:
        while facts > 0 and (batch := list(itertools.islice(stream, min(APPEND_FACTS, facts)))):
            journal.append(batch)
            facts -= len(batch)


def start(path: Path) -> dict[str, float | int | str]:
    """What a fresh process waits for."""
    began, cpu_began = time.perf_counter(), time.process_time()
    with closing(SqlJournal(f"sqlite:///{path}")) as journal:
        opened = time.perf_counter()
        journal.require_sound()
        checked = time.perf_counter()
        engine = Engine(EngineConfig(), journal.read())
        done, cpu_seconds = time.perf_counter(), time.process_time() - cpu_began
        return {
            "entries": journal.head().seq,
            "orders": len(engine.state.orders),
            "open_s": round(opened - began, 4),
            "check_s": round(checked - opened, 4),
            "replay_s": round(done - checked, 4),
            "start_s": round(done - began, 4),
            "cpu_s": round(cpu_seconds, 4),
            "hash_s_limit": round(bare(path), 4),
            "checked_entries_max": CHECKED_ENTRIES_MAX,
            "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "load_1m": round(os.getloadavg()[0], 2),
        }


def bare(path: Path) -> float:
    """Seconds to read and hash every entry, and nothing else."""
    began, before = time.perf_counter(), "0" * 64
    with closing(sqlite3.connect(path)) as connection:
        for seq, body in connection.execute("SELECT seq, body FROM journal ORDER BY seq"):
            before = hashlib.sha256(f"{before}{seq:020d}{body}".encode()).hexdigest()
    return time.perf_counter() - began


def main() -> None:
    """Write one journal and start on it, in a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.journal_start", description=__doc__)
    parser.add_argument("--facts", type=int, default=FACTS)
    parser.add_argument("--dir", help="where the journal is written; chooses the disk")
    parser.add_argument("--start", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.start:
        print(json.dumps({"bench": "journal_start"} | start(options.start)))
        return
    with TemporaryDirectory(dir=options.dir) as folder:
        path = Path(folder) / "journal.db"
        write(f"sqlite:///{path}", options.facts)
        command = [sys.executable, "-m", "benchmarks.journal_start", "--start", str(path)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
