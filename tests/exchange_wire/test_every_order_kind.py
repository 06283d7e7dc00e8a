"""Every kind of stock order and time in force, as alpaca-py's request classes ask for them over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, OrderStatus, TimeInForce
from alpaca.trading.models import Order
from alpaca.trading.requests import (
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    OrderRequest,
    ReplaceOrderRequest,
    StopLimitOrderRequest,
    TrailingStopOrderRequest,
)
from openapi import conforms
from wire import WireExchange, exchange_in_thread

UNLIMITED = {"requests_per_minute": 0, "data_requests_per_minute": 0}
CLOSED, OPEN = "2022-06-01T23:30:00Z", "2022-06-01T14:30:00Z"


def client(exchange: WireExchange) -> TradingClient:
    return TradingClient(exchange.key, exchange.secret, paper=True, url_override=exchange.rest)


@pytest.fixture(scope="module")
def opened() -> Iterator[WireExchange]:
    """An exchange at 10:30 in New York, on which nobody relies on being alone."""
    with exchange_in_thread(start=OPEN, **UNLIMITED) as running:
        yield running


@pytest.fixture
def evening() -> Iterator[WireExchange]:
    """An exchange at 19:30 in New York, with prices in extended hours."""
    with exchange_in_thread(start=CLOSED, extended_hours=True, **UNLIMITED) as running:
        yield running


def ask(kind: type[OrderRequest], **fields: Any) -> Any:
    return kind(
        **{"symbol": "KO", "qty": 1, "side": OrderSide.BUY, "time_in_force": TimeInForce.DAY, **fields}
    )


def placed(exchange: WireExchange, request: Any) -> Order:
    order = client(exchange).submit_order(request)
    assert isinstance(order, Order)
    conforms("get", "/v2/orders/{order_id}", 200, exchange.get(f"/v2/orders/{order.id}"))
    return order


def test_a_trailing_stop_shows_its_mark_and_its_stop(opened: WireExchange) -> None:
    client(opened).submit_order(ask(MarketOrderRequest, symbol="PG", qty=2))
    order = placed(
        opened,
        ask(
            TrailingStopOrderRequest,
            symbol="PG",
            side=OrderSide.SELL,
            time_in_force=TimeInForce.GTC,
            trail_percent=1.5,
        ),
    )
    assert order.hwm is not None
    assert order.stop_price is not None
    mark, stop = Decimal(str(order.hwm)), Decimal(str(order.stop_price))
    assert abs(stop - mark * Decimal("0.985")) < Decimal("0.0002")
    assert Decimal(str(order.trail_percent)) == Decimal("1.5")
    changed = client(opened).replace_order_by_id(order.id, ReplaceOrderRequest(trail=2))
    assert isinstance(changed, Order)
    assert Decimal(str(changed.trail_percent)) == 2
    assert Decimal(str(changed.stop_price)) < stop
    by_price = placed(
        opened,
        ask(TrailingStopOrderRequest, symbol="PG", side=OrderSide.SELL, trail_price=Decimal("0.75")),
    )
    assert Decimal(str(by_price.trail_price)) == Decimal("0.75")
    assert by_price.trail_percent is None


@pytest.mark.parametrize(
    ("time_in_force", "limit", "status"),
    [
        (TimeInForce.DAY, 5, OrderStatus.NEW),
        (TimeInForce.GTC, 5, OrderStatus.NEW),
        (TimeInForce.CLS, 5, OrderStatus.NEW),
        (TimeInForce.IOC, 5, OrderStatus.CANCELED),
        (TimeInForce.FOK, 5, OrderStatus.CANCELED),
        (TimeInForce.IOC, 500, OrderStatus.FILLED),
        (TimeInForce.FOK, 500, OrderStatus.FILLED),
    ],
)
def test_a_limit_order_of_every_time_in_force(
    opened: WireExchange, time_in_force: TimeInForce, limit: float, status: OrderStatus
) -> None:
    order = placed(
        opened, ask(LimitOrderRequest, symbol="JNJ", time_in_force=time_in_force, limit_price=limit)
    )
    assert order.time_in_force == time_in_force
    now = client(opened).get_order_by_id(order.id)
    assert isinstance(now, Order)
    assert now.status == status


def test_orders_for_the_auctions_fill_at_the_opening_and_the_close(evening: WireExchange) -> None:
    opening = placed(evening, ask(MarketOrderRequest, time_in_force=TimeInForce.OPG))
    closing = placed(evening, ask(MarketOrderRequest, time_in_force=TimeInForce.CLS))
    assert {opening.status, closing.status} == {OrderStatus.ACCEPTED}
    evening.advance_fully("2022-06-02T13:31:00Z")
    bar = evening.get("/v2/stocks/KO/bars", timeframe="1Day", start="2022-06-02", end="2022-06-02")["bars"]
    filled = client(evening).get_order_by_id(opening.id)
    assert isinstance(filled, Order)
    assert filled.status == OrderStatus.FILLED
    assert float(filled.filled_avg_price or 0) == bar[0]["o"]
    with pytest.raises(APIError, match="opg orders must be submitted after 7:00pm and before 9:28am"):
        client(evening).submit_order(ask(MarketOrderRequest, time_in_force=TimeInForce.OPG))
    evening.advance_fully("2022-06-02T20:00:00Z")
    bar = evening.get("/v2/stocks/KO/bars", timeframe="1Day", start="2022-06-02", end="2022-06-02")["bars"]
    filled = client(evening).get_order_by_id(closing.id)
    assert isinstance(filled, Order)
    assert (filled.status, float(filled.filled_avg_price or 0)) == (OrderStatus.FILLED, bar[0]["c"])


def test_an_order_for_extended_hours_trades_in_the_evening(evening: WireExchange) -> None:
    quote = evening.get("/v2/stocks/KO/quotes/latest")["quote"]
    assert quote["t"] == CLOSED
    late = placed(evening, ask(LimitOrderRequest, limit_price=quote["ap"], extended_hours=True))
    regular = placed(evening, ask(LimitOrderRequest, limit_price=quote["ap"]))
    assert (late.status, regular.status) == (OrderStatus.PENDING_NEW, OrderStatus.ACCEPTED)
    status = {str(one["id"]): one["status"] for one in evening.get("/v2/orders", status="all")}
    assert (status[str(late.id)], status[str(regular.id)]) == ("filled", "accepted")
    assert evening.get(f"/v2/orders/{late.id}")["filled_avg_price"] == str(quote["ap"])
    with pytest.raises(APIError, match="extended hours order must be DAY or GTC limit orders"):
        client(evening).submit_order(ask(MarketOrderRequest, extended_hours=True))


def test_dollars_buy_and_sell_with_nine_decimals(opened: WireExchange) -> None:
    bought = placed(opened, ask(MarketOrderRequest, symbol="XOM", qty=None, notional=1000))
    now = opened.get(f"/v2/orders/{bought.id}")
    assert (now["notional"], now["qty"], now["status"]) == ("1000", None, "filled")
    filled, price = Decimal(now["filled_qty"]), Decimal(now["filled_avg_price"])
    assert filled == (1000 / price).quantize(Decimal("1e-9"), rounding="ROUND_DOWN")
    sold = placed(opened, ask(MarketOrderRequest, symbol="XOM", qty=None, notional=400, side=OrderSide.SELL))
    assert opened.get(f"/v2/orders/{sold.id}")["status"] == "filled"
    fraction = placed(
        opened,
        ask(StopLimitOrderRequest, symbol="XOM", qty="0.123456789", stop_price=500, limit_price=500),
    )
    assert str(fraction.qty) == "0.123456789"


def test_an_exchange_whose_cancels_take_time() -> None:
    with exchange_in_thread(start=OPEN, cancel_delay_seconds=30, **UNLIMITED) as exchange:
        trading = client(exchange)
        order = placed(exchange, ask(LimitOrderRequest, limit_price=5))
        trading.cancel_order_by_id(order.id)
        assert exchange.get(f"/v2/orders/{order.id}")["status"] == "pending_cancel"
        with pytest.raises(APIError, match="order pending cancel"):
            trading.cancel_order_by_id(order.id)
        [still_open] = trading.get_orders(GetOrdersRequest())
        assert isinstance(still_open, Order)
        exchange.advance_fully("2022-06-01T14:31:00Z")
        assert exchange.get(f"/v2/orders/{order.id}")["status"] == "canceled"


def test_an_exchange_that_fills_in_parts() -> None:
    with exchange_in_thread(start=OPEN, partial_fills="displayed", **UNLIMITED) as exchange:
        order = placed(exchange, ask(MarketOrderRequest, qty=1500))
        now = exchange.get(f"/v2/orders/{order.id}")
        assert now["status"] == "partially_filled"
        exchange.advance_fully("2022-06-01T14:40:00Z")
        assert exchange.get(f"/v2/orders/{order.id}")["status"] == "filled"
        fills = exchange.get("/v2/account/activities/FILL", direction="asc")
        assert sum(Decimal(fill["qty"]) for fill in fills) == 1500
        assert [fill["type"] for fill in fills][-2:] == ["partial_fill", "fill"]
