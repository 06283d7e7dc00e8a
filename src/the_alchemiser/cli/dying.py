"""The crash matrix for a terminal: a process dies at every point of every scenario, and what came of it is told."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from .frame import DONE, FAILED, Frame
from .options import progress_bar

if TYPE_CHECKING:
    from rich.console import RenderableType

    from the_alchemiser.simulation.matrix import Death, Row, Scenario


def run_matrix(frame: Frame, workers: int, out: Path) -> int:
    """Every scenario, point by point. A death that broke something is written down to replay."""
    from the_alchemiser.simulation.matrix import SCENARIOS

    rows: list[Row] = []
    broken: list[dict[str, object]] = []
    started = time.monotonic()
    for scenario in SCENARIOS:
        row, failures = _row(frame, scenario, workers, out)
        rows.append(row)
        broken += failures
    seconds = time.monotonic() - started
    frame.answer(_document(rows, broken, seconds), lambda: _shown(rows, seconds))
    return FAILED if broken else DONE


def _row(frame: Frame, scenario: Scenario, workers: int, out: Path) -> tuple[Row, list[dict[str, object]]]:
    from the_alchemiser.simulation.matrix import DEATHS, Row, deaths, undisturbed

    calm = undisturbed(scenario)
    died: list[Death] = []
    broken: list[dict[str, object]] = []
    with progress_bar(len(calm.points) * len(DEATHS), scenario.name) as show:
        for death in deaths(scenario, calm, calm.points, workers):
            died.append(death)
            if death.lived.violations:
                broken.append(_failure(frame, death, out))
            show(len(died), f"{len(broken)} failed")
    return Row.of(scenario, calm, died), broken


def _failure(frame: Frame, death: Death, out: Path) -> dict[str, object]:
    from the_alchemiser.domain.instants import rfc3339

    first, point = death.lived.violations[0], death.point
    path = out / f"{death.scenario.replace(' ', '-')}-{point.number}-{death.kind}-{first.invariant}.json"
    assert death.lived.failure is not None
    death.lived.failure.write(path)
    frame.say(f"{death.scenario}, {death.kind} at point {point.number} ({point.name}) violates {first}")
    frame.say(f"  replay: alchemiser simulate --replay {path}")
    return {
        "scenario": death.scenario,
        "point": point.number,
        "at_point": point.name,
        "death": death.kind,
        "invariant": first.invariant,
        "at": rfc3339(first.at),
        "text": first.text,
        "file": str(path),
    }


def _document(rows: list[Row], broken: list[dict[str, object]], seconds: float) -> dict[str, object]:
    return {
        "scenarios": [msgspec.to_builtins(row) for row in rows],
        **_totals(rows),
        "violations": broken,
        "seconds": round(seconds, 3),
    }


def _totals(rows: list[Row]) -> dict[str, int]:
    counted = ("durable_points", "network_points", "runs", "lost", "doubled", "same_positions")
    return {name: sum(getattr(row, name) for row in rows) for name in counted}


def _shown(rows: list[Row], seconds: float) -> RenderableType:
    from rich.console import Group
    from rich.table import Table

    heads = ("scenario", "durable points", "network points", "deaths", "lost", "doubled", "same positions")
    table = Table(*heads, box=None, pad_edge=False)
    for row in rows:
        table.add_row(row.scenario, *(str(count) for count in _totals([row]).values()))
    table.add_row("all", *(str(count) for count in _totals(rows).values()))
    return Group(table, "", f"{seconds:.1f} s")
