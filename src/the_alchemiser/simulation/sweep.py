"""Many worlds: seed after seed, on as many cores as there are, and what was seen in all of them together."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import msgspec

from the_alchemiser.simulation.judge.violations import Violation
from the_alchemiser.simulation.schedule import Schedule
from the_alchemiser.simulation.world import Outcome
from the_alchemiser.simulation.worlds import world_of

CHUNK_MAX = 10
"""Seeds a worker takes at once: few enough that the progress is seen, enough that the talk about them costs nothing."""
SiteKind = tuple[str, str]


class Lived(msgspec.Struct, frozen=True):
    """One seed's world in brief. `failure` replays it where something was violated."""

    seed: int
    digest: str
    days: int
    events: int
    faults: dict[SiteKind, int]
    probes: dict[str, int]
    violations: tuple[Violation, ...]
    held: dict[str, int]
    failure: Schedule | None

    @classmethod
    def of(cls, outcome: Outcome) -> Lived:
        """What is kept of a world."""
        return cls(
            outcome.schedule.seed,
            outcome.digest,
            outcome.schedule.days,
            outcome.events,
            outcome.faults,
            outcome.probes,
            outcome.violations,
            outcome.held,
            outcome.replayable() if outcome.violations else None,
        )


class Totals:
    """What was seen in all worlds so far."""

    def __init__(self) -> None:
        self.seeds = self.days = self.events = 0
        self.faults: Counter[SiteKind] = Counter()
        self.probes: Counter[str] = Counter()
        self.failures: list[Lived] = []

    def add(self, lived: Lived) -> None:
        """One more."""
        self.seeds += 1
        self.days += lived.days
        self.events += lived.events
        self.faults.update(lived.faults)
        self.probes.update(lived.probes)
        if lived.violations:
            self.failures.append(lived)


def sweep(schedules: Sequence[Schedule], workers: int = 1) -> Iterator[Lived]:
    """Live them all, in order; with several workers each in a process of its own."""
    if workers == 1:
        yield from map(_live, schedules)
        return
    size = max(1, min(CHUNK_MAX, len(schedules) // (4 * workers)))
    chunks = [schedules[start : start + size] for start in range(0, len(schedules), size)]
    # Spawned, not forked: every worker begins as an ordinary process does.
    before = set(multiprocessing.active_children())
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        try:
            with _deaf_to_interrupts():
                worlds = pool.map(_live_all, chunks)
            for lived in worlds:
                yield from lived
        except BaseException:
            # Nobody waits for what is still being lived.
            for child in set(multiprocessing.active_children()) - before:
                child.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """What is started meanwhile ignores Ctrl-C, which a terminal sends to all of a command's processes.

    This one ends the workers, and they print nothing of their own.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def failure_file(folder: Path, lived: Lived) -> Path:
    """Write what replays a failed world; the path says which seed and which invariant."""
    assert lived.failure is not None
    path = folder / f"seed-{lived.seed}-{lived.failure.violated}.json"
    lived.failure.write(path)
    return path


def _live(schedule: Schedule) -> Lived:
    return Lived.of(world_of(schedule).run())


def _live_all(schedules: Sequence[Schedule]) -> list[Lived]:
    return [_live(schedule) for schedule in schedules]
