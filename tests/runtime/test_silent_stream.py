"""A stream that is connected and says nothing: the broker's record is asked, so it costs minutes and never a fill."""

from __future__ import annotations

from the_alchemiser.bootstrap import engine_config
from the_alchemiser.domain.events import OrderHeard
from the_alchemiser.domain.facts import CycleFinished, CycleStarted, Fact, FillBooked, Reconciled
from the_alchemiser.domain.instants import parse_rfc3339
from the_alchemiser.engine import Engine
from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.runtime.backtest import Backtest
from the_alchemiser.runtime.direct import DirectBroker
from the_alchemiser.settings import load_settings
from the_alchemiser.store.memory import MemoryJournal

# So hasty that the market orders come before most limits are reached: nothing later would ask about those.
HASTY = {
    "STRATEGIES__UNIVERSE": "AAPL,GE,KO,MSFT,PG,XOM",
    "CYCLE__WALK_STEPS": "1",
    "CYCLE__WALK_INTERVAL_SECONDS": "1",
}


class SilentBroker(DirectBroker):
    """Whatever happens to orders, it tells nobody unasked."""

    def take_heard(self) -> list[OrderHeard]:
        self.exchange.take_updates()
        return []


class SilentDay(Backtest):
    def __init__(self, engine: Engine, exchange: Exchange, journal: MemoryJournal) -> None:
        super().__init__(engine, exchange, journal)
        self.broker = SilentBroker(exchange)


def a_silent_day() -> list[Fact]:
    settings = load_settings(environ={}, overrides=HASTY)
    journal = MemoryJournal()
    exchange = Exchange(SimulatedDays(seed=7), seed=7, start=parse_rfc3339("2021-01-04T14:30:00Z"))
    SilentDay(Engine(engine_config(settings)), exchange, journal).run_days(1)
    return journal.facts


def test_every_trade_is_brought_to_its_end_before_the_close_without_a_word_from_the_stream() -> None:
    facts = a_silent_day()
    closes_at = next(fact.closes_at for fact in facts if isinstance(fact, CycleStarted))
    finished = next(fact for fact in facts if isinstance(fact, CycleFinished))
    last = [fact for fact in facts if isinstance(fact, Reconciled)][-1]

    assert any(isinstance(fact, FillBooked) for fact in facts)
    assert finished.trades == finished.trades_filled
    assert finished.at < closes_at
    assert last.differences == ()
