"""Our own routes for faults: give rules, see what they did, take them back. Faults never strike these routes."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from the_alchemiser.exchange.errors import bad_parameter, malformed, not_found
from the_alchemiser.exchange.faults.director import ActiveRule, FaultDirector, Injection
from the_alchemiser.exchange.faults.schedule import InvalidSchedule, document_of, rule_of, schedule_of
from the_alchemiser.exchange.rest.door import FLOOR, json_answer, query_number
from the_alchemiser.exchange.timestamps import rfc3339

LOG_PAGE, LOG_PAGE_LIMIT = 1000, 20_000


def _director(request: web.Request) -> FaultDirector:
    return request.app[FLOOR].faults


def _row(active: ActiveRule) -> dict[str, Any]:
    return {
        "id": active.id,
        "rule": msgspec.to_builtins(active.rule),
        "matched": dict(active.matched),
        "struck": dict(active.struck),
    }


async def read_faults(request: web.Request) -> web.Response:
    """GET /v1/control/faults: the rules in force with what they matched and struck, by account; what was done."""
    director = _director(request)
    by_kind, by_rule = director.counts()
    return json_answer(
        {
            "seed": director.seed,
            "rules": [_row(active) for active in director.rules],
            "injected": director.injected,
            "by_kind": by_kind,
            "by_rule": by_rule,
        }
    )


async def add_faults(request: web.Request) -> web.Response:
    """POST /v1/control/faults: one rule, or a schedule `{"seed", "rule": [...]}`; the rules now in force."""
    director, now = _director(request), request.app[FLOOR].now
    try:
        # Not by json_body, which reads fractions as decimals, for money.
        body = msgspec.json.decode(await request.read())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed() from error
    try:
        if isinstance(body, dict) and "rule" in body:
            added = director.adopt(schedule_of(body), now)
        else:
            added = [director.add(rule_of(body), now)]
    except InvalidSchedule as error:
        raise bad_parameter(str(error)) from None
    return json_answer({"rules": [_row(active) for active in added]}, 201)


async def clear_faults(request: web.Request) -> web.Response:
    """DELETE /v1/control/faults: no rule is in force any more; the log stays."""
    _director(request).clear()
    return web.Response(status=204)


async def remove_fault(request: web.Request) -> web.Response:
    """DELETE /v1/control/faults/{id}: one rule less; what it did."""
    rule_id = request.match_info["id"]
    gone = _director(request).remove(rule_id)
    if gone is None:
        raise not_found(f"rule not found: {rule_id[:64]}")
    return json_answer(_row(gone))


async def read_log(request: web.Request) -> web.Response:
    """GET /v1/control/faults/log: what was done, oldest first, after the number `after`; with `form=schedule` a
    schedule of exactly these faults.
    """
    director, query = _director(request), request.query
    form = query.get("form", "log")
    if form == "schedule":
        try:
            return json_answer(document_of(director.as_done()))
        except InvalidSchedule as error:
            raise bad_parameter(str(error)) from None
    if form != "log":
        raise bad_parameter("form must be log or schedule")
    after = 0 if query.get("after") == "0" else query_number(request, "after", 0, 10**9 - 1)
    limit = query_number(request, "limit", LOG_PAGE, LOG_PAGE_LIMIT)
    page = [_line(entry) for entry, _ in zip(director.log(after), range(limit), strict=False)]
    return json_answer({"faults": page, "injected": director.injected, "forgotten": director.forgotten})


def _line(entry: Injection) -> dict[str, Any]:
    return {**msgspec.to_builtins(entry), "at": rfc3339(entry.at)}


def routes() -> list[web.RouteDef]:
    return [
        web.get("/v1/control/faults", read_faults),
        web.post("/v1/control/faults", add_faults),
        web.delete("/v1/control/faults", clear_faults),
        web.get("/v1/control/faults/log", read_log),
        web.delete("/v1/control/faults/{id}", remove_fault),
    ]
