"""The bounded queue of frames between the exchange and one WebSocket client."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

from aiohttp import WSMsgType, web

from the_alchemiser.exchange.streams.frames import Framed

FRAMES_LIMIT = 20_000
BYTES_LIMIT = 16 * 1024 * 1024
TRANSPORT_BYTES_LIMIT = 512 * 1024  # handed to the operating system's side before frames wait here
LAG_POLL_SECONDS = 0.001
FAREWELL_SECONDS = 5.0  # how long a slow client may still read what it was sent, and why it is cut off


class Outbox:
    """Sends frames in order, so that a client that does not read holds up nobody else.

    A client that keeps up costs one write a frame; what one that lags has not taken waits here. A client that
    lets more than the limits pile up is slow: what waits is dropped, `farewell` is tried once, and the
    connection is cut. There is no replay after a reconnect, as at Alpaca.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.WriteTransport,
        farewell: Framed | None = None,
    ) -> None:
        self._socket = socket
        self._transport = transport
        self._farewell = farewell
        self._compressed = bool(socket.compress)
        self._frames: deque[Framed] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._empty = asyncio.Event()
        self._empty.set()
        self.slow = False
        self.account = ""
        """The key of the account whose connection it is, once that is known."""
        self._task = asyncio.create_task(self._send_forever())

    def put(self, frame: Framed) -> None:
        """Sends one frame, or queues it behind those that wait; at the limit the client is cut off."""
        if self.slow or (not self._frames and self._sent_at_once(frame)):
            return
        if len(self._frames) >= FRAMES_LIMIT or self._bytes >= BYTES_LIMIT:
            self.cut()
            return
        self._frames.append(frame)
        self._bytes += len(frame.payload)
        if not self._has_room:
            self._room.clear()
        self._empty.clear()
        self._wake.set()

    def cut(self) -> None:
        """Ends a client that is too slow."""
        self.slow = True
        self._frames.clear()
        self._release_waiters()
        self._task.cancel()
        self._task = asyncio.create_task(self._part())

    async def room(self, patience_seconds: float) -> None:
        """Waits until the queue is below half; a client that needs longer than the patience is cut off."""
        if self._room.is_set():
            return
        try:
            await asyncio.wait_for(self._room.wait(), patience_seconds)
        except TimeoutError:
            self.cut()

    async def flushed(self, patience_seconds: float) -> None:
        """Waits until everything queued has been handed to the socket, at most `patience_seconds`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), patience_seconds)

    def close(self) -> None:
        """Stops sending; for a connection that has ended."""
        self._task.cancel()
        self._release_waiters()

    @property
    def _has_room(self) -> bool:
        return self._bytes <= BYTES_LIMIT // 2 and len(self._frames) <= FRAMES_LIMIT // 2

    def _release_waiters(self) -> None:
        self._room.set()
        self._empty.set()

    def _sent_at_once(self, frame: Framed) -> bool:
        transport = self._transport
        if self._compressed:
            return False
        if self._socket.closed or transport.is_closing():
            return True  # nobody is there to take it
        if transport.get_write_buffer_size() > TRANSPORT_BYTES_LIMIT:
            return False
        transport.write(frame.wire)
        return True

    async def _send_forever(self) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            while True:
                while self._frames:
                    await self._send(self._frames[0])
                    self._bytes -= len(self._frames.popleft().payload)
                    if self._has_room:
                        self._room.set()
                self._wake.clear()
                self._empty.set()
                await self._wake.wait()

    async def _send(self, frame: Framed) -> None:
        if self._compressed:
            kind = WSMsgType.TEXT if frame.is_text else WSMsgType.BINARY
            await self._socket.send_frame(frame.payload, kind)
            return
        while not self._sent_at_once(frame):  # noqa: ASYNC110  a transport tells only its own protocol when it has room
            await asyncio.sleep(LAG_POLL_SECONDS)

    async def _send_behind_all(self, frame: Framed) -> None:
        """However much the transport holds already: for the last frame, which a client may still come to read."""
        if self._compressed:
            await self._send(frame)
        elif not self._transport.is_closing():
            self._transport.write(frame.wire)

    async def _part(self) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError, TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                if self._farewell is not None:
                    await self._send_behind_all(self._farewell)
                await self._socket.close(code=1008, message=b"slow client")
        self._transport.abort()  # whatever is still buffered


def transport_of(request: web.Request) -> asyncio.WriteTransport:
    """The transport beneath an upgraded request. Raises ConnectionError when the client has gone."""
    if not isinstance(request.transport, asyncio.WriteTransport):
        raise ConnectionResetError("the client has gone")
    return request.transport
