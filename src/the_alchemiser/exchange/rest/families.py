"""Every family of routes that the port serves over REST."""

from __future__ import annotations

from aiohttp import web

from the_alchemiser.exchange.rest import (
    contracts,
    control,
    corporate,
    crypto,
    events,
    faultcontrol,
    news,
    options,
    reference,
    screener,
    stocks,
    trading,
    watchlists,
)

FAMILIES = (
    trading,
    reference,
    watchlists,
    stocks,
    crypto,
    contracts,
    options,
    news,
    screener,
    corporate,
    events,
    control,
    faultcontrol,
)


def all_routes() -> list[web.RouteDef]:
    """The routes of all families; of two that match a path, the earlier one answers."""
    return [route for family in FAMILIES for route in family.routes()]
