"""One seed's life from dawn to verdict: chaos first, then calm, in which everything must come right again."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

import msgspec

from the_alchemiser.domain.effects import RaiseAlert
from the_alchemiser.domain.events import CycleAsked, Event, OrderHeard
from the_alchemiser.domain.facts import Fact, encode
from the_alchemiser.domain.instants import MINUTE, SECOND, Nanos
from the_alchemiser.domain.probes import counted
from the_alchemiser.exchange.market.sessions import Session
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.runtime.direct import heard
from the_alchemiser.simulation.director import Director, Span
from the_alchemiser.simulation.disk import Disk
from the_alchemiser.simulation.judge.case import Session as Day
from the_alchemiser.simulation.judge.clerk import Clerk
from the_alchemiser.simulation.judge.violations import Violation
from the_alchemiser.simulation.life import DAWN_MINUTES, Life, opened
from the_alchemiser.simulation.link import Network
from the_alchemiser.simulation.machine import RESTART_SECONDS, CoreMachine, Machine, Surroundings
from the_alchemiser.simulation.quiescence import check
from the_alchemiser.simulation.schedule import Fault, Schedule
from the_alchemiser.simulation.venue import Venue
from the_alchemiser.simulation.virtual import VirtualTime
from the_alchemiser.store.lease import LEASE_SECONDS

SETTLED_MINUTES = 2
"""How long after the close the chaos of the last day lasts at the longest."""
CALM_SECONDS = 120
"""How soon after the calm began, and after the close, everything has come right."""
CLOSE_SECONDS = 400
"""How soon after the close the day's books are closed: they are made up after a minute and, if need be, five later."""
RIVAL_SECONDS = 15
"""So long before a second engine comes the lease is seen to."""
TAKE_OVER_SECONDS = 1
"""How long after the expiry of a lease a standby takes it."""
VIOLATIONS_MAX = 20


class Outcome(msgspec.Struct, frozen=True):
    """What became of a world."""

    schedule: Schedule
    digest: str
    events: int
    struck: tuple[Fault, ...]
    probes: dict[str, int]
    violations: tuple[Violation, ...]
    alerts: tuple[str, ...]
    held: dict[str, int]
    """What the broker holds in the end, in billionths of a share."""

    @property
    def faults(self) -> dict[tuple[str, str], int]:
        """How often each kind of fault struck, by (site, kind)."""
        return dict(sorted(Counter((fault.site, fault.kind) for fault in self.struck).items()))

    def replayable(self) -> Schedule:
        """The same life with everything that befell it spelled out."""
        violated = self.violations[0].invariant if self.violations else ""
        return msgspec.structs.replace(self.schedule, faults=self.struck, violated=violated)


class World:
    """Everything there is. `run` it once."""

    unfit: frozenset[str] = frozenset()
    """Kinds of timed faults that cannot come about in a world of this make."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule, self.life = schedule, Life.of(schedule)
        self.sessions = self.life.sessions(schedule.days)
        self.exchange = self._open_exchange()
        self.time = self._begin_time()
        self.director = Director(schedule)
        self.disk = Disk(self.time, self.director, self._note_facts)
        self.venue = Venue(self.time, self.director, schedule.seed, self.life.symbols)
        self.network = Network(self.time, self.director, self.venue, schedule.seed)
        config = self.life.engine_config(schedule.seed)
        self.clerk = Clerk(self.exchange, self.life.judged_by(config), _dates(self.sessions), self.disk.facts)
        self.director.witness = self.clerk.struck
        self.network.answered, self.network.departed = self.clerk.answered, self._departed
        self.network.asked, self.disk.committed = self.clerk.asked, self.clerk.committed
        self.violations: list[Violation] = []
        self.alerts: list[str] = []
        self._rival: Machine | None = None
        self._rivals: list[Machine] = []
        self._rivals_due: list[Nanos] = []
        self._is_calm = False
        self._digest = hashlib.sha256()
        self.machine: Machine = self._build_machine()

    def run(self) -> Outcome:
        """Live, and judge."""
        with counted() as probes:
            self._plan()
            self.machine.start()
            self.time.run(self._calm_at())
            self._calm()
            self.time.run(self._ends_at())
            self._judge()
        for machine in (self.machine, *self._rivals):
            machine.bury()
        return Outcome(
            self.schedule,
            self._digest.hexdigest(),
            self.time.actions,
            tuple(self.director.struck),
            dict(sorted(probes.items())),
            tuple(sorted((*self.clerk.violations, *self.violations), key=lambda one: one.at)),
            tuple(self.alerts),
            {position.symbol: position.qty_e9 for position in self.exchange.positions()},
        )

    # What a world is made of

    def _open_exchange(self) -> Exchange:
        return opened(self.life, self.schedule.seed, self.sessions)

    def _begin_time(self) -> VirtualTime:
        return VirtualTime(self.exchange, self._spread, latest_first=self.life.latest_first)

    def _build_machine(self, name: str = "main") -> Machine:
        return CoreMachine(self._surroundings(), name)

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            time=self.time,
            director=self.director,
            disk=self.disk,
            network=self.network,
            config=self.life.engine_config(self.schedule.seed),
            arrived=self._arrived,
            heard=self._heard,
            stepped=self._stepped,
            told=self._told,
            rivaled_from=self._rivaled_from,
            ended=self._ended,
            paused=self._paused,
            broken=self._broken,
        )

    # Phases

    def _calm_at(self) -> Nanos:
        last = self.sessions[-1]
        cycle = max(last.open, last.close - self.life.minutes_before_close * MINUTE)
        latest = last.close + SETTLED_MINUTES * MINUTE
        return min(latest, cycle + self.life.calm_minutes_after_cycle * MINUTE)

    def _ends_at(self) -> Nanos:
        close = self.sessions[-1].close + CLOSE_SECONDS * SECOND
        return max(self._calm_at() + CALM_SECONDS * SECOND, close) + CALM_SECONDS * SECOND

    def _calm(self) -> None:
        self._is_calm = True
        self.director.calm()
        self.network.clogged.clear()
        self.disk.calm()
        self._end_rival()
        self.machine.resume() if self.machine.is_running else self.machine.start()
        self.machine.calm()

    def _judge(self) -> None:
        self.clerk.rested(self.life.engine_config(self.schedule.seed))
        date = self.sessions[-1].date.isoformat()
        self._violate(*check(self.machine.engine, self.disk.facts, self.exchange, date))

    # Timed faults

    def _plan(self) -> None:
        start = self.exchange.now
        spans = [self._span(session, start) for session in self.sessions]
        planned = self.director.plan(spans)
        self._rivals_due = [
            start + (fault.number - RIVAL_SECONDS) * SECOND for fault in planned if fault.kind == "second"
        ]
        for fault in planned:
            self.time.at(start + fault.number * SECOND, lambda fault=fault: self._befall(fault))  # type: ignore[misc]

    def _span(self, session: Session, start: Nanos) -> Span:
        """When a day's timed faults come: mostly around the trading of its cycle."""
        cycle = max(session.open, session.close - self.life.minutes_before_close * MINUTE)
        first = max(session.open - DAWN_MINUTES * MINUTE, cycle - 10 * MINUTE)
        return Span((first - start) // SECOND, (session.close + MINUTE - start) // SECOND)

    def _befall(self, fault: Fault) -> None:
        if self._is_calm or not self._can(fault):
            return
        self.director.record(fault)
        if fault.kind == "second":
            self._start_rival(fault)
        elif fault.site == "process":
            self.machine.suffer(fault)
        elif fault.site == "stream":
            self.machine.befall(fault)
        elif fault.site == "operator":
            self.machine.ask(CycleAsked(self.time.now))
        elif fault.site == "store":
            self.disk.befall(fault)
        elif fault.site == "books":
            self.venue.deposit_unlisted(fault, self._calm_at())
        elif fault.site == "clog":
            self.network.clog(fault)

    def _can(self, fault: Fault) -> bool:
        """Whether there is anything this could happen to; what the venue does is done by then."""
        if fault.kind in self.unfit:
            return False
        if fault.site == "venue":
            return self.venue.befall(fault)
        if fault.kind == "second":
            return self._rival is None
        return self.machine.is_running

    def _rivaled_from(self) -> Nanos | None:
        """When somebody else may next want the lease."""
        now = self.time.now
        if self._rival is not None:
            return now
        return min((due for due in self._rivals_due if due + 2 * RIVAL_SECONDS * SECOND > now), default=None)

    def _start_rival(self, fault: Fault) -> None:
        """Another engine is started on the same store, as by a second cron job or a restored computer."""
        self._rival = self._build_machine("second")
        self._rivals.append(self._rival)
        self._rival.start()
        self.time.at(self.time.now + round(fault.amount * SECOND), self._end_rival)

    def _paused(self, machine: Machine, seconds: float) -> None:
        """Where somebody watches over the process, another engine takes its place once its lease has expired."""
        takes_over_after = LEASE_SECONDS + TAKE_OVER_SECONDS
        if self.life.has_standby and machine is self.machine and seconds > takes_over_after:
            stands_in = Fault("process", 0, "second", round(seconds, 3))
            self.time.at(self.time.now + takes_over_after * SECOND, lambda: self._take_over(stands_in))

    def _take_over(self, fault: Fault) -> None:
        if not self._is_calm and self._rival is None:
            self.clerk.struck(fault)
            self._start_rival(fault)

    def _end_rival(self) -> None:
        rival, self._rival = self._rival, None
        if rival is not None:
            rival.kill()
            self.clerk.ended(rival.name)

    # What is heard of the others

    def _spread(self) -> None:
        """The exchange has something to say."""
        for update in self.exchange.take_updates():
            self._note(
                f"{update.at} {update.event} {update.order.client_order_id} {update.order.filled_qty_e9}"
            )
            if update.event != "pending_new":
                self._tell(heard(update))

    def _tell(self, told: OrderHeard) -> None:
        self.machine.hear(told)
        if self._rival is not None:
            self._rival.hear(told)

    def _arrived(self, at: Nanos, machine: str, request: object) -> None:
        self._note(f"{at} {machine} {request}")
        self.clerk.arrived(at, machine, request)

    def _heard(self, machine: Machine, events: Sequence[Event]) -> None:
        if self._holds_lease(machine):
            self.clerk.heard(events)

    def _departed(self, name: str, request: object) -> None:
        for machine in (self.machine, self._rival):
            if machine is not None and machine.name == name and machine.journal is not None:
                self.clerk.departed(request, machine.journal.epoch, self.disk.store.lease.epoch)

    def _stepped(self, machine: Machine) -> None:
        if machine.engine is not None:
            self.clerk.stepped(machine.name, machine.engine, is_holder=self._holds_lease(machine))

    def _holds_lease(self, machine: Machine) -> bool:
        """Whether what this one remembers and learns is of any account."""
        journal = machine.journal
        return journal is not None and journal.epoch == self.disk.store.lease.epoch

    def _told(self, machine: Machine, alert: RaiseAlert) -> None:
        self.alerts.append(f"{alert.level}: {alert.text}")

    def _ended(self, machine: Machine, seconds: float) -> None:
        self.clerk.ended(machine.name)
        seconds = min(seconds, RESTART_SECONDS) if self._is_calm else seconds
        self.time.at(self.time.now + round(seconds * SECOND), lambda: self._start_again(machine))

    def _start_again(self, machine: Machine) -> None:
        if not machine.is_running and machine in (self.machine, self._rival):
            machine.start()

    def _broken(self, machine: Machine, error: Exception) -> None:
        self._violate(Violation("I-RUN", self.time.now, f"{type(error).__name__}: {error}"))

    def _violate(self, *violations: Violation) -> None:
        self.violations.extend(violations[: VIOLATIONS_MAX - len(self.violations)])

    # The digest

    def _note_facts(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            self._digest.update(encode(fact))

    def _note(self, text: str) -> None:
        self._digest.update(text.encode())


def _dates(sessions: Sequence[Session]) -> list[Day]:
    return [Day(one.date.isoformat(), one.open, one.close) for one in sessions]


def simulate(seed: int, days: int = 1, intensity: str = "default") -> Outcome:
    """One seed's life."""
    return World(Schedule(seed, days, intensity)).run()
