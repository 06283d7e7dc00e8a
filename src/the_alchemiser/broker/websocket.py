"""One WebSocket connection: whole messages in order, a dead peer noticed within ten seconds, nothing dropped."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import picows

from the_alchemiser.broker.sockets import tls_context

log = logging.getLogger(__name__)

OPEN_SECONDS_MAX = 10.0
SILENCE_SECONDS_MAX = 8.0
"""A peer silent for half of this is asked for a sign, and given up after the other half."""
SILENCE_TICKS = 8
"""Silence is counted in parts of what is allowed: a flag per frame and a few looks cost less than a clock per frame."""
MESSAGE_BYTES_MAX = 16 * 1024 * 1024
UNREAD_MESSAGES_MAX = 10_000
"""With so many unread messages we stop reading from the socket until nine tenths are taken; nothing is dropped."""

Deliver = Callable[[bytes | memoryview], None]
TROUBLE = (OSError, picows.WSError, asyncio.TimeoutError)
"""What opening or using a connection raises; all of it is answered by connecting again."""


class Connection(picows.WSListener):
    """Puts fragments together and hands whole messages on. A memoryview is valid only during the call."""

    def __init__(self, deliver: Deliver, ended: Callable[[], None], silence_seconds: float) -> None:
        self._deliver, self._ended = deliver, ended
        self._parts: bytearray | None = None
        self._tick_seconds = silence_seconds / SILENCE_TICKS
        self._is_heard = False
        self._next_look: asyncio.TimerHandle | None = None

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """Called by picows once the peer has agreed."""
        self._watch(transport, 0)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Called by picows for each frame; what cannot be delivered ends the connection, and a new one will follow."""
        self._is_heard = True
        try:
            self._take(transport, frame)
        except Exception:
            log.exception("stream: a frame that cannot be used")
            transport.disconnect(graceful=False)

    def _take(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        kind = frame.msg_type
        if kind in (picows.WSMsgType.TEXT, picows.WSMsgType.BINARY) and frame.fin:
            self._deliver(frame.get_payload_as_memoryview())
        elif kind is picows.WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        elif kind in (picows.WSMsgType.TEXT, picows.WSMsgType.BINARY, picows.WSMsgType.CONTINUATION):
            self._add_fragment(frame)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        """Called by picows once, whoever ended it."""
        if self._next_look is not None:
            self._next_look.cancel()
        self._ended()

    def _watch(self, transport: picows.WSTransport, silent_ticks: int) -> None:
        """Look again after a tick: half-way through a silence ask for a sign of life, at its end give up."""

        def look() -> None:
            silent, self._is_heard = (0 if self._is_heard else silent_ticks + 1), False
            if silent == SILENCE_TICKS // 2 - 1:
                transport.send_ping()
            if silent == SILENCE_TICKS - 1:
                log.warning("stream: the peer has been silent for too long")
                transport.disconnect(graceful=False)
            else:
                self._watch(transport, silent)

        # Not picows' own pings: they go by a clock that only real time moves.
        self._next_look = asyncio.get_running_loop().call_later(self._tick_seconds, look)

    def _add_fragment(self, frame: picows.WSFrame) -> None:
        if self._parts is None:
            self._parts = bytearray()
        self._parts += frame.get_payload_as_memoryview()
        if len(self._parts) > MESSAGE_BYTES_MAX:
            raise ValueError(f"a message longer than {MESSAGE_BYTES_MAX} bytes")
        if frame.fin:
            whole, self._parts = bytes(self._parts), None
            self._deliver(whole)


@dataclass(frozen=True)
class Line:
    """How a connection is made and when it counts as dead."""

    url: str
    ca_file: str = ""
    silence_seconds: float = SILENCE_SECONDS_MAX
    headers: Mapping[str, str] = field(default_factory=dict)
    unread_max: int = UNREAD_MESSAGES_MAX
    use_aiofastnet: bool | None = None
    """Whether to go past the event loop for the socket; None where the library that can is installed."""


async def connect(line: Line, deliver: Deliver, ended: Callable[[], None]) -> picows.WSTransport:
    """Open a connection; messages go to `deliver` at once. Raises one of TROUBLE. Redirects are refused."""
    async with asyncio.timeout(OPEN_SECONDS_MAX):
        transport, _ = await picows.ws_connect(
            lambda: Connection(deliver, ended, line.silence_seconds),
            line.url,
            ssl_context=tls_context(line.ca_file) if line.url.startswith("wss:") else None,
            websocket_handshake_timeout=OPEN_SECONDS_MAX,
            max_frame_size=MESSAGE_BYTES_MAX,
            extra_headers=line.headers,
            max_redirects=0,
            use_aiofastnet=line.use_aiofastnet,
        )
    return transport


class Inbox:
    """Messages of one connection, kept until they are taken. When too many wait, reading from the socket pauses."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._messages: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self._is_ended = False
        self._transport: picows.WSTransport | None = None
        self._is_paused = False

    async def open(self) -> picows.WSTransport:
        """Connect; what arrives is kept here. Raises one of TROUBLE."""
        self._transport = await connect(self._line, self._put, self._end)
        return self._transport

    async def take(self) -> bytes | None:
        """The oldest message, waiting for one; None once the connection has ended and all were taken."""
        while not self._messages:
            if self._is_ended:
                return None
            self._changed.clear()
            await self._changed.wait()
        message = self._messages.popleft()
        if self._is_paused and len(self._messages) <= self._line.unread_max // 10:
            self._pause(False)
        return message

    def _put(self, message: bytes | memoryview) -> None:
        self._messages.append(bytes(message))
        self._changed.set()
        if not self._is_paused and len(self._messages) >= self._line.unread_max:
            self._pause(True)

    def _end(self) -> None:
        self._is_ended = True
        self._changed.set()

    def _pause(self, is_paused: bool) -> None:
        if self._transport is None or self._is_ended:
            return
        self._is_paused = is_paused
        underlying: Any = self._transport.underlying_transport
        underlying.pause_reading() if is_paused else underlying.resume_reading()
