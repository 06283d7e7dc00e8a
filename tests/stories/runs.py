"""What the stories compare: the orders and fills of a run, and demos run as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from the_alchemiser.domain.facts import Fact, FillBooked, OrderIntended
from the_alchemiser.store.reading import Reading

DEMO_SECONDS_MAX = 280


def facts_of(place: Path | str) -> list[Fact]:
    """Every fact of the journal in a folder, or at a database's URL; its chain is checked on the way."""
    with Reading(place if isinstance(place, str) else f"sqlite:///{place / 'alchemiser.db'}") as reading:
        return list(reading.facts())


def orders_of(facts: Iterable[Fact]) -> list[tuple[object, ...]]:
    """What was sent, in order: symbol, side, shares, type, limit price."""
    requests = [fact.request for fact in facts if isinstance(fact, OrderIntended)]
    return [(one.symbol, one.side, one.shares, one.type, one.limit_price) for one in requests]


def fills_of(facts: Iterable[Fact]) -> list[tuple[object, ...]]:
    """What was filled, in order: symbol, side, shares, price, and when."""
    fills = [fact.fill for fact in facts if isinstance(fact, FillBooked)]
    return [(one.symbol, one.side, one.shares, one.price, one.at) for one in fills]


def demo_command(folder: Path, days: int, *more: str) -> list[str]:
    """A demo as a script would run it."""
    return [
        *(sys.executable, "-m", "the_alchemiser", "demo", "--days", str(days), "--out", str(folder)),
        *("--speed", "max", "--no-serve", "--json", *more),
    ]


def run_demo_process(folder: Path, days: int, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run it to its end and return its JSON."""
    done = subprocess.run(
        demo_command(folder, days),
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result
