"""What one WebSocket message is on the wire: its payload, and the whole frame around it, built once for all.

A server's frames are not masked (RFC 6455, 5.3), so the same bytes go to every client that asked for the same.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

TEXT_BYTE, BINARY_BYTE = 0x81, 0x82  # final fragment + opcode


class Framed(NamedTuple):
    """A message ready to leave: `wire` is the uncompressed frame, `payload` for those who compress."""

    payload: bytes
    is_text: bool
    wire: bytes


def framed(payload: bytes | str) -> Framed:
    """A text frame around a string, a binary frame around bytes."""
    is_text = isinstance(payload, str)
    content = payload.encode() if isinstance(payload, str) else payload
    return Framed(content, is_text, _header(len(content), is_text=is_text) + content)


def text_frame(payload: bytes) -> Framed:
    """A text frame around what is UTF-8 already."""
    return Framed(payload, True, _header(len(payload), is_text=True) + payload)


def _header(length: int, *, is_text: bool) -> bytes:
    first = TEXT_BYTE if is_text else BINARY_BYTE
    if length < 126:
        return bytes((first, length))
    if length < 65536:
        return struct.pack("!BBH", first, 126, length)
    return struct.pack("!BBQ", first, 127, length)
