"""Market data routes: shapes, paging, order, and what is refused."""

from typing import Any

import pytest
from wire import WireExchange

START = "2022-05-31T13:30:00Z"


def pages(exchange: WireExchange, path: str, **query: Any) -> list[dict[str, Any]]:
    """Every page of a historical route."""
    found = [exchange.get(path, **query)]
    while found[-1]["next_page_token"] is not None:
        found.append(exchange.get(path, page_token=found[-1]["next_page_token"], **query))
    return found


@pytest.mark.parametrize("sort", ["asc", "desc"])
@pytest.mark.parametrize("kind", ["bars", "quotes", "trades"])
def test_pages_cut_anywhere_add_up_to_the_whole(shared_exchange: WireExchange, kind: str, sort: str) -> None:
    query = {"symbols": "MSFT,AAPL", "start": START, "sort": sort}
    if kind == "bars":
        query["timeframe"] = "1Min"
    (whole,) = pages(shared_exchange, f"/v2/stocks/{kind}", limit=10_000, **query)
    cut = pages(shared_exchange, f"/v2/stocks/{kind}", limit=397, **query)
    assert len(cut) > 2
    assert all(sum(map(len, page[kind].values())) <= 397 for page in cut)
    for symbol in ("AAPL", "MSFT"):
        rows = [row for page in cut for row in page[kind].get(symbol, [])]
        assert rows == whole[kind][symbol]
        times = [row["t"] for row in rows]
        assert times == sorted(times, reverse=sort == "desc")
    assert list(cut[0][kind]) == ["AAPL"]


def test_one_symbol_in_the_path_has_the_shape_of_its_own(shared_exchange: WireExchange) -> None:
    single = shared_exchange.get("/v2/stocks/AAPL/bars", timeframe="1Day", start="2022-05-31")
    many = shared_exchange.get("/v2/stocks/bars", symbols="AAPL", timeframe="1Day", start="2022-05-31")
    assert single == {"bars": many["bars"]["AAPL"], "symbol": "AAPL", "next_page_token": None}
    assert [bar["t"] for bar in single["bars"]] == ["2022-05-31T04:00:00Z", "2022-06-01T04:00:00Z"]
    for kind in ("bar", "quote", "trade"):
        latest = shared_exchange.get(f"/v2/stocks/AAPL/{kind}s/latest")
        assert latest == {
            "symbol": "AAPL",
            kind: shared_exchange.get(f"/v2/stocks/{kind}s/latest", symbols="AAPL")[f"{kind}s"]["AAPL"],
        }
    snapshot = shared_exchange.get("/v2/stocks/AAPL/snapshot")
    assert snapshot.pop("symbol") == "AAPL"
    assert shared_exchange.get("/v2/stocks/snapshots", symbols="AAPL,NOBODY") == {"AAPL": snapshot}
    assert list(snapshot) == ["latestTrade", "latestQuote", "minuteBar", "dailyBar", "prevDailyBar"]


def test_an_unknown_symbol_is_simply_absent(shared_exchange: WireExchange) -> None:
    bars = shared_exchange.get("/v2/stocks/bars", symbols="NOBODY", timeframe="1Day", start="2022-05-01")
    assert bars == {"bars": {}, "next_page_token": None}
    assert shared_exchange.get("/v2/stocks/quotes/latest", symbols="NOBODY") == {"quotes": {}}
    assert shared_exchange.request("GET", "/v2/stocks/NOBODY/quotes/latest").status == 404
    assert shared_exchange.request("GET", "/v2/stocks/NOBODY/snapshot").status == 404


def test_market_data_are_numbers_and_the_default_range_is_today(shared_exchange: WireExchange) -> None:
    bars = shared_exchange.get("/v2/stocks/AAPL/bars", timeframe="1Hour")["bars"]
    assert [bar["t"] for bar in bars] == ["2022-06-01T13:00:00Z", "2022-06-01T14:00:00Z"]
    bar = bars[0]
    assert {key: type(bar[key]) for key in "ohlcvn"} == {
        **dict.fromkeys("ohlc", float),
        **dict.fromkeys("vn", int),
    }
    assert bar["l"] <= bar["vw"] <= bar["h"]


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({"timeframe": "60Min"}, "invalid timeframe: 60Min"),
        ({"timeframe": "30Sec"}, "invalid timeframe: 30Sec"),
        ({"timeframe": "0Min"}, "invalid timeframe: 0Min"),
        ({"timeframe": "24Hour"}, "invalid timeframe: 24Hour"),
        ({"timeframe": "2Day"}, "invalid timeframe: 2Day"),
        ({"timeframe": "5Month"}, "invalid timeframe: 5Month"),
        (
            {"timeframe": ""},
            "Invalid format for parameter timeframe: query parameter 'timeframe' is required",
        ),
        ({"limit": "10001"}, "invalid limit: larger than the allowed maximum of 10000"),
        ({"limit": "9" * 400}, "invalid limit: larger than the allowed maximum of 10000"),
        ({"limit": "0"}, "invalid limit"),
        ({"limit": "-1"}, "invalid limit"),
        ({"limit": "many"}, "Invalid format for parameter limit"),
        (
            {"start": "tomorrow"},
            "Invalid format for parameter start: error parsing 'tomorrow' as RFC3339 or 2006-01-02 time",
        ),
        ({"start": "2022-06-01T10:00:00"}, "Invalid format for parameter start: error parsing"),
        ({"start": "2022-06-01T10:00:00 04:00"}, "Invalid format for parameter start: error parsing"),
        ({"end": "2022-13-01"}, "Invalid format for parameter end: error parsing"),
        ({"since": "0"}, "unexpected query parameter(s): since"),
        ({"currency": "EUR"}, "currency not supported: EUR"),
        ({"asof": "then"}, "invalid asof: then"),
        ({"start": "2022-06-01", "end": "2022-05-01"}, "end should not be before start"),
        ({"sort": "up"}, "invalid sort"),
        ({"feed": "bloomberg"}, "invalid feed"),
        ({"feed": "delayed_sip"}, "invalid feed"),
        ({"adjustment": "some"}, "invalid adjustment"),
        ({"page_token": "???"}, "invalid page_token"),
        ({"page_token": "QUFQTHx4"}, "invalid page_token"),
        ({"symbols": ""}, "Invalid format for parameter symbols: query parameter 'symbols' is required"),
        ({"symbols": ", ,"}, "Invalid format for parameter symbols: query parameter 'symbols' is required"),
        ({"symbols": "AAPL,%00"}, "code=400, message=invalid symbol: %00"),
        ({"symbols": "AAPL,BRK-B"}, "code=400, message=invalid symbol: BRK-B"),
        ({"symbols": "BTC/USD"}, "code=400, message=invalid symbol: BTC/USD"),
        ({"symbols": ",".join(f"S{number}" for number in range(1001))}, "too many symbols"),
    ],
)
def test_a_data_request_that_means_nothing_is_a_400_with_its_reason(
    shared_exchange: WireExchange, query: dict[str, str], complaint: str
) -> None:
    answer = shared_exchange.request(
        "GET", "/v2/stocks/bars", **{"symbols": "AAPL", "timeframe": "1Day", **query}
    )
    assert answer.status == 400
    assert answer.body["message"].startswith(complaint)


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ("2022-06-01T10:00:00-04:00", "2022-06-01T14:00:00Z"),
        ("2022-06-01T14:00:00+00:00", "2022-06-01T14:00:00Z"),
        ("2022-06-01T14:00:00.000000001Z", "2022-06-01T14:01:00Z"),
        ("2022-06-01", "2022-06-01T13:30:00Z"),
    ],
)
def test_every_documented_way_of_writing_an_instant_is_understood(
    shared_exchange: WireExchange, start: str, first: str
) -> None:
    bars = shared_exchange.get("/v2/stocks/AAPL/bars", timeframe="1Min", start=start, limit=1)["bars"]
    assert bars[0]["t"] == first


@pytest.mark.parametrize(
    "start", ["2022-13-01", "2022-06-01T25:00:00Z", "2022-06-01T10:00:00+99:00", "2022-06-01T", "1"]
)
def test_an_instant_that_does_not_exist_is_refused(shared_exchange: WireExchange, start: str) -> None:
    answer = shared_exchange.request("GET", "/v2/stocks/AAPL/bars", timeframe="1Min", start=start)
    assert answer.status == 400
