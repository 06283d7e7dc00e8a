"""The report as one HTML file that needs no network, no server and no other file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from the_alchemiser.pipeline.report import DayResult, Performance

from . import wording
from .charts import contribution_figure, equity_figure, price_figures

SIMULATED = "Simulated: real daily closes, simulated intraday path, embedded exchange"
"""The banner of every run whose fills did not come from a real market."""
ROWS_MAX = 500
"""Only the newest rows of a table are listed, so that a run of many years still opens on a phone; the page says so."""
OPEN_ROWS_MAX = 40
"""Longer tables start folded."""


def write_report(
    performance: Performance, path: Path, *, title: str, notes: Sequence[str] = (), banner: str
) -> None:
    """Write the report to `path`, whole or not at all.

    `banner` says aloud where the data is not real (`SIMULATED`); empty where it is. Every text is escaped.
    Raises OSError where the file cannot be written.
    """
    page = render(performance, title=title, notes=notes, banner=banner)
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        unfinished.write_text(page, encoding="utf-8", newline="\n")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def render(performance: Performance, *, title: str, notes: Sequence[str], banner: str) -> str:
    """The page as text."""
    # Imported here: they would cost every other command a tenth of a second.
    from jinja2 import Environment, StrictUndefined
    from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals |= _words()
    template = environment.from_string(_asset("page.html.jinja"))
    prices = price_figures(performance)
    trades = {symbol: _marker_count(figure) for symbol, figure in prices.items()}
    return template.render(
        performance=performance,
        title=title,
        notes=notes,
        banner=banner,
        traded_symbols=trades,
        symbols=sorted(performance.symbols, key=lambda one: (not one.shares, one.symbol)),
        days=_days(performance)[-ROWS_MAX:][::-1],
        orders=performance.orders[-ROWS_MAX:][::-1],
        refusals=performance.refusals[-ROWS_MAX:][::-1],
        alerts=[*performance.past_differences, *performance.alerts][-ROWS_MAX:],
        open_rows_max=OPEN_ROWS_MAX,
        style=_asset("page.css"),
        script=_asset("page.js"),
        plotly=get_plotlyjs(),
        figures=_embeddable(
            {
                "equity": equity_figure(performance),
                "contribution": contribution_figure(performance),
                "prices": prices,
            }
        ),
    )


def _days(performance: Performance) -> list[tuple[DayResult, float, float]]:
    """Each session with its return and its drawdown."""
    return list(zip(performance.days, performance.returns, performance.drawdown.series[1:], strict=True))


def _words() -> dict[str, Any]:
    """The wording functions by their own names: the template's whole vocabulary."""
    functions = (
        wording.dollars,
        wording.signed_dollars,
        wording.price,
        wording.shares,
        wording.percent,
        wording.signed_percent,
        wording.basis_points,
        wording.number,
        wording.day,
        wording.clock,
        wording.count,
    )
    return {function.__name__: function for function in functions}


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _marker_count(figure: dict[str, Any]) -> int:
    return sum(len(trace["x"]) for trace in figure["data"] if trace["mode"] == "markers")


def _embeddable(figures: dict[str, Any]) -> str:
    """JSON that cannot end the script element it stands in, whatever the names in it contain."""
    text = json.dumps(figures, separators=(",", ":"), sort_keys=True)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
