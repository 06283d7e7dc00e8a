"""Every kind of fault at every site of a wire, one after the other, in a day that must come right all the same."""

from __future__ import annotations

import pytest

from the_alchemiser.simulation.catalogue import WIRES, Kind
from the_alchemiser.simulation.schedule import Fault, Schedule
from the_alchemiser.simulation.shell.guard import nothing_real
from the_alchemiser.simulation.shell.world import ShellWorld

KINDS = [(site.name, kind) for site in WIRES for kind in site.kinds]
CALLS = (2, 5, 9, 14, 20, 27, 35)
"""Which calls of a site are struck: some of the start, some of the cycle."""


@pytest.mark.parametrize(("site", "kind"), KINDS, ids=lambda value: getattr(value, "name", value))
def test_a_day_comes_right_whatever_a_wire_does(site: str, kind: Kind) -> None:
    amount = kind.amount[1] if site != "net:connect" else kind.amount[1] / 2
    faults = tuple(Fault(site, number, kind.name, amount) for number in CALLS)
    with nothing_real():
        outcome = ShellWorld(Schedule(13, faults=faults)).run()
    assert outcome.struck
    assert outcome.violations == ()
