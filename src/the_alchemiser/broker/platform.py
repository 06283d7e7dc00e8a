"""What the adapter takes from the machine it runs on: time, waiting, dice, connections.

Given whole, so that a simulation can be all of it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from the_alchemiser.broker.resilience import Waits
from the_alchemiser.broker.sockets import Network, SystemNetwork
from the_alchemiser.domain.instants import Nanos

# Linux stops its plain monotonic clock while the machine sleeps; a woken laptop would trade hours late.
_AWAKE_OR_NOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def elapsed() -> Nanos:
    """Time since some fixed instant, the machine's sleep included; nobody can set it."""
    return time.clock_gettime_ns(_AWAKE_OR_NOT)


@dataclass(frozen=True, eq=False)
class Platform:
    """One machine. The same settings on another machine are another account manager."""

    monotonic: Callable[[], float] = time.monotonic
    elapsed: Callable[[], Nanos] = elapsed
    waits: Callable[[], Waits] = Waits
    """Makes what budgets and retries wait by."""
    random: Callable[[], float] = random.SystemRandom().random
    network: Network = field(default_factory=SystemNetwork)
    idle_seconds_max: float = 1.0
    """How long a driver may sleep before it looks at its clock again: the machine may have slept meanwhile, which the
    timers of an event loop do not notice."""
    has_process_alone: bool = True
    """Whether this interpreter runs nothing else, so that the memory of the start may be kept from ever being swept."""
    use_aiofastnet: bool | None = None
    """Whether streams open their sockets past the event loop; None where the library that can do it is installed."""


SYSTEM = Platform()
"""The machine this really runs on."""
