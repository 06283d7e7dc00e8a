"""Trading REST under /v2: orders, positions, assets, clock, calendar."""

from __future__ import annotations

import re

from aiohttp import web

from the_alchemiser.exchange.errors import bad_parameter
from the_alchemiser.exchange.rest import account
from the_alchemiser.exchange.rest.door import (
    desk_of,
    json_answer,
    json_body,
    query_flag,
    query_instant,
    query_number,
    query_words,
)
from the_alchemiser.exchange.rows import (
    Row,
    order_row,
    position_row,
)
from the_alchemiser.exchange.venue.core import CloseResult
from the_alchemiser.exchange.venue.intake import parse_order_changes, parse_order_request
from the_alchemiser.exchange.venue.orders import OrderFilter

ORDERS_PER_PAGE, ORDERS_PER_PAGE_LIMIT = 50, 500
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _order_id(request: web.Request) -> str:
    order_id = request.match_info["order_id"]
    if not _UUID.fullmatch(order_id):
        raise bad_parameter("order_id is missing")
    return order_id.lower()


def _choice(request: web.Request, name: str, default: str, choices: tuple[str, ...]) -> str:
    value = request.query.get(name) or default
    if value not in choices:
        raise bad_parameter(f"invalid {name}")
    return value


async def submit_order(request: web.Request) -> web.Response:
    """POST /v2/orders: the order as accepted; what becomes of it is told by the stream or a later GET."""
    desk = desk_of(request)
    body = await json_body(request)
    if isinstance(body.get("symbol"), str):
        body["symbol"] = desk.symbol_of(body["symbol"])
    return json_answer(order_row(desk.run("submit", request=parse_order_request(body))))


async def list_orders(request: web.Request) -> web.Response:
    """GET /v2/orders with every documented filter."""
    query, nested = request.query, query_flag(request, "nested")
    wanted = OrderFilter(
        status=_choice(request, "status", "open", ("open", "closed", "all")),
        limit=query_number(request, "limit", ORDERS_PER_PAGE, ORDERS_PER_PAGE_LIMIT),
        after=query_instant(request, "after"),
        until=query_instant(request, "until"),
        direction=_choice(request, "direction", "desc", ("asc", "desc")),
        nested=nested,
        symbols=query_words(request, "symbols"),
        side=query.get("side") or None,
        asset_class=_lowered(query_words(request, "asset_class")),
        before_order_id=query.get("before_order_id") or None,
        after_order_id=query.get("after_order_id") or None,
    )
    return json_answer(
        [order_row(order, nested=nested) for order in desk_of(request).exchange.orders(wanted)]
    )


def _lowered(words: frozenset[str] | None) -> frozenset[str] | None:
    return None if words is None else frozenset(word.lower() for word in words)


async def read_order(request: web.Request) -> web.Response:
    """GET /v2/orders/{order_id}."""
    order = desk_of(request).exchange.order(_order_id(request))
    return json_answer(order_row(order, nested=query_flag(request, "nested")))


async def read_order_by_client_id(request: web.Request) -> web.Response:
    """GET /v2/orders:by_client_order_id."""
    client_order_id = request.query.get("client_order_id", "")
    if not client_order_id:
        raise bad_parameter("client_order_id is required")
    order = desk_of(request).exchange.order_by_client_id(client_order_id)
    return json_answer(order_row(order, nested=query_flag(request, "nested")))


async def replace_order(request: web.Request) -> web.Response:
    """PATCH /v2/orders/{order_id}: a new order that takes the place of the old one."""
    changes = parse_order_changes(await json_body(request))
    order = desk_of(request).run("replace", order_id=_order_id(request), changes=changes)
    return json_answer(order_row(order))


async def cancel_order(request: web.Request) -> web.Response:
    """DELETE /v2/orders/{order_id}: 204, accepted for cancelling."""
    desk_of(request).run("cancel", order_id=_order_id(request))
    return web.Response(status=204)


async def cancel_orders(request: web.Request) -> web.Response:
    """DELETE /v2/orders: 207 with one item for each open order."""
    results = desk_of(request).run("cancel_all")
    return json_answer([{"id": order_id, "status": status} for order_id, status in results], 207)


async def list_positions(request: web.Request) -> web.Response:
    """GET /v2/positions."""
    return json_answer([position_row(position) for position in desk_of(request).exchange.positions()])


async def read_position(request: web.Request) -> web.Response:
    """GET /v2/positions/{symbol or asset id}."""
    desk = desk_of(request)
    return json_answer(position_row(desk.exchange.position(desk.symbol_of(request.match_info["symbol"]))))


async def close_position(request: web.Request) -> web.Response:
    """DELETE /v2/positions/{symbol or asset id}: the market order that closes it, or a part of it."""
    desk, query = desk_of(request), request.query
    order = desk.run(
        "close",
        symbol=desk.symbol_of(request.match_info["symbol"]),
        qty=query.get("qty") or None,
        percentage=query.get("percentage") or None,
    )
    return json_answer(order_row(order))


async def close_positions(request: web.Request) -> web.Response:
    """DELETE /v2/positions: 207 with one item for each position."""
    results = desk_of(request).run("close_all", cancel_orders=query_flag(request, "cancel_orders"))
    return json_answer([_close_row(result) for result in results], 207)


def _close_row(result: CloseResult) -> Row:
    body = None
    if result.order is not None:
        body = order_row(result.order)
    elif result.refusal is not None:
        body = result.refusal.body()
    return {"symbol": result.symbol, "status": result.http_status, "body": body}


def routes() -> list[web.RouteDef]:
    """Every route of the trading API."""
    return [
        *account.routes(),
        web.post("/v2/orders", submit_order),
        web.get("/v2/orders", list_orders),
        web.delete("/v2/orders", cancel_orders),
        web.get("/v2/orders:by_client_order_id", read_order_by_client_id),
        web.get("/v2/orders/{order_id}", read_order),
        web.patch("/v2/orders/{order_id}", replace_order),
        web.delete("/v2/orders/{order_id}", cancel_order),
        web.get("/v2/positions", list_positions),
        web.delete("/v2/positions", close_positions),
        web.get("/v2/positions/{symbol:.+}", read_position),
        web.delete("/v2/positions/{symbol:.+}", close_position),
    ]
