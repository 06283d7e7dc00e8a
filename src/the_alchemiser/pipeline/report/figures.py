"""What a report knows: every figure of `Performance`. Dollars are exact Decimals, measurements are floats."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from the_alchemiser.domain.instants import Nanos
from the_alchemiser.domain.market import Symbol
from the_alchemiser.domain.money import CENT, ZERO, Dollars, Price, Shares, Side
from the_alchemiser.domain.orders import ClientOrderId, OrderStatus, OrderType

BASIS_POINTS = 10_000


class DayResult(msgspec.Struct, frozen=True):
    """One session's books at its close. `realised` and `unrealised` count from the opening of the account."""

    session: str
    cash: Dollars
    equity: Dollars
    realised: Dollars
    unrealised: Dollars
    profit: Dollars
    """The change of equity since the session before, without what was paid in or out."""
    traded: Dollars
    fills: int
    paid_in: Dollars = ZERO
    """Paid in, less what was paid out, since the opening: no profit."""
    earned: Dollars = ZERO
    """Dividends and interest less fees and taxes since the opening: profit that no trade made."""


class Trade(msgspec.Struct, frozen=True):
    """One fill, as a marker on a price chart. A cost is None where its reference price is not known."""

    at: Nanos
    session: str
    cycle_id: str
    client_order_id: ClientOrderId
    symbol: Symbol
    side: Side
    shares: Shares
    price: Price
    spread_paid: Dollars | None
    slippage: Dollars | None

    @property
    def notional(self) -> Dollars:
        """Its size in dollars."""
        return self.shares * self.price


class OrderResult(msgspec.Struct, frozen=True):
    """One order and what became of it; `average_price` is None until something filled."""

    client_order_id: ClientOrderId
    cycle_id: str
    at: Nanos
    symbol: Symbol
    side: Side
    type: OrderType
    shares: Shares
    limit_price: Price | None
    status: OrderStatus
    filled: Shares
    average_price: Price | None
    reason: str


class Refusal(msgspec.Struct, frozen=True):
    """Something that was decided against: a trade by a risk rule, or (without symbol) a whole cycle."""

    at: Nanos
    cycle_id: str
    symbol: Symbol
    code: str
    text: str


class SymbolResult(msgspec.Struct, frozen=True):
    """One symbol ever held: what is held of it at the last close and what it has earned."""

    symbol: Symbol
    shares: Shares
    cost: Dollars
    mark: Price
    realised: Dollars
    weight: float
    """Its share of equity at the last close."""

    @property
    def value(self) -> Dollars:
        """What is held, at the last mark."""
        return self.shares * self.mark

    @property
    def unrealised(self) -> Dollars:
        """What selling it all at the last mark would add to the realised profit."""
        return self.value - self.cost

    @property
    def profit(self) -> Dollars:
        """Realised and unrealised together."""
        return self.realised + self.unrealised


class Cost(msgspec.Struct, frozen=True):
    """What trading cost against a reference price: positive is paid, negative was gained."""

    amount: Dollars = ZERO
    reference_notional: Dollars = ZERO
    """The same shares at the reference price: what the basis points are of."""
    fills_without_reference: int = 0

    @property
    def basis_points(self) -> float:
        """The cost as hundredths of a percent of the reference notional; 0 where nothing was traded."""
        return float(self.amount / self.reference_notional) * BASIS_POINTS if self.reference_notional else 0.0


class Contribution(msgspec.Struct, frozen=True):
    """One line of the account's profit. The amounts of all lines add up to the profit exactly."""

    name: str
    amount: Dollars
    is_strategy: bool
    cumulative: tuple[float, ...]
    """The line's running total in dollars: zero at the start, then one value per session."""


class Drawdown(msgspec.Struct, frozen=True):
    """How far equity was below its highest point so far: fractions up to 0, and the deepest with its dates."""

    series: tuple[float, ...]
    maximum: float
    peak: str
    trough: str


class YearlyMeasures(msgspec.Struct, frozen=True):
    """Figures scaled to a year; None where there are too few days to say anything honest."""

    volatility: float | None = None
    sharpe: float | None = None
    """Mean over volatility of daily returns, without subtracting a risk-free rate."""
    growth: float | None = None
    """Compound growth per year (CAGR)."""


class Curve(msgspec.Struct, frozen=True):
    """Another way to have invested the opening equity, in dollars at the points of `Performance.equity`."""

    name: str
    values: tuple[float, ...]
    yearly: YearlyMeasures
    missing: tuple[Symbol, ...] = ()
    """Symbols left out because they have no price at the start."""

    @property
    def total_return(self) -> float:
        """Its return from the first to the last point."""
        return self.values[-1] / self.values[0] - 1 if len(self.values) > 1 and self.values[0] else 0.0


class Performance(msgspec.Struct, frozen=True):
    """A whole run, folded from the journal's facts; every face shows these numbers and no others."""

    account: str
    started: str
    """The date of the first point of every series: the close before the first session."""
    days: tuple[DayResult, ...]
    equity_start: Dollars
    equity_end: Dollars
    cash: Dollars
    realised: Dollars
    unrealised: Dollars
    paid_in: Dollars
    earned: Dollars
    identity_difference: Dollars
    """equity_end - (equity_start + paid_in + earned + realised + unrealised): zero, or money moved unexplained."""
    returns: tuple[float, ...]
    drawdown: Drawdown
    yearly: YearlyMeasures
    holding: Curve | None
    index: Curve | None
    traded: Dollars
    turnover: float
    """Dollars traded (bought and sold) over the mean equity at the closes."""
    cycles: int
    orders: tuple[OrderResult, ...]
    trades: tuple[Trade, ...]
    refusals: tuple[Refusal, ...]
    spread_paid: Cost
    slippage: Cost
    contributions: tuple[Contribution, ...]
    symbols: tuple[SymbolResult, ...]
    reconciliations: int
    differences: tuple[str, ...]
    """What the newest reconciliation found; empty where ledger and broker agree."""
    past_differences: tuple[str, ...]
    """What earlier reconciliations found, oldest first."""
    alerts: tuple[str, ...]
    prices: Mapping[Symbol, tuple[tuple[str, float], ...]]
    """Daily closes of the symbols traded or held, for the price charts."""

    @property
    def profit(self) -> Dollars:
        """The change of equity from the opening of the account to the last close."""
        return self.equity_end - self.equity_start - self.paid_in

    @property
    def total_return(self) -> float:
        """The profit as a fraction of the opening equity."""
        return float(self.profit / self.equity_start) if self.equity_start else 0.0

    @property
    def sessions(self) -> tuple[str, ...]:
        """The dates of the points of every series: the start, then each session."""
        return (self.started, *(day.session for day in self.days))

    @property
    def equity(self) -> tuple[Dollars, ...]:
        """Equity at the start and at each close."""
        return (self.equity_start, *(day.equity for day in self.days))

    @property
    def orders_filled(self) -> int:
        """Orders filled to the last share."""
        return sum(order.status is OrderStatus.FILLED for order in self.orders)

    @property
    def positions(self) -> tuple[SymbolResult, ...]:
        """What is held at the last close."""
        return tuple(result for result in self.symbols if result.shares)

    @property
    def is_reconciled(self) -> bool:
        """Whether ledger and broker were compared and the newest comparison found no difference."""
        return self.reconciliations > 0 and not self.differences

    @property
    def is_identity_exact(self) -> bool:
        """Whether the equity identity holds to the cent."""
        return abs(self.identity_difference) < CENT
