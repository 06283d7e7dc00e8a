"""News over the wire: every parameter, pages, alpaca-py's client, and nothing from the future."""

from datetime import UTC, datetime
from typing import Any

import pytest
from alpaca.common.enums import Sort
from alpaca.data.historical import NewsClient
from alpaca.data.requests import NewsRequest
from openapi import conforms
from wire import WireExchange

WINDOW = {"start": "2022-05-18", "end": "2022-06-01"}


def news(wire: WireExchange, **query: Any) -> Any:
    """An answer that must be one of Alpaca's documents."""
    answer = wire.request("GET", "/v1beta1/news", **query)
    conforms("GET", "/v1beta1/news", answer.status, answer.body, query=query)
    assert answer.status == 200, answer.body
    return answer.body


def walk(wire: WireExchange, **query: Any) -> list[Any]:
    """The items of all pages."""
    page = news(wire, **query)
    found = page["news"]
    while page["next_page_token"]:
        page = news(wire, page_token=page["next_page_token"], **query)
        found += page["news"]
    return found


def test_alpaca_py_reads_the_news_of_a_symbol(shared_exchange: WireExchange) -> None:
    client = NewsClient(shared_exchange.key, shared_exchange.secret, url_override=shared_exchange.rest)
    wanted = NewsRequest(
        symbols="AAPL,KO",
        start=datetime(2022, 5, 2, tzinfo=UTC),
        end=datetime(2022, 5, 31, tzinfo=UTC),
        sort=Sort.ASC,
        include_content=True,
    )
    found = client.get_news(wanted).data["news"]
    assert len(found) > 10
    assert {symbol for item in found for symbol in item.symbols} == {"AAPL", "KO"}
    assert all(item.headline.startswith("[simulated]") for item in found)
    assert [item.updated_at for item in found] == sorted(item.updated_at for item in found)


def test_pages_of_any_size_add_up_in_both_directions(shared_exchange: WireExchange) -> None:
    whole = walk(shared_exchange, limit=50, **WINDOW)
    assert len(whole) > 50
    assert walk(shared_exchange, limit=17, **WINDOW) == whole
    assert walk(shared_exchange, limit=17, sort="asc", **WINDOW) == whole[::-1]


def test_the_newest_ten_come_first_and_without_a_start(shared_exchange: WireExchange) -> None:
    found = news(shared_exchange)["news"]
    assert len(found) == 10
    assert found == sorted(found, key=lambda item: (item["updated_at"], item["id"]), reverse=True)
    assert found[0]["updated_at"] > "2022-05-31"


def test_content_comes_when_asked_for_and_headlines_alone_can_be_left_out(
    shared_exchange: WireExchange,
) -> None:
    whole = walk(shared_exchange, limit=50, include_content=True, **WINDOW)
    assert {bool(item["content"]) for item in whole} == {True, False}
    assert {item["content"] for item in walk(shared_exchange, limit=50, **WINDOW)} == {""}
    full = walk(shared_exchange, limit=50, include_content=True, exclude_contentless=True, **WINDOW)
    assert full == [item for item in whole if item["content"]]


def test_pairs_are_spelled_without_their_slash_and_found_by_any_name(shared_exchange: WireExchange) -> None:
    found = walk(shared_exchange, symbols="BTC/USD", limit=50, **WINDOW)
    assert found
    assert {tuple(item["symbols"]) for item in found} == {("BTCUSD",)}
    assert walk(shared_exchange, symbols="btcusd", limit=50, **WINDOW) == found
    assert news(shared_exchange, symbols="NOBODY", **WINDOW) == {"news": [], "next_page_token": None}


def test_nobody_reads_what_has_not_happened(exchange: WireExchange) -> None:
    late = {"start": "2022-06-01", "end": "2022-06-03", "limit": 50}
    exchange.advance_fully("2022-06-01T20:00:00Z")
    before = walk(exchange, **late)
    exchange.advance_fully("2022-06-01T20:31:00Z")
    after = walk(exchange, **late)
    assert len(after) > len(before)
    assert after[-len(before) :] == before or not before
    assert max(item["updated_at"] for item in after) <= "2022-06-01T20:31:00Z"


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({"limit": 51}, "invalid limit: larger than the allowed maximum of 50"),
        ({"limit": 0}, "invalid limit"),
        ({"sort": "up"}, "invalid sort: up"),
        ({"start": "soon"}, "Invalid format for parameter start"),
        ({"start": "2022-06-01", "end": "2022-05-01"}, "end should not be before start"),
        ({"page_token": "????"}, "invalid page_token"),
        ({"symbol": "AAPL"}, "unexpected query parameter(s): symbol"),
    ],
)
def test_a_request_for_news_that_means_nothing_is_refused(
    shared_exchange: WireExchange, query: dict[str, Any], complaint: str
) -> None:
    answer = shared_exchange.request("GET", "/v1beta1/news", **query)
    assert answer.status == 400
    assert answer.body["message"].startswith(complaint)
