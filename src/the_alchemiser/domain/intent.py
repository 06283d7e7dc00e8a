"""What we want and what we may: signals, the blended target, the plan, and the verdict on each of its trades."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import msgspec

from .instants import Nanos
from .market import Symbol
from .money import Dollars, Price, Shares, Side, Weight


class TradingState(Enum):
    """How far we may act. REDUCING (preservation mode) lets exposure shrink only; HALTED lets nothing open."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"


class Signal(msgspec.Struct, frozen=True):
    """One strategy's wish: weights that sum to at most one, the reason for each, and when it was formed."""

    strategy: str
    at: Nanos
    weights: Mapping[Symbol, Weight]
    reasons: Mapping[Symbol, str] = {}


class TargetPortfolio(msgspec.Struct, frozen=True):
    """The weights we want to hold, and how much of each weight every strategy asked for."""

    weights: Mapping[Symbol, Weight]
    contributions: Mapping[str, Mapping[Symbol, Weight]]


class PlannedTrade(msgspec.Struct, frozen=True, gc=False):
    """One trade of a plan. `arrival_price`: the middle at the decision; `far_price`: the price of taking."""

    symbol: Symbol
    side: Side
    shares: Shares
    arrival_price: Price
    far_price: Price

    @property
    def notional(self) -> Dollars:
        """Its size in dollars at the arrival price."""
        return self.shares * self.arrival_price


class RebalancePlan(msgspec.Struct, frozen=True):
    """The exact trades, sells first, that turn what we hold into the target."""

    cycle_id: str
    equity: Dollars
    trades: tuple[PlannedTrade, ...]
    turnover: Weight
    """Traded notional as a fraction of equity."""
    spread_cost: Dollars
    """What crossing every spread at the decision's quotes would cost."""
    dust: tuple[Symbol, ...]
    """Symbols whose difference was too small to trade."""


class ApprovedTrade(msgspec.Struct, frozen=True, gc=False):
    """A trade that passed every risk check. Only `pipeline.risk` builds one; only these are executed."""

    trade: PlannedTrade


class RefusedTrade(msgspec.Struct, frozen=True, gc=False):
    """A trade that may not be sent; `code` is stable, `text` is for people."""

    trade: PlannedTrade
    code: str
    text: str


class RiskVerdict(msgspec.Struct, frozen=True):
    """Every trade of a plan, either approved or refused with its reason."""

    approved: tuple[ApprovedTrade, ...]
    refused: tuple[RefusedTrade, ...]
