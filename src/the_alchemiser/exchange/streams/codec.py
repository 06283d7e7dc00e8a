"""The two encodings of a data stream: JSON text, and msgpack with its timestamp extension."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from the_alchemiser.exchange.streams.outbox import Frame
from the_alchemiser.exchange.timestamps import NANOS_PER_SECOND, rfc3339

Message = dict[str, Any]
_TIMESTAMP_EXTENSION = -1
_json_encoder = msgspec.json.Encoder()
_json_decoder = msgspec.json.Decoder()
_msgpack_encoder = msgspec.msgpack.Encoder()
_msgpack_decoder = msgspec.msgpack.Decoder()


class Codec(Protocol):
    """How one client wants its frames. Each message is encoded once and joined into arrays."""

    name: str

    def stamp(self, at: int) -> Any:
        """An instant as a value of this encoding."""

    def message(self, message: Message) -> bytes:
        """One message, not yet in an array."""

    def array(self, messages: Sequence[bytes]) -> Frame:
        """A frame holding a list of messages."""

    def decode(self, frame: Frame) -> Any:
        """What a client sent. Raises ValueError."""


class JsonCodec:
    """Text frames, instants as RFC 3339 with nanoseconds."""

    name = "json"

    def stamp(self, at: int) -> str:
        return rfc3339(at)

    def message(self, message: Message) -> bytes:
        return _json_encoder.encode(message)

    def array(self, messages: Sequence[bytes]) -> str:
        return f"[{b','.join(messages).decode()}]"

    def decode(self, frame: Frame) -> Any:
        return decode_json(frame)


class MsgpackCodec:
    """Binary frames; instants as extension -1, which every official client turns into its date type."""

    name = "msgpack"

    def stamp(self, at: int) -> msgspec.msgpack.Ext:
        second, nanos = divmod(at, NANOS_PER_SECOND)
        return msgspec.msgpack.Ext(_TIMESTAMP_EXTENSION, struct.pack(">Q", nanos << 34 | second))

    def message(self, message: Message) -> bytes:
        return _msgpack_encoder.encode(message)

    def array(self, messages: Sequence[bytes]) -> bytes:
        return _array_header(len(messages)) + b"".join(messages)

    def decode(self, frame: Frame) -> Any:
        if isinstance(frame, str):
            return decode_json(frame)
        try:
            return _msgpack_decoder.decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError("not msgpack") from error


def decode_json(frame: Frame) -> Any:
    """JSON text in a text or binary frame. Raises ValueError."""
    try:
        return _json_decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("not JSON") from error


def codec_for(headers: Mapping[str, str]) -> Codec:
    """The encoding asked for by the `Content-Type` of the upgrade request; JSON unless it says msgpack."""
    if "msgpack" in headers.get("Content-Type", "").lower():
        return MsgpackCodec()
    return JsonCodec()


def _array_header(length: int) -> bytes:
    if length < 16:
        return bytes([0x90 | length])
    return b"\xdc" + struct.pack(">H", length) if length < 65536 else b"\xdd" + struct.pack(">I", length)
