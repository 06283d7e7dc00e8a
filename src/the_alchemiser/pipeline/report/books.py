"""The fold: facts that bear on money or orders, taken in order, become positions, results and markers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from the_alchemiser.domain.facts import (
    AccountOpened,
    ActivityBooked,
    AlertRaised,
    CycleRefused,
    CycleStarted,
    DayClosed,
    Fact,
    FillBooked,
    FillCorrected,
    LedgerAdjusted,
    OrderIntended,
    OrderLost,
    OrderReported,
    PlanBuilt,
    Reconciled,
    TargetSet,
    TradeRefused,
)
from the_alchemiser.domain.instants import rfc3339
from the_alchemiser.domain.intent import PlannedTrade
from the_alchemiser.domain.market import Symbol
from the_alchemiser.domain.money import ZERO, Dollars, Price, Shares
from the_alchemiser.domain.orders import ClientOrderId, Fill, Order, OrderStatus, later
from the_alchemiser.domain.portfolio import Activity, ActivityKind, Lot, Position, moved

from .contribution import Attribution
from .figures import DayResult, OrderResult, Refusal, SymbolResult, Trade

CYCLE_REFUSED = "cycle_refused"


class _OrderBook(msgspec.Struct):
    order: Order
    filled: Shares = ZERO
    notional: Dollars = ZERO


class Books:
    """The fold's state. What is held counts as of the newest close; trades and orders run to the newest fact."""

    def __init__(self) -> None:
        self.account = ""
        self.opened_on = ""
        self.equity_start: Dollars = ZERO
        self.cash: Dollars = ZERO
        self.cycles = 0
        self.days: list[DayResult] = []
        self.trades: list[Trade] = []
        self.refusals: list[Refusal] = []
        self.reconciliations: list[Reconciled] = []
        self.alerts: list[str] = []
        self.attribution = Attribution()
        self._sessions: dict[str, str] = {}
        self._plans: dict[tuple[str, Symbol], PlannedTrade] = {}
        self._orders: dict[ClientOrderId, _OrderBook] = {}
        self._positions: dict[Symbol, Position] = {}
        self._marks: dict[Symbol, Price] = {}
        self._positions_at_close: dict[Symbol, Position] = {}
        self._marks_at_close: dict[Symbol, Price] = {}
        self._fills_of_day: list[Fill] = []
        self.paid_in: Dollars = ZERO
        self.earned: Dollars = ZERO
        self._paid_in_of_day: Dollars = ZERO

    def take(self, facts: Iterable[Fact]) -> None:
        """Fold `facts` in."""
        for fact in facts:
            self._take_decision(fact)
            self._take_outcome(fact)
            self._take_movement(fact)
            self._take_note(fact)

    def _take_decision(self, fact: Fact) -> None:
        match fact:
            case CycleStarted():
                self.cycles += 1
                self._sessions[fact.cycle_id] = fact.session
            case TargetSet():
                self.attribution.retarget(fact.target)
            case PlanBuilt():
                self._plans.update({(fact.cycle_id, trade.symbol): trade for trade in fact.plan.trades})
            case TradeRefused():
                self.refusals.append(Refusal(fact.at, fact.cycle_id, fact.trade.symbol, fact.code, fact.text))
            case CycleRefused():
                text = "; ".join(fact.reasons)
                self.refusals.append(Refusal(fact.at, fact.cycle_id, "", CYCLE_REFUSED, text))
            case OrderIntended():
                order = Order(fact.request, fact.cycle_id, fact.at, fact.middle)
                self._orders[fact.request.client_order_id] = _OrderBook(order)

    def _take_outcome(self, fact: Fact) -> None:
        match fact:
            case AccountOpened():
                self._open(fact)
            case OrderReported():
                if book := self._orders.get(fact.report.client_order_id):
                    book.order.merge(fact.report)
            case OrderLost():
                if book := self._orders.get(fact.client_order_id):
                    book.order.status = later(book.order.status, OrderStatus.UNKNOWN)
            case FillBooked():
                self._book(fact)
            case FillCorrected():
                self._correct(fact)
            case DayClosed():
                self._close_day(fact)

    def _take_note(self, fact: Fact) -> None:
        match fact:
            case Reconciled():
                self.reconciliations.append(fact)
            case AlertRaised():
                self.alerts.append(f"{rfc3339(fact.at)} {fact.level}: {fact.text}")

    def _take_movement(self, fact: Fact) -> None:
        match fact:
            case ActivityBooked():
                self._move(fact.activity, fact.former)
            case LedgerAdjusted():
                self._adjust(fact)

    def _open(self, fact: AccountOpened) -> None:
        """Opening holdings enter at their mark, so that profit counts from the day we met the account."""
        self.account, self.opened_on, self.cash = (
            fact.number,
            rfc3339(fact.at)[:10],
            fact.cash,
        )
        for holding in (one for one in fact.holdings if one.shares):
            self._positions[holding.symbol] = Position(holding.symbol, (Lot(holding.shares, holding.price),))
            self._marks[holding.symbol] = holding.price
        self.equity_start = fact.cash + sum((held.cost for held in self._positions.values()), ZERO)
        self._remember_close()

    def _book(self, fact: FillBooked) -> None:
        fill = fact.fill
        position = self._positions.get(fill.symbol, Position(fill.symbol))
        self._positions[fill.symbol] = position.after(fill)
        # Until the close brings the broker's mark, the newest price we know is that of the fill.
        self._marks[fill.symbol] = fill.price
        self._fills_of_day.append(fill)
        self.trades.append(self._trade(fact))
        if book := self._orders.get(fill.client_order_id):
            book.filled += fill.shares
            book.notional += fill.shares * fill.price

    def _correct(self, fact: FillCorrected) -> None:
        symbol = fact.fill.symbol
        self._positions[symbol] = self._positions[symbol].earning(fact.amount)
        if book := self._orders.get(fact.fill.client_order_id):
            book.notional -= fact.fill.side.sign * fact.amount

    def _trade(self, fact: FillBooked) -> Trade:
        fill, cycle_id = fact.fill, fact.cycle_id
        book = self._orders.get(fill.client_order_id)
        plan = self._plans.get((cycle_id, fill.symbol))
        return Trade(
            at=fill.at,
            # An order not ours has no cycle; in New York's trading hours the UTC date is the session's.
            session=self._sessions.get(cycle_id, rfc3339(fill.at)[:10]),
            cycle_id=cycle_id,
            client_order_id=fill.client_order_id,
            symbol=fill.symbol,
            side=fill.side,
            shares=fill.shares,
            price=fill.price,
            spread_paid=_cost(fill, book.order.middle) if book else None,
            slippage=_cost(fill, plan.arrival_price) if plan else None,
        )

    def _count(self, paid_in: Dollars, earned: Dollars) -> None:
        self.paid_in += paid_in
        self.earned += earned
        self._paid_in_of_day += paid_in

    def _move(self, activity: Activity, former: Symbol) -> None:
        changed = moved(self._positions, activity, former)
        if activity.kind is ActivityKind.SPLIT:
            self._restate(activity.symbol, changed[activity.symbol].shares)
        elif activity.kind is ActivityKind.RENAME:
            symbol = activity.symbol
            for marks in (self._marks, self._marks_at_close):
                marks[symbol] = marks.get(former, ZERO)
            self._positions_at_close[symbol] = self._positions_at_close.pop(former, Position(symbol))
        elif activity.shares:
            # A price for what came, until the close brings the broker's mark.
            self._marks.setdefault(activity.symbol, activity.price)
        self._positions.update(changed)
        self._count(activity.paid_in, activity.earned)

    def _restate(self, symbol: Symbol, shares: Shares) -> None:
        """What was held at the close before counts in new shares at a new mark: a split is no loss of the day."""
        before = self._positions_at_close.get(symbol)
        held = self._positions.get(symbol)
        if before is not None and before.shares and held is not None and held.shares and shares:
            factor = shares / held.shares
            self._positions_at_close[symbol] = before.restated(before.shares * factor)
            self._marks_at_close[symbol] /= factor
            self._marks[symbol] /= factor

    def _adjust(self, fact: LedgerAdjusted) -> None:
        self._count(fact.cash + fact.shares * fact.price, ZERO)
        if fact.shares:
            position = self._positions.get(fact.symbol, Position(fact.symbol))
            self._positions[fact.symbol] = position.shifted(fact.shares, fact.price)
            self._marks.setdefault(fact.symbol, fact.price)

    def _close_day(self, fact: DayClosed) -> None:
        self._marks.update(fact.marks)
        equity_before = self.days[-1].equity if self.days else self.equity_start
        self.attribution.close_day(self._carried_profits(), self._traded_profits())
        self.cash = fact.cash
        self.days.append(
            DayResult(
                session=fact.session,
                cash=fact.cash,
                equity=fact.equity,
                realised=sum((held.realised for held in self._positions.values()), ZERO),
                unrealised=self._unrealised(),
                profit=fact.equity - equity_before - self._paid_in_of_day,
                paid_in=self.paid_in,
                earned=self.earned,
                traded=sum((abs(fill.amount) for fill in self._fills_of_day), ZERO),
                fills=len(self._fills_of_day),
            )
        )
        self._remember_close()

    def _unrealised(self) -> Dollars:
        held = self._positions.values()
        return sum((one.shares * self._marks[one.symbol] - one.cost for one in held), ZERO)

    def _carried_profits(self) -> dict[Symbol, Dollars]:
        """What each symbol held since the close before gained on the way to this one."""
        return {
            symbol: held.shares * (self._marks[symbol] - self._marks_at_close[symbol])
            for symbol, held in self._positions_at_close.items()
            if held.lots
        }

    def _traded_profits(self) -> dict[Symbol, Dollars]:
        """What the day's fills gained between their prices and the close."""
        profits: dict[Symbol, Dollars] = {}
        for fill in self._fills_of_day:
            gain = fill.side.sign * fill.shares * (self._marks[fill.symbol] - fill.price)
            profits[fill.symbol] = profits.get(fill.symbol, ZERO) + gain
        return profits

    def _remember_close(self) -> None:
        self._positions_at_close = dict(self._positions)
        self._marks_at_close = dict(self._marks)
        self._fills_of_day = []
        self._paid_in_of_day = ZERO

    def symbol_results(self) -> tuple[SymbolResult, ...]:
        """Every symbol ever held up to the newest close, by name."""
        equity = self.days[-1].equity if self.days else self.equity_start
        return tuple(
            _symbol_result(held, self._marks_at_close, equity)
            for _, held in sorted(self._positions_at_close.items())
        )

    def order_results(self) -> tuple[OrderResult, ...]:
        """Every order, oldest first."""
        return tuple(_order_result(book) for book in self._orders.values())


def _cost(fill: Fill, reference: Price) -> Dollars:
    return (fill.price - reference) * fill.side.sign * fill.shares


def _symbol_result(held: Position, marks: Mapping[Symbol, Price], equity: Dollars) -> SymbolResult:
    mark = marks[held.symbol]
    weight = float(held.shares * mark / equity) if equity else 0.0
    return SymbolResult(held.symbol, held.shares, held.cost, mark, held.realised, weight)


def _order_result(book: _OrderBook) -> OrderResult:
    order, request = book.order, book.order.request
    return OrderResult(
        client_order_id=request.client_order_id,
        cycle_id=order.cycle_id,
        at=order.intended_at,
        symbol=request.symbol,
        side=request.side,
        type=request.type,
        shares=request.shares,
        limit_price=request.limit_price,
        status=OrderStatus.FILLED if book.filled >= request.shares else order.status,
        filled=book.filled,
        average_price=book.notional / book.filled if book.filled else None,
        reason=order.reason,
    )
