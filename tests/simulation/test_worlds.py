"""Whatever a seed does to its world: no order twice, no share lost, books that agree once it is calm."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from the_alchemiser.simulation.schedule import Schedule
from the_alchemiser.simulation.world import World, simulate

SAY = """
from the_alchemiser.simulation.world import simulate
print([(outcome.digest, len(outcome.struck)) for outcome in map(simulate, range(3))])
"""


@pytest.mark.parametrize("intensity", ["default", "heavy"])
@pytest.mark.parametrize("seed", range(6))
def test_after_any_chaos_everything_comes_right(seed: int, intensity: str) -> None:
    outcome = simulate(seed, intensity=intensity)

    assert outcome.violations == ()
    assert outcome.struck


def test_where_nothing_goes_wrong_nothing_is_told_to_a_person() -> None:
    outcome = simulate(0, days=3, intensity="none")

    assert (outcome.struck, outcome.alerts, outcome.violations) == ((), (), ())


@pytest.mark.parametrize("seed", [2, 4])
def test_what_befell_a_world_can_be_played_again_without_dice(seed: int) -> None:
    outcome = simulate(seed, intensity="heavy")
    again = World(outcome.replayable()).run()

    assert (again.digest, again.struck) == (outcome.digest, outcome.struck)


def test_one_fault_less_leaves_the_others_where_they_were() -> None:
    outcome = simulate(4)
    told = outcome.replayable()
    without = World(Schedule(told.seed, faults=told.faults[:-1])).run()

    assert without.struck == outcome.struck[:-1]


def test_a_seed_lives_the_same_life_in_any_process() -> None:
    lives = {
        _said({"PYTHONHASHSEED": hashing, "TZ": zone})
        for hashing, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }

    assert len(lives) == 1


def _said(environment: dict[str, str]) -> str:
    run = subprocess.run(
        [sys.executable, "-c", SAY], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return run.stdout
