"""Our own routes, beside Alpaca's: what time it is and moving it, the accounts, the world and its state."""

from __future__ import annotations

import asyncio
from importlib import resources
from typing import Any

import msgspec
from aiohttp import web

from the_alchemiser.exchange.accountfile import terms_of
from the_alchemiser.exchange.desk import Desk
from the_alchemiser.exchange.errors import bad_parameter
from the_alchemiser.exchange.floor import Floor
from the_alchemiser.exchange.rest.account_rows import activity_row
from the_alchemiser.exchange.rest.door import FLOOR, PAGE_PATH, desk_of, json_answer, json_body
from the_alchemiser.exchange.setting import Setting
from the_alchemiser.exchange.timestamps import parse_instant, rfc3339
from the_alchemiser.exchange.units import format_money, money_e13

SPEED_LIMIT = 1_000_000.0
STATUS_ACCOUNTS_LIMIT = 200
_STATE_READ_BYTES = 1 << 18
_PAGE_POLICY = "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"


# -- time ---------------------------------------------------------------------------------------------


def _clock_row(floor: Floor) -> dict[str, Any]:
    clock = floor.clock
    if clock is None:
        return {"now": rfc3339(floor.now), "mode": "lockstep", "speed": None, "paused": False}
    return {"now": rfc3339(floor.now), "mode": "free", "speed": clock.speed, "paused": clock.paused}


async def read_clock(request: web.Request) -> web.Response:
    """GET /v1/control/clock: exchange time, and what drives it."""
    return json_answer(_clock_row(request.app[FLOOR]))


async def advance(request: web.Request) -> web.Response:
    """POST /v1/control/advance {"until"}: to `until`, or the first instant with a trade update before it."""
    floor = request.app[FLOOR]
    updates = await floor.advance(_instant((await json_body(request)).get("until"), "until"))
    return json_answer({"now": rfc3339(floor.now), "updates": updates})


async def step(request: web.Request) -> web.Response:
    """POST /v1/control/step {"to"}: past all that happens until the next `open`, `close` or `tick`, or an
    instant.
    """
    floor = request.app[FLOOR]
    floor.catch_up()
    until = _target(floor, (await json_body(request)).get("to"))
    updates = await floor.step(until)
    return json_answer({**_clock_row(floor), "updates": updates})


def _target(floor: Floor, to: object) -> int:
    sessions = floor.market.sessions
    if to == "tick":
        return floor.world.next_tick()
    if to not in ("open", "close"):
        return _instant(to, "to")
    session = sessions.next_open(floor.now) if to == "open" else sessions.next_close(floor.now)
    if session is None:
        raise bad_parameter(f"there is no next {to} in the calendar")
    return session.open if to == "open" else session.close


async def pause(request: web.Request) -> web.Response:
    """POST /v1/control/pause: time stands still, and can be stepped or advanced."""
    floor = request.app[FLOOR]
    floor.pause()
    return json_answer(_clock_row(floor))


async def resume(request: web.Request) -> web.Response:
    """POST /v1/control/resume."""
    floor = request.app[FLOOR]
    floor.resume()
    return json_answer(_clock_row(floor))


async def set_speed(request: web.Request) -> web.Response:
    """POST /v1/control/speed {"speed"}: exchange seconds in a second, or `lockstep`."""
    floor = request.app[FLOOR]
    floor.set_speed(_speed((await json_body(request)).get("speed")))
    return json_answer(_clock_row(floor))


def _speed(given: object) -> float | None:
    if given in ("lockstep", "max"):
        return None
    try:
        speed = float(str(given))
    except ValueError:
        speed = 0.0
    if not 0 < speed <= SPEED_LIMIT:
        raise bad_parameter(f"speed must be lockstep or a number above 0 and at most {SPEED_LIMIT:.0f}")
    return speed


def _instant(given: object, name: str) -> int:
    if not isinstance(given, str):
        raise bad_parameter(f"{name} is required")
    try:
        return parse_instant(given)
    except ValueError:
        raise bad_parameter(f"invalid {name}: not a timestamp") from None


# -- accounts -----------------------------------------------------------------------------------------


def _account_row(desk: Desk) -> dict[str, Any]:
    terms = msgspec.to_builtins(desk.terms)
    return {
        "account_number": desk.number,
        "id": desk.exchange.account_id,
        **terms,
        "streams": desk.trade_updates.connections,
    }


async def list_accounts(request: web.Request) -> web.Response:
    """GET /v1/control/accounts: every account, its keys and terms."""
    return json_answer([_account_row(desk) for desk in request.app[FLOOR].desks.values()])


async def create_account(request: web.Request) -> web.Response:
    """POST /v1/control/accounts {"key", "secret", "cash", ...}: what is left out is as with the asking account."""
    world, given = request.app[FLOOR].world, await json_body(request)
    if "key" not in given and "secret" not in given:
        given["key"], given["secret"] = world.fresh_keys()
    return json_answer(_account_row(world.open_account(_terms(given, desk_of(request)))))


def _terms(given: dict[str, Any], asking: Desk) -> Any:
    try:
        return terms_of(given, asking.terms)
    except ValueError as error:
        raise bad_parameter(str(error)) from None


async def read_account(request: web.Request) -> web.Response:
    """GET /v1/control/accounts/{number}."""
    return json_answer(_account_row(request.app[FLOOR].world.desk(request.match_info["number"])))


async def delete_account(request: web.Request) -> web.Response:
    """DELETE /v1/control/accounts/{number}: 204; its streams end."""
    floor = request.app[FLOOR]
    desk = floor.world.close_account(request.match_info["number"])
    await asyncio.gather(desk.trade_updates.close(), floor.data.close_account(desk.terms.key))
    return web.Response(status=204)


async def reset_account(request: web.Request) -> web.Response:
    """POST /v1/control/accounts/{number}/reset {"cash"}: a new account under the same keys, as paper does it."""
    world, number = request.app[FLOOR].world, request.match_info["number"]
    cash = (await json_body(request)).get("cash")
    old = world.desk(number)
    new = world.reset_account(number, None if cash is None else str(cash))
    await old.trade_updates.close()
    return json_answer(_account_row(new))


async def transfer(request: web.Request) -> web.Response:
    """POST /v1/control/accounts/{number}/transfers {"amount", "direction": INCOMING or OUTGOING}: money comes in,
    or leaves.
    """
    desk = request.app[FLOOR].world.desk(request.match_info["number"])
    given = await json_body(request)
    direction = given.get("direction", "INCOMING")
    if direction not in ("INCOMING", "OUTGOING"):
        raise bad_parameter("direction must be INCOMING or OUTGOING")
    try:
        amount = money_e13(given.get("amount"))
    except ValueError:
        raise bad_parameter("invalid amount") from None
    if amount <= 0:
        raise bad_parameter("amount must be > 0")
    signed = amount if direction == "INCOMING" else -amount
    return json_answer(activity_row(desk.run("transfer", amount_e13=signed)))


async def read_status(request: web.Request) -> web.Response:
    """GET /v1/control/status: the clock, and how each account stands."""
    floor = request.app[FLOOR]
    accounts = list(floor.desks.values())[:STATUS_ACCOUNTS_LIMIT]
    return json_answer(
        {
            **_world_row(floor),
            "accounts": len(floor.desks),
            "standings": [_standing(desk) for desk in accounts],
            "faults": {"rules": len(floor.faults.rules), "injected": floor.faults.injected},
        }
    )


def _standing(desk: Desk) -> dict[str, Any]:
    exchange = desk.exchange
    account = exchange.account()
    return {
        "account_number": desk.number,
        "key": desk.terms.key,
        "equity": format_money(account.equity_e13),
        "cash": format_money(account.cash_e13),
        "positions": len(exchange.positions()),
        "open_orders": exchange.open_order_count,
        "trading_streams": desk.trade_updates.connections,
        "data_streams": desk.seat.connected.total(),
    }


async def page(request: web.Request) -> web.Response:
    """GET /: the same for people, in a browser."""
    text = resources.files("the_alchemiser.exchange.rest").joinpath("page.html").read_text()
    return web.Response(
        text=text, content_type="text/html", headers={"Content-Security-Policy": _PAGE_POLICY}
    )


# -- the world ----------------------------------------------------------------------------------------


def _world_row(floor: Floor) -> dict[str, Any]:
    setting = floor.world.setting
    return {
        **_clock_row(floor),
        "seed": setting.seed,
        "start": setting.start,
        "cash": setting.cash,
        "volatility": setting.volatility,
        "symbols": [asset.symbol for asset in floor.market.assets()],
        "data": setting.data,
        "ends": rfc3339(floor.horizon),
        "accounts": len(floor.desks),
    }


async def read_world(request: web.Request) -> web.Response:
    """GET /v1/control/world: what this exchange simulates."""
    return json_answer(_world_row(request.app[FLOOR]))


async def begin_world(request: web.Request) -> web.Response:
    """POST /v1/control/world {"start", "seed", "cash", "symbols", "volatility"}: begins anew with these changed.

    Every account keeps its keys and loses its past; all streams end.
    """
    floor, given = request.app[FLOOR], await json_body(request)
    await floor.begin(_changed(floor, given))
    return json_answer(_world_row(floor))


def _changed(floor: Floor, given: dict[str, Any]) -> Setting:
    known = msgspec.to_builtins(floor.world.setting)
    stranger = next((name for name in given if name not in known or name in ("data", "accounts")), None)
    if stranger is not None:
        raise bad_parameter(f"a world has no {stranger[:32]} to choose")
    if "cash" in given:
        given["cash"] = str(given["cash"])
    try:
        accounts = [msgspec.structs.replace(desk.terms, **_cash(given)) for desk in floor.desks.values()]
        return msgspec.convert({**known, **given, "accounts": accounts}, Setting, strict=False)
    except ValueError as error:
        raise bad_parameter(str(error)) from None


def _cash(given: dict[str, Any]) -> dict[str, str]:
    return {"cash": given["cash"]} if "cash" in given else {}


async def save_state(request: web.Request) -> web.StreamResponse:
    """GET /v1/control/state: the command log up to now, from which an exchange can start."""
    floor = request.app[FLOOR]
    floor.world.mark()
    log = floor.world.log
    size, sent = log.size, 0
    headers = {
        "Content-Type": "application/jsonl",
        "Content-Disposition": 'attachment; filename="state.jsonl"',
    }
    response = web.StreamResponse(headers=headers)
    response.content_length = size
    await response.prepare(request)
    while sent < size:
        part = log.read(sent, min(_STATE_READ_BYTES, size - sent))
        await response.write(part)
        sent += len(part)
    return response


async def load_state(request: web.Request) -> web.Response:
    """POST /v1/control/state: the world of a saved command log takes the place of this one; all streams end."""
    floor = request.app[FLOOR]
    await floor.load(request.content.iter_chunked(_STATE_READ_BYTES))
    return json_answer(_world_row(floor))


def routes() -> list[web.RouteDef]:
    """Every control route."""
    prefix = "/v1/control"
    return [
        web.get(f"{prefix}/clock", read_clock),
        web.post(f"{prefix}/advance", advance),
        web.post(f"{prefix}/step", step),
        web.post(f"{prefix}/pause", pause),
        web.post(f"{prefix}/resume", resume),
        web.post(f"{prefix}/speed", set_speed),
        web.get(f"{prefix}/accounts", list_accounts),
        web.post(f"{prefix}/accounts", create_account),
        web.get(f"{prefix}/accounts/{{number}}", read_account),
        web.delete(f"{prefix}/accounts/{{number}}", delete_account),
        web.post(f"{prefix}/accounts/{{number}}/reset", reset_account),
        web.post(f"{prefix}/accounts/{{number}}/transfers", transfer),
        web.get(f"{prefix}/status", read_status),
        web.get(PAGE_PATH, page),
        web.get(f"{prefix}/world", read_world),
        web.post(f"{prefix}/world", begin_world),
        web.get(f"{prefix}/state", save_state),
        web.post(f"{prefix}/state", load_state),
    ]
