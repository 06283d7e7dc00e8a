"""While a world lives, nothing of ours may look at the real clock, wait, open a socket or begin a thread."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

OURS = "the_alchemiser."
CLOCKS = ("time", "time_ns", "monotonic", "monotonic_ns", "clock_gettime", "clock_gettime_ns")
NEVER = ((time, "sleep"), (socket.socket, "connect"), (socket.socket, "bind"), (threading.Thread, "start"))


class RealWorldTouched(AssertionError):
    """Code inside a simulation asked the real world, which answers differently every time."""


@contextmanager
def nothing_real() -> Iterator[None]:
    """Inside the block the real world's clocks raise for our modules, its waits, sockets and threads for everybody.

    Libraries may still ask for the time of day: aiohttp writes it into a header and logging into a record.
    """
    with ExitStack() as patches:
        for name in CLOCKS:
            patches.enter_context(patch.object(time, name, _guarded(name, getattr(time, name))))
        for owner, name in NEVER:
            patches.enter_context(patch.object(owner, name, _refusing(name)))
        yield


def _guarded(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def ask(*arguments: Any) -> Any:
        asking = str(sys._getframe(1).f_globals.get("__name__", ""))
        if asking.startswith(OURS):
            raise RealWorldTouched(f"{asking} asked time.{name}")
        return real(*arguments)

    return ask


def _refusing(name: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise RealWorldTouched(f"{name} in a simulation")

    return refuse
