"""Order events over server-sent events, read with httpx and two packages that know the format."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import httpx_sse
import pytest
import requests
import sseclient
from openapi import conforms
from wire import WireExchange, exchange_in_thread

PATIENCE_SECONDS = 30.0
PATH = "/v2/events/trades"
FAR = "2022-06-02T20:00:00Z"


def buy(exchange: WireExchange, symbol: str = "AAPL") -> dict[str, Any]:
    return exchange.submit(symbol=symbol, qty="2", side="buy")


def past(exchange: WireExchange, path: str = PATH, **query: str) -> list[dict[str, Any]]:
    """The events of a stream that ends, which these queries do as soon as time has passed their end."""
    with (
        httpx.Client(headers=exchange.headers, timeout=PATIENCE_SECONDS) as client,
        httpx_sse.connect_sse(client, "GET", exchange.rest + path, params=query) as source,
    ):
        return [event.json() for event in source.iter_sse()]


def some_orders(exchange: WireExchange) -> list[dict[str, Any]]:
    """Buys twice, a minute apart, and returns the events of it all."""
    buy(exchange)
    exchange.advance("2022-06-01T13:31:00Z")
    buy(exchange, "KO")
    exchange.advance("2022-06-01T13:32:00Z")
    return past(exchange, since="2022-06-01", until="2022-06-01T13:31:59Z")


def test_history_is_replayed_and_ends_where_asked(exchange: WireExchange) -> None:
    events = some_orders(exchange)
    told = [
        (event["event"], event["order"]["symbol"]) for event in events if event["event"] in ("new", "fill")
    ]
    assert told == [("new", "AAPL"), ("fill", "AAPL"), ("new", "KO"), ("fill", "KO")]
    assert all({"event", "order", "timestamp", "at", "event_id"} <= event.keys() for event in events)
    ids = [event["event_id"] for event in events]
    assert ids == sorted(set(ids))
    assert all(len(ulid) == 26 for ulid in ids)


def test_a_reader_goes_on_after_the_last_event_it_has_read_by_time_or_by_id(exchange: WireExchange) -> None:
    events = some_orders(exchange)
    for read in range(len(events)):
        last = events[read]
        # One nanosecond later, as the Go client asks after a reconnect.
        head, _, fraction = last["at"][:-1].partition(".")
        after = f"{head}.{int((fraction or '0').ljust(9, '0')) + 1:09d}Z"
        assert past(exchange, since=after, until="2022-06-01T13:31:59Z") == events[read + 1 :]
        by_id = past(exchange, since_id=last["event_id"], until_id=events[-1]["event_id"])
        assert by_id == events[read + 1 :]


def test_events_arrive_as_they_happen(exchange: WireExchange) -> None:
    answer = requests.get(
        exchange.rest + PATH, headers=exchange.headers, stream=True, timeout=PATIENCE_SECONDS
    )
    events = sseclient.SSEClient(answer).events()
    buy(exchange)
    while (event := next(events)) and '"event":"fill"' not in event.data:
        assert '"symbol":"AAPL"' in event.data
    answer.close()


def test_a_client_that_reconnects_names_the_last_event_in_the_header_of_the_standard(
    exchange: WireExchange,
) -> None:
    events = some_orders(exchange)
    headers = {**exchange.headers, "Last-Event-ID": events[1]["event_id"]}
    with (
        httpx.Client(headers=headers, timeout=PATIENCE_SECONDS) as client,
        httpx_sse.connect_sse(client, "GET", exchange.rest + PATH) as source,
    ):
        found = source.iter_sse()
        assert [next(found).id for _ in events[2:]] == [event["event_id"] for event in events[2:]]


def test_without_a_beginning_nothing_of_the_past_is_told(exchange: WireExchange) -> None:
    buy(exchange)
    with (
        httpx.Client(headers=exchange.headers, timeout=PATIENCE_SECONDS) as client,
        httpx_sse.connect_sse(client, "GET", exchange.rest + PATH) as source,
    ):
        assert source.response.headers["content-type"] == "text/event-stream"
        found = source.iter_sse()
        buy(exchange, "KO")
        assert next(found).json()["order"]["symbol"] == "KO"


def test_an_event_is_the_row_of_the_trading_stream_with_the_order_in_full(exchange: WireExchange) -> None:
    for event in some_orders(exchange):
        conforms("GET", "/v2/orders/{order_id}", 200, event["order"])
        assert ("execution_id" in event) == (event["event"] == "fill")


def test_executions_are_told_as_activities(exchange: WireExchange) -> None:
    some_orders(exchange)
    activities = past(
        exchange, "/v2beta1/events/activities", since="2022-06-01", until="2022-06-01T13:31:59Z"
    )
    assert [activity["details"]["symbol"] for activity in activities] == ["AAPL", "KO"]
    first = activities[0]
    assert (first["activity_type"], first["settle_date"], first["qty"]) == ("FILL", "2022-06-02", "2")
    assert float(first["net_amount"]) == -2 * float(first["price"])


def test_the_fill_of_a_spread_tells_each_leg_and_is_an_activity_for_each(exchange: WireExchange) -> None:
    contracts = exchange.get("/v2/options/contracts", underlying_symbols="AAPL", type="call", limit=10_000)
    near = sorted(
        contracts["option_contracts"], key=lambda contract: abs(float(contract["strike_price"]) - 150)
    )
    day = near[0]["expiration_date"]
    low, high = sorted(contract["symbol"] for contract in near if contract["expiration_date"] == day)[:2]
    legs = [
        {"symbol": low, "ratio_qty": "1", "side": "buy", "position_intent": "buy_to_open"},
        {"symbol": high, "ratio_qty": "1", "side": "sell", "position_intent": "sell_to_open"},
    ]
    exchange.submit(order_class="mleg", qty="1", legs=legs)
    exchange.advance("2022-06-01T13:32:00Z")
    span = {"since": "2022-06-01", "until": "2022-06-01T13:31:59Z"}
    fill = next(event for event in past(exchange, **span) if event["event"] == "fill")
    assert set(fill["position_qtys"].items()) == {(low, "1"), (high, "-1")}
    assert {leg["symbol"] for leg in fill["legs"]} == {low, high}
    assert len(fill["order"]["legs"]) == 2
    activities = past(exchange, "/v2beta1/events/activities", **span)
    executed = {(one["details"]["symbol"], one["details"]["side"], one["ref_id"]) for one in activities}
    told = {leg["symbol"]: leg["execution_id"] for leg in fill["legs"]}
    assert executed == {(low, "buy", told[low]), (high, "sell", told[high])}


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"until": "2022-06-01"}, "invalid param: both since & until required"),
        ({"until_id": "0" * 26}, "invalid param: both since & until required"),
        ({"since": "2022-06-01", "since_id": "0" * 26}, "since and since_id cannot be used together"),
        ({"since": "yesterday"}, "invalid since"),
        ({"since_id": "short"}, "invalid since_id"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    shared_exchange: WireExchange, query: dict[str, str], text: str
) -> None:
    answer = shared_exchange.request("GET", PATH, **query)
    assert (answer.status, answer.body["code"]) == (422, 40010001)
    assert text in answer.body["message"]


def test_the_end_of_the_exchange_ends_the_stream() -> None:
    told = threading.Event()

    def read(lines: Iterator[str]) -> None:
        for _ in lines:
            pass
        told.set()

    with httpx.Client(timeout=PATIENCE_SECONDS) as client:
        with exchange_in_thread() as exchange:
            stream: Callable[..., Any] = client.stream
            opened = stream("GET", exchange.rest + PATH, headers=exchange.headers)
            response = opened.__enter__()
            thread = threading.Thread(target=read, args=(response.iter_lines(),))
            thread.start()
        assert told.wait(PATIENCE_SECONDS)
        thread.join()
        opened.__exit__(None, None, None)
