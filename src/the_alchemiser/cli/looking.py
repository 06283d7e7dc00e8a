"""The commands that look: what the system holds and did, read from its journal while it may be running."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .frame import frame_of
from .options import DataFolder, Json

if TYPE_CHECKING:
    from the_alchemiser.settings import Settings
    from the_alchemiser.views import StrategyView

Limit = Annotated[int, typer.Option(min=1, max=100_000, metavar="N", help="The newest so many.")]


def status(context: typer.Context, data: DataFolder = None, as_json: Json = False) -> None:
    """Say where things stand. Account, equity, open orders, the last cycle, and whether the books agree."""
    from the_alchemiser import views
    from the_alchemiser.store.reading import Reading

    from .tables import status_table

    frame = frame_of(context, as_json, data)
    with Reading(frame.settings().store_url) as reading:
        found = views.status(reading)
    frame.answer(found, lambda: status_table(found))


def positions(context: typer.Context, data: DataFolder = None, as_json: Json = False) -> None:
    """List what is held. With its cost, and its worth at the last close."""
    from the_alchemiser import views
    from the_alchemiser.store.reading import Reading

    from .tables import positions_table

    frame = frame_of(context, as_json, data)
    with Reading(frame.settings().store_url) as reading:
        found = views.positions(reading)
    frame.answer({"positions": found}, lambda: positions_table(found))


def orders(
    context: typer.Context,
    status: Annotated[str, typer.Option(metavar="open|closed|all", help="Which orders.")] = "open",
    limit: Limit = 100,
    data: DataFolder = None,
    as_json: Json = False,
) -> None:
    """List orders, newest first."""
    from the_alchemiser import views
    from the_alchemiser.domain.errors import ConfigurationError
    from the_alchemiser.store.reading import Reading

    from .tables import orders_table

    frame = frame_of(context, as_json, data)
    if status not in ("open", "closed", "all"):
        raise ConfigurationError(f"--status: orders are open, closed or all, not {status!r}")
    with Reading(frame.settings().store_url) as reading:
        found = views.orders(reading, status, limit)
    frame.answer({"orders": found}, lambda: orders_table(found, status))


def activity(
    context: typer.Context, limit: Limit = 50, data: DataFolder = None, as_json: Json = False
) -> None:
    """List what happened, newest first. Cycles, fills, closes, comparisons with the broker, alerts."""
    from the_alchemiser import views
    from the_alchemiser.store.reading import Reading

    from .tables import activity_table

    frame = frame_of(context, as_json, data)
    with Reading(frame.settings().store_url) as reading:
        found = views.activity(reading, limit)
    frame.answer({"activity": found}, lambda: activity_table(found))


def strategies(context: typer.Context, data: DataFolder = None, as_json: Json = False) -> None:
    """List the strategies. With the share of the account each trades, and what it has earned."""
    import inspect

    from the_alchemiser.bootstrap import strategies_of
    from the_alchemiser.strategies import SCHEDULED

    from .tables import strategies_table

    frame = frame_of(context, as_json, data)
    settings = frame.settings()
    chosen, known = {one.name: one for one in strategies_of(settings)}, _known(settings)
    rows: list[dict[str, object]] = [
        {
            "name": name,
            "weight": settings.strategies.weights.get(name),
            "sessions_needed": chosen[name].sessions_needed if name in chosen else None,
            "idea": (inspect.getdoc(make) or "").splitlines()[0],
            "contribution": known[name].contribution if name in known else None,
            "signal": known.get(name),
        }
        for name, make in sorted(SCHEDULED.items())
    ]
    document = {"strategies": rows, "universe": settings.strategies.universe}
    frame.answer(document, lambda: strategies_table(rows, settings.strategies.universe))


def _known(settings: Settings) -> dict[str, StrategyView]:
    """What the journal knows of each strategy; nothing where there is no journal yet."""
    from the_alchemiser import views
    from the_alchemiser.store.databases import database_of
    from the_alchemiser.store.reading import Reading

    if not database_of(settings.store_url).exists():
        return {}
    with Reading(settings.store_url) as reading:
        return {view.name: view for view in views.strategies(reading.facts())}


def register(app: typer.Typer) -> None:
    """Add these commands, each with an example in its help."""
    for command, example in (
        (status, "alchemiser --data alchemiser-demo status"),
        (positions, "alchemiser positions --json"),
        (orders, "alchemiser orders --status all --limit 20"),
        (activity, "alchemiser activity --limit 10"),
        (strategies, "alchemiser strategies"),
    ):
        app.command(epilog=f"Example: {example}")(command)
