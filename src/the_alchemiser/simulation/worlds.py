"""Which world a schedule is for: the core's, or the one whose processes are whole."""

from __future__ import annotations

from the_alchemiser.simulation.schedule import Schedule
from the_alchemiser.simulation.world import World


def world_of(schedule: Schedule) -> World:
    """The world that lives this schedule."""
    if schedule.shell:
        # The adapter and an HTTP server take a second to import: the core's worlds need neither.
        from the_alchemiser.simulation.shell.world import ShellWorld

        return ShellWorld(schedule)
    return World(schedule)
