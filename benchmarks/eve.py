"""An engine on the eve of the day's decision: the demo's symbols, strategies and limits, one event left to tell."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np

from the_alchemiser.bootstrap import engine_config
from the_alchemiser.demo import demo_settings
from the_alchemiser.domain.events import (
    BrokerRead,
    BrokerState,
    Event,
    MarketRead,
    OrderHeard,
    Started,
    TimerFired,
)
from the_alchemiser.domain.instants import MINUTE
from the_alchemiser.domain.market import Asset, History, Quote, Session
from the_alchemiser.domain.money import ZERO
from the_alchemiser.domain.orders import Execution, OrderReport, OrderRequest, OrderStatus
from the_alchemiser.domain.portfolio import Account
from the_alchemiser.engine import EngineConfig
from the_alchemiser.exchange.market.sessions import xnys_sessions

CASH = Decimal(100_000)
FIRST_SESSION = 5040  # the first of 2010
PARTS = 4  # executions an order is filled by

_sessions = xnys_sessions().all[FIRST_SESSION : FIRST_SESSION + 4]
SESSIONS = tuple(Session(str(one.date), one.open, one.close) for one in _sessions)
YESTERDAY, TODAY = SESSIONS[:2]
DECIDED_AT = TODAY.close - 30 * MINUTE


def demo_config(folder: Path) -> EngineConfig:
    """What `alchemiser demo` trades by."""
    return engine_config(demo_settings(folder))


def eve() -> list[Event]:
    """From the start of a process to just before the market is known."""
    begin = f"begin:{TODAY.date}"
    record = BrokerState(Account("BENCH", CASH, CASH, CASH), (), (), (), SESSIONS)
    return [
        Started(DECIDED_AT),
        BrokerRead(DECIDED_AT, "start", record),
        TimerFired(DECIDED_AT, begin),
        BrokerRead(DECIDED_AT, begin, record),
    ]


def market_read(config: EngineConfig) -> MarketRead:
    """The event that decides: histories, quotes and assets of the whole universe."""
    symbols = config.cycle.universe
    rng = np.random.default_rng(7)
    shape = (len(symbols), config.cycle.sessions_needed)
    closes = 100.0 * np.exp(np.cumsum(rng.standard_normal(shape) * 0.015 + 0.0005, axis=1))
    histories = {
        symbol: History(symbol, YESTERDAY.date, closes[place]) for place, symbol in enumerate(symbols)
    }
    quotes = {symbol: _quote(symbol, closes[place, -1]) for place, symbol in enumerate(symbols)}
    return MarketRead(
        DECIDED_AT, TODAY.date.replace("-", ""), histories, quotes, {one: Asset(one) for one in symbols}
    )


def _quote(symbol: str, close: float) -> Quote:
    bid = Decimal(f"{close:.2f}")
    return Quote(symbol, DECIDED_AT, bid, bid + Decimal("0.02"))


def updates_of(requests: list[OrderRequest]) -> Iterator[OrderHeard]:
    """All orders acknowledged, then all filled in four parts each, as a stream tells it: one order after the other."""
    for request in requests:
        yield heard(request, OrderStatus.NEW)
    for part in range(PARTS):
        for request in requests:
            before, after = (request.shares * (part + more) // PARTS for more in (0, 1))
            status = OrderStatus.FILLED if after == request.shares else OrderStatus.PARTIALLY_FILLED
            if before < after:
                yield heard(request, status, before, after)


def heard(
    request: OrderRequest, status: OrderStatus, before: Decimal = ZERO, after: Decimal = ZERO
) -> OrderHeard:
    """What the broker says of one order, with the execution (before, after] if that is one."""
    name, symbol, side = request.client_order_id, request.symbol, request.side
    report = OrderReport(name, f"b-{name}", symbol, side, request.shares, status, after, DECIDED_AT)
    if before == after:
        return OrderHeard(DECIDED_AT, report)
    price = request.limit_price or Decimal(100)
    return OrderHeard(
        DECIDED_AT, report, Execution(f"b-{name}", symbol, side, before, after, price, DECIDED_AT)
    )
