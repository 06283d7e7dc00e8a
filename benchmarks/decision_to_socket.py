"""From the event that decides to the first byte of the order at the broker's socket, the journal's fsync included.

The live driver itself, its journal on disk and the Alpaca adapter send to a local socket in a process of its own. Two
decisions: `day` is that of `alchemiser demo`, from the market read to the first of twenty orders; `reprice` is an order
cancelled by the walk and sent again at its next price. decide is the engine's step, commit the journal's transaction,
send all from there to the first byte; fsync is one bare write and fsync of the same facts in the same folder, the least
any durable decision pays, taken in turn with the decisions. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.eve import DECIDED_AT, demo_config, eve, heard, market_read
from benchmarks.rounds import microseconds, pin, tell
from the_alchemiser.broker import (
    AlpacaManager,
    BrokerOptions,
    RateBudget,
    create_alpaca_manager,
)
from the_alchemiser.domain.effects import Effect, SubmitOrder
from the_alchemiser.domain.events import Event, OrderHeard, QuotesRead
from the_alchemiser.domain.facts import Fact, OrderIntended, encode
from the_alchemiser.domain.market import Quote
from the_alchemiser.domain.orders import OrderRequest, OrderStatus
from the_alchemiser.endpoints import endpoints_of
from the_alchemiser.engine import Engine, EngineConfig
from the_alchemiser.ports import Broker
from the_alchemiser.runtime.clocks import RunningClock
from the_alchemiser.runtime.ear import Ear
from the_alchemiser.runtime.live import LiveDriver, RunningPace
from the_alchemiser.runtime.perform import Performer
from the_alchemiser.runtime.turn import Timers, Turn
from the_alchemiser.store.journal import SqlJournal

STOP_SECONDS = 10.0
NANOS = 1e-9
sync_data = getattr(os, "fdatasync", os.fsync)


@contextmanager
def listener() -> Iterator[int]:
    """The port of a broker on the other core."""
    command = [sys.executable, "-m", "benchmarks.listener"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            pin(1, process.pid)
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            try:
                process.communicate(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


class WatchedJournal:
    """The journal; the first append after a moment is noted there."""

    def __init__(self, path: Path, moments: Sequence[Moment]) -> None:
        self._journal, self._moments = SqlJournal(f"sqlite:///{path}"), moments
        self.read, self.close = self._journal.read, self._journal.close

    def append(self, facts: Sequence[Fact]) -> None:
        asked = time.monotonic_ns()
        self._journal.append(facts)
        answered = time.monotonic_ns()
        if self._moments and not self._moments[-1].facts:
            last = self._moments[-1]
            last.asked, last.answered, last.facts = asked, answered, facts


class SilentStream:
    """Connected, and nothing is ever said."""

    sequence, trouble = 0, ""

    async def order_updates(self) -> AsyncIterator[OrderHeard | None]:
        yield None
        await asyncio.Event().wait()

    def suspect(self, reason: str) -> None:
        raise AssertionError(reason)


@dataclass
class Moment:
    """An event as it was told to the driver, in nanoseconds of the monotonic clock, and what was durable after it."""

    told: int
    asked: int = 0
    answered: int = 0
    facts: Sequence[Fact] = ()


class ToldPace(RunningPace):
    """The live driver's own way to carry effects out, with a script in place of the world's events."""

    def __init__(
        self, turn: Turn, broker: Broker, script: Callable[[list[OrderRequest]], Iterator[Event]]
    ) -> None:
        ear = Ear(SilentStream(), lambda: DECIDED_AT)
        clock = RunningClock(DECIDED_AT)
        super().__init__(turn, Performer(broker, lambda: DECIDED_AT), clock, ear)
        self.driver = LiveDriver(turn, self, ear, clock.now)
        self.sent: list[OrderRequest] = []
        self._script = script(self.sent)

    async def carry_out(self, effects: Sequence[Effect]) -> None:
        # Reads are in the script; that they fail here only starts the threads that live reads would have started.
        self.sent += [effect.request for effect in effects if isinstance(effect, SubmitOrder)]
        await super().carry_out(effects)

    async def next_events(self) -> list[Event]:
        while self._under_way:
            await asyncio.wait(self._under_way)
        event = next(self._script, None)
        if event is None:
            self.driver.stop()
            return []
        return [event]


def day(config: EngineConfig, moments: list[Moment], sent: list[OrderRequest]) -> Iterator[Event]:
    """The day's decision, then its first order repriced; notes the moment each of the two is told."""
    yield from eve()[1:]
    decision = market_read(config)
    moments.append(Moment(time.monotonic_ns()))
    yield decision
    first = sent[0]
    yield heard(first, OrderStatus.NEW)
    dearer = decision.quotes[first.symbol]
    cent = Decimal("0.01")
    moved = Quote(first.symbol, DECIDED_AT, dearer.bid + cent, dearer.ask + cent)
    yield QuotesRead(DECIDED_AT, decision.cycle_id, {first.symbol: moved})
    cancelled = heard(first, OrderStatus.CANCELED)
    moments.append(Moment(time.monotonic_ns()))
    yield cancelled


def trade(config: EngineConfig, broker: AlpacaManager, folder: Path) -> dict[str, dict[str, float]]:
    """Both decisions over a new journal: the seconds of their parts."""
    arrivals: list[int] = []
    moments: list[Moment] = []
    observers = broker.response_observers
    observers.append(lambda headers: arrivals.append(int(headers["x-arrived-nanos"])))
    journal = WatchedJournal(folder / "journal.db", moments)
    try:
        turn = Turn(Engine(config), journal, Timers())
        pace = ToldPace(turn, broker, partial(day, config, moments))
        asyncio.run(pace.driver.run())
        names = ("day", "reprice")
        return {name: parts(moment, arrivals, folder) for name, moment in zip(names, moments, strict=True)}
    finally:
        observers.pop()
        journal.close()


def parts(moment: Moment, arrivals: Sequence[int], folder: Path) -> dict[str, float]:
    """Where the time to the first byte went. Ends this process where nothing was decided or sent."""
    first = min((at for at in arrivals if at > moment.told), default=0)
    if not first or not any(isinstance(fact, OrderIntended) for fact in moment.facts):
        raise SystemExit("the decision sent no order")
    return {
        "to_socket": (first - moment.told) * NANOS,
        "decide": (moment.asked - moment.told) * NANOS,
        "commit": (moment.answered - moment.asked) * NANOS,
        "send": (first - moment.answered) * NANOS,
        "fsync": bare_fsync(folder / "bare", moment.facts),
        "facts": len(moment.facts),
    }


def bare_fsync(path: Path, facts: Sequence[Fact]) -> float:
    """Seconds to write these facts over what a file holds already and have the disk confirm it."""
    content = b"\n".join(map(encode, facts))
    with path.open("wb", buffering=0) as file:
        # Making the file longer would cost another write, of where it ends: no part of the least.
        file.write(content)
        os.fsync(file.fileno())
        file.seek(0)
        began = time.perf_counter()
        file.write(content)
        sync_data(file.fileno())
        return time.perf_counter() - began


def figures(samples: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """p50 and p99 of every part, and how the whole compares with the bare fsync."""
    times = ("to_socket", "decide", "commit", "send", "fsync")
    told: dict[str, Any] = {name: microseconds([[one[name] for one in samples]]) for name in times}
    ratio = statistics.median(one["to_socket"] / one["fsync"] for one in samples)
    return told | {"facts": samples[0]["facts"], "times_bare_fsync": round(ratio, 2)}


def measure(port: int, decisions: int, disk: Path | None) -> dict[str, Any]:
    options = BrokerOptions(trading_budget=RateBudget.unlimited(), data_budget=RateBudget.unlimited())
    places = endpoints_of(f"http://127.0.0.1:{port}")
    broker = create_alpaca_manager("key", "secret", endpoints=places, options=options)
    samples = []
    try:
        for _ in range(decisions + 1):
            with TemporaryDirectory(dir=disk) as folder:
                samples.append(trade(demo_config(Path(folder)), broker, Path(folder)))
    finally:
        broker.close()
    return {
        "decisions": decisions,
        **{name: figures([one[name] for one in samples[1:]]) for name in ("day", "reprice")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--decisions", type=int, default=30)
    parser.add_argument("--dir", type=Path, help="the disk to measure (default: the temporary folder's)")
    options = parser.parse_args()
    logging.getLogger("the_alchemiser").setLevel(logging.CRITICAL)  # the reads that fail are meant to
    with listener() as port:
        pin(0)
        tell("decision_to_socket", measure(port, options.decisions, options.dir))


if __name__ == "__main__":
    main()
