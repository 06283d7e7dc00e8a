"""Research at full speed: the same engine in virtual time, the exchange core called directly, the journal in memory."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from the_alchemiser.domain.effects import Effect
from the_alchemiser.domain.errors import MarketDataMissing
from the_alchemiser.domain.events import Event, Started
from the_alchemiser.domain.facts import DayClosed, Fact
from the_alchemiser.domain.instants import SECOND, Nanos
from the_alchemiser.domain.market import Bar, Symbol
from the_alchemiser.engine import SETTLE_SECONDS, Engine
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.ports import Journal
from the_alchemiser.runtime.direct import DirectBroker
from the_alchemiser.runtime.perform import Performer
from the_alchemiser.runtime.turn import Timers, Turn
from the_alchemiser.step import NOTHING

PRICE_UNITS = 10_000
NEVER: Nanos = 2**63 - 1
COLLECTION_THRESHOLD = 100_000
"""Values made before the collector looks for cycles; the usual 700 costs a twentieth of a backtest."""


class Backtest:
    """Drives one engine through an exchange's time. `run_days` follows the daily cycle, `run_bars` a stream of bars."""

    def __init__(self, engine: Engine, exchange: Exchange, journal: Journal) -> None:
        self.exchange, self.engine = exchange, engine
        self.broker = DirectBroker(exchange)
        self.days_closed = 0
        self._timers = Timers()
        self._turn = Turn(engine, journal, self._timers, [self._count_days])
        self._performer = Performer(self.broker, self.broker.now)

    def run_days(self, days: int, progress: Callable[[int], None] = lambda _: None) -> None:
        """Trade until the books of `days` sessions are closed. Raises MarketDataMissing where the data end before."""
        self._settle([Started(self.exchange.now)])
        while self.days_closed < days:
            before = self.days_closed
            self._settle(self._next_events())
            if self.days_closed != before:
                progress(self.days_closed)

    def run_bars(self, bars: Iterable[Bar]) -> None:
        """Tell every bar to the engine. An order decided on a bar reaches the exchange at its symbol's next opening."""
        with _seldom_collecting():
            self._run_bars(bars)

    def _run_bars(self, bars: Iterable[Bar]) -> None:
        self._settle([Started(self.exchange.now)])
        step, live, timers, turn = self.engine.step, self.engine.state.live, self._timers, self._turn
        waiting: dict[Symbol, Sequence[Effect]] = {}
        last: dict[Symbol, Bar] = {}
        due_at = timers.next_at or NEVER
        for bar in bars:
            if bar.at >= due_at:
                self._run_timers(bar.at, last)
                due_at = timers.next_at or NEVER
            if live or waiting:
                self._move(bar.symbol, bar.open, bar.at)
                self._settle(self.broker.take_heard())
                self._perform(waiting.pop(bar.symbol, ()))
                due_at = timers.next_at or NEVER
            result = step(bar)
            if result is not NOTHING:
                turn.commit(result.facts)
                waiting[bar.symbol] = turn.let_out(result.facts, result.effects)
            last[bar.symbol] = bar
        if last:
            self._run_timers(max(bar.end for bar in last.values()) + SETTLE_SECONDS * SECOND, last)

    def _move(self, symbol: Symbol, price: float, at: Nanos) -> None:
        units = int(price * PRICE_UNITS + 0.5)
        self.exchange.move(symbol, units, units, at)

    def _run_timers(self, until: Nanos, last: Mapping[Symbol, Bar]) -> None:
        """Fire what is due by `until`, the market standing at each symbol's last close."""
        for bar in last.values():
            if bar.end >= self.exchange.now:
                self._move(bar.symbol, bar.close, bar.end)
        while self._timers.next_at is not None and self._timers.next_at <= until:
            self._settle(self._next_events())

    def _next_events(self) -> list[Event]:
        due_at = self._timers.next_at
        if due_at is None:
            raise MarketDataMissing("the market data end before the days asked for")
        reached = self.exchange.advance(max(due_at, self.exchange.now), stop_on_update=True)
        return [*self.broker.take_heard(), *self._timers.take_due(reached)]

    def _settle(self, events: Sequence[Event]) -> None:
        """Turn after turn at this instant, until nothing more follows."""
        while events:
            events = self._perform_all(self._turn.take(events))

    def _perform(self, effects: Sequence[Effect]) -> None:
        self._settle(self._perform_all(effects))

    def _perform_all(self, effects: Sequence[Effect]) -> list[Event]:
        """Each effect's answer, followed by what the exchange reported because of it."""
        following: list[Event] = []
        for effect in effects:
            answer = self._performer.perform(effect)
            if answer is not None:
                following.append(answer)
            following += self.broker.take_heard()
        return following

    def _count_days(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            if type(fact) is DayClosed:
                self.days_closed += 1


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Let the cyclic collector look less often: a long run makes millions of values, hardly one of them in a cycle."""
    usual = gc.get_threshold()
    gc.set_threshold(COLLECTION_THRESHOLD, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
