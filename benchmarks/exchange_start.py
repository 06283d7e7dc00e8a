"""How long the exchange takes from its start to listening, beside what starting Python and its libraries takes.

Prints one JSON line, in seconds. `listening` is until the first line on standard output, which says that it listens;
`libraries` is an interpreter that imports aiohttp, NumPy and Polars and ends, `python` one that ends at once. `cpu_s`
is what the exchange had computed by then, and `resident_mb` its memory.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.order_accept import NO_LIMITS, Server
from benchmarks.rounds import in_turn, tell


def listening() -> list[float]:
    """Wall seconds, processor seconds, and memory in MB."""
    began = time.perf_counter()
    server = Server("the_alchemiser.exchange.server", *NO_LIMITS)
    wall, cpu = time.perf_counter() - began, server.cpu_seconds()
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    server.close()
    return [wall, cpu, pages * 4096 / 1e6]


def python(statement: str) -> list[float]:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return [time.perf_counter() - began]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    contenders = {
        "listening": listening,
        "libraries": lambda: python("import aiohttp.web, numpy, polars"),
        "python": lambda: python("pass"),
    }
    found = in_turn(rounds, contenders)
    figures = {name: round(statistics.median(one[0] for one in found[name]), 3) for name in contenders}
    figures["cpu_s"] = round(statistics.median(one[1] for one in found["listening"]), 2)
    figures["resident_mb"] = round(statistics.median(one[2] for one in found["listening"]), 1)
    tell("exchange_start", figures)


if __name__ == "__main__":
    main()
