"""The judge finds every planted bug: each one again in the seed that found it first."""

from __future__ import annotations

import pytest

from tests.mutants import findings
from tests.mutants.planting import Mutant
from tests.mutants.table import AWAITED, MUTANTS

SEEDS_TRIED = 20
"""Where the recorded seed lives another life by now, so many others are tried before the hunt is to be repeated."""


def test_every_mutant_has_its_place_in_the_sources() -> None:
    assert [fault for mutant in MUTANTS if (fault := mutant.fault())] == []


def test_every_mutant_has_a_name_of_its_own_and_was_found() -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names)
    found = {name for name, one in findings.read().items() if one.seed >= 0}
    assert set(names) - found == AWAITED


@pytest.mark.slow
@pytest.mark.parametrize(
    "mutant", [mutant for mutant in MUTANTS if mutant.name not in AWAITED], ids=lambda mutant: mutant.name
)
def test_the_judge_objects(mutant: Mutant) -> None:
    recorded = findings.read()[mutant.name]
    found = findings.hunted(mutant.name, recorded.seed, 1)
    if found.seed < 0:
        found = findings.hunted(mutant.name, 0, SEEDS_TRIED)
    assert found.seed >= 0, f"{found.text}: python -m tests.mutants {mutant.name}"


def test_a_mutant_without_a_place_is_told() -> None:
    nowhere = Mutant("odd", "nothing", "settlement.py", "no such line", "")
    assert "0 places" in nowhere.fault()


def test_a_mutant_that_is_no_python_is_told() -> None:
    broken = Mutant("odd", "nothing", "step.py", "NOTHING = StepResult()", "NOTHING = (")
    assert "never closed" in broken.fault()
