"""Our own routes, beside Alpaca's: what time it is and, in lockstep mode, moving it."""

from __future__ import annotations

from aiohttp import web

from the_alchemiser.exchange.errors import bad_parameter
from the_alchemiser.exchange.rest.door import FLOOR, json_answer, json_body
from the_alchemiser.exchange.timestamps import parse_instant, rfc3339


async def read_clock(request: web.Request) -> web.Response:
    """GET /v1/control/clock: exchange time, and what drives it."""
    floor = request.app[FLOOR]
    clock = floor.clock
    mode, speed = ("lockstep", None) if clock is None else ("free", clock.speed)
    return json_answer({"now": rfc3339(floor.now), "mode": mode, "speed": speed})


async def advance(request: web.Request) -> web.Response:
    """POST /v1/control/advance {"until"}: to `until`, or the first instant with a trade update before it."""
    until = (await json_body(request)).get("until")
    if not isinstance(until, str):
        raise bad_parameter("until is required")
    try:
        instant = parse_instant(until)
    except ValueError:
        raise bad_parameter("invalid until: not a timestamp") from None
    floor = request.app[FLOOR]
    updates = await floor.advance(instant)
    return json_answer({"now": rfc3339(floor.now), "updates": updates})


def routes() -> list[web.RouteDef]:
    return [web.get("/v1/control/clock", read_clock), web.post("/v1/control/advance", advance)]
