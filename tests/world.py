"""A whole trading world in virtual time: the exchange, a line to it that may fail, and an engine that may be killed.

The world outlives the engine: after `Killed` the exchange stands where it stood, its stream has been missed, and
`start` builds a new engine from nothing but the facts that were durable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fakes import FaultyBroker, KeptJournal, Killed, Wanting, no_faults
from language import weights

from the_alchemiser.cycle import CycleConfig
from the_alchemiser.domain.effects import Effect
from the_alchemiser.domain.events import Event, OrderHeard, Started
from the_alchemiser.domain.facts import DayClosed, Fact, FillBooked, OrderIntended, Reconciled
from the_alchemiser.domain.instants import SECOND, parse_rfc3339
from the_alchemiser.domain.money import ONE, Shares, Weight, decimal
from the_alchemiser.engine import Engine, EngineConfig
from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.pipeline.rebalance import RebalancePolicy
from the_alchemiser.pipeline.risk import RiskLimits
from the_alchemiser.runtime.perform import Performer
from the_alchemiser.runtime.turn import Timers, Turn

UNIVERSE = ("AAPL", "JPM", "KO", "XOM")
MORNING = parse_rfc3339("2021-01-04T12:00:00Z")
FIRST, SECOND_DAY = "2021-01-04", "2021-01-05"
MARKET = SimulatedDays(seed=7, symbols=UNIVERSE)
TURNS_MAX = 20_000
LIMITS = RiskLimits(order_notional_max=decimal(60_000), position_weight_max=ONE)


def changing_mind(date: str) -> dict[str, Weight]:
    """Another portfolio every other day, so that days after the first both sell and buy."""
    return weights("AAPL 50%, JPM 25%") if int(date[-1]) % 2 == 0 else weights("JPM 40%, KO 30%, XOM 20%")


def config(strategy: Wanting | None = None, **more: object) -> EngineConfig:
    chosen = strategy or Wanting(changing_mind)
    settings = {"universe": UNIVERSE, "limits": LIMITS, "rebalance": RebalancePolicy(), **more}
    return EngineConfig(CycleConfig(strategies=(chosen,), allocations={"wanting": ONE}, **settings))  # type: ignore[arg-type]


class World:
    """One exchange, and whichever engine is trading on it now."""

    def __init__(
        self,
        faults: Callable[[str], tuple[str, BaseException] | None] = no_faults,
        *,
        setting: EngineConfig | None = None,
        start: int = MORNING,
        facts_max: int | None = None,
        effects_max: int | None = None,
    ) -> None:
        self.exchange = Exchange(MARKET, seed=7, start=start)
        self.broker = FaultyBroker(self.exchange, faults)
        self.journal = KeptJournal(facts_max=facts_max)
        self.effects_max, self.effects_done = effects_max, 0
        self.setting = setting or config()
        self.hears: Callable[[Sequence[OrderHeard]], Sequence[Event]] = list
        """What reaches us of the stream's messages."""

    @property
    def facts(self) -> list[Fact]:
        return self.journal.facts

    def start(self) -> None:
        """A new process: all it has is the journal. What the stream said meanwhile was said to nobody."""
        self.exchange.take_updates()
        self.engine = Engine(self.setting, self.facts)
        self.timers = Timers()
        self.turn = Turn(self.engine, self.journal, self.timers)
        self.performer = Performer(self.broker, self.broker.now)
        self.settle([Started(self.exchange.now)])

    def run(self, until: Callable[[], bool]) -> None:
        """Let time pass until something holds."""
        for _ in range(TURNS_MAX):
            if until():
                return
            self.move()
        raise AssertionError("this never ends")

    def run_day(self, date: str = FIRST) -> None:
        """Trade until the books of a session are closed."""
        self.run(lambda: self.has_closed(date))

    def run_to(self, at: int) -> None:
        """Let time pass until an instant."""
        while self.timers.next_at is not None and self.timers.next_at <= at:
            self.move()
        self.settle(self.hears(self._advance(at)))

    def has_closed(self, date: str) -> bool:
        return any(isinstance(fact, DayClosed) and fact.session == date for fact in self.facts)

    def move(self) -> None:
        """To the next timer or order update."""
        due_at = self.timers.next_at
        assert due_at is not None, "nothing is waited for"
        heard = self._advance(due_at)
        self.settle([*self.hears(heard), *self.timers.take_due(self.exchange.now)])

    def settle(self, events: Sequence[Event]) -> None:
        """Turn after turn at this instant, until nothing more follows."""
        while events:
            events = self._perform(self.turn.take(events))

    def run_through_death(self, date: str = FIRST, *, asleep_seconds: int = 0) -> bool:
        """Trade a day; where the process is killed, start the next one. Whether it was killed."""
        try:
            self.start()
            self.run_day(date)
        except Killed:
            self.journal.facts_max = self.effects_max = None
            self.exchange.advance(self.exchange.now + asleep_seconds * SECOND)
            self.start()
            self.run_day(date)
            return True
        return False

    def _advance(self, until: int) -> list[OrderHeard]:
        self.exchange.advance(max(until, self.exchange.now), stop_on_update=True)
        return self.broker.take_heard()

    def _perform(self, effects: Sequence[Effect]) -> list[Event]:
        following: list[Event] = []
        for effect in effects:
            answer = self.performer.perform(effect)
            self.effects_done += 1
            if self.effects_done == self.effects_max:
                raise Killed
            following += [answer] if answer is not None else []
            following += self.hears(self.broker.take_heard())
        return following

    # What must hold of every world, whatever happened in it.

    def check(self) -> None:
        """Nothing sent twice, nothing filled twice, and both sides agree on every share and cent."""
        names = [fact.request.client_order_id for fact in self.kinds(OrderIntended)]
        assert len(set(names)) == len(names), "two decisions under one name"
        at_exchange = [one.client_order_id for one in self.broker.get_open_orders()]
        assert at_exchange == [], "orders left open"
        known = {fill.order_id for fill in self.exchange.fills()}
        ours = {self.exchange.order(one).client_order_id for one in known}
        assert ours <= set(names), "an order at the exchange that was never intended"
        booked = [
            (fact.fill.client_order_id, fact.fill.cum_before, fact.fill.cum_after)
            for fact in self.kinds(FillBooked)
        ]
        assert len(set(booked)) == len(booked), "a fill booked twice"
        executions = self.broker.get_executions(0)
        assert sum(after - before for _, before, after in booked) == sum(
            one.cum_after - one.cum_before for one in executions
        )
        assert self.kinds(Reconciled)[-1].differences == ()
        assert self.engine.state.ledger.shares() == {
            held.symbol: held.shares for held in self.broker.get_positions()
        }
        assert self.engine.state.ledger.cash == self.broker.get_account().cash
        assert not self.engine.state.live

    def kinds(self, kind: type) -> list:
        """Every fact of one kind."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def positions(self) -> dict[str, Shares]:
        return {held.symbol: held.shares for held in self.broker.get_positions()}
