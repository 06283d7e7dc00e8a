"""The product as a contender: an engine with one bar strategy over the exchange core, ready to run."""

from __future__ import annotations

from benchmarks.bars import Minutes
from the_alchemiser.cycle import CycleConfig
from the_alchemiser.domain.money import decimal
from the_alchemiser.engine import Engine, EngineConfig
from the_alchemiser.exchange.market.prices import PushedMarket
from the_alchemiser.exchange.market.sessions import xnys_sessions
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.pipeline.rebalance import RebalancePolicy
from the_alchemiser.pipeline.risk import RiskLimits
from the_alchemiser.runtime.backtest import Backtest
from the_alchemiser.store.memory import MemoryJournal
from the_alchemiser.strategies import MovingAverageCross

# The rule of the benchmark stakes the whole account on one symbol; the usual limits would refuse that.
LIMITS = RiskLimits(
    order_notional_max=decimal(10**9),
    position_weight_max=decimal(2),
    gross_exposure_max=decimal(2),
    daily_loss_max=decimal(10**9),
)


def prepare_backtest(symbol: str, data: Minutes, cash: int) -> tuple[Backtest, MemoryJournal]:
    """A backtest over these bars, all data loaded, nothing run."""
    config = EngineConfig(
        CycleConfig(rebalance=RebalancePolicy(decimal(0), decimal(0)), limits=LIMITS),
        (MovingAverageCross(symbol),),
    )
    exchange = Exchange(
        PushedMarket([symbol], xnys_sessions()), seed=7, cash=str(cash), start=int(data.at[0])
    )
    journal = MemoryJournal()
    return Backtest(Engine(config), exchange, journal), journal
