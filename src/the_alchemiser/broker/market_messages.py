"""The messages of Alpaca's stock data stream, decoded straight into small objects without dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.msgpack import Ext

from the_alchemiser.domain.instants import SECOND, Nanos
from the_alchemiser.domain.market import Bar, Quote, Symbol
from the_alchemiser.domain.money import from_measurement


class StockQuote(msgspec.Struct, tag_field="T", tag="q", gc=False):
    """Best bid and offer. Prices are measurements here; `as_quote` makes money of them where an order needs it."""

    symbol: Symbol = msgspec.field(name="S")
    bid: float = msgspec.field(name="bp", default=0.0)
    ask: float = msgspec.field(name="ap", default=0.0)
    bid_shares: int = msgspec.field(name="bs", default=0)
    ask_shares: int = msgspec.field(name="as", default=0)
    stamp: Ext | None = msgspec.field(name="t", default=None)

    @property
    def at(self) -> Nanos:
        """When it was quoted; 0 where the message does not say."""
        return nanos(self.stamp)

    def as_quote(self) -> Quote:
        """The same with exact prices."""
        return Quote(self.symbol, self.at, from_measurement(self.bid), from_measurement(self.ask))


class StockTrade(msgspec.Struct, tag_field="T", tag="t", gc=False):
    """One trade of the market."""

    symbol: Symbol = msgspec.field(name="S")
    price: float = msgspec.field(name="p", default=0.0)
    shares: int = msgspec.field(name="s", default=0)
    stamp: Ext | None = msgspec.field(name="t", default=None)

    @property
    def at(self) -> Nanos:
        """When it happened; 0 where the message does not say."""
        return nanos(self.stamp)


class _Bar(msgspec.Struct, gc=False):
    symbol: Symbol = msgspec.field(name="S")
    open: float = msgspec.field(name="o")
    high: float = msgspec.field(name="h")
    low: float = msgspec.field(name="l")
    close: float = msgspec.field(name="c")
    volume: float = msgspec.field(name="v", default=0.0)
    stamp: Ext | None = msgspec.field(name="t", default=None)

    @property
    def at(self) -> Nanos:
        """The start of the bar."""
        return nanos(self.stamp)

    def as_bar(self) -> Bar:
        """The bar as strategies see it."""
        return Bar(self.symbol, self.at, self.open, self.high, self.low, self.close, self.volume)


class MinuteBar(_Bar, tag_field="T", tag="b", gc=False):
    """A finished minute."""


class UpdatedBar(_Bar, tag_field="T", tag="u", gc=False):
    """A finished minute once more, with late trades."""


class DailyBar(_Bar, tag_field="T", tag="d", gc=False):
    """The running day."""


class TradingStatus(msgspec.Struct, tag_field="T", tag="s", gc=False):
    """A halt, a pause or a resumption, in the words of the tape (`H` and `2` halt, `T` and `3` resume, …)."""

    symbol: Symbol = msgspec.field(name="S")
    code: str = msgspec.field(name="sc", default="")
    reason: str = msgspec.field(name="rc", default="")
    stamp: Ext | None = msgspec.field(name="t", default=None)

    @property
    def at(self) -> Nanos:
        """When it was said; 0 where the message does not say."""
        return nanos(self.stamp)


class PriceBand(msgspec.Struct, tag_field="T", tag="l", gc=False):
    """Outside these prices nothing may trade (limit up, limit down)."""

    symbol: Symbol = msgspec.field(name="S")
    highest: float = msgspec.field(name="u", default=0.0)
    lowest: float = msgspec.field(name="d", default=0.0)
    stamp: Ext | None = msgspec.field(name="t", default=None)

    @property
    def at(self) -> Nanos:
        """From when on; 0 where the message does not say."""
        return nanos(self.stamp)


class TradeCorrection(msgspec.Struct, tag_field="T", tag="c", gc=False):
    """A trade told earlier was another one. Comes with the trades."""

    symbol: Symbol = msgspec.field(name="S")
    old_price: float = msgspec.field(name="op", default=0.0)
    old_shares: int = msgspec.field(name="os", default=0)
    price: float = msgspec.field(name="cp", default=0.0)
    shares: int = msgspec.field(name="cs", default=0)
    stamp: Ext | None = msgspec.field(name="t", default=None)


class TradeCancel(msgspec.Struct, tag_field="T", tag="x", gc=False):
    """A trade told earlier was none. Comes with the trades."""

    symbol: Symbol = msgspec.field(name="S")
    price: float = msgspec.field(name="p", default=0.0)
    shares: int = msgspec.field(name="s", default=0)
    stamp: Ext | None = msgspec.field(name="t", default=None)


class Success(msgspec.Struct, tag_field="T", tag="success"):
    """The session goes on: connected, authenticated."""

    msg: str = ""


class StreamError(msgspec.Struct, tag_field="T", tag="error"):
    """The broker will not; `code` is stable (402 keys, 405 symbol limit, 406 connection limit, 407 too slow)."""

    code: int = 0
    msg: str = ""


class Subscription(msgspec.Struct, tag_field="T", tag="subscription", rename="camel"):
    """Everything we are subscribed to after a change."""

    trades: list[Symbol] = []
    quotes: list[Symbol] = []
    bars: list[Symbol] = []
    updated_bars: list[Symbol] = []
    daily_bars: list[Symbol] = []
    statuses: list[Symbol] = []
    lulds: list[Symbol] = []


MarketMessage = (
    StockQuote
    | StockTrade
    | MinuteBar
    | UpdatedBar
    | DailyBar
    | TradingStatus
    | PriceBand
    | TradeCorrection
    | TradeCancel
)
ControlMessage = Success | StreamError | Subscription
_Known = MarketMessage | ControlMessage

decode_frame: Callable[[bytes], list[Any]] = msgspec.msgpack.Decoder(list[_Known]).decode
"""A frame of messages we all know. Raises ValueError where it is none, or where one of them is of another kind."""
_decode_raw = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_decode_one = msgspec.msgpack.Decoder(_Known).decode


def decode_tolerantly(frame: bytes) -> tuple[list[Any], list[tuple[str, bytes]]]:
    """The messages we know of a frame, and the others, each with what is wrong with it.

    Raises ValueError or RecursionError where the frame itself is broken.
    """
    known, odd = [], []
    for part in _decode_raw(frame):
        try:
            known.append(_decode_one(part))
        except (ValueError, RecursionError) as error:
            odd.append((str(error), bytes(part)))
    return known, odd


def nanos(stamp: Ext | None) -> Nanos:
    """The instant of a msgpack timestamp (extension -1), with all its nanoseconds; 0 for anything else."""
    if stamp is None or stamp.code != -1:
        return 0
    data = bytes(stamp.data)
    if len(data) == 8:
        packed = int.from_bytes(data, "big")
        return (packed & 0x3FFFFFFFF) * SECOND + (packed >> 34)
    if len(data) == 4:
        return int.from_bytes(data, "big") * SECOND
    return int.from_bytes(data[4:], "big", signed=True) * SECOND + int.from_bytes(data[:4], "big")
