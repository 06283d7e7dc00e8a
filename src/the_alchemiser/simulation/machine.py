"""One process: an engine, its journal on a disk, its line to the broker. It can die at any point of a turn."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from the_alchemiser.domain.effects import Effect, RaiseAlert
from the_alchemiser.domain.errors import SafetyRefusal, StoreUnavailable
from the_alchemiser.domain.events import Event, JournalRestored, OrderHeard, Started, StreamRestored
from the_alchemiser.domain.facts import CancelIntended, Fact, OrderIntended
from the_alchemiser.domain.instants import SECOND, Nanos
from the_alchemiser.engine import Engine, EngineConfig
from the_alchemiser.runtime.live import DRAIN_SECONDS_MAX
from the_alchemiser.runtime.outbox import Outbox
from the_alchemiser.runtime.patience import PATIENCE_SECONDS, TRY_AGAIN_SECONDS
from the_alchemiser.runtime.perform import Performer
from the_alchemiser.runtime.turn import Timers, Turn
from the_alchemiser.simulation.director import Director
from the_alchemiser.simulation.disk import Disk, ProcessStore
from the_alchemiser.simulation.line import Line
from the_alchemiser.simulation.link import Arrived, Link, Network
from the_alchemiser.simulation.points import Points
from the_alchemiser.simulation.schedule import Fault
from the_alchemiser.simulation.threads import Crew, Deliver
from the_alchemiser.simulation.virtual import VirtualTime
from the_alchemiser.store.lease import RENEWAL_SECONDS

CONVERSATIONS_MAX = 4
"""As the live driver has it."""
RESTART_SECONDS = 5.0
"""How soon whoever looks after the process starts it again after it ended by itself."""
FLIGHT_SECONDS = 0.02
"""About the middle of a conversation: the request may or may not have arrived."""


class Machine(Protocol):
    """A process that trades, whatever it is made of."""

    name: str
    is_running: bool

    @property
    def engine(self) -> Engine | None:
        """What it decides with, while it runs."""
        ...

    @property
    def journal(self) -> ProcessStore | None:
        """Its way to the disk."""
        ...

    def start(self) -> None:
        """Begin, as after every end: recover and go on."""
        ...

    def kill(self) -> None:
        """SIGKILL, or the power: nothing more happens in it."""
        ...

    def pause(self) -> None:
        """SIGSTOP."""
        ...

    def resume(self) -> None:
        """SIGCONT."""
        ...

    def terminate(self) -> None:
        """SIGTERM: end in good order within a few seconds."""
        ...

    def hear(self, heard: OrderHeard) -> None:
        """The exchange says something on the order stream, to whoever is connected."""
        ...

    def befall(self, fault: Fault) -> None:
        """A fault of its connection."""
        ...

    def ask(self, event: Event) -> None:
        """A person wants something of it."""
        ...

    def calm(self) -> None:
        """From now on its connections and its clock work."""
        ...

    def suffer(self, fault: Fault) -> None:
        """A fault of the process as a whole."""
        ...

    def bury(self) -> None:
        """The world is over."""
        ...


class Surroundings(msgspec.Struct, frozen=True):
    """What a machine finds around it."""

    time: VirtualTime
    director: Director
    disk: Disk
    network: Network
    config: EngineConfig
    arrived: Arrived
    """Told every order, cancel and replacement that reaches the exchange."""
    heard: Callable[[Machine, Sequence[Event]], None]
    """Told what an engine is about to learn."""
    stepped: Callable[[Machine], None]
    """Told after every turn."""
    told: Callable[[Machine, RaiseAlert], None]
    """Told every alert."""
    rivaled_from: Callable[[], Nanos | None]
    """When another engine may next want the lease, None for never: until then nobody sees whether it is renewed."""
    ended: Callable[[Machine, float], None]
    """Told that a process ended, and in how many seconds it is to start again."""
    paused: Callable[[Machine, float], None]
    """Told that a process stands still, and for how many seconds."""
    broken: Callable[[Machine, Exception], None]
    """Told what the engine raised that it must never raise."""

    def strike(
        self, moment: str, crew: Crew, suffer: Callable[[Fault], None], delay_seconds: float = 0.0
    ) -> None:
        """This is a moment at which a process may be struck; asked by one of its own threads."""
        fault = self.director.strike(moment)
        if fault is None:
            return
        if delay_seconds:
            self.time.at(self.time.now + round(delay_seconds * SECOND), lambda: suffer(fault))
        else:
            suffer(fault)
            crew.sleep(0)  # where a thread that was killed stays


class CoreMachine:
    """The engine in its turns, driven as the live driver drives it, over the link."""

    def __init__(self, around: Surroundings, name: str) -> None:
        self._around, self.name = around, name
        self._graveyard: list[Crew] = []
        self.is_running = False
        self.engine: Engine | None = None
        self.journal: ProcessStore | None = None
        self.offset: Nanos = 0
        """How far the process's own clock is ahead of the true time."""

    # Life and death

    def start(self) -> None:
        around = self._around
        self._crew = Crew(around.time, self._failed)
        self._graveyard.append(self._crew)
        self._inbox: list[Event] = []
        self._outbox, self._under_way = Outbox(), 0
        self._waking: Deliver | None = None
        self._is_stopping, self._has_started = False, False
        self.offset = 0
        self.journal = around.disk.process(self.name, self._crew.sleep)
        self._points = self.journal.points = Points(around.director, self._crew, self.suffer)
        link = Link(around.network, self._crew, self.name, around.arrived, self._points)
        self._performer = Performer(link, self.now, self, self.journal)
        self._line = Line(around.network, self._take, self._connected)
        self.is_running = True
        self._crew.spawn(self._live)

    def kill(self) -> None:
        if self.is_running:
            self._crew.kill()
            self._line.close()
            self.is_running, self.engine = False, None

    def pause(self) -> None:
        self._crew.stop()

    def resume(self) -> None:
        self._crew.go_on()

    def terminate(self) -> None:
        self._is_stopping = True
        self._wake()

    def bury(self) -> None:
        for crew in self._graveyard:
            crew.bury()

    def now(self) -> Nanos:
        """The instant by the process's own clock."""
        return self._around.time.now + self.offset

    # The order stream

    def hear(self, heard: OrderHeard) -> None:
        if self.is_running:
            self._line.send(heard)

    def befall(self, fault: Fault) -> None:
        if self.is_running:
            self._line.befall(fault)

    def ask(self, event: Event) -> None:
        if self.is_running and self._has_started:
            self._inbox.append(event)
            self._wake()

    def calm(self) -> None:
        self.offset = 0
        if self.is_running:
            self._line.calm()
            self._wake()

    def _take(self, heard: OrderHeard) -> None:
        self._points.pass_by("message: before")
        self._inbox.append(heard)
        self._points.pass_by("message: after")
        self._wake()

    def _connected(self) -> None:
        self._points.pass_by("stream: connected")
        self._inbox.append(StreamRestored(self.now()) if self._has_started else Started(self.now()))
        self._has_started = True
        self._wake()

    # Turns

    def _live(self) -> None:
        journal = self.journal
        assert journal is not None
        # Who starts a process anew on the same computer sees that it is dead; others wait until its lease expires.
        self._around.disk.store.died(self.name)
        self._points.meet("lease: before")
        journal.take()
        self._points.meet("lease: after")
        self._crew.spawn(self._keep_lease)
        self.engine = Engine(self._around.config, journal.read())
        self._points.meet("journal: read")
        self._timers = Timers()
        self._turn = Turn(self.engine, journal, self._timers)
        self._line.connect()
        events = self._next_events()
        while not self._is_stopping:
            self._take_turn(events)
            events = self._next_events()
        self._drain()

    def _take_turn(self, events: Sequence[Event]) -> None:
        self._around.heard(self, events)
        facts, effects = self._turn.decide(events)
        self._meet("decided")
        self._commit(facts)
        self._meet("committed")
        if any(isinstance(fact, OrderIntended | CancelIntended) for fact in facts):
            self._meet("intended")
        self._outbox.add(self._turn.let_out(facts, effects))
        self._begin_conversations()
        self._around.stepped(self)

    def _commit(self, facts: Sequence[Fact]) -> None:
        """As patient as the live driver: nothing is sent meanwhile."""
        began, trouble, is_durable = self._around.time.now, "", False
        while not is_durable:
            try:
                self._turn.commit(facts)
                is_durable = True
            except StoreUnavailable as failure:
                is_enough = self._around.time.now - began >= PATIENCE_SECONDS * SECOND
                if self._is_stopping or is_enough:
                    raise
                trouble = str(failure)
                self._crew.sleep(TRY_AGAIN_SECONDS)
        if trouble:
            self._inbox.append(JournalRestored(self.now(), trouble))

    def _keep_lease(self) -> None:
        journal = self.journal
        assert journal is not None
        while (due := self._around.rivaled_from()) is not None:
            ahead = (due - self._around.time.now) / SECOND
            self._crew.sleep(max(RENEWAL_SECONDS, ahead))
            with contextlib.suppress(StoreUnavailable):
                journal.renew()

    def _next_events(self) -> list[Event]:
        while not self._is_stopping:
            events, self._inbox = self._inbox, []
            events += self._timers.take_due(self.now())
            if events:
                return events
            self._crew.wait(self._sleep_until_woken)
        return []

    def _sleep_until_woken(self, deliver: Deliver) -> None:
        self._waking = deliver
        due = self._timers.next_at
        if due is not None:
            self._around.time.at(due - self.offset, self._on_timer)

    def _on_timer(self) -> None:
        due = self._timers.next_at
        if due is not None and due <= self.now():
            self._wake()

    def _wake(self) -> None:
        waking, self._waking = self._waking, None
        if waking is not None:
            time = self._around.time
            time.at(time.now, lambda: waking(None))

    # Conversations

    def _begin_conversations(self) -> None:
        while self._outbox and self._under_way < CONVERSATIONS_MAX and not self._is_stopping:
            self._under_way += 1
            self._converse_about(self._outbox.take())

    def _converse_about(self, effect: Effect) -> None:
        self._crew.spawn(lambda: self._converse(effect))

    def _converse(self, effect: Effect) -> None:
        self._meet("sent", FLIGHT_SECONDS)
        answer = self._performer.perform(effect)
        self._meet("answered")
        self._under_way -= 1
        if answer is not None:
            self._inbox.append(answer)
        self._begin_conversations()
        self._wake()

    def send(self, alerts: Iterable[RaiseAlert]) -> None:
        """The Alerts port: a person is told."""
        for alert in alerts:
            self._around.told(self, alert)

    def _drain(self) -> None:
        until = self.now() + round(DRAIN_SECONDS_MAX * SECOND)
        while self._under_way and self.now() < until:
            self._crew.sleep(0.1)
        self._end(RESTART_SECONDS)

    # What befalls it

    def _meet(self, moment: str, delay_seconds: float = 0.0) -> None:
        self._around.strike(moment, self._crew, self.suffer, delay_seconds)

    def suffer(self, fault: Fault) -> None:
        """A fault of the process as a whole."""
        if not self.is_running:
            return
        if fault.kind == "terminate":
            self.terminate()
        elif fault.kind in ("ahead", "behind"):
            self._shift_clock(fault)
        elif fault.kind == "pause":
            time = self._around.time
            self.pause()
            time.at(time.now + round(fault.amount * SECOND), self._crew.go_on)
            self._around.paused(self, fault.amount)
        else:
            self._end(fault.amount)

    def _shift_clock(self, fault: Fault) -> None:
        sign = 1 if fault.kind == "ahead" else -1
        self.offset += sign * round(fault.amount * SECOND)
        self._wake()

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, StoreUnavailable | SafetyRefusal):
            self._around.broken(self, error)
        self._end(RESTART_SECONDS)

    def _end(self, seconds: float) -> None:
        self.kill()
        self._around.ended(self, seconds)
