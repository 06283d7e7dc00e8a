"""One backtest: a strategy by name over shipped or own history, in virtual time, reported like any other run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from the_alchemiser.bootstrap import daily_closes, engine_config
from the_alchemiser.domain.errors import ConfigurationError, MarketDataMissing
from the_alchemiser.domain.market import Bar, Symbol
from the_alchemiser.domain.money import decimal
from the_alchemiser.engine import Engine, EngineConfig
from the_alchemiser.runtime.backtest import Backtest
from the_alchemiser.settings import Settings
from the_alchemiser.store.memory import MemoryJournal
from the_alchemiser.strategies import SCHEDULED, MovingAverageCross
from the_alchemiser.views import run_figures

if TYPE_CHECKING:
    from the_alchemiser.exchange.market.prices import Market
    from the_alchemiser.exchange.venue.core import Exchange
    from the_alchemiser.pipeline.report import Performance

BLEND, MOVING_AVERAGE = "blend", "moving_average"
STRATEGIES = (*sorted(SCHEDULED), BLEND, MOVING_AVERAGE)
"""What can be tested by name: one scheduled strategy with all the capital, the settings' blend, or bar by bar."""

LIMIT_SHARE = decimal("0.9")


@dataclass(frozen=True)
class BacktestOptions:
    """What to test. `end` empty means `days` sessions from the start."""

    strategy: str = BLEND
    start: str = "2021-01-04"
    end: str = ""
    days: int = 250
    symbols: tuple[Symbol, ...] = ()
    cash: str = "100000"
    seed: int = 7
    data: Path | None = None
    """A folder of own bars instead of the shipped history."""


@dataclass(frozen=True)
class BacktestResult:
    """What came of it."""

    performance: Performance
    facts: MemoryJournal

    def as_json(self) -> dict[str, Any]:
        """The figures as one JSON-ready object; money as Decimal."""
        done = self.performance
        return {
            **run_figures(done),
            "drawdown_max": done.drawdown.maximum,
            "journal_digest": self.facts.head().hash,
        }


def run_backtest(
    options: BacktestOptions, settings: Settings, progress: Callable[[int, int], None] = lambda done, of: None
) -> BacktestResult:
    """Run it. Raises ConfigurationError for names and dates that do not fit, MarketDataMissing where prices end."""
    market = _market(options)
    chosen = _with_strategy(settings, options, market)
    exchange = _exchange(options, market)
    first, last = _period(exchange, options)
    journal = MemoryJournal()
    test = Backtest(Engine(_config(options, chosen)), exchange, journal)
    if options.strategy == MOVING_AVERAGE:
        test.run_bars(_bars(exchange, chosen.strategies.universe[0], first, last))
    else:
        days = len(exchange.market.sessions.between(first, last))
        test.run_days(days, lambda done: progress(done, days))
    closes = daily_closes(test.broker, chosen.strategies.universe, first.isoformat(), last.isoformat())
    from the_alchemiser.pipeline.report import performance

    return BacktestResult(performance(journal.read(), closes), journal)


def _config(options: BacktestOptions, settings: Settings) -> EngineConfig:
    config = engine_config(settings)
    if options.strategy != MOVING_AVERAGE:
        return config
    cycle = config.cycle
    # Below the limit, so that a rising position does not make every later order one too large.
    weight = cycle.limits.position_weight_max * LIMIT_SHARE
    return EngineConfig(
        type(cycle)(rebalance=cycle.rebalance, limits=cycle.limits),
        (MovingAverageCross(settings.strategies.universe[0], weight=str(weight)),),
    )


def _with_strategy(settings: Settings, options: BacktestOptions, market: Market) -> Settings:
    if options.strategy not in STRATEGIES:
        raise ConfigurationError(
            f"there is no strategy {options.strategy!r}; there are {', '.join(STRATEGIES)}"
        )
    changes: dict[str, Any] = {}
    if options.strategy in SCHEDULED:
        changes["weights"] = {options.strategy: 1}
    symbols = options.symbols or (_tradable(market) if options.data is not None else ())
    if symbols:
        changes["universe"] = symbols
        changes["momentum_top"] = min(settings.strategies.momentum_top, len(symbols))
    known = _tradable(market)
    if strangers := [symbol for symbol in symbols or settings.strategies.universe if symbol not in known]:
        raise ConfigurationError(f"no prices for {', '.join(strangers)}; there are {', '.join(known)}")
    strategies = type(settings.strategies).model_validate(settings.strategies.model_dump() | changes)
    return settings.model_copy(update={"strategies": strategies})


def _tradable(market: Market) -> tuple[Symbol, ...]:
    return tuple(sorted(asset.symbol for asset in market.assets() if asset.tradable))


def _market(options: BacktestOptions) -> Market:
    if options.data is not None:
        from the_alchemiser.exchange.market.replay import ReplayedBars

        try:
            return ReplayedBars(options.data, seed=options.seed)
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"no market data: {error}") from error
    from the_alchemiser.exchange.market.days import SimulatedDays

    return SimulatedDays(seed=options.seed)


def _exchange(options: BacktestOptions, market: Market) -> Exchange:
    from the_alchemiser.exchange.venue.core import Exchange

    first = _date("--start", options.start)
    if first < market.first_day:
        raise ConfigurationError(f"--start {first} is before the first price, of {market.first_day}")
    session = next(iter(market.sessions.between(first, market.last_day)), None)
    if session is None:
        raise MarketDataMissing(f"there are no prices from {first} on; they end on {market.last_day}")
    return Exchange(market, seed=options.seed, cash=options.cash, start=session.open)


def _period(exchange: Exchange, options: BacktestOptions) -> tuple[dt.date, dt.date]:
    first, market = _date("--start", options.start), exchange.market
    last = _date("--end", options.end) if options.end else market.last_day
    sessions = market.sessions.between(first, min(last, market.last_day))
    if not options.end:
        if len(sessions) < options.days:
            raise ConfigurationError(f"--days {options.days}: only {len(sessions)} sessions follow {first}")
        sessions = sessions[: options.days]
    if not sessions:
        raise ConfigurationError(f"there is no session from {first} to {last}")
    return sessions[0].date, sessions[-1].date


def _date(name: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"{name} {text!r} is not a date like 2021-01-04") from None


def _bars(exchange: Exchange, symbol: Symbol, first: dt.date, last: dt.date) -> Iterator[Bar]:
    """One bar a session, stamped with the session's own opening and close."""
    from the_alchemiser.exchange.market.sessions import new_york_midnight

    market = exchange.market
    sessions = market.sessions.between(first, last)
    start, end = new_york_midnight(first), sessions[-1].close
    bars = market.bars(symbol, "1Day", start, end, end)
    opens = {new_york_midnight(session.date): session for session in sessions}
    for bar in bars:
        session = opens[bar.at]
        yield Bar(
            symbol, session.open, bar.open, bar.high, bar.low, bar.close, float(bar.volume), session.close
        )
