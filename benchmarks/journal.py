"""How fast facts become durable: appends a second beside the limits of the same disk in the same minutes.

Prints one JSON line. An append is five facts on average, committed with every row they make in the tables
for reading. `fsync_per_s_limit` is one write and fsync of the same bytes, the least any durable store pays;
`sqlite_commits_per_s` the same bytes in one bare SQLite transaction. The three take turns, so that a slow
minute of the disk strikes them all.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.rounds import tell
from the_alchemiser.domain.facts import (
    AccountOpened,
    AlertRaised,
    CycleFinished,
    CycleStarted,
    DayClosed,
    Fact,
    FillBooked,
    OrderIntended,
    OrderReported,
    Reconciled,
    TradeApproved,
    TradeEnded,
    encode,
)
from the_alchemiser.domain.intent import PlannedTrade
from the_alchemiser.domain.money import ZERO, Side
from the_alchemiser.domain.orders import Fill, OrderReport, OrderRequest, OrderStatus, OrderType
from the_alchemiser.store.journal import SqlJournal

SYMBOLS = tuple(f"S{number:02d}" for number in range(20))
SHARES, PRICE, CASH = Decimal(12), Decimal("101.37"), Decimal(10**9)
ROUNDS = 20
Step = list[Fact]


def steps(days: int) -> Iterator[Step]:
    """What an engine would append: per day and symbol an order sent, acknowledged and filled; then the books."""
    yield [AccountOpened(0, "PA0000000000", CASH, ())]
    for day in range(1, days + 1):
        cycle, at = f"day{day:05d}", day * 86_400 * 10**9
        yield [CycleStarted(at, cycle, cycle, at)]
        for symbol in SYMBOLS:
            yield from _trade(cycle, at, symbol, Side.BUY if day % 2 else Side.SELL)
        yield [
            CycleFinished(at, cycle, len(SYMBOLS), len(SYMBOLS)),
            Reconciled(at, "close", (), CASH, CASH),
            DayClosed(at, cycle, CASH, CASH, ZERO, ZERO, dict.fromkeys(SYMBOLS, PRICE)),
            *(AlertRaised(at, "info", f"note {number} of the day") for number in range(5)),
        ]


def _trade(cycle: str, at: int, symbol: str, side: Side) -> Iterator[Step]:
    name = f"alc-{cycle}-{symbol}-{side.value[0]}-0"
    trade = PlannedTrade(symbol, side, SHARES, PRICE, PRICE)
    request = OrderRequest(name, symbol, side, SHARES, OrderType.LIMIT, limit_price=PRICE)
    half = SHARES / 2

    def reported(status: OrderStatus, filled: Decimal) -> OrderReported:
        return OrderReported(
            at, OrderReport(name, f"broker-{name}", symbol, side, SHARES, status, filled, at)
        )

    def booked(before: Decimal, after: Decimal) -> FillBooked:
        return FillBooked(at, cycle, Fill(name, symbol, side, before, after, PRICE, at))

    yield [
        TradeApproved(at, cycle, trade),
        OrderIntended(at, cycle, request, PRICE),
        reported(OrderStatus.NEW, ZERO),
    ]
    yield [
        reported(OrderStatus.PARTIALLY_FILLED, half),
        booked(ZERO, half),
        reported(OrderStatus.FILLED, SHARES),
        booked(half, SHARES),
        TradeEnded(at, cycle, symbol, SHARES, "filled"),
        AlertRaised(at, "info", "filled"),
        AlertRaised(at, "info", "done"),
    ]


def timed(action: Callable[[Step], None], batch: list[Step]) -> float:
    """Seconds to do this with each step."""
    began = time.perf_counter()
    for step in batch:
        action(step)
    return time.perf_counter() - began


def bare_commits(path: Path) -> tuple[sqlite3.Connection, Callable[[Step], None]]:
    """One table, one transaction a step, as durable as ours."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE bare (seq INTEGER PRIMARY KEY, body TEXT)")

    def commit(step: Step) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO bare (body) VALUES (?)", [(encode(fact).decode(),) for fact in step]
        )
        connection.execute("COMMIT")

    return connection, commit


def measure(folder: Path, days: int) -> dict[str, float | int | str]:
    """All three contenders in turns, then verification and rebuilding of what was written."""
    work = list(steps(days))
    size = len(work) // ROUNDS + 1
    seconds = {"journal": 0.0, "sqlite": 0.0, "fsync": 0.0}
    connection, commit = bare_commits(folder / "bare.db")
    with (
        closing(SqlJournal(f"sqlite:///{folder}/journal.db")) as journal,
        closing(connection),
        (folder / "bare.log").open("wb", buffering=0) as log,
    ):

        def write(step: Step) -> None:
            log.write(b"\n".join(map(encode, step)))
            os.fsync(log.fileno())

        for start in range(0, len(work), size):
            batch = work[start : start + size]
            seconds["journal"] += timed(journal.append, batch)
            seconds["sqlite"] += timed(commit, batch)
            seconds["fsync"] += timed(write, batch)
        return figures(work, seconds) | read_figures(journal)


def figures(work: list[Step], seconds: dict[str, float]) -> dict[str, float | int | str]:
    """Rates, and what an append costs beyond the same bytes in a bare commit."""
    facts = sum(map(len, work))
    beyond_ms = (seconds["journal"] - seconds["sqlite"]) / len(work) * 1000
    return {
        "appends": len(work),
        "facts_per_append": round(facts / len(work), 2),
        "appends_per_s": round(len(work) / seconds["journal"]),
        "facts_per_s": round(facts / seconds["journal"]),
        "fsync_per_s_limit": round(len(work) / seconds["fsync"]),
        "sqlite_commits_per_s": round(len(work) / seconds["sqlite"]),
        "ms_beyond_bare_commit": round(beyond_ms, 3),
    }


def read_figures(journal: SqlJournal) -> dict[str, float | int | str]:
    """Entries a second: replayed at a start, verified with all tables, and folded into new tables."""
    rates: dict[str, float | int | str] = {}
    replay: Callable[[], object] = lambda: sum(1 for _ in journal.read())  # noqa: E731 (one of three alike)
    for name, action in (("replayed", replay), ("verified", journal.verify), ("rebuilt", journal.rebuild)):
        began = time.perf_counter()
        action()
        rates[f"{name}_entries_per_s"] = round(journal.head().seq / (time.perf_counter() - began))
    return rates


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=50, help="trading days, 40 appends each")
    parser.add_argument(
        "--dir", default=None, help="the disk to measure (default: the folder for temporary files)"
    )
    options = parser.parse_args()
    with TemporaryDirectory(dir=options.dir) as folder:
        tell("journal", measure(Path(folder), options.days))


if __name__ == "__main__":
    main()
