"""Runs the benchmarks, each as a process of its own, one after the other: `python -m benchmarks [--quick] [NAME…]`.

Each prints its JSON line as it comes. One that fails does not stop the others; the command fails at the end.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

FOLDER = Path(__file__).parent
SECONDS_MAX = 1_800.0

QUICK = {
    # The peers of the first are in the bench extra only; the quick run needs nothing but the product.
    "backtest_sma": "--bars 5000 --engines ours,reference",
    "engine_steps": "--bars 5000 --rounds 1 --days 1",
    "exchange_core": "--rounds 200",
    "order_accept": "--orders 50 --rounds 1",
    "many_accounts": "--accounts 3 --orders 10",
    "exchange_year": "--days 3 --orders 6",
    "exchange_stream": "--rounds 1 --subscribers 2 --listeners 5 --orders 5",
    "stream_ingest": "--rounds 1 --messages 5000",
    "exchange_start": "--rounds 1",
    "journal": "--days 1",
    "journal_start": "--facts 1000",
    "order_round_trip": "--orders 10 --rounds 1",
    "decision_to_socket": "--decisions 1",
    "kill_loop": "--kills 1 --open-orders 5",
    "demo": "--days 1 --rounds 1",
}
"""Every benchmark in the order they run, and the sizes that only show that it works."""


def run(name: str, arguments: str) -> bool:
    """One benchmark; its lines go where ours go. Whether it succeeded and printed JSON."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}", *arguments.split()],
            cwd=FOLDER.parent,
            check=False,
            stdout=subprocess.PIPE,
            text=True,
            timeout=SECONDS_MAX,
        )
    except subprocess.TimeoutExpired:
        return _failed(name, f"not done after {SECONDS_MAX:.0f} s")
    if done.returncode:
        return _failed(name, f"exit code {done.returncode}")
    try:
        json.loads(done.stdout)
    except ValueError:
        return _failed(name, "it did not print one JSON line")
    print(done.stdout.strip(), flush=True)
    return True


def _failed(name: str, why: str) -> bool:
    print(f"benchmark {name} failed: {why}", file=sys.stderr)
    return False


def main(arguments: Sequence[str] | None = None, benchmarks: Mapping[str, str] = QUICK) -> int:
    """Run those named, or all of `benchmarks` (name and quick sizes). The exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    known = ", ".join(benchmarks)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all unless named: {known}")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes: shows that all work, measures little"
    )
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in benchmarks]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {known}")
    chosen = options.names or list(benchmarks)
    done = [run(name, benchmarks[name] if options.quick else "") for name in chosen]
    return 0 if all(done) else 1


if __name__ == "__main__":
    sys.exit(main())
