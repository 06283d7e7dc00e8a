"""The two encodings of a data stream: JSON text, and msgpack with its timestamp extension."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from the_alchemiser.exchange.streams.frames import Framed, framed, text_frame
from the_alchemiser.exchange.timestamps import NANOS_PER_SECOND, rfc3339

Received = bytes | str
_TIMESTAMP_EXTENSION = -1


class Instant:
    """A point in time (ns UTC) inside a message, for each encoding to write in its own form."""

    __slots__ = ("at",)

    def __init__(self, at: int) -> None:
        self.at = at


class Codec(Protocol):
    """How one client wants its frames. Each message is encoded once and joined into arrays."""

    name: str

    def stamp(self, at: int) -> Any:
        """An instant as a value of this encoding."""

    def message(self, message: Any) -> bytes:
        """One message, not yet in an array."""

    def array(self, messages: Sequence[bytes]) -> Framed:
        """A frame holding a list of messages."""

    def decode(self, frame: Received) -> Any:
        """What a client sent. Raises ValueError."""


class JsonCodec:
    """Text frames, instants as RFC 3339 with nanoseconds."""

    name = "json"

    def stamp(self, at: int) -> str:
        return rfc3339(at)

    def message(self, message: Any) -> bytes:
        return _json_encoder.encode(message)

    def array(self, messages: Sequence[bytes]) -> Framed:
        return text_frame(b"[" + b",".join(messages) + b"]")

    def decode(self, frame: Received) -> Any:
        return decode_json(frame)


class MsgpackCodec:
    """Binary frames; instants as extension -1, which every official client turns into its date type."""

    name = "msgpack"

    def stamp(self, at: int) -> msgspec.msgpack.Ext:
        second, nanos = divmod(at, NANOS_PER_SECOND)
        return msgspec.msgpack.Ext(_TIMESTAMP_EXTENSION, struct.pack(">Q", nanos << 34 | second))

    def message(self, message: Any) -> bytes:
        return _msgpack_encoder.encode(message)

    def array(self, messages: Sequence[bytes]) -> Framed:
        return framed(_array_header(len(messages)) + b"".join(messages))

    def decode(self, frame: Received) -> Any:
        if isinstance(frame, str):
            return decode_json(frame)
        return decode_msgpack(frame)


JSON, MSGPACK = JsonCodec(), MsgpackCodec()


def _stamper(codec: Codec) -> Any:
    def stamp(value: object) -> Any:
        if isinstance(value, Instant):
            return codec.stamp(value.at)
        raise NotImplementedError(type(value))

    return stamp


_json_encoder = msgspec.json.Encoder(enc_hook=_stamper(JSON))
_json_decoder = msgspec.json.Decoder()
_msgpack_encoder = msgspec.msgpack.Encoder(enc_hook=_stamper(MSGPACK))
_msgpack_decoder = msgspec.msgpack.Decoder()


def decode_json(frame: Received) -> Any:
    """JSON text in a text or binary frame. Raises ValueError."""
    try:
        return _json_decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("not JSON") from error


def decode_msgpack(frame: bytes) -> Any:
    """A msgpack value. Raises ValueError."""
    try:
        return _msgpack_decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError) as error:
        raise ValueError("not msgpack") from error


def wants_msgpack(headers: Mapping[str, str]) -> bool:
    """Whether the `Content-Type` of the upgrade request asks for msgpack; otherwise it is JSON."""
    return "msgpack" in headers.get("Content-Type", "").lower()


def codec_for(headers: Mapping[str, str]) -> Codec:
    """The encoding that the upgrade request asks for."""
    return MSGPACK if wants_msgpack(headers) else JSON


def _array_header(length: int) -> bytes:
    if length < 16:
        return bytes([0x90 | length])
    return b"\xdc" + struct.pack(">H", length) if length < 65536 else b"\xdd" + struct.pack(">I", length)
