"""The stock data stream at `/v2/iex` and `/v2/sip`: JSON or msgpack, quotes, trades, minute and daily bars."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from the_alchemiser.exchange.credentials import presented_pair
from the_alchemiser.exchange.streams.codec import Codec, codec_for
from the_alchemiser.exchange.streams.marketfeed import Batch
from the_alchemiser.exchange.streams.outbox import Frame, Outbox
from the_alchemiser.exchange.streams.subscriptions import InvalidSubscription, Subscriptions

AUTHENTICATION_SECONDS = 10.0
CONNECTIONS_LIMIT = 256
MESSAGE_BYTES_LIMIT = 1024 * 1024
MESSAGES_PER_FRAME = 500
PING_SECONDS = 30.0

ERRORS = {
    400: "invalid syntax",
    401: "not authenticated",
    402: "auth failed",
    403: "already authenticated",
    404: "auth timeout",
    405: "symbol limit exceeded",
    406: "connection limit exceeded",
    407: "slow client",
    409: "insufficient subscription",
    410: "invalid subscribe action for this feed",
}
FATAL = frozenset({402, 404, 406})


@dataclass(frozen=True, slots=True)
class DataPlan:
    """What a subscription allows: Alpaca's free plan has one connection an endpoint and 30 symbols. 0 = no
    limit.
    """

    connections: int = 1
    symbols: int = 30


@dataclass(slots=True, eq=False)
class DataSeat:
    """What one account may have of the data streams, and how many connections it has, by endpoint."""

    plan: DataPlan
    connected: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class DataStreamHub:
    """All connections of the data streams. `seat_of` finds the seat of a key and secret; None: unknown keys."""

    seat_of: Callable[[object, object], DataSeat | None]
    symbols: tuple[str, ...]
    clients: dict[int, DataClient] = field(default_factory=dict)
    _connections: int = 0

    def wanted(self) -> dict[str, set[str]]:
        """The symbols that some client wants, by channel; channels nobody wants are left out."""
        union: dict[str, set[str]] = {}
        for client in self.clients.values():
            for channel, symbols in client.subscriptions.symbols(self.symbols).items():
                union.setdefault(channel, set()).update(symbols)
        return union

    def publish(self, batch: Batch) -> None:
        """Sends each client the part of the batch it asked for, in order, in arrays of a bounded length."""
        for client in list(self.clients.values()):
            client.deliver(batch)

    async def room(self, patience_seconds: float) -> None:
        """Waits for clients that have much unread; one without room after the patience is cut off as slow."""
        for client in list(self.clients.values()):
            await client.outbox.room(patience_seconds)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, from the upgrade to its end."""
        if self._connections >= CONNECTIONS_LIMIT:
            raise web.HTTPTooManyRequests
        socket = web.WebSocketResponse(
            heartbeat=PING_SECONDS, max_msg_size=MESSAGE_BYTES_LIMIT, compress=False
        )
        self._connections += 1
        try:
            await socket.prepare(request)
            await DataClient(self, socket, request).converse()
        finally:
            self._connections -= 1
        return socket

    async def serve_without_feed(self, request: web.Request) -> web.StreamResponse:
        """A stream this exchange has no data for: it welcomes, and says so instead of authenticating."""
        socket = web.WebSocketResponse(max_msg_size=MESSAGE_BYTES_LIMIT, compress=False)
        await socket.prepare(request)
        codec = codec_for(request.headers)
        for message in ({"T": "success", "msg": "connected"}, _error(409)):
            frame = codec.array([codec.message(message)])
            await (socket.send_str(frame) if isinstance(frame, str) else socket.send_bytes(frame))
        await socket.close(code=1008)
        return socket

    async def close(self) -> None:
        """Ends every connection with code 1001 (going away)."""
        await asyncio.gather(*(client.close(1001) for client in self.clients.values()))


class DataClient:
    """One connection: its encoding, whether it is known, and what it wants."""

    def __init__(self, hub: DataStreamHub, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._hub = hub
        self._socket = socket
        self._headers = request.headers
        self._endpoint = request.path
        self.codec: Codec = codec_for(request.headers)
        self.outbox = Outbox(socket, farewell=self._frame(_error(407)))
        self.subscriptions = Subscriptions(hub.symbols, 0)
        self._seat: DataSeat | None = None
        self._parting: asyncio.Task[None] | None = None

    def deliver(self, batch: Batch) -> None:
        """Queues what this client wants of a batch."""
        messages = batch.messages(self.codec, self.subscriptions)
        for start in range(0, len(messages), MESSAGES_PER_FRAME):
            self.outbox.put(self.codec.array(messages[start : start + MESSAGES_PER_FRAME]))

    async def converse(self) -> None:
        """Welcomes the client and answers its messages until it leaves."""
        watchdog = asyncio.get_running_loop().call_later(AUTHENTICATION_SECONDS, self._time_out)
        try:
            self._say({"T": "success", "msg": "connected"})
            pair = presented_pair(self._headers)
            if pair is not None:
                self._admit(self._hub.seat_of(*pair))
            async for message in self._socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._answer(message.data)
        finally:
            watchdog.cancel()
            self._leave()
            self.outbox.close()

    def _answer(self, frame: Frame) -> None:
        try:
            message = self.codec.decode(frame)
        except ValueError:
            self._fail(400)
            return
        action = message.get("action") if isinstance(message, dict) else None
        if action == "auth":
            self._authenticate(message)
        elif action not in ("subscribe", "unsubscribe"):
            self._fail(400)
        elif self._seat is None:
            self._fail(401)
        else:
            self._subscribe(message)

    def _authenticate(self, message: dict[str, Any]) -> None:
        if self._seat is not None:
            self._fail(403)
            return
        self._admit(self._hub.seat_of(message.get("key"), message.get("secret")))

    def _admit(self, seat: DataSeat | None) -> None:
        if seat is None:
            self._fail(402)
        elif seat.plan.connections and seat.connected[self._endpoint] >= seat.plan.connections:
            self._fail(406)
        else:
            self._seat = seat
            seat.connected[self._endpoint] += 1
            self.subscriptions = Subscriptions(self._hub.symbols, seat.plan.symbols)
            self._hub.clients[id(self)] = self
            self._say({"T": "success", "msg": "authenticated"})

    def _subscribe(self, message: dict[str, Any]) -> None:
        try:
            self.subscriptions.change(message)
        except InvalidSubscription as error:
            self._fail(error.code)
            return
        self._say(self.subscriptions.answer())

    def _time_out(self) -> None:
        if self._seat is None:
            self._fail(404)

    def _fail(self, code: int) -> None:
        self._say(_error(code))
        if code in FATAL and self._parting is None:
            self._parting = asyncio.create_task(self.close(1008))

    def _say(self, message: dict[str, Any]) -> None:
        self.outbox.put(self._frame(message))

    def _frame(self, message: dict[str, Any]) -> Frame:
        return self.codec.array([self.codec.message(message)])

    def _leave(self) -> None:
        if self._hub.clients.pop(id(self), None) is not None and self._seat is not None:
            self._seat.connected[self._endpoint] -= 1

    async def close(self, code: int) -> None:
        """Sends what is queued, at most for a second, and closes."""
        await self.outbox.flushed(1.0)
        await self._socket.close(code=code)


def _error(code: int) -> dict[str, Any]:
    return {"T": "error", "code": code, "msg": ERRORS[code]}
