"""The account over REST: what it is worth, how it is set, what happened in it."""

from __future__ import annotations

from datetime import date

from aiohttp import web

from the_alchemiser.exchange.errors import bad_parameter
from the_alchemiser.exchange.market.sessions import new_york_date
from the_alchemiser.exchange.rest.door import (
    desk_of,
    json_answer,
    json_body,
    query_instant,
    query_number,
    query_words,
)
from the_alchemiser.exchange.rows import account_row, configuration_row, fill_row
from the_alchemiser.exchange.timestamps import parse_day
from the_alchemiser.exchange.venue.account import FillRecord

ACTIVITIES_PER_PAGE_LIMIT = 100


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
    query = request.query
    kinds = query_words(request, "activity_types")
    kind = request.match_info.get("type", "").upper()
    if kind:
        kinds = frozenset({kind})
    if query.get("category") == "non_trade_activity" or (kinds is not None and "FILL" not in kinds):
        return json_answer([])
    fills = _fills_between(request)
    if _direction(request) == "desc":
        fills = fills[::-1]
    size = query_number(request, "page_size", ACTIVITIES_PER_PAGE_LIMIT, ACTIVITIES_PER_PAGE_LIMIT)
    start = _index_after(fills, query.get("page_token", ""))
    return json_answer([fill_row(fill) for fill in fills[start : start + size]])


def _direction(request: web.Request) -> str:
    direction = request.query.get("direction") or "desc"
    if direction not in ("asc", "desc"):
        raise bad_parameter("invalid direction")
    return direction


def _day(request: web.Request, name: str) -> date:
    try:
        return parse_day(request.query[name])
    except ValueError:
        raise bad_parameter(f"invalid {name}: not a date") from None


def _fills_between(request: web.Request) -> list[FillRecord]:
    """The fills that `date`, or `after` and `until` (both exclusive), leave."""
    fills = desk_of(request).exchange.fills()
    if request.query.get("date"):
        day = _day(request, "date")
        return [fill for fill in fills if new_york_date(fill.at) == day]
    after, until = query_instant(request, "after"), query_instant(request, "until")
    return [
        fill for fill in fills if (after is None or fill.at > after) and (until is None or fill.at < until)
    ]


def _index_after(fills: list[FillRecord], page_token: str) -> int:
    """Where the page after the activity named by the token begins."""
    if not page_token:
        return 0
    execution_id = page_token.rpartition("::")[2]
    for index, fill in enumerate(fills):
        if fill.execution_id == execution_id:
            return index + 1
    raise bad_parameter("invalid page_token")


def routes() -> list[web.RouteDef]:
    """Every route of the account."""
    return [
        web.get("/v2/account", account),
        web.get("/v2/account/configurations", read_configuration),
        web.patch("/v2/account/configurations", configure),
        web.get("/v2/account/activities", activities),
        web.get("/v2/account/activities/{type}", activities),
    ]
