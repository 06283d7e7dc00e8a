"""Puts before the judge what a world tells: requests, answers, turns and ends, in the judge's own words."""

from __future__ import annotations

from collections.abc import Sequence

from the_alchemiser.domain.errors import BrokerBusy, BrokerRefused, BrokerUnauthorized
from the_alchemiser.domain.events import Event
from the_alchemiser.domain.facts import Fact, decode, encode
from the_alchemiser.domain.orders import OrderRequest
from the_alchemiser.engine import Engine, EngineConfig
from the_alchemiser.simulation.judge.case import Case, Rules, Session
from the_alchemiser.simulation.judge.exact import MINUTE, SECOND
from the_alchemiser.simulation.judge.hearing import Departure
from the_alchemiser.simulation.judge.judge import Judge
from the_alchemiser.simulation.judge.record import Record, Source
from the_alchemiser.simulation.judge.violations import Violation
from the_alchemiser.simulation.judge.witness import cancellation, glance, submission
from the_alchemiser.simulation.schedule import Fault

DEFINITE = (BrokerRefused, BrokerUnauthorized, BrokerBusy)
"""Failures that say that nothing was accepted."""

ARRESTING = frozenset({"pause", "locked", "unwritable", "slow", "fails_before", "fails_after", "second"})
"""Faults that keep a process from asking anything for as long as they say, and then some."""
PATIENCE = MINUTE
"""How long a journal that cannot be written is waited for while nothing is sent."""


class Clerk:
    """Follows one world: `durable` is the list of facts that survive everything, as it grows."""

    def __init__(
        self, exchange: Source, rules: Rules, sessions: Sequence[Session], durable: Sequence[Fact]
    ) -> None:
        self._durable = durable
        self.case = Case(Record(exchange), rules, sessions)
        self.judge = Judge(self.case, durable)
        self._known: dict[str, int] = {}
        """How many facts there were when a machine's memory was last looked at."""

    @property
    def violations(self) -> list[Violation]:
        """Everything found so far."""
        return self.judge.violations

    def departed(self, request: object, epoch: int, in_force: int) -> None:
        """A request leaves a machine that has the lease of one epoch, while another may be in force."""
        is_submission = isinstance(request, OrderRequest)
        name = request.client_order_id if isinstance(request, OrderRequest) else str(request)
        self.judge.departed(Departure(name, epoch, in_force, is_submission))

    def committed(self, epoch: int, in_force: int) -> None:
        """Facts become durable, written under an epoch."""
        self.judge.committed(epoch, in_force)

    def arrived(self, at: int, machine: str, request: object) -> None:
        """An order, or the broker's id of one to be canceled, reached the exchange."""
        durable = len(self._durable)
        if isinstance(request, OrderRequest):
            self.judge.arrived(submission(at, machine, request, durable))
        else:
            self.judge.arrived(cancellation(at, machine, str(request), durable, self.case.record))

    def heard(self, events: Sequence[Event]) -> None:
        """These events are about to reach an engine."""
        self.judge.delivered(events)

    def answered(self, site: str, about: object, answer: object) -> None:
        """The broker's answer, or what was taken for one, reached a process."""
        hearing, now = self.case.hearing, self.case.record.now
        if isinstance(about, OrderRequest):
            if isinstance(answer, DEFINITE):
                hearing.denied.add(about.client_order_id)
        elif site == "look_up" and answer is None:
            hearing.not_found.setdefault(str(about), []).append(now)
        elif site == "open_orders" and not isinstance(answer, Exception):
            hearing.lists.append(now)

    def asked(self, site: str, about: object) -> None:
        """A process asks something of the broker."""
        now = self.case.record.now
        self.case.hearing.asked_at[site] = now
        if site == "look_up":
            self.case.hearing.asked_at[f"look_up {about}"] = now

    def struck(self, fault: Fault) -> None:
        """A fault was injected; some keep a process from everything for a while."""
        self.judge.struck(f"{fault.site}: {fault.kind}")
        if fault.kind in ARRESTING:
            until = self.case.record.now + round(fault.amount * SECOND) + PATIENCE
            self.case.hearing.awake_from = max(self.case.hearing.awake_from, until)

    def stepped(self, machine: str, engine: Engine, *, is_holder: bool) -> None:
        """A machine took a turn; its memory is looked at where it can have changed: facts alone change it.

        What one remembers that has lost the lease is of no account.
        """
        if not is_holder:
            self.ended(machine)
            self.judge.stepped(machine)
            return
        for other in set(self._known) - {machine}:
            self.case.hearing.awake_from = max(self.case.hearing.awake_from, self.case.record.now)
            self.ended(other)
        grown = len(self._durable)
        if self._known.get(machine) == grown:
            self.judge.stepped(machine)
            return
        self._known[machine] = grown
        self.judge.stepped(machine, glance(engine))

    def ended(self, machine: str) -> None:
        """A process is gone."""
        self._known.pop(machine, None)
        self.judge.ended(machine)

    def rested(self, config: EngineConfig) -> None:
        """The world is quiet: judge what must be true now."""
        # Through the format in which facts are kept: what it cannot give back, no next process would know.
        again = [decode(encode(fact)) for fact in self._durable]
        self.case.read_again = lambda: again
        self.case.started_anew = lambda: glance(Engine(config, again))
        self.judge.rested()
