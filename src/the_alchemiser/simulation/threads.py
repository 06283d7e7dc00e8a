"""Threads without chance: one runs at a time, and each waits in virtual time.

They are greenlets, so that blocking code, such as a conversation with the broker, runs as it is written. The threads
of a process that is killed are never run again but stay referenced until their world has been judged: Python would run
their `finally` blocks on collecting them, and a kill would clean up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import greenlet  # type: ignore[import-untyped]

from the_alchemiser.domain.instants import SECOND
from the_alchemiser.simulation.virtual import VirtualTime

Deliver = Callable[[Any], None]


class Crew:
    """The threads of one process: they are killed, stopped and continued together.

    `failed` is told what one of them raised; the crew is dead then.
    """

    def __init__(self, time: VirtualTime, failed: Callable[[Exception], None]) -> None:
        self._time, self._failed = time, failed
        self._scheduler = greenlet.getcurrent()
        self._threads: list[Any] = []
        self._held: list[tuple[Any, Any]] = []
        self._is_stopped = False
        self.is_dead = False

    def spawn(self, run: Callable[[], None]) -> None:
        """Begin a thread at this instant."""
        thread = greenlet.greenlet(lambda _: run(), self._scheduler)
        self._threads.append(thread)
        self._time.at(self._time.now, lambda: self._switch(thread, None))

    def wait(self, begin: Callable[[Deliver], None]) -> Any:
        """Let the thread that calls wait until what `begin` sets going delivers a value, once and later."""
        thread = greenlet.getcurrent()
        begin(lambda value: self._switch(thread, value))
        return self._scheduler.switch()

    def sleep(self, seconds: float) -> None:
        """Let the thread that calls wait for so long."""
        at = self._time.now + round(seconds * SECOND)
        self.wait(lambda deliver: self._time.at(at, lambda: deliver(None)))

    def kill(self) -> None:
        """None of the threads runs again, not even to clean up."""
        self.is_dead = True
        self._held.clear()

    def stop(self) -> None:
        """As SIGSTOP does it: what the threads wait for arrives, and they do not notice."""
        self._is_stopped = True

    def go_on(self) -> None:
        """As SIGCONT does it: now they notice, in the order in which it arrived."""
        self._is_stopped = False
        held, self._held = self._held, []
        for thread, value in held:
            self._time.at(self._time.now, lambda thread=thread, value=value: self._switch(thread, value))  # type: ignore[misc]

    def bury(self) -> None:
        """The world is over: let the threads' frames go. What they still try to do happens to nobody."""
        self.is_dead = True
        for thread in self._threads:
            if thread:
                thread.throw()
        self._threads.clear()

    def _switch(self, thread: Any, value: Any) -> None:
        if self.is_dead:
            return
        if self._is_stopped:
            self._held.append((thread, value))
            return
        try:
            thread.switch(value)
        except Exception as error:  # noqa: BLE001 - whatever it is, the process has died of it
            self.kill()
            self._failed(error)
        if thread.dead:
            self._threads.remove(thread)
