"""Option contracts and option market data over the wire: alpaca-py's clients, and Alpaca's own documents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from alpaca.data.historical.option import OptionHistoricalDataClient
from alpaca.data.requests import (
    OptionBarsRequest,
    OptionChainRequest,
    OptionLatestQuoteRequest,
    OptionLatestTradeRequest,
    OptionSnapshotRequest,
    OptionTradesRequest,
)
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import AssetStatus, ContractType
from alpaca.trading.requests import GetOptionContractsRequest
from openapi import conforms
from wire import WireExchange, exchange_in_thread

TOP = "/v1beta1/options"
CALL = "AAPL220617C00145000"
PUT = "AAPL220617P00145000"


@pytest.fixture(scope="module")
def exchange() -> Iterator[WireExchange]:
    limits = {"requests_per_minute": 0, "data_requests_per_minute": 0}
    with exchange_in_thread(start="2022-06-01T16:00:07Z", **limits) as running:
        yield running


@pytest.fixture(scope="module")
def data(exchange: WireExchange) -> OptionHistoricalDataClient:
    return OptionHistoricalDataClient(exchange.key, exchange.secret, url_override=exchange.rest)


@pytest.fixture(scope="module")
def trading(exchange: WireExchange) -> TradingClient:
    return TradingClient(exchange.key, exchange.secret, paper=True, url_override=exchange.rest)


def test_alpaca_py_lists_contracts_up_to_the_coming_weekend(trading: TradingClient) -> None:
    found = trading.get_option_contracts(GetOptionContractsRequest(underlying_symbols=["AAPL"]))
    assert found.option_contracts
    assert {contract.expiration_date for contract in found.option_contracts} == {date(2022, 6, 3)}


def test_alpaca_py_filters_contracts(trading: TradingClient) -> None:
    request = GetOptionContractsRequest(
        underlying_symbols=["AAPL"],
        status=AssetStatus.ACTIVE,
        expiration_date_gte=date(2022, 6, 10),
        expiration_date_lte="2022-06-20",
        type=ContractType.PUT,
        strike_price_gte="140",
        strike_price_lte="150",
    )
    found = trading.get_option_contracts(request).option_contracts
    assert found
    assert {contract.expiration_date for contract in found} == {date(2022, 6, 10), date(2022, 6, 17)}
    assert all(
        contract.type is ContractType.PUT and 140 <= contract.strike_price <= 150 for contract in found
    )


def test_pages_of_contracts_join_to_the_whole_list(exchange: WireExchange) -> None:
    query = {"underlying_symbols": "AAPL,MSFT", "expiration_date_lte": "2022-07-01"}
    whole = exchange.get("/v2/options/contracts", **query, limit=10_000)["option_contracts"]
    pages, token = [], ""
    while token is not None:
        page = exchange.get("/v2/options/contracts", **query, limit=97, page_token=token)
        pages += page["option_contracts"]
        token = page["next_page_token"]
    assert [row["symbol"] for row in pages] == [row["symbol"] for row in whole]
    assert len({row["symbol"] for row in whole}) == len(whole) > 200


def test_a_contract_is_found_by_symbol_and_by_id(trading: TradingClient, exchange: WireExchange) -> None:
    by_symbol = trading.get_option_contract(CALL)
    assert trading.get_option_contract(by_symbol.id) == by_symbol
    assert (by_symbol.strike_price, by_symbol.size, by_symbol.tradable) == (145, "100", True)
    row = exchange.get(f"/v2/options/contracts/{CALL}")
    assert row["underlying_asset_id"] == exchange.get("/v2/assets/AAPL")["id"]
    assert row["deliverables"][0]["symbol"] == "AAPL"
    conforms("GET", f"/v2/options/contracts/{CALL}", 200, row)


def test_expired_contracts_are_inactive(exchange: WireExchange) -> None:
    page = exchange.get("/v2/options/contracts", underlying_symbols="KO", status="inactive")
    assert {row["status"] for row in page["option_contracts"]} == {"inactive"}
    assert all(row["expiration_date"] < "2022-06-01" for row in page["option_contracts"])


@pytest.mark.parametrize(
    "name", ["AAPL220617C00145001", "AAPL290615C00145000", "NONE220617C00145000", "none"]
)
def test_a_contract_that_is_not_listed_is_not_found(exchange: WireExchange, name: str) -> None:
    answer = exchange.request("GET", f"/v2/options/contracts/{name}")
    assert (answer.status, answer.body["code"]) == (404, 40410000)


@pytest.mark.parametrize(
    "query", [{"status": "dead"}, {"type": "both"}, {"strike_price_gte": "x"}, {"expiration_date": "soon"}]
)
def test_filters_that_make_no_sense_are_refused(exchange: WireExchange, query: dict[str, str]) -> None:
    assert exchange.request("GET", "/v2/options/contracts", **query).status == 422


@pytest.mark.parametrize(
    "route",
    [
        "/v2/options/contracts?underlying_symbols=AAPL&show_deliverables=true",
        f"{TOP}/bars?symbols={CALL},{PUT}&timeframe=1Hour&limit=3",
        f"{TOP}/trades?symbols={CALL}&limit=3",
        f"{TOP}/trades/latest?symbols={CALL}",
        f"{TOP}/quotes/latest?symbols={CALL}",
        f"{TOP}/snapshots?symbols={CALL},{PUT}",
        f"{TOP}/snapshots/AAPL?limit=20",
        f"{TOP}/meta/exchanges",
        f"{TOP}/meta/conditions/trade",
        f"{TOP}/meta/conditions/quote",
    ],
)
def test_every_route_answers_as_the_documents_say(exchange: WireExchange, route: str) -> None:
    answer = exchange.request("GET", route)
    conforms("GET", route.partition("?")[0], answer.status, answer.body)
    assert answer.status == 200


def test_alpaca_py_reads_bars_and_trades(data: OptionHistoricalDataClient) -> None:
    start, end = datetime(2022, 5, 31, tzinfo=UTC), datetime(2022, 6, 1, 16, tzinfo=UTC)
    bars = data.get_option_bars(
        OptionBarsRequest(symbol_or_symbols=CALL, timeframe=TimeFrame.Day, start=start, end=end)
    ).data[CALL]
    trades = data.get_option_trades(
        OptionTradesRequest(symbol_or_symbols=CALL, start=bars[0].timestamp, end=end)
    ).data[CALL]
    assert sum(bar.volume for bar in bars) == sum(trade.size for trade in trades)


def test_alpaca_py_reads_what_is_latest(data: OptionHistoricalDataClient) -> None:
    quote = data.get_option_latest_quote(OptionLatestQuoteRequest(symbol_or_symbols=CALL))[CALL]
    trade = data.get_option_latest_trade(OptionLatestTradeRequest(symbol_or_symbols=CALL))[CALL]
    snapshot = data.get_option_snapshot(OptionSnapshotRequest(symbol_or_symbols=CALL))[CALL]
    assert snapshot.latest_quote == quote
    assert snapshot.latest_trade == trade
    assert 0.1 < snapshot.implied_volatility < 1.5
    assert 0 < snapshot.greeks.delta < 1
    assert snapshot.greeks.theta < 0 < snapshot.greeks.gamma


def test_alpaca_py_reads_a_chain_by_filter(data: OptionHistoricalDataClient) -> None:
    request = OptionChainRequest(
        underlying_symbol="AAPL",
        type=ContractType.CALL,
        expiration_date=date(2022, 6, 17),
        strike_price_gte=140,
        strike_price_lte=150,
    )
    chain = data.get_option_chain(request)
    assert CALL in chain
    deltas = [chain[symbol].greeks.delta for symbol in sorted(chain)]
    assert deltas == sorted(deltas, reverse=True)


def test_a_whole_chain_comes_in_pages(exchange: WireExchange) -> None:
    symbols, token = [], ""
    while token is not None:
        page = exchange.get(
            f"{TOP}/snapshots/AAPL", limit=200, page_token=token, expiration_date_lte="2022-07-15"
        )
        symbols += page["snapshots"]
        token = page["next_page_token"]
    assert symbols == sorted(set(symbols))
    assert len(symbols) > 400


@pytest.mark.parametrize("symbol", ["AAPL", "AAPL220617X00145000", ""])
def test_what_is_no_contract_symbol_is_refused(exchange: WireExchange, symbol: str) -> None:
    assert exchange.request("GET", f"{TOP}/quotes/latest", symbols=symbol).status == 400


def test_a_contract_never_listed_is_absent(exchange: WireExchange) -> None:
    assert exchange.get(f"{TOP}/quotes/latest", symbols="AAPL220617C00145001") == {"quotes": {}}
