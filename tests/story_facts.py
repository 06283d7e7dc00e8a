"""A journal as a real run leaves it, made without an engine: two strategies, several days, fills at many prices."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from random import Random

from the_alchemiser.domain.facts import (
    AccountOpened,
    CycleFinished,
    CycleStarted,
    DayClosed,
    Fact,
    FillBooked,
    OrderIntended,
    OrderReported,
    PlanBuilt,
    Reconciled,
    SignalFormed,
    TargetSet,
    TradeApproved,
    TradeEnded,
    TradeRefused,
)
from the_alchemiser.domain.instants import MINUTE, SECOND, Nanos, parse_rfc3339
from the_alchemiser.domain.intent import PlannedTrade, RebalancePlan, Signal, TargetPortfolio
from the_alchemiser.domain.money import ZERO, Side, cents, ratio
from the_alchemiser.domain.orders import (
    Fill,
    OrderReport,
    OrderRequest,
    OrderStatus,
    OrderType,
    client_order_id,
)
from the_alchemiser.domain.portfolio import Position

CASH = Decimal(100_000)
HALF_SPREAD = Decimal("0.02")
SESSIONS_PER_TARGET = 3
MOMENTUM, INVERSE_VOLATILITY = "momentum", "inverse-volatility"
Closes = dict[str, list[tuple[str, float]]]


def trading_days(first: str, count: int) -> list[str]:
    """`count` weekdays from `first` on."""
    day = dt.date.fromisoformat(first)
    days: list[str] = []
    while len(days) < count:
        if day.weekday() < 5:
            days.append(day.isoformat())
        day += dt.timedelta(days=1)
    return days


def random_closes(symbols: Iterable[str], days: Iterable[str], seed: int = 7) -> Closes:
    """Daily closes in whole cents that wander by about two percent a day."""
    random, days, closes = Random(seed), list(days), {}
    for symbol in symbols:
        price, series = random.uniform(20, 400), []
        for day in days:
            series.append((day, round(price, 2)))
            price *= 1 + random.gauss(0.0004, 0.018)
        closes[symbol] = series
    return closes


def story(closes: Closes, seed: int = 7) -> list[Fact]:
    """The facts of trading every date of `closes` but the first, which is the day before."""
    return list(_Story(closes, seed).facts())


class _Story:
    def __init__(self, closes: Closes, seed: int) -> None:
        self.closes = closes
        self.random = Random(seed)
        self.cash = CASH
        self.positions = {symbol: Position(symbol) for symbol in closes}
        self.target = self._new_target()

    def facts(self) -> Iterator[Fact]:
        days = [day for day, _ in next(iter(self.closes.values()))]
        yield AccountOpened(_at(days[1], "14:30"), "PA3STORY0001", CASH, ())
        for number, day in enumerate(days[1:], start=1):
            marks = {symbol: Decimal(str(series[number][1])) for symbol, series in self.closes.items()}
            if number % SESSIONS_PER_TARGET == 0:
                self.target = self._new_target()
            yield from self._day(day, marks)

    def _day(self, day: str, marks: Mapping[str, Decimal]) -> Iterator[Fact]:
        cycle_id, at, close = day.replace("-", ""), _at(day, "20:45"), _at(day, "21:00")
        middles = {
            symbol: cents(mark * Decimal(str(self.random.uniform(0.99, 1.01))))
            for symbol, mark in marks.items()
        }
        yield CycleStarted(at, cycle_id, day, close)
        target = self.target
        for strategy, weights in target.contributions.items():
            yield SignalFormed(at, cycle_id, Signal(strategy, at, weights))
        yield TargetSet(at, cycle_id, target)
        plan = self._plan(cycle_id, target, middles)
        yield PlanBuilt(at, cycle_id, plan)
        for trade in plan.trades:
            yield from self._trade(cycle_id, at, trade)
        yield CycleFinished(at + 9 * MINUTE, cycle_id, len(plan.trades), len(plan.trades))
        yield from self._close(day, close, marks)

    def _close(self, day: str, close: Nanos, marks: Mapping[str, Decimal]) -> Iterator[Fact]:
        held = {symbol: one for symbol, one in self.positions.items() if one.shares}
        equity = self._equity(marks)
        realised = sum((one.realised for one in self.positions.values()), ZERO)
        unrealised = sum((one.shares * marks[symbol] - one.cost for symbol, one in held.items()), ZERO)
        yield Reconciled(close, "close", (), self.cash, equity)
        yield DayClosed(
            close, day, self.cash, equity, realised, unrealised, {symbol: marks[symbol] for symbol in held}
        )

    def _new_target(self) -> TargetPortfolio:
        """Momentum wants three symbols for 40 percent, the other strategy spreads 50 percent over half of them."""
        symbols = list(self.closes)
        favourites = self.random.sample(symbols, min(3, len(symbols)))
        calm = self.random.sample(symbols, max(1, len(symbols) // 2))
        contributions = {
            MOMENTUM: {symbol: ratio(Decimal("0.4"), Decimal(len(favourites))) for symbol in favourites},
            INVERSE_VOLATILITY: {symbol: ratio(Decimal("0.5"), Decimal(len(calm))) for symbol in calm},
        }
        weights: dict[str, Decimal] = {}
        for wished in contributions.values():
            for symbol, weight in wished.items():
                weights[symbol] = weights.get(symbol, ZERO) + weight
        return TargetPortfolio(weights, contributions)

    def _equity(self, prices: Mapping[str, Decimal]) -> Decimal:
        return self.cash + sum((one.shares * prices[symbol] for symbol, one in self.positions.items()), ZERO)

    def _plan(self, cycle_id: str, target: TargetPortfolio, middles: Mapping[str, Decimal]) -> RebalancePlan:
        equity, trades = self._equity(middles), []
        for symbol, middle in middles.items():
            wanted = target.weights.get(symbol, ZERO) * equity // middle
            if change := wanted - self.positions[symbol].shares:
                side = Side.BUY if change > 0 else Side.SELL
                far = middle + side.sign * HALF_SPREAD
                trades.append(PlannedTrade(symbol, side, abs(change), middle, far))
        trades.sort(key=lambda trade: trade.side is Side.BUY)
        notional = sum((trade.notional for trade in trades), ZERO)
        spread = sum((trade.shares * HALF_SPREAD for trade in trades), ZERO)
        return RebalancePlan(cycle_id, equity, tuple(trades), ratio(notional, equity), spread, ())

    def _trade(self, cycle_id: str, at: Nanos, trade: PlannedTrade) -> Iterator[Fact]:
        if trade.side is Side.BUY and self.random.random() < 0.04:
            yield TradeRefused(at, cycle_id, trade, "max_order_notional", "order is larger than allowed")
            return
        yield TradeApproved(at, cycle_id, trade)
        at += int(self.random.random() * 60 * SECOND)
        filled = ZERO
        walks = self.random.random() < 0.4
        if walks:
            filled = trade.shares // 3
            yield from self._order(cycle_id, at, trade, 0, trade.shares, filled)
        yield from self._order(
            cycle_id, at + 3 * MINUTE, trade, int(walks), trade.shares - filled, trade.shares - filled
        )
        yield TradeEnded(at + 4 * MINUTE, cycle_id, trade.symbol, trade.shares, "filled")

    def _order(
        self, cycle_id: str, at: Nanos, trade: PlannedTrade, revision: int, shares: Decimal, filled: Decimal
    ) -> Iterator[Fact]:
        name = client_order_id(cycle_id, trade.symbol, trade.side, revision)
        limit = trade.arrival_price + trade.side.sign * HALF_SPREAD * (1 + revision) / 2
        request = OrderRequest(
            name, trade.symbol, trade.side, shares, OrderType.LIMIT, limit_price=cents(limit)
        )
        middle = trade.arrival_price + cents(Decimal(str(self.random.gauss(0, 0.03))))
        yield OrderIntended(at, cycle_id, request, middle)
        yield self._report(at + SECOND, request, OrderStatus.NEW, ZERO)
        if filled:
            yield from self._fills(cycle_id, at + 2 * SECOND, request, filled, limit)
        status = OrderStatus.FILLED if filled == shares else OrderStatus.CANCELED
        yield self._report(at + 20 * SECOND, request, status, filled)

    def _report(
        self, at: Nanos, request: OrderRequest, status: OrderStatus, filled: Decimal
    ) -> OrderReported:
        name = request.client_order_id
        report = OrderReport(
            name, f"broker-{name}", request.symbol, request.side, request.shares, status, filled, at
        )
        return OrderReported(at, report)

    def _fills(
        self, cycle_id: str, at: Nanos, request: OrderRequest, shares: Decimal, limit: Decimal
    ) -> Iterator[Fact]:
        """One or two fills at prices up to a few cents better than the limit."""
        first = shares // 2 if shares > 1 and self.random.random() < 0.5 else shares
        for before, after in ((ZERO, first), (first, shares)):
            if before == after:
                continue
            better = cents(Decimal(str(self.random.uniform(0, 0.015))))
            price = limit - request.side.sign * better
            fill = Fill(
                request.client_order_id, request.symbol, request.side, before, after, price, at + int(after)
            )
            self.positions[request.symbol] = self.positions[request.symbol].after(fill)
            self.cash += fill.amount
            yield FillBooked(fill.at, cycle_id, fill)


def _at(day: str, clock: str) -> Nanos:
    return parse_rfc3339(f"{day}T{clock}:00Z")
