"""Does the faults of streams: stands between whoever has a message for a client and the client's outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from the_alchemiser.exchange.agenda import Agenda
from the_alchemiser.exchange.faults import messages as kinds
from the_alchemiser.exchange.faults.alteration import altered
from the_alchemiser.exchange.faults.director import ActiveRule, FaultDirector, Strike
from the_alchemiser.exchange.faults.draws import noise
from the_alchemiser.exchange.streams import dissection
from the_alchemiser.exchange.streams.dissection import Dissected, Message, dissect
from the_alchemiser.exchange.streams.frames import Framed, framed
from the_alchemiser.exchange.streams.outbox import FRAMES_LIMIT, Outbox, transport_of
from the_alchemiser.exchange.timestamps import NANOS_PER_SECOND

FLUSH_SECONDS = 1.0
NOISE_BYTES = 64

Out = list["bytes | Framed"]


@dataclass(slots=True)
class StreamFaults:
    """What the outboxes of all connections share."""

    director: FaultDirector
    agenda: Agenda
    now: Callable[[], int]
    connections: dict[int, FaultyOutbox] = field(default_factory=dict)

    def end_connections(self, active: ActiveRule) -> None:
        """Ends the connections of a stream at the rule's own instant."""
        for outbox in list(self.connections.values()):
            outbox.end_at_instant(active)


STREAM_FAULTS = web.AppKey("stream_faults", StreamFaults)


def outbox_for(request: web.Request, socket: web.WebSocketResponse, farewell: Framed | None = None) -> Outbox:
    """The outbox of a new connection. Raises ConnectionError when the client has gone."""
    faults = request.app.get(STREAM_FAULTS)
    if faults is None:
        return Outbox(socket, transport_of(request), farewell)
    return FaultyOutbox(socket, request, farewell, faults)


class FaultyOutbox(Outbox):
    """An outbox that loses, delays, repeats, reorders and spoils messages where rules say so."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        request: web.Request,
        farewell: Framed | None,
        faults: StreamFaults,
    ) -> None:
        super().__init__(socket, transport_of(request), farewell)
        self._faults = faults
        self._director = faults.director
        self._path = request.path
        self._late = 0  # messages that come later; with too many of them, the next is not delayed
        self._held: list[tuple[int, bytes]] = []
        self._is_dead = False
        self._ending: asyncio.Task[None] | None = None
        faults.connections[id(self)] = self

    def put(self, frame: Framed) -> None:
        """As Outbox does, with the faults that strike the messages of the frame."""
        if self._is_dead:
            return
        if self._held or (self._director.rules and self._director.of(kinds.MessageFault)):
            self._tamper(frame)
        else:
            super().put(frame)

    def close(self) -> None:
        self._faults.connections.pop(id(self), None)
        super().close()

    def end_at_instant(self, active: ActiveRule) -> None:
        """Ends this connection, if the rule means it, whatever is being sent."""
        rule: Any = active.rule
        if self._is_dead or not rule.of_stream(self._path) or rule.account not in ("", self.account):
            return
        active.matched[self.account] += 1
        active.struck[self.account] += 1
        strike = Strike(active, self.account, active.matched[self.account], self._faults.now())
        self._director.record(strike, self._path, code=rule.code)
        self._end(rule)

    # -- one frame --------------------------------------------------------------------------------

    def _tamper(self, frame: Framed) -> None:
        parts = dissect(frame)
        out: Out = []
        is_struck = bool(self._held)
        for message in parts.messages:
            strike = self._strike(message)
            is_struck = is_struck or strike is not None
            out += [message.raw] if strike is None else self._struck(strike, message, parts)
            if self._is_dead:
                break
            self._release(out)
        if is_struck:
            self._send_all(out, parts)
        else:
            super().put(frame)

    def _strike(self, message: Message) -> Strike | None:
        """The first rule that strikes; every rule that means this message counts it."""
        at = self._faults.now() if message.at is None else message.at
        chosen: Strike | None = None
        for active in self._director.of(kinds.MessageFault):
            rule: Any = active.rule
            if active.instant is not None or not rule.matches(self._path, message.event, message.fields):
                continue
            if rule.event == "*" and message.event in dissection.CONTROL:
                continue
            strike = active.match(self.account, at)
            chosen = chosen or strike
        return chosen

    def _struck(self, strike: Strike, message: Message, parts: Dissected) -> Out:
        """Does one fault; what is sent in the place of the message."""
        rule = strike.rule
        where = f"{self._path} {message.event} {message.symbol}".rstrip()
        if isinstance(rule, kinds.DelayMessage):
            if self._late >= FRAMES_LIMIT:
                return [message.raw]
            self._director.record(strike, where, **self._delay(strike, rule, message, parts))
            return []
        self._director.record(strike, where)
        if isinstance(rule, kinds.Repeat):
            return _repeated(strike, rule, message, parts)
        if isinstance(rule, kinds.Reorder):
            self._held.append((rule.by + 1, message.raw))
        elif isinstance(rule, kinds.Spoil):
            return [*_spoilt(strike, rule, message, parts), *([message.raw] if rule.beside else [])]
        elif isinstance(rule, kinds.AlterMessage):
            value = altered(parts.decoded(message.raw), rule.put, rule.times)
            return [parts.encoded(value)]
        elif isinstance(rule, kinds.Cut):
            self._end(rule)
        elif isinstance(rule, kinds.HalfOpen):
            self._die(rule.seconds)
        return []

    def _release(self, out: Out) -> None:
        """One more message has gone by: what was held for so many goes now."""
        waiting = [(left - 1, raw) for left, raw in self._held]
        out += [raw for left, raw in waiting if left == 0]
        self._held = [(left, raw) for left, raw in waiting if left > 0]

    def _send_all(self, out: Out, parts: Dissected) -> None:
        together: list[bytes] = []
        for piece in out:
            if isinstance(piece, Framed):
                self._send_each(parts.joined(together))
                together = []
                super().put(piece)
            else:
                together.append(piece)
        self._send_each(parts.joined(together))

    def _send_each(self, frames: Sequence[Framed]) -> None:
        for frame in frames:
            super().put(frame)

    def _delay(
        self, strike: Strike, rule: kinds.DelayMessage, message: Message, parts: Dissected
    ) -> dict[str, float]:
        def send() -> None:
            self._late -= 1
            if not self._is_dead and id(self) in self._faults.connections:
                self._send_each(parts.joined([message.raw]))

        self._late += 1
        if rule.exchange_seconds is not None:
            seconds = strike.seconds(rule.exchange_seconds)
            self._faults.agenda.enter(self._faults.now() + round(seconds * NANOS_PER_SECOND), send)
            return {"exchange_seconds": seconds}
        seconds = strike.seconds(rule.seconds or 0.0)
        asyncio.get_running_loop().call_later(seconds, send)
        return {"seconds": seconds}

    # -- ends -------------------------------------------------------------------------------------

    def _end(self, rule: kinds.Cut) -> None:
        self._is_dead = True
        self._ending = asyncio.create_task(self._closed(rule.code, rule.reason.encode()))

    async def _closed(self, code: int, reason: bytes) -> None:
        await self.flushed(FLUSH_SECONDS)
        if code:
            await self._socket.close(code=code, message=reason)
        else:
            self._transport.abort()

    def _die(self, seconds: float) -> None:
        """The peer hears nothing any more, no pong either, and nothing it says is read; then it is cut off."""
        self._is_dead = True
        if isinstance(self._transport, asyncio.Transport):
            self._transport.pause_reading()
        self._socket._cancel_heartbeat()  # aiohttp's own pings would tell that somebody is there
        asyncio.get_running_loop().call_later(seconds, self._transport.abort)


def _repeated(strike: Strike, rule: kinds.Repeat, message: Message, parts: Dissected) -> Out:
    if not rule.fresh_ids:
        return [message.raw] * rule.times
    value = parts.decoded(message.raw)
    again = [
        parts.encoded(dissection.with_fresh_id(value, *strike.parts("id"), number))
        for number in range(1, rule.times)
    ]
    return [message.raw, *again]


def _spoilt(strike: Strike, rule: kinds.Spoil, message: Message, parts: Dissected) -> Out:
    if rule.form == "noise":
        return [framed(noise(NOISE_BYTES, *strike.parts("noise")))]
    if rule.form == "broken":
        return [parts.frame(message.raw[: len(message.raw) // 2])]
    change: dict[str, Callable[[Any], Any]] = {
        "null": dissection.without_data,
        "missing_fields": dissection.without_needed,
        "unknown_event": dissection.with_unknown_event,
    }
    return [parts.encoded(change[rule.form](parts.decoded(message.raw)))]
