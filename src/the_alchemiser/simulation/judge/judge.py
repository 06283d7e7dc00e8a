"""The judge: told what reaches the exchange and when an engine has taken a turn, it says which rules were broken.

It shares no code with engine, ledger or exchange: it adds the exchange's executions and the journal's facts up once
more, in integers, and compares. Checks run on what is new, so that a step costs little where little happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from the_alchemiser.domain.events import Event
from the_alchemiser.domain.facts import Fact
from the_alchemiser.simulation.judge import booking, exposing, keeping, looking, ordering
from the_alchemiser.simulation.judge.case import ARRIVAL, CHECKS, COMMIT, DEPARTURE, FILL, REST, STEP, Case
from the_alchemiser.simulation.judge.hearing import Arrival, Departure, Glance
from the_alchemiser.simulation.judge.violations import Violation

SECTIONS = (booking, exposing, keeping, looking, ordering)
"""Importing them registers their checks."""
VIOLATIONS_MAX = 100
"""A broken run breaks the same rule again and again; so many tell enough."""


class Judge:
    """Follows one world. `durable` is the journal's list of durable facts, growing as the store makes them so."""

    def __init__(self, case: Case, durable: Sequence[Fact]) -> None:
        self.case = case
        self.violations: list[Violation] = []
        self._durable = durable

    def departed(self, departure: Departure) -> None:
        """A request leaves a machine; it may arrive late, twice or never."""
        self._catch_up()
        self._check(DEPARTURE, departure)

    def committed(self, epoch: int, in_force: int) -> None:
        """Facts become durable under an epoch, while another may be in force."""
        self._check(COMMIT, epoch, in_force)

    def arrived(self, arrival: Arrival) -> None:
        """A request of ours reached the exchange, which has not acted on it yet."""
        self._catch_up()
        self.case.hearing.arrived(arrival)
        self._check(ARRIVAL, arrival)

    def delivered(self, events: Iterable[Event]) -> None:
        """These events are about to reach an engine."""
        at = self.case.record.now
        for event in events:
            self.case.hearing.delivered(at, event)

    def struck(self, fault: str) -> None:
        """A fault was injected."""
        self.case.hearing.struck.append((self.case.record.now, fault))

    def started(self, machine: str) -> None:
        """A process begins; what an earlier one of this name remembered is gone."""
        self.ended(machine)

    def ended(self, machine: str) -> None:
        """A process is gone."""
        self.case.glances.pop(machine, None)
        self.case.earlier.pop(machine, None)
        if not self.case.glances:
            # What it saw and had not written it has not seen: whoever comes next must see it again.
            self.case.hearing.seen.clear()
            self.case.hearing.seen_orders.clear()

    def stepped(self, machine: str, glance: Glance | None = None) -> None:
        """A machine has taken a turn; `glance` is its memory, or None where that cannot have changed."""
        self._catch_up()
        if glance is not None:
            self.case.glances[machine] = glance
        self._check(STEP)
        if glance is not None:
            self.case.earlier[machine] = glance

    def rested(self) -> None:
        """Nothing has gone wrong for a while: everything must have settled by now."""
        self._catch_up()
        self._check(STEP)
        self._check(REST)

    def _catch_up(self) -> None:
        """Take in what the exchange and the journal have new."""
        case = self.case
        for fill in case.record.refresh():
            case.record.enter(fill)
            self._check(FILL, fill)
        for number in range(len(case.story.facts), len(self._durable)):
            fact = self._durable[number]
            self._check(type(fact), fact)
            case.story.take(fact)

    def _check(self, occasion: Any, *arguments: Any) -> None:
        for invariant, check in CHECKS.of.get(occasion, ()):
            if len(self.violations) < VIOLATIONS_MAX:
                for text in check(self.case, *arguments):
                    self.violations.append(Violation(invariant, self.case.record.now, text))
