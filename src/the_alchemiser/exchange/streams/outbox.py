"""The bounded queue of frames between the exchange and one WebSocket client."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

from aiohttp import web

FRAMES_LIMIT = 20_000
BYTES_LIMIT = 16 * 1024 * 1024
FAREWELL_SECONDS = 1.0

Frame = bytes | str


class Outbox:
    """Sends frames in order, in its own task, so that a client that does not read holds up nobody else.

    A client that lets more than the limits pile up is slow: what waits is dropped, `farewell` is tried once,
    and the connection is cut. There is no replay after a reconnect, as at Alpaca.
    """

    def __init__(self, socket: web.WebSocketResponse, farewell: Frame | None = None) -> None:
        self._socket = socket
        self._farewell = farewell
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._empty = asyncio.Event()
        self._empty.set()
        self.slow = False
        self._task = asyncio.create_task(self._send_forever())

    def put(self, frame: Frame) -> None:
        """Queues one frame; at the limit the client is cut off."""
        if self.slow:
            return
        if len(self._frames) >= FRAMES_LIMIT or self._bytes >= BYTES_LIMIT:
            self.cut()
            return
        self._frames.append(frame)
        self._bytes += len(frame)
        if self._bytes > BYTES_LIMIT // 2 or len(self._frames) > FRAMES_LIMIT // 2:
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

    def _release_waiters(self) -> None:
        self._room.set()
        self._empty.set()

    async def _send_forever(self) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            while True:
                while self._frames:
                    await self._send(self._frames[0])
                    self._bytes -= len(self._frames.popleft())
                    if self._bytes <= BYTES_LIMIT // 2 and len(self._frames) <= FRAMES_LIMIT // 2:
                        self._room.set()
                self._wake.clear()
                self._empty.set()
                await self._wake.wait()

    async def _send(self, frame: Frame) -> None:
        if isinstance(frame, str):
            await self._socket.send_str(frame)
        else:
            await self._socket.send_bytes(frame)

    async def _part(self) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError, TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                if self._farewell is not None:
                    await self._send(self._farewell)
                await self._socket.close(code=1008, message=b"slow client")
        abort(self._socket)


def abort(socket: web.WebSocketResponse) -> None:
    """Resets the connection beneath a socket, whatever is still buffered."""
    transport = socket.get_extra_info("transport")
    if transport is not None:
        transport.abort()
