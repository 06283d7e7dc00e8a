"""The course of an account over the wire: exact at every point, and reckoned from what is known anyway."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from alpaca.trading.client import TradingClient
from alpaca.trading.models import PortfolioHistory
from alpaca.trading.requests import GetPortfolioHistoryRequest
from openapi import conforms
from wire import WireExchange, exchange_in_thread

PATH = "/v2/account/portfolio/history"


def history(exchange: WireExchange, **query: Any) -> Any:
    body = exchange.get(PATH, **query)
    conforms("GET", PATH, 200, body, query=query)
    lengths = {len(body[name]) for name in ("timestamp", "equity", "profit_loss", "profit_loss_pct")}
    assert len(lengths) == 1
    return body


def instants(body: Any) -> list[str]:
    return [f"{datetime.fromtimestamp(at, UTC):%m-%d %H:%M}" for at in body["timestamp"]]


@pytest.fixture(scope="module")
def lived() -> Iterator[WireExchange]:
    """Three days: shares bought on the first, sold short on the second, half covered on the third at 11:00."""
    with exchange_in_thread(requests_per_minute=0) as exchange:
        exchange.submit(symbol="AAPL", qty="100", side="buy")
        exchange.advance_fully("2022-06-02T15:00:00Z")
        exchange.submit(symbol="MSFT", qty="50", side="sell")
        exchange.advance_fully("2022-06-03T15:00:00Z")
        exchange.submit(symbol="MSFT", qty="25", side="buy")
        exchange.advance_fully("2022-06-03T15:30:00Z")
        yield exchange


def test_days_are_labelled_with_their_closes_and_end_with_now(lived: WireExchange) -> None:
    body = history(lived, period="3D", timeframe="1D")
    assert instants(body) == ["06-01 20:00", "06-02 20:00", "06-03 20:00"]
    account = lived.get("/v2/account")
    assert body["equity"][-1] == pytest.approx(float(account["equity"]), abs=1e-3)
    assert body["equity"][-2] == pytest.approx(float(account["last_equity"]), abs=1e-3)
    assert body["base_value"] == 100_000
    assert "base_value_asof" not in body
    assert body["profit_loss"][-1] == pytest.approx(body["equity"][-1] - 100_000, abs=1e-3)


def test_minutes_within_a_day_end_with_the_account_as_it_is(lived: WireExchange) -> None:
    body = history(lived, period="1D", timeframe="1Min")
    assert instants(body)[0] == "06-03 13:30"
    assert instants(body)[-1] == "06-03 15:30"
    assert body["equity"][-1] == pytest.approx(float(lived.get("/v2/account")["equity"]), abs=0.5)
    assert body["base_value_asof"] == "2022-06-02"
    assert body["profit_loss"][-1] == pytest.approx(body["equity"][-1] - body["base_value"], abs=1e-3)


def test_the_last_window_of_a_day_holds_its_close(lived: WireExchange) -> None:
    days = history(lived, period="3D", timeframe="1D")
    minutes = history(lived, start="2022-06-02", end="2022-06-02", timeframe="15Min")
    assert minutes["equity"][-1] == pytest.approx(days["equity"][1], abs=0.5)


def test_profit_starts_anew_each_day_unless_told_otherwise(lived: WireExchange) -> None:
    query = {"start": "2022-06-01", "end": "2022-06-03", "timeframe": "1H"}
    daily = history(lived, **query)
    whole = history(lived, **query, pnl_reset="no_reset")
    assert daily["equity"] == whole["equity"]
    assert whole["profit_loss"][-1] == pytest.approx(whole["equity"][-1] - 100_000, abs=1e-3)
    assert daily["profit_loss"][-1] != whole["profit_loss"][-1]


def test_hours_outside_the_session_are_shown_on_demand(lived: WireExchange) -> None:
    query = {"start": "2022-06-02", "end": "2022-06-02", "timeframe": "1H"}
    assert instants(history(lived, **query))[0] == "06-02 13:30"
    longer = history(lived, **query, intraday_reporting="extended_hours")
    assert (instants(longer)[0], instants(longer)[-1]) == ("06-02 08:00", "06-02 23:00")
    assert history(lived, **query, extended_hours="true")["timestamp"] == longer["timestamp"]
    always = history(lived, **query, intraday_reporting="continuous")
    assert len(always["timestamp"]) == 24


def test_the_width_follows_the_period(lived: WireExchange) -> None:
    widths = {"1D": "1Min", "2W": "15Min", "1M": "1D", "1A": "1D"}
    assert {period: history(lived, period=period)["timeframe"] for period in widths} == widths
    assert history(lived)["timeframe"] == "1D"


def test_before_the_account_was_opened_there_was_nothing(lived: WireExchange) -> None:
    body = history(lived, period="1M")
    assert body["equity"][0] == 0
    assert body["profit_loss"][0] == 0
    assert body["profit_loss_pct"][0] == 0


@pytest.mark.parametrize(
    "query",
    [
        {"period": "month"},
        {"period": "0D"},
        {"timeframe": "2Min"},
        {"period": "3M", "timeframe": "1Min"},
        {"period": "1D", "start": "2022-06-01", "end": "2022-06-02"},
        {"start": "2022-06-03", "end": "2022-06-01"},
        {"intraday_reporting": "always"},
        {"pnl_reset": "never"},
        {"period": "9999A"},
        {"start": "yesterday"},
    ],
)
def test_what_makes_no_sense_is_refused(lived: WireExchange, query: dict[str, str]) -> None:
    answer = lived.request("GET", PATH, **query)
    assert (answer.status, answer.body["code"]) == (422, 40010001)


def test_alpaca_py_reads_the_history(lived: WireExchange) -> None:
    client = TradingClient(lived.key, lived.secret, paper=True, url_override=lived.rest)
    read = client.get_portfolio_history(GetPortfolioHistoryRequest(period="1W", timeframe="1D"))
    assert isinstance(read, PortfolioHistory)
    assert read.base_value == 100_000
    assert len(read.equity) == len(read.timestamp)


def test_what_is_paid_in_is_equity_and_no_profit() -> None:
    with exchange_in_thread(requests_per_minute=0) as exchange:
        exchange.advance_fully("2022-06-02T15:00:00Z")
        number = exchange.get("/v2/account")["account_number"]
        path = f"/v1/control/accounts/{number}/transfers"
        paid = exchange.request("POST", path, {"amount": "2500.50"})
        assert (paid.status, paid.body["activity_type"], paid.body["net_amount"]) == (200, "CSD", "2500.5")
        exchange.request("POST", path, {"amount": 500, "direction": "OUTGOING"})
        for wrong in (
            {},
            {"amount": -1},
            {"amount": "x"},
            {"amount": "0.001"},
            {"amount": 1, "direction": "up"},
        ):
            assert exchange.request("POST", path, wrong).status in (400, 422)
        assert exchange.request("POST", path, {"amount": 10**6, "direction": "OUTGOING"}).status == 403
        assert exchange.get("/v2/account")["equity"] == "102000.5"
        for query in ({"timeframe": "1D", "period": "2D"}, {"timeframe": "1Min", "period": "1D"}):
            body = history(exchange, cashflow_types="ALL", **query)
            assert (body["equity"][-1], body["profit_loss"][-1]) == (102000.5, 0)
            assert (body["cashflow"]["CSD"][-1], body["cashflow"]["CSW"][-1]) == (2500.5, -500)
