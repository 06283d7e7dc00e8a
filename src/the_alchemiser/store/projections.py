"""How facts become rows: one small rule per kind of fact.

The tables for reading are nothing but these rules applied in order.

No rule asks a clock or counts anything itself, so the same journal always gives the same rows. Where a fact
speaks of something never recorded the rule leaves it out: the journal keeps it, and refusing it is the
engine's business. Only what would falsify money (an order id used twice, a sale of more than is held)
raises InvariantBroken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from msgspec.structs import replace

from the_alchemiser.domain import facts
from the_alchemiser.domain.errors import InvariantBroken
from the_alchemiser.domain.facts import Fact
from the_alchemiser.domain.instants import Nanos
from the_alchemiser.domain.intervals import corrected
from the_alchemiser.domain.market import Symbol
from the_alchemiser.domain.money import ZERO, Dollars, ratio
from the_alchemiser.domain.orders import Order, OrderReport, OrderRequest, OrderStatus, later
from the_alchemiser.domain.portfolio import Holding, Lot, Position, moved

from .records import (
    FROZEN,
    TRADING_STATE,
    AccountRecord,
    AlertRecord,
    ConditionRecord,
    CycleRecord,
    DayRecord,
    FillRecord,
    Key,
    OrderRecord,
    PositionRecord,
    R,
    ReconciliationRecord,
    Record,
    TradeRecord,
)


class Records(Protocol):
    """Where rows are found and left while facts are folded."""

    def find(self, kind: type[R], *key: Any) -> R | None:
        """The row with this key."""
        ...

    def add(self, record: Record) -> None:
        """Leave a row whose key was never used.

        Raises InvariantBroken, at the latest when written, if it was.
        """
        ...

    def put(self, record: Record) -> None:
        """Leave a row, in the place of the one with its key."""
        ...


class MemoryRecords:
    """Rows in dictionaries, in the order in which they began."""

    def __init__(self) -> None:
        self.rows: dict[type[Record], dict[Key, Record]] = {}

    def find(self, kind: type[R], *key: Any) -> R | None:
        """The row with this key."""
        return self.rows.get(kind, {}).get(key)  # type: ignore[return-value]

    def add(self, record: Record) -> None:
        """Leave a row whose key was never used."""
        if self.find(type(record), *record.key) is not None:
            raise InvariantBroken(f"{type(record).__name__} {record.key} is there already")
        self.put(record)

    def put(self, record: Record) -> None:
        """Leave a row, in the place of the one with its key."""
        self.rows.setdefault(type(record), {})[record.key] = record


def project(records: Records, seq: int, fact: Fact) -> None:
    """Apply journal entry `seq`. Raises InvariantBroken where the fact would falsify money."""
    rule = _RULES.get(type(fact))
    if rule is not None:
        rule(records, seq, fact)


def _account_opened(records: Records, _seq: int, fact: facts.AccountOpened) -> None:
    records.add(AccountRecord(fact.number, fact.at, fact.cash, fact.cash))
    for held in fact.holdings:
        if held.shares:
            _keep_position(records, _opening_position(held), fact.at)


def _opening_position(held: Holding) -> Position:
    """One lot at the broker's cost, or at its mark where the broker names none: nothing is earned yet."""
    cost = held.cost or held.shares * held.price
    return Position(held.symbol, (Lot(held.shares, cost / held.shares),))


def _keep_position(records: Records, position: Position, at: Nanos) -> None:
    records.put(
        PositionRecord(position.symbol, position.shares, position.cost, position.realised, position.lots, at)
    )


def _cycle_started(records: Records, seq: int, fact: facts.CycleStarted) -> None:
    records.put(CycleRecord(fact.cycle_id, fact.session, "started", fact.at, seq))


def _cycle_refused(records: Records, seq: int, fact: facts.CycleRefused) -> None:
    cycle = records.find(CycleRecord, fact.cycle_id) or CycleRecord(
        fact.cycle_id, "", "refused", fact.at, seq
    )
    records.put(replace(cycle, status="refused", ended_at=fact.at, reasons=fact.reasons))


def _plan_built(records: Records, _seq: int, fact: facts.PlanBuilt) -> None:
    cycle, plan = records.find(CycleRecord, fact.cycle_id), fact.plan
    if cycle is not None:
        records.put(replace(cycle, equity=plan.equity, turnover=plan.turnover, spread_cost=plan.spread_cost))


def _cycle_finished(records: Records, _seq: int, fact: facts.CycleFinished) -> None:
    cycle = records.find(CycleRecord, fact.cycle_id)
    if cycle is not None:
        ended = replace(
            cycle, status="finished", ended_at=fact.at, trades=fact.trades, trades_filled=fact.trades_filled
        )
        records.put(ended)


def _trade_approved(records: Records, seq: int, fact: facts.TradeApproved) -> None:
    records.put(_trade(seq, fact, "approved"))


def _trade_refused(records: Records, seq: int, fact: facts.TradeRefused) -> None:
    records.put(replace(_trade(seq, fact, "refused"), code=fact.code, text=fact.text))


def _trade(seq: int, fact: facts.TradeApproved | facts.TradeRefused, status: str) -> TradeRecord:
    trade = fact.trade
    return TradeRecord(
        fact.cycle_id,
        trade.symbol,
        status,
        trade.side,
        trade.shares,
        trade.arrival_price,
        trade.far_price,
        seq,
    )


def _trade_ended(records: Records, _seq: int, fact: facts.TradeEnded) -> None:
    trade = records.find(TradeRecord, fact.cycle_id, fact.symbol)
    if trade is not None:
        records.put(replace(trade, status="ended", filled=fact.filled, outcome=fact.outcome))


def _order_intended(records: Records, seq: int, fact: facts.OrderIntended) -> None:
    request = fact.request
    records.add(
        OrderRecord(
            client_order_id=request.client_order_id,
            broker_order_id="",
            cycle_id=fact.cycle_id,
            symbol=request.symbol,
            side=request.side,
            shares=request.shares,
            type=request.type,
            limit_price=request.limit_price,
            stop_price=request.stop_price,
            status=OrderStatus.INTENDED,
            intended_at=fact.at,
            updated_at=fact.at,
            seq=seq,
            middle=fact.middle,
        )
    )


def _order_imported(records: Records, seq: int, fact: facts.OrderImported) -> None:
    order = replace(_row_of(seq, fact.at, fact.report), cycle_id=fact.cycle_id)
    records.add(replace(order, status=OrderStatus.INTENDED, broker_order_id=""))


def _order_followed(records: Records, seq: int, fact: facts.OrderFollowed) -> None:
    order = replace(_row_of(seq, fact.at, fact.report), cycle_id=fact.cycle_id)
    records.add(replace(order, status=OrderStatus.INTENDED, broker_order_id=""))


def _order_reported(records: Records, seq: int, fact: facts.OrderReported) -> None:
    report = fact.report
    order = records.find(OrderRecord, report.client_order_id) or _row_of(seq, fact.at, report)
    merged = _merged(order, report)
    changed = replace(
        order,
        status=merged.status,
        broker_order_id=merged.broker_order_id,
        reason=merged.reason,
        updated_at=fact.at,
    )
    records.put(changed)


def _merged(order: OrderRecord, report: OrderReport) -> Order:
    """The engine's own rule decides here too: reports may come twice and in any order."""
    request = OrderRequest(order.client_order_id, order.symbol, order.side, order.shares)
    known = Order(request, order.cycle_id, order.intended_at, order.middle or ZERO, order.status)
    known.broker_order_id, known.reason = order.broker_order_id, order.reason
    known.merge(report)
    return known


def _external_order_seen(records: Records, seq: int, fact: facts.ExternalOrderSeen) -> None:
    # Its fills are booked under the broker's name for it, so the report alone says how far it has got.
    report = fact.report
    order = records.find(OrderRecord, report.client_order_id) or _row_of(seq, fact.at, report)
    records.put(
        replace(
            order,
            status=report.status,
            broker_order_id=report.broker_order_id,
            filled=report.filled,
            reason=report.reason,
            updated_at=fact.at,
        )
    )


def _row_of(seq: int, at: Nanos, report: OrderReport) -> OrderRecord:
    return OrderRecord(
        client_order_id=report.client_order_id,
        broker_order_id=report.broker_order_id,
        cycle_id="",
        symbol=report.symbol,
        side=report.side,
        shares=report.shares,
        type=None,
        limit_price=report.price,
        stop_price=None,
        status=report.status,
        intended_at=at,
        updated_at=at,
        seq=seq,
    )


def _order_lost(records: Records, _seq: int, fact: facts.OrderLost) -> None:
    order = records.find(OrderRecord, fact.client_order_id)
    if order is not None:
        status = later(order.status, OrderStatus.UNKNOWN)
        records.put(replace(order, status=status, reason=fact.reason, updated_at=fact.at))


def _fill_booked(records: Records, seq: int, fact: facts.FillBooked) -> None:
    fill = fact.fill
    before = _position(records, fill.symbol)
    after = before.after(fill)
    _keep_position(records, after, fact.at)
    records.add(
        FillRecord(
            client_order_id=fill.client_order_id,
            cum_before=fill.cum_before,
            cum_after=fill.cum_after,
            cycle_id=fact.cycle_id,
            symbol=fill.symbol,
            side=fill.side,
            shares=fill.shares,
            price=fill.price,
            amount=fill.amount,
            realised=after.realised - before.realised,
            at=fill.at,
            seq=seq,
        )
    )
    _move_cash(records, fill.amount)
    _book_order(records, fact)


def _activity_booked(records: Records, _seq: int, fact: facts.ActivityBooked) -> None:
    symbols = [symbol for symbol in (fact.activity.symbol, fact.former) if symbol]
    before = {symbol: _position(records, symbol) for symbol in symbols}
    for position in moved(before, fact.activity, fact.former).values():
        _keep_position(records, position, fact.at)
    _move_cash(records, fact.activity.cash)


def _ledger_adjusted(records: Records, _seq: int, fact: facts.LedgerAdjusted) -> None:
    if fact.shares:
        _keep_position(records, _position(records, fact.symbol).shifted(fact.shares, fact.price), fact.at)
    _move_cash(records, fact.cash)


def _position(records: Records, symbol: Symbol) -> Position:
    held = records.find(PositionRecord, symbol)
    return Position(symbol, held.lots, held.realised) if held else Position(symbol)


def _trading_state_changed(records: Records, seq: int, fact: facts.TradingStateChanged) -> None:
    records.put(ConditionRecord(TRADING_STATE, fact.state.value, fact.reason, fact.at, seq))


def _symbol_frozen(records: Records, seq: int, fact: facts.SymbolFrozen) -> None:
    records.put(ConditionRecord(f"{FROZEN}{fact.symbol}", fact.difference, fact.cause, fact.at, seq))


def _symbol_released(records: Records, seq: int, fact: facts.SymbolReleased) -> None:
    records.put(ConditionRecord(f"{FROZEN}{fact.symbol}", "", "", fact.at, seq))


def _move_cash(records: Records, amount: Dollars) -> None:
    account = records.find(AccountRecord, 1)
    if account is not None:
        records.put(replace(account, cash=account.cash + amount))


def _book_order(records: Records, fact: facts.FillBooked) -> None:
    fill = fact.fill
    order = records.find(OrderRecord, fill.client_order_id)
    if order is not None:
        value = order.filled_value + abs(fill.amount)
        booked = replace(
            order,
            filled=order.filled + fill.shares,
            filled_value=value,
            average_price=ratio(value, order.filled + fill.shares),
            updated_at=fact.at,
        )
        records.put(booked)


def _fill_corrected(records: Records, _seq: int, fact: facts.FillCorrected) -> None:
    fill = fact.fill
    held = records.find(PositionRecord, fill.symbol)
    if held is not None:
        _keep_position(records, Position(fill.symbol, held.lots, held.realised).earning(fact.amount), fact.at)
    _move_cash(records, fact.amount)
    order = records.find(OrderRecord, fill.client_order_id)
    if order is not None:
        # A buy costs more by what a correction takes from the cash; a sale brings more by what it adds.
        value = order.filled_value - fill.side.sign * fact.amount
        records.put(replace(order, filled_value=value, average_price=ratio(value, order.filled)))
    row = records.find(FillRecord, fill.client_order_id, fact.within)
    if row is not None:
        _split_row(records, row, fact)


def _split_row(records: Records, row: FillRecord, fact: facts.FillCorrected) -> None:
    """One row for each part that has a price of its own; what was earned stays with the first."""
    booked = replace(
        fact.fill, cum_before=row.cum_before, cum_after=row.cum_after, price=row.price, at=row.at
    )
    for number, part in enumerate(corrected((booked,), fact.fill)):
        changed = replace(
            row,
            cum_before=part.cum_before,
            cum_after=part.cum_after,
            shares=part.shares,
            price=part.price,
            amount=part.amount,
            realised=ZERO if number else row.realised + fact.amount,
        )
        if number:
            records.add(changed)
        else:
            records.put(changed)


def _reconciled(records: Records, seq: int, fact: facts.Reconciled) -> None:
    records.add(ReconciliationRecord(seq, fact.at, fact.purpose, fact.differences, fact.cash, fact.equity))


def _day_closed(records: Records, seq: int, fact: facts.DayClosed) -> None:
    records.put(
        DayRecord(
            session=fact.session,
            at=fact.at,
            cash=fact.cash,
            equity=fact.equity,
            realised=fact.realised,
            unrealised=fact.unrealised,
            marks=dict(fact.marks),
            seq=seq,
        )
    )


def _alert_raised(records: Records, seq: int, fact: facts.AlertRaised) -> None:
    records.add(AlertRecord(seq, fact.at, fact.level, fact.text))


_RULES: dict[type[Any], Callable[[Records, int, Any], None]] = {
    facts.AccountOpened: _account_opened,
    facts.CycleStarted: _cycle_started,
    facts.CycleRefused: _cycle_refused,
    facts.PlanBuilt: _plan_built,
    facts.CycleFinished: _cycle_finished,
    facts.TradeApproved: _trade_approved,
    facts.TradeRefused: _trade_refused,
    facts.TradeEnded: _trade_ended,
    facts.OrderIntended: _order_intended,
    facts.OrderImported: _order_imported,
    facts.OrderFollowed: _order_followed,
    facts.OrderReported: _order_reported,
    facts.OrderLost: _order_lost,
    facts.FillBooked: _fill_booked,
    facts.FillCorrected: _fill_corrected,
    facts.Reconciled: _reconciled,
    facts.ExternalOrderSeen: _external_order_seen,
    facts.ActivityBooked: _activity_booked,
    facts.LedgerAdjusted: _ledger_adjusted,
    facts.TradingStateChanged: _trading_state_changed,
    facts.SymbolFrozen: _symbol_frozen,
    facts.SymbolReleased: _symbol_released,
    facts.DayClosed: _day_closed,
    facts.AlertRaised: _alert_raised,
}

PROJECTED_KINDS = frozenset(str(kind.__struct_config__.tag) for kind in _RULES)
"""Facts of other kinds leave no row."""
