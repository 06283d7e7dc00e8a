"""Option orders over the wire: alpaca-py places, combines, closes and exercises them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import (
    AssetClass,
    OrderClass,
    OrderSide,
    OrderStatus,
    PositionIntent,
    PositionSide,
    TimeInForce,
)
from alpaca.trading.requests import (
    GetOrderByIdRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    OptionLegRequest,
)
from openapi import conforms
from wire import WireExchange, exchange_in_thread

CALL, HIGHER = "AAPL220603C00135000", "AAPL220603C00140000"


@pytest.fixture
def exchange() -> Iterator[WireExchange]:
    """The morning of an expiry day."""
    with exchange_in_thread(start="2022-06-03T14:30:00Z", requests_per_minute=0) as running:
        yield running


@pytest.fixture
def trading(exchange: WireExchange) -> TradingClient:
    return TradingClient(exchange.key, exchange.secret, paper=True, url_override=exchange.rest)


def market(symbol: str = CALL, **fields: object) -> MarketOrderRequest:
    order = {"qty": 1, "side": OrderSide.BUY, "time_in_force": TimeInForce.DAY, **fields}
    return MarketOrderRequest(symbol=symbol, **order)


def spread() -> list[OptionLegRequest]:
    return [
        OptionLegRequest(symbol=CALL, side=OrderSide.BUY, ratio_qty=1),
        OptionLegRequest(symbol=HIGHER, side=OrderSide.SELL, ratio_qty=1),
    ]


def test_alpaca_py_buys_and_closes_a_contract(trading: TradingClient) -> None:
    order = trading.get_order_by_id(trading.submit_order(market(qty=2)).id)
    assert (order.status, order.filled_qty, order.asset_class) == (
        OrderStatus.FILLED,
        "2",
        AssetClass.US_OPTION,
    )
    assert (order.order_class, order.position_intent) == (OrderClass.SIMPLE, PositionIntent.BUY_TO_OPEN)
    position = trading.get_open_position(CALL)
    assert (position.qty, position.side, position.exchange.value) == ("2", PositionSide.LONG, "")
    assert float(position.cost_basis) == pytest.approx(200 * float(order.filled_avg_price))
    assert trading.get_open_position(position.asset_id) == position
    trading.close_position(CALL)
    assert trading.get_all_positions() == []


def test_alpaca_py_trades_a_spread(trading: TradingClient) -> None:
    request = MarketOrderRequest(
        qty=2, order_class=OrderClass.MLEG, time_in_force=TimeInForce.DAY, legs=spread()
    )
    order = trading.get_order_by_id(trading.submit_order(request).id, GetOrderByIdRequest(nested=True))
    assert (order.status, order.order_class, order.symbol) == (OrderStatus.FILLED, OrderClass.MLEG, None)
    assert [(leg.symbol, leg.status, leg.filled_qty) for leg in order.legs] == [
        (CALL, OrderStatus.FILLED, "2"),
        (HIGHER, OrderStatus.FILLED, "2"),
    ]
    net = [float(leg.filled_avg_price) for leg in order.legs]
    assert float(order.filled_avg_price) == pytest.approx(net[0] - net[1])
    assert {one.symbol: one.qty for one in trading.get_all_positions()} == {CALL: "2", HIGHER: "-2"}


def test_a_spread_rests_at_its_limit_until_it_is_cancelled(trading: TradingClient) -> None:
    request = LimitOrderRequest(
        qty=1, order_class=OrderClass.MLEG, time_in_force=TimeInForce.DAY, legs=spread(), limit_price=0.05
    )
    order = trading.submit_order(request)
    resting = trading.get_order_by_id(order.id)
    assert (resting.status, resting.limit_price) == (OrderStatus.NEW, "0.05")
    trading.cancel_order_by_id(order.id)
    assert trading.get_order_by_id(order.id).status is OrderStatus.CANCELED


def test_alpaca_py_exercises_and_lets_lapse(exchange: WireExchange, trading: TradingClient) -> None:
    trading.submit_order(market(qty=1))
    trading.submit_order(market(HIGHER))
    trading.exercise_options_position(CALL)
    assert {one.symbol: one.qty for one in trading.get_all_positions()} == {"AAPL": "100", HIGHER: "1"}
    answer = exchange.request("POST", f"/v2/positions/{HIGHER}/do-not-exercise")
    assert answer.status == 200
    exchange.advance_fully("2022-06-06T13:00:00Z")
    assert [one.symbol for one in trading.get_all_positions()] == ["AAPL"]
    rows = exchange.get("/v2/account/activities", activity_types="OPEXC,OPEXP,OPTRD")
    assert sorted((row["activity_type"], row["symbol"], row["qty"]) for row in rows) == [
        ("OPEXC", CALL, "-1"),
        ("OPEXP", HIGHER, "-1"),
        ("OPTRD", "AAPL", "100"),
    ]
    conforms("GET", "/v2/account/activities", 200, rows)


def test_rows_of_options_are_as_documented(exchange: WireExchange) -> None:
    order = exchange.submit(symbol=CALL, qty="1", side="buy")
    conforms("POST", "/v2/orders", 200, order)
    legs = [
        {"symbol": HIGHER, "ratio_qty": "1", "side": "sell"},
        {"symbol": CALL, "ratio_qty": "2", "side": "buy"},
    ]
    combined = exchange.submit(order_class="mleg", qty="1", legs=legs)
    conforms("POST", "/v2/orders", 200, combined)
    assert (combined["symbol"], combined["side"], combined["asset_class"]) == ("", "", "")
    assert [(leg["type"], leg["ratio_qty"]) for leg in combined["legs"]] == [("", "1"), ("", "2")]
    conforms("GET", "/v2/positions", 200, exchange.get("/v2/positions"))
    conforms("GET", f"/v2/positions/{CALL}", 200, exchange.get(f"/v2/positions/{CALL}"))
    conforms("GET", "/v2/account", 200, exchange.get("/v2/account"))


def test_refusals_reach_alpaca_py(trading: TradingClient) -> None:
    with pytest.raises(APIError) as caught:
        trading.submit_order(market(side=OrderSide.SELL))
    assert caught.value.code == 40310000
    assert caught.value.message == (
        "insufficient underlying qty available for covered call (required: 100, available: 0)"
    )
    with pytest.raises(APIError) as caught:
        trading.exercise_options_position(CALL)
    assert caught.value.message == f"long position not found: {CALL}"


def test_what_options_do_survives_a_replay_of_the_log(tmp_path_factory: pytest.TempPathFactory) -> None:
    state = tmp_path_factory.mktemp("options") / "state.jsonl"
    options = {"start": "2022-06-03T14:30:00Z", "requests_per_minute": 0, "state": state}
    with exchange_in_thread(**options) as first:
        legs = [
            {"symbol": CALL, "ratio_qty": "1", "side": "buy"},
            {"symbol": HIGHER, "ratio_qty": "1", "side": "sell"},
        ]
        first.submit(order_class="mleg", qty="1", legs=legs)
        first.submit(symbol="BTC/USD", qty="0.1", side="buy", time_in_force="gtc")
        first.submit(symbol=CALL, qty="1", side="buy")
        assert first.request("POST", f"/v2/positions/{CALL}/do-not-exercise").status == 200
        first.advance_fully("2022-06-03T21:00:00Z")
        before = (first.get("/v2/account"), first.get("/v2/positions"), first.get("/v2/orders", status="all"))
    with exchange_in_thread(**options) as second:
        after = (
            second.get("/v2/account"),
            second.get("/v2/positions"),
            second.get("/v2/orders", status="all"),
        )
    assert after == before


def test_a_contract_is_bought_and_exercised_by_its_id(exchange: WireExchange) -> None:
    identity = exchange.get(f"/v2/options/contracts/{CALL}")["id"]
    assert exchange.submit(symbol=identity, qty="1", side="buy")["symbol"] == CALL
    assert exchange.get(f"/v2/positions/{identity.upper()}")["symbol"] == CALL
    assert exchange.request("POST", f"/v2/positions/{identity}/exercise").status == 200
    assert [position["symbol"] for position in exchange.get("/v2/positions")] == ["AAPL"]
