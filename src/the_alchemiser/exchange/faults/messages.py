"""What can go wrong with the messages and connections of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from the_alchemiser.exchange.faults.alteration import Scalar, check_alteration
from the_alchemiser.exchange.faults.rules import Rule, Seconds, check_seconds, pattern

TRADE_UPDATES = "/stream"
_ALIASES = {"trade_updates": TRADE_UPDATES}


class StreamFault(Rule, kw_only=True):
    """`stream` is the path of an endpoint (`/stream`, `/v2/iex`, `*`), or `trade_updates` for the trading stream."""

    stream: str

    def of_stream(self, path: str) -> bool:
        """Whether the stream at this path is meant."""
        return bool(pattern(_ALIASES.get(self.stream, self.stream)).fullmatch(path))

    @property
    def place(self) -> str:
        return self.stream


class MessageFault(StreamFault, kw_only=True):
    """`event` is that of an order update, the `T` of market data, or what a control message is about; `*` for all.
    `having` narrows it to messages with these values, such as `{order_class = "bracket", type = "stop"}` of the order.

    Messages count for each connection's account in the order they are sent.
    """

    event: str = "*"
    symbol: str = ""
    having: dict[str, str] = msgspec.field(default_factory=dict)

    def matches(self, path: str, event: str, fields: Mapping[str, Any]) -> bool:
        """Whether a message with these fields is meant."""
        return (
            self.of_stream(path)
            and bool(pattern(self.event).fullmatch(event))
            and self.symbol in ("", fields.get("symbol"), fields.get("S"))
            and all(str(fields.get(name)) == value for name, value in self.having.items())
        )

    @property
    def place(self) -> str:
        return f"{self.stream} {self.event}"


class Lose(MessageFault, kw_only=True, tag="lose"):
    """The message is never sent. With `after` and `until` and nothing else, the feed is mute for that time."""


class DelayMessage(MessageFault, kw_only=True, tag="delay"):
    """The message comes later, by seconds of the wall or of the exchange; those after it overtake it."""

    seconds: Seconds | None = None
    exchange_seconds: Seconds | None = None

    def check(self) -> None:
        if (self.seconds is None) == (self.exchange_seconds is None):
            raise ValueError("a delay has either seconds or exchange_seconds")
        check_seconds("seconds", self.seconds)
        check_seconds("exchange_seconds", self.exchange_seconds)


class Repeat(MessageFault, kw_only=True, tag="duplicate"):
    """The message is sent `times` times, `fresh_ids`: each with another execution id."""

    times: int = 2
    fresh_ids: bool = False

    def check(self) -> None:
        if not 2 <= self.times <= 100:
            raise ValueError("times must lie between 2 and 100")


class Reorder(MessageFault, kw_only=True, tag="reorder"):
    """The message is sent after the next `by` messages of its connection."""

    by: int = 1

    def check(self) -> None:
        if not 1 <= self.by <= 1000:
            raise ValueError("by must lie between 1 and 1000")


class Spoil(MessageFault, kw_only=True, tag="garbage"):
    """The message comes as bytes without meaning, as broken JSON, with no data, without its most needed fields,
    or as an event nobody knows; `beside`: the message itself follows.
    """

    form: Literal["noise", "broken", "null", "missing_fields", "unknown_event"] = "noise"
    beside: bool = False


class AlterMessage(MessageFault, kw_only=True, tag="alter"):
    """Fields of the message, wherever they stand, have other values: those of `put`, or multiplied by `times`."""

    put: dict[str, Scalar] = msgspec.field(default_factory=dict)
    times: dict[str, float] = msgspec.field(default_factory=dict)

    def check(self) -> None:
        check_alteration(self.put, self.times)


class Cut(MessageFault, kw_only=True, tag="close"):
    """At this message the connection ends: closed with `code`, or reset (`code` 0). The message is not sent.

    With `at` alone every connection of the stream ends at that instant, message or not.
    """

    code: int = 1011
    reason: str = ""

    def check(self) -> None:
        if self.code and not (1000 <= self.code <= 4999 and self.code not in (1004, 1005, 1006, 1015)):
            raise ValueError("code must be a WebSocket close code, or 0 for a reset")


class HalfOpen(MessageFault, kw_only=True, tag="half_open"):
    """From this message on the connection is dead and nobody tells: nothing is sent, nothing is read, no pong.

    After `seconds` of the wall the exchange cuts it off, as one that has not answered for long.
    """

    seconds: float = 90.0

    def check(self) -> None:
        check_seconds("seconds", self.seconds, 86_400.0)


class Refuse(StreamFault, kw_only=True, tag="refuse"):
    """A new connection is turned away: with an HTTP status at the upgrade, with an error of the stream after
    it (`error`: 402 auth failed, 404 auth timeout, 406 connection limit, 409 insufficient subscription), or
    `silently`: accepted, and never spoken to.
    """

    status: int | None = None
    error: Literal[402, 404, 406, 409] | None = None
    silently: bool = False

    def check(self) -> None:
        if (self.status is not None) + (self.error is not None) + self.silently != 1:
            raise ValueError("a refusal has one of status, error and silently")
        if self.status is not None and not 400 <= self.status <= 599:
            raise ValueError("status must lie between 400 and 599")


AnyMessageFault = Lose | DelayMessage | Repeat | Reorder | Spoil | AlterMessage | Cut | HalfOpen
AnyStreamFault = AnyMessageFault | Refuse
