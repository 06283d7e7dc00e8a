"""What a request for stock data may say: symbols, feeds, plans, currency, and the day whose names are meant."""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple

from aiohttp import web

from the_alchemiser.exchange.desk import BASIC
from the_alchemiser.exchange.errors import Refusal
from the_alchemiser.exchange.market.names import Stretch, capitals, stretches
from the_alchemiser.exchange.market.prices import Market
from the_alchemiser.exchange.market.sessions import new_york_date, new_york_midnight
from the_alchemiser.exchange.rest.door import FLOOR, desk_of
from the_alchemiser.exchange.rest.paging import Page, bad_query, choice, instant_of, listed_symbols, page_of
from the_alchemiser.exchange.timestamps import parse_day
from the_alchemiser.exchange.units import MINUTE

HISTORICAL_FEEDS = ("sip", "iex", "otc", "boats")
LATEST_FEEDS = ("sip", "iex", "delayed_sip", "otc", "boats", "overnight")
AUCTION_FEEDS = ("sip",)
# Nothing here is traded over the counter, and nobody makes a market overnight.
EMPTY_FEEDS = frozenset({"otc", "boats", "overnight"})
DELAY = 15 * MINUTE

RANGE_PARAMETERS = frozenset({"start", "end", "limit", "asof", "feed", "currency", "page_token", "sort"})
LATEST_PARAMETERS = frozenset({"feed", "currency"})
_SYMBOL = re.compile(r"[A-Z]{1,10}(\.[A-Z]{1,5})?")


class Asked(NamedTuple):
    """The symbols of a request, in order, and where their prices are; none for symbols without any."""

    symbols: list[str]
    stretches: dict[str, list[Stretch]]


def symbols_of(request: web.Request) -> list[str]:
    """The symbols in the path or in the query, each once, sorted. Raises Refusal."""
    single = request.match_info.get("symbol")
    symbols = [single] if single else listed_symbols(request)
    symbols = sorted({capitals(symbol) for symbol in symbols})
    market = request.app[FLOOR].market
    for symbol in symbols:
        if not _SYMBOL.fullmatch(symbol) and not _is_stock(market, symbol):
            raise bad_query(f"code=400, message=invalid symbol: {symbol[:32]}")
    return symbols


def asked(request: web.Request) -> Asked:
    """The symbols of a request as the names of the day it means. Raises Refusal."""
    symbols, market = symbols_of(request), request.app[FLOOR].market
    day = _as_of(request)
    found = {symbol: stretches(market, symbol, day) for symbol in symbols}
    return Asked(
        symbols,
        {
            symbol: [stretch for stretch in places if _is_stock(market, stretch.symbol)]
            for symbol, places in found.items()
        },
    )


def _is_stock(market: Market, symbol: str) -> bool:
    asset = market.asset(symbol)
    return asset is not None and asset.asset_class == "us_equity"


def _as_of(request: web.Request) -> date | None:
    """The day whose names are meant: today's unless it is told; None for no mapping at all."""
    text = request.query.get("asof", "")
    if text == "-":
        return None
    try:
        return parse_day(text) if text else new_york_date(request.app[FLOOR].now)
    except ValueError:
        raise bad_query(f"invalid asof: {text[:32]}") from None


def currency_of(request: web.Request) -> dict[str, str]:
    """What an answer says about its currency: something only when it was asked for. Raises Refusal."""
    currency = request.query.get("currency", "")
    if currency and currency.upper() != "USD":
        raise bad_query(f"currency not supported: {currency[:8]}")
    return {"currency": "USD"} if currency else {}


def stock_page(request: web.Request, feed: str) -> Page:
    """The page a request asks for; from today on, to now or to what the plan lets see. Raises Refusal."""
    floor = request.app[FLOOR]
    now = floor.now
    seen = now - DELAY if _delayed(request, feed) else now
    # The refusal hangs on the end alone, and refuses the whole request.
    if seen != now and instant_of(request, "end", seen) > seen:
        raise not_subscribed()
    today = new_york_midnight(new_york_date(now))
    page = page_of(request, (min(today, seen), seen))
    return page._replace(start=max(page.start, new_york_midnight(floor.market.first_day)))


def latest_feed(request: web.Request) -> str:
    """The feed of a latest value. Raises Refusal when the plan does not have it."""
    usual = "iex" if _is_basic(request) else "sip"
    feed = choice(request, "feed", LATEST_FEEDS, usual)
    if _delayed(request, feed):
        raise not_subscribed()
    return feed


def _is_basic(request: web.Request) -> bool:
    return desk_of(request).terms.data_plan == BASIC


def _delayed(request: web.Request, feed: str) -> bool:
    return feed == "sip" and _is_basic(request)


def not_subscribed() -> Refusal:
    """What the plan does not contain."""
    return Refusal(403, 42210000, "subscription does not permit querying recent SIP data")
