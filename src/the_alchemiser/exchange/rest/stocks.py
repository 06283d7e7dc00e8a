"""Stock market data under /v2/stocks: bars, quotes, trades, auctions, latest values, snapshots, one symbol or many.

Nothing after exchange time is ever shown, whatever `end` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from aiohttp import web

from the_alchemiser.exchange.errors import not_found
from the_alchemiser.exchange.market.adjusting import WORDS, adjusted_bars, steps_for
from the_alchemiser.exchange.market.auctions import OPENING, AuctionDay, auction_days
from the_alchemiser.exchange.market.barring import parse_timeframe
from the_alchemiser.exchange.market.names import Stretch
from the_alchemiser.exchange.market.prices import Bar, Market, NoPrice
from the_alchemiser.exchange.rest.barsteps import bars_reader
from the_alchemiser.exchange.rest.door import FLOOR, Handler, json_answer
from the_alchemiser.exchange.rest.paging import (
    Reader,
    Turns,
    bad_query,
    choice,
    collect,
    only_known,
    required,
)
from the_alchemiser.exchange.rest.stockmeta import conditions, exchanges
from the_alchemiser.exchange.rest.stockquery import (
    AUCTION_FEEDS,
    DELAY,
    EMPTY_FEEDS,
    HISTORICAL_FEEDS,
    LATEST_PARAMETERS,
    RANGE_PARAMETERS,
    asked,
    currency_of,
    latest_feed,
    stock_page,
)
from the_alchemiser.exchange.rows import Row, bar_row, quote_row, trade_row
from the_alchemiser.exchange.timestamps import rfc3339
from the_alchemiser.exchange.units import DAY, MINUTE

_LONG_PIECE = 64 * DAY
_BAR_PARAMETERS = RANGE_PARAMETERS | {"timeframe", "adjustment"}
_LISTED_AT = {"NASDAQ": "Q", "NYSE": "N", "ARCA": "P", "AMEX": "A", "BATS": "Z"}
_PARAMETERS = {
    "bars": _BAR_PARAMETERS,
    "quotes": RANGE_PARAMETERS,
    "trades": RANGE_PARAMETERS,
    "auctions": RANGE_PARAMETERS,
}

Rows = Iterator[tuple[int, Row]]
Read = Callable[[Market, str, int, int, int], Rows]


def _quotes(market: Market, symbol: str, low: int, high: int, now: int) -> Rows:
    return ((quote.at, quote_row(quote)) for quote in market.quotes(symbol, low, high, now))


def _trades(market: Market, symbol: str, low: int, high: int, now: int) -> Rows:
    return ((trade.at, trade_row(trade)) for trade in market.trades(symbol, low, high, now))


def _auctions(market: Market, symbol: str, low: int, high: int, now: int) -> Rows:
    asset = market.asset(symbol)
    letter = _LISTED_AT.get(asset.exchange if asset else "", "V")
    return ((day.at, _auction_row(day, letter)) for day in auction_days(market, symbol, low, high, now))


def _auction_row(day: AuctionDay, letter: str) -> Row:
    """A day's auctions, each told twice: as the print and as the official price."""
    told: dict[str, list[Row]] = {"o": [], "c": []}
    for auction in day.held:
        key, conditions = ("o", "OQ") if auction.kind == OPENING else ("c", "6M")
        told[key] += [
            {"t": rfc3339(auction.at), "x": letter, "p": auction.price, "s": auction.size, "c": condition}
            for condition in conditions
        ]
    return {"d": day.day.isoformat(), **told}


_READS: dict[str, tuple[Read, int, str]] = {
    "quotes": (_quotes, DAY, "Q"),
    "trades": (_trades, DAY, "T"),
    "auctions": (_auctions, _LONG_PIECE, "D"),
}


def _reader(request: web.Request, kind: str, places: dict[str, list[Stretch]]) -> Reader:
    floor = request.app[FLOOR]
    market, now = floor.market, floor.now
    if kind == "bars":
        return _bars_reader(request, market, now, places)
    read, piece, mark = _READS[kind]
    return Reader(
        lambda symbol, low, high: _along(
            places[symbol], low, high, lambda name, first, last: read(market, name, first, last, now)
        ),
        piece,
        mark,
    )


def _along(
    places: list[Stretch], low: int, high: int, read: Callable[[str, int, int], Iterable[Any]]
) -> Iterator[Any]:
    """What is read in each stretch of the names a symbol had, as far as it lies within low and high."""
    for place in places:
        first, last = max(low, place.start), min(high, place.end)
        if first <= last:
            yield from read(place.symbol, first, last)


def _bars_reader(request: web.Request, market: Market, now: int, places: dict[str, list[Stretch]]) -> Reader:
    timeframe, words = required(request, "timeframe"), _adjustments(request)
    try:
        frame = parse_timeframe(timeframe)
    except ValueError:
        raise bad_query(f"invalid timeframe: {timeframe[:32]}") from None
    names = {place.symbol for stretches in places.values() for place in stretches}
    bars = {
        name: adjusted_bars(market, name, timeframe, steps_for(market, name, words, now), now)
        for name in names
    }

    def framed(symbol: str, low: int, high: int) -> Iterator[Bar]:
        return _along(places[symbol], low, high, lambda name, first, last: bars[name](first, last))

    def daily(symbol: str, low: int, high: int) -> Iterator[Bar]:
        return _along(
            places[symbol],
            low,
            high,
            lambda name, first, last: market.bars(name, "1Day", first, last, now),
        )

    return bars_reader(frame, framed, daily, now)


def _adjustments(request: web.Request) -> frozenset[str]:
    words = frozenset(request.query.get("adjustment", "raw").split(","))
    for word in words - WORDS:
        raise bad_query(f"invalid adjustment: {word[:32]}")
    return words


def history(kind: str) -> Handler:
    """The handler of a historical route, for one symbol in the path or many in the query."""
    feeds = AUCTION_FEEDS if kind == "auctions" else HISTORICAL_FEEDS

    async def answer(request: web.Request) -> web.Response:
        single = request.match_info.get("symbol", "").upper()
        only_known(request, _PARAMETERS[kind] if single else _PARAMETERS[kind] | {"symbols"})
        symbols, places = asked(request)
        feed, said = choice(request, "feed", feeds, "sip"), currency_of(request)
        page, reader = stock_page(request, feed), _reader(request, kind, places)
        known = [symbol for symbol in symbols if places[symbol] and feed not in EMPTY_FEEDS]
        found, token = await collect(reader, page, known)
        if single:
            return json_answer(
                {kind: found.get(single, []), "symbol": single, "next_page_token": token, **said}
            )
        return json_answer({kind: found, "next_page_token": token, **said})

    return answer


def _latest_quote(market: Market, symbol: str, now: int) -> Row | None:
    try:
        return quote_row(market.quote(symbol, now))
    except NoPrice:
        return None


def _latest_trade(market: Market, symbol: str, now: int) -> Row | None:
    try:
        return trade_row(market.trade(symbol, now))
    except NoPrice:
        return None


def _latest_bar(market: Market, symbol: str, now: int) -> Row | None:
    """The last minute that is over."""
    session = market.sessions.begun(now)
    while session is not None and session.date >= market.first_day:
        end = min(now - MINUTE, session.close)
        bars = market.bars(symbol, "1Min", max(session.open, end - 10 * MINUTE), end, now)
        bars = bars or market.bars(symbol, "1Min", session.open, end, now)
        if bars:
            return bar_row(bars[-1])
        session = market.sessions.all[session.index - 1] if session.index else None
    return None


def _snapshot(market: Market, symbol: str, now: int) -> Row:
    """What there is of the latest trade, quote and bars: what there is not is left out."""
    daily = _recent_days(market, symbol, now)
    found = {
        "latestTrade": _latest_trade(market, symbol, now),
        "latestQuote": _latest_quote(market, symbol, now),
        "minuteBar": _latest_bar(market, symbol, now),
        "dailyBar": bar_row(daily[-1]) if daily else None,
        "prevDailyBar": bar_row(daily[-2]) if len(daily) > 1 else None,
    }
    return {name: row for name, row in found.items() if row is not None}


def _recent_days(market: Market, symbol: str, now: int) -> list[Bar]:
    """The daily bars of the last two weeks: always two sessions among them, if the symbol has traded so long."""
    return market.bars(symbol, "1Day", now - 14 * DAY, now, now)


_LATEST: dict[str, Callable[[Market, str, int], Row | None]] = {
    "bars": _latest_bar,
    "quotes": _latest_quote,
    "trades": _latest_trade,
    "snapshots": _snapshot,
}


async def _latest_rows(request: web.Request, kind: str) -> dict[str, Row]:
    """The latest values by symbol; symbols without one are absent."""
    only_known(
        request, LATEST_PARAMETERS if "symbol" in request.match_info else LATEST_PARAMETERS | {"symbols"}
    )
    floor, feed, (symbols, places) = request.app[FLOOR], latest_feed(request), asked(request)
    if feed in EMPTY_FEEDS:
        return {}
    now, turns, found = floor.now - (DELAY if feed == "delayed_sip" else 0), Turns(), {}
    for symbol in symbols:
        if places[symbol]:
            row = _LATEST[kind](floor.market, places[symbol][-1].symbol, now)
            if row:
                found[symbol] = row
        await turns.after()
    return found


def latest(kind: str) -> Handler:
    """The handler of a latest route, for one symbol in the path or many in the query."""

    async def answer(request: web.Request) -> web.Response:
        said, rows = currency_of(request), await _latest_rows(request, kind)
        if "symbol" not in request.match_info:
            return json_answer({kind: rows, **said})
        symbol = request.match_info["symbol"].upper()
        if symbol not in rows:
            raise not_found(f"no {kind[:-1]} found for {symbol[:64]}")
        return json_answer({"symbol": symbol, kind[:-1]: rows[symbol], **said})

    return answer


async def snapshots(request: web.Request) -> web.Response:
    """GET /v2/stocks/snapshots: a map by symbol at the top level."""
    currency_of(request)
    return json_answer(await _latest_rows(request, "snapshots"))


async def snapshot(request: web.Request) -> web.Response:
    """GET /v2/stocks/{symbol}/snapshot."""
    said, symbol = currency_of(request), request.match_info["symbol"].upper()
    rows = await _latest_rows(request, "snapshots")
    if symbol not in rows:
        raise not_found(f"no snapshot found for {symbol[:64]}")
    return json_answer({"symbol": symbol, **rows[symbol], **said})


def routes() -> list[web.RouteDef]:
    """Every route of stock market data."""
    found = [
        web.get("/v2/stocks/snapshots", snapshots),
        web.get("/v2/stocks/{symbol}/snapshot", snapshot),
        web.get("/v2/stocks/meta/exchanges", exchanges),
        web.get("/v2/stocks/meta/conditions/{ticktype}", conditions),
    ]
    for kind in ("bars", "quotes", "trades", "auctions"):
        found += [
            web.get(f"/v2/stocks/{kind}", history(kind)),
            web.get(f"/v2/stocks/{{symbol}}/{kind}", history(kind)),
        ]
    for kind in ("bars", "quotes", "trades"):
        found += [
            web.get(f"/v2/stocks/{kind}/latest", latest(kind)),
            web.get(f"/v2/stocks/{{symbol}}/{kind}/latest", latest(kind)),
        ]
    return found
