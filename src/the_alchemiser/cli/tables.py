"""How the answers look to people: small tables, one fact a line, the figures to the right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from the_alchemiser.domain.facts import FillBooked, LedgerAdjusted, OrderImported
from the_alchemiser.domain.instants import parse_rfc3339
from the_alchemiser.domain.money import CENT
from the_alchemiser.report import wording

if TYPE_CHECKING:
    from the_alchemiser.comparison import Comparison
    from the_alchemiser.doctor import Finding
    from the_alchemiser.rebuild import Rebuilt
    from the_alchemiser.settings import SettingLine
    from the_alchemiser.store.verification import Verification
    from the_alchemiser.views import ActivityView, CycleView, OrderView, PositionView, StatusView

LEVEL_STYLES = {"ok": "green", "warning": "yellow", "failure": "bold red"}


def status_table(found: StatusView) -> RenderableType:
    """One line for each thing a person asks first."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    for name, text in _status_rows(found):
        table.add_row(name, text)
    return table


def _status_rows(found: StatusView) -> Iterator[tuple[str, Text]]:
    if found.lease is not None:
        state = "traded by" if found.lease.is_held else "nobody trades; last was"
        yield "engine", Text(f"{state} {found.lease.owner} (epoch {found.lease.epoch})")
    if found.account is None:
        yield "account", Text("none met yet")
        return
    yield "account", Text(found.account)
    if found.equity is not None:
        yield "equity", Text(f"{wording.dollars(found.equity)} ({_clock(found.equity_at)} New York)")
    yield "cash", Text(wording.dollars(found.cash))
    if found.session is not None:
        yield "last close", Text(_profit_line(found))
    yield "holding", Text(wording.count(found.positions, "position"))
    yield "open orders", Text(_open_orders(found))
    yield "trading", _trading(found)
    for frozen in found.frozen:
        yield "frozen", Text(f"{frozen.symbol or 'everything'}: {frozen.difference}", style="bold red")
    if found.cycle is not None:
        yield "last cycle", Text(_last_cycle(found.cycle))
    yield "reconciled", _agreement(found)
    if found.alert is not None:
        yield "last alert", Text(found.alert, style="yellow")
    yield (
        "journal",
        Text(f"{wording.count(found.journal_entries, 'fact')}, digest {found.journal_digest[:16]}…"),
    )


def _profit_line(found: StatusView) -> str:
    return (
        f"{wording.day(found.session or '')}, realised {wording.signed_dollars(found.realised)}, "
        f"unrealised {wording.signed_dollars(found.unrealised)}"
    )


def _last_cycle(cycle: CycleView) -> str:
    if cycle.reasons:
        return f"{cycle.cycle_id} {cycle.status}: {'; '.join(cycle.reasons)}"
    return f"{cycle.cycle_id} {cycle.status}, {cycle.trades_filled} of {wording.count(cycle.trades, 'trade')} filled"


def _open_orders(found: StatusView) -> str:
    others = found.orders_of_others
    return f"{found.orders_open}, {others} of them not ours" if others else str(found.orders_open)


def _trading(found: StatusView) -> Text:
    if found.trading == "active":
        return Text("active", style="green")
    return Text(f"{found.trading}: {found.trading_reason}", style="bold red")


def _agreement(found: StatusView) -> Text:
    if found.reconciled is None:
        return Text("not compared yet", style="yellow")
    if found.reconciled:
        return Text(f"yes, at {_clock(found.reconciled_at)} New York: to the cent", style="green")
    return Text(f"no: {'; '.join(found.differences)}", style="bold red")


def positions_table(found: Sequence[PositionView]) -> RenderableType:
    """Holdings with their totals."""
    if not found:
        return Text("Nothing is held.")
    marked = next((one.marked_on for one in found if one.marked_on), None)
    table = _table("symbol", "shares>", "cost>", "mark>", "value>", "weight>", "unrealised>", "realised>")
    for one in found:
        table.add_row(
            one.symbol,
            wording.shares(one.shares),
            wording.dollars(one.cost),
            wording.price(one.mark),
            wording.dollars(one.value),
            wording.NOTHING if one.weight is None else wording.percent(float(one.weight), 1),
            wording.signed_dollars(one.unrealised),
            wording.signed_dollars(one.realised),
        )
    table.add_row(*_totals(found), style="bold")
    return Group(table, Text(f"\nmarked at the close of {wording.day(marked)}")) if marked else table


def _totals(found: Sequence[PositionView]) -> tuple[str, ...]:
    def total(name: str) -> Decimal:
        return sum((amount for one in found if (amount := getattr(one, name)) is not None), Decimal(0))

    weight = wording.percent(float(total("weight")), 1)
    cost, value = wording.dollars(total("cost")), wording.dollars(total("value"))
    unrealised, realised = (
        wording.signed_dollars(total("unrealised")),
        wording.signed_dollars(total("realised")),
    )
    return "total", "", cost, "", value, weight, unrealised, realised


def orders_table(found: Sequence[OrderView], status: str) -> RenderableType:
    """Orders, one a line."""
    if not found:
        return Text(
            "There are no orders."
            if status == "all"
            else f"There are no {status} orders; --status all lists every order."
        )
    table = _table("decided (New York)", "order", "status", "filled>", "at>", "why")
    for order in found:
        table.add_row(
            _clock(order.intended_at),
            _asked(order),
            order.status,
            wording.shares(order.filled),
            wording.price(order.average_price),
            Text(order.reason),
        )
    return table


def _asked(order: OrderView) -> str:
    limit = f" {wording.price(order.limit_price)}" if order.limit_price is not None else ""
    stop = f" stop {wording.price(order.stop_price)}" if order.stop_price is not None else ""
    return f"{order.side} {wording.shares(order.shares)} {order.symbol} {order.type or '(not ours)'}{limit}{stop}"


def activity_table(found: Sequence[ActivityView]) -> RenderableType:
    """What happened, one a line."""
    if not found:
        return Text("Nothing happened yet.")
    table = _table("when (New York)", "what", "")
    for one in found:
        style = "yellow" if one.kind == "alert" else ""
        table.add_row(_clock(one.at), Text(one.kind, style=style), Text(one.text, style=style))
    return table


def strategies_table(rows: Sequence[Mapping[str, Any]], universe: Sequence[str]) -> RenderableType:
    """Each strategy with its share, what it earned, and its idea."""
    table = _table("strategy", "weight>", "looks back", "earned>", "idea")
    for row in rows:
        sessions = row["sessions_needed"]
        table.add_row(
            row["name"],
            wording.percent(float(row["weight"]), 0) if row["weight"] else wording.NOTHING,
            wording.count(sessions, "session") if sessions else wording.NOTHING,
            wording.signed_dollars(row["contribution"]),
            Text(row["idea"].replace("`", "")),
        )
    return Group(table, Text(f"\nover {wording.count(len(universe), 'symbol')}: {' '.join(universe)}"))


def cycle_table(document: Mapping[str, Any]) -> RenderableType:
    """The plan, the verdict on each trade, and what came of it."""
    if not document["trades"]:
        is_done = not (document["cycle"] or document["refused"])
        return Text("The day's cycle was run before; nothing was sent." if is_done else "Nothing to trade.")
    table = _table("side", "symbol", "shares>", "price>", "notional>", "verdict", "why")
    for trade in document["trades"]:
        style = "green" if trade["verdict"] == "approved" else "yellow"
        table.add_row(
            trade["side"],
            trade["symbol"],
            wording.shares(trade["shares"]),
            wording.price(trade["price"]),
            wording.dollars(trade["notional"]),
            Text(trade["verdict"], style=style),
            Text(trade["text"]),
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


def verification_line(found: Verification, place: str) -> RenderableType:
    """The verdict on a journal."""
    if not found.is_sound:
        return Text(f"{place} does not verify.", style="bold red")
    return Text(f"{place} verifies: {found.entries:,} entries, digest {found.hash}", style="green")


def comparison_table(found: Comparison) -> RenderableType:
    """Both accounts side by side, what differs in red."""
    table = _table("symbol", "ledger>", "broker>", "difference>", "frozen")
    for one in found.positions:
        table.add_row(
            one.symbol,
            wording.shares(one.ledger),
            wording.shares(one.broker),
            wording.shares(one.difference) if one.difference else wording.NOTHING,
            "yes" if one.frozen else "",
            style="bold red" if one.difference else "",
        )
    cash = [wording.dollars(amount) for amount in (found.cash_ledger, found.cash_broker)]
    differs = abs(found.cash_difference) >= CENT
    table.add_row(
        "cash",
        *cash,
        wording.signed_dollars(found.cash_difference) if differs else wording.NOTHING,
        "all opening" if differs else "",
        style="bold red" if differs else "bold",
    )
    return Group(table, *(Text(line) for line in _comparison_lines(found)))


def _comparison_lines(found: Comparison) -> Iterator[str]:
    yield ""
    if found.adjusted is not None:
        what = found.adjusted.symbol or "cash"
        yield f"adjusted {what}: the entry names {found.adjusted.who} and the reason"
    if found.orders_of_others:
        yield f"open orders that are not ours: {', '.join(found.orders_of_others)}"
    yield from dict.fromkeys(found.causes)
    yield f"reconciled: {str(found.reconciled).lower()}"


def rebuilt_text(done: Rebuilt, *, is_dry: bool) -> RenderableType:
    """What was wrong, what was kept and what came from the broker."""
    if not done.reason:
        would = " would be" if is_dry else " are"
        return Text(f"The journal is sound; its tables{would} made again of {done.entries:,} entries.")
    added = wording.count(done.count(OrderImported), "order"), wording.count(done.count(FillBooked), "fill")
    kept = f"{'would keep' if is_dry else 'kept'} {done.kept:,} entries"
    adjusted = wording.count(done.count(LedgerAdjusted), "adjustment")
    lines = [
        f"{done.reason}: {kept}; from the broker came {added[0]}, {added[1]} and {adjusted}",
        f"reconciled: {str(not done.differences).lower()}",
    ]
    if done.evidence is not None:
        lines.append(f"what was found is kept: {done.evidence}")
    return Group(*(Text(line) for line in lines))


def settings_table(lines: Sequence[SettingLine]) -> RenderableType:
    """Every setting, its value with secrets masked, and where it came from."""
    table = _table("setting", "value", "from")
    for line in lines:
        style = "dim" if line.origin == "default" else ""
        table.add_row(line.name, Text(line.value), line.origin, style=style)
    return table


def _clock(at: str | None) -> str:
    return wording.clock(parse_rfc3339(at)) if at else wording.NOTHING


def _table(*headings: str) -> Table:
    """A table without lines; a heading that ends in > is of a column of figures."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for number, heading in enumerate(headings):
        is_figures = heading.endswith(">")
        justify: Literal["left", "right"] = "right" if is_figures else "left"
        # Names and figures stay whole; what follows them may take a second line.
        is_whole = is_figures or number == 0
        table.add_column(heading.removesuffix(">"), justify=justify, overflow="fold", no_wrap=is_whole)
    return table
