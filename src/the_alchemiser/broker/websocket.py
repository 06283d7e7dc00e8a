"""One WebSocket connection: whole messages in order, a dead peer noticed within eight seconds, nothing dropped.

All time is the event loop's: in a loop of virtual time over a network in memory this module behaves as it does in life.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import picows

from the_alchemiser.broker.sockets import tls_context
from the_alchemiser.domain.errors import BrokerUnauthorized
from the_alchemiser.domain.probes import probe

log = logging.getLogger(__name__)

CONNECT_SECONDS_MAX = 4.0
"""Name, connection and TLS."""
UPGRADE_SECONDS_MAX = 4.0
SILENCE_SECONDS_MAX = 8.0
"""A peer silent for half of this is asked for a sign, and given up before the whole of it is over."""
BEATS_PER_SILENCE = 5
"""How often within that time we look, where nothing else asks for a closer look."""
MESSAGE_BYTES_MAX = 16 * 1024 * 1024
UNREAD_MESSAGES_MAX = 10_000
UNREAD_BYTES_MAX = 16 * 1024 * 1024
"""With so much unread we stop reading from the socket until nine tenths are taken; nothing is dropped."""
READ_BUFFER_BYTES = 64 * 1024

Deliver = Callable[[bytes], None]
TROUBLE = (OSError, picows.WSError, asyncio.TimeoutError)
"""What opening or using a connection raises; all of it is answered by connecting again."""

TEXT, BINARY = picows.WSMsgType.TEXT, picows.WSMsgType.BINARY
_PIECES = frozenset({TEXT, BINARY, picows.WSMsgType.CONTINUATION})


class Connection(picows.WSListener):
    """Puts fragments together, hands whole messages on, and ends the connection when the peer gives no sign of life.

    `ended` is called once, with the reason in one line.
    """

    def __init__(
        self,
        deliver: Deliver,
        ended: Callable[[str], None],
        silence_seconds: float = SILENCE_SECONDS_MAX,
        beat_seconds: float = 0.0,
    ) -> None:
        self._deliver, self._ended = deliver, ended
        self.parts: bytearray | None = None
        """The fragments so far of a message that comes in pieces."""
        self._reason = ""
        self._beat_seconds = beat_seconds or silence_seconds / BEATS_PER_SILENCE
        # Something that came just after a beat is seen at the next one: the last beat of the silence comes too late.
        self._silent_beats_max = max(2, int(silence_seconds / self._beat_seconds) - 1)
        self._silent_beats = 0
        self._timer: asyncio.TimerHandle | None = None
        self.is_heard = False
        """Whether anything came since the last beat."""
        self.is_paused = False
        """While we do not read, the peer's silence is our own doing."""

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """Called by picows once the upgrade is done."""
        self._wait_a_beat(transport)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Called by picows for each frame; what cannot be delivered ends the connection, and a new one will follow."""
        self.is_heard = True
        try:
            self.take(transport, frame)
        except Exception as error:
            log.exception("stream: a frame that cannot be used")
            self.end(transport, f"a frame that cannot be used: {error}")

    def take(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """One frame of any kind."""
        kind = frame.msg_type
        if kind in _PIECES:
            if frame.fin and kind is not picows.WSMsgType.CONTINUATION:
                self._deliver(frame.get_payload_as_bytes())
            else:
                self._add_fragment(frame)
        elif kind is picows.WSMsgType.CLOSE:
            code = frame.get_close_code()
            self._reason = f"the broker closed the connection ({code} {frame.get_close_reason() or ''})"
            transport.send_close(code)
            transport.disconnect()

    def end(self, transport: picows.WSTransport, reason: str) -> None:
        """End the connection at once, without a word to the peer."""
        self._reason = self._reason or reason
        transport.disconnect(graceful=False)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        """Called by picows once, whoever ended it."""
        if self._timer is not None:
            self._timer.cancel()
        self._ended(self._reason or "the connection ended")

    def _add_fragment(self, frame: picows.WSFrame) -> None:
        if self.parts is None:
            self.parts = bytearray()
        self.parts += frame.get_payload_as_memoryview()
        if len(self.parts) > MESSAGE_BYTES_MAX:
            raise ValueError(f"a message longer than {MESSAGE_BYTES_MAX} bytes")
        if frame.fin:
            whole, self.parts = bytes(self.parts), None
            self._deliver(whole)

    def _wait_a_beat(self, transport: picows.WSTransport) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._beat_seconds, self._beat, transport)

    def _beat(self, transport: picows.WSTransport) -> None:
        """A few times within the silence allowed: ask for a sign in its middle, give up before its end."""
        trouble = self.trouble_at_beat()
        if trouble:
            self.end(transport, trouble)
            return
        if self._silent_beats == self._silent_beats_max // 2:
            transport.send_ping()
        self._wait_a_beat(transport)

    def trouble_at_beat(self) -> str:
        """Why the connection must end, or nothing."""
        is_alive = self.is_heard or self.is_paused
        self.is_heard = False
        self._silent_beats = 0 if is_alive else self._silent_beats + 1
        if self._silent_beats < self._silent_beats_max:
            return ""
        probe("websocket.half_open")
        return f"no sign of life for {self._silent_beats * self._beat_seconds:.3g} s"


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


async def connect(line: Line, connection: Connection) -> picows.WSTransport:
    """Open a connection. Raises BrokerUnauthorized or one of TROUBLE; nothing of it is open then. No redirects."""
    deadline = asyncio.timeout(CONNECT_SECONDS_MAX + UPGRADE_SECONDS_MAX)
    try:
        async with deadline:
            transport, _ = await picows.ws_connect(
                lambda: connection,
                line.url,
                ssl_context=tls_context(line.ca_file) if line.url.startswith("wss:") else None,
                websocket_handshake_timeout=UPGRADE_SECONDS_MAX,
                # Not picows' own pings: they go by a clock that only real time moves.
                enable_auto_ping=False,
                max_frame_size=MESSAGE_BYTES_MAX,
                read_buffer_init_size=READ_BUFFER_BYTES,
                extra_headers=line.headers,
                max_redirects=0,
                use_aiofastnet=line.use_aiofastnet,
            )
    except picows.WSHandshakeError as error:
        raise _refusal(error) from error
    except TimeoutError:
        # An upgrade that the whole attempt's deadline cut off keeps its socket until its own: one socket at a time.
        if deadline.expired():
            await asyncio.sleep(UPGRADE_SECONDS_MAX)
        raise
    return transport


def _refusal(error: picows.WSHandshakeError) -> Exception:
    status = getattr(error.response, "status", None)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return BrokerUnauthorized(f"the broker refuses these keys on the stream (HTTP {int(status)})")
    return ConnectionError(f"the broker answers HTTP {int(status)}" if status else str(error))


class Inbox:
    """Messages of one connection, kept until they are taken. When too many wait, reading from the socket pauses."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._messages: deque[bytes] = deque()
        self._bytes = 0
        self._changed = asyncio.Event()
        self._is_ended = False
        self._transport: picows.WSTransport | None = None
        self._connection = Connection(self._put, self._end, line.silence_seconds)
        self.trouble = ""
        """Why it ended, in one line; empty while it has not."""

    async def open(self) -> picows.WSTransport:
        """Connect; what arrives is kept here. Raises BrokerUnauthorized or one of TROUBLE."""
        self._transport = await connect(self._line, self._connection)
        return self._transport

    def close(self, reason: str) -> None:
        """End the connection at once; what has arrived can still be taken."""
        if self._transport is not None:
            self._connection.end(self._transport, reason)

    async def take(self) -> bytes | None:
        """The oldest message, waiting for one; None once the connection has ended and all were taken."""
        while not self._messages:
            if self._is_ended:
                return None
            self._changed.clear()
            await self._changed.wait()
        message = self._messages.popleft()
        self._bytes -= len(message)
        if self._connection.is_paused and self._fullness() <= 0.1:
            self._pause(False)
        return message

    def _put(self, message: bytes) -> None:
        self._messages.append(message)
        self._bytes += len(message)
        self._changed.set()
        if not self._connection.is_paused and self._fullness() >= 1:
            probe("websocket.reading_paused")
            self._pause(True)

    def _fullness(self) -> float:
        return max(len(self._messages) / self._line.unread_max, self._bytes / UNREAD_BYTES_MAX)

    def _end(self, reason: str) -> None:
        self._is_ended, self.trouble = True, reason
        self._changed.set()

    def _pause(self, is_paused: bool) -> None:
        if self._transport is None or self._is_ended:
            return
        self._connection.is_paused = is_paused
        underlying: Any = self._transport.underlying_transport
        underlying.pause_reading() if is_paused else underlying.resume_reading()
