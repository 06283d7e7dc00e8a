"""Market data REST under /v2/stocks: bars, quotes, trades, latest values and snapshots, one symbol or many.

Nothing after exchange time is ever shown, whatever `end` says.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from aiohttp import web

from the_alchemiser.exchange.errors import Refusal
from the_alchemiser.exchange.floor import Floor
from the_alchemiser.exchange.market.barring import parse_timeframe
from the_alchemiser.exchange.market.prices import Bar, Market, NoPrice
from the_alchemiser.exchange.market.sessions import new_york_date, new_york_midnight
from the_alchemiser.exchange.rest.door import FLOOR, Handler, json_answer
from the_alchemiser.exchange.rows import Row, bar_row, quote_row, trade_row
from the_alchemiser.exchange.timestamps import parse_instant
from the_alchemiser.exchange.units import DAY, MINUTE

ROWS_PER_PAGE, ROWS_PER_PAGE_LIMIT = 1000, 10_000
SYMBOLS_LIMIT = 1000
_PIECE = 7 * DAY  # read at a time, so that a page out of a long range costs a page
_WHOLE = 100 * 366 * DAY  # bars of a day and longer are few: the range at once
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9./-]{0,19}")
_FEEDS = frozenset({"", "sip", "iex", "otc", "boats", "delayed_sip", "overnight"})
_ADJUSTMENTS = frozenset({"raw", "split", "dividend", "spin-off", "all"})


class Reader(NamedTuple):
    """How rows of a kind are read: (symbol, first, last instant) -> rows with their instants; `piece` ns at a time."""

    read: Callable[[str, int, int], Iterable[tuple[int, Row]]]
    piece: int


class Page(NamedTuple):
    """What a historical request asks for; `resume` is where the page before it ended (symbol, instant)."""

    start: int
    end: int
    limit: int
    ascending: bool
    resume: tuple[str, int] | None


def _bad(message: str) -> Refusal:
    return Refusal(400, 40010001, message)


def _symbols(request: web.Request) -> list[str]:
    """The symbols asked for, sorted, each once. Raises Refusal."""
    text = request.match_info.get("symbol") or request.query.get("symbols", "")
    symbols = sorted({symbol.strip().upper() for symbol in text.split(",") if symbol.strip()})
    if not symbols:
        raise _bad("symbols is required")
    if len(symbols) > SYMBOLS_LIMIT:
        raise _bad(f"too many symbols: at most {SYMBOLS_LIMIT}")
    for symbol in symbols:
        if not _SYMBOL.fullmatch(symbol):
            raise _bad(f"invalid symbol: {symbol[:32]}")
    _check_options(request)
    return symbols


def _check_options(request: web.Request) -> None:
    """Feed and adjustment must be known words; here they all show the same prices."""
    if request.query.get("feed", "") not in _FEEDS:
        raise _bad(f"invalid feed: {request.query['feed'][:32]}")
    for word in request.query.get("adjustment", "raw").split(","):
        if word not in _ADJUSTMENTS:
            raise _bad(f"invalid adjustment: {word[:32]}")


def _instant(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    try:
        return parse_instant(text) if text else default
    except ValueError:
        raise _bad(f"invalid {name}: {text[:64]}") from None


def _page(request: web.Request, floor: Floor) -> Page:
    today = new_york_midnight(new_york_date(floor.now))
    start, end = _instant(request, "start", today), _instant(request, "end", floor.now)
    if end < start:
        raise _bad("end should not be before start")
    sort = request.query.get("sort") or "asc"
    if sort not in ("asc", "desc"):
        raise _bad(f"invalid sort: {sort[:32]}")
    earliest = new_york_midnight(floor.market.first_day)
    resume = _read_token(request.query.get("page_token", ""))
    return Page(max(start, earliest), min(end, floor.now), _limit(request), sort == "asc", resume)


def _limit(request: web.Request) -> int:
    text = request.query.get("limit", "") or str(ROWS_PER_PAGE)
    if not text.isascii() or not text.isdigit() or int(text[:9]) < 1:
        raise _bad("invalid limit: must be a positive number")
    if len(text) > 9 or int(text) > ROWS_PER_PAGE_LIMIT:
        raise _bad(f"invalid limit: larger than the allowed maximum of {ROWS_PER_PAGE_LIMIT}")
    return int(text)


def _read_token(token: str) -> tuple[str, int] | None:
    if not token:
        return None
    try:
        symbol, _, at = base64.urlsafe_b64decode(token).decode().rpartition("|")
        return symbol, int(at[:20])
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise _bad("invalid page_token") from None


def _token(symbol: str, at: int) -> str:
    return base64.urlsafe_b64encode(f"{symbol}|{at}".encode()).decode()


def _pieces(ascending: bool, start: int, end: int, piece: int) -> Iterator[tuple[int, int]]:
    """The range in pieces, in the direction of the page."""
    if ascending:
        for low in range(start, end + 1, piece):
            yield low, min(low + piece - 1, end)
        return
    for high in range(end, start - 1, -piece):
        yield max(high - piece + 1, start), high


def _rows(reader: Reader, page: Page, symbol: str, resume_at: int | None) -> Iterator[tuple[int, Row]]:
    start, end = page.start, page.end
    if resume_at is not None:
        start, end = (max(start, resume_at), end) if page.ascending else (start, min(end, resume_at))
    for low, high in _pieces(page.ascending, start, end, reader.piece):
        rows = reader.read(symbol, low, high)
        yield from rows if page.ascending else reversed(list(rows))


def _collect(reader: Reader, page: Page, symbols: list[str]) -> tuple[dict[str, list[Row]], str | None]:
    """One page: rows by symbol, then time; and the token of the next page, None when this is the last."""
    found: dict[str, list[Row]] = {}
    left = page.limit
    for symbol in symbols:
        resume_at = page.resume[1] if page.resume and page.resume[0] == symbol else None
        if page.resume and symbol < page.resume[0]:
            continue
        for at, row in _rows(reader, page, symbol, resume_at):
            if not left:
                return found, _token(symbol, at)
            found.setdefault(symbol, []).append(row)
            left -= 1
    return found, None


def _known(market: Market, symbols: list[str]) -> list[str]:
    assets = ((symbol, market.asset(symbol)) for symbol in symbols)
    return [symbol for symbol, asset in assets if asset is not None and asset.asset_class == "us_equity"]


def _reader(request: web.Request, floor: Floor, kind: str) -> Reader:
    market, now = floor.market, floor.now
    if kind == "quotes":
        return Reader(
            lambda symbol, low, high: (
                (row.at, quote_row(row)) for row in market.quotes(symbol, low, high, now)
            ),
            _PIECE,
        )
    if kind == "trades":
        return Reader(
            lambda symbol, low, high: (
                (row.at, trade_row(row)) for row in market.trades(symbol, low, high, now)
            ),
            _PIECE,
        )
    timeframe = request.query.get("timeframe", "")
    try:
        intraday = parse_timeframe(timeframe).width
    except ValueError:
        raise _bad(f"invalid timeframe: {timeframe[:32]}") from None
    return Reader(
        lambda symbol, low, high: (
            (bar.at, bar_row(bar)) for bar in market.bars(symbol, timeframe, low, high, now)
        ),
        _PIECE if intraday else _WHOLE,
    )


def history(kind: str) -> Handler:
    """The handler of a historical route: bars, quotes or trades, for one symbol in the path or many in the
    query.
    """

    async def answer(request: web.Request) -> web.Response:
        floor = request.app[FLOOR]
        symbols = _known(floor.market, _symbols(request))
        found, token = _collect(_reader(request, floor, kind), _page(request, floor), symbols)
        if "symbol" in request.match_info:
            symbol = request.match_info["symbol"].upper()
            return json_answer({kind: found.get(symbol, []), "symbol": symbol, "next_page_token": token})
        return json_answer({kind: found, "next_page_token": token})

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
        bars = market.bars(symbol, "1Min", session.open, min(now - MINUTE, session.close), now)
        if bars:
            return bar_row(bars[-1])
        session = market.sessions.all[session.index - 1] if session.index else None
    return None


_LATEST: dict[str, Callable[[Market, str, int], Row | None]] = {
    "bars": _latest_bar,
    "quotes": _latest_quote,
    "trades": _latest_trade,
}


def latest(kind: str) -> Handler:
    """The handler of a latest route, for one symbol in the path or many in the query."""

    async def answer(request: web.Request) -> web.Response:
        floor = request.app[FLOOR]
        symbols = _known(floor.market, _symbols(request))
        rows = {symbol: _LATEST[kind](floor.market, symbol, floor.now) for symbol in symbols}
        if "symbol" in request.match_info:
            symbol = request.match_info["symbol"].upper()
            if rows.get(symbol) is None:
                raise Refusal(404, 40410000, f"no {kind[:-1]} found for {symbol}")
            return json_answer({"symbol": symbol, kind[:-1]: rows[symbol]})
        return json_answer({kind: {symbol: row for symbol, row in rows.items() if row is not None}})

    return answer


def _snapshot(market: Market, symbol: str, now: int) -> Row:
    daily = _recent_days(market, symbol, now)
    return {
        "latestTrade": _latest_trade(market, symbol, now),
        "latestQuote": _latest_quote(market, symbol, now),
        "minuteBar": _latest_bar(market, symbol, now),
        "dailyBar": bar_row(daily[-1]) if daily else None,
        "prevDailyBar": bar_row(daily[-2]) if len(daily) > 1 else None,
    }


def _recent_days(market: Market, symbol: str, now: int) -> list[Bar]:
    """The daily bars of the last two weeks: always two sessions among them, if the symbol has traded so long."""
    return market.bars(symbol, "1Day", now - 14 * DAY, now, now)


async def snapshots(request: web.Request) -> web.Response:
    """GET /v2/stocks/snapshots: a map by symbol at the top level."""
    floor = request.app[FLOOR]
    symbols = _known(floor.market, _symbols(request))
    return json_answer({symbol: _snapshot(floor.market, symbol, floor.now) for symbol in symbols})


async def snapshot(request: web.Request) -> web.Response:
    """GET /v2/stocks/{symbol}/snapshot."""
    floor, symbol = request.app[FLOOR], _symbols(request)[0]
    if floor.market.asset(symbol) is None:
        raise Refusal(404, 40410000, f"no snapshot found for {symbol}")
    return json_answer({"symbol": symbol, **_snapshot(floor.market, symbol, floor.now)})


def routes() -> list[web.RouteDef]:
    """Every route of stock market data."""
    found = [web.get("/v2/stocks/snapshots", snapshots), web.get("/v2/stocks/{symbol}/snapshot", snapshot)]
    for kind in ("bars", "quotes", "trades"):
        found += [
            web.get(f"/v2/stocks/{kind}", history(kind)),
            web.get(f"/v2/stocks/{kind}/latest", latest(kind)),
            web.get(f"/v2/stocks/{{symbol}}/{kind}", history(kind)),
            web.get(f"/v2/stocks/{{symbol}}/{kind}/latest", latest(kind)),
        ]
    return found
