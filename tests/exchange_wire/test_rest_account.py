"""The account over the wire, judged by Alpaca's documents and read by alpaca-py."""

from __future__ import annotations

from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.models import AccountConfiguration, ClosePositionResponse, Position, TradeAccount
from alpaca.trading.requests import ClosePositionRequest
from openapi import conforms
from wire import WireExchange, exchange_in_thread


def client_of(exchange: WireExchange) -> TradingClient:
    return TradingClient(exchange.key, exchange.secret, paper=True, url_override=exchange.rest)


def checked(exchange: WireExchange, path: str, **query: Any) -> Any:
    body = exchange.get(path, **query)
    conforms("GET", path, 200, body, query=query)
    return body


def test_a_margin_account_with_a_short_position_reads_as_one(exchange: WireExchange) -> None:
    exchange.submit(symbol="AAPL", qty="10", side="sell")
    exchange.submit(symbol="MSFT", qty="5", side="buy")
    checked(exchange, "/v2/account")
    checked(exchange, "/v2/positions")
    client = client_of(exchange)
    account = client.get_account()
    assert isinstance(account, TradeAccount)
    assert account.shorting_enabled
    positions = {position.symbol: position for position in client.get_all_positions()}
    short = positions["AAPL"]
    assert isinstance(short, Position)
    assert (short.qty, short.side.value, short.qty_available) == ("-10", "short", "-10")
    assert account.short_market_value == short.market_value
    closed = client.close_position("AAPL", ClosePositionRequest(percentage="40"))
    assert (closed.side.value, closed.qty) == ("buy", "4")
    results = client.close_all_positions(cancel_orders=True)
    assert all(isinstance(result, ClosePositionResponse) and result.status == 200 for result in results)
    assert client.get_all_positions() == []


def test_settings_are_changed_in_part_and_survive_a_client_that_sends_nulls(exchange: WireExchange) -> None:
    client = client_of(exchange)
    settings = client.get_account_configurations()
    assert isinstance(settings, AccountConfiguration)
    settings.no_shorting = True
    assert client.set_account_configurations(settings).no_shorting
    sale = {"symbol": "AAPL", "qty": "1", "side": "sell", "type": "market", "time_in_force": "day"}
    with pytest.raises(APIError, match="account is not allowed to short"):
        client.post("/orders", sale)
    answer = exchange.request("PATCH", "/v2/account/configurations", {"suspend_trade": True})
    conforms("PATCH", "/v2/account/configurations", answer.status, answer.body)
    assert answer.body["no_shorting"] is True
    assert exchange.get("/v2/account")["trade_suspended_by_user"] is True
    checked(exchange, "/v2/account/configurations")
    wrong = exchange.request("PATCH", "/v2/account/configurations", {"max_margin_multiplier": "7"})
    assert (wrong.status, wrong.body["code"]) == (422, 40010001)


def test_activities_are_judged_and_filtered(exchange: WireExchange) -> None:
    for side in ("sell", "buy", "buy", "sell"):
        order = exchange.submit(symbol="AAPL", qty="1", side=side)
    *rows, deposit = checked(exchange, "/v2/account/activities")
    assert (deposit["activity_type"], deposit["net_amount"]) == ("CSD", "100000")
    assert [row["side"] for row in rows] == ["sell", "buy", "buy", "sell_short"]
    assert checked(exchange, "/v2/account/activities", order_id=order["id"]) == rows[:1]
    assert checked(exchange, "/v2/account/activities", category="non_trade_activity") == [deposit]
    assert len(checked(exchange, "/v2/account/activities", category="trade_activity")) == 4
    token = rows[1]["id"]
    assert checked(exchange, "/v2/account/activities/FILL", page_token=token) == rows[2:]
    for query in (
        {"category": "trade_activity", "activity_types": "FILL"},
        {"activity_types": "NOTHING"},
        {"category": "some"},
        {"page_token": "20220601093000000::nobody"},
        {"date": "never"},
    ):
        answer = exchange.request("GET", "/v2/account/activities", **query)
        assert (answer.status, answer.body["code"]) == (422, 40010001)


def test_the_multiplier_is_a_matter_of_the_account() -> None:
    with exchange_in_thread(multiplier=1) as exchange:
        account = checked(exchange, "/v2/account")
        assert (account["multiplier"], account["buying_power"], account["shorting_enabled"]) == (
            "1",
            "100000",
            False,
        )


def test_what_is_hard_to_borrow_says_so_and_is_not_sold_short() -> None:
    with exchange_in_thread(hard_to_borrow=("AAPL",)) as exchange:
        asset = checked(exchange, "/v2/assets/AAPL")
        assert (asset["easy_to_borrow"], asset["borrow_status"]) == (False, "hard_to_borrow")
        sale = {"symbol": "AAPL", "qty": "1", "side": "sell", "type": "market", "time_in_force": "day"}
        answer = exchange.request("POST", "/v2/orders", sale)
        assert (answer.status, answer.body["message"]) == (422, 'asset "AAPL" cannot be sold short')
        assert checked(exchange, "/v2/assets/MSFT")["easy_to_borrow"] is True
