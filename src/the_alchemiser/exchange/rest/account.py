"""The account over REST: what it is worth, how it is set, what happened in it."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from the_alchemiser.exchange.errors import bad_parameter
from the_alchemiser.exchange.market.sessions import new_york_midnight
from the_alchemiser.exchange.rest.account_rows import account_row, activity_row, configuration_row
from the_alchemiser.exchange.rest.door import (
    desk_of,
    json_answer,
    json_body,
    query_instant,
    query_number,
    query_words,
)
from the_alchemiser.exchange.rest.history import portfolio_history
from the_alchemiser.exchange.timestamps import parse_day
from the_alchemiser.exchange.venue.activities import FILL, TYPES, ActivityFilter

ACTIVITIES_PER_PAGE_LIMIT = 100
CATEGORIES = {"trade_activity": frozenset({FILL}), "non_trade_activity": TYPES - {FILL}}


async def account(request: web.Request) -> web.Response:
    """GET /v2/account."""
    return json_answer(account_row(desk_of(request).exchange.account()))


async def read_configuration(request: web.Request) -> web.Response:
    """GET /v2/account/configurations."""
    return json_answer(configuration_row(desk_of(request).exchange.configuration))


async def configure(request: web.Request) -> web.Response:
    """PATCH /v2/account/configurations: any subset; the whole comes back."""
    changes = await json_body(request)
    return json_answer(configuration_row(desk_of(request).run("configure", changes=changes)))


async def activities(request: web.Request) -> web.Response:
    """GET /v2/account/activities[/{type}]: one page, newest first unless asked otherwise."""
    after, until = _bounds(request)
    wanted = ActivityFilter(
        types=_types(request),
        after=after,
        until=until,
        order_id=request.query.get("order_id") or None,
        newest_first=_direction(request) == "desc",
        page_size=query_number(request, "page_size", ACTIVITIES_PER_PAGE_LIMIT, ACTIVITIES_PER_PAGE_LIMIT),
        page_token=request.query.get("page_token", ""),
    )
    return json_answer([activity_row(activity) for activity in desk_of(request).exchange.activities(wanted)])


def _types(request: web.Request) -> frozenset[str] | None:
    """The types asked for by the path, by `activity_types` or by `category`."""
    kind = request.match_info.get("type", "").upper()
    kinds = frozenset({kind}) if kind else query_words(request, "activity_types")
    category = request.query.get("category", "")
    if kinds is not None and category:
        raise bad_parameter("category cannot be used with activity_types")
    if category not in ("", *CATEGORIES):
        raise bad_parameter("invalid category")
    if kinds is not None and kinds - TYPES:
        raise bad_parameter("invalid activity type")
    return CATEGORIES[category] if category else kinds


def _direction(request: web.Request) -> str:
    direction = request.query.get("direction") or "desc"
    if direction not in ("asc", "desc"):
        raise bad_parameter("invalid direction")
    return direction


def _bounds(request: web.Request) -> tuple[int | None, int | None]:
    """The exclusive bounds of `date`, or of `after` and `until`."""
    if not request.query.get("date"):
        return query_instant(request, "after"), query_instant(request, "until")
    try:
        day = parse_day(request.query["date"])
        return new_york_midnight(day) - 1, new_york_midnight(day + timedelta(days=1))
    except (ValueError, OverflowError):
        raise bad_parameter("invalid date: not a date") from None


def routes() -> list[web.RouteDef]:
    """Every route of the account."""
    return [
        web.get("/v2/account", account),
        web.get("/v2/account/configurations", read_configuration),
        web.patch("/v2/account/configurations", configure),
        web.get("/v2/account/portfolio/history", portfolio_history),
        web.get("/v2/account/activities", activities),
        web.get("/v2/account/activities/{type}", activities),
    ]
