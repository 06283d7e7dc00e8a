"""The trading stream at `/stream`: authentication in both documented forms, `listen`, numbered trade updates."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from the_alchemiser.exchange.credentials import TOKEN_KEY
from the_alchemiser.exchange.rows import update_row
from the_alchemiser.exchange.streams.codec import decode_json
from the_alchemiser.exchange.streams.outbox import Frame, Outbox
from the_alchemiser.exchange.venue.orders import Update

AUTHENTICATION_SECONDS = 10.0
CONNECTIONS_LIMIT = 64
MESSAGE_BYTES_LIMIT = 64 * 1024
PING_SECONDS = 30.0
KNOWN_STREAMS = ("trade_updates",)

Row = dict[str, Any]


class TradeUpdateHub:
    """All connections of one account's trading stream.

    `sequence` counts the trade_updates frames sent since the exchange began to listen. It stands in each
    frame, in the answer to `listen`, and in the `X-Stream-Sequence` header of REST answers: a client that has
    read frame n knows everything that had happened when an answer said n.
    """

    def __init__(self, *, text_frames: bool = False) -> None:
        self.text_frames = text_frames
        self._clients: dict[int, _Listener] = {}
        self.sequence = 0

    def join(self, client: _Listener) -> None:
        """A connection has proved that it belongs to this account."""
        self._clients[id(client)] = client

    def leave(self, client: _Listener) -> None:
        """A connection has ended; nothing if it never joined."""
        self._clients.pop(id(client), None)

    def publish(self, updates: Sequence[Update]) -> None:
        """Sends trade updates to everyone who listens. Without a listener nothing is sent and nothing
        counted.
        """
        listeners = [client for client in self._clients.values() if client.listening]
        if not listeners:
            return
        for update in updates:
            self.sequence += 1
            frame = {"stream": "trade_updates", "data": {**update_row(update), "sequence": self.sequence}}
            for listener in listeners:
                listener.send(frame)

    @property
    def connections(self) -> int:
        """How many connections have joined."""
        return len(self._clients)

    async def close(self) -> None:
        """Ends every connection with code 1001 (going away)."""
        await asyncio.gather(*(client.close() for client in self._clients.values()))


class TradingStream:
    """The endpoint: a connection belongs to nobody until it has authenticated, then to its account's hub."""

    def __init__(self, hub_of: Callable[[object, object], TradeUpdateHub | None]) -> None:
        """`hub_of` finds the hub of a key and secret; None for a pair nobody has."""
        self._hub_of = hub_of
        self._clients: set[_Listener] = set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, from the upgrade to its end."""
        if len(self._clients) >= CONNECTIONS_LIMIT:
            raise web.HTTPTooManyRequests
        socket = web.WebSocketResponse(
            heartbeat=PING_SECONDS, max_msg_size=MESSAGE_BYTES_LIMIT, compress=False
        )
        await socket.prepare(request)
        await self._converse(_Listener(socket, request))
        return socket

    async def close(self) -> None:
        """Ends every connection with code 1001 (going away), those without an account too."""
        await asyncio.gather(*(client.close() for client in list(self._clients)))

    async def _converse(self, client: _Listener) -> None:
        self._clients.add(client)
        watchdog = asyncio.get_running_loop().call_later(AUTHENTICATION_SECONDS, client.time_out)
        try:
            async for message in client.socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._answer(client, message.data)
        finally:
            watchdog.cancel()
            self._clients.discard(client)
            if client.hub is not None:
                client.hub.leave(client)
            client.outbox.close()

    def _answer(self, client: _Listener, frame: Frame) -> None:
        try:
            message = client.decode(frame)
        except ValueError:
            client.fail("invalid message format")
            return
        action = message.get("action") if isinstance(message, dict) else None
        if action in ("authenticate", "auth"):
            self._authenticate(client, message)
        elif action == "listen":
            self._listen(client, message.get("data"))
        else:
            client.fail("unknown action")

    def _authenticate(self, client: _Listener, message: Row) -> None:
        data = message.get("data")
        given: Row = data if isinstance(data, dict) else message
        token = given.get("oauth_token")
        key = TOKEN_KEY if token is not None else given.get("key_id", given.get("key"))
        secret = token if token is not None else given.get("secret_key", given.get("secret"))
        client.belong_to(self._hub_of(key, secret))
        client.send_authorization("authenticate")

    def _listen(self, client: _Listener, data: object) -> None:
        if client.hub is None:
            client.send_authorization("listen")
            return
        wanted = data.get("streams") if isinstance(data, dict) else None
        streams = [name for name in KNOWN_STREAMS if isinstance(wanted, list) and name in wanted]
        client.listening = "trade_updates" in streams
        client.send({"stream": "listening", "data": {"streams": streams, "sequence": client.hub.sequence}})


class _Listener:
    """One client of the trading stream."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket = socket
        self.outbox = Outbox(socket)
        self.hub: TradeUpdateHub | None = None
        self.listening = False
        self._msgpack = "msgpack" in request.headers.get("Content-Type", "").lower()
        self._parting: asyncio.Task[None] | None = None

    def belong_to(self, hub: TradeUpdateHub | None) -> None:
        """From now on this is a connection of that account; of none, when its keys are wrong."""
        if self.hub is not hub:
            self.listening = False
            if self.hub is not None:
                self.hub.leave(self)
        self.hub = hub
        if hub is not None:
            hub.join(self)

    def decode(self, frame: Frame) -> Any:
        """A client's message, whichever frame type it chose. Raises ValueError."""
        if self._msgpack and isinstance(frame, bytes):
            try:
                return msgspec.msgpack.decode(frame)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise ValueError("not msgpack") from error
        return decode_json(frame)

    def send(self, frame: Row) -> None:
        """Queues one frame: msgpack if asked for, else JSON text, in binary frames as the paper environment
        does.
        """
        if self._msgpack:
            self.outbox.put(msgspec.msgpack.encode(frame))
            return
        body = msgspec.json.encode(frame)
        as_text = self.hub is not None and self.hub.text_frames
        self.outbox.put(body.decode() if as_text else body)

    def send_authorization(self, action: str) -> None:
        """Tells the client whether it is authorized; one that is not is sent away."""
        status = "authorized" if self.hub is not None else "unauthorized"
        self.send({"stream": "authorization", "data": {"status": status, "action": action}})
        if self.hub is None:
            self._leave()

    def fail(self, reason: str) -> None:
        """The documented in-stream failure, then the end of the connection."""
        self.send({"action": "error", "data": {"error_message": reason}})
        self._leave()

    def time_out(self) -> None:
        """Ends a connection that has not proved who it is in time."""
        if self.hub is None:
            self.send_authorization("authenticate")

    def _leave(self) -> None:
        if self._parting is None:
            self._parting = asyncio.create_task(self.close(code=1008))

    async def close(self, code: int = 1001) -> None:
        """Sends what is queued, at most for a second, and closes."""
        await self.outbox.flushed(1.0)
        await self.socket.close(code=code)
