"""Order updates as Alpaca tells them, for ever: connect, listen, and after every gap say so.

The stream makes the truth faster, it is not the truth: Alpaca repeats nothing that was missed, so each (re)connection
is announced by None, after which the caller reads orders and executions by request.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import msgspec
import picows

from the_alchemiser.broker import convert
from the_alchemiser.broker.credentials import Credentials
from the_alchemiser.broker.platform import SYSTEM, Platform
from the_alchemiser.broker.resilience import Backoff
from the_alchemiser.broker.sockets import trusted_authorities
from the_alchemiser.broker.websocket import (
    OPEN_SECONDS_MAX,
    SILENCE_SECONDS_MAX,
    TROUBLE,
    UNREAD_MESSAGES_MAX,
    Inbox,
    Line,
)
from the_alchemiser.domain.errors import BrokerError, BrokerUnauthorized, BrokerUnavailable
from the_alchemiser.domain.events import OrderHeard
from the_alchemiser.domain.instants import parse_rfc3339

log = logging.getLogger(__name__)

STABLE_SECONDS = 10.0
"""A connection that lived this long was a good one; the next wait begins again with the shortest."""
CHANNEL = "trade_updates"
_EXECUTION_EVENTS = frozenset({"fill", "partial_fill"})
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError)


class _Message(msgspec.Struct):
    """Every message of the trading stream; Alpaca sends text and binary frames, both with JSON."""

    stream: str = ""
    action: str = ""
    data: Any = None


# float_hook keeps numbers exact should a price ever come unquoted.
_decode = msgspec.json.Decoder(_Message, float_hook=Decimal).decode


class AlpacaStream:
    """The port `StreamingRepository` over Alpaca's trading stream."""

    def __init__(
        self,
        credentials: Credentials,
        url: str,
        *,
        ca_file: str = "",
        silence_seconds: float = SILENCE_SECONDS_MAX,
        unread_max: int = UNREAD_MESSAGES_MAX,
        backoff: Backoff | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        platform: Platform = SYSTEM,
    ) -> None:
        self._credentials = credentials
        self._line = Line(
            url,
            trusted_authorities(ca_file),
            silence_seconds,
            unread_max=unread_max,
            use_aiofastnet=platform.use_aiofastnet,
        )
        self._backoff = backoff or Backoff(random=platform.random)
        self._sleep = sleep
        self.sequence = 0
        """The number of the last update handed on, where the exchange numbers them (ours does; Alpaca does not)."""
        self.is_listening = False
        """Whether updates would be heard now."""
        self.trouble = ""
        """Why the stream is not listening, in one line; empty while it is."""

    async def order_updates(self) -> AsyncGenerator[OrderHeard | None, None]:
        """Order events for ever, reconnecting by itself.

        None marks a (re)connection or an update that could not be read: either way something may have been missed.
        Updates may come twice. Refused keys are tried again at the longest interval; nothing is raised.
        """
        while True:
            try:
                async with aclosing(self._connection()) as updates:
                    async for heard in updates:
                        yield heard
                self.trouble = "the connection ended"
            except (BrokerError, *TROUBLE) as error:
                self.trouble = self._credentials.masked(str(error) or type(error).__name__)
            seconds = self._backoff.next_seconds(longest=self.trouble.startswith("the broker refuses"))
            log.warning("order stream: %s; again in %.1f s", self.trouble, seconds)
            await self._sleep(seconds)

    async def _connection(self) -> AsyncGenerator[OrderHeard | None, None]:
        """One connection from its opening to its end."""
        inbox = Inbox(self._line)
        transport = await inbox.open()
        clock = asyncio.get_running_loop()
        opened = clock.time()
        try:
            early = await self._listen(transport, inbox)
            self.is_listening, self.trouble = True, ""
            yield None
            for message in early:
                yield self._update(message.data)
            while (text := await inbox.take()) is not None:
                for heard in self._heard(text):
                    yield heard
        finally:
            self.is_listening = False
            transport.disconnect(graceful=False)
            if clock.time() - opened >= STABLE_SECONDS:
                self._backoff.reset()

    async def _listen(self, transport: picows.WSTransport, inbox: Inbox) -> list[_Message]:
        """Authenticate and listen; returns updates that overtook the answer. Raises BrokerError or TimeoutError."""
        keys = {"key_id": self._credentials.api_key, "secret_key": self._credentials.secret_key}
        early: list[_Message] = []
        async with asyncio.timeout(OPEN_SECONDS_MAX):
            _send(transport, {"action": "authenticate", "data": keys})
            answer = await _await_stream(inbox, "authorization", early)
            if answer.get("status") != "authorized":
                raise BrokerUnauthorized("the broker refuses these keys on the order stream")
            _send(transport, {"action": "listen", "data": {"streams": [CHANNEL]}})
            answer = await _await_stream(inbox, "listening", early)
        if CHANNEL not in (answer.get("streams") or ()):
            raise BrokerUnavailable("the order stream does not offer trade updates")
        self._count(answer)
        return early

    def _heard(self, text: bytes) -> list[OrderHeard | None]:
        try:
            message = _decode(text)
        except _UNREADABLE:
            log.warning("order stream: a message that cannot be read")
            return [None]
        if message.stream == CHANNEL and message.data is not None:
            return [self._update(message.data)]
        if message.action == "error":
            log.warning("order stream: %s", self._credentials.masked(str(message.data)))
        return []

    def _update(self, data: Any) -> OrderHeard | None:
        try:
            heard = order_heard(data)
        except _UNREADABLE as error:
            log.warning("order stream: an update that cannot be understood: %s", error)
            heard = None
        self._count(data)
        return heard

    def _count(self, data: Any) -> None:
        sequence = data.get("sequence") if isinstance(data, dict) else None
        if isinstance(sequence, int):
            self.sequence = sequence


def order_heard(data: convert.Raw) -> OrderHeard:
    """One trade update. Raises ValueError, TypeError or KeyError for what is not one."""
    report = convert.order_report(data["order"])
    execution = convert.stream_execution(data) if data.get("event") in _EXECUTION_EVENTS else None
    timestamp, sequence = data.get("timestamp"), data.get("sequence")
    at = parse_rfc3339(timestamp) if isinstance(timestamp, str) and timestamp else report.at
    return OrderHeard(at, report, execution, sequence if isinstance(sequence, int) else 0)


async def _await_stream(inbox: Inbox, stream: str, early: list[_Message]) -> convert.Raw:
    """The data of the next message on `stream`; updates that come before it are kept, anything else is passed over."""
    while (text := await inbox.take()) is not None:
        try:
            message = _decode(text)
        except _UNREADABLE:
            continue
        if message.stream == stream and isinstance(message.data, dict):
            return message.data
        if message.stream == CHANNEL and message.data is not None:
            early.append(message)
    raise BrokerUnavailable(f"the order stream ended before its {stream} message")


def _send(transport: picows.WSTransport, message: Any) -> None:
    transport.send(picows.WSMsgType.TEXT, msgspec.json.encode(message))
