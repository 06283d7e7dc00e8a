"""Bugs of the live driver, the adapter and the stream client, each planted in a process of its own.

`python -m tests.simulation.shell.planted NAME FIRST COUNT` says in which of so many seeds the judge objects first.
"""

from __future__ import annotations

import sys

from tests.mutants.planting import Mutant, plant

PLANTED = (
    Mutant(
        "no_deadline",
        "a conversation may take as long as it likes",
        "broker/sockets.py",
        "if left <= 0:",
        "left = 1e6\n        if left <= 0:",
    ),
    Mutant(
        "sent_before_durable",
        "effects leave while their facts are still being written",
        "runtime/live.py",
        '            trouble = await self._commit(facts) if facts else ""\n'
        "            outside = self._turn.let_out(facts, effects)\n",
        "            outside = self._turn.let_out(facts, effects)\n"
        "            await self._pace.carry_out(outside)\n"
        '            trouble, outside = (await self._commit(facts) if facts else ""), []\n',
    ),
)


def hunt(name: str, first: int, count: int) -> str:
    """The seed and the invariant, or that nobody objected."""
    plant(next(mutant for mutant in PLANTED if mutant.name == name))
    from the_alchemiser.simulation.schedule import Schedule
    from the_alchemiser.simulation.shell.world import ShellWorld

    for seed in range(first, first + count):
        violations = ShellWorld(Schedule(seed)).run().violations
        if violations:
            return f"{seed} {violations[0].invariant} {violations[0].text}"
    return "nobody objected"


if __name__ == "__main__":
    print(hunt(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
