"""The machine a simulated process runs on: the adapter's platform, all of it from the world."""

from __future__ import annotations

import random

from the_alchemiser.broker.platform import Platform
from the_alchemiser.domain.instants import SECOND
from the_alchemiser.simulation.shell.network import Host
from the_alchemiser.simulation.shell.sockets import ThreadNetwork, VirtualWaits, Waiting
from the_alchemiser.simulation.threads import Crew
from the_alchemiser.simulation.virtual import VirtualTime

IDLE_SECONDS_MAX = 30.0
"""Nothing here sleeps unnoticed, so a driver need not look at its clock every second."""


def platform_of(time: VirtualTime, crew: Crew, host: Host, chance: random.Random) -> Platform:
    """Time, waits, dice and connections of one process."""
    waiting = Waiting(time, crew)
    return Platform(
        monotonic=lambda: time.now / SECOND,
        elapsed=lambda: time.now,
        waits=lambda: VirtualWaits(waiting),
        random=chance.random,
        network=ThreadNetwork(host, waiting),
        idle_seconds_max=IDLE_SECONDS_MAX,
        has_process_alone=False,
        use_aiofastnet=False,
    )
