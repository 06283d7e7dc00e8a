"""Does the faults of requests: stands before the front door, and spoils what goes in or comes out."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from the_alchemiser.exchange.credentials import presented_pair
from the_alchemiser.exchange.faults import requests as kinds
from the_alchemiser.exchange.faults.alteration import altered
from the_alchemiser.exchange.faults.director import ActiveRule, Strike
from the_alchemiser.exchange.faults.messages import Refuse
from the_alchemiser.exchange.floor import Floor
from the_alchemiser.exchange.rest import spoiled
from the_alchemiser.exchange.rest.door import CONTROL_PATH, Handler, json_answer
from the_alchemiser.exchange.streams.turnedaway import turn_away
from the_alchemiser.exchange.timestamps import NANOS_PER_SECOND

HANG_POLL_SECONDS = 0.05
REMEMBERED_LIMIT = 1000  # earlier answers kept by one rule

Proceed = Callable[[], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Scene:
    """One request that something happens to."""

    request: web.Request
    floor: Floor
    strike: Strike

    @property
    def rule(self) -> Any:
        return self.strike.rule

    def record(self, **details: str | float) -> None:
        """Writes down that the fault is done."""
        self.floor.faults.record(self.strike, f"{self.request.method} {self.request.path}", **details)


def middleware(floor: Floor) -> Middleware:
    """Stands before the front door. Without rules it only steps aside."""
    director = floor.faults

    @web.middleware
    async def stand(request: web.Request, handler: Handler) -> web.StreamResponse:
        if director.rules:
            return await _interfere(request, floor, handler)
        return await handler(request)

    return stand


async def _interfere(request: web.Request, floor: Floor, serve: Handler) -> web.StreamResponse:
    """Serves a request with the faults that strike it: every delay, and the first other fault.

    Control routes and streams are never struck here.
    """
    proceed: Proceed = partial(serve, request)
    path = request.path
    if path.startswith(CONTROL_PATH):
        return await proceed()
    floor.catch_up()
    if hdrs.UPGRADE in request.headers:
        return await _let_in(request, floor, proceed)
    for strike in reversed(await _strikes(request, floor)):
        scene = Scene(request, floor, strike)
        proceed = partial(_DOERS[type(strike.rule)], scene, proceed)
    return await proceed()


async def _let_in(request: web.Request, floor: Floor, proceed: Proceed) -> web.StreamResponse:
    """A new connection to a stream, unless a rule turns it away."""
    account = _account(request, floor)
    for active in floor.faults.of(Refuse):
        rule: Any = active.rule
        strike = active.match(account, floor.now) if rule.of_stream(request.path) else None
        if strike is not None:
            floor.faults.record(strike, request.path)
            if rule.status is None:
                return await turn_away(request, rule)
            refusal = kinds.Error(route="* *", status=rule.status, rate_headers=False)
            return spoiled.error_answer(refusal, floor.now)
    return await proceed()


async def _strikes(request: web.Request, floor: Floor) -> list[Strike]:
    account = _account(request, floor)
    chosen: list[Strike] = []
    fields: dict[str, str] | None = None
    for active in floor.faults.of(kinds.RequestFault):
        rule: Any = active.rule
        if not rule.matches(request.method, request.path):
            continue
        if rule.having:
            fields = fields if fields is not None else await _fields(request)
            if any(fields.get(name) != value for name, value in rule.having.items()):
                continue
        strike = active.match(account, floor.now)
        if strike is None and isinstance(rule, kinds.Stale):
            strike = Strike(active, account, 0, floor.now)  # it only remembers
        if strike is not None and _fits(chosen, strike):
            chosen.append(strike)
    return sorted(chosen, key=lambda strike: not isinstance(strike.rule, kinds.Delay))


def _fits(chosen: list[Strike], strike: Strike) -> bool:
    """Delays add up and memories are kept; of all other faults only the first is done."""

    def is_free(one: Strike) -> bool:
        return isinstance(one.rule, kinds.Delay) or one.ordinal == 0

    return is_free(strike) or all(is_free(one) for one in chosen)


def _account(request: web.Request, floor: Floor) -> str:
    pair = presented_pair(request.headers)
    desk = floor.accounts.find(*pair) if pair is not None else None
    return desk.terms.key if desk is not None else ""


async def _fields(request: web.Request) -> dict[str, str]:
    """What the query and the JSON body of a request say, as text."""
    fields = dict(request.query)
    try:
        body = json.loads(await request.read() or b"{}")
    except (ValueError, RecursionError):
        return fields
    return (
        {**fields, **{name: str(value) for name, value in body.items()}} if isinstance(body, dict) else fields
    )


# -- what each fault does -------------------------------------------------------------------------


async def _delay(scene: Scene, proceed: Proceed) -> web.StreamResponse:
    rule: kinds.Delay = scene.rule
    if rule.moment == "after":
        response = await proceed()
        await _pause(scene, rule)
        return response
    await scene.request.read()
    await _pause(scene, rule)
    return await proceed()


async def _pause(scene: Scene, rule: kinds.Delay) -> None:
    if rule.exchange_seconds is not None:
        seconds = scene.strike.seconds(rule.exchange_seconds)
        scene.record(moment=rule.moment, exchange_seconds=seconds)
        await scene.floor.agenda.until(scene.floor.now + round(seconds * NANOS_PER_SECOND))
    elif rule.seconds is not None:
        seconds = scene.strike.seconds(rule.seconds)
        scene.record(moment=rule.moment, seconds=seconds)
        await asyncio.sleep(seconds)


async def _drop(scene: Scene, proceed: Proceed) -> web.StreamResponse:
    rule: kinds.Drop = scene.rule
    await _effect(rule.moment, proceed)
    scene.record(moment=rule.moment)
    return spoiled.hang_up(scene.request, politely=rule.politely)


async def _error(scene: Scene, proceed: Proceed) -> web.StreamResponse:
    rule: kinds.Error = scene.rule
    await _effect(rule.moment, proceed)
    scene.record(moment=rule.moment, status=rule.status)
    return spoiled.error_answer(rule, scene.floor.now)


async def _hang(scene: Scene, proceed: Proceed) -> web.StreamResponse:
    rule: kinds.Hang = scene.rule
    await _effect(rule.moment, proceed)
    seconds = scene.strike.seconds(rule.seconds)
    scene.record(moment=rule.moment, seconds=seconds)
    for _ in range(int(seconds / HANG_POLL_SECONDS)):
        if scene.request.transport is None or scene.request.transport.is_closing():
            break
        await asyncio.sleep(HANG_POLL_SECONDS)
    return spoiled.hang_up(scene.request)


async def _effect(moment: str, proceed: Proceed) -> None:
    if moment == "after":
        await proceed()


async def _duplicate(scene: Scene, proceed: Proceed) -> web.StreamResponse:
    rule: kinds.Duplicate = scene.rule
    scene.record(times=rule.times)
    answers = [await proceed() for _ in range(rule.times)]
    return answers[0 if rule.answer == "first" else -1]


async def _truncate(scene: Scene, proceed: Proceed) -> web.StreamResponse:
    response = await proceed()
    body = spoiled.body_of(response)
    if body is None:
        return response
    kept = int(len(body) * scene.rule.part)
    scene.record(kept=kept, promised=len(body))
    cut = await spoiled.send_part(scene.request, response, body[:kept], len(body))
    spoiled.hang_up(scene.request, politely=scene.rule.politely)
    return cut


async def _trickle(scene: Scene, proceed: Proceed) -> web.StreamResponse:
    response = await proceed()
    body = spoiled.body_of(response)
    if body is None:
        return response
    scene.record(bytes=len(body))
    return await spoiled.send_slowly(scene.request, response, body, scene.rule.bytes_per_second)


async def _garbage(scene: Scene, proceed: Proceed) -> web.StreamResponse:
    response = await proceed()
    body = spoiled.body_of(response)
    if body is None:
        return response
    scene.record(form=scene.rule.form)
    content, headers = spoiled.garbage(scene.rule, scene.strike, body)
    return spoiled.with_body(response, content, **headers)


async def _wrong_type(scene: Scene, proceed: Proceed) -> web.StreamResponse:
    response = await proceed()
    scene.record(content_type=scene.rule.content_type)
    response.headers[hdrs.CONTENT_TYPE] = scene.rule.content_type
    return response


async def _stale(scene: Scene, proceed: Proceed) -> web.StreamResponse:
    active: ActiveRule = scene.strike.active
    question = (scene.strike.account, scene.request.method, scene.request.path_qs)
    key = question if scene.rule.answer_of == "same" else question[:1]
    earlier = active.memory.get(key)
    response = await proceed()
    body = spoiled.body_of(response)
    if scene.strike.ordinal and earlier is not None:
        scene.record()
        return spoiled.with_body(response, earlier)
    if body is not None and (key in active.memory or len(active.memory) < REMEMBERED_LIMIT):
        active.memory[key] = body
    return response


async def _empty(scene: Scene, proceed: Proceed) -> web.StreamResponse:
    response = await proceed()
    body = spoiled.body_of(response)
    if body is None or response.status != 200 or not body.startswith(b"["):
        return response
    scene.record()
    return spoiled.with_body(response, b"[]")


async def _unseen(scene: Scene, proceed: Proceed) -> web.StreamResponse:
    response = await proceed()
    body = spoiled.body_of(response)
    if body is None or response.status != 200:
        return response
    limit = scene.floor.now - round(scene.rule.seconds * NANOS_PER_SECOND)
    value = json.loads(body)
    if isinstance(value, list):
        seen = [item for item in value if not spoiled.younger(item, limit)]
        if len(seen) < len(value):
            scene.record(unseen=len(value) - len(seen))
            return spoiled.with_body(response, msgspec.json.encode(seen))
    elif spoiled.younger(value, limit):
        scene.record(unseen=1)
        return json_answer({"code": 40410000, "message": "order not found"}, 404)
    return response


async def _skew(scene: Scene, proceed: Proceed) -> web.StreamResponse:
    response = await proceed()
    rule: kinds.Skew = scene.rule
    scene.record(seconds=rule.seconds)
    body = spoiled.body_of(response)
    if body is not None:
        value = spoiled.shifted(json.loads(body), rule.fields, rule.seconds)
        response = spoiled.with_body(response, msgspec.json.encode(value))
    response.headers[hdrs.DATE] = spoiled.skewed_date(time.time() + rule.seconds)
    return response


async def _alter(scene: Scene, proceed: Proceed) -> web.StreamResponse:
    response = await proceed()
    body = spoiled.body_of(response)
    if body is None:
        return response
    scene.record()
    value = altered(json.loads(body), scene.rule.put, scene.rule.times)
    return spoiled.with_body(response, msgspec.json.encode(value))


async def _items(scene: Scene, proceed: Proceed) -> web.StreamResponse:
    response = await proceed()
    body = spoiled.body_of(response)
    if body is None or response.status != 207:
        return response
    items, failed = spoiled.with_failures(json.loads(body), scene.rule, scene.strike)
    scene.record(failed=failed)
    return spoiled.with_body(response, msgspec.json.encode(items))


_DOERS: dict[type, Callable[[Scene, Proceed], Awaitable[web.StreamResponse]]] = {
    kinds.Delay: _delay,
    kinds.Drop: _drop,
    kinds.Error: _error,
    kinds.Hang: _hang,
    kinds.Duplicate: _duplicate,
    kinds.Truncate: _truncate,
    kinds.Trickle: _trickle,
    kinds.Garbage: _garbage,
    kinds.WrongType: _wrong_type,
    kinds.Stale: _stale,
    kinds.Empty: _empty,
    kinds.Unseen: _unseen,
    kinds.Skew: _skew,
    kinds.Alter: _alter,
    kinds.Items: _items,
}
