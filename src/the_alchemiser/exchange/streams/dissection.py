"""A frame taken apart into its messages, each with what faults ask about it, and put together again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from the_alchemiser.exchange.ids import derived_uuid
from the_alchemiser.exchange.streams.codec import JSON, MSGPACK, decode_json, decode_msgpack
from the_alchemiser.exchange.streams.frames import Framed, framed, text_frame
from the_alchemiser.exchange.timestamps import nanos_of, parse_instant

CONTROL = frozenset({"success", "error", "subscription", "authorization", "listening"})
_NEEDED = ("order", "timestamp", "S", "t", "p", "bp", "ap", "c")
_JSON_ARRAY, _JSON_OBJECT = b"[{"


class Message(NamedTuple):
    """One message: its bytes, its event, the fields that say what it is about (of an order update: those of the
    order). `at` is the instant it tells of, None where it names none.
    """

    raw: bytes
    event: str
    fields: dict[str, Any]
    at: int | None

    @property
    def symbol(self) -> str:
        return str(self.fields.get("symbol") or self.fields.get("S") or "")


class Dissected(NamedTuple):
    """A frame's messages, and how frames like it are built."""

    messages: Sequence[Message]
    is_array: bool
    is_json: bool
    is_text: bool

    def joined(self, raws: Sequence[bytes]) -> list[Framed]:
        """These messages in as few frames as the stream uses."""
        if self.is_array:
            return [(JSON if self.is_json else MSGPACK).array(raws)] if raws else []
        return [self.frame(raw) for raw in raws]

    def frame(self, payload: bytes) -> Framed:
        """A frame of this kind around any bytes."""
        return text_frame(payload) if self.is_text else framed(payload)

    def decoded(self, raw: bytes) -> Any:
        return decode_json(raw) if self.is_json else decode_msgpack(raw)

    def encoded(self, value: Any) -> bytes:
        return msgspec.json.encode(value) if self.is_json else msgspec.msgpack.encode(value)


def dissect(frame: Framed) -> Dissected:
    """Takes a frame apart: an array of market data, or one object of the trading stream."""
    payload = frame.payload
    is_json = payload[0] in (_JSON_ARRAY, _JSON_OBJECT)
    is_array = payload[0] == _JSON_ARRAY or 0x90 <= payload[0] <= 0x9F or payload[0] in (0xDC, 0xDD)
    codec: Any = msgspec.json if is_json else msgspec.msgpack
    raws = codec.decode(payload, type=list[msgspec.Raw]) if is_array else [payload]
    messages = [_message(bytes(raw), codec.decode(raw)) for raw in raws]
    return Dissected(messages, is_array, is_json, frame.is_text)


def _message(raw: bytes, value: Any) -> Message:
    data = value.get("data")
    if value.get("stream") == "trade_updates":
        return Message(raw, data["event"], {**data, **data["order"]}, _instant(data.get("timestamp")))
    event = value.get("T") or value.get("stream") or value.get("action", "")
    return Message(raw, event, value, _instant(value.get("t")))


def _instant(stamp: object) -> int | None:
    if isinstance(stamp, datetime):
        return nanos_of(stamp)
    return parse_instant(stamp) if isinstance(stamp, str) else None


def with_fresh_id(value: Any, *parts: object) -> Any:
    """An order update as if it were another execution."""
    data = value.get("data")
    if not isinstance(data, dict) or "execution_id" not in data:
        return value
    return {**value, "data": {**data, "execution_id": derived_uuid("again", *parts)}}


def without_data(value: Any) -> Any:
    """An order update that says nothing; of market data, nothing at all."""
    return {**value, "data": None} if "data" in value else None


def without_needed(value: Any) -> Any:
    """A message without the fields that make sense of it."""
    if isinstance(value.get("data"), dict):
        return {**value, "data": without_needed(value["data"])}
    return {key: item for key, item in value.items() if key not in _NEEDED}


def with_unknown_event(value: Any) -> Any:
    """A message of a kind that nobody has heard of."""
    if isinstance(value.get("data"), dict):
        return {**value, "data": {**value["data"], "event": "unheard_of"}}
    return {**value, "T": "unheard_of"} if "T" in value else {**value, "stream": "unheard_of"}
