"""One connection of a data stream: its encoding, whose it is, what it wants, and every answer it gets."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from the_alchemiser.exchange.credentials import AUTHENTICATION_SECONDS, presented_pair
from the_alchemiser.exchange.streams.batch import Batch
from the_alchemiser.exchange.streams.codec import MSGPACK, Codec, Received, codec_for
from the_alchemiser.exchange.streams.feeds import ORDERBOOKS, Feed
from the_alchemiser.exchange.streams.frames import Framed
from the_alchemiser.exchange.streams.interference import outbox_for
from the_alchemiser.exchange.streams.seats import DataSeat
from the_alchemiser.exchange.streams.subscriptions import (
    InvalidSubscription,
    Subscriptions,
    SymbolLimits,
)

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
    408: "v2 not enabled",
    409: "insufficient subscription",
    410: "invalid subscribe action for this feed",
    411: "insufficient scope",
    412: "option messages are only available in MsgPack format",
    413: "star subscription is not allowed for option quotes",
    500: "internal error",
}
FATAL = frozenset({402, 404, 406, 408, 409, 411, 412, 500})

_log = logging.getLogger(__name__)


class Hub(Protocol):
    """What a connection needs of those who run all of them."""

    def seat_of(self, key: object, secret: object) -> DataSeat | None:
        """What the account with these keys may have; None: nobody's keys."""

    def known(self, feed: Feed) -> frozenset[str]:
        """The symbols that `*` stands for."""

    def serves(self, feed: Feed) -> bool:
        """Whether the exchange has anything to tell on a feed."""

    def whole_books(self, feed: Feed, symbols: frozenset[str]) -> Batch:
        """The order books of the symbols as they are."""

    def join(self, feed: Feed, client: DataClient) -> None: ...

    def leave(self, feed: Feed, client: DataClient) -> None: ...

    def subscriptions_changed(self, feed: Feed) -> None: ...


class DataClient:
    """One connection, from its welcome to its end."""

    def __init__(self, hub: Hub, feed: Feed, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._hub = hub
        self._feed = feed
        self._socket = socket
        self._headers = request.headers
        self.codec: Codec = codec_for(request.headers)
        self.outbox = outbox_for(request, socket, farewell=self._frame(_error(407)))
        self.subscriptions = Subscriptions(feed, SymbolLimits(), lambda: len(hub.known(feed)))
        self._seat: DataSeat | None = None
        self._parting: asyncio.Task[None] | None = None

    def deliver(self, batch: Batch) -> None:
        """Queues what this client wants of a batch."""
        for frame in batch.frames(self.codec, self.subscriptions):
            self.outbox.put(frame)

    async def converse(self) -> None:
        """Welcomes the client and answers its messages until it leaves."""
        watchdog = asyncio.get_running_loop().call_later(AUTHENTICATION_SECONDS, self._time_out)
        try:
            self._welcome()
            async for message in self._socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._hear(message.data)
        finally:
            watchdog.cancel()
            self._leave()
            self.outbox.close()

    def _welcome(self) -> None:
        self._say({"T": "success", "msg": "connected"})
        pair = presented_pair(self._headers)
        if self._feed.msgpack_only and self.codec is not MSGPACK:
            self._fail(412)
        elif not self._hub.serves(self._feed):
            self._fail(409)
        elif pair is not None:
            self._admit(self._hub.seat_of(*pair))

    def _hear(self, frame: Received) -> None:
        if self._parting is not None:
            return
        try:
            self._answer(frame)
        except Exception:  # noqa: BLE001  logged, and told to the client as what it is
            _log.exception("a message on %s could not be answered", self._feed.path)
            self._fail(500)

    def _answer(self, frame: Received) -> None:
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
        code = 402 if seat is None else self._refusal(seat)
        if code is not None or seat is None:
            self._fail(code or 402)
            return
        self._seat = seat
        self.outbox.account = seat.account
        seat.connected[self._feed.path] += 1
        self.subscriptions.limits = seat.plan.limits
        self._hub.join(self._feed, self)
        self._say({"T": "success", "msg": "authenticated"})

    def _refusal(self, seat: DataSeat) -> int | None:
        """Why an account that is known may not have this connection."""
        most = seat.plan.connections
        if most and seat.connected[self._feed.path] >= most:
            return 406
        return seat.plan.refusal(self._feed)

    def _subscribe(self, message: dict[str, Any]) -> None:
        books = self.subscriptions.wanted.get(ORDERBOOKS, frozenset())
        try:
            self.subscriptions.change(message)
        except InvalidSubscription as error:
            self._fail(error.code)
            return
        self._hub.subscriptions_changed(self._feed)
        self._say(self.subscriptions.answer())
        fresh = self.subscriptions.wanted.get(ORDERBOOKS, frozenset()) - books
        if fresh:
            self.deliver(self._hub.whole_books(self._feed, fresh))

    def _time_out(self) -> None:
        if self._seat is None:
            self._fail(404)

    def _fail(self, code: int) -> None:
        self._say(_error(code))
        if code in FATAL and self._parting is None:
            self._parting = asyncio.create_task(self.close(1008))

    def _say(self, message: dict[str, Any]) -> None:
        self.outbox.put(self._frame(message))

    def _frame(self, message: dict[str, Any]) -> Framed:
        return self.codec.array([self.codec.message(message)])

    def _leave(self) -> None:
        if self._seat is not None:
            self._hub.leave(self._feed, self)
            self._seat.connected[self._feed.path] -= 1
            self._seat = None

    async def close(self, code: int) -> None:
        """Sends what is queued, at most for a second, and closes."""
        await self.outbox.flushed(1.0)
        await self._socket.close(code=code)


def _error(code: int) -> dict[str, Any]:
    return {"T": "error", "code": code, "msg": ERRORS[code]}
