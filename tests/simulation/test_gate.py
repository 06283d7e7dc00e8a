"""The gate: three hundred seeds, each twice in processes that hash, speak and tell the time otherwise.

Every digest is equal, no invariant is violated, and every kind of fault and every rare branch was reached often enough
for the green to mean something.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from the_alchemiser.domain.probes import IN_THE_CORE
from the_alchemiser.simulation import catalogue

pytestmark = pytest.mark.slow

SEEDS, CHUNK = 300, 15
FIRSTS = range(1, SEEDS + 1, CHUNK)
REACHED_MIN, FAULTS_MIN = 10, 20
PROGRAM = Path(__file__).with_name("gate_run.py")
PLACES = (
    {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C"},
    {"PYTHONHASHSEED": "4242", "TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8"},
)

OUT_OF_REACH = {
    "arrival.cancel_waits_for_a_name": "an order must be unwanted before its answer came",
    "arrival.order_never_sent": "rare: the process dies between the intent and the request, and the day ends",
    "arrival.repeat_refused": "rare: what was sent again had arrived meanwhile",
    "cycle.exit_clipped": "an exit must be larger than what others leave free",
    "cycle.order_waits_for_the_other_side": "the cycle never wants both sides of a symbol",
    "cycle.purchase_awaits_merge": "rare: the stream comes back in the middle of a walk",
    "cycle.session_over": "rare: a walk ends with the session",
    "engine.books_stay_open": "this exchange marks everything that is held",
    "execution.no_cash_left": "rare: money leaves the account in the middle of a walk",
    "execution.successor_awaited": "replacements by hand are not drawn yet",
    "kinship.both_exits_filled": "the cycle sends no brackets",
    "kinship.order_followed": "replacements by hand are not drawn yet",
    "kinship.same_request_taken_twice": "this exchange takes no id twice",
    "others.order_vanished": "this exchange forgets no order",
    "perform.refusal_not_looked_up": "rare: a refusal, and then a line that fails",
    "reconciliation.differs_each_time": "rare: a record that never holds still",
    "reconciliation.doubted_order_unread": "rare: a look-up beside the record fails while its order is doubted",
    "settlement.execution_awaits_its_order": "rare: an execution is told before the order it belongs to has a name",
    "settlement.fill_synthesised": "this exchange keeps every execution",
    "settlement.more_filled_than_asked": "this exchange fills no more than was asked",
    "settlement.price_disputed": "this exchange corrects no price",
    "settlement.status_not_known": "this exchange knows no other words",
    "settlement.told_of_another_order": "rare: an answer about another order of ours",
    "state.doubted_symbol_stays_closed": "rare: an order was given up and the next decision comes before an agreement",
}
"""Branches that a day's seeds reach seldom or never, and why; tests of their own reach each of them."""


def lived(first: int, shared: Path) -> list[list[dict[str, Any]]]:
    """What both processes saw of a chunk of seeds; lived once, whichever test and worker asks first."""
    path = shared / f"{first}.json"
    with (shared / f"{first}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            path.write_text(json.dumps([_live(first, place) for place in PLACES]))
    found: list[list[dict[str, Any]]] = json.loads(path.read_text())
    return found


def _live(first: int, place: dict[str, str]) -> list[dict[str, Any]]:
    run = subprocess.run(
        [sys.executable, str(PROGRAM), str(first), str(first + CHUNK - 1)],
        env=os.environ | place,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found: list[dict[str, Any]] = json.loads(run.stdout)
    return found


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all workers of this run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "gate"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize("first", FIRSTS)
def test_every_seed_is_lived_alike_anywhere_and_breaks_nothing(first: int, shared: Path) -> None:
    once, again = lived(first, shared)

    assert [one["digest"] for one in once] == [one["digest"] for one in again]
    broken = {one["seed"]: one["violations"] for one in once if one["violations"]}
    assert not broken, "\n".join(
        f"seed {seed}: {told[0]}\n  alchemiser simulate --seeds {seed}" for seed, told in broken.items()
    )


def test_every_kind_of_fault_struck_everywhere_it_can_and_every_rare_branch_was_reached(shared: Path) -> None:
    worlds = [world for first in FIRSTS for world in lived(first, shared)[0]]
    faults: Counter[str] = Counter()
    probes: Counter[str] = Counter()
    for world in worlds:
        faults.update(world["faults"])
        probes.update(world["probes"])

    sites = {f"{site}: {kind}" for site, kinds in catalogue.kinds_by_site().items() for kind in kinds}
    assert {name: faults[name] for name in sorted(sites) if faults[name] < REACHED_MIN} == {}
    wanted = IN_THE_CORE - OUT_OF_REACH.keys()
    assert {name: probes[name] for name in sorted(wanted) if probes[name] < REACHED_MIN} == {}
    assert OUT_OF_REACH.keys() <= IN_THE_CORE
    assert faults.total() / len(worlds) >= FAULTS_MIN
