"""Every point between which a process may die: around all that becomes durable and all that crosses the network.

Seeds do not strike here; they have moments of their own. A schedule that lists a death at the n-th point does, and the
crash matrix lists each of them in turn.
"""

from __future__ import annotations

from collections.abc import Callable

from the_alchemiser.simulation.director import Director
from the_alchemiser.simulation.schedule import Fault
from the_alchemiser.simulation.threads import Crew

KILL = "kill"
"""The process dies; what it has written stays with the kernel. After a power cut only what was synced is there."""


class Points:
    """The points of one process. `suffer` brings the death about."""

    def __init__(self, director: Director, crew: Crew, suffer: Callable[[Fault], None]) -> None:
        self._director, self._crew, self._suffer = director, crew, suffer

    def meet(self, name: str) -> None:
        """One of the process's own threads is here; if the process dies now, the thread never goes on."""
        fault = self._director.reach(name)
        if fault is not None:
            self._die(fault)

    def meet_unsynced(self, name: str, write: Callable[[], None]) -> None:
        """Something is written but not synced yet: it outlives the process, but not the power."""
        fault = self._director.reach(name)
        if fault is not None:
            if fault.kind == KILL:
                write()
            self._die(fault)

    def pass_by(self, name: str) -> None:
        """Something happens outside of the process at which it may die."""
        fault = self._director.reach(name)
        if fault is not None:
            self._suffer(fault)

    def _die(self, fault: Fault) -> None:
        self._suffer(fault)
        self._crew.sleep(0)  # where a thread that was killed stays
