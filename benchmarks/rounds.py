"""How every benchmark measures: contenders in turn, medians of rounds, ratios taken within a round, one JSON line."""

from __future__ import annotations

import gc
import json
import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Seconds = list[float]


def in_turn(rounds: int, contenders: Mapping[str, Callable[[], Seconds]]) -> dict[str, list[Seconds]]:
    """A B C A B C …: a slow minute of the machine strikes all of them. One uncounted round warms everything up."""
    found: dict[str, list[Seconds]] = {name: [] for name in contenders}
    for number in range(-1, rounds):
        for name, run in contenders.items():
            gc.collect()
            samples = run()
            if number >= 0:
                found[name].append(samples)
    return found


def percentile(samples: Sequence[float], percent: float) -> float:
    """The smallest sample that at least `percent` of them do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, -int(-len(ordered) * percent // 100) - 1)]


def microseconds(rounds: Sequence[Sequence[float]]) -> dict[str, float]:
    """p50 and p99 of all samples of all rounds."""
    samples = [sample for one in rounds for sample in one]
    return {f"p{percent}_us": round(percentile(samples, percent) * 1e6, 1) for percent in (50, 99)}


def times(ours: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> float:
    """How many times as long as ours the other took: the median of the ratios within each round."""
    pairs = zip(ours, other, strict=True)
    return round(statistics.median(statistics.median(b) / statistics.median(a) for a, b in pairs), 2)


def pin(core: int, process: int = 0) -> None:
    """Keep a process (0: this one) on one core, where the system has a second and lets us choose."""
    if hasattr(os, "sched_setaffinity"):
        usable = sorted(os.sched_getaffinity(process))
        if core < len(usable):
            os.sched_setaffinity(process, {usable[core]})


def tell(bench: str, figures: Mapping[str, Any]) -> None:
    """Print the JSON line. The load average says how far the absolute figures can be trusted; ratios hold longer."""
    print(json.dumps({"bench": bench, **figures, "load_1m": round(os.getloadavg()[0], 2)}), flush=True)
