"""One process as it is: the live driver on an event loop, the adapter's threads, the stream client; and its end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from the_alchemiser.bootstrap import Connection, System, assemble, tell_time
from the_alchemiser.domain.effects import RaiseAlert
from the_alchemiser.domain.errors import BrokerError, SafetyRefusal, StoreUnavailable
from the_alchemiser.domain.events import Event, OrderHeard
from the_alchemiser.domain.facts import Fact
from the_alchemiser.domain.instants import SECOND
from the_alchemiser.engine import Engine
from the_alchemiser.simulation.chance import stream
from the_alchemiser.simulation.disk import ProcessStore
from the_alchemiser.simulation.machine import FLIGHT_SECONDS, RESTART_SECONDS, Surroundings
from the_alchemiser.simulation.schedule import Fault
from the_alchemiser.simulation.shell.loop import VirtualLoop
from the_alchemiser.simulation.shell.network import Host, Network
from the_alchemiser.simulation.shell.overheard import OverheardBroker
from the_alchemiser.simulation.shell.platform import platform_of
from the_alchemiser.simulation.shell.venue import ENDPOINTS, KEY, SECRET
from the_alchemiser.simulation.threads import Crew

ORDINARY_ENDS = (BrokerError, StoreUnavailable, SafetyRefusal, TimeoutError)
"""What a process may end by; whoever looks after it starts it again."""


class ShellMachine:
    """A process that trades over the wire. Each start is a new loop, crew and host; the dead are kept until the end."""

    def __init__(self, around: Surroundings, network: Network, name: str, seed: int) -> None:
        self._around, self._network, self.name, self._seed = around, network, name, seed
        self._graveyard: list[Incarnation] = []
        self.is_running = False

    @property
    def engine(self) -> Engine | None:
        """What it decides with, once it is put together."""
        return self._life.engine if self.is_running else None

    @property
    def journal(self) -> ProcessStore | None:
        """Its way to the disk."""
        return self._life.journal if self.is_running else None

    def start(self) -> None:
        self._life = Incarnation(self, len(self._graveyard))
        self._graveyard.append(self._life)
        self.is_running = True
        self._life.begin()

    def kill(self) -> None:
        self._end_life(resets=True)

    def pause(self) -> None:
        self._life.pause()

    def resume(self) -> None:
        self._life.resume()

    def terminate(self) -> None:
        self._life.terminate()

    def hear(self, heard: OrderHeard) -> None:
        """The exchange tells it itself, over the wire."""

    def befall(self, fault: Fault) -> None:
        if self.is_running:
            for end in self._life.host.streams():
                end.befall(fault.kind)

    def ask(self, event: Event) -> None:
        """Nobody asks it anything yet."""

    def calm(self) -> None:
        """What is wrong with its connections it has to notice itself."""

    def bury(self) -> None:
        for life in self._graveyard:
            life.bury()

    def suffer(self, fault: Fault) -> None:
        if not self.is_running:
            return
        life = self._life
        if fault.kind == "terminate":
            self.terminate()
        elif fault.kind == "pause":
            time = self._around.time
            life.pause()
            time.at(time.now + round(fault.amount * SECOND), life.resume)
        else:
            self._end_life(resets=fault.kind != "power_cut")
            self._around.ended(self, fault.amount)

    def complaints(self) -> list[str]:
        """What nobody caught in any of its lives."""
        return [complaint for life in self._graveyard for complaint in life.loop.complaints]

    def _end_life(self, *, resets: bool) -> None:
        if self.is_running:
            self.is_running = False
            self._life.kill(resets=resets)

    # What its life tells

    @property
    def around(self) -> Surroundings:
        """Where it lives."""
        return self._around

    @property
    def network(self) -> Network:
        """What it is connected to."""
        return self._network

    def chance_of(self, number: int) -> Any:
        """The dice of one of its lives."""
        return stream(self._seed, f"platform {self.name} {number}")

    def over(self, life: Incarnation, error: BaseException | None) -> None:
        """A life ended by itself."""
        if not self.is_running or life is not self._life:
            return
        strange = error is not None and not _is_ordinary(error)
        self._end_life(resets=True)
        if strange:
            self._around.broken(self, _plain(error))
        self._around.ended(self, RESTART_SECONDS)


class Incarnation:
    """From one start to its end."""

    def __init__(self, machine: ShellMachine, number: int) -> None:
        around = machine.around
        self._machine, self._around = machine, around
        self.crew = Crew(around.time, self._failed)
        self.host = Host(machine.network, machine.name)
        self.loop = VirtualLoop(around.time, self.crew, self.host)
        self.journal = MortalJournal(around, self, machine.name)
        self._platform = platform_of(around.time, self.crew, self.host, machine.chance_of(number))
        self._system: System | None = None
        self._is_asked_to_end = False

    @property
    def engine(self) -> Engine | None:
        return None if self._system is None else self._system.engine

    def begin(self) -> None:
        """As the program begins: first the account and the clock, then everything else."""
        self.crew.spawn(self._start)

    def _start(self) -> None:
        self._around.disk.store.died(self._machine.name)
        self.journal.take()
        line = tell_time(Connection(KEY, SECRET, ENDPOINTS), None, self._platform)
        broker, _ = line
        number = broker.get_account().number
        broker.response_observers.append(lambda _: self.meet("answered"))
        system = assemble(
            self._around.config, (*line, number), self.journal, [self._stepped], self, self.journal
        )
        system.turn.before = lambda events: self._around.heard(self._machine, events)
        system.performer.broker = OverheardBroker(broker, self._around.network, self._machine.name)
        self._system = system
        if self._is_asked_to_end:
            system.stop()
        self.loop.create_task(system.run()).add_done_callback(self._ended)

    def _stepped(self, _: Sequence[Fact]) -> None:
        self._around.stepped(self._machine)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        self._around.time.at(self._around.time.now, lambda: self._machine.over(self, error))

    def _failed(self, error: Exception) -> None:
        self._machine.over(self, error)

    def send(self, alerts: Iterable[RaiseAlert]) -> None:
        """The Alerts port: a person is told."""
        for alert in alerts:
            self._around.told(self._machine, alert)

    def meet(self, moment: str, delay_seconds: float = 0.0) -> None:
        """This is a moment at which the process may be struck; asked by one of its threads."""
        self._around.strike(moment, self.crew, self._suffer, delay_seconds)

    def _suffer(self, fault: Fault) -> None:
        if not self.crew.is_dead:
            self._machine.suffer(fault)

    def kill(self, *, resets: bool) -> None:
        """No part of it runs again, not even to clean up."""
        self.crew.kill()
        self.loop.kill()
        self.host.crash(resets=resets)

    def pause(self) -> None:
        self.crew.stop()
        self.loop.stop_process()

    def resume(self) -> None:
        if not self.crew.is_dead:
            self.crew.go_on()
            self.loop.continue_process()

    def terminate(self) -> None:
        """As SIGTERM: the handler the service installs."""
        self._is_asked_to_end = True
        system = self._system
        if system is not None:
            self.loop.call_soon(system.stop)

    def bury(self) -> None:
        """The world is over."""
        self.crew.bury()
        self.loop.bury()
        if self._system is not None:
            self._system.close()


class MortalJournal(ProcessStore):
    """The journal of a process that may be struck before a commit and after it."""

    def __init__(self, around: Surroundings, life: Incarnation, owner: str) -> None:
        super().__init__(around.disk, owner, life.crew.sleep, lambda: around.time.now)
        self._life = life

    def append(self, facts: Sequence[Fact]) -> None:
        self._life.meet("decided")
        super().append(facts)
        self._life.meet("committed")
        self._life.meet("sent", FLIGHT_SECONDS)


def _is_ordinary(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_ordinary, error.exceptions))
    return isinstance(error, ORDINARY_ENDS)


def _plain(error: BaseException | None) -> Exception:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, Exception) else RuntimeError(repr(error))
