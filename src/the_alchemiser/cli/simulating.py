"""The command that lives seeded worlds, and shows what broke in them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .dying import run_matrix
from .frame import DONE, FAILED, Frame, frame_of
from .options import Json, progress_bar

if TYPE_CHECKING:
    from rich.console import RenderableType

    from the_alchemiser.simulation.schedule import Schedule
    from the_alchemiser.simulation.sweep import Lived, Totals
    from the_alchemiser.simulation.world import Outcome

SEEDS = "1..100"
SEEDS_MAX = 1_000_000
"""At a time: days of work for any machine."""
SEED_DIGITS_MAX = 18
DAYS_MAX = 5_000
FAULTS_SHOWN = 12


def simulate(
    context: typer.Context,
    seeds: Annotated[
        str, typer.Option(metavar="A..B", help="The seeds to live through, both included.")
    ] = SEEDS,
    days: Annotated[
        int, typer.Option(min=1, max=DAYS_MAX, metavar="N", help="Trading days of each world.")
    ] = 1,
    faults: Annotated[
        str, typer.Option(metavar="none|default|heavy", help="How much goes wrong.")
    ] = "default",
    workers: Annotated[
        int,
        typer.Option("--workers", "-j", min=0, max=256, metavar="N", help="Processes; 0: one for each core."),
    ] = 1,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where what replays a failure is written.")] = Path(
        "simulation-failures"
    ),
    replay: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Live the life in this file instead.")
    ] = None,
    shrink: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Find the shortest life that breaks the same.")
    ] = None,
    shell: Annotated[
        bool,
        typer.Option("--shell", help="Whole processes over real requests and streams; fewer seeds a second."),
    ] = False,
    matrix: Annotated[
        bool,
        typer.Option("--matrix", help="Instead: one death at every durable and network point, in turn."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Let the whole system live through seeded misfortune in virtual time, and judge it after every step.

    A seed decides everything: what goes wrong, where and when. A violated invariant is written to a file to replay.
    """
    from the_alchemiser.domain.errors import ConfigurationError

    frame = frame_of(context, as_json)
    if (replay is not None) + (shrink is not None) + matrix > 1:
        raise ConfigurationError("--replay, --shrink and --matrix exclude one another")
    if matrix:
        return run_matrix(frame, workers or os.cpu_count() or 1, out)
    if shrink is not None:
        return _shrink(frame, shrink)
    if replay is not None:
        return _replay(frame, replay)
    return _sweep(frame, _schedules(seeds, days, faults, shell), workers or os.cpu_count() or 1, out)


def _schedules(seeds: str, days: int, faults: str, shell: bool) -> list[Schedule]:
    from the_alchemiser.domain.errors import ConfigurationError
    from the_alchemiser.simulation.schedule import INTENSITIES, Schedule

    if faults not in INTENSITIES:
        raise ConfigurationError(f"--faults: {faults!r} is none of {', '.join(INTENSITIES)}")
    return [Schedule(seed, days, faults, shell=shell) for seed in _seeds(seeds)]


def _seeds(text: str) -> range:
    from the_alchemiser.domain.errors import ConfigurationError

    first, dots, last = text.partition("..")
    ends = (first, last if dots else first)
    if not all(end.isdecimal() and len(end) <= SEED_DIGITS_MAX for end in ends):
        raise ConfigurationError(f"--seeds: {text[:80]!r} is no range such as {SEEDS}")
    found = range(int(ends[0]), int(ends[1]) + 1)
    if not found:
        raise ConfigurationError(f"--seeds: {text!r} ends before it begins; a range is such as {SEEDS}")
    if len(found) > SEEDS_MAX:
        raise ConfigurationError(
            f"--seeds: {text!r} are {len(found):,} seeds; at most {SEEDS_MAX:,} at a time"
        )
    return found


def _sweep(frame: Frame, schedules: list[Schedule], workers: int, out: Path) -> int:
    from the_alchemiser.simulation.sweep import Totals, failure_file, sweep

    totals, files, started = Totals(), {}, time.monotonic()
    try:
        with progress_bar(len(schedules), "living seeds") as show:
            for lived in sweep(schedules, workers):
                totals.add(lived)
                if lived.violations:
                    files[lived.seed] = failure_file(out, lived)
                    _say_failure(frame, lived, files[lived.seed])
                show(totals.seeds, f"{totals.faults.total()} faults, {len(totals.failures)} failed")
    except KeyboardInterrupt:
        frame.say(
            f"interrupted after {totals.seeds} of {len(schedules)} seeds, {len(totals.failures)} failed"
        )
        raise
    seconds = time.monotonic() - started
    frame.answer(_document(totals, files, seconds), lambda: _shown(totals, seconds))
    return FAILED if totals.failures else DONE


def _document(totals: Totals, files: dict[int, Path], seconds: float) -> dict[str, object]:
    return {
        "seeds": totals.seeds,
        "days": totals.days,
        "events": totals.events,
        "faults": totals.faults.total(),
        "violations": [
            {
                "seed": lived.seed,
                "invariant": violation.invariant,
                "file": str(files[lived.seed]) if lived.seed in files else None,
                "at": _instant(violation.at),
                "text": violation.text,
            }
            for lived in totals.failures
            for violation in lived.violations
        ],
        "faults_by_site": _nested(totals),
        "probes": dict(sorted(totals.probes.items())),
        "seconds": round(seconds, 3),
    }


def _nested(totals: Totals) -> dict[str, dict[str, int]]:
    table: dict[str, dict[str, int]] = {}
    for (site, kind), count in sorted(totals.faults.items()):
        table.setdefault(site, {})[kind] = count
    return table


def _shown(totals: Totals, seconds: float) -> RenderableType:
    from rich.console import Group
    from rich.table import Table

    table = Table("site", "faults", "of which", box=None, pad_edge=False)
    for site, kinds in _nested(totals).items():
        told = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
        table.add_row(site, str(sum(kinds.values())), told)
    rate = totals.seeds / seconds if seconds else 0.0
    last = (
        f"{totals.seeds} seeds, {totals.days} days, {totals.events} events, {totals.faults.total()} faults, "
        f"{sum(len(lived.violations) for lived in totals.failures)} violations "
        f"({seconds:.1f} s, {rate:.1f} seeds/s)"
    )
    return Group(table, "", last)


def _say_failure(frame: Frame, lived: Lived, path: Path) -> None:
    from the_alchemiser.simulation.catalogue import described

    first = lived.violations[0]
    frame.say(f"\nseed {lived.seed} violates {first.invariant} at {_instant(first.at)}:\n  {first.text}")
    for other in lived.violations[1:]:
        frame.say(f"  then {other.invariant} at {_instant(other.at)}: {other.text}")
    struck = (lived.failure.faults if lived.failure is not None else None) or ()
    frame.say(
        f"  {len(struck)} faults struck" + (", the last of them:" if len(struck) > FAULTS_SHOWN else ":")
    )
    for fault in struck[-FAULTS_SHOWN:]:
        frame.say(f"    {described(fault)}")
    frame.say(f"  replay: alchemiser simulate --replay {path}\n  shrink: alchemiser simulate --shrink {path}")


def _replay(frame: Frame, path: Path) -> int:
    from the_alchemiser.simulation.sweep import Lived, Totals
    from the_alchemiser.simulation.worlds import world_of

    schedule, totals, started = _read(path), Totals(), time.monotonic()
    outcome = world_of(schedule).run()
    lived = Lived.of(outcome)
    totals.add(lived)
    if lived.violations:
        _say_failure(frame, lived, path)
    elif schedule.violated:
        frame.say(f"{schedule.violated}, which this life once violated, holds")
    _say_what_did_not_strike(frame, schedule, outcome)
    seconds = time.monotonic() - started
    frame.answer(
        _document(totals, {lived.seed: path}, seconds) | {"digest": outcome.digest},
        lambda: _shown(totals, seconds),
    )
    return FAILED if lived.violations else DONE


def _read(path: Path) -> Schedule:
    """The life in a file. Raises ConfigurationError for one that cannot be lived."""
    import msgspec

    from the_alchemiser.domain.errors import ConfigurationError
    from the_alchemiser.simulation.life import Life
    from the_alchemiser.simulation.schedule import INTENSITIES, Schedule

    schedule = Schedule.read(path)
    if schedule.intensity not in INTENSITIES:
        raise ConfigurationError(f"{path}: {schedule.intensity!r} is none of {', '.join(INTENSITIES)}")
    if not 1 <= schedule.days <= DAYS_MAX:
        raise ConfigurationError(f"{path}: {schedule.days} days; from 1 to {DAYS_MAX} can be lived")
    try:
        life = Life.of(schedule)
        life.sessions(schedule.days)
        life.engine_config(schedule.seed)
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigurationError(f"{path}: this life cannot be lived: {error}") from error
    return schedule


def _say_what_did_not_strike(frame: Frame, schedule: Schedule, outcome: Outcome) -> None:
    """A file of an older version may be lived differently now, and then shows less than it did."""
    from the_alchemiser.simulation.catalogue import described

    struck = {(fault.site, fault.number, fault.kind) for fault in outcome.struck}
    missed = [
        fault for fault in schedule.faults or () if (fault.site, fault.number, fault.kind) not in struck
    ]
    if missed:
        frame.say(f"{len(missed)} of {len(schedule.faults or ())} faults of the file did not come about:")
    for fault in missed[:FAULTS_SHOWN]:
        frame.say(f"    {described(fault)}")


def _shrink(frame: Frame, path: Path) -> int:
    from the_alchemiser.domain.errors import ConfigurationError
    from the_alchemiser.simulation.shrink import RUNS_MAX, shrink

    schedule, target = _read(path), path.with_suffix(".min.json")
    with progress_bar(RUNS_MAX, "shrinking") as show:
        try:
            found = shrink(schedule, lambda runs, best: show(runs, f"{len(best.faults or ())} faults left"))
        except ValueError as error:
            raise ConfigurationError(f"{path}: {error}") from None
    found.write(target)
    outcome = _lived_again(found)
    _say_failure(frame, outcome, target)
    frame.answer(
        {"file": str(target), "violated": found.violated, "faults": len(found.faults or ())},
        lambda: f"{target}: {found.violated} with {len(found.faults or ())} faults",
    )
    return FAILED


def _lived_again(schedule: Schedule) -> Lived:
    from the_alchemiser.simulation.sweep import Lived
    from the_alchemiser.simulation.worlds import world_of

    outcome: Outcome = world_of(schedule).run()
    return Lived.of(outcome)


def _instant(at: int) -> str:
    from the_alchemiser.domain.instants import rfc3339

    return rfc3339(at)


def register(app: typer.Typer) -> None:
    """Add this command, with an example in its help."""
    app.command(
        short_help="Live through seeded misfortune, and judge it.",
        epilog="Example: alchemiser simulate --seeds 1..1000 --faults heavy -j 0",
    )(simulate)
