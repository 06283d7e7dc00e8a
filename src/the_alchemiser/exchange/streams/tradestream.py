"""The trading stream at `/stream`: authentication in both documented forms, `listen`, numbered trade updates."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from the_alchemiser.exchange.credentials import AUTHENTICATION_SECONDS, TOKEN_KEY, presented_pair
from the_alchemiser.exchange.streams.codec import Received, decode_json, decode_msgpack, wants_msgpack
from the_alchemiser.exchange.streams.frames import Framed, framed, text_frame
from the_alchemiser.exchange.streams.interference import outbox_for
from the_alchemiser.exchange.streams.updates import History, Row, Tap
from the_alchemiser.exchange.venue.orders import Update

ENDPOINT_CONNECTIONS_LIMIT = 4096
ACCOUNT_CONNECTIONS = 256
MESSAGE_BYTES_LIMIT = 64 * 1024
PING_SECONDS = 30.0  # a connection that has not answered a ping after one and a half times this is cut
KNOWN_STREAMS = ("trade_updates",)
TOO_MANY_CONNECTIONS = "connection limit exceeded"

_log = logging.getLogger(__name__)
_json = msgspec.json.Encoder().encode
_msgpack = msgspec.msgpack.Encoder().encode


def _binary_json(row: Row) -> Framed:
    return framed(_json(row))


def _text_json(row: Row) -> Framed:
    return text_frame(_json(row))


def _binary_msgpack(row: Row) -> Framed:
    return framed(_msgpack(row))


Form = Callable[[Row], Framed]


class TradeUpdateHub:
    """All connections of one account's trading stream, and the updates they may ask for again.

    `sequence` counts the trade_updates frames sent since the exchange began to listen. It stands in each
    frame, in the answer to `listen`, and in the `X-Stream-Sequence` header of REST answers: a client that has
    read frame n knows everything that had happened when an answer said n.
    """

    def __init__(self, connections_limit: int = ACCOUNT_CONNECTIONS, *, text_frames: bool = False) -> None:
        self.json_form: Form = _text_json if text_frames else _binary_json
        self.connections_limit = connections_limit
        self.account = ""
        """The key of the account."""
        self.history = History()
        self.sequence = 0
        self._listeners: dict[int, Listener] = {}
        self._taps: set[Tap] = set()

    @property
    def connections(self) -> int:
        """How many connections have joined."""
        return len(self._listeners)

    @property
    def is_full(self) -> bool:
        return bool(self.connections_limit) and self.connections >= self.connections_limit

    def join(self, listener: Listener) -> None:
        """A connection has proved that it belongs to this account."""
        self._listeners[id(listener)] = listener

    def leave(self, listener: Listener) -> None:
        """A connection has ended; nothing if it never joined."""
        self._listeners.pop(id(listener), None)

    @contextlib.contextmanager
    def tap(self) -> Iterator[Tap]:
        """All updates to come, until the block ends."""
        tap = Tap()
        self._taps.add(tap)
        try:
            yield tap
        finally:
            self._taps.discard(tap)

    def close_taps(self) -> None:
        """Ends all readers of the event route."""
        for tap in self._taps:
            tap.close()

    def publish(self, updates: Sequence[Update]) -> None:
        """Remembers trade updates and sends them to everyone who listens. Without a listener nothing is sent and
        nothing counted.
        """
        news = self.history.take(updates)
        for tap in self._taps:
            tap.put(news)
        listeners = [client for client in self._listeners.values() if client.listening]
        for told in news if listeners else ():
            self.sequence += 1
            self._tell(listeners, {**told.row(), "sequence": self.sequence})

    @staticmethod
    def _tell(listeners: Sequence[Listener], data: Row) -> None:
        """Each form is built once, however many want it."""
        row = {"stream": "trade_updates", "data": data}
        frames: dict[Form, Framed] = {}
        for listener in listeners:
            frame = frames.get(listener.form)
            if frame is None:
                frame = frames[listener.form] = listener.form(row)
            listener.outbox.put(frame)

    async def close(self) -> None:
        """Ends every connection with code 1001 (going away), and every reader of the event route."""
        self.close_taps()
        await asyncio.gather(*(client.close() for client in list(self._listeners.values())))


HubOf = Callable[[object, object], TradeUpdateHub | None]


class TradingStream:
    """The endpoint: a connection belongs to nobody until it has authenticated, then to its account's hub."""

    def __init__(self, hub_of: HubOf, hubs: Callable[[], Iterable[TradeUpdateHub]]) -> None:
        """`hub_of` finds the hub of a key and secret, None for a pair nobody has; `hubs` are those of all accounts."""
        self._hub_of = hub_of
        self._hubs = hubs
        self._listeners: set[Listener] = set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, from the upgrade to its end."""
        pair = presented_pair(request.headers)
        hub = None if pair is None else self._hub_of(*pair)
        if len(self._listeners) >= ENDPOINT_CONNECTIONS_LIMIT or self._is_full(hub):
            raise web.HTTPTooManyRequests
        socket = web.WebSocketResponse(
            heartbeat=PING_SECONDS, max_msg_size=MESSAGE_BYTES_LIMIT, compress=False
        )
        await socket.prepare(request)
        await self._converse(Listener(socket, request))
        return socket

    def _is_full(self, hub: TradeUpdateHub | None) -> bool:
        """Whether one more connection must belong to an account that has all it may have.

        Without keys at the upgrade that is certain when there are as many as all accounts together may have.
        """
        if hub is not None:
            return hub.is_full
        limits = [hub.connections_limit for hub in self._hubs()]
        return all(limits) and len(self._listeners) >= sum(limits)

    async def close(self) -> None:
        """Ends every connection with code 1001 (going away), those without an account too."""
        for hub in self._hubs():
            hub.close_taps()
        await asyncio.gather(*(client.close() for client in list(self._listeners)))

    async def _converse(self, client: Listener) -> None:
        self._listeners.add(client)
        watchdog = asyncio.get_running_loop().call_later(AUTHENTICATION_SECONDS, client.time_out)
        try:
            async for message in client.socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._hear(client, message.data)
        finally:
            watchdog.cancel()
            self._listeners.discard(client)
            client.belong_to(None)
            client.outbox.close()

    def _hear(self, client: Listener, frame: Received) -> None:
        try:
            self._answer(client, frame)
        except Exception:  # noqa: BLE001  logged, and told to the client as what it is
            _log.exception("a message on the trading stream could not be answered")
            client.fail("internal server error")

    def _answer(self, client: Listener, frame: Received) -> None:
        try:
            message = client.decode(frame)
        except ValueError:
            client.fail("invalid message format")
            return
        action = message.get("action") if isinstance(message, dict) else None
        if action in ("authenticate", "auth"):
            self._authenticate(client, message)
        elif action == "listen":
            client.listen(message.get("data"))
        else:
            client.fail("unknown action")

    def _authenticate(self, client: Listener, message: Row) -> None:
        data = message.get("data")
        given: Row = data if isinstance(data, dict) else message
        token = given.get("oauth_token")
        key = TOKEN_KEY if token is not None else given.get("key_id", given.get("key"))
        secret = token if token is not None else given.get("secret_key", given.get("secret"))
        hub = self._hub_of(key, secret)
        if hub is not None and hub is not client.hub and hub.is_full:
            client.fail(TOO_MANY_CONNECTIONS)
            return
        client.belong_to(hub)
        client.send_authorization("authenticate")


class Listener:
    """One client of the trading stream."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket = socket
        self.outbox = outbox_for(request, socket)
        self.hub: TradeUpdateHub | None = None
        self.listening = False
        self._msgpack = wants_msgpack(request.headers)
        self._parting: asyncio.Task[None] | None = None

    @property
    def form(self) -> Form:
        """How frames look: msgpack if asked for, else JSON, in binary frames as the paper environment does."""
        if self._msgpack:
            return _binary_msgpack
        return _binary_json if self.hub is None else self.hub.json_form

    def belong_to(self, hub: TradeUpdateHub | None) -> None:
        """From now on this is a connection of that account; of none, when its keys are wrong."""
        if self.hub is hub:
            return
        self.listening = False
        if self.hub is not None:
            self.hub.leave(self)
        self.hub = hub
        self.outbox.account = "" if hub is None else hub.account
        if hub is not None:
            hub.join(self)

    def listen(self, data: object) -> None:
        """Sets the streams to hear to exactly those named; what is unknown is left out."""
        if self.hub is None:
            self.send_authorization("listen")
            return
        wanted = data.get("streams") if isinstance(data, dict) else None
        streams = [name for name in KNOWN_STREAMS if isinstance(wanted, list) and name in wanted]
        self.listening = "trade_updates" in streams
        self.send({"stream": "listening", "data": {"streams": streams, "sequence": self.hub.sequence}})

    def decode(self, frame: Received) -> Any:
        """A client's message, whichever frame type it chose. Raises ValueError."""
        if self._msgpack and isinstance(frame, bytes):
            return decode_msgpack(frame)
        return decode_json(frame)

    def send(self, row: Row) -> None:
        """Queues one frame."""
        self.outbox.put(self.form(row))

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
