"""Bugs of the shell alone, which a world of the core cannot have, are noticed in the first worlds of the wire."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.mutants.planting import ROOT
from tests.simulation.shell.planted import PLANTED

SEEDS = 3


@pytest.mark.slow
@pytest.mark.parametrize("name", [mutant.name for mutant in PLANTED])
def test_a_planted_bug_of_the_shell_is_found(name: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.simulation.shell.planted", name, "0", str(SEEDS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert " I-" in run.stdout, run.stdout


@pytest.mark.parametrize("mutant", PLANTED, ids=lambda mutant: mutant.name)
def test_each_can_still_be_planted(mutant: object) -> None:
    assert mutant.fault() == ""  # type: ignore[attr-defined]
