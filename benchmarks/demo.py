"""The demonstration as its user meets it: one process from the command to the report, five market days in between.

seconds and seconds_to_first_fill are the command's own words, process_s is what a watch beside it says, so the
difference is starting Python and importing; python_start_s is the least any Python command takes. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.rounds import percentile, tell

SECONDS_MAX = 1_800.0


def run(days: int, folder: Path) -> dict[str, Any]:
    """One demonstration in an empty folder. Ends this process where it fails or its books do not agree."""
    command = ["-m", "the_alchemiser", "demo", "--days", str(days), "--speed", "max", "--no-serve", "--json"]
    seconds, output = timed([*command, "--out", str(folder / "demo")], folder)
    told: dict[str, Any] = json.loads(output)
    if not told["reconciled"]:
        raise SystemExit(f"the demonstration does not reconcile: {told['differences']}")
    return told | {"process_s": seconds}


def timed(arguments: Sequence[str], folder: Path) -> tuple[float, str]:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
    )
    if done.returncode:
        raise SystemExit(f"exit code {done.returncode}: {' '.join(arguments)}\n{done.stderr}")
    return time.perf_counter() - began, done.stdout


def measure(days: int, rounds: int) -> dict[str, Any]:
    starts, runs = [], []
    for _ in range(rounds):
        with TemporaryDirectory() as folder:
            starts.append(timed(["-c", ""], Path(folder))[0])
            runs.append(run(days, Path(folder)))
    keys = ("process_s", "seconds", "seconds_to_first_fill")
    figures = {key: round(percentile([one[key] for one in runs], 50), 3) for key in keys}
    return {
        "days": days,
        "rounds": rounds,
        **figures,
        "python_start_s": round(percentile(starts, 50), 3),
        "orders": runs[0]["orders_submitted"],
        "fills": runs[0]["fills"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    tell("demo", measure(options.days, options.rounds))


if __name__ == "__main__":
    main()
