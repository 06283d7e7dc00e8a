"""What the order stream said, kept until the driver takes it: every update, each gap, and silence that is no rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from the_alchemiser.domain.events import (
    Event,
    OrderHeard,
    StreamGarbled,
    StreamLost,
    StreamRestored,
    StreamSuspected,
)
from the_alchemiser.domain.hearing import Deaf, Garbled
from the_alchemiser.domain.instants import Nanos
from the_alchemiser.domain.orders import ClientOrderId
from the_alchemiser.domain.probes import probe
from the_alchemiser.ports import StreamingRepository

HEARD_MAX = 10_000
"""With so many order updates not yet taken the stream is left waiting; nothing is dropped."""
CATCH_UP_SECONDS_MAX = 10.0
"""How long the stream may lag behind an answer in lockstep before that is a fault."""
UNTOLD_SECONDS_MAX = 10.0
"""An order that was answered must be heard of on the stream within this time, or the stream is mute."""
GARBLED_SECONDS = 5.0
"""What could not be understood is told at once, then at most so often: each telling costs a read of the record."""
NAMES_MAX = 10_000
"""So many of our newest orders are known to have been heard of."""


class Ear:
    """Listens to the order stream for ever and keeps what it heard until the driver takes it."""

    def __init__(
        self,
        stream: StreamingRepository,
        now: Callable[[], Nanos],
        *,
        untold_seconds: float = UNTOLD_SECONDS_MAX,
        garbled_seconds: float = GARBLED_SECONDS,
    ) -> None:
        self._stream, self._now = stream, now
        self._heard: list[Event] = []
        self._is_connected = asyncio.Event()
        self._room = asyncio.Event()
        self._expected = _Expected(untold_seconds, self._suspect)
        self._garbles = _Garbles(garbled_seconds, self._tell_garbled)
        self.arrival = asyncio.Event()
        self.sequence = 0

    async def hear(self) -> None:
        """Runs until cancelled."""
        try:
            async for heard in self._stream.order_updates():
                self.sequence = self._stream.sequence
                self._take_in(heard)
                if len(self._heard) >= HEARD_MAX:
                    probe("ear.full")
                    self._room.clear()
                    await self._room.wait()
        finally:
            self._expected.forget()
            self._garbles.forget()

    @property
    def trouble(self) -> str:
        """Why the stream does not listen, in one line; empty while it does."""
        return self._stream.trouble

    async def connected(self) -> None:
        """Returns once the stream listens: only then can a read of the broker's record miss nothing."""
        await self._is_connected.wait()

    def expect(self, name: ClientOrderId) -> None:
        """The broker has answered for this order: the stream must say something of it soon."""
        self._expected.add(name)

    def take(self) -> list[Event]:
        """Everything heard since the last call."""
        heard, self._heard = self._heard, []
        self.arrival.clear()
        self._room.set()
        return heard

    async def caught_up(self, sequence: int) -> None:
        """Wait until stream message number `sequence` has been heard. Raises TimeoutError when it does not come."""
        async with asyncio.timeout(CATCH_UP_SECONDS_MAX):
            while self.sequence < sequence:
                self.arrival.clear()
                await self.arrival.wait()

    def _take_in(self, heard: OrderHeard | Deaf | Garbled | None) -> None:
        if isinstance(heard, OrderHeard):
            self._expected.remove(heard.report.client_order_id)
            self._keep(heard)
        elif isinstance(heard, Garbled):
            self._garbles.add(heard.reason)
            self.arrival.set()
        elif isinstance(heard, Deaf):
            self._lose(heard.reason)
        else:
            self._listen()

    def _keep(self, event: Event) -> None:
        self._heard.append(event)
        self.arrival.set()

    def _listen(self) -> None:
        """It listens, for the first time or again. Twice in a row needs one read."""
        self._expected.forget()
        if not self._is_connected.is_set():
            self._is_connected.set()
            self.arrival.set()
        elif not (self._heard and isinstance(self._heard[-1], StreamRestored)):
            self._keep(StreamRestored(self._now()))

    def _lose(self, reason: str) -> None:
        """Before it ever listened nothing has begun: the start itself reports that it cannot listen."""
        if self._is_connected.is_set():
            self._keep(StreamLost(self._now(), reason))

    def _tell_garbled(self, reason: str, messages: int) -> None:
        self._keep(StreamGarbled(self._now(), reason, messages))

    def _suspect(self, names: list[ClientOrderId]) -> None:
        """Orders were answered and never spoken of. While it does not listen that is no wonder, and will be read."""
        if self._stream.trouble:
            return
        probe("ear.order_never_told")
        reason = f"{len(names)} orders were answered and not heard of, {names[0]} among them"
        self._keep(StreamSuspected(self._now(), reason))
        self._stream.suspect(f"the stream is mute: {reason}")


class _Expected:
    """Orders the stream must speak of, and by when. One timer, for the oldest of them."""

    def __init__(self, seconds: float, overdue: Callable[[list[ClientOrderId]], None]) -> None:
        self._seconds, self._overdue = seconds, overdue
        self._due_at: dict[ClientOrderId, float] = {}
        self._told: dict[ClientOrderId, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, name: ClientOrderId) -> None:
        """Wait for this one, unless it was heard of before its answer came."""
        if name not in self._told and name not in self._due_at and len(self._due_at) < NAMES_MAX:
            self._due_at[name] = asyncio.get_running_loop().time() + self._seconds
            self._set_timer()

    def remove(self, name: ClientOrderId) -> None:
        """It was heard of."""
        self._due_at.pop(name, None)
        self._told[name] = None
        if len(self._told) > NAMES_MAX:
            del self._told[next(iter(self._told))]

    def forget(self) -> None:
        """Wait for none of them: the connection they were to be told on is gone."""
        self._due_at.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        if self._timer is None and self._due_at:
            due_at = next(iter(self._due_at.values()))
            self._timer = asyncio.get_running_loop().call_at(due_at, self._look)

    def _look(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        overdue = [name for name, due_at in self._due_at.items() if due_at <= now]
        if overdue:
            self._due_at.clear()
            self._overdue(overdue)
        self._set_timer()


class _Garbles:
    """Tells what could not be understood: the first at once, the following together after a while."""

    def __init__(self, seconds: float, tell: Callable[[str, int], None]) -> None:
        self._seconds, self._tell = seconds, tell
        self._count = 0
        self._reason = ""
        self._timer: asyncio.TimerHandle | None = None

    def add(self, reason: str) -> None:
        self._count += 1
        self._reason = reason
        if self._timer is None:
            self._tell_all()

    def forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell_all(self) -> None:
        """Tell what there is, and rest; with nothing to tell the next one is told at once again."""
        self._timer = None
        if self._count:
            count, self._count = self._count, 0
            self._tell(self._reason, count)
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._tell_all)
