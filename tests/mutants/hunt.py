"""One mutant hunted in one process: seed after seed lives with the bug in it, until the judge objects.

`python -m tests.mutants.hunt NAME FIRST COUNT` prints one line of JSON: the seed, the invariant, what was said.
"""

from __future__ import annotations

import json
import signal
import sys
from types import FrameType
from typing import Any

from .planting import plant
from .table import MUTANTS

SEED_SECONDS_MAX = 60
"""A world that takes this long goes in circles: that is found, too."""


class _Found(BaseException):
    """The judge objected. Not an Exception: nothing in a world may take it for a failure of its own."""


class _GoesInCircles(BaseException):
    """The world does not end."""


class _FirstOnly(list[Any]):
    """The judge's list of violations: the first one ends the world."""

    def append(self, violation: Any) -> None:
        super().append(violation)
        raise _Found


def _stop(signal_number: int, frame: FrameType | None) -> None:
    raise _GoesInCircles


def hunt(name: str, first: int, count: int) -> dict[str, Any]:
    """The first seed of `count` in which the mutant is found; none: `seed` is -1."""
    plant(next(mutant for mutant in MUTANTS if mutant.name == name))
    signal.signal(signal.SIGALRM, _stop)
    for seed in range(first, first + count):
        signal.alarm(SEED_SECONDS_MAX)
        found = _live(seed)
        signal.alarm(0)
        if found:
            return {"name": name, "seed": seed, "invariant": found[0], "text": found[1]}
    return {"name": name, "seed": -1, "invariant": "", "text": f"survived {count} seeds"}


def _live(seed: int) -> tuple[str, str] | None:
    from the_alchemiser.simulation.schedule import Schedule
    from the_alchemiser.simulation.world import World

    world = World(Schedule(seed))
    world.clerk.judge.violations = found = _FirstOnly()
    try:
        found += world.run().violations
    except _Found:
        pass
    except _GoesInCircles:
        return "I-BND", f"no end after {SEED_SECONDS_MAX} s"
    return (found[0].invariant, found[0].text) if found else None


if __name__ == "__main__":
    print(json.dumps(hunt(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
    sys.stdout.flush()
    # A world that was left in the middle has threads that nobody wants to end in order.
    __import__("os")._exit(0)
