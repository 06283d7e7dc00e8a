"""The command that tries a strategy over past prices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .conclusion import run_summary, say_differences
from .frame import DONE, FAILED, PROGRAM, Frame, frame_of
from .options import Cash, FirstDay, Json, Seed, date_text, progress_bar

if TYPE_CHECKING:
    from the_alchemiser.pipeline.report import Performance

TESTABLE = ("momentum", "inverse_volatility", "blend", "moving_average")
"""What the help of `backtest` names; importing the list it comes from would make every help slow."""


def backtest(
    context: typer.Context,
    strategy: Annotated[
        str, typer.Argument(metavar="STRATEGY", help=f"{', '.join(TESTABLE[:-1])} or {TESTABLE[-1]}.")
    ],
    start: FirstDay = "2021-01-04",
    end: Annotated[
        str,
        typer.Option(metavar="YYYY-MM-DD", callback=date_text, help="The last one; otherwise --days says."),
    ] = "",
    days: Annotated[
        int, typer.Option(min=1, max=8_000, metavar="N", help="Market days, where there is no --end.")
    ] = 250,
    symbols: Annotated[str, typer.Option(metavar="A,B,…", help="Instead of the settings' universe.")] = "",
    cash: Cash = "100000",
    seed: Seed = 7,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder of CSV or Parquet bars of your own.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write report.html there.")] = None,
    as_json: Json = False,
) -> int:
    """Test a strategy over past prices. The same engine trades, in virtual time."""
    from the_alchemiser.research.backtests import BacktestOptions, run_backtest

    frame = frame_of(context, as_json)
    options = BacktestOptions(strategy, start, end, days, _symbols(symbols), cash, seed, data)
    with progress_bar(days, "testing") as advance:
        result = run_backtest(options, frame.settings(), lambda done, of: advance(done, "", of))
    report = _written(out, result.performance, strategy) if out else None
    document = result.as_json() | ({"report": str(report)} if report else {})
    frame.answer(document, lambda: run_summary(result.performance, document["reconciled"], report))
    say_differences(frame, document["differences"])
    is_traded = _has_traded(frame, result.performance)
    return DONE if document["reconciled"] and is_traded else FAILED


def _symbols(text: str) -> tuple[str, ...]:
    """The symbols of a comma-separated list. Raises ConfigurationError for what cannot be one."""
    from the_alchemiser.domain.errors import ConfigurationError
    from the_alchemiser.setting_groups import SYMBOL_PATTERN

    symbols = tuple(symbol.strip().upper() for symbol in text.split(",") if symbol.strip())
    for symbol in symbols:
        if not SYMBOL_PATTERN.fullmatch(symbol) or symbols.count(symbol) > 1:
            raise ConfigurationError(f"--symbols: {symbol!r} is not a symbol, or stands there twice")
    return symbols


def _has_traded(frame: Frame, performance: Performance) -> bool:
    """False, and said, where not one cycle could decide: a flat line is then no result."""
    refused = [refusal for refusal in performance.refusals if not refusal.symbol]
    if refused and len(refused) >= performance.cycles:
        frame.say(f"{PROGRAM}: every cycle was refused, the last because {refused[-1].text}")
        return False
    if performance.refusals and not performance.trades:
        last = performance.refusals[-1]
        frame.say(f"{PROGRAM}: nothing was traded; the last refusal: {last.symbol} {last.text}")
    elif not performance.trades:
        frame.say(
            f"{PROGRAM}: nothing was traded: no difference was worth an order (is the cash enough for a share?)"
        )
    return True


def _written(folder: Path, performance: Performance, strategy: str) -> Path:
    from the_alchemiser.report import SIMULATED, write_report

    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "report.html"
    write_report(performance, report, title=f"Backtest of {strategy}", banner=SIMULATED)
    return report


def register(app: typer.Typer) -> None:
    """Add this command, with an example in its help."""
    example = "alchemiser backtest momentum --start 2019-01-02 --days 500 --out momentum-report"
    app.command(epilog=f"Example: {example}")(backtest)
