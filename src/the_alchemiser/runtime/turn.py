"""Durable before visible: the one place where a step's facts become permanent before its effects are let out."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

from the_alchemiser.domain.effects import Effect, SetTimer
from the_alchemiser.domain.events import Event, TimerFired
from the_alchemiser.domain.facts import Fact
from the_alchemiser.domain.instants import Nanos
from the_alchemiser.engine import Engine
from the_alchemiser.ports import Journal

Watcher = Callable[[Sequence[Fact]], None]


class Timers:
    """Instants the engine wants to be told of, soonest first; ties fire in the order they were set."""

    def __init__(self) -> None:
        self._heap: list[tuple[Nanos, int, str]] = []
        self._count = 0

    def set(self, timer: SetTimer) -> None:
        """Remember one timer. The same key may be set for several instants."""
        self._count += 1
        heapq.heappush(self._heap, (timer.at, self._count, timer.key))

    @property
    def next_at(self) -> Nanos | None:
        """The soonest instant, or None where nothing is waited for."""
        return self._heap[0][0] if self._heap else None

    def next_of(self, kind: str) -> Nanos | None:
        """The soonest instant of a timer whose key begins with `kind`."""
        return min((at for at, _, key in self._heap if key.startswith(kind)), default=None)

    def take_due(self, now: Nanos) -> list[Event]:
        """Every timer due at `now`, removed."""
        due: list[Event] = []
        while self._heap and self._heap[0][0] <= now:
            due.append(TimerFired(now, heapq.heappop(self._heap)[2]))
        return due


class Turn:
    """Takes the events that are there as one group: step them all, commit all facts at once, then hand out effects.

    Grouping is what makes the fsync affordable, and taking the same groups is what makes two drivers agree.
    """

    def __init__(
        self, engine: Engine, journal: Journal, timers: Timers, watchers: Sequence[Watcher] = ()
    ) -> None:
        self.engine, self.journal, self.timers = engine, journal, timers
        self.watchers = tuple(watchers)
        self.before: Callable[[Sequence[Event]], None] | None = None
        """Told the events of a turn before they are decided upon."""

    def watch(self, watcher: Watcher) -> None:
        """Tell `watcher` every fact from now on, once it is durable."""
        self.watchers = (*self.watchers, watcher)

    def decide(self, events: Sequence[Event]) -> tuple[list[Fact], list[Effect]]:
        """What the events lead to. Nothing of it may leave the process before `commit`."""
        if self.before is not None:
            self.before(events)
        facts: list[Fact] = []
        effects: list[Effect] = []
        for event in events:
            result = self.engine.step(event)
            facts += result.facts
            effects += result.effects
        return facts, effects

    def commit(self, facts: Sequence[Fact]) -> None:
        """Make the facts durable. Raises StoreUnavailable, after which this engine must not go on."""
        if facts:
            self.journal.append(facts)

    def let_out(self, facts: Sequence[Fact], effects: Sequence[Effect]) -> list[Effect]:
        """Once committed: keep the timers, tell the watchers, and return what the outside must do."""
        outside: list[Effect] = []
        for effect in effects:
            if isinstance(effect, SetTimer):
                self.timers.set(effect)
            else:
                outside.append(effect)
        if facts:
            for watcher in self.watchers:
                watcher(facts)
        return outside

    def take(self, events: Sequence[Event]) -> list[Effect]:
        """The whole turn in one call, for drivers that need not wait elsewhere meanwhile."""
        facts, effects = self.decide(events)
        self.commit(facts)
        return self.let_out(facts, effects)
