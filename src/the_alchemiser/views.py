"""The read side, once: what command line, service and dashboard show, so that one number is the same on every face.

A view is a struct whose amounts are Decimals and whose instants are RFC 3339 text in UTC; `document` is its only way
to JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from the_alchemiser.domain.facts import Fact, SignalFormed, TargetSet
from the_alchemiser.domain.instants import Nanos, rfc3339
from the_alchemiser.domain.market import Symbol
from the_alchemiser.domain.money import ZERO, Dollars, Price, Shares, Weight, cents, plain, ratio
from the_alchemiser.pipeline.report import Performance, performance

if TYPE_CHECKING:
    # Importing it for real would load SQLAlchemy into commands that only need the shapes.
    from the_alchemiser.store.reading import Reading, StatusSummary
    from the_alchemiser.store.records import (
        AlertRecord,
        ConditionRecord,
        CycleRecord,
        DayRecord,
        FillRecord,
        OrderRecord,
        PositionRecord,
        ReconciliationRecord,
    )

ACTIVITY_MAX = 50
"""Events in one answer unless the caller asks for more or fewer."""
TRADING, ACTIVE = "trading", "active"
"""The name of the condition that is the trading state, and the state where there was never another."""
ORDERS_MAX = 500
"""Orders in one answer unless the caller asks for more or fewer."""

_numbers = msgspec.json.Encoder(decimal_format="number")
_texts = msgspec.json.Encoder(decimal_format="string")


def document(view: object, *, exact_text: bool = False) -> bytes:
    """The view as JSON. Decimals become numbers with all their digits, or strings where a reader asks for those."""
    return (_texts if exact_text else _numbers).encode(view)


def plain_document(view: object) -> Any:
    """The view as dicts, lists, text and floats, for whoever encodes by himself (amounts as the nearest float)."""
    return msgspec.json.decode(_numbers.encode(view))


def run_figures(done: Performance) -> dict[str, Any]:
    """What `--json` says of every simulated run, a demo's or a backtest's; money as Decimal."""
    return {
        "days": len(done.days),
        "cycles": done.cycles,
        "orders_submitted": len(done.orders),
        "fills": len(done.trades),
        "refused": len(done.refusals),
        "equity_start": done.equity_start,
        "equity_end": done.equity_end,
        "cash": done.cash,
        "equity_identity_difference": done.identity_difference,
        "reconciled": done.reconciliations > 0 and not done.differences and not done.past_differences,
        "differences": [*done.past_differences, *done.differences],
        "simulated": True,
    }


class CycleView(msgspec.Struct, frozen=True):
    """The newest cycle. `status` is started, refused or finished."""

    cycle_id: str
    session: str
    status: str
    started_at: str
    ended_at: str | None
    trades: int
    trades_filled: int
    reasons: tuple[str, ...]


class FrozenView(msgspec.Struct, frozen=True):
    """A symbol in which nothing is opened; an empty one stands for cash, and so for every symbol."""

    symbol: Symbol
    difference: str
    cause: str
    """What was searched for an explanation, and what was found."""
    since: str


class LeaseView(msgspec.Struct, frozen=True):
    """Which engine may trade the account, or was the last one that might."""

    is_held: bool
    epoch: int
    owner: str
    version: str
    config_hash: str


class StatusView(msgspec.Struct, frozen=True):
    """Everything a person asks first. None stands for what has not happened yet."""

    account: str | None
    as_of: str | None
    cash: Dollars | None
    equity: Dollars | None
    """As the broker stated it last: at the newest comparison or close."""
    equity_at: str | None
    session: str | None
    """The newest session that was closed; realised and unrealised profit are as of its close."""
    realised: Dollars | None
    unrealised: Dollars | None
    positions: int
    orders_open: int
    orders_of_others: int
    """How many of the open orders are not ours."""
    trading: str
    """active, reducing (only exits pass) or halted."""
    trading_reason: str
    frozen: tuple[FrozenView, ...]
    """Where nothing is opened, because ledger and broker disagree without an explanation."""
    cycle: CycleView | None
    reconciled: bool | None
    reconciled_at: str | None
    differences: tuple[str, ...]
    alert: str | None
    journal_entries: int
    journal_digest: str
    lease: LeaseView | None


class PositionView(msgspec.Struct, frozen=True):
    """One holding by our books, at the marks of the newest close; None where it has no mark yet."""

    symbol: Symbol
    shares: Shares
    average_cost: Price
    cost: Dollars
    realised: Dollars
    mark: Price | None
    marked_on: str | None
    value: Dollars | None
    unrealised: Dollars | None
    weight: Weight | None
    updated_at: str


class OrderView(msgspec.Struct, frozen=True):
    """One order and what became of it."""

    client_order_id: str
    broker_order_id: str
    cycle_id: str
    symbol: Symbol
    side: str
    type: str | None
    shares: Shares
    limit_price: Price | None
    stop_price: Price | None
    status: str
    filled: Shares
    average_price: Price | None
    intended_at: str
    updated_at: str
    reason: str


class ActivityView(msgspec.Struct, frozen=True):
    """One event, in words; `kind` is fill, cycle, reconciliation, day or alert."""

    at: str
    kind: str
    text: str
    symbol: Symbol = ""


class StrategyView(msgspec.Struct, frozen=True):
    """One strategy: its newest wish with the reasons, and what it has earned up to the newest close."""

    name: str
    signals: int
    signal_at: str | None
    weights: Mapping[Symbol, Weight]
    reasons: Mapping[Symbol, str]
    contribution: Dollars


def status(reading: Reading) -> StatusView:
    """The state of the system, all from one moment."""
    summary = reading.status()
    account, day, checked = summary.account, summary.day, summary.reconciliation
    trading = next((one for one in summary.conditions if one.name == TRADING), None)
    stated = max((one for one in (checked, day) if one), key=lambda one: one.at, default=None)
    return StatusView(
        account=account.number if account else None,
        as_of=_instant(summary.last_fact_at),
        cash=account.cash if account else None,
        equity=stated.equity if stated else None,
        equity_at=_instant(stated.at) if stated else None,
        session=day.session if day else None,
        realised=day.realised if day else None,
        unrealised=day.unrealised if day else None,
        positions=summary.positions,
        orders_open=summary.orders_open,
        orders_of_others=summary.orders_of_others,
        trading=trading.value if trading else ACTIVE,
        trading_reason=trading.text if trading else "",
        frozen=tuple(_frozen_view(one) for one in summary.conditions if one.name != TRADING),
        cycle=_cycle_view(summary.cycle) if summary.cycle else None,
        reconciled=checked.is_agreed if checked else None,
        reconciled_at=_instant(checked.at) if checked else None,
        differences=checked.differences if checked else (),
        alert=_alert_text(summary.alert) if summary.alert else None,
        journal_entries=summary.tip.seq,
        journal_digest=summary.tip.hash,
        lease=_lease_view(summary) if summary.lease.epoch else None,
    )


def _lease_view(summary: StatusSummary) -> LeaseView:
    row = summary.lease
    return LeaseView(summary.is_leased, row.epoch, row.owner, row.version, row.config_hash)


def positions(reading: Reading) -> list[PositionView]:
    """What is held, by symbol."""
    newest = reading.days(limit=1)
    return [_position_view(held, newest[0] if newest else None) for held in reading.positions()]


def orders(reading: Reading, status: str = "open", limit: int = ORDERS_MAX) -> list[OrderView]:
    """Orders that are open, closed or all, newest first. Raises ValueError for another word."""
    return [_order_view(order) for order in reading.orders(status, limit)]


def activity(reading: Reading, limit: int = ACTIVITY_MAX) -> list[ActivityView]:
    """What happened, newest first."""
    events = [
        *((one.at, _fill_event(one)) for one in reading.fills(limit)),
        *((one.ended_at or one.started_at, _cycle_event(one)) for one in reading.cycles(limit)),
        *((one.at, _reconciliation_event(one)) for one in reading.reconciliations(limit)),
        *((one.at, _day_event(one)) for one in reading.days(limit)),
        *((one.at, _alert_event(one)) for one in reading.alerts(limit)),
    ]
    events.sort(key=lambda event: event[0], reverse=True)
    return [view for _, view in events[:limit]]


def strategies(facts: Iterable[Fact]) -> list[StrategyView]:
    """Every strategy the journal knows, by name."""
    signals: dict[str, list[SignalFormed]] = {}
    kept = list(facts)
    for fact in kept:
        if isinstance(fact, SignalFormed):
            signals.setdefault(fact.signal.strategy, []).append(fact)
        elif isinstance(fact, TargetSet):
            for name in fact.target.contributions:
                signals.setdefault(name, [])
    earned = {line.name: line.amount for line in performance(kept, {}).contributions if line.is_strategy}
    return [_strategy_view(name, formed, earned.get(name, ZERO)) for name, formed in sorted(signals.items())]


def _strategy_view(name: str, formed: list[SignalFormed], contribution: Dollars) -> StrategyView:
    if not formed:
        return StrategyView(name, 0, None, {}, {}, contribution)
    newest = formed[-1].signal
    weights, reasons = dict(newest.weights), dict(newest.reasons)
    return StrategyView(name, len(formed), rfc3339(newest.at), weights, reasons, contribution)


def _frozen_view(condition: ConditionRecord) -> FrozenView:
    symbol = condition.name.partition(":")[2]
    return FrozenView(symbol, condition.value, condition.text, rfc3339(condition.at))


def _instant(at: Nanos | None) -> str | None:
    return None if at is None else rfc3339(at)


def _cycle_view(cycle: CycleRecord) -> CycleView:
    return CycleView(
        cycle.cycle_id,
        cycle.session,
        cycle.status,
        rfc3339(cycle.started_at),
        _instant(cycle.ended_at),
        cycle.trades,
        cycle.trades_filled,
        cycle.reasons,
    )


def _position_view(held: PositionRecord, day: DayRecord | None) -> PositionView:
    mark = day.marks.get(held.symbol) if day else None
    value = None if mark is None else held.shares * mark
    return PositionView(
        symbol=held.symbol,
        shares=held.shares,
        average_cost=ratio(held.cost, held.shares),
        cost=held.cost,
        realised=held.realised,
        mark=mark,
        marked_on=day.session if day and mark is not None else None,
        value=value,
        unrealised=None if value is None else value - held.cost,
        weight=ratio(value, day.equity) if day and value is not None else None,
        updated_at=rfc3339(held.updated_at),
    )


def _order_view(order: OrderRecord) -> OrderView:
    return OrderView(
        client_order_id=order.client_order_id,
        broker_order_id=order.broker_order_id,
        cycle_id=order.cycle_id,
        symbol=order.symbol,
        side=order.side.value,
        type=order.type.value if order.type else None,
        shares=order.shares,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        status=order.status.value,
        filled=order.filled,
        average_price=order.average_price,
        intended_at=rfc3339(order.intended_at),
        updated_at=rfc3339(order.updated_at),
        reason=order.reason,
    )


def _fill_event(fill: FillRecord) -> ActivityView:
    verb = "bought" if fill.side.sign > 0 else "sold"
    text = f"{verb} {plain(fill.shares)} {fill.symbol} at {plain(fill.price)}"
    return ActivityView(rfc3339(fill.at), "fill", text, fill.symbol)


def _cycle_event(cycle: CycleRecord) -> ActivityView:
    done = f": {cycle.trades_filled} of {cycle.trades} trades filled" if cycle.status == "finished" else ""
    why = f": {'; '.join(cycle.reasons)}" if cycle.reasons else ""
    at = rfc3339(cycle.ended_at or cycle.started_at)
    return ActivityView(at, "cycle", f"cycle {cycle.cycle_id} {cycle.status}{done}{why}")


def _reconciliation_event(checked: ReconciliationRecord) -> ActivityView:
    found = "; ".join(checked.differences) or "ledger and broker agree"
    return ActivityView(rfc3339(checked.at), "reconciliation", f"{checked.purpose}: {found}")


def _day_event(day: DayRecord) -> ActivityView:
    text = f"{day.session} closed: equity ${cents(day.equity):,}, cash ${cents(day.cash):,}"
    return ActivityView(rfc3339(day.at), "day", text)


def _alert_event(alert: AlertRecord) -> ActivityView:
    return ActivityView(rfc3339(alert.at), "alert", _alert_text(alert))


def _alert_text(alert: AlertRecord) -> str:
    return f"{alert.level}: {alert.text}"
