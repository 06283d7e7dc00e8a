"""Option contracts under /v2/options/contracts: lists by filter, and one by symbol or id."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from datetime import timedelta
from hashlib import blake2b
from itertools import islice

from aiohttp import web

from the_alchemiser.exchange.errors import bad_parameter, not_found
from the_alchemiser.exchange.ids import spelled_in
from the_alchemiser.exchange.market.contracts import MULTIPLIER, Contract, coming_weekend, parse_contract
from the_alchemiser.exchange.market.names import capitals
from the_alchemiser.exchange.market.options import OptionMarket
from the_alchemiser.exchange.market.prices import NoPrice, asset_id, trade_price_e4
from the_alchemiser.exchange.market.sessions import Session, new_york_date
from the_alchemiser.exchange.rest.chains import Selection, option_market, select, selection_of
from the_alchemiser.exchange.rest.door import (
    FLOOR,
    desk_of,
    json_answer,
    query_flag,
    query_number,
    query_words,
)
from the_alchemiser.exchange.rows import Row
from the_alchemiser.exchange.units import format_price

CONTRACTS_PER_PAGE, CONTRACTS_PER_PAGE_LIMIT = 100, 10_000
INACTIVE_DAYS = timedelta(days=30)  # how long an expired contract is listed without a bound on its date
OLDEST = timedelta(days=366)  # none that expired earlier is listed
FURTHEST = timedelta(days=366 * 2)


async def list_contracts(request: web.Request) -> web.Response:
    """GET /v2/options/contracts with every documented filter."""
    market, now = option_market(request), request.app[FLOOR].now
    wanted, offset = _wanted(request, now), _read_token(request.query.get("page_token", ""))
    size = query_number(request, "limit", CONTRACTS_PER_PAGE, CONTRACTS_PER_PAGE_LIMIT)
    found: list[Contract] = []
    if market is not None and _may_match(request):
        found = list(islice(_selected(request, market, wanted, now), offset, offset + size + 1))
    rows = _rows(market, found[:size], now) if market is not None else []
    if query_flag(request, "show_deliverables"):
        for row in rows:
            row["deliverables"] = [_deliverable(row)]
    token = _token(offset + size) if len(found) > size else None
    return json_answer({"option_contracts": rows, "next_page_token": token})


async def read_contract(request: web.Request) -> web.Response:
    """GET /v2/options/contracts/{symbol or id}."""
    market, now, name = option_market(request), request.app[FLOOR].now, request.match_info["symbol"]
    contract = find_contract(market, name, now) if market is not None else None
    if market is None or contract is None:
        raise not_found(f"option contract not found for {name[:64]}")
    (row,) = _rows(market, [contract], now)
    return json_answer({**row, "deliverables": [_deliverable(row)]})


def find_contract(market: OptionMarket, symbol_or_id: str, now: int) -> Contract | None:
    """The contract of that symbol or id, if it has been listed by now."""
    contract = parse_contract(spelled_in(symbol_or_id) or capitals(symbol_or_id))
    return contract if contract is not None and market.chains.listed(contract, now) else None


def _wanted(request: web.Request, now: int) -> Selection:
    """Active contracts up to the coming weekend, or inactive ones of the last month, unless the query says more."""
    today, status = new_york_date(now), request.query.get("status") or "active"
    if status not in ("active", "inactive"):
        raise bad_parameter("invalid status")
    bounded = any(request.query.get(f"expiration_date_{end}") for end in ("gte", "lte"))
    last = today + FURTHEST if bounded else coming_weekend(now)
    first = today
    if status == "inactive":
        first, last = today - (OLDEST if bounded else INACTIVE_DAYS), today
    try:
        return selection_of(request, first, last)
    except ValueError as error:
        raise bad_parameter(f"invalid {error}") from None


def _may_match(request: web.Request) -> bool:
    """Every contract here is American, in the penny programme and of its stock's own root."""
    style = request.query.get("style") or "american"
    if style not in ("american", "european"):
        raise bad_parameter("invalid style")
    return style == "american" and query_flag(request, "ppind", True)


def _selected(request: web.Request, market: OptionMarket, wanted: Selection, now: int) -> Iterator[Contract]:
    names = query_words(request, "underlying_symbols")
    root = request.query.get("root_symbol", "").upper()
    active = (request.query.get("status") or "active") == "active"
    earliest = max(wanted.first, market.first_day, new_york_date(now) - OLDEST)
    for underlying in market.chains.underlyings:
        if (names is None or underlying in names) and root in ("", underlying):
            for contract in select(market, underlying, wanted._replace(first=earliest), now):
                if (market.expires_at(contract) > now) == active:
                    yield contract


def _rows(market: OptionMarket, contracts: list[Contract], now: int) -> list[Row]:
    ended = market.sessions.ended(now)
    closes = _closes(market, contracts, ended) if ended is not None else {}
    return [_row(market, contract, now, ended, closes.get(contract)) for contract in contracts]


def _closes(market: OptionMarket, contracts: list[Contract], ended: Session) -> dict[Contract, int]:
    """What contracts stood at when the latest session ended, each stock's together."""
    found: dict[Contract, int] = {}
    by_stock: dict[str, list[Contract]] = {}
    for contract in contracts:
        if market.chains.listed(contract, ended.open):
            by_stock.setdefault(contract.underlying, []).append(contract)
    for underlying, chain in by_stock.items():
        try:
            valued = market.value(underlying, chain, ended.close - 1)
        except NoPrice:
            continue
        pairs = zip(valued.bid.tolist(), valued.ask.tolist(), strict=True)
        found.update(
            (contract, trade_price_e4(bid, ask)) for contract, (bid, ask) in zip(chain, pairs, strict=True)
        )
    return found


def _row(
    market: OptionMarket, contract: Contract, now: int, ended: Session | None, close_e4: int | None
) -> Row:
    active = market.expires_at(contract) > now
    row: Row = {
        "id": asset_id(contract.symbol),
        "symbol": contract.symbol,
        "name": contract.name,
        "status": "active" if active else "inactive",
        "tradable": active,
        "expiration_date": contract.expiry.isoformat(),
        "root_symbol": contract.underlying,
        "underlying_symbol": contract.underlying,
        "underlying_asset_id": asset_id(contract.underlying),
        "type": contract.kind,
        "style": "american",
        "strike_price": format_price(contract.strike_e4),
        "multiplier": str(MULTIPLIER),
        "size": str(MULTIPLIER),
        "ppind": True,
    }
    if ended is not None and close_e4 is not None:
        row["open_interest"] = str(_open_interest(contract))
        row["open_interest_date"] = row["close_price_date"] = ended.date.isoformat()
        row["close_price"] = format_price(close_e4)
    return row


def _open_interest(contract: Contract) -> int:
    """Simulated: a number of contracts that belongs to the symbol alone."""
    draw = blake2b(contract.symbol.encode(), digest_size=2).digest()
    return draw[0] * draw[1] // 8


def _deliverable(row: Row) -> Row:
    return {
        "type": "equity",
        "symbol": row["underlying_symbol"],
        "asset_id": row["underlying_asset_id"],
        "amount": str(MULTIPLIER),
        "allocation_percentage": "100",
        "settlement_type": "T+1",
        "settlement_method": "CCC",
        "delayed_settlement": False,
    }


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(str(offset).encode()).decode()


def _read_token(token: str) -> int:
    if not token:
        return 0
    try:
        return max(0, int(base64.urlsafe_b64decode(token)[:9]))
    except (binascii.Error, ValueError):
        raise bad_parameter("invalid page_token") from None


async def exercise(request: web.Request) -> web.Response:
    """POST /v2/positions/{symbol or contract id}/exercise: all of it, now."""
    desk_of(request).run("exercise", symbol=capitals(request.match_info["symbol"]))
    return web.Response()


async def do_not_exercise(request: web.Request) -> web.Response:
    """POST /v2/positions/{symbol or contract id}/do-not-exercise: let it lapse at its end."""
    desk_of(request).run("do_not_exercise", symbol=capitals(request.match_info["symbol"]))
    return web.Response()


def routes() -> list[web.RouteDef]:
    """Every route of option contracts and of what their owners may do with them."""
    return [
        web.get("/v2/options/contracts", list_contracts),
        web.get("/v2/options/contracts/{symbol}", read_contract),
        web.post("/v2/positions/{symbol:.+}/exercise", exercise),
        web.post("/v2/positions/{symbol:.+}/do-not-exercise", do_not_exercise),
    ]
