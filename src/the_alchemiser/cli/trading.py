"""The commands that trade: a demo, the service, one cycle, and the exchange to trade against."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import exchange_flags as flags
from .conclusion import run_summary, say_differences
from .frame import DONE, FAILED, PROGRAM, Frame, frame_of
from .options import Cash, DataFolder, FirstDay, Json, Seed, pace_of, progress_bar

if TYPE_CHECKING:
    from the_alchemiser.demo import DemoProgress, DemoResult
    from the_alchemiser.settings import Settings

DEMO_FOLDER = Path("alchemiser-demo")


def demo(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=8_000, metavar="N", help="Market days to trade.")] = 5,
    seed: Seed = 7,
    speed: Annotated[
        str, typer.Option(metavar="X|max", help="Exchange seconds per second; max: as fast as possible.")
    ] = "max",
    start: FirstDay = "2021-01-04",
    cash: Cash = "100000",
    serve: Annotated[
        bool | None,
        typer.Option("--serve/--no-serve", help="Serve the report when done; the default on a terminal."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where journal and report go.", show_default="alchemiser-demo"),
    ] = None,
    as_json: Json = False,
) -> int:
    """Trade some days on the built-in exchange, and report.

    Needs no keys and no network, and never touches a real account. Interrupted, it continues where it was.
    """
    from the_alchemiser.demo import DATABASE, DemoOptions, run_demo

    frame = frame_of(context, as_json)
    folder = out or (frame.data_dir / "demo" if frame.data_dir else DEMO_FOLDER)
    frame.data_dir = folder
    options = DemoOptions(days, seed, pace_of(speed), folder, start, cash)
    frame.log_errors()
    frame.say("Real daily prices; the path within a day, the exchange and its money are simulated.")
    if (folder / DATABASE).exists():
        frame.say(f"Continuing the demo in {folder}; another --out begins a new one.")
    with progress_bar(options.days, "trading") as advance:
        result = run_demo(options, lambda progress: advance(progress.days_done, _standing(progress)))
    _show_demo(frame, result)
    say_differences(frame, result.as_json()["differences"])
    if serve if serve is not None else sys.stdout.isatty() and not frame.is_json:
        _serve(frame, result.report)
    return DONE if result.as_json()["reconciled"] else FAILED


def _standing(progress: DemoProgress) -> str:
    from the_alchemiser.report import wording

    equity = f", equity {wording.dollars(float(progress.equity))}" if progress.equity else ""
    return f"{progress.session or 'first day'}{equity}, {wording.count(progress.fills, 'fill')}"


def _show_demo(frame: Frame, result: DemoResult) -> None:
    document = result.as_json()
    frame.answer(document, lambda: run_summary(result.performance, document["reconciled"], result.report))


def _serve(frame: Frame, report: Path) -> None:
    from .showing import serve_file

    serve_file(report, lambda address: frame.say(f"The report is at {address} until Ctrl-C."))


def run(context: typer.Context, data: DataFolder = None, as_json: Json = False) -> None:
    """Trade every market day by the settings, until Ctrl-C.

    Without keys it trades simulated money on the built-in exchange.
    """
    from the_alchemiser.service import run_service

    frame = frame_of(context, as_json, data)
    run_service(frame.settings(is_service=True), on_notice=frame.say)
    if frame.is_json:
        frame.answer({"stopped": True}, lambda: "")


def cycle(
    context: typer.Context,
    strategy: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="This strategy alone, with its weight from the settings."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and each verdict; send nothing.")
    ] = False,
    data: DataFolder = None,
    as_json: Json = False,
) -> int:
    """Run today's trading cycle now. A cycle that was run already is not run again."""
    from the_alchemiser.service import preview_cycle, run_cycle

    from .tables import cycle_table

    frame = frame_of(context, as_json, data)
    settings = _narrowed(frame.settings(), strategy)
    outcome = (preview_cycle if dry_run else run_cycle)(settings, frame.say)
    document = outcome.as_json()
    frame.answer(document, lambda: cycle_table(document))
    if document["refused"]:
        frame.say(f"{PROGRAM}: the cycle was refused: {'; '.join(document['refused'])}")
    say_differences(frame, document["differences"])
    return FAILED if document["refused"] or document["differences"] else DONE


def _narrowed(settings: Settings, strategy: str | None) -> Settings:
    """The settings with one strategy left, which keeps its weight; one without a weight gets all the capital."""
    if strategy is None:
        return settings
    from the_alchemiser.domain.errors import ConfigurationError
    from the_alchemiser.strategies import SCHEDULED

    if strategy not in SCHEDULED:
        raise ConfigurationError(
            f"there is no strategy {strategy!r}; there are {', '.join(sorted(SCHEDULED))}"
        )
    chosen = settings.strategies
    weights = {strategy: chosen.weights.get(strategy, Decimal(1))}
    return settings.model_copy(update={"strategies": chosen.model_copy(update={"weights": weights})})


@flags.accepting_all
def exchange(context: typer.Context, as_json: Json = False, **given: Any) -> None:
    """Serve the built-in exchange to any Alpaca client.

    Its first line on standard output is JSON with addresses and keys; it serves until Ctrl-C. With --speed max it is
    in lockstep: its clock stands still until a client moves it (POST /v1/control/advance), so that a run is the same
    every time.
    """
    frame_of(context, as_json)
    _serve_exchange(flags.options_of(given))


def _serve_exchange(chosen: dict[str, Any]) -> None:
    """Every flag of the command is an option of the exchange."""
    import asyncio

    from the_alchemiser.domain.errors import AlchemiserError, ConfigurationError
    from the_alchemiser.exchange import server
    from the_alchemiser.exchange.errors import ConfigurationError as UnusableOption
    from the_alchemiser.exchange.journal import JournalError
    from the_alchemiser.exchange.listening import CannotListen

    try:
        asyncio.run(server.serve(server.ServerOptions(**chosen)))
    except UnusableOption as error:
        raise ConfigurationError(str(error)) from None
    except (CannotListen, JournalError) as error:
        raise AlchemiserError(str(error)) from None


def register(app: typer.Typer) -> None:
    """Add these commands, each with an example in its help."""
    for command, example in (
        (demo, "alchemiser demo --days 20 --seed 3"),
        (run, "alchemiser run"),
        (cycle, "alchemiser cycle --dry-run"),
        (exchange, "alchemiser exchange --port 8900 --start 2022-06-01 --speed 60"),
    ):
        app.command(epilog=f"Example: {example}")(command)
