"""Crypto orders over the wire, with alpaca-py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import AssetClass, OrderSide, OrderStatus, TimeInForce
from alpaca.trading.requests import (
    ClosePositionRequest,
    GetAssetsRequest,
    LimitOrderRequest,
    MarketOrderRequest,
)
from openapi import conforms
from wire import WireExchange, exchange_in_thread


@pytest.fixture
def exchange() -> Iterator[WireExchange]:
    """A Saturday."""
    with exchange_in_thread(start="2022-06-04T14:30:00Z", requests_per_minute=0) as running:
        yield running


@pytest.fixture
def trading(exchange: WireExchange) -> TradingClient:
    return TradingClient(exchange.key, exchange.secret, paper=True, url_override=exchange.rest)


def buy(**fields: object) -> MarketOrderRequest:
    return MarketOrderRequest(symbol="BTC/USD", side=OrderSide.BUY, time_in_force=TimeInForce.GTC, **fields)


def test_alpaca_py_trades_coins_while_new_york_sleeps(trading: TradingClient) -> None:
    assert not trading.get_clock().is_open
    order = trading.get_order_by_id(trading.submit_order(buy(qty=0.5)).id)
    assert (order.status, order.filled_qty) == (OrderStatus.FILLED, "0.5")
    (position,) = trading.get_all_positions()
    assert (position.symbol, position.qty, position.asset_class) == ("BTCUSD", "0.49875", AssetClass.CRYPTO)
    for name in ("BTC/USD", "BTCUSD"):
        assert trading.get_open_position(name) == position
    closing = trading.close_position("BTC/USD", ClosePositionRequest(percentage="50"))
    assert (closing.symbol, closing.time_in_force) == ("BTC/USD", TimeInForce.GTC)
    trading.close_position("BTCUSD")
    assert trading.get_all_positions() == []


def test_alpaca_py_lists_the_pairs(trading: TradingClient) -> None:
    pairs = trading.get_all_assets(GetAssetsRequest(asset_class=AssetClass.CRYPTO))
    assert {"BTC/USD", "ETH/USD", "USDT/USD"} <= {pair.symbol for pair in pairs}
    assert all(pair.min_order_size and pair.price_increment for pair in pairs)


def test_positions_and_orders_in_coins_are_as_documented(exchange: WireExchange) -> None:
    order = exchange.submit(symbol="BTCUSD", side="buy", notional="1000", time_in_force="gtc")
    assert (order["symbol"], order["asset_class"], order["status"]) == ("BTC/USD", "crypto", "pending_new")
    conforms("POST", "/v2/orders", 200, order)
    position = exchange.get("/v2/positions/BTC%2FUSD")
    conforms("GET", "/v2/positions/BTCUSD", 200, position)
    listed = exchange.get("/v2/orders", status="all", symbols="BTC/USD", asset_class="crypto")
    assert [row["id"] for row in listed] == [order["id"]]


def test_refusals_reach_alpaca_py(trading: TradingClient) -> None:
    request = LimitOrderRequest(
        symbol="BTC/USD", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=10_000
    )
    with pytest.raises(APIError) as caught:
        trading.submit_order(request)
    assert caught.value.message == "invalid crypto time_in_force"
    assert caught.value.status_code == 422
