"""The live driver, the adapter and the stream client live through seeds of faults in virtual time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest

from the_alchemiser.domain.facts import DayClosed, OrderIntended
from the_alchemiser.simulation.life import dawn
from the_alchemiser.simulation.schedule import Fault, Schedule
from the_alchemiser.simulation.shell.guard import nothing_real
from the_alchemiser.simulation.shell.world import ShellWorld
from the_alchemiser.simulation.world import Outcome, World

GATE_SEEDS, SEEDS_PER_TEST = 40, 5
SAY = """
from the_alchemiser.simulation.life import dawn
from the_alchemiser.simulation.schedule import Schedule
from the_alchemiser.simulation.shell.world import ShellWorld
print([ShellWorld(Schedule(seed)).run().digest for seed in (3, 13)])
"""


def live(seed: int, *, faults: tuple[Fault, ...] | None = None, intensity: str = "default") -> ShellWorld:
    world = ShellWorld(Schedule(seed, faults=faults, intensity=intensity))
    with nothing_real():
        world.outcome = world.run()  # type: ignore[attr-defined]
    return world


def outcome_of(seed: int, intensity: str = "default") -> Outcome:
    found: Outcome = live(seed, intensity=intensity).outcome  # type: ignore[attr-defined]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, GATE_SEEDS, SEEDS_PER_TEST))
def test_after_any_chaos_of_wires_and_processes_everything_comes_right_and_again_the_same(first: int) -> None:
    for seed in range(first, first + SEEDS_PER_TEST):
        outcome = outcome_of(seed)
        assert outcome.violations == (), f"seed {seed}"
        assert outcome_of(seed).digest == outcome.digest


def test_a_calm_day_over_the_wire_is_reconciled_and_tells_nobody_anything() -> None:
    world = live(1, intensity="none")
    outcome: Outcome = world.outcome  # type: ignore[attr-defined]
    assert (outcome.struck, outcome.alerts, outcome.violations) == ((), (), ())
    assert sum(isinstance(fact, DayClosed) for fact in world.disk.facts) == 1


class WholeDay(ShellWorld):
    def _begins_at(self) -> int:
        return dawn(self.sessions)


def test_a_whole_calm_day_from_dawn_opens_one_stream_and_never_again() -> None:
    world = WholeDay(Schedule(2, intensity="none"))
    with nothing_real():
        outcome = world.run()
    assert (outcome.alerts, outcome.violations) == ((), ())
    assert world.wires.streams_opened == 1


@pytest.mark.parametrize("seed", [1, 2])
def test_over_the_wire_the_same_seed_wants_the_same_orders_as_in_the_core(seed: int) -> None:
    core = World(Schedule(seed, intensity="none"))
    core.run()
    assert _intended(live(seed, intensity="none")) == _intended(core)


def _intended(world: World) -> Counter[tuple[str, str]]:
    facts = [fact for fact in world.disk.facts if isinstance(fact, OrderIntended)]
    return Counter((fact.request.client_order_id, str(fact.request.shares)) for fact in facts)


def test_what_befell_a_world_of_wires_can_be_played_again_without_dice() -> None:
    outcome = outcome_of(3)
    again = ShellWorld(outcome.replayable()).run()
    assert (again.digest, again.struck) == (outcome.digest, outcome.struck)


def test_a_seed_lives_the_same_life_in_any_process() -> None:
    assert len({_said("1", "UTC"), _said("2", "Asia/Tokyo")}) == 1


def _said(hashing: str, zone: str) -> str:
    environment = os.environ | {"PYTHONHASHSEED": hashing, "TZ": zone}
    run = subprocess.run(
        [sys.executable, "-c", SAY], env=environment, capture_output=True, text=True, check=True
    )
    return run.stdout
