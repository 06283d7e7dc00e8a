"""Crypto market data over the wire: alpaca-py's client, and the details it does not show."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from alpaca.data.historical import CryptoHistoricalDataClient
from alpaca.data.requests import (
    CryptoBarsRequest,
    CryptoLatestBarRequest,
    CryptoLatestOrderbookRequest,
    CryptoLatestQuoteRequest,
    CryptoLatestTradeRequest,
    CryptoQuoteRequest,
    CryptoSnapshotRequest,
    CryptoTradesRequest,
)
from alpaca.data.timeframe import TimeFrame
from openapi import conforms
from wire import WireExchange, exchange_in_thread

TOP = "/v1beta3/crypto/us"
PAIRS = "BTC/USD,ETH/USD"


@pytest.fixture(scope="module")
def exchange() -> Iterator[WireExchange]:
    """A Saturday: the stock market is closed."""
    with exchange_in_thread(start="2022-06-04T14:30:00Z", data_requests_per_minute=0) as running:
        yield running


@pytest.fixture(scope="module")
def data(exchange: WireExchange) -> CryptoHistoricalDataClient:
    return CryptoHistoricalDataClient(exchange.key, exchange.secret, url_override=exchange.rest)


def test_alpaca_py_reads_bars_of_a_whole_day_page_by_page(data: CryptoHistoricalDataClient) -> None:
    start, end = datetime(2022, 6, 3, tzinfo=UTC), datetime(2022, 6, 3, 23, 59, tzinfo=UTC)
    request = CryptoBarsRequest(
        symbol_or_symbols=["BTC/USD", "ETH/USD"], timeframe=TimeFrame.Minute, start=start, end=end
    )
    bars = data.get_crypto_bars(request).data
    assert {pair: len(rows) for pair, rows in bars.items()} == {"BTC/USD": 1440, "ETH/USD": 1440}
    assert any(bar.trade_count == 0 for bar in bars["BTC/USD"])
    assert bars["BTC/USD"][0].timestamp == start


def test_alpaca_py_reads_quotes_and_trades(data: CryptoHistoricalDataClient) -> None:
    start, end = datetime(2022, 6, 4, 14, tzinfo=UTC), datetime(2022, 6, 4, 14, 20, tzinfo=UTC)
    quotes = data.get_crypto_quotes(CryptoQuoteRequest(symbol_or_symbols="BTC/USD", start=start, end=end))
    assert all(quote.bid_price < quote.ask_price for quote in quotes.data["BTC/USD"])
    trades = data.get_crypto_trades(CryptoTradesRequest(symbol_or_symbols="BTC/USD", start=start, end=end))
    assert 0 < len(trades.data["BTC/USD"]) < len(quotes.data["BTC/USD"])


def test_alpaca_py_reads_what_is_latest(data: CryptoHistoricalDataClient) -> None:
    pair = "ETH/USD"
    quote = data.get_crypto_latest_quote(CryptoLatestQuoteRequest(symbol_or_symbols=pair))[pair]
    book = data.get_crypto_latest_orderbook(CryptoLatestOrderbookRequest(symbol_or_symbols=pair))[pair]
    assert (book.bids[0].price, book.asks[0].price) == (quote.bid_price, quote.ask_price)
    trade = data.get_crypto_latest_trade(CryptoLatestTradeRequest(symbol_or_symbols=pair))[pair]
    bar = data.get_crypto_latest_bar(CryptoLatestBarRequest(symbol_or_symbols=pair))[pair]
    assert bar.timestamp == datetime(2022, 6, 4, 14, 29, tzinfo=UTC)
    snapshot = data.get_crypto_snapshot(CryptoSnapshotRequest(symbol_or_symbols=pair))[pair]
    assert snapshot.latest_trade == trade
    assert snapshot.latest_quote == quote
    assert snapshot.daily_bar.timestamp == datetime(2022, 6, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    "route",
    [
        "bars?timeframe=1Hour&limit=3",
        "quotes?limit=3",
        "trades?limit=3&sort=desc",
        "latest/bars",
        "latest/quotes",
        "latest/trades",
        "latest/orderbooks",
        "snapshots",
    ],
)
def test_every_route_answers_as_the_document_says(exchange: WireExchange, route: str) -> None:
    path, _, rest = route.partition("?")
    query = dict(part.split("=") for part in rest.split("&") if part)
    answer = exchange.request("GET", f"{TOP}/{path}", symbols=PAIRS, **query)
    conforms("GET", f"{TOP}/{path}", answer.status, answer.body)
    assert answer.status == 200


def test_keys_are_not_needed_but_wrong_ones_are_refused(exchange: WireExchange) -> None:
    path = f"{TOP}/latest/quotes?symbols=BTC/USD"
    assert exchange.request("GET", path, headers={}).status == 200
    wrong = {"APCA-API-KEY-ID": "wrong", "APCA-API-SECRET-KEY": "wrong"}
    assert exchange.request("GET", path, headers=wrong).status == 401


def test_an_unknown_pair_is_absent_and_a_word_that_is_no_pair_refused(exchange: WireExchange) -> None:
    assert exchange.get(f"{TOP}/latest/bars", symbols="NONE/USD") == {"bars": {}}
    answer = exchange.request("GET", f"{TOP}/latest/bars", symbols="BTCUSD")
    assert answer.status == 400
    assert answer.body["message"] == "invalid symbol: BTCUSD does not match ^[A-Z]+x?/[A-Z]+$"


def test_without_a_start_bars_begin_at_midnight_utc(exchange: WireExchange) -> None:
    page = exchange.get(f"{TOP}/bars", symbols="BTC/USD", timeframe="1Hour", limit=2)
    assert [bar["t"] for bar in page["bars"]["BTC/USD"]] == ["2022-06-04T00:00:00Z", "2022-06-04T01:00:00Z"]


def test_a_page_token_names_pair_unit_and_instant(exchange: WireExchange) -> None:
    query = {"symbols": PAIRS, "timeframe": "1Hour", "limit": 16}
    first = exchange.get(f"{TOP}/bars", **query)
    assert {pair: len(rows) for pair, rows in first["bars"].items()} == {"BTC/USD": 15, "ETH/USD": 1}
    second = exchange.get(f"{TOP}/bars", **query, page_token=first["next_page_token"])
    assert len(second["bars"]["ETH/USD"]) == 14
    assert second["bars"]["ETH/USD"][0]["t"] == "2022-06-04T01:00:00Z"
    assert second["next_page_token"] is None


@pytest.mark.parametrize(
    "query",
    [
        {"timeframe": "60Min"},
        {"timeframe": "24Hour"},
        {"timeframe": "5Month"},
        {"timeframe": "1Hour", "limit": "10001"},
        {"timeframe": "1Hour", "page_token": "###"},
    ],
)
def test_parameters_out_of_bounds_are_refused(exchange: WireExchange, query: dict[str, str]) -> None:
    answer = exchange.request("GET", f"{TOP}/bars", symbols="BTC/USD", **query)
    assert answer.status == 400
    assert answer.body["message"]


def test_a_pair_is_an_asset_by_each_of_its_names(exchange: WireExchange) -> None:
    by_slash = exchange.get("/v2/assets/BTC/USD")
    assert by_slash["class"] == "crypto"
    assert by_slash["exchange"] == "CRYPTO"
    assert by_slash["price_increment"] == "0.01"
    assert by_slash["min_trade_increment"] == "0.000000001"
    for name in ("BTC%2FUSD", "BTCUSD", "btcusd", by_slash["id"]):
        assert exchange.get(f"/v2/assets/{name}") == by_slash
