"""The commands that trade: a demo, the service, one cycle, a backtest, and the exchange to trade against."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .frame import DONE, FAILED, Frame, console, frame_of

if TYPE_CHECKING:
    from the_alchemiser.demo import DemoProgress, DemoResult
    from the_alchemiser.service import CycleOutcome
    from the_alchemiser.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
Seed = Annotated[int, typer.Option(metavar="N", help="Draws the simulated hours between the real closes.")]
Cash = Annotated[str, typer.Option(metavar="DOLLARS", help="What the account begins with.")]
DEMO_FOLDER = Path("alchemiser-demo")
TESTABLE = ("momentum", "inverse_volatility", "blend", "moving_average")
"""What the help of `backtest` names; importing the list it comes from would make every help slow."""
SPEED_MAX = 1_000_000
"""A market day in 23 milliseconds; whoever wants more says max."""


def demo(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=8_000, metavar="N", help="Market days to trade.")] = 5,
    seed: Seed = 7,
    speed: Annotated[
        str, typer.Option(metavar="X|max", help="Exchange seconds per second; max: as fast as possible.")
    ] = "max",
    start: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="The first market day.")] = "2021-01-04",
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
    from the_alchemiser.demo import DemoOptions, run_demo

    frame = frame_of(context, as_json)
    folder = out or (frame.data_dir / "demo" if frame.data_dir else DEMO_FOLDER)
    frame.data_dir = folder
    options = DemoOptions(days, seed, _pace(speed), folder, start, cash)
    frame.say("Real daily prices; the path within a day, the exchange and its money are simulated.")
    with _bar(options.days, "trading") as advance:
        result = run_demo(options, lambda progress: advance(progress.days_done, _standing(progress)))
    _show_demo(frame, result)
    if serve if serve is not None else sys.stdout.isatty() and not frame.is_json:
        _serve(frame, result.report)
    return DONE if result.as_json()["reconciled"] else FAILED


def _standing(progress: DemoProgress) -> str:
    from the_alchemiser.report import wording

    equity = f", equity {wording.dollars(float(progress.equity))}" if progress.equity else ""
    return f"{progress.session or 'first day'}{equity}, {wording.count(progress.fills, 'fill')}"


def _show_demo(frame: Frame, result: DemoResult) -> None:
    document = result.as_json()
    if result.seconds_to_first_fill is None:
        frame.say(
            f"These days were traded before; give another --out than {result.report.parent} to begin anew."
        )
    frame.answer(document, lambda: _summary(result.performance, document["reconciled"], result.report))


def _summary(performance: Any, is_reconciled: bool, report: Path) -> Any:
    from rich.console import Group
    from rich.text import Text

    from the_alchemiser.report.text import summary

    lines = [f"reconciled: {str(is_reconciled).lower()}", f"report: {report}"]
    return Group("", summary(performance), "", *(Text(line) for line in lines))


def _serve(frame: Frame, report: Path) -> None:
    from .showing import serve_file

    serve_file(report, lambda address: frame.say(f"The report is at {address} until Ctrl-C."))


def run(context: typer.Context, as_json: Json = False) -> None:
    """Trade every market day by the settings, until Ctrl-C.

    Without keys it trades simulated money on the built-in exchange.
    """
    from the_alchemiser.service import run_service

    frame = frame_of(context, as_json)
    settings = frame.settings(is_service=True)
    run_service(settings, on_notice=frame.say)
    if frame.is_json:
        frame.answer({"stopped": True, "store": settings.store_url}, lambda: "")


def cycle(
    context: typer.Context,
    strategy: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="This strategy alone, with its weight from the settings."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and each verdict; send nothing.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Run today's trading cycle now. A cycle that was run already is not run again."""
    from the_alchemiser.service import preview_cycle, run_cycle

    from .tables import cycle_table

    frame = frame_of(context, as_json)
    settings = _narrowed(frame.settings(), strategy)
    outcome = (preview_cycle if dry_run else run_cycle)(settings, frame.say)
    _require_open_market(outcome)
    document = outcome.as_json()
    frame.answer(document, lambda: cycle_table(document))
    return FAILED if document["refused"] or document["differences"] else DONE


def _require_open_market(outcome: CycleOutcome) -> None:
    """A preview of nothing is no preview: say why there is none."""
    from the_alchemiser.domain.facts import AlertRaised, PlanBuilt
    from the_alchemiser.service import CycleNotRun

    if not any(isinstance(fact, PlanBuilt) for fact in outcome.facts):
        for fact in outcome.facts:
            if isinstance(fact, AlertRaised) and "market is closed" in fact.text:
                raise CycleNotRun(fact.text)


def _narrowed(settings: Settings, strategy: str | None) -> Settings:
    """The settings with one strategy left, which keeps its weight; one without a weight gets all the capital."""
    if strategy is None:
        return settings
    from decimal import Decimal

    from the_alchemiser.domain.errors import ConfigurationError
    from the_alchemiser.strategies import SCHEDULED

    if strategy not in SCHEDULED:
        raise ConfigurationError(
            f"there is no strategy {strategy!r}; there are {', '.join(sorted(SCHEDULED))}"
        )
    chosen = settings.strategies
    weights = {strategy: chosen.weights.get(strategy, Decimal(1))}
    return settings.model_copy(update={"strategies": chosen.model_copy(update={"weights": weights})})


def backtest(
    context: typer.Context,
    strategy: Annotated[
        str, typer.Argument(metavar="STRATEGY", help=f"{', '.join(TESTABLE[:-1])} or {TESTABLE[-1]}.")
    ],
    start: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="The first market day.")] = "2021-01-04",
    end: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="The last one; otherwise --days says.")] = "",
    days: Annotated[
        int, typer.Option(min=1, max=8_000, metavar="N", help="Market days, where there is no --end.")
    ] = 250,
    symbols: Annotated[str, typer.Option(metavar="A,B,…", help="Instead of the settings' universe.")] = "",
    cash: Cash = "100000",
    seed: Seed = 7,
    bars: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder of CSV or Parquet bars of your own.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write report.html there.")] = None,
    as_json: Json = False,
) -> int:
    """Test a strategy over past prices. The same engine trades, in virtual time."""
    from the_alchemiser.research.backtests import BacktestOptions, run_backtest

    frame = frame_of(context, as_json)
    wanted = tuple(symbol.strip().upper() for symbol in symbols.split(",") if symbol.strip())
    options = BacktestOptions(strategy, start, end, days, wanted, cash, seed, bars)
    with _bar(days, "testing") as advance:
        result = run_backtest(options, frame.settings(), lambda done, of: advance(done, "", of))
    report = _written(out, result.performance, strategy) if out else None
    document = result.as_json() | ({"report": str(report)} if report else {})
    frame.answer(
        document, lambda: _summary(result.performance, document["reconciled"], report or Path("none"))
    )
    return DONE if document["reconciled"] else FAILED


def _written(folder: Path, performance: Any, strategy: str) -> Path:
    from the_alchemiser.report import SIMULATED, write_report

    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "report.html"
    write_report(performance, report, title=f"Backtest of {strategy}", banner=SIMULATED)
    return report


def exchange(
    context: typer.Context,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, metavar="N", help="0 lets the system choose.")
    ] = 8900,
    seed: Seed = 7,
    speed: Annotated[
        str,
        typer.Option(metavar="X|max", help="Exchange seconds per second; max: lockstep, see above."),
    ] = "1",
    start: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM-DD", help="The first market day.", show_default="a year before prices end"
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder of CSV or Parquet bars to replay instead.")
    ] = None,
    cash: Cash = "100000",
    state: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Command log: a killed exchange continues from it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Serve the built-in exchange to any Alpaca client.

    Its first line on standard output is JSON with addresses and keys; it serves until Ctrl-C. With --speed max it is
    in lockstep: its clock stands still until a client moves it (POST /v1/control/advance), so that a run is the same
    every time.
    """
    import asyncio

    from the_alchemiser.domain.errors import AlchemiserError, ConfigurationError
    from the_alchemiser.exchange import server
    from the_alchemiser.exchange.journal import JournalError

    frame_of(context, as_json)
    pace = _pace(speed)
    options = server.ServerOptions(host, port, seed, pace, start, data, cash, state)
    try:
        asyncio.run(server.serve(options))
    except server.ConfigurationError as error:
        raise ConfigurationError(str(error)) from None
    except (server.CannotListen, JournalError) as error:
        raise AlchemiserError(str(error)) from None


def _pace(speed: str) -> float | None:
    """A speed in exchange seconds per second; None for `max`."""
    from the_alchemiser.domain.errors import ConfigurationError

    if speed == "max":
        return None
    try:
        pace = float(speed)
    except ValueError:
        pace = 0.0
    if not 0 < pace <= SPEED_MAX:
        raise ConfigurationError(
            f"--speed {speed} is neither max nor a number above 0, at most {SPEED_MAX:,}"
        )
    return pace


@contextmanager
def _bar(total: int, what: str) -> Iterator[Callable[..., None]]:
    """A progress bar on standard error: `advance(done, text, of)`. Without a terminal it stays silent."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    text = TextColumn("{task.fields[text]}")
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), text, TimeElapsedColumn())
    with Progress(
        *columns, console=console(is_error=True), transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        task = bar.add_task("", total=total, text="")

        def advance(done: int, text: str = "", of: int = total) -> None:
            bar.update(task, completed=done, text=text, total=of)

        yield advance


def register(app: typer.Typer) -> None:
    """Add these commands, each with an example in its help."""
    for command, example in (
        (demo, "alchemiser demo --days 20 --seed 3"),
        (run, "alchemiser run"),
        (cycle, "alchemiser cycle --dry-run"),
        (backtest, "alchemiser backtest momentum --start 2019-01-02 --days 500 --out momentum-report"),
        (exchange, "alchemiser exchange --port 8900 --start 2022-06-01 --speed 60"),
    ):
        app.command(epilog=f"Example: {example}")(command)
