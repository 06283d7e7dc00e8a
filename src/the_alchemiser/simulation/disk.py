"""The store as a process finds it: slow, locked, failing, and afterwards holding exactly what was durable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from the_alchemiser.domain.errors import StoreUnavailable
from the_alchemiser.domain.facts import Fact
from the_alchemiser.domain.instants import SECOND, Nanos
from the_alchemiser.simulation.director import Director
from the_alchemiser.simulation.points import Points
from the_alchemiser.simulation.schedule import Fault
from the_alchemiser.simulation.virtual import VirtualTime
from the_alchemiser.store.memory import MemoryStore

APPEND_SECONDS = 0.002
"""What an ordinary commit takes."""
BUSY_SECONDS = 5.0
"""How long a locked database is waited for before the commit fails."""


class Disk:
    """The durable image, which outlives every process, and the lease on it. `durable` is told all it comes to hold."""

    def __init__(
        self, time: VirtualTime, director: Director, durable: Callable[[Sequence[Fact]], None]
    ) -> None:
        self.store = MemoryStore()
        self.director = director
        self._time, self._durable = time, durable
        self.committed: Callable[[int, int], None] = lambda epoch, in_force: None
        """Told of every commit: under which epoch it was made, and which was in force."""
        self._unwritable_until: Nanos = 0
        self._slow_until: Nanos = 0

    @property
    def facts(self) -> list[Fact]:
        """Everything durable, oldest first: one list that grows."""
        return self.store.facts

    @property
    def is_writable(self) -> bool:
        """Whether there is room, and nobody else's lock."""
        return self._time.now >= self._unwritable_until

    @property
    def append_seconds(self) -> float:
        """How long a commit takes now."""
        return 1.0 if self._time.now < self._slow_until else APPEND_SECONDS

    def befall(self, fault: Fault) -> None:
        """A fault of the site `store`: for so many seconds nothing can be written, or only slowly."""
        until = self._time.now + round(fault.amount * SECOND)
        if fault.kind == "unwritable":
            self._unwritable_until = max(self._unwritable_until, until)
        else:
            self._slow_until = max(self._slow_until, until)

    def calm(self) -> None:
        """It works again."""
        self._unwritable_until = self._slow_until = 0

    def process(self, owner: str, sleep: Callable[[float], None]) -> ProcessStore:
        """The store as the process called `owner` sees it."""
        return ProcessStore(self, owner, sleep, lambda: self._time.now)

    def wrote(self, facts: Sequence[Fact], epoch: int) -> None:
        """These are durable now, written under this epoch."""
        self.committed(epoch, self.store.lease.epoch)
        self._durable(facts)


class ProcessStore:
    """Journal and Lease of one process. `sleep` takes the process's time."""

    def __init__(
        self, disk: Disk, owner: str, sleep: Callable[[float], None], now: Callable[[], Nanos]
    ) -> None:
        self._disk, self._sleep = disk, sleep
        self._leased = disk.store.journal(owner, now)
        self.points: Points | None = None
        """Where the process may die around what it writes, if its world asks."""
        self._doubtful: list[Fact] = []
        """Written by a commit that seemed to fail: the same commit repeated must not write them twice."""

    def append(self, facts: Sequence[Fact]) -> None:
        """Raises StoreUnavailable, LeaseLost."""
        fault = self._disk.director.strike("append")
        kind = "" if fault is None else fault.kind
        self._sleep(fault.amount if fault is not None and kind == "locked" else self._disk.append_seconds)
        if not self._disk.is_writable:
            self._sleep(BUSY_SECONDS)
            raise StoreUnavailable("database or disk is full")
        if kind == "fails_before":
            raise StoreUnavailable("disk I/O error, before anything was written")
        if not self._doubtful or self._doubtful != list(facts):
            self._write(facts)
        self._doubtful = list(facts) if kind == "fails_after" else []
        if kind == "fails_after":
            raise StoreUnavailable("disk I/O error, after everything was written")

    def _write(self, facts: Sequence[Fact]) -> None:
        points = self.points
        if points is not None:
            points.meet("append: before")
            points.meet_unsynced("append: written", lambda: self._make_durable(facts))
        self._make_durable(facts)
        if points is not None:
            points.meet("append: after")

    def _make_durable(self, facts: Sequence[Fact]) -> None:
        self._leased.append(facts)
        self._disk.wrote(facts, self.epoch)

    def read(self) -> Iterator[Fact]:
        """Every durable fact."""
        return iter(tuple(self._disk.facts))

    @property
    def epoch(self) -> int:
        """The number of our taking of the lease."""
        return self._leased.epoch

    def take(self) -> int:
        """Raises LeaseHeld."""
        return self._leased.take()

    def renew(self) -> None:
        """Raises LeaseLost, StoreUnavailable."""
        if not self._disk.is_writable:
            raise StoreUnavailable("database or disk is full")
        self._leased.renew()

    def check(self) -> None:
        """Raises LeaseLost, StoreUnavailable."""
        self._leased.check()

    def release(self) -> None:
        """Give the lease back."""
        self._leased.release()
