"""The commands that look: what the system holds and did, read from its journal while it may be running."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .frame import frame_of
from .trading import Json

if TYPE_CHECKING:
    from the_alchemiser.store.reading import StatusSummary

Limit = Annotated[int, typer.Option(min=1, max=100_000, metavar="N", help="The newest so many.")]


def status(context: typer.Context, as_json: Json = False) -> None:
    """Say where things stand. Account, equity, open orders, the last cycle, and whether the books agree."""
    from the_alchemiser.store.reading import Reading

    from .tables import status_table

    frame = frame_of(context, as_json)
    with Reading(frame.settings().store_url) as reading:
        found = reading.status()
    frame.answer(_status_document(found), lambda: status_table(found))


def _status_document(found: StatusSummary) -> dict[str, object]:
    compared = found.reconciliation
    return {
        "account": found.account,
        "equity": compared.equity if compared else None,
        "positions": found.positions,
        "orders_open": found.orders_open,
        "cycle": found.cycle,
        "day": found.day,
        "reconciled": compared.is_agreed if compared else None,
        "differences": compared.differences if compared else [],
        "reconciliation": compared,
        "alert": found.alert,
        "last_fact_at": found.last_fact_at,
        "journal": {"entries": found.tip.seq, "digest": found.tip.hash},
    }


def positions(context: typer.Context, as_json: Json = False) -> None:
    """List what is held. With its cost, and its worth at the last close."""
    from the_alchemiser.store.reading import Reading

    from .tables import positions_table

    frame = frame_of(context, as_json)
    with Reading(frame.settings().store_url) as reading:
        held, day = reading.positions(), reading.status().day
    marks = day.marks if day else {}
    rows = [
        {
            "symbol": one.symbol,
            "shares": one.shares,
            "cost": one.cost,
            "mark": marks.get(one.symbol),
            "value": one.shares * marks[one.symbol] if one.symbol in marks else None,
            "unrealised": one.shares * marks[one.symbol] - one.cost if one.symbol in marks else None,
            "realised": one.realised,
            "updated_at": one.updated_at,
        }
        for one in held
    ]
    frame.answer({"positions": rows, "marked": day.session if day else None}, lambda: positions_table(rows))


def orders(
    context: typer.Context,
    status: Annotated[str, typer.Option(metavar="open|closed|all", help="Which orders.")] = "open",
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List orders, newest first."""
    from the_alchemiser.domain.errors import ConfigurationError
    from the_alchemiser.store.reading import Reading

    from .tables import orders_table

    frame = frame_of(context, as_json)
    with Reading(frame.settings().store_url) as reading:
        try:
            found = reading.orders(status, limit)
        except ValueError as error:
            raise ConfigurationError(f"--status: {error}") from None
    frame.answer({"orders": found}, lambda: orders_table(found, status))


def activity(context: typer.Context, limit: Limit = 50, as_json: Json = False) -> None:
    """List what happened, newest first. Cycles, fills, refusals, comparisons with the broker, alerts."""
    from the_alchemiser.store.reading import Reading

    from .happenings import happenings
    from .tables import activity_table

    frame = frame_of(context, as_json)
    with Reading(frame.settings().store_url) as reading:
        found = happenings(reading, limit)
    frame.answer({"activity": found}, lambda: activity_table(found))


def strategies(context: typer.Context, as_json: Json = False) -> None:
    """List the strategies, and the share of the account each trades."""
    import inspect

    from the_alchemiser.bootstrap import strategies_of
    from the_alchemiser.strategies import SCHEDULED

    from .tables import strategies_table

    frame = frame_of(context, as_json)
    settings = frame.settings()
    trading = {strategy.name: strategy for strategy in strategies_of(settings)}
    rows: list[dict[str, object]] = [
        {
            "name": name,
            "weight": settings.strategies.weights.get(name),
            "sessions_needed": trading[name].sessions_needed if name in trading else None,
            "idea": (inspect.getdoc(make) or "").splitlines()[0],
        }
        for name, make in sorted(SCHEDULED.items())
    ]
    document = {"strategies": rows, "universe": settings.strategies.universe}
    frame.answer(document, lambda: strategies_table(rows, settings.strategies.universe))


def register(app: typer.Typer) -> None:
    """Add these commands, each with an example in its help."""
    for command, example in (
        (status, "alchemiser --data alchemiser-demo status"),
        (positions, "alchemiser positions --json"),
        (orders, "alchemiser orders --status all --limit 20"),
        (activity, "alchemiser activity --limit 10"),
        (strategies, "alchemiser strategies"),
    ):
        app.command(rich_help_panel="Look", epilog=f"Example: {example}")(command)
