"""News under /v1beta1/news: simulated headlines about the market's own moves, by symbol and time."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from datetime import date

from aiohttp import web

from the_alchemiser.exchange.market.names import stretches
from the_alchemiser.exchange.market.news import NewsItem, Newsroom, days_between
from the_alchemiser.exchange.market.prices import Market
from the_alchemiser.exchange.market.sessions import new_york_date, new_york_midnight
from the_alchemiser.exchange.rest.door import FLOOR, json_answer, query_flag
from the_alchemiser.exchange.rest.paging import (
    Turns,
    bad_query,
    choice,
    instant_of,
    only_known,
    page_limit,
)
from the_alchemiser.exchange.rows import Row, news_fields
from the_alchemiser.exchange.timestamps import rfc3339
from the_alchemiser.exchange.units import DAY

ITEMS_PER_PAGE, ITEMS_PER_PAGE_LIMIT = 10, 50
SYMBOLS_LIMIT = 1000
LOOKED_BACK = 90 * DAY  # without a start, the newest news come from no earlier than this
_KNOWN = frozenset(
    {"start", "end", "sort", "symbols", "limit", "include_content", "exclude_contentless", "page_token"}
)


def _symbols(request: web.Request, market: Market) -> list[str] | None:
    """The instruments asked for, by their first names; None for all."""
    words = [word.strip().upper() for word in request.query.get("symbols", "").split(",") if word.strip()]
    if len(words) > SYMBOLS_LIMIT:
        raise bad_query(f"too many symbols: at most {SYMBOLS_LIMIT}")
    if not words:
        return None
    today = new_york_date(request.app[FLOOR].now)
    found = []
    for word in words:
        asset = market.asset(word)
        names = [place.symbol for place in stretches(market, word, today)]
        found += [asset.symbol] if asset is not None and asset.asset_class == "crypto" else names
    return list(dict.fromkeys(found))


def _span(request: web.Request, *, ascending: bool) -> tuple[int, int]:
    """From when to when, both included. Raises Refusal."""
    floor = request.app[FLOOR]
    now, today = floor.now, new_york_midnight(new_york_date(floor.now))
    end = instant_of(request, "end", now)
    usual = min(today, end) if ascending else min(end, now) - LOOKED_BACK
    start = instant_of(request, "start", usual)
    if end < start:
        raise bad_query("end should not be before start")
    return max(start, new_york_midnight(floor.market.first_day)), min(end, now)


def _told(request: web.Request) -> tuple[int, int] | None:
    """Instant and id of the last item of the page before. Raises Refusal."""
    token = request.query.get("page_token", "")
    if not token:
        return None
    try:
        at, _, number = base64.b64decode(token, altchars=b"-_").decode().partition("|")
        return int(at[:20]), int(number[:20])
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise bad_query("invalid page_token") from None


def _days(start: int, end: int, *, ascending: bool) -> list[date]:
    days = days_between(start, end) if start <= end else []
    return days if ascending else days[::-1]


def _of_day(room: Newsroom, day: date, symbols: list[str] | None, *, ascending: bool) -> Iterator[NewsItem]:
    yield from sorted(room.of_day(day, symbols), key=lambda item: (item.at, item.id), reverse=not ascending)


def news_row(item: NewsItem, *, with_content: bool) -> Row:
    """An article."""
    row = {"id": item.id, **news_fields(item), "created_at": rfc3339(item.at), "updated_at": rfc3339(item.at)}
    return {**row, "content": item.content if with_content else "", "images": []}


async def news(request: web.Request) -> web.Response:
    """GET /v1beta1/news: by the time of their last change, newest first unless asked otherwise."""
    only_known(request, _KNOWN)
    market = request.app[FLOOR].market
    ascending = choice(request, "sort", ("asc", "desc"), "desc") == "asc"
    limit = page_limit(request, ITEMS_PER_PAGE, ITEMS_PER_PAGE_LIMIT)
    with_content, only_content = (
        query_flag(request, name) for name in ("include_content", "exclude_contentless")
    )
    (start, end), told = _span(request, ascending=ascending), _told(request)
    symbols, room, turns = _symbols(request, market), request.app[FLOOR].world.newsroom, Turns()
    found: list[NewsItem] = []
    for day in _resumed(_days(start, end, ascending=ascending), told, ascending=ascending):
        for item in _of_day(room, day, symbols, ascending=ascending):
            if not start <= item.at <= end or (only_content and not item.content):
                continue
            if told is not None and not _comes_after((item.at, item.id), told, ascending=ascending):
                continue
            if len(found) == limit:
                return _page(found, _token(found[-1]), with_content=with_content)
            found.append(item)
        await turns.after()
    return _page(found, None, with_content=with_content)


def _resumed(days: list[date], told: tuple[int, int] | None, *, ascending: bool) -> list[date]:
    """The days from that of the last item told on."""
    if told is None:
        return days
    day = new_york_date(min(max(told[0], 0), 2**62))
    return [one for one in days if (one >= day if ascending else one <= day)]


def _comes_after(item: tuple[int, int], told: tuple[int, int], *, ascending: bool) -> bool:
    return item > told if ascending else item < told


def _token(item: NewsItem) -> str:
    return base64.b64encode(f"{item.at}|{item.id}".encode(), altchars=b"-_").decode()


def _page(found: list[NewsItem], token: str | None, *, with_content: bool) -> web.Response:
    rows = [news_row(item, with_content=with_content) for item in found]
    return json_answer({"news": rows, "next_page_token": token})


def routes() -> list[web.RouteDef]:
    """The route of news."""
    return [web.get("/v1beta1/news", news)]
