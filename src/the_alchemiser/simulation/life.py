"""What a seed decides about its world before anything goes wrong: days, means, wishes, and the venue's habits."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import cast

import msgspec

from the_alchemiser.cycle import CycleConfig
from the_alchemiser.domain.instants import MINUTE, SECOND, Nanos
from the_alchemiser.domain.intent import Signal
from the_alchemiser.domain.market import MarketSnapshot, Symbol
from the_alchemiser.domain.money import ONE, Weight, decimal
from the_alchemiser.engine import EngineConfig
from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.market.prices import Market
from the_alchemiser.exchange.market.sessions import Session, xnys_sessions
from the_alchemiser.exchange.units import QUANTITY
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.orders import OrderRequest
from the_alchemiser.exchange.venue.rules import VenueRules
from the_alchemiser.inquiry import PollPolicy
from the_alchemiser.pipeline.execution import ExecutionPolicy
from the_alchemiser.pipeline.risk import RiskLimits
from the_alchemiser.simulation.chance import stream
from the_alchemiser.simulation.judge.case import Rules, rules_of
from the_alchemiser.simulation.judge.exact import MILLION
from the_alchemiser.simulation.schedule import Schedule
from the_alchemiser.simulation.venue import OwnScript

FIRST_DAYS = ("2020-03-02", 20)
"""Worlds begin on one of the twenty sessions from here on: wild days, with a change of the clocks among them."""
DAWN_MINUTES = 20
"""How long before the first opening a world begins."""
STOCKS = tuple("AAPL AMD BAC BBY CVX GE HD JNJ JPM KO LLY MRK MSFT PEP PFE PG RRC UNH WMT XOM".split())
MARKET_SEED = 7
PATHS_KEPT = 700
"""Enough for every session and stock that worlds of one day look at; the rest is drawn again when needed."""


LIVE_ORDERS_MAX = 50
"""Exits pass whatever the limit of open orders is: this bounds a memory, that one a risk."""


class Life(msgspec.Struct, frozen=True):
    """The circumstances of one world. A schedule may state any of these by name."""

    first_day: str
    symbols: tuple[Symbol, ...]
    cash: str = "100000"
    holdings: dict[Symbol, int] = {}
    """What is held when the account is opened: per cent of the cash before."""
    multiplier: int = 1
    minutes_before_close: int = 30
    walk_steps: int = 4
    step_seconds: int = 300
    market_seconds_before_close: int = 300
    partial_fills: str = "off"
    cancel_delay_seconds: float = 0.0
    expired_as: str = "expired"
    latest_first: bool = False
    """Whether of several things at one instant the last one set comes first."""
    order_percent_max: int = 100
    """How large an order may be: per cent of the cash."""
    position_percent_max: int = 100
    open_orders_max: int = 50
    restricted: tuple[Symbol, ...] = ()
    has_standby: bool = False
    """Whether another engine takes the place of one that stands still for longer than its lease lives."""
    calm_minutes_after_cycle: int = 480
    """When the last day's chaos ends at the latest: so long after its cycle began, or two minutes after the close."""

    @classmethod
    def of(cls, schedule: Schedule) -> Life:
        """The seed's life, with what the schedule says otherwise. Raises msgspec.ValidationError for nonsense."""
        life = _drawn(schedule.seed)
        drawn = {**msgspec.to_builtins(life), **_constraints(schedule.seed, life.symbols)}
        return msgspec.convert({**drawn, **schedule.life}, cls, strict=False)

    def rules(self) -> VenueRules:
        """The venue's habits."""
        return VenueRules(
            partial_fills=self.partial_fills,
            cancel_delay=round(self.cancel_delay_seconds * SECOND),
            expired_as=self.expired_as,
        )

    def judged_by(self, config: EngineConfig) -> Rules:
        """What the judge holds the engine to."""
        execution = config.cycle.execution
        bounds = {"live orders": LIVE_ORDERS_MAX}
        return rules_of(
            config.cycle.limits,
            market_collar_ppm=int(execution.market_collar * MILLION),
            bounds=bounds,
        )

    def sessions(self, days: int) -> tuple[Session, ...]:
        """The days that will be lived."""
        every = xnys_sessions()
        first = every.on(dt.date.fromisoformat(self.first_day))
        if first is None:
            raise ValueError(f"{self.first_day} is no trading day")
        return every.all[first.index : first.index + days]

    def engine_config(self, seed: int) -> EngineConfig:
        """An engine that wants another portfolio every day."""
        execution = ExecutionPolicy(self.walk_steps, self.step_seconds, self.market_seconds_before_close)
        limits = RiskLimits(
            order_notional_max=decimal(self.cash) * self.order_percent_max / 100,
            position_weight_max=ONE * self.position_percent_max / 100,
            open_orders_max=self.open_orders_max,
            restricted=frozenset(self.restricted),
            daily_loss_max=decimal(self.cash),
        )
        cycle = CycleConfig(
            universe=self.symbols,
            strategies=(Wishes(seed, self.symbols),),
            allocations={"wishes": ONE},
            minutes_before_close=self.minutes_before_close,
            execution=execution,
            limits=limits,
        )
        return EngineConfig(cycle, polls=PollPolicy())


class Wishes:
    """A strategy that wants whatever the seed wants of the day: so every day has something to sell and to buy."""

    name = "wishes"
    sessions_needed = 1

    def __init__(self, seed: int, symbols: tuple[Symbol, ...]) -> None:
        self._seed, self._symbols = seed, symbols

    def evaluate(self, snapshot: MarketSnapshot) -> Signal:
        """Weights of a random part of the symbols, together at most one."""
        return Signal(self.name, snapshot.at, self._weights(snapshot.session.date))

    def _weights(self, date: str) -> dict[Symbol, Weight]:
        chance = stream(self._seed, f"wishes {date}")
        wanted = [symbol for symbol in self._symbols if chance.random() < 0.6]
        parts = [chance.randint(1, 10) for _ in wanted]
        invested = chance.choice((60, 85, 98))
        return {
            symbol: decimal(part * invested // sum(parts)) / 100
            for symbol, part in zip(wanted, parts, strict=True)
        }


@cache
def market() -> SimulatedDays:
    """The one market of all worlds of a process: prices are not what a world is about, and drawing them takes time."""
    found = SimulatedDays(seed=MARKET_SEED, symbols=STOCKS)
    found.path_cache_size = PATHS_KEPT
    return found


def dawn(sessions: tuple[Session, ...]) -> Nanos:
    """When a world begins."""
    return sessions[0].open - DAWN_MINUTES * MINUTE


def opened(life: Life, seed: int, sessions: tuple[Session, ...]) -> Exchange:
    """The exchange at dawn, where the account's owner has bought some shares before we came."""
    exchange = Exchange(
        # Halts of one world must not halt another's; everything else of the market is shared.
        cast("Market", OwnScript(market())),
        seed=seed,
        start=eve_of(sessions),
        cash=life.cash,
        multiplier=life.multiplier,
        rules=VenueRules(),
    )
    buy_holdings(exchange, life)
    exchange.advance(dawn(sessions))
    exchange.take_updates()
    return exchange


def eve_of(sessions: tuple[Session, ...]) -> Nanos:
    """When the account's owner trades before we come: a minute before the close of the day before."""
    return xnys_sessions().all[sessions[0].index - 1].close - MINUTE


def buy_holdings(exchange: Exchange, life: Life) -> None:
    """What the account's owner has before we come; then the venue takes up its habits."""
    for symbol, percent in life.holdings.items():
        quote = exchange.quote(symbol)
        assert quote is not None
        shares = exchange.opening_cash_e13 * percent // 100 // (quote.ask_e4 * QUANTITY)
        if shares:
            exchange.submit_for_owner(OrderRequest(symbol=symbol, side="buy", qty_e9=shares * QUANTITY))
    exchange.rules = life.rules()


def _drawn(seed: int) -> Life:
    chance = stream(seed, "life")
    every = xnys_sessions()
    first = every.on(dt.date.fromisoformat(FIRST_DAYS[0]))
    assert first is not None
    day = every.all[first.index + chance.randrange(FIRST_DAYS[1])]
    symbols = tuple(sorted(chance.sample(STOCKS, chance.choice((2, 3, 5, 8, 10)))))
    return Life(
        first_day=day.date.isoformat(),
        symbols=symbols,
        holdings={
            symbol: chance.randint(1, 90 // len(symbols)) for symbol in symbols if chance.random() < 0.4
        },
        cash=chance.choice(("2500", "100000", "100000", "1000000")),
        multiplier=chance.choice((1, 1, 4)),
        minutes_before_close=chance.choice((30, 30, 60, 200, 380)),
        walk_steps=chance.choice((0, 2, 4, 4, 8)),
        step_seconds=chance.choice((20, 120, 300)),
        market_seconds_before_close=chance.choice((120, 300)),
        partial_fills=chance.choice(("off", "random", "displayed")),
        cancel_delay_seconds=chance.choice((0.0, 0.0, 0.3, 5.0, 120.0)),
        expired_as=chance.choice(("expired", "canceled")),
        latest_first=chance.random() < 0.3,
        calm_minutes_after_cycle=chance.choice((1, 5, 20, 480, 480)),
    )


def _constraints(seed: int, symbols: tuple[Symbol, ...]) -> dict[str, object]:
    """What is tight in a world: the limits of a careful owner, or the time that is left before the close."""
    chance = stream(seed, "constraints")
    found: dict[str, object] = {
        "order_percent_max": chance.choice((100, 100, 100, 100, 30)),
        "position_percent_max": chance.choice((100, 100, 100, 100, 30)),
        "open_orders_max": chance.choice((50, 50, 50, 50, 2)),
        "restricted": [symbol for symbol in symbols if chance.random() < 0.03],
        "has_standby": chance.random() < 0.5,
    }
    if chance.random() < 0.12:
        found |= {"minutes_before_close": 4, "step_seconds": 20, "market_seconds_before_close": 60}
    return found
