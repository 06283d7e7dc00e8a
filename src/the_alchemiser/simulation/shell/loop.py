"""An event loop that lives in virtual time: it runs what is ready, and is called again when its next timer is due.

One loop is one process. A killed one is not run again and keeps its coroutines, a stopped one runs on later; what its
timers and its callers put into it meanwhile waits in it.
"""

from __future__ import annotations

import asyncio
import heapq
import sys
import threading
from asyncio import events
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from the_alchemiser.domain.instants import SECOND, Nanos
from the_alchemiser.simulation.shell.network import End, Host, Listening
from the_alchemiser.simulation.shell.transports import MemoryTransport
from the_alchemiser.simulation.threads import Crew
from the_alchemiser.simulation.virtual import VirtualTime

ROUNDS_MAX = 100_000
"""So many rounds without anything to wait for are not work but a loop that spins."""
FAREWELL_ROUNDS_MAX = 1_000


class LoopSpins(Exception):
    """A process computes for ever: it never waits for time to pass."""


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop of one process. Its thread pool is the crew of the process, whatever executor is named."""

    # What the base class keeps and does not declare.
    _ready: deque[asyncio.Handle]
    _scheduled: list[Any]
    _thread_id: int | None

    # The base class's own round waits for sockets; ours has nothing to wait for.

    def __init__(self, time: VirtualTime, crew: Crew, host: Host) -> None:
        super().__init__()
        self._virtual, self._crew, self._host = time, crew, host
        self._origin = time.now
        self._wakes: list[Nanos] = []
        """When the world will call again; a wake is only asked for where none comes earlier."""
        self._is_pumping = False
        self._is_stopped = False
        self.is_dead = False
        self.complaints: list[str] = []
        """What nobody caught: a task that died silently, a callback that raised."""
        self.signals: dict[int, Callable[[], object]] = {}
        self.set_exception_handler(lambda _, context: self.complaints.append(_told(context)))

    # Time

    def time(self) -> float:
        """Virtual seconds since the process began."""
        return (self._virtual.now - self._origin) / SECOND

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Any = None) -> asyncio.Handle:  # type: ignore[override]
        handle = super().call_soon(callback, *args, context=context)
        self._wake(self._virtual.now)
        return handle

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        handle = super().call_at(when, callback, *args, context=context)
        self._wake(self._instant(when))
        return handle

    def _instant(self, when: float) -> Nanos:
        # A real timer fires a little late, never early; libraries compare with that in mind.
        return self._origin + round(when * SECOND) + 1

    def _wake(self, instant: Nanos) -> None:
        instant = max(instant, self._virtual.now)
        if self._is_pumping or (self._wakes and self._wakes[0] <= instant):
            return
        heapq.heappush(self._wakes, instant)
        self._virtual.at(instant, self._pump)

    # Life

    def stop_process(self) -> None:
        """As SIGSTOP does it."""
        self._is_stopped = True

    def continue_process(self) -> None:
        """As SIGCONT does it."""
        self._is_stopped = False
        self._wake(self._virtual.now)

    def kill(self) -> None:
        """Nothing in it runs again, not even to clean up."""
        self.is_dead = True

    def bury(self) -> None:
        """The world is over: let the coroutines end, which happens to nobody."""
        self.is_dead = False
        self._run(FAREWELL_ROUNDS_MAX, self._cancel_all)
        self.is_dead = True
        self._ready.clear()
        self._scheduled.clear()

    def _cancel_all(self) -> None:
        for task in asyncio.all_tasks(self):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            task.cancel()

    def _pump(self) -> None:
        """Run everything that is ready or due, and be called again for what is not."""
        heapq.heappop(self._wakes)
        if self.is_dead or self._is_stopped:
            return
        if self._run(ROUNDS_MAX):
            raise LoopSpins(f"{ROUNDS_MAX} rounds without waiting: {self.tasks_told()}")
        if self._scheduled:
            self._wake(self._instant(self._scheduled[0]._when))

    def _run(self, rounds_max: int, first: Callable[[], None] = lambda: None) -> bool:
        """Whether there is more to run after so many rounds."""
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(self._asyncgen_firstiter_hook, self._asyncgen_finalizer_hook)  # type: ignore[attr-defined]
        self._thread_id, self._is_pumping = threading.get_ident(), True
        before = events._get_running_loop()
        events._set_running_loop(self)
        try:
            first()
            for _ in range(rounds_max):
                self._make_ready()
                if not self._ready:
                    return False
                for _ in range(len(self._ready)):
                    handle = self._ready.popleft()
                    if not handle._cancelled:
                        handle._run()
            return True
        finally:
            events._set_running_loop(before)
            self._thread_id, self._is_pumping = None, False
            sys.set_asyncgen_hooks(*hooks)

    def _make_ready(self) -> None:
        """Timers that are due stand behind what is ready already."""
        now = self.time()
        while self._scheduled and (self._scheduled[0]._cancelled or self._scheduled[0]._when < now):
            handle = heapq.heappop(self._scheduled)
            handle._scheduled = False
            if not handle._cancelled:
                self._ready.append(handle)

    def tasks_told(self) -> str:
        """What each task waits for, for a failure's text."""
        return "; ".join(sorted(repr(task) for task in asyncio.all_tasks(self)))

    # Threads

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Run it in a thread of the crew."""
        future = self.create_future()

        def work() -> None:
            try:
                result = func(*args)
            except Exception as error:  # noqa: BLE001 - it belongs to whoever waits for it
                self.call_soon(_fail, future, error)
            else:
                self.call_soon(_fulfil, future, result)

        self._crew.spawn(work)
        return future

    # The network

    async def create_connection(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], Any],
        host: str,
        port: int,
        *,
        ssl: object = None,
        **_: Any,
    ) -> tuple[MemoryTransport, Any]:
        """As the real one, over the network of the world. TLS is taken for granted: nobody listens in here."""
        opened = self.create_future()
        self._host.connect(host, port, partial(self.call_soon, _settle, opened))
        end = await opened
        protocol = protocol_factory()
        return MemoryTransport(self, end, protocol, is_secure=ssl is not None), protocol

    async def create_server(  # type: ignore[override]
        self, protocol_factory: Callable[[], Any], host: str, port: int, **_: Any
    ) -> Listening:
        """Listen at a name and port; any port may be taken on each host."""

        def accept(end: End) -> None:
            MemoryTransport(self, end, protocol_factory())

        return self._host.listen(host, port, partial(self.call_soon, accept))

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:  # type: ignore[override]
        """`signals` holds what the world may send."""
        self.signals[sig] = lambda: self.call_soon(callback, *args)

    def remove_signal_handler(self, sig: int) -> bool:
        """Whether there was one."""
        return self.signals.pop(sig, None) is not None


def _told(context: dict[str, Any]) -> str:
    return f"{context.get('message')}: {context.get('exception')!r}"


def _settle(future: asyncio.Future[Any], outcome: Any) -> None:
    if isinstance(outcome, Exception):
        _fail(future, outcome)
    else:
        _fulfil(future, outcome)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _fulfil(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)
