"""The store as a process finds it: slow, locked, failing, and afterwards holding exactly what was durable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from the_alchemiser.domain.errors import StoreUnavailable
from the_alchemiser.domain.facts import Fact
from the_alchemiser.simulation.director import Director

APPEND_SECONDS = 0.002
"""What an ordinary commit takes."""


class Disk:
    """The durable image, which outlives every process. `durable` is told all that becomes part of it."""

    def __init__(self, durable: Callable[[Sequence[Fact]], None] = lambda _: None) -> None:
        self.facts: list[Fact] = []
        self._durable = durable

    def write(self, facts: Sequence[Fact]) -> None:
        """They survive everything from now on."""
        self.facts.extend(facts)
        self._durable(facts)


class DiskJournal:
    """A Journal of one process on a disk. `sleep` takes the process's time."""

    def __init__(self, disk: Disk, director: Director, sleep: Callable[[float], None]) -> None:
        self._disk, self._director, self._sleep = disk, director, sleep
        self._unconfirmed: list[Fact] = []
        """What was written although the append failed: the same call repeated writes it once."""

    def append(self, facts: Sequence[Fact]) -> None:
        """Raises StoreUnavailable."""
        fault = self._director.strike("append")
        kind = "" if fault is None else fault.kind
        self._sleep(fault.amount if fault is not None and kind == "locked" else APPEND_SECONDS)
        if kind == "fails_before":
            raise StoreUnavailable("the disk failed before anything was written")
        if self._unconfirmed != list(facts):
            self._disk.write(facts)
        self._unconfirmed = list(facts) if kind == "fails_after" else []
        if kind == "fails_after":
            raise StoreUnavailable("the disk failed after everything was written")

    def read(self) -> Iterator[Fact]:
        """Every durable fact."""
        return iter(tuple(self._disk.facts))
