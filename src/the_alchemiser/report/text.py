"""The same figures on a terminal: one small table and a sparkline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from the_alchemiser.pipeline.report import Performance

from . import wording

SPARKS = "▁▂▃▄▅▆▇█"
SPARKLINE_WIDTH_MAX = 48
"""Characters; longer series show evenly spaced points, always with the first and the last."""
DIFFERENCES_SHOWN_MAX = 10


def summary(performance: Performance) -> RenderableType:
    """The run in about a dozen lines, for `rich.console.Console.print`."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    for name, value in _rows(performance):
        table.add_row(Text(name), value)
    return Group(table, *_differences(performance))


def _rows(performance: Performance) -> Iterator[tuple[str, Text]]:
    days, slippage = performance.days, performance.slippage
    if days:
        period = f"{wording.day(days[0].session)} to {wording.day(days[-1].session)}"
        yield "period", Text(f"{period}, {wording.count(len(days), 'session')}")
    yield (
        "equity",
        Text(f"{wording.dollars(performance.equity_start)} → {wording.dollars(performance.equity_end)}"),
    )
    yield "", Text(sparkline([float(value) for value in performance.equity]))
    yield "profit", _profit(performance)
    if performance.holding:
        yield "holding equally", Text(wording.signed_percent(performance.holding.total_return))
    yield "deepest drawdown", Text(wording.percent(performance.drawdown.maximum))
    yield "trading", Text(_trading(performance))
    yield (
        "slippage",
        Text(f"{wording.dollars(slippage.amount)}, {wording.basis_points(slippage.basis_points)}"),
    )
    for line in performance.contributions:
        yield line.name, Text(wording.signed_dollars(line.amount))
    yield "reconciled", _verdict(performance)


def _profit(performance: Performance) -> Text:
    text = (
        f"{wording.signed_dollars(performance.profit)} ({wording.signed_percent(performance.total_return)})"
    )
    return Text(text, style="green" if performance.profit > 0 else "red" if performance.profit < 0 else "")


def _trading(performance: Performance) -> str:
    orders, fills = len(performance.orders), len(performance.trades)
    return (
        f"{wording.count(orders, 'order')}, {performance.orders_filled:,} filled whole, "
        f"{wording.count(fills, 'fill')}, {len(performance.refusals):,} refused"
    )


def _verdict(performance: Performance) -> Text:
    if performance.is_reconciled:
        return Text("yes: ledger and exchange agree to the cent", style="green")
    if performance.reconciliations:
        return Text(f"no: {wording.count(len(performance.differences), 'difference')}", style="bold red")
    return Text("not compared yet", style="yellow")


def _differences(performance: Performance) -> Iterator[Text]:
    for difference in performance.differences[:DIFFERENCES_SHOWN_MAX]:
        yield Text(f"  {difference}", style="red")
    if (more := len(performance.differences) - DIFFERENCES_SHOWN_MAX) > 0:
        yield Text(f"  and {more} more", style="red")


def sparkline(values: Sequence[float]) -> str:
    """The series as one line of block characters, lowest to highest; a flat series is a flat line."""
    points = _thinned(values)
    lowest, highest = min(points, default=0.0), max(points, default=0.0)
    span = highest - lowest
    if not span:
        return SPARKS[0] * len(points)
    return "".join(SPARKS[round((value - lowest) / span * (len(SPARKS) - 1))] for value in points)


def _thinned(values: Sequence[float]) -> list[float]:
    if len(values) <= SPARKLINE_WIDTH_MAX:
        return list(values)
    last = len(values) - 1
    return [values[round(place * last / (SPARKLINE_WIDTH_MAX - 1))] for place in range(SPARKLINE_WIDTH_MAX)]
