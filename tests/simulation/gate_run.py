"""Lives a range of seeds in a process of its own and prints what became of each: `python gate_run.py FIRST LAST`."""

from __future__ import annotations

import json
import sys

from the_alchemiser.simulation.schedule import Schedule
from the_alchemiser.simulation.sweep import sweep


def main(first: int, last: int) -> None:
    found = [
        {
            "seed": lived.seed,
            "digest": lived.digest,
            "faults": {f"{site}: {kind}": count for (site, kind), count in lived.faults.items()},
            "probes": lived.probes,
            "violations": [str(violation) for violation in lived.violations],
        }
        for lived in sweep([Schedule(seed) for seed in range(first, last + 1)])
    ]
    json.dump(found, sys.stdout)


main(*map(int, sys.argv[1:]))
