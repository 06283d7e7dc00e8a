"""The exchange core as a broker, without a wire: every port once more, at the speed of a method call."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from the_alchemiser.domain.errors import BrokerRefused, BrokerUnauthorized
from the_alchemiser.domain.events import OrderHeard
from the_alchemiser.domain.instants import DAY, Nanos
from the_alchemiser.domain.market import Asset, Bar, History, Quote, Session, Symbol
from the_alchemiser.domain.money import ZERO, Price, Side
from the_alchemiser.domain.orders import (
    BrokerOrderId,
    ClientOrderId,
    Execution,
    FillSource,
    ItemOutcome,
    Kin,
    OrderReport,
    OrderRequest,
    OrderStatus,
)
from the_alchemiser.domain.portfolio import WITH_SHARES, Account, Activity, Holding, activity_kind
from the_alchemiser.exchange.errors import Refusal
from the_alchemiser.exchange.market.sessions import new_york_date, new_york_midnight
from the_alchemiser.exchange.venue import orders as wire
from the_alchemiser.exchange.venue.account import FillRecord, OtherActivity
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.orders import Order, OrderFilter, Update

# Dividing, not scaling: the quotient comes without padding, as the wire writes it.
PRICE, QUANTITY, MONEY = Decimal(10**4), Decimal(10**9), Decimal(10**13)

STATUS = {
    "accepted": OrderStatus.ACCEPTED,
    "pending_new": OrderStatus.ACCEPTED,
    "held": OrderStatus.ACCEPTED,
    "new": OrderStatus.NEW,
    "pending_replace": OrderStatus.NEW,
    "partially_filled": OrderStatus.PARTIALLY_FILLED,
    "pending_cancel": OrderStatus.PENDING_CANCEL,
    "filled": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "expired": OrderStatus.EXPIRED,
    "rejected": OrderStatus.REJECTED,
    "replaced": OrderStatus.REPLACED,
}
SIDE = {wire.BUY: Side.BUY, wire.SELL: Side.SELL}
PAGE = 500
"""The most orders that the exchange lists at once."""
HISTORY_DAYS_PER_SESSION = 1.6
"""Calendar days asked for per session wanted: 365 / 252 with room for holidays."""


class DirectBroker:
    """Every broker port over an `Exchange` in this process. Its clock is the exchange's."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def now(self) -> Nanos:
        """The exchange's time."""
        return self.exchange.now

    # Orders

    def place_order(self, request: OrderRequest) -> OrderReport:
        try:
            return report_of(self.exchange.submit(_in_units(request)))
        except Refusal as refusal:
            raise _refused(refusal) from refusal

    def cancel_order(self, broker_order_id: BrokerOrderId) -> None:
        try:
            self.exchange.cancel(broker_order_id)
        except Refusal as refusal:
            raise _refused(refusal) from refusal

    def cancel_all_orders(self) -> Sequence[ItemOutcome]:
        return [ItemOutcome(name, status < 300) for name, status in self.exchange.cancel_all()]

    def get_order_by_client_id(self, client_order_id: ClientOrderId) -> OrderReport | None:
        try:
            return report_of(self.exchange.order_by_client_id(client_order_id))
        except Refusal as refusal:
            if refusal.http_status == 404:
                return None
            raise _refused(refusal) from refusal

    def get_order_by_id(self, broker_order_id: BrokerOrderId) -> OrderReport | None:
        try:
            return report_of(self.exchange.order(broker_order_id))
        except Refusal as refusal:
            if refusal.http_status == 404:
                return None
            raise _refused(refusal) from refusal

    def get_open_orders(self) -> Sequence[OrderReport]:
        reports: list[OrderReport] = []
        last: str | None = None
        while True:
            page = self.exchange.orders(OrderFilter(limit=PAGE, direction="asc", after_order_id=last))
            reports += map(report_of, page)
            if len(page) < PAGE:
                return reports
            last = page[-1].id

    def get_orders_since(self, after: Nanos) -> Sequence[OrderReport]:
        reports: list[OrderReport] = []
        last: str | None = None
        while True:
            wanted = OrderFilter(status="all", after=after, limit=PAGE, direction="asc", after_order_id=last)
            page = self.exchange.orders(wanted)
            reports += map(report_of, page)
            if len(page) < PAGE:
                return reports
            last = page[-1].id

    def take_heard(self) -> list[OrderHeard]:
        """What the exchange has reported since the last call, in order."""
        # That an order was received its own answer has said already.
        return [heard(update) for update in self.exchange.take_updates() if update.event != "pending_new"]

    # Account

    def get_account(self) -> Account:
        state = self.exchange.account()
        return Account(
            state.account_number,
            state.cash_e13 / MONEY,
            state.equity_e13 / MONEY,
            state.buying_power_e13 / MONEY,
            holdings_value=(state.long_market_value_e13 + state.short_market_value_e13) / MONEY,
        )

    def get_positions(self) -> Sequence[Holding]:
        return [
            Holding(
                held.symbol,
                held.qty_e9 / QUANTITY,
                held.current_price_e4 / PRICE,
                held.cost_basis_e13 / MONEY,
            )
            for held in self.exchange.positions()
        ]

    def get_executions(self, after: Nanos) -> Sequence[Execution]:
        return [_execution(fill) for fill in self.exchange.fills(after=after)]

    def get_activities(self, after: Nanos) -> Sequence[Activity]:
        first, now = new_york_date(after), self.exchange.now
        others = self.exchange.other_activities()
        return [_activity(one) for one in others if one.day >= first and one.seen_from <= now]

    def get_sessions(self, from_date: str, to_date: str) -> Sequence[Session]:
        between = self.exchange.market.sessions.between(
            dt.date.fromisoformat(from_date), dt.date.fromisoformat(to_date)
        )
        return [Session(one.date.isoformat(), one.open, one.close) for one in between]

    def get_time(self) -> Nanos:
        return self.exchange.now

    # Market data

    def get_histories(
        self, symbols: Sequence[Symbol], sessions: int, before_date: str
    ) -> dict[Symbol, History]:
        end = new_york_midnight(dt.date.fromisoformat(before_date)) - 1
        start = end - int(sessions * HISTORY_DAYS_PER_SESSION + 14) * DAY
        found = {}
        for symbol in symbols:
            bars = self.exchange.bars(symbol, "1Day", start, end)[-sessions:]
            if bars:
                last = new_york_date(bars[-1].at).isoformat()
                found[symbol] = History(symbol, last, np.array([bar.close for bar in bars]))
        return found

    def get_quotes(self, symbols: Sequence[Symbol]) -> dict[Symbol, Quote]:
        found = {}
        for symbol in symbols:
            quote = self.exchange.quote(symbol)
            if quote is not None:
                found[symbol] = Quote(symbol, quote.at, quote.bid_e4 / PRICE, quote.ask_e4 / PRICE)
        return found

    def get_bars(self, symbol: Symbol, timeframe: str, start: Nanos, end: Nanos) -> Sequence[Bar]:
        return [
            Bar(symbol, bar.at, bar.open, bar.high, bar.low, bar.close, float(bar.volume))
            for bar in self.exchange.bars(symbol, timeframe, start, end)
        ]

    def get_assets(self, symbols: Sequence[Symbol]) -> dict[Symbol, Asset]:
        found = {}
        for symbol in symbols:
            asset = self.exchange.asset(symbol)
            if asset is not None:
                found[symbol] = Asset(symbol, asset.tradable, asset.fractionable)
        return found


def report_of(order: Order) -> OrderReport:
    """An exchange order in the domain's words."""
    return OrderReport(
        order.client_order_id,
        order.id,
        order.symbol,
        SIDE[order.side],
        (order.qty_e9 or 0) / QUANTITY,
        STATUS[order.status],
        order.filled_qty_e9 / QUANTITY,
        order.updated_at,
        average_price=_average_price(order),
        kin=_kin(order) if order.legs or order.replaces or order.replaced_by or order.parent_id else None,
        price=_price_of(order.limit_price_e4 or order.stop_price_e4),
        notional=None if order.notional_e13 is None else order.notional_e13 / MONEY,
    )


def _kin(order: Order) -> Kin:
    legs = tuple(leg.id for leg in order.legs)
    return Kin(order.replaces or "", order.replaced_by or "", legs, order.parent_id or "")


def _average_price(order: Order) -> Decimal | None:
    filled = order.filled_qty_e9
    return order.filled_cost_e13 / PRICE / filled if filled else None


def _price_of(price_e4: int | None) -> Price | None:
    return None if price_e4 is None else price_e4 / PRICE


def heard(update: Update) -> OrderHeard:
    """A trade update in the domain's words."""
    order, execution = update.order, None
    if update.qty_e9 is not None and update.price_e4 is not None:
        after = order.filled_qty_e9
        execution = Execution(
            order.id,
            order.symbol,
            SIDE[order.side],
            (after - update.qty_e9) / QUANTITY,
            after / QUANTITY,
            update.price_e4 / PRICE,
            update.at,
        )
    return OrderHeard(update.at, report_of(order), execution)


def _activity(other: OtherActivity) -> Activity:
    return Activity(
        other.id,
        activity_kind(other.type),
        other.type,
        other.day.isoformat(),
        other.net_amount_e13 / MONEY,
        other.symbol,
        (other.qty_e9 or 0) / QUANTITY if other.type in WITH_SHARES else ZERO,
        (other.price_e4 or 0) / PRICE,
        other.description,
    )


def _execution(fill: FillRecord) -> Execution:
    return Execution(
        fill.order_id,
        fill.symbol,
        SIDE[fill.side],
        (fill.cum_qty_e9 - fill.qty_e9) / QUANTITY,
        fill.cum_qty_e9 / QUANTITY,
        fill.price_e4 / PRICE,
        fill.at,
        FillSource.RECORD,
    )


def _in_units(request: OrderRequest) -> wire.OrderRequest:
    return wire.OrderRequest(
        symbol=request.symbol,
        side=request.side.value,
        type=request.type.value,
        time_in_force=request.time_in_force.value,
        qty_e9=int(request.shares * QUANTITY),
        limit_price_e4=_price_units(request.limit_price),
        stop_price_e4=_price_units(request.stop_price),
        order_class=wire.BRACKET if request.is_bracket else wire.SIMPLE,
        take_profit_limit_e4=_price_units(request.take_profit_price),
        stop_loss_stop_e4=_price_units(request.stop_loss_price),
        client_order_id=request.client_order_id,
    )


def _price_units(price: Decimal | None) -> int | None:
    return None if price is None else int(price * PRICE)


def _refused(refusal: Refusal) -> BrokerRefused | BrokerUnauthorized:
    return BrokerRefused(refusal.message, status=refusal.http_status, code=refusal.code)
