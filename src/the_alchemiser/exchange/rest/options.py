"""Option market data under /v1beta1/options: bars, trades, latest trades and quotes, snapshots and chains."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from aiohttp import web

from the_alchemiser.exchange.market.barring import parse_timeframe
from the_alchemiser.exchange.market.contracts import Contract, parse_contract
from the_alchemiser.exchange.market.options import OptionMarket, Valued
from the_alchemiser.exchange.market.prices import NoPrice
from the_alchemiser.exchange.market.sessions import new_york_date, new_york_midnight
from the_alchemiser.exchange.rest.asofnow import rows_shown, shown
from the_alchemiser.exchange.rest.chains import option_market, select, selection_of
from the_alchemiser.exchange.rest.door import FLOOR, Handler, json_answer
from the_alchemiser.exchange.rest.paging import (
    Reader,
    Turns,
    bad_query,
    collect,
    instant_of,
    listed_symbols,
    page_limit,
    page_of,
    page_token,
    read_token,
)
from the_alchemiser.exchange.rows import Row, bar_row, option_quote_row, option_trade_row
from the_alchemiser.exchange.timestamps import rfc3339
from the_alchemiser.exchange.units import DAY

CONTRACTS_LIMIT = 100
SNAPSHOTS_PER_PAGE, SNAPSHOTS_PER_PAGE_LIMIT = 100, 1000
SNAPSHOTS_AT_A_TIME = 10
FURTHEST = timedelta(days=366 * 2)
FEEDS = frozenset({"", "opra", "indicative"})
EXCHANGES = {
    "A": "AMEX - NYSE American",
    "B": "BOX - Boston Options Exchange",
    "C": "CBOE - Chicago Board Options Exchange",
    "N": "NYSE - NYSE Arca",
    "O": "OPRA",
    "X": "PHLX - Nasdaq PHLX",
}
CONDITIONS = {
    "trade": {"I": "AUTO: Transaction was executed electronically", "a": "SLAN: Single Leg Auction Non ISO"},
    "quote": {"A": "Eligible for Automatic Execution", " ": "Regular"},
}
_PIECE, _WHOLE = 7 * DAY, 100 * 366 * DAY

Show = Callable[[OptionMarket, str, int], Row | None]


def _symbols(request: web.Request) -> list[str]:
    """The contract symbols asked for. Raises Refusal for too many and for what is none."""
    if request.query.get("feed", "") not in FEEDS:
        raise bad_query(f"invalid feed: {request.query['feed'][:32]}")
    symbols = listed_symbols(request)
    if len(symbols) > CONTRACTS_LIMIT:
        raise bad_query(f"too many symbols: at most {CONTRACTS_LIMIT}")
    for symbol in symbols:
        if parse_contract(symbol) is None:
            raise bad_query(f"invalid symbol: {symbol[:32]}")
    return symbols


def _listed(market: OptionMarket | None, symbols: list[str], now: int) -> list[str]:
    """The symbols whose contracts have been listed by now."""
    if market is None:
        return []
    contracts = ((symbol, parse_contract(symbol)) for symbol in symbols)
    return [symbol for symbol, one in contracts if one is not None and market.chains.listed(one, now)]


def _reader(request: web.Request, market: OptionMarket, kind: str, now: int) -> Reader:
    if kind == "trades":
        return Reader(
            lambda symbol, low, high: (
                (row.at, option_trade_row(row)) for row in market.trades(symbol, low, high, now)
            ),
            _PIECE,
            "T",
        )
    timeframe = request.query.get("timeframe", "")
    try:
        frame = parse_timeframe(timeframe)
    except ValueError:
        raise bad_query(f"invalid timeframe: {timeframe[:32]}") from None
    return Reader(
        lambda symbol, low, high: (
            (bar.at, bar_row(bar)) for bar in market.bars(symbol, timeframe, low, high, now)
        ),
        _PIECE if frame.width else _WHOLE,
        frame.unit[0],
    )


def history(kind: str) -> Handler:
    """The handler of a historical route: bars or trades."""

    async def answer(request: web.Request) -> web.Response:
        market, now = option_market(request), request.app[FLOOR].now
        symbols = _listed(market, _symbols(request), now)
        page = page_of(request, (new_york_midnight(new_york_date(now)), now))
        if market is None:
            return json_answer({kind: {}, "next_page_token": None})
        page = page._replace(start=max(page.start, new_york_midnight(market.first_day)))
        found, token = await collect(_reader(request, market, kind, now), page, symbols)
        return json_answer({kind: found, "next_page_token": token})

    return answer


def _latest_quote(market: OptionMarket, symbol: str, now: int) -> Row | None:
    return option_quote_row(market.quote(symbol, now))


def _latest_trade(market: OptionMarket, symbol: str, now: int) -> Row | None:
    return option_trade_row(market.trade(symbol, now))


def latest(key: str, show: Show) -> Handler:
    """The handler of a route that shows one row for each contract, as of now."""

    async def answer(request: web.Request) -> web.Response:
        market, now = option_market(request), request.app[FLOOR].now
        symbols = _listed(market, _symbols(request), now)
        return json_answer({key: rows_shown(show, market, symbols, now)})

    return answer


async def snapshots(request: web.Request) -> web.Response:
    """GET /v1beta1/options/snapshots: the contracts named."""
    market, now = option_market(request), request.app[FLOOR].now
    named = (parse_contract(symbol) for symbol in _listed(market, _symbols(request), now))
    return await _snapshot_page(request, market, [contract for contract in named if contract is not None])


async def chain(request: web.Request) -> web.Response:
    """GET /v1beta1/options/snapshots/{underlying}: the living contracts on a stock, by filter."""
    market, now = option_market(request), request.app[FLOOR].now
    underlying = request.match_info["underlying"].upper()
    today = new_york_date(now)
    try:
        wanted = selection_of(request, today, today + FURTHEST)
    except ValueError as error:
        raise bad_query(f"invalid {error}") from None
    contracts: list[Contract] = []
    if market is not None and request.query.get("root_symbol", underlying).upper() == underlying:
        living = select(market, underlying, wanted._replace(first=max(wanted.first, today)), now)
        contracts = sorted(living, key=lambda contract: contract.symbol)
    return await _snapshot_page(request, market, contracts)


async def _snapshot_page(
    request: web.Request, market: OptionMarket | None, contracts: list[Contract]
) -> web.Response:
    now, size = request.app[FLOOR].now, page_limit(request, SNAPSHOTS_PER_PAGE, SNAPSHOTS_PER_PAGE_LIMIT)
    since, resume = instant_of(request, "updated_since", 0), read_token(request.query.get("page_token", ""))
    if resume is not None:
        contracts = [contract for contract in contracts if contract.symbol >= resume.symbol]
    shown = contracts[:size]
    found: dict[str, Row] = {}
    turns = Turns()
    for first in range(0, len(shown), SNAPSHOTS_AT_A_TIME):
        some = shown[first : first + SNAPSHOTS_AT_A_TIME]
        for contract, row in zip(some, _snapshot_rows(market, some, now), strict=True):
            if not since or _updated_at(row) >= rfc3339(since):
                found[contract.symbol] = row
        await turns.after()
    token = page_token(contracts[size].symbol, "S", now) if len(contracts) > size else None
    return json_answer({"snapshots": found, "next_page_token": token})


def _updated_at(row: Row) -> str:
    return max((row[key]["t"] for key in ("latestQuote", "latestTrade") if row.get(key)), default="")


def _snapshot_rows(market: OptionMarket | None, contracts: list[Contract], now: int) -> list[Row]:
    if market is None:
        return []
    by_stock: dict[str, list[Contract]] = {}
    for contract in contracts:
        by_stock.setdefault(contract.underlying, []).append(contract)
    rows: dict[Contract, Row] = {}
    for underlying, chained in by_stock.items():
        try:
            valued = market.value(underlying, chained, now)
        except NoPrice:
            continue
        rows.update(
            (contract, _snapshot(market, contract, valued, place, now))
            for place, contract in enumerate(chained)
        )
    return [rows.get(contract, {}) for contract in contracts]


def _snapshot(market: OptionMarket, contract: Contract, valued: Valued, place: int, now: int) -> Row:
    symbol = contract.symbol
    row: Row = {}
    trade = shown(_latest_trade, market, symbol, now)
    quote = shown(_latest_quote, market, symbol, now)
    if trade is not None:
        row["latestTrade"] = trade
    if quote is not None:
        row["latestQuote"] = quote
    if market.expires_at(contract) > now:
        row["impliedVolatility"] = round(float(valued.volatility[place]), 6)
        row["greeks"] = {
            name: round(float(column[place]), 6) for name, column in valued.greeks._asdict().items()
        }
    return row


async def exchanges(_: web.Request) -> web.Response:
    """GET /v1beta1/options/meta/exchanges."""
    return json_answer(EXCHANGES)


async def conditions(request: web.Request) -> web.Response:
    """GET /v1beta1/options/meta/conditions/{trade or quote}."""
    known = CONDITIONS.get(request.match_info["ticktype"])
    if known is None:
        raise bad_query(f"invalid ticktype: {request.match_info['ticktype'][:32]}")
    return json_answer(known)


def routes() -> list[web.RouteDef]:
    """Every route of option market data."""
    top = "/v1beta1/options"
    return [
        web.get(f"{top}/bars", history("bars")),
        web.get(f"{top}/trades", history("trades")),
        web.get(f"{top}/trades/latest", latest("trades", _latest_trade)),
        web.get(f"{top}/quotes/latest", latest("quotes", _latest_quote)),
        web.get(f"{top}/snapshots", snapshots),
        web.get(f"{top}/snapshots/{{underlying}}", chain),
        web.get(f"{top}/meta/exchanges", exchanges),
        web.get(f"{top}/meta/conditions/{{ticktype}}", conditions),
    ]
