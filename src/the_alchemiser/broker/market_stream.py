"""Live quotes, trades and bars of stocks, handed to a function as fast as they come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
import picows

from the_alchemiser.broker.credentials import Credentials
from the_alchemiser.broker.market_messages import (
    MarketMessage,
    StreamError,
    Subscription,
    Success,
    decode_frame,
    decode_tolerantly,
)
from the_alchemiser.broker.resilience import Backoff
from the_alchemiser.broker.sockets import trusted_authorities
from the_alchemiser.broker.websocket import SILENCE_SECONDS_MAX, TROUBLE, Line, connect
from the_alchemiser.domain.market import Symbol

log = logging.getLogger(__name__)

STABLE_SECONDS = 10.0
HOPELESS_CODES = frozenset({402, 406, 408, 409, 411})
"""Keys, connection limit, plan: trying again soon cannot help."""

Handler = Callable[[list[Any]], None]
"""Called with the messages of one frame (StockQuote, StockTrade, MinuteBar, …), in order, in the event loop."""


class StockStream:
    """One connection to `/v2/{feed}`, for ever. What is subscribed may change at any time, connected or not.

    There is no queue: the handler runs as the bytes arrive, so a slow handler slows reading and the broker cuts off a
    client that falls too far behind (407); then the stream connects again. Bars missed meanwhile must be requested.
    """

    def __init__(
        self,
        credentials: Credentials,
        url: str,
        handler: Handler,
        *,
        ca_file: str = "",
        silence_seconds: float = SILENCE_SECONDS_MAX,
        backoff: Backoff | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._credentials, self._handler = credentials, handler
        headers = {"Content-Type": "application/msgpack"}
        self._line = Line(url, trusted_authorities(ca_file), silence_seconds, headers)
        self._backoff, self._sleep = backoff or Backoff(), sleep
        self._wanted: dict[str, set[Symbol]] = {"trades": set(), "quotes": set(), "bars": set()}
        self._transport: picows.WSTransport | None = None
        self._is_authenticated = self._is_hopeless = False
        self.subscribed: dict[str, frozenset[Symbol]] = {}
        """What the broker says we are subscribed to, by channel; empty while not connected."""
        self.unknown_messages = 0
        """Messages of kinds this version does not know; they were passed over."""
        self.handler_failures = 0
        self.trouble = "not connected yet"

    def subscribe(self, **channels: Iterable[Symbol]) -> None:
        """Ask for more symbols, `trades=`, `quotes=` or `bars=`; "*" is every symbol."""
        for channel, symbols in channels.items():
            self._wanted[channel].update(symbols)
        self._ask("subscribe", channels)

    def unsubscribe(self, **channels: Iterable[Symbol]) -> None:
        """Ask for fewer symbols."""
        for channel, symbols in channels.items():
            self._wanted[channel].difference_update(symbols)
        self._ask("unsubscribe", channels)

    async def run(self) -> None:
        """Connect and hand on messages until cancelled; nothing is raised."""
        while True:
            try:
                await self._connection()
            except TROUBLE as error:
                self.trouble = self._credentials.masked(str(error) or type(error).__name__)
            seconds = self._backoff.next_seconds(longest=self._is_hopeless)
            log.warning("data stream: %s; again in %.1f s", self.trouble, seconds)
            await self._sleep(seconds)

    async def _connection(self) -> None:
        ended = asyncio.Event()
        clock = asyncio.get_running_loop()
        opened, self._is_hopeless = clock.time(), False
        transport = await connect(self._line, self._deliver, ended.set)
        # Authentication is sent at once; the broker's greeting need not be waited for.
        self._transport = transport
        self._is_authenticated = False
        keys = {"key": self._credentials.api_key, "secret": self._credentials.secret_key}
        self._send({"action": "auth", **keys})
        try:
            await ended.wait()
        finally:
            self._transport, self.subscribed = None, {}
            transport.disconnect(graceful=False)
            if clock.time() - opened >= STABLE_SECONDS:
                self._backoff.reset()
        self.trouble = self.trouble or "the connection ended"

    def _deliver(self, frame: bytes | memoryview) -> None:
        """The hot path: one decode, one look at the first message, one call."""
        try:
            messages = decode_frame(frame)
        except msgspec.ValidationError:
            messages, unknown = decode_tolerantly(frame)
            self.unknown_messages += unknown
        if not messages:
            return
        # Control messages come alone in their frame.
        if type(messages[0]) in _CONTROL:
            self._obey(messages[0])
            return
        try:
            self._handler(messages)
        except Exception:
            self.handler_failures += 1
            log.exception("data stream: the handler failed on a frame of %d messages", len(messages))

    def _obey(self, message: Success | StreamError | Subscription) -> None:
        if isinstance(message, StreamError):
            self.trouble = f"the broker says {message.code} {message.msg}"
            self._is_hopeless = message.code in HOPELESS_CODES
            log.warning("data stream: %s", self.trouble)
        elif isinstance(message, Subscription):
            self.trouble = ""
            self.subscribed = {channel: frozenset(getattr(message, channel)) for channel in self._wanted}
        elif message.msg == "authenticated":
            self._is_authenticated = True
            self._ask("subscribe", self._wanted)

    def _ask(self, action: str, channels: dict[str, Any]) -> None:
        """Before authentication nothing is asked: then everything wanted is."""
        if self._is_authenticated:
            self._send({"action": action, **{name: sorted(symbols) for name, symbols in channels.items()}})

    def _send(self, message: dict[str, Any]) -> None:
        if self._transport is not None:
            self._transport.send(picows.WSMsgType.BINARY, msgspec.msgpack.encode(message))


_CONTROL = frozenset({Success, StreamError, Subscription})
__all__ = ["Handler", "MarketMessage", "StockStream"]
