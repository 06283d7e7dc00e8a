"""Hunt the mutants: `python -m tests.mutants [NAME ...] [--seeds 300] [-j 2]`.

The seeds that found them are written down for the suite and for docs/proof.md.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

from . import findings
from .table import MUTANTS


def main() -> int:
    """Exit code 1 where a mutant survives."""
    asked = argparse.ArgumentParser(prog="python -m tests.mutants")
    asked.add_argument("names", nargs="*")
    asked.add_argument("--seeds", type=int, default=300)
    asked.add_argument("-j", type=int, default=2)
    options = asked.parse_args()
    chosen = [mutant for mutant in MUTANTS if not options.names or mutant.name in options.names]
    survivors = 0
    found = findings.read()
    with ThreadPoolExecutor(options.j) as pool:
        for finding in pool.map(lambda mutant: findings.hunted(mutant.name, 0, options.seeds), chosen):
            survivors += finding.seed < 0
            found[finding.name] = finding
            print(f"{finding.name:<34} {finding.told()}", flush=True)
            findings.write(found)
    print(f"{len(chosen) - survivors} of {len(chosen)} found")
    return 1 if survivors else 0


sys.exit(main())
