"""What can be traded and when: assets, the market clock and the calendar, as /v2 and /v3 tell them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

import msgspec
from aiohttp import web

from the_alchemiser.exchange.errors import bad_parameter, not_found
from the_alchemiser.exchange.market.names import first_name, name_on
from the_alchemiser.exchange.market.prices import Asset, Market
from the_alchemiser.exchange.market.sessions import Session, Sessions, new_york_date
from the_alchemiser.exchange.rest.door import FLOOR, desk_of, json_answer, query_instant, query_words
from the_alchemiser.exchange.rest.exchangehours import MARKETS, clock_of, day_of, served_until
from the_alchemiser.exchange.rest.paging import Turns
from the_alchemiser.exchange.rows import Row, asset_row, calendar_row, clock_row
from the_alchemiser.exchange.timestamps import parse_day

ASSET_CLASSES = frozenset({"us_equity", "us_option", "crypto", "crypto_perp"})
ASSET_EXCHANGES = frozenset({"AMEX", "ARCA", "ASCX", "BATS", "NYSE", "NASDAQ", "NYSEARCA", "OTC", "CRYPTO"})
ASSET_ATTRIBUTES = frozenset(
    {
        "ptp_no_exception",
        "ptp_with_exception",
        "ipo",
        "has_options",
        "options_late_close",
        "fractional_eh_enabled",
        "overnight_tradable",
        "overnight_halted",
    }
)
DAYS_AHEAD = 7  # of the newer calendar, without an end


def _one_of(request: web.Request, name: str, known: frozenset[str]) -> str:
    """A word of the query, or nothing. Raises Refusal."""
    word = request.query.get(name, "")
    if word and word not in known:
        raise bad_parameter(f"invalid {name}: {word[:32]}")
    return word


async def list_assets(request: web.Request) -> web.Response:
    """GET /v2/assets: by status (all), asset_class (us_equity), exchange, and attributes (any of them)."""
    status = _one_of(request, "status", frozenset({"active", "inactive", "all"}))
    kind = _one_of(request, "asset_class", ASSET_CLASSES) or "us_equity"
    exchange = _one_of(request, "exchange", ASSET_EXCHANGES)
    attributes = {word.lower() for word in query_words(request, "attributes") or ()}
    if attributes - ASSET_ATTRIBUTES:
        raise bad_parameter(f"invalid attributes: {min(attributes - ASSET_ATTRIBUTES)[:32]}")
    market, today = request.app[FLOOR].market, new_york_date(request.app[FLOOR].now)
    rows = [
        _row(request, _as_called(asset, market, today))
        for asset in market.assets()
        if asset.asset_class == kind
        and status in ("", "all", asset.status)
        and exchange in ("", asset.exchange)
    ]
    if attributes:
        rows = [row for row in rows if attributes.intersection(row["attributes"])]
    return json_answer(sorted(rows, key=lambda row: (row["exchange"], row["symbol"])))


async def read_asset(request: web.Request) -> web.Response:
    """GET /v2/assets/{symbol, pair or asset id}."""
    floor, given = request.app[FLOOR], request.match_info["symbol"]
    market, today = floor.market, new_york_date(floor.now)
    first = first_name(market.script, floor.symbol_of(given), today)
    asset = market.asset(first) if first is not None else None
    if asset is None:
        raise not_found(f"asset not found for {given[:64]}")
    return json_answer(_row(request, _as_called(asset, market, today)))


def _row(request: web.Request, asset: Asset) -> Row:
    return asset_row(asset, desk_of(request).exchange.price_e4(asset.symbol))


def _as_called(asset: Asset, market: Market, day: date) -> Asset:
    """The asset under its name of that day."""
    return msgspec.structs.replace(asset, symbol=name_on(market.script, asset.symbol, day))


async def read_clock(request: web.Request) -> web.Response:
    """GET /v2/clock."""
    floor = request.app[FLOOR]
    return json_answer(clock_row(floor.market.sessions, floor.now))


def _day(request: web.Request, name: str, default: date) -> date:
    text = request.query.get(name, "")
    try:
        return parse_day(text) if text else default
    except ValueError:
        raise bad_parameter(
            f"{name} is in an invalid format. Consider formatting your timestamp more explicitly, "
            "like: '2006-01-02T15:04:05Z'"
        ) from None


async def _days(
    sessions: Sessions, chosen: tuple[Session, ...], row_of: Callable[[Session, Sessions], Row]
) -> list[Row]:
    rows, turns = [], Turns()
    for session in chosen:
        rows.append(row_of(session, sessions))
        await turns.after(4)
    return rows


async def calendar(request: web.Request) -> web.Response:
    """GET /v2/calendar: the trading days from `start` to `end`, both included, or those that settle then."""
    sessions = request.app[FLOOR].market.sessions
    first, last = _day(request, "start", date.min), _day(request, "end", date.max)
    if first > last:
        raise bad_parameter("end should not be before start")
    kind = request.query.get("date_type", "") or "TRADING"
    if kind.upper() not in ("TRADING", "SETTLEMENT"):
        raise bad_parameter(f"invalid date_type: {kind[:16]}")
    if kind.upper() == "TRADING":
        return json_answer(await _days(sessions, sessions.between(first, last), calendar_row))
    # A trade settles within two weeks.
    early = first - timedelta(days=14) if first > date.min + timedelta(days=14) else first
    rows = await _days(sessions, sessions.between(early, last), calendar_row)
    wanted = first.isoformat(), last.isoformat()
    return json_answer([row for row in rows if wanted[0] <= row["settlement_date"] <= wanted[1]])


async def market_calendar(request: web.Request) -> web.Response:
    """GET /v3/calendar/{market}: a week from today unless told otherwise."""
    floor, code = request.app[FLOOR], request.match_info["market"].upper()
    market = MARKETS.get(code)
    if market is None:
        raise bad_parameter(f"invalid market: {code[:16]}")
    first = _day(request, "start", new_york_date(floor.now))
    last = _day(
        request, "end", min(first, date.max - timedelta(days=DAYS_AHEAD)) + timedelta(days=DAYS_AHEAD)
    )
    zone = request.query.get("timezone", "")
    if zone not in ("", "UTC", market.timezone):
        raise bad_parameter(f"invalid timezone: {zone[:32]}")
    sessions, utc = floor.market.sessions, zone == "UTC"
    days = await _days(sessions, sessions.between(first, last), partial(day_of, market, utc=utc))
    return json_answer({"market": market.row(), "calendar": days})


async def market_clocks(request: web.Request) -> web.Response:
    """GET /v3/clock: the clocks of `markets`, all that are known here by default, now or at `time`."""
    floor = request.app[FLOOR]
    codes = [code for code in request.query.get("markets", "").upper().split(",") if code.strip()]
    unknown = [code for code in codes if code.strip() not in MARKETS]
    if unknown:
        raise bad_parameter(f"invalid market: {unknown[0][:16]}")
    sessions = floor.market.sessions
    at = query_instant(request, "time")
    at = floor.now if at is None else at
    if not sessions.all[0].open <= at < served_until(sessions):
        raise bad_parameter("invalid time: beyond the calendar")
    chosen = [MARKETS[code.strip()] for code in codes] or list(dict.fromkeys(MARKETS.values()))
    return json_answer({"clocks": [clock_of(market, sessions, at) for market in chosen]})


def routes() -> list[web.RouteDef]:
    """Every route of reference data."""
    return [
        web.get("/v2/clock", read_clock),
        web.get("/v2/calendar", calendar),
        web.get("/v2/assets", list_assets),
        web.get("/v2/assets/{symbol:.+}", read_asset),
        web.get("/v3/clock", market_clocks),
        web.get("/v3/calendar/{market}", market_calendar),
    ]
