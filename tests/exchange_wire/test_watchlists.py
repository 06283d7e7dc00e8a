"""Watchlists: by id, by name, by alpaca-py, and after the exchange was killed."""

from pathlib import Path
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.requests import CreateWatchlistRequest, UpdateWatchlistRequest
from openapi import conforms
from wire import Answer, WireExchange, running_exchange

BY_NAME = "/v2/watchlists:by_name"
UNKNOWN = "904837e3-3b76-47ec-b432-046db621571b"


def ask(wire: WireExchange, method: str, path: str, body: Any = None, **query: Any) -> Answer:
    """An answer that must be one of Alpaca's documents."""
    answer = wire.request(method, path, body, **query)
    conforms(method, path, answer.status, answer.body, query=query)
    return answer


def symbols(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [asset["symbol"] for asset in answer.body["assets"]]


def create(wire: WireExchange, name: str, *listed: str) -> dict[str, Any]:
    answer = ask(wire, "POST", "/v2/watchlists", {"name": name, "symbols": list(listed)})
    assert answer.status == 200, answer.body
    return answer.body  # type: ignore[no-any-return]


def test_alpaca_py_keeps_a_watchlist_from_its_creation_to_its_end(exchange: WireExchange) -> None:
    client = TradingClient(exchange.key, exchange.secret, paper=True, url_override=exchange.rest)
    made = client.create_watchlist(CreateWatchlistRequest(name="growth", symbols=["AAPL", "MSFT"]))
    assert [asset.symbol for asset in made.assets or []] == ["AAPL", "MSFT"]
    added = client.add_asset_to_watchlist_by_id(made.id, "KO")
    assert [asset.symbol for asset in added.assets or []] == ["AAPL", "MSFT", "KO"]
    left = client.remove_asset_from_watchlist_by_id(made.id, "AAPL")
    assert [asset.symbol for asset in left.assets or []] == ["MSFT", "KO"]
    renamed = client.update_watchlist_by_id(made.id, UpdateWatchlistRequest(name="slow growth"))
    assert renamed.name == "slow growth"
    assert [asset.symbol for asset in renamed.assets or []] == ["MSFT", "KO"]
    assert [(found.id, found.name) for found in client.get_watchlists()] == [(made.id, "slow growth")]
    assert client.get_watchlist_by_id(made.id).updated_at >= made.created_at
    client.delete_watchlist_by_id(made.id)
    with pytest.raises(APIError) as gone:
        client.get_watchlist_by_id(made.id)
    assert gone.value.status_code == 404


def test_the_same_is_done_by_name(exchange: WireExchange) -> None:
    create(exchange, "income", "KO")
    named = {"name": "income"}
    assert symbols(ask(exchange, "POST", BY_NAME, {"symbol": "btcusd"}, **named)) == ["KO", "BTC/USD"]
    assert symbols(ask(exchange, "PUT", BY_NAME, {"symbols": ["PG"]}, **named)) == ["PG"]
    assert symbols(ask(exchange, "GET", BY_NAME, **named)) == ["PG"]
    assert ask(exchange, "DELETE", BY_NAME, **named).status == 204
    assert ask(exchange, "GET", BY_NAME, **named).status == 404


def test_a_pair_is_taken_off_by_any_of_its_names(exchange: WireExchange) -> None:
    place = f"/v2/watchlists/{create(exchange, 'coins', 'BTC/USD', 'ETH/USD')['id']}"
    assert symbols(exchange.request("DELETE", f"{place}/BTC/USD")) == ["ETH/USD"]
    assert symbols(exchange.request("DELETE", f"{place}/ETHUSD")) == []
    assert exchange.request("DELETE", f"{place}/ETHUSD").status == 404


def test_the_list_of_lists_leaves_their_assets_out(exchange: WireExchange) -> None:
    create(exchange, "one", "AAPL")
    create(exchange, "two")
    lists = ask(exchange, "GET", "/v2/watchlists").body
    assert [found["name"] for found in lists] == ["one", "two"]
    assert all("assets" not in found for found in lists)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 422, "name is required"),
        ({"name": 7}, 422, "name is required"),
        ({"name": "x" * 65}, 422, "watchlist name must be no more than 64 characters"),
        ({"name": "kept"}, 422, "watchlist name must be unique"),
        ({"name": "new", "symbols": "AAPL"}, 422, "symbols must be a list"),
        ({"name": "new", "symbols": ["AAPL", "aapl"]}, 422, "duplicate symbol: AAPL"),
        ({"name": "new", "symbols": [1.5]}, 422, "symbol is required"),
        ({"name": "new", "symbols": ["NOBODY"]}, 404, "asset not found for NOBODY"),
    ],
)
def test_a_list_that_cannot_be_is_refused_and_nothing_changes(
    exchange: WireExchange, body: dict[str, Any], status: int, message: str
) -> None:
    create(exchange, "kept", "KO")
    before = exchange.get("/v2/watchlists")
    answer = ask(exchange, "POST", "/v2/watchlists", body)
    assert (answer.status, answer.body["message"]) == (status, message)
    assert exchange.get("/v2/watchlists") == before


def test_changes_that_mean_nothing_are_refused(exchange: WireExchange) -> None:
    place = f"/v2/watchlists/{create(exchange, 'kept', 'KO')['id']}"
    create(exchange, "other")
    for method, path, body, status in (
        ("PUT", place, {}, 422),
        ("PUT", place, {"name": "other"}, 422),
        ("POST", place, {}, 422),
        ("POST", place, {"symbol": "KO"}, 422),
        ("DELETE", f"{place}/AAPL", None, 404),
        ("GET", "/v2/watchlists/7", None, 422),
        ("GET", f"/v2/watchlists/{UNKNOWN}", None, 404),
        ("DELETE", f"/v2/watchlists/{UNKNOWN}", None, 404),
        ("GET", BY_NAME, None, 422),
    ):
        assert exchange.request(method, path, body).status == status, (method, path, body)
    assert symbols(ask(exchange, "PUT", place, {"name": "kept"})) == ["KO"]


def test_watchlists_outlive_a_killed_exchange(tmp_path: Path) -> None:
    state = tmp_path / "state.log"
    with running_exchange(state=state) as first:
        kept = create(first, "kept", "KO", "AAPL")
        gone = create(first, "gone")
        ask(first, "DELETE", f"/v2/watchlists/{gone['id']}")
        assert ask(first, "POST", "/v2/watchlists", {"name": "kept"}).status == 422
        ask(first, "POST", f"/v2/watchlists/{kept['id']}", {"symbol": "PG"})
        before = first.get(f"/v2/watchlists/{kept['id']}")
        first.kill()
    with running_exchange(state=state) as second:
        assert second.get(f"/v2/watchlists/{kept['id']}") == before
        assert [found["name"] for found in second.get("/v2/watchlists")] == ["kept"]
        assert create(second, "next")["id"] not in (kept["id"], gone["id"])
