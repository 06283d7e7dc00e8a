"""One side of a connection as asyncio's protocols want it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from the_alchemiser.simulation.shell.network import End, NamedSocket


class MemoryTransport(asyncio.Transport):
    """Bytes of a protocol into the network and back. Writing never waits: the network has room for everything."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, end: End, protocol: Any, *, is_secure: bool = False
    ) -> None:
        name = (end.name, 0)
        super().__init__(
            {
                "socket": NamedSocket(name),
                "sockname": name,
                "peername": (end.peer.name, 0),
                "ssl_object": self if is_secure else None,
            }
        )
        self._loop, self._end, self._protocol = loop, end, protocol
        self._is_closing = False
        self._is_lost = False
        self._is_paused = False
        self._unread: list[Callable[[], None]] = []
        protocol.connection_made(self)
        end.receive(self)

    # What the network tells, at once; the protocol hears of it when the loop gets there

    def arrived(self, piece: bytes) -> None:
        self._loop.call_soon(self._read, lambda: self._feed(piece))

    def ended(self, error: OSError | None) -> None:
        if error is not None:
            self._end.broken(error)
        self._loop.call_soon(self._read, lambda: self._lose(error))

    def _read(self, happening: Callable[[], None]) -> None:
        if self._is_paused:
            self._unread.append(happening)
        elif not self._is_lost:
            happening()

    def _feed(self, piece: bytes) -> None:
        if self._is_closing:
            return
        if not hasattr(self._protocol, "get_buffer"):
            self._protocol.data_received(piece)
            return
        rest = memoryview(piece)
        while rest and not self._is_closing:
            buffer = self._protocol.get_buffer(len(rest))
            count = min(len(buffer), len(rest))
            buffer[:count] = rest[:count]
            rest = rest[count:]
            self._protocol.buffer_updated(count)

    def _lose(self, error: OSError | None) -> None:
        if self._is_lost:
            return
        if error is None and not self._is_closing and self._protocol.eof_received():
            return
        self._is_closing = True
        self._end.close()
        self._part(error)

    def _part(self, error: OSError | None) -> None:
        if not self._is_lost:
            self._is_lost = True
            self._protocol.connection_lost(error)

    # What the protocol asks

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._is_lost or self._is_closing:
            return
        try:
            self._end.send(bytes(data))
        except ConnectionError as error:
            self._loop.call_soon(self._lose, error)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._end.close()
            self._loop.call_soon(self._part, None)

    def abort(self) -> None:
        if not self._is_lost:
            self._is_closing = True
            self._end.orphan(resets=True)
            self._loop.call_soon(self._part, None)

    def is_closing(self) -> bool:
        return self._is_closing

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        self._is_paused = False
        unread, self._unread = self._unread, []
        for happening in unread:
            self._loop.call_soon(self._read, happening)

    def is_reading(self) -> bool:
        return not self._is_paused and not self._is_closing

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def get_write_buffer_size(self) -> int:
        return 0

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return (0, 2**20)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def can_write_eof(self) -> bool:
        return False
