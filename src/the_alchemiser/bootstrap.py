"""Who is who: the only place that chooses adapters. Settings in, a system ready to run out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from the_alchemiser.cycle import CycleConfig
from the_alchemiser.domain.errors import ConfigurationError
from the_alchemiser.domain.events import Event
from the_alchemiser.domain.instants import SECOND
from the_alchemiser.domain.market import Symbol
from the_alchemiser.endpoints import Endpoints, Venue, endpoints_of
from the_alchemiser.engine import Engine, EngineConfig
from the_alchemiser.inquiry import PollPolicy
from the_alchemiser.pipeline.execution import ExecutionPolicy
from the_alchemiser.pipeline.rebalance import RebalancePolicy
from the_alchemiser.pipeline.risk import RiskLimits
from the_alchemiser.ports import Alerts, Broker, Clock, Journal, Lease, Strategy
from the_alchemiser.runtime.perform import Performer
from the_alchemiser.runtime.turn import Timers, Turn, Watcher
from the_alchemiser.settings import Settings
from the_alchemiser.strategies import SCHEDULED, InverseVolatility, Momentum

if TYPE_CHECKING:
    from the_alchemiser.broker import AlpacaManager, Platform, RateBudget, Tally, Waits
    from the_alchemiser.runtime.clocks import LockstepClock, RunningClock
    from the_alchemiser.runtime.live import LiveDriver, RunningPace


@dataclass(frozen=True)
class Connection:
    """Which account, reached where."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    endpoints: Endpoints
    feed: str = "iex"
    redis_url: str = field(default="", repr=False)
    """Where all processes of the account count their requests together; empty: each for itself."""

    @classmethod
    def of(cls, settings: Settings) -> Connection:
        """The account the settings name. Raises ConfigurationError where they name none."""
        if settings.alpaca_api_key is None or settings.alpaca_secret_key is None:
            raise ConfigurationError("ALPACA_API_KEY and ALPACA_SECRET_KEY are not set")
        key, secret = (settings.alpaca_api_key, settings.alpaca_secret_key)
        feed = settings.alpaca_data_feed
        return cls(
            key.get_secret_value(),
            secret.get_secret_value(),
            settings.endpoints,
            feed,
            settings.redis_url or "",
        )

    def tally(self, limited: str, now: Callable[[], float], speed: float = 1.0) -> Tally | None:
        """The shared count of what is `limited` together, or None where each process counts for itself."""
        if not self.redis_url:
            return None
        from the_alchemiser.broker import shared_tally

        return shared_tally(self.redis_url, f"{self.key}:{limited}", now, speed)

    @classmethod
    def embedded(cls, ready: dict[str, str]) -> Connection:
        """An embedded exchange, by the line it prints when it listens."""
        return cls(ready["key"], ready["secret"], endpoints_of(ready["rest"]))


@dataclass
class System:
    """A wired system: run its driver, then close it."""

    driver: LiveDriver
    engine: Engine
    turn: Turn
    performer: Performer
    broker: AlpacaManager
    clock: Clock
    account_number: str
    pace: RunningPace | None
    """Set where requests may still be under way when the driver ends."""

    async def run(
        self,
        is_finished: Callable[[], bool] = lambda: False,
        first: Sequence[Event] = (),
        trouble: str = "",
    ) -> None:
        """Trade until told to stop or finished, then wait a little for the requests under way."""
        try:
            await self.driver.run(is_finished, first, trouble)
        finally:
            if self.pace is not None:
                await self.pace.drained()

    def stop(self) -> None:
        """End soon: decide nothing more, try nothing again. What is left open, the next start finds."""
        self.driver.stop()
        self.broker.stop_waiting()

    def close(self) -> None:
        """Close idle connections."""
        self.broker.close()


def strategies_of(settings: Settings) -> tuple[Strategy, ...]:
    """The strategies that have a weight. Raises ConfigurationError for a name nobody knows."""
    chosen = settings.strategies
    known: dict[str, Strategy] = {
        "momentum": Momentum(chosen.momentum_top, chosen.lookback_sessions),
        "inverse_volatility": InverseVolatility(),
    }
    for name in chosen.weights:
        if name not in known:
            raise ConfigurationError(
                f"there is no strategy {name!r}; there are {', '.join(sorted(SCHEDULED))}"
            )
    return tuple(known[name] for name in sorted(chosen.weights))


def engine_config(settings: Settings) -> EngineConfig:
    """The settings in the engine's own terms."""
    chosen, cycle, risk = settings.strategies, settings.cycle, settings.risk
    return EngineConfig(
        CycleConfig(
            universe=tuple(chosen.universe),
            strategies=strategies_of(settings),
            allocations=dict(chosen.weights),
            minutes_before_close=cycle.minutes_before_close,
            rebalance=RebalancePolicy(chosen.cash_buffer_weight, chosen.dust_notional),
            execution=ExecutionPolicy(
                cycle.walk_steps, cycle.walk_interval_seconds, cycle.market_minutes_before_close * 60
            ),
            limits=RiskLimits(
                order_notional_max=risk.max_order_notional,
                position_weight_max=risk.max_position_weight,
                gross_exposure_max=risk.max_gross_exposure,
                open_orders_max=risk.max_open_orders,
                orders_per_minute_max=risk.max_orders_per_minute,
                daily_loss_max=risk.daily_loss_limit,
                quote_age_seconds_max=risk.max_quote_age_seconds,
                price_collar=risk.max_price_deviation,
                restricted=risk.restricted,
            ),
        ),
        polls=PollPolicy(settings.reconciliation.orders_seconds, settings.reconciliation.record_seconds),
    )


def connect(
    connection: Connection,
    budgets: tuple[RateBudget, RateBudget] | None = None,
    waits: Waits | None = None,
    platform: Platform | None = None,
) -> AlpacaManager:
    """The one manager of an account. `budgets` (trading, data) replace the usual ones where time is not ours."""
    from the_alchemiser.broker import SYSTEM, BrokerOptions, RateBudget, RetryPolicy, create_alpaca_manager

    platform = platform or SYSTEM
    waits = waits or platform.waits()
    trading, data = budgets or (
        RateBudget(
            now=platform.monotonic, sleep=waits.sleep, tally=connection.tally(limited, platform.monotonic)
        )
        for limited in ("trading", "data")
    )
    options = BrokerOptions(
        feed=connection.feed,
        trading_budget=trading,
        data_budget=data,
        retries=RetryPolicy(sleep=waits.sleep, random=platform.random),
        waits=waits,
        platform=platform,
    )
    return create_alpaca_manager(
        connection.key, connection.secret, endpoints=connection.endpoints, options=options
    )


def tell_time(
    connection: Connection, pace: float | None, platform: Platform | None = None
) -> tuple[AlpacaManager, RunningClock | LockstepClock]:
    """The manager of the account and the clock it lives by; only a local exchange may have a time of its own."""
    from the_alchemiser.broker import RateBudget, Waits
    from the_alchemiser.runtime.clocks import ExchangeControl, LockstepClock, RunningClock

    if connection.endpoints.venue is not Venue.LOCAL:
        broker = connect(connection, platform=platform)
        return broker, RunningClock(broker.get_time(), monotonic=broker.options.platform.elapsed)
    control = ExchangeControl(connection.endpoints.trading, connection.key, connection.secret)
    reading = control.read()
    if reading.mode == "lockstep":
        # Time stands still while we ask, so a budget by time would wait for ever.
        broker = connect(connection, (RateBudget.unlimited(), RateBudget.unlimited()))
        return broker, LockstepClock(control, pace)
    control.close()
    clock, waits = RunningClock(reading.now, reading.speed), Waits()

    def now() -> float:
        return clock.now() / SECOND

    trading, data = (
        RateBudget(
            now=now,
            sleep=lambda seconds: waits.sleep(seconds / clock.speed),
            tally=connection.tally(limited, now, clock.speed),
        )
        for limited in ("trading", "data")
    )
    return connect(connection, (trading, data), waits), clock


def build(
    settings: Settings,
    connection: Connection,
    journal: Journal,
    watchers: Sequence[Watcher] = (),
    pace: float | None = None,
    lease: Lease | None = None,
) -> System:
    """Wire a system. `pace` is how fast to let a lockstep exchange run; elsewhere time passes by itself.

    With a `lease` it sends only while it holds that.
    """
    broker, clock = tell_time(connection, pace)
    number = broker.get_account().number
    settings.confirm_live_account(number)
    return assemble(engine_config(settings), (broker, clock, number), journal, watchers, lease=lease)


def assemble(
    config: EngineConfig,
    line: tuple[AlpacaManager, RunningClock | LockstepClock, str],
    journal: Journal,
    watchers: Sequence[Watcher] = (),
    alerts: Alerts | None = None,
    lease: Lease | None = None,
) -> System:
    """The parts put together. `line` is the account's manager, the clock it lives by, and the account's number."""
    from the_alchemiser.broker import AlpacaStream
    from the_alchemiser.runtime.clocks import LockstepClock
    from the_alchemiser.runtime.ear import Ear
    from the_alchemiser.runtime.live import LiveDriver, LockstepPace, RunningPace

    broker, clock, number = line
    platform = broker.options.platform
    if isinstance(clock, LockstepClock):
        # There the stream loses nothing, and time stands still for every request.
        config = msgspec.structs.replace(config, polls=None)
    engine = Engine(config, journal.read())
    turn = Turn(engine, journal, Timers(), watchers)
    performer = Performer(broker, clock.now, alerts, lease)
    stream = AlpacaStream(broker.credentials, broker.endpoints.trading_stream, platform=platform)
    ear = Ear(stream, clock.now)
    if isinstance(clock, LockstepClock):
        lockstep = LockstepPace(turn, performer, clock, ear, lambda: broker.stream_sequence)
        driver = LiveDriver(turn, lockstep, ear, clock.now, lease=lease)
        return System(driver, engine, turn, performer, broker, clock, number, None)
    running = RunningPace(turn, performer, clock, ear, idle_seconds_max=platform.idle_seconds_max)
    driver = LiveDriver(
        turn, running, ear, clock.now, has_process_alone=platform.has_process_alone, lease=lease
    )
    return System(driver, engine, turn, performer, broker, clock, number, running)


def daily_closes(
    broker: Broker, symbols: Sequence[Symbol], first: str, last: str
) -> dict[Symbol, list[tuple[str, float]]]:
    """Dated closes from the session before `first` to `last` (ISO dates), for the comparison in a report."""
    sessions = [session.date for session in broker.get_sessions(_days_before(first, 10), last)]
    start = max((index for index, date in enumerate(sessions) if date < first), default=0)
    dates = sessions[start:]
    histories = broker.get_histories(symbols, len(dates), _days_before(last, -1))
    return {
        symbol: list(zip(dates[-len(history.closes) :], map(float, history.closes), strict=True))
        for symbol, history in histories.items()
        if history.last_date == dates[-1]
    }


def _days_before(date: str, days: int) -> str:
    return (dt.date.fromisoformat(date) - dt.timedelta(days=days)).isoformat()
