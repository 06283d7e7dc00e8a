"""The demonstration: market days against the embedded exchange over its real wire, ending in a report that adds up.

Everything is the product itself: the live driver, the Alpaca adapter, the journal. Killed at any moment and started
again with the same folder, it continues: the exchange from its command log, we from our journal.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from the_alchemiser.domain.errors import ConfigurationError
from the_alchemiser.domain.facts import DayClosed, Fact, FillBooked
from the_alchemiser.domain.money import Shares, plain
from the_alchemiser.runtime.embedded import EmbeddedExchange, EmbeddedOptions
from the_alchemiser.settings import Settings, load_settings
from the_alchemiser.views import run_figures

if TYPE_CHECKING:
    from the_alchemiser.bootstrap import System
    from the_alchemiser.pipeline.report import Performance
    from the_alchemiser.store.journal import SqlJournal

FIRST_DAY = "2021-01-04"
INDEX = "SP500"
NOTES = (
    "Daily closes are real and adjusted for splits and dividends; quotes, spreads and the path between closes are not.",
    "The twenty stocks were chosen with hindsight (they all still exist), so holding them flatters.",
)
DATABASE, EXCHANGE_LOG, OPTIONS, REPORT = "alchemiser.db", "exchange.log", "demo.json", "report.html"


@dataclass(frozen=True)
class DemoOptions:
    """What to demonstrate. `speed` is exchange seconds per second of ours; None is as fast as possible."""

    days: int = 5
    seed: int = 7
    speed: float | None = None
    out: Path = Path("alchemiser-demo")
    start: str = FIRST_DAY
    cash: str = "100000"


@dataclass(frozen=True)
class DemoProgress:
    """How far it is: told after every fill and at every close."""

    days_done: int
    days: int
    session: str
    fills: int
    equity: str


@dataclass(frozen=True)
class DemoResult:
    """What came of it."""

    performance: Performance
    report: Path
    digest: str
    positions: dict[str, Shares]
    seconds: float
    seconds_to_first_fill: float | None

    def as_json(self) -> dict[str, Any]:
        """The fields of the command's contract, and a few more."""
        done = self.performance
        return {
            **run_figures(done),
            "orders_filled": done.orders_filled,
            "realised": done.realised,
            "unrealised": done.unrealised,
            "positions": dict(sorted(self.positions.items())),
            "journal_digest": self.digest,
            "seconds": round(self.seconds, 3),
            "seconds_to_first_fill": self.seconds_to_first_fill and round(self.seconds_to_first_fill, 3),
            "report": str(self.report),
        }


@dataclass
class _Watch:
    """Counts what goes by."""

    options: DemoOptions
    tell: Callable[[DemoProgress], None]
    began: float = field(default_factory=time.monotonic)
    days_done: int = 0
    fills: int = 0
    session: str = ""
    equity: str = ""
    first_fill: float | None = None

    def see(self, facts: Sequence[Fact]) -> None:
        """Take in new facts; tell where there is something to tell."""
        for fact in facts:
            if isinstance(fact, FillBooked):
                self.fills += 1
                self.first_fill = self.first_fill or time.monotonic() - self.began
            elif isinstance(fact, DayClosed):
                self.days_done += 1
                self.session, self.equity = fact.session, plain(fact.equity)
        if any(isinstance(fact, FillBooked | DayClosed) for fact in facts):
            options = self.options
            self.tell(DemoProgress(self.days_done, options.days, self.session, self.fills, self.equity))

    @property
    def is_done(self) -> bool:
        return self.days_done >= self.options.days


def run_demo(options: DemoOptions, progress: Callable[[DemoProgress], None] = lambda _: None) -> DemoResult:
    """Trade until `days` sessions are closed, counting those an earlier, interrupted run in the same folder closed.

    Raises ConfigurationError where the folder holds a demo with other options.
    """
    watch = _Watch(options, progress)
    _claim(options)
    embedded = EmbeddedOptions(
        options.seed, None, options.start, options.cash, state=options.out / EXCHANGE_LOG
    )
    with EmbeddedExchange(embedded) as exchange:
        # Imported while the exchange starts: both take a second.
        from the_alchemiser.bootstrap import Connection, build
        from the_alchemiser.store.journal import SqlJournal

        settings = demo_settings(options.out)
        journal = SqlJournal(settings.store_url)
        try:
            watch.see(list(journal.read()))
            connection = Connection.embedded(exchange.ready())
            system = build(settings, connection, journal, [watch.see], options.speed, journal.lease)
            if not watch.is_done:
                asyncio.run(system.driver.run(lambda: watch.is_done))
            return _conclude(options, settings, system, journal, watch)
        finally:
            journal.close()


def demo_settings(out: Path) -> Settings:
    """The default settings, whatever the environment says: a demo shows the same everywhere."""
    return load_settings(environ={}, directory=out, overrides={"DATA_DIR": str(out)})


def _conclude(
    options: DemoOptions, settings: Settings, system: System, journal: SqlJournal, watch: _Watch
) -> DemoResult:
    from the_alchemiser.bootstrap import daily_closes
    from the_alchemiser.pipeline.report import performance
    from the_alchemiser.report import SIMULATED, write_report

    facts = list(journal.read())
    sessions = [fact.session for fact in facts if isinstance(fact, DayClosed)]
    closes = daily_closes(system.broker, [*settings.strategies.universe, INDEX], sessions[0], sessions[-1])
    index = closes.pop(INDEX, [])
    done = performance(facts, closes, index=index, index_name="S&P 500 index")
    report = options.out / REPORT
    title = f"Demo: {len(sessions)} market days from {sessions[0]}"
    write_report(done, report, title=title, notes=[f"Seed {options.seed}.", *NOTES], banner=SIMULATED)
    held = system.engine.state.ledger.shares()
    seconds = time.monotonic() - watch.began
    system.close()
    return DemoResult(done, report, journal.head().hash, held, seconds, watch.first_fill)


def _claim(options: DemoOptions) -> None:
    """One folder holds one demo: continued with the same options, refused with others."""
    options.out.mkdir(parents=True, exist_ok=True)
    wanted = {"seed": options.seed, "start": options.start, "cash": options.cash}
    note = options.out / OPTIONS
    if note.exists():
        found = msgspec.json.decode(note.read_bytes())
        if found != wanted:
            raise ConfigurationError(
                f"{options.out} holds a demo with {_words(found)}, not {_words(wanted)}: choose another --out"
            )
    else:
        note.write_bytes(msgspec.json.encode(wanted))


def _words(options: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in options.items())
