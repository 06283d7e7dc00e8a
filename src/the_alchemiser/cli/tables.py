"""How the answers look to people: small tables, one fact a line, the figures to the right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from the_alchemiser.report import wording

if TYPE_CHECKING:
    from the_alchemiser.doctor import Finding
    from the_alchemiser.settings import SettingLine
    from the_alchemiser.store.reading import StatusSummary
    from the_alchemiser.store.records import OrderRecord
    from the_alchemiser.store.verification import Verification

    from .happenings import Happening

LEVEL_STYLES = {"ok": "green", "warning": "yellow", "failure": "bold red"}
ALARMING = {"refused": "yellow", "warning": "yellow", "error": "red", "critical": "bold red"}


def status_table(found: StatusSummary) -> RenderableType:
    """One line for each thing a person asks first."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    for name, text in _status_rows(found):
        table.add_row(name, text)
    return table


def _status_rows(found: StatusSummary) -> Iterator[tuple[str, Text]]:
    account, cycle, day, books = found.account, found.cycle, found.day, found.reconciliation
    if account is None:
        yield "account", Text("none met yet")
        return
    yield "account", Text(account.number)
    if books is not None:
        yield "equity", Text(f"{wording.dollars(books.equity)} ({wording.clock(books.at)} New York)")
    yield "cash", Text(wording.dollars(account.cash))
    yield "holding", Text(wording.count(found.positions, "position"))
    yield "open orders", Text(str(found.orders_open))
    if cycle is not None:
        end = f"{cycle.trades_filled} of {wording.count(cycle.trades, 'trade')} filled"
        why = f": {'; '.join(cycle.reasons)}" if cycle.reasons else f", {end}"
        yield "last cycle", Text(f"{cycle.cycle_id} {cycle.status}{why}")
    if day is not None:
        yield "last close", Text(f"{wording.day(day.session)}, equity {wording.dollars(day.equity)}")
    yield "reconciled", _agreement(found)
    if found.alert is not None:
        yield "last alert", Text(found.alert.text, style=ALARMING.get(found.alert.level, ""))
    yield "journal", Text(f"{wording.count(found.tip.seq, 'fact')}, digest {found.tip.hash[:16]}…")


def _agreement(found: StatusSummary) -> Text:
    books = found.reconciliation
    if books is None:
        return Text("not compared yet", style="yellow")
    if books.is_agreed:
        return Text("yes: ledger and broker agree to the cent", style="green")
    return Text(f"no: {'; '.join(books.differences)}", style="bold red")


def positions_table(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Holdings with their totals."""
    if not rows:
        return Text("Nothing is held.")
    table = _table(
        "symbol", "shares>", "cost>", "mark>", "value>", "unrealised>", "realised>", has_footer=True
    )
    for row in rows:
        table.add_row(row["symbol"], wording.shares(row["shares"]), *_figures(row))
    totals = {name: _total(rows, name) for name in ("cost", "value", "unrealised", "realised")}
    for column, cell in zip(table.columns, ("total", "", *_figures({"mark": None, **totals})), strict=True):
        column.footer = cell if column.header != "mark" else ""
    return table


def _figures(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        wording.dollars(row["cost"]),
        wording.price(row["mark"]),
        wording.dollars(row["value"]),
        wording.signed_dollars(row["unrealised"]),
        wording.signed_dollars(row["realised"]),
    )


def _total(rows: Sequence[Mapping[str, Any]], name: str) -> Decimal:
    return sum((row[name] for row in rows if row[name] is not None), Decimal(0))


def orders_table(found: Sequence[OrderRecord], status: str) -> RenderableType:
    """Orders, one a line."""
    if not found:
        return Text("There are no orders." if status == "all" else f"There are no {status} orders.")
    headings = (
        "decided (New York)",
        "symbol",
        "side",
        "shares>",
        "type",
        "limit>",
        "status",
        "filled>",
        "at>",
        "why",
    )
    table = _table(*headings)
    for order in found:
        table.add_row(
            wording.clock(order.intended_at),
            order.symbol,
            order.side.value,
            wording.shares(order.shares),
            order.type.value if order.type else "not ours",
            wording.price(order.limit_price),
            order.status.value,
            wording.shares(order.filled),
            wording.price(order.average_price),
            escape(order.reason),
        )
    return table


def activity_table(found: Sequence[Happening]) -> RenderableType:
    """What happened, one a line."""
    if not found:
        return Text("Nothing happened yet.")
    table = _table("when (New York)", "what", "")
    for one in found:
        table.add_row(
            wording.clock(one.at), Text(one.kind, style=ALARMING.get(one.kind, "")), escape(one.text)
        )
    return table


def strategies_table(rows: Sequence[Mapping[str, Any]], universe: Sequence[str]) -> RenderableType:
    """Each strategy with its share and its idea."""
    table = _table("strategy", "weight>", "looks back", "idea")
    for row in rows:
        sessions = row["sessions_needed"]
        table.add_row(
            row["name"],
            wording.percent(float(row["weight"]), 0) if row["weight"] else wording.NOTHING,
            wording.count(sessions, "session") if sessions else wording.NOTHING,
            row["idea"],
        )
    return Group(table, Text(f"\nover {wording.count(len(universe), 'symbol')}: {' '.join(universe)}"))


def cycle_table(document: Mapping[str, Any]) -> RenderableType:
    """The plan, the verdict on each trade, and what came of it."""
    if document["refused"]:
        return Text(f"The cycle was refused: {'; '.join(document['refused'])}", style="yellow")
    if not document["trades"]:
        return Text(
            "Nothing to trade." if document["cycle"] else "The day's cycle was run before; nothing was sent."
        )
    table = _table("side", "symbol", "shares>", "price>", "notional>", "verdict", "why")
    for trade in document["trades"]:
        style = "green" if trade["verdict"] == "approved" else "yellow"
        table.add_row(
            trade["side"],
            trade["symbol"],
            trade["shares"],
            trade["price"],
            wording.dollars(trade["notional"]),
            Text(trade["verdict"], style=style),
            escape(trade["text"]),
        )
    return Group(table, Text(f"\n{_cycle_line(document)}"))


def _cycle_line(document: Mapping[str, Any]) -> str:
    figures = (
        f"cycle {document['cycle']}: equity {wording.dollars(document['equity'])}, "
        f"turnover {wording.percent(float(document['turnover']))}, "
        f"crossing every spread would cost {wording.dollars(document['spread_cost'])}"
    )
    if not document["sent"]:
        return f"{figures}. Nothing was sent."
    return f"{figures}; {wording.count(document['fills'], 'fill')}, reconciled: {str(document['reconciled']).lower()}"


def findings_table(findings: Sequence[Finding]) -> RenderableType:
    """Each check with its verdict and, where it is not ok, what to do."""
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        level = Text(finding.level, style=LEVEL_STYLES[finding.level])
        table.add_row(level, finding.check, Text(finding.text))
        if finding.advice:
            table.add_row("", "", Text(f"→ {finding.advice}", style="dim"))
    return table


def verification_line(found: Verification, place: Path) -> RenderableType:
    """The verdict on a journal."""
    if not found.is_sound:
        return Text(f"{place} does not verify.", style="bold red")
    return Text(f"{place} verifies: {found.entries:,} entries, digest {found.hash}", style="green")


def settings_table(lines: Sequence[SettingLine]) -> RenderableType:
    """Every setting, its value with secrets masked, and where it came from."""
    table = _table("setting", "value", "from")
    for line in lines:
        style = "dim" if line.origin == "default" else ""
        table.add_row(line.name, escape(line.value), line.origin, style=style)
    return table


def _table(*headings: str, has_footer: bool = False) -> Table:
    """A table without lines; a heading that ends in > is of a column of figures."""
    table = Table(
        box=None, padding=(0, 2, 0, 0), header_style="dim", show_footer=has_footer, footer_style="dim"
    )
    for heading in headings:
        table.add_column(
            heading.removesuffix(">"),
            justify="right" if heading.endswith(">") else "left",
            overflow="fold",
            no_wrap=heading.endswith(">"),
        )
    return table
