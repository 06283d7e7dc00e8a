"""How a whole process ends, and how soon it notices that its stream is no more."""

from __future__ import annotations

from the_alchemiser.domain.instants import SECOND
from the_alchemiser.simulation.machine import Machine
from the_alchemiser.simulation.schedule import Fault, Schedule
from the_alchemiser.simulation.shell.guard import nothing_real
from the_alchemiser.simulation.shell.world import ShellWorld

CYCLE = 720
"""The second at which the cycle of such a world begins."""


class Watched(ShellWorld):
    """Notes the seconds at which its process ended."""

    def __init__(self, *faults: Fault) -> None:
        self.ends: list[float] = []
        self.strikes: list[float] = []
        super().__init__(Schedule(13, faults=faults))
        self._dawn = self.time.now
        self.director.witness = lambda _: self.strikes.append(self.seconds)

    @property
    def seconds(self) -> float:
        return (self.time.now - self._dawn) / SECOND

    def _ended(self, machine: Machine, seconds: float) -> None:
        self.ends.append(self.seconds)
        super()._ended(machine, seconds)


def lived(*faults: Fault) -> Watched:
    world = Watched(*faults)
    with nothing_real():
        assert world.run().violations == ()
    return world


def test_a_process_asked_to_end_waits_for_its_conversations_and_no_longer_than_five_seconds() -> None:
    hanging = [Fault(site, 1, "answer_late", 20.0) for site in ("histories", "assets", "quotes")]
    world = lived(Fault("process", CYCLE + 1, "terminate", 5.0), *hanging)
    assert len(world.ends) == 1
    assert CYCLE + 1 < world.ends[0] <= CYCLE + 6.1


def test_a_process_asked_to_end_while_nothing_is_under_way_ends_at_once() -> None:
    world = lived(Fault("process", 300, "terminate", 5.0))
    assert world.ends == [300.0] or 300 < world.ends[0] < 300.5


def test_a_stream_that_died_without_a_word_is_noticed_and_replaced_within_ten_seconds() -> None:
    world = Watched(Fault("net:stream", 20, "dead"))
    seen: list[tuple[float, int]] = []

    def look() -> None:
        seen.append((world.seconds, world.wires.streams_opened))
        world.time.at(world.time.now + SECOND // 4, look)

    world.time.at(world.time.now, look)
    with nothing_real():
        assert world.run().violations == ()
    died, replaced = world.strikes[0], next(at for at, opened in seen if opened == 2)
    assert 3 < replaced - died < 10


def test_the_connections_of_a_killed_process_are_reset_and_those_of_a_dark_computer_say_nothing() -> None:
    killed = lived(Fault("process", 300, "kill", 5.0))
    dark = lived(Fault("process", 300, "power_cut", 5.0))
    assert killed.ends[:1] == dark.ends[:1] == [300.0]
    assert killed.wires.streams_opened == dark.wires.streams_opened == 2
