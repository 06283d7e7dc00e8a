"""Watchlists under /v2: by id, and the same by name."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from the_alchemiser.exchange.errors import bad_parameter
from the_alchemiser.exchange.rest.door import Handler, desk_of, json_answer, json_body
from the_alchemiser.exchange.rows import Row, asset_row
from the_alchemiser.exchange.timestamps import rfc3339
from the_alchemiser.exchange.venue.watchlists import Watchlist

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _head(found: Watchlist) -> Row:
    return {
        "id": found.id,
        "account_id": found.account_id,
        "name": found.name,
        "created_at": rfc3339(found.created_at),
        "updated_at": rfc3339(found.updated_at),
    }


def _answer(request: web.Request, found: Watchlist) -> web.Response:
    exchange = desk_of(request).exchange
    assets = (exchange.asset(symbol) for symbol in found.symbols)
    rows = [asset_row(asset, exchange.price_e4(asset.symbol)) for asset in assets if asset]
    return json_answer({**_head(found), "assets": rows})


def _chosen(request: web.Request) -> str:
    """The id of the list that the path or the query names. Raises Refusal."""
    kept = desk_of(request).exchange.watchlists
    if "watchlist_id" in request.match_info:
        list_id = request.match_info["watchlist_id"].lower()
        if not _UUID.fullmatch(list_id):
            raise bad_parameter("watchlist_id is not a valid id")
        return kept.get(list_id).id
    name = request.query.get("name", "")
    if not name:
        raise bad_parameter("name is required")
    return kept.named(name).id


async def _described(request: web.Request) -> dict[str, Any]:
    """Name and symbols of the body, None where they are absent."""
    body = await json_body(request)
    return {"list_name": body.get("name"), "symbols": body.get("symbols")}


async def list_all(request: web.Request) -> web.Response:
    """GET /v2/watchlists: without their assets."""
    return json_answer([_head(found) for found in desk_of(request).exchange.watchlists.all()])


async def create(request: web.Request) -> web.Response:
    """POST /v2/watchlists."""
    return _answer(request, desk_of(request).run("create_watchlist", **await _described(request)))


async def read(request: web.Request) -> web.Response:
    """GET one list."""
    return _answer(request, desk_of(request).exchange.watchlists.get(_chosen(request)))


async def update(request: web.Request) -> web.Response:
    """PUT: another name, other symbols, or both; what is not said stays."""
    described = await _described(request)
    return _answer(request, desk_of(request).run("update_watchlist", list_id=_chosen(request), **described))


async def add(request: web.Request) -> web.Response:
    """POST to one list: one more symbol at its end."""
    symbol = (await json_body(request)).get("symbol")
    found = desk_of(request).run("add_to_watchlist", list_id=_chosen(request), symbol=symbol)
    return _answer(request, found)


async def remove(request: web.Request) -> web.Response:
    """DELETE of a symbol: the list as it is then."""
    symbol = desk_of(request).symbol_of(request.match_info["symbol"])
    found = desk_of(request).run("remove_from_watchlist", list_id=_chosen(request), symbol=symbol)
    return _answer(request, found)


async def delete(request: web.Request) -> web.Response:
    """DELETE of a list: 204."""
    desk_of(request).run("delete_watchlist", list_id=_chosen(request))
    return web.Response(status=204)


def routes() -> list[web.RouteDef]:
    """Every route of watchlists."""
    found = [
        web.get("/v2/watchlists", list_all),
        web.post("/v2/watchlists", create),
        web.delete("/v2/watchlists/{watchlist_id}/{symbol:.+}", remove),
        web.delete("/v2/watchlists:by_name/{symbol:.+}", remove),
    ]
    handlers: dict[str, Handler] = {"GET": read, "PUT": update, "POST": add, "DELETE": delete}
    for path in ("/v2/watchlists/{watchlist_id}", "/v2/watchlists:by_name"):
        found += [web.route(method, path, handler) for method, handler in handlers.items()]
    return found
