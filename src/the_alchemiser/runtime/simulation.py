"""Proof by bad weather: the engine against an exchange behind a link that loses and doubles, in a process that dies.

One seed decides everything: which calls fail before or after they took effect, which messages are lost, doubled,
late or out of order, and after which commits the process is killed. What a run must end with depends on no seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from the_alchemiser.domain.errors import BrokerUnavailable, OutcomeUnknown
from the_alchemiser.domain.events import Event, OrderHeard, Started, StreamRestored
from the_alchemiser.domain.facts import DayClosed, Fact
from the_alchemiser.domain.instants import SECOND, Nanos
from the_alchemiser.domain.market import Asset, Bar, History, Quote, Session, Symbol
from the_alchemiser.domain.orders import (
    BrokerOrderId,
    ClientOrderId,
    Execution,
    ItemOutcome,
    OrderReport,
    OrderRequest,
)
from the_alchemiser.domain.portfolio import Account, Holding
from the_alchemiser.engine import Engine, EngineConfig
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.ports import Journal
from the_alchemiser.runtime.direct import DirectBroker
from the_alchemiser.runtime.perform import Performer
from the_alchemiser.runtime.turn import Timers, Turn

Answer = TypeVar("Answer")

LATE_SECONDS_MAX = 90
RECONNECT_SECONDS = 20
"""A lost message shows as a broken connection at the latest after this long: then the stream says that it is back."""


class Weather(msgspec.Struct, frozen=True):
    """How likely each misfortune is, per call, message or turn."""

    request_lost: float = 0.05
    answer_lost: float = 0.05
    read_failed: float = 0.05
    message_lost: float = 0.05
    message_doubled: float = 0.05
    message_late: float = 0.10
    killed: float = 0.02


STORMY = Weather()
CALM = Weather(0, 0, 0, 0, 0, 0, 0)


class Link:
    """The exchange as seen through bad weather: every broker port, and the order stream."""

    def __init__(self, broker: DirectBroker, weather: Weather, chance: random.Random) -> None:
        self._broker, self.weather, self._chance = broker, weather, chance
        self._late: list[tuple[Nanos, int, OrderHeard]] = []
        self._count = 0
        self._restored_at: Nanos | None = None
        self.faults: dict[str, int] = {}

    # Requests

    def place_order(self, request: OrderRequest) -> OrderReport:
        return self._changing(lambda: self._broker.place_order(request))

    def cancel_order(self, broker_order_id: BrokerOrderId) -> None:
        return self._changing(lambda: self._broker.cancel_order(broker_order_id))

    def cancel_all_orders(self) -> Sequence[ItemOutcome]:
        return self._changing(self._broker.cancel_all_orders)

    def get_order_by_client_id(self, client_order_id: ClientOrderId) -> OrderReport | None:
        return self._reading(lambda: self._broker.get_order_by_client_id(client_order_id))

    def get_open_orders(self) -> Sequence[OrderReport]:
        return self._reading(self._broker.get_open_orders)

    def get_account(self) -> Account:
        return self._reading(self._broker.get_account)

    def get_positions(self) -> Sequence[Holding]:
        return self._reading(self._broker.get_positions)

    def get_executions(self, after: Nanos) -> Sequence[Execution]:
        return self._reading(lambda: self._broker.get_executions(after))

    def get_sessions(self, from_date: str, to_date: str) -> Sequence[Session]:
        return self._reading(lambda: self._broker.get_sessions(from_date, to_date))

    def get_time(self) -> Nanos:
        return self._broker.get_time()

    def get_histories(
        self, symbols: Sequence[Symbol], sessions: int, before_date: str
    ) -> dict[Symbol, History]:
        return self._reading(lambda: self._broker.get_histories(symbols, sessions, before_date))

    def get_quotes(self, symbols: Sequence[Symbol]) -> dict[Symbol, Quote]:
        return self._reading(lambda: self._broker.get_quotes(symbols))

    def get_bars(self, symbol: Symbol, timeframe: str, start: Nanos, end: Nanos) -> Sequence[Bar]:
        return self._reading(lambda: self._broker.get_bars(symbol, timeframe, start, end))

    def get_assets(self, symbols: Sequence[Symbol]) -> dict[Symbol, Asset]:
        return self._reading(lambda: self._broker.get_assets(symbols))

    def _changing(self, call: Callable[[], Answer]) -> Answer:
        if self._strikes("request_lost"):
            raise OutcomeUnknown("no answer (the request never arrived)")
        answer = call()
        if self._strikes("answer_lost"):
            raise OutcomeUnknown("no answer (the request took effect)")
        return answer

    def _reading(self, call: Callable[[], Answer]) -> Answer:
        if self._strikes("read_failed"):
            raise BrokerUnavailable("no answer")
        return call()

    # The stream

    def take_heard(self, now: Nanos) -> list[Event]:
        """What arrives of the order stream by `now`: not all of it, not once each, not in order."""
        for heard in self._broker.take_heard():
            self._send(heard, now)
        arrived: list[Event] = [
            heard for at, _, heard in sorted(self._late, key=lambda one: one[:2]) if at <= now
        ]
        self._late = [one for one in self._late if one[0] > now]
        if self._restored_at is not None and self._restored_at <= now:
            self._restored_at = None
            arrived.append(StreamRestored(now))
        return arrived

    @property
    def next_arrival(self) -> Nanos | None:
        """When the next late message, or the next reconnection, is due."""
        due = [at for at, _, _ in self._late] + ([self._restored_at] if self._restored_at is not None else [])
        return min(due, default=None)

    def _send(self, heard: OrderHeard, now: Nanos) -> None:
        if self._strikes("message_lost"):
            self._restored_at = self._restored_at or now + RECONNECT_SECONDS * SECOND
            return
        for _ in range(2 if self._strikes("message_doubled") else 1):
            delay = self._chance.randint(1, LATE_SECONDS_MAX) * SECOND if self._strikes("message_late") else 0
            self._count += 1
            self._late.append((now + delay, self._count, heard))

    def _strikes(self, fault: str) -> bool:
        # Drawn whether or not it can strike: calm weather then changes nothing else about a seed.
        strikes: bool = self._chance.random() < getattr(self.weather, fault)
        if strikes:
            self.faults[fault] = self.faults.get(fault, 0) + 1
        return strikes


class Simulation:
    """One engine's life under one seed. The journal is what survives a kill; everything else is built anew from it."""

    def __init__(
        self,
        config: EngineConfig,
        exchange: Exchange,
        journal: Journal,
        seed: int,
        weather: Weather = STORMY,
    ) -> None:
        self.exchange, self.journal = exchange, journal
        self.days_closed = 0
        self._config = config
        self._chance = random.Random(f"process-{seed}")  # noqa: S311 - repeatable on purpose
        self.link = Link(DirectBroker(exchange), weather, random.Random(f"link-{seed}"))  # noqa: S311
        self._performer = Performer(self.link, self._now)
        self._start()

    @property
    def faults(self) -> int:
        """How many misfortunes there have been."""
        return sum(self.link.faults.values())

    def calm(self) -> None:
        """From now on nothing goes wrong: what is still unsettled must settle."""
        self.link.weather = CALM

    def run_days(self, days: int) -> None:
        """Live until the books of so many sessions are closed."""
        events: Sequence[Event] = [Started(self._now())]
        while self.days_closed < days:
            events = self._live_turn(events) or self._next_events()

    def _start(self) -> None:
        self._timers = Timers()
        self.engine = Engine(self._config, self.journal.read())
        self._turn = Turn(self.engine, self.journal, self._timers, [self._count_days])

    def _live_turn(self, events: Sequence[Event]) -> list[Event]:
        """One turn, or its half: a kill comes after the commit, before the effects are out."""
        facts, effects = self._turn.decide(events)
        self._turn.commit(facts)
        outside = self._turn.let_out(facts, effects)
        if self._is_killed():
            self._start()
            return [Started(self._now())]
        following: list[Event] = []
        for effect in outside:
            answer = self._performer.perform(effect)
            if answer is not None:
                following.append(answer)
            if self._is_killed():
                self._start()
                return [Started(self._now())]
        return [*following, *self.link.take_heard(self._now())]

    def _is_killed(self) -> bool:
        if self._chance.random() >= self.link.weather.killed:
            return False
        self.link.faults["killed"] = self.link.faults.get("killed", 0) + 1
        return True

    def _next_events(self) -> list[Event]:
        waits = [at for at in (self._timers.next_at, self.link.next_arrival) if at is not None]
        now = self.exchange.advance(max(min(waits), self._now()), stop_on_update=True)
        return [*self.link.take_heard(now), *self._timers.take_due(now)]

    def _now(self) -> Nanos:
        return self.exchange.now

    def _count_days(self, facts: Sequence[Fact]) -> None:
        self.days_closed += sum(type(fact) is DayClosed for fact in facts)
