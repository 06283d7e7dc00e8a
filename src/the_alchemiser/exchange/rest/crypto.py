"""Crypto market data under /v1beta3/crypto/{loc}: bars, trades, quotes, latest values, order books, snapshots.

All routes take many symbols. A pair the market does not know is simply absent from the answer; a symbol that is no
pair at all is refused. Days are those of UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from aiohttp import web

from the_alchemiser.exchange.market.barring import parse_timeframe
from the_alchemiser.exchange.market.board import Board
from the_alchemiser.exchange.market.crypto import SimulatedCrypto
from the_alchemiser.exchange.rest.asofnow import rows_shown, shown
from the_alchemiser.exchange.rest.barsteps import bars_reader
from the_alchemiser.exchange.rest.door import FLOOR, Handler, json_answer
from the_alchemiser.exchange.rest.paging import Reader, bad_query, collect, listed_symbols, page_of
from the_alchemiser.exchange.rows import (
    Row,
    bar_row,
    crypto_quote_row,
    crypto_trade_row,
    order_book_row,
)
from the_alchemiser.exchange.timestamps import parse_instant
from the_alchemiser.exchange.units import DAY, HOUR, MINUTE

LOCATIONS = frozenset({"us", "us-1", "us-2", "eu-1", "bs-1"})
_PAIR = "^[A-Z]+x?/[A-Z]+$"
_matches_pair = re.compile(_PAIR).match
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")

Show = Callable[[SimulatedCrypto, str, int], Row | None]


def _market(request: web.Request) -> SimulatedCrypto | None:
    """The crypto market, if this exchange has one. Raises Refusal for an unknown location."""
    location = request.match_info["loc"]
    if location not in LOCATIONS:
        raise bad_query(f"invalid location: {location[:16]}")
    market = request.app[FLOOR].market
    return market.crypto if isinstance(market, Board) else None


def _pairs(request: web.Request, market: SimulatedCrypto | None) -> list[str]:
    """The known pairs among those asked for. Raises Refusal for what is no pair."""
    symbols = listed_symbols(request)
    for symbol in symbols:
        if not _matches_pair(symbol):
            raise bad_query(f"invalid symbol: {symbol[:32]} does not match {_PAIR}")
    return [symbol for symbol in symbols if market is not None and market.asset(symbol) is not None]


def _utc_instant(text: str) -> int:
    """A time stamp; a bare date is a midnight of UTC. Raises ValueError."""
    return parse_instant(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text)


def _bars_reader(request: web.Request, market: SimulatedCrypto, now: int) -> Reader:
    timeframe = request.query.get("timeframe", "")
    try:
        frame = parse_timeframe(timeframe)
    except ValueError:
        raise bad_query(f"invalid timeframe: {timeframe[:32]}") from None
    return bars_reader(
        frame,
        lambda symbol, low, high: market.bars(symbol, timeframe, low, high, now),
        lambda symbol, low, high: market.bars(symbol, "1Day", low, high, now),
        now,
    )


def _quotes_reader(request: web.Request, market: SimulatedCrypto, now: int) -> Reader:
    return Reader(
        lambda symbol, low, high: (
            (row.at, crypto_quote_row(row)) for row in market.quotes(symbol, low, high, now)
        ),
        6 * HOUR,
        "Q",
    )


def _trades_reader(request: web.Request, market: SimulatedCrypto, now: int) -> Reader:
    return Reader(
        lambda symbol, low, high: (
            (row.at, crypto_trade_row(row)) for row in market.trades(symbol, low, high, now)
        ),
        DAY,
        "T",
    )


_READERS = {"bars": _bars_reader, "quotes": _quotes_reader, "trades": _trades_reader}


def history(kind: str) -> Handler:
    """The handler of a historical route: bars, quotes or trades. Without a start, from midnight UTC on."""

    async def answer(request: web.Request) -> web.Response:
        market, now = _market(request), request.app[FLOOR].now
        pairs = _pairs(request, market)
        page = page_of(request, (now // DAY * DAY, now), _utc_instant)
        if market is None:
            return json_answer({kind: {}, "next_page_token": None})
        reader = _READERS[kind](request, market, now)
        page = page._replace(start=max(page.start, market.sessions.all[0].open))
        found, token = await collect(reader, page, pairs)
        return json_answer({kind: found, "next_page_token": token})

    return answer


def _latest_bar(market: SimulatedCrypto, symbol: str, now: int) -> Row | None:
    """The last minute that is over."""
    bars = market.bars(symbol, "1Min", now - 3 * MINUTE, now - MINUTE, now)
    return bar_row(bars[-1]) if bars else None


def _latest_quote(market: SimulatedCrypto, symbol: str, now: int) -> Row | None:
    return crypto_quote_row(market.quote(symbol, now))


def _latest_trade(market: SimulatedCrypto, symbol: str, now: int) -> Row | None:
    return crypto_trade_row(market.trade(symbol, now))


def _order_book(market: SimulatedCrypto, symbol: str, now: int) -> Row | None:
    return order_book_row(market.order_book(symbol, now))


def _snapshot(market: SimulatedCrypto, symbol: str, now: int) -> Row | None:
    daily = market.bars(symbol, "1Day", now - 2 * DAY, now, now)
    return {
        "latestTrade": shown(_latest_trade, market, symbol, now),
        "latestQuote": shown(_latest_quote, market, symbol, now),
        "minuteBar": shown(_latest_bar, market, symbol, now),
        "dailyBar": bar_row(daily[-1]) if daily else None,
        "prevDailyBar": bar_row(daily[-2]) if len(daily) > 1 else None,
    }


def as_of_now(key: str, show: Show) -> Handler:
    """The handler of a route that shows one row for each pair, as of now."""

    async def answer(request: web.Request) -> web.Response:
        market, now = _market(request), request.app[FLOOR].now
        pairs = _pairs(request, market)
        return json_answer({key: rows_shown(show, market, pairs, now)})

    return answer


def routes() -> list[web.RouteDef]:
    """Every route of crypto market data."""
    top = "/v1beta3/crypto/{loc}"
    return [
        *(web.get(f"{top}/{kind}", history(kind)) for kind in _READERS),
        web.get(f"{top}/latest/bars", as_of_now("bars", _latest_bar)),
        web.get(f"{top}/latest/quotes", as_of_now("quotes", _latest_quote)),
        web.get(f"{top}/latest/trades", as_of_now("trades", _latest_trade)),
        web.get(f"{top}/latest/orderbooks", as_of_now("orderbooks", _order_book)),
        web.get(f"{top}/snapshots", as_of_now("snapshots", _snapshot)),
    ]
