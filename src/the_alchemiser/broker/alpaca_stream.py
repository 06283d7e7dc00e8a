"""Order updates as Alpaca tells them, for ever: connect, listen, and after every gap say so.

The stream makes the truth faster, it is not the truth: Alpaca repeats nothing that was missed, so each (re)connection
is announced by None, after which the caller reads orders and executions by request.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import msgspec
import picows

from the_alchemiser.broker import convert
from the_alchemiser.broker.credentials import Credentials
from the_alchemiser.broker.platform import SYSTEM, Platform
from the_alchemiser.broker.quarantine import Quarantine
from the_alchemiser.broker.reconnecting import Reconnecting
from the_alchemiser.broker.resilience import Backoff
from the_alchemiser.broker.sockets import trusted_authorities
from the_alchemiser.broker.websocket import (
    SILENCE_SECONDS_MAX,
    TROUBLE,
    UNREAD_MESSAGES_MAX,
    Inbox,
    Line,
)
from the_alchemiser.domain.errors import BrokerError, BrokerUnauthorized, BrokerUnavailable
from the_alchemiser.domain.events import OrderHeard
from the_alchemiser.domain.hearing import Deaf, Garbled
from the_alchemiser.domain.instants import parse_rfc3339
from the_alchemiser.domain.money import ZERO
from the_alchemiser.domain.orders import Execution
from the_alchemiser.domain.probes import probe

log = logging.getLogger(__name__)

LOGIN_SECONDS_MAX = 5.0
"""Authentication and the confirmation that the stream listens."""
EARLY_MESSAGES_MAX = 10_000
"""Whoever says more before it confirms anything is no order stream."""
CHANNEL = "trade_updates"
EXECUTION_EVENTS = frozenset({"fill", "partial_fill"})
EVENTS = EXECUTION_EVENTS | {
    "pending_new",
    "accepted",
    "new",
    "pending_cancel",
    "canceled",
    "pending_replace",
    "replaced",
    "order_replace_rejected",
    "order_cancel_rejected",
    "expired",
    "done_for_day",
    "rejected",
    "stopped",
    "suspended",
    "calculated",
    "held",
    "restated",
    "accepted_for_bidding",
}
"""What an order's own state says everything about. Of others (a bust, a correction) the broker's record says more."""

Heard = OrderHeard | Deaf | Garbled | None


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
        self._reconnecting = Reconnecting(backoff or Backoff(random=platform.random))
        self._sleep = sleep
        self._inbox: Inbox | None = None
        self._is_suspect = False
        self.quarantine = Quarantine("order stream", credentials.masked)
        """Messages that could not be understood."""
        self.sequence = 0
        """The number of the last update handed on, where the exchange numbers them (ours does; Alpaca does not)."""
        self.is_listening = False
        """Whether updates would be heard now."""
        self.trouble = ""
        """Why the stream is not listening, in one line; empty while it is."""

    async def order_updates(self) -> AsyncGenerator[Heard, None]:
        """Order events for ever, reconnecting by itself.

        None marks a (re)connection: something may have been missed. Updates may come twice. Deaf says that it was tried
        in vain for a while, Garbled that a message could not be understood; the stream goes on after both. Refused keys
        are tried again at the longest interval; nothing is raised.
        """
        clock = asyncio.get_running_loop().time
        while True:
            self._reconnecting.begin(clock())
            is_refused = False
            try:
                async with aclosing(self._connection()) as updates:
                    async for heard in updates:
                        yield heard
            except Exception as error:
                self.trouble = self._credentials.masked(str(error) or type(error).__name__)
                is_refused = isinstance(error, BrokerUnauthorized)
                if not isinstance(error, (BrokerError, *TROUBLE)):
                    log.exception("order stream: a defect; it is tried again all the same")
            pause = self._reconnecting.ended(clock(), is_hopeless=is_refused, is_suspect=self._is_suspect)
            if pause.is_deaf:
                yield Deaf(self.trouble)
            log.warning("order stream: %s; again in %.1f s", self.trouble, pause.seconds)
            await self._sleep(pause.seconds)

    def suspect(self, reason: str) -> None:
        """Connect again: this connection looks alive and did not tell what it should have."""
        if self._inbox is not None and self.is_listening:
            probe("alpaca_stream.suspected")
            self._is_suspect = True
            self._inbox.close(reason)

    async def _connection(self) -> AsyncGenerator[Heard, None]:
        """One connection from its opening to its end."""
        self._is_suspect = False
        self._inbox = inbox = Inbox(self._line)
        transport = await inbox.open()
        try:
            early = await self._listen(transport, inbox)
            self._reconnecting.listening(asyncio.get_running_loop().time())
            self.is_listening, self.trouble = True, ""
            yield None
            for overtaking in early:
                for heard in self._heard(overtaking):
                    yield heard
            while (text := await inbox.take()) is not None:
                for heard in self._heard(text):
                    yield heard
            self.trouble = inbox.trouble
        finally:
            self.is_listening = False
            transport.disconnect(graceful=False)

    async def _listen(self, transport: picows.WSTransport, inbox: Inbox) -> list[bytes]:
        """Authenticate and listen; returns what overtook the answers. Raises BrokerError or TimeoutError."""
        keys = {"key_id": self._credentials.api_key, "secret_key": self._credentials.secret_key}
        early: list[bytes] = []
        async with asyncio.timeout(LOGIN_SECONDS_MAX):
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

    def _heard(self, text: bytes) -> Iterator[Heard]:
        """What one message says. Whatever it is, the next one will be handled."""
        try:
            yield from self._understood(text)
        except Exception as error:  # noqa: BLE001 - whatever one message does, it must not cost the next
            probe("alpaca_stream.garbled")
            yield Garbled(self.quarantine.put(f"{type(error).__name__} {error}".strip(), text))

    def _understood(self, text: bytes) -> Iterator[Heard]:
        """Raises whatever comes of a message that is not one."""
        message = _decode(text)
        if message.stream == CHANNEL:
            self._count(message.data)
            yield order_heard(message.data)
            event = message.data.get("event")
            if event not in EVENTS:
                yield Garbled(self.quarantine.put(f"an event of another kind ({event!r})", text))
        elif message.action == "error":
            log.warning("order stream: %s", self._credentials.masked(str(message.data)))
        elif not message.stream:
            raise ValueError("a message of no stream")

    def _count(self, data: Any) -> None:
        sequence = data.get("sequence") if isinstance(data, dict) else None
        if isinstance(sequence, int):
            self.sequence = sequence


def order_heard(data: convert.Raw) -> OrderHeard:
    """One trade update. Raises ValueError, TypeError, KeyError or the like for what is not one."""
    report = convert.order_report(data["order"])
    execution = convert.stream_execution(data) if data.get("event") in EXECUTION_EVENTS else None
    if execution is not None:
        _check(execution)
    timestamp, sequence = data.get("timestamp"), data.get("sequence")
    at = parse_rfc3339(timestamp) if isinstance(timestamp, str) and timestamp else report.at
    return OrderHeard(at, report, execution, sequence if isinstance(sequence, int) else 0)


def _check(execution: Execution) -> None:
    """An execution is a piece of its order at a price; anything else must not reach the books."""
    if not ZERO <= execution.cum_before < execution.cum_after:
        raise ValueError(f"an execution from {execution.cum_before} to {execution.cum_after}")
    if execution.price <= ZERO:
        raise ValueError(f"an execution at {execution.price}")


async def _await_stream(inbox: Inbox, stream: str, early: list[bytes]) -> convert.Raw:
    """The data of the next message on `stream`; what comes before it is kept, to be understood afterwards."""
    while (text := await inbox.take()) is not None:
        message = _first_look(text)
        if message is not None and message.stream == stream and isinstance(message.data, dict):
            return message.data
        early.append(text)
        if len(early) > EARLY_MESSAGES_MAX:
            break
    raise BrokerUnavailable(
        f"the order stream never said its {stream} message: {inbox.trouble or 'it only talks'}"
    )


def _first_look(text: bytes) -> _Message | None:
    try:
        return _decode(text)
    except (ValueError, RecursionError):
        return None


def _send(transport: picows.WSTransport, message: Any) -> None:
    transport.send(picows.WSMsgType.TEXT, msgspec.json.encode(message))
