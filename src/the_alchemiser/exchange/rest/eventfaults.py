"""Does the faults of streams to server-sent events: one HTTP answer, so what comes late holds up what follows it."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from the_alchemiser.exchange.desk import Desk
from the_alchemiser.exchange.faults import messages as kinds
from the_alchemiser.exchange.faults.director import Strike
from the_alchemiser.exchange.floor import Floor
from the_alchemiser.exchange.rest.spoiled import hang_up
from the_alchemiser.exchange.rows import Row
from the_alchemiser.exchange.streams.updates import Told
from the_alchemiser.exchange.timestamps import NANOS_PER_SECOND

_DONE_HERE = (kinds.Lose, kinds.Repeat, kinds.DelayMessage, kinds.Cut, kinds.HalfOpen)


async def copies(request: web.Request, floor: Floor, desk: Desk, told: Told) -> int:
    """How many times an event is written: once, unless a fault strikes it.

    Waits where the event is late. Raises ConnectionResetError where the connection ends instead.
    """
    strike = _strike(request.path, floor, desk, told) if floor.faults.rules else None
    if strike is None:
        return 1
    rule: Any = strike.rule
    floor.faults.record(strike, f"{request.path} {told.update.event} {told.update.order.symbol}")
    if isinstance(rule, kinds.DelayMessage):
        await _late(strike, rule, floor)
        return 1
    if isinstance(rule, kinds.Cut | kinds.HalfOpen):
        await asyncio.sleep(rule.seconds if isinstance(rule, kinds.HalfOpen) else 0)
        hang_up(request, politely=isinstance(rule, kinds.Cut) and bool(rule.code))
        raise ConnectionResetError("a fault ended the connection")
    return rule.times if isinstance(rule, kinds.Repeat) else 0


def _strike(path: str, floor: Floor, desk: Desk, told: Told) -> Strike | None:
    """The first rule that strikes; every rule that means this event counts it."""
    chosen: Strike | None = None
    fields: Row = {}
    for active in floor.faults.of(kinds.MessageFault):
        rule: Any = active.rule
        if active.instant is None and isinstance(rule, _DONE_HERE):
            fields = fields or {**(row := told.row()), **row["order"]}
            if rule.matches(path, told.update.event, fields):
                strike = active.match(desk.terms.key, told.at)
                chosen = chosen or strike
    return chosen


async def _late(strike: Strike, rule: kinds.DelayMessage, floor: Floor) -> None:
    if rule.exchange_seconds is not None:
        seconds = strike.seconds(rule.exchange_seconds)
        await floor.agenda.until(floor.now + round(seconds * NANOS_PER_SECOND))
    else:
        await asyncio.sleep(strike.seconds(rule.seconds or 0.0))
