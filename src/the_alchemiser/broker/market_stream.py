"""Live quotes, trades and bars of stocks, handed to functions as fast as they come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec
import picows

from the_alchemiser.broker.credentials import Credentials
from the_alchemiser.broker.handlers import Guard, Handler
from the_alchemiser.broker.market_feed import MUTE_SECONDS_MAX, Feed
from the_alchemiser.broker.market_messages import (
    DailyBar,
    MarketMessage,
    MinuteBar,
    PriceBand,
    StockQuote,
    StockTrade,
    StreamError,
    Subscription,
    Success,
    TradeCancel,
    TradeCorrection,
    TradingStatus,
    UpdatedBar,
)
from the_alchemiser.broker.platform import SYSTEM, Platform
from the_alchemiser.broker.quarantine import Quarantine
from the_alchemiser.broker.reconnecting import Reconnecting
from the_alchemiser.broker.resilience import Backoff
from the_alchemiser.broker.sockets import trusted_authorities
from the_alchemiser.broker.websocket import SILENCE_SECONDS_MAX, TROUBLE, Line, connect
from the_alchemiser.domain.errors import BrokerError, BrokerUnauthorized, BrokerUnavailable
from the_alchemiser.domain.market import Symbol
from the_alchemiser.domain.probes import probe

log = logging.getLogger(__name__)

LOGIN_SECONDS_MAX = 5.0
"""Authentication and the confirmation of the subscriptions."""
HOPELESS_CODES = frozenset({402, 408, 409, 411, 412})
"""Keys and plan: trying again soon cannot help."""
ANSWER_CODES = frozenset({400, 405, 410, 413})
"""Answers to a subscription that leave the connection as it is (symbol limit, no such channel)."""
CHANNELS: Mapping[str, tuple[type, ...]] = {
    "trades": (StockTrade, TradeCorrection, TradeCancel),
    "quotes": (StockQuote,),
    "bars": (MinuteBar,),
    "updated_bars": (UpdatedBar,),
    "daily_bars": (DailyBar,),
    "statuses": (TradingStatus,),
    "lulds": (PriceBand,),
}
WIRE_NAMES = {"updated_bars": "updatedBars", "daily_bars": "dailyBars"}
ALL = "*"


class Occasion(Enum):
    """What a stream has to say about itself."""

    LISTENING = "listening"
    """Connected and subscribed: what came before was missed."""
    DEAF = "deaf"
    """No connection for some time. Said once for an outage."""
    MUTE = "mute"
    """Connected, and no data though some must come; it is connected again."""
    INCOMPLETE = "incomplete"
    """The broker confirmed less than was asked for; see `missing`."""
    HANDLER = "handler"
    """A handler fails all the time and is given a rest."""


@dataclass(frozen=True)
class StreamOptions:
    """What few need to choose. `expects_data` says whether data must be coming now, that is, whether there is a session
    and symbols that are quoted all the time are subscribed; unless it does, silence is never taken for muteness.
    """

    ca_file: str = ""
    silence_seconds: float = SILENCE_SECONDS_MAX
    mute_seconds: float = MUTE_SECONDS_MAX
    expects_data: Callable[[], bool] = bool
    platform: Platform = SYSTEM
    backoff: Backoff | None = None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class StockStream:
    """One connection to `/v2/{feed}`, for ever. What is subscribed may change at any time, connected or not.

    There is no queue: handlers run as the bytes arrive, in the event loop, so a slow one slows reading and the broker
    cuts off a client that falls too far behind (407); then the stream connects again. Who cannot keep up puts a
    `LatestBoard` between. Bars missed meanwhile must be requested. `handler` gets the messages of each frame as one
    list; handlers of single messages are given to `subscribe_quotes` and its like.
    """

    def __init__(
        self,
        credentials: Credentials,
        url: str,
        handler: Handler | None = None,
        *,
        tell: Callable[[Occasion, str], None] | None = None,
        options: StreamOptions | None = None,
    ) -> None:
        self._credentials = credentials
        self._options = options = options or StreamOptions()
        headers = {"Content-Type": "application/msgpack"}
        authorities = trusted_authorities(options.ca_file)
        self._line = Line(
            url,
            authorities,
            options.silence_seconds,
            headers,
            use_aiofastnet=options.platform.use_aiofastnet,
        )
        self._teller = tell
        self._reconnecting = Reconnecting(options.backoff or Backoff(random=options.platform.random))
        self._wanted: dict[str, set[Symbol]] = {channel: set() for channel in CHANNELS}
        self._transport: picows.WSTransport | None = None
        self._is_authenticated = False
        self._refused: StreamError | None = None
        self._changed = asyncio.Event()
        self._end_reason = ""
        self._takes_whole = handler is not None
        self._call_whole = handler or _pass_over
        self._whole_guard = Guard(self._call_whole, self._set_whole, self._handler_broken)
        self._calls: dict[type, Handler] = dict.fromkeys(_DATA, _pass_over)
        self._calls |= dict.fromkeys(_CONTROL, self._obey)
        # What obeys the broker does not raise; were it to, that must end nothing either.
        self._guards: dict[type, Guard] = {
            kind: Guard(self._obey, lambda _: None, self._handler_broken) for kind in _CONTROL
        }
        self.quarantine = Quarantine("data stream", credentials.masked)
        """Messages that could not be understood, or are of kinds this version does not know."""
        self.subscribed: dict[str, frozenset[Symbol]] = {}
        """What the broker says we are subscribed to, by channel; empty while not connected."""
        self.trouble = "not connected yet"
        """Why it does not listen, in one line; empty while it does."""

    # What is wanted

    def subscribe_quotes(self, handler: Handler, *symbols: Symbol) -> None:
        """Call `handler` with each StockQuote of these symbols; "*" is every symbol."""
        self._handle("quotes", handler, symbols)

    def subscribe_trades(self, handler: Handler, *symbols: Symbol) -> None:
        """Call `handler` with each StockTrade, TradeCorrection and TradeCancel of these symbols."""
        self._handle("trades", handler, symbols)

    def subscribe_bars(self, handler: Handler, *symbols: Symbol) -> None:
        """Call `handler` with each MinuteBar of these symbols."""
        self._handle("bars", handler, symbols)

    def subscribe_statuses(self, handler: Handler, *symbols: Symbol) -> None:
        """Call `handler` with each TradingStatus of these symbols."""
        self._handle("statuses", handler, symbols)

    def subscribe(self, **channels: Iterable[Symbol]) -> None:
        """Ask for more symbols, `trades=`, `quotes=`, `bars=`, …; "*" is every symbol."""
        for channel, symbols in channels.items():
            self._wanted[channel].update(symbols)
        self._ask("subscribe", channels)

    def unsubscribe(self, **channels: Iterable[Symbol]) -> None:
        """Ask for fewer symbols."""
        for channel, symbols in channels.items():
            self._wanted[channel].difference_update(symbols)
        self._ask("unsubscribe", channels)

    @property
    def missing(self) -> dict[str, frozenset[Symbol]]:
        """What was asked for and not confirmed, by channel; empty while not connected."""
        if not self.subscribed:
            return {}
        gaps = {name: frozenset(wanted) - self.subscribed[name] for name, wanted in self._wanted.items()}
        return {name: gap for name, gap in gaps.items() if gap and ALL not in self.subscribed[name]}

    @property
    def handler_failures(self) -> int:
        """How often a handler raised."""
        return sum(guard.failures for guard in self._all_guards())

    def replay(self) -> int:
        """Give every handler what it missed by raising. Returns how many messages (or frames) are still kept."""
        return sum(guard.replay() for guard in self._all_guards())

    # The connection

    async def run(self) -> None:
        """Connect and hand on messages until cancelled; nothing is raised."""
        clock = asyncio.get_running_loop().time
        while True:
            self._reconnecting.begin(clock())
            is_mute = is_refused = False
            try:
                is_mute = await self._connection()
            except Exception as error:
                self.trouble = self._credentials.masked(str(error) or type(error).__name__)
                is_refused = isinstance(error, BrokerUnauthorized)
                if not isinstance(error, (BrokerError, *TROUBLE)):
                    log.exception("data stream: a defect; it is tried again all the same")
            pause = self._reconnecting.ended(clock(), is_hopeless=is_refused, is_suspect=is_mute)
            if is_mute:
                self._tell(Occasion.MUTE, self.trouble)
            if pause.is_deaf:
                self._tell(Occasion.DEAF, self.trouble)
            log.warning("data stream: %s; again in %.1f s", self.trouble, pause.seconds)
            await self._options.sleep(pause.seconds)

    async def _connection(self) -> bool:
        """One connection from its opening to its end. Returns whether it was ended for being mute."""
        take = self._take_whole if self._takes_whole else self._take_each
        options = self._options
        feed = Feed(take, self._end, self.quarantine, options.silence_seconds, options.mute_seconds)
        self._is_authenticated, self._refused, self._end_reason = False, None, ""
        transport = self._transport = await connect(self._line, feed)
        try:
            await self._log_in()
            feed.expects_data = lambda: any(self.subscribed.values()) and self._options.expects_data()
            while not self._end_reason:
                await self._change()
        finally:
            self._transport, self.subscribed = None, {}
            transport.disconnect(graceful=False)
        self.trouble = self._words(self._end_reason)
        return feed.is_mute

    def _end(self, reason: str) -> None:
        self._end_reason = reason
        self._changed.set()

    async def _change(self) -> None:
        """Wait for the next word of the broker's about the connection, or its end."""
        self._changed.clear()
        await self._changed.wait()

    async def _log_in(self) -> None:
        """Until what is wanted has been confirmed. Raises BrokerError or TimeoutError."""
        # The broker's greeting need not be waited for.
        self._send(
            {"action": "auth", "key": self._credentials.api_key, "secret": self._credentials.secret_key}
        )
        async with asyncio.timeout(LOGIN_SECONDS_MAX):
            while not self.subscribed:
                if self._refused is not None:
                    kind = BrokerUnauthorized if self._refused.code in HOPELESS_CODES else BrokerUnavailable
                    raise kind(self._words(""))
                if self._end_reason:
                    raise BrokerUnavailable(self._end_reason)
                await self._change()
        self._reconnecting.listening(asyncio.get_running_loop().time())
        self.trouble = ""
        self._tell(Occasion.LISTENING, "connected and subscribed")

    def _words(self, reason: str) -> str:
        """Why it ended: what the broker said last says more than that the connection ended."""
        if self._refused is None:
            return reason
        return self._credentials.masked(f"the broker says {self._refused.code} {self._refused.msg}")

    # What arrives

    def _take_whole(self, messages: list[Any]) -> None:
        """A frame for the handler of frames. Control messages come alone in theirs."""
        if not messages:
            return
        if type(messages[0]) in _CONTROL:
            self._take_each(messages)
            return
        try:
            self._call_whole(messages)
        except Exception as error:  # noqa: BLE001 - a user's defect costs him one frame, and he can have it again
            self._whole_guard.failed(messages, error)

    def _take_each(self, messages: list[Any]) -> None:
        """A frame, message by message. A handler that raises costs the one message it raised over."""
        calls = self._calls
        for message in messages:
            try:
                calls[type(message)](message)
            except Exception as error:  # noqa: BLE001 - a user's defect costs him one message, and he can have it again
                self._guards[type(message)].failed(message, error)

    def _obey(self, message: Success | StreamError | Subscription) -> None:
        if isinstance(message, StreamError):
            self._refuse(message)
        elif isinstance(message, Subscription):
            self._confirm(message)
        elif message.msg == "authenticated":
            self._is_authenticated = True
            self._ask("subscribe", self._wanted)
        self._changed.set()

    def _refuse(self, error: StreamError) -> None:
        log.warning("data stream: the broker says %s %s", error.code, self._credentials.masked(error.msg))
        if error.code in ANSWER_CODES and self._is_authenticated:
            self.subscribed = self.subscribed or dict.fromkeys(CHANNELS, frozenset())
            self._tell(Occasion.INCOMPLETE, f"the broker says {error.code} {error.msg}")
            return
        if error.code == 407:
            probe("market_stream.too_slow")
        self._refused = error

    def _confirm(self, message: Subscription) -> None:
        self.subscribed = {channel: frozenset(getattr(message, channel)) for channel in CHANNELS}
        if missing := self.missing:
            probe("market_stream.partly_accepted")
            parts = (f"{name} of {', '.join(sorted(gap)[:10])}" for name, gap in missing.items())
            self._tell(Occasion.INCOMPLETE, f"not confirmed: {'; '.join(parts)}")

    # What is said

    def _ask(self, action: str, channels: Mapping[str, Iterable[Symbol]]) -> None:
        """Before authentication nothing is asked: then everything wanted is."""
        if self._is_authenticated:
            asked = {WIRE_NAMES.get(name, name): sorted(symbols) for name, symbols in channels.items()}
            self._send({"action": action, **asked})

    def _send(self, message: dict[str, Any]) -> None:
        if self._transport is not None:
            self._transport.send(picows.WSMsgType.BINARY, msgspec.msgpack.encode(message))

    def _tell(self, occasion: Occasion, text: str) -> None:
        """Tell the owner; what he makes of it must not end the stream."""
        if self._teller is not None:
            try:
                self._teller(occasion, text)
            except Exception:
                log.exception("data stream: nobody took the news %s", occasion.value)

    # Handlers

    def _handle(self, channel: str, handler: Handler, symbols: Iterable[Symbol]) -> None:
        if self._takes_whole:
            raise ValueError("this stream hands on whole frames: it has a handler already")
        for kind in CHANNELS[channel]:
            self._guards[kind] = Guard(handler, self._setter(kind), self._handler_broken)
            self._calls[kind] = handler
        self.subscribe(**{channel: symbols})

    def _setter(self, kind: type) -> Callable[[Handler], None]:
        def set_call(call: Handler) -> None:
            self._calls[kind] = call

        return set_call

    def _set_whole(self, call: Handler) -> None:
        self._call_whole = call

    def _handler_broken(self, text: str) -> None:
        self._tell(Occasion.HANDLER, text)

    def _all_guards(self) -> list[Guard]:
        return [*self._guards.values(), self._whole_guard]


def _pass_over(message: Any) -> None:
    """Nobody asked for messages of this kind."""


_DATA: tuple[type, ...] = tuple(kind for kinds in CHANNELS.values() for kind in kinds)
_CONTROL: frozenset[type] = frozenset({Success, StreamError, Subscription})
__all__ = ["MarketMessage", "Occasion", "StockStream", "StreamOptions"]
