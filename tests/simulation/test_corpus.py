"""What once broke stays mended: every schedule that was shrunk from a failure is lived again."""

from __future__ import annotations

from pathlib import Path

import pytest

from the_alchemiser.simulation.schedule import Schedule
from the_alchemiser.simulation.world import World

CORPUS = Path(__file__).parent.parent / "corpus"
FILES = sorted(CORPUS.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_once_broke_holds(path: Path) -> None:
    schedule = Schedule.read(path)
    outcome = World(schedule).run()

    assert schedule.violated
    assert [str(violation) for violation in outcome.violations] == [], f"alchemiser simulate --replay {path}"
