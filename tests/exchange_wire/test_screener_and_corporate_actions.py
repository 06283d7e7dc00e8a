"""What moves, what is traded most, and what a script does to shares: over the wire, with alpaca-py's clients."""

import warnings
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from alpaca.data.enums import CorporateActionsType, MarketType, MostActivesBy
from alpaca.data.historical import ScreenerClient
from alpaca.data.historical.corporate_actions import CorporateActionsClient
from alpaca.data.requests import CorporateActionsRequest, MarketMoversRequest, MostActivesRequest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import CorporateActionType
from alpaca.trading.requests import GetCorporateAnnouncementsRequest
from openapi import conforms
from wire import WireExchange, exchange_in_thread

SCRIPT = """
[[split]]
symbol = "AAPL"
ex_date = 2022-06-06
old_rate = 1
new_rate = 4
[[split]]
symbol = "BAC"
ex_date = 2022-05-16
old_rate = 10
new_rate = 1
[[dividend]]
symbol = "KO"
ex_date = 2022-05-16
record_date = 2022-05-17
payable_date = 2022-06-01
cash = "0.445"
[[name_change]]
symbol = "GE"
new_symbol = "GEA"
date = 2022-05-20
"""
ALL = {"start": "2022-05-01", "end": "2022-06-30"}
UNKNOWN = "904837e3-3b76-47ec-b432-046db621571b"


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WireExchange]:
    file = tmp_path_factory.mktemp("script") / "events.toml"
    file.write_text(SCRIPT)
    limits = {"data_requests_per_minute": 0, "requests_per_minute": 0}
    with exchange_in_thread(start="2022-06-01T14:30:00Z", script=file, **limits) as exchange:
        yield exchange


def ask(wire: WireExchange, path: str, **query: Any) -> Any:
    """An answer that must be one of Alpaca's documents."""
    answer = wire.request("GET", path, **query)
    conforms("GET", path, answer.status, answer.body, query=query)
    assert answer.status == 200, answer.body
    return answer.body


# -- the screener -----------------------------------------------------------------------------------------


def test_alpaca_py_reads_the_screener(shared_exchange: WireExchange) -> None:
    client = ScreenerClient(shared_exchange.key, shared_exchange.secret, url_override=shared_exchange.rest)
    actives = client.get_most_actives(MostActivesRequest(by=MostActivesBy.VOLUME.value, top=5))
    assert len(actives.most_actives) == 5
    for kind in MarketType:
        movers = client.get_market_movers(MarketMoversRequest(market_type=kind, top=3))
        assert movers.market_type == kind
        assert movers.gainers or movers.losers


def test_the_most_active_are_those_of_todays_bars(shared_exchange: WireExchange) -> None:
    rows = ask(shared_exchange, "/v1beta1/screener/stocks/most-actives", top=100)["most_actives"]
    assert [row["volume"] for row in rows] == sorted((row["volume"] for row in rows), reverse=True)
    symbols = ",".join(row["symbol"] for row in rows)
    bars = shared_exchange.get(
        "/v2/stocks/bars", symbols=symbols, timeframe="1Day", start="2022-06-01", limit=100
    )["bars"]
    assert {row["symbol"]: (row["volume"], row["trade_count"]) for row in rows} == {
        symbol: (bar["v"], bar["n"]) for symbol, (bar,) in bars.items()
    }
    assert "SP500" not in symbols


def test_movers_are_measured_from_the_close_before(shared_exchange: WireExchange) -> None:
    answer = ask(shared_exchange, "/v1beta1/screener/stocks/movers", top=50)
    assert answer["last_updated"] == "2022-06-01T14:30:00Z"
    moves = [*answer["gainers"], *answer["losers"][::-1]]
    shares = [move["percent_change"] for move in moves]
    assert shares == sorted(shares, reverse=True)
    snapshots = shared_exchange.get(
        "/v2/stocks/snapshots", symbols=",".join(move["symbol"] for move in moves)
    )
    for move in moves:
        shown = snapshots[move["symbol"]]
        assert move["price"] == shown["latestTrade"]["p"]
        change = shown["latestTrade"]["p"] - shown["prevDailyBar"]["c"]
        assert move["change"] == pytest.approx(change)
        assert move["percent_change"] == pytest.approx(100 * change / shown["prevDailyBar"]["c"], abs=0.006)


def test_before_the_opening_the_screener_shows_the_day_before(exchange: WireExchange) -> None:
    exchange.advance_fully("2022-06-01T20:30:00Z")
    evening = [ask(exchange, f"/v1beta1/screener/stocks/{name}") for name in ("most-actives", "movers")]
    exchange.advance_fully("2022-06-02T12:00:00Z")
    morning = [ask(exchange, f"/v1beta1/screener/stocks/{name}") for name in ("most-actives", "movers")]
    for one in (*evening, *morning):
        del one["last_updated"]
    assert morning == evening


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("stocks/most-actives", {"by": "fame"}),
        ("stocks/most-actives", {"top": 101}),
        ("stocks/movers", {"top": 51}),
        ("stocks/movers", {"top": 0}),
        ("bonds/movers", {}),
    ],
)
def test_the_screener_refuses_what_it_cannot_rank(
    shared_exchange: WireExchange, path: str, query: dict[str, Any]
) -> None:
    assert shared_exchange.request("GET", f"/v1beta1/screener/{path}", **query).status == 400


# -- corporate actions ------------------------------------------------------------------------------------


def test_alpaca_py_reads_every_corporate_action_of_the_script(scripted: WireExchange) -> None:
    client = CorporateActionsClient(scripted.key, scripted.secret, url_override=scripted.rest)
    found = client.get_corporate_actions(
        CorporateActionsRequest(start=date(2022, 5, 1), end=date(2022, 6, 30))
    ).data
    (split,), (reverse,) = found["forward_splits"], found["reverse_splits"]
    assert (split.symbol, split.old_rate, split.new_rate, split.ex_date) == ("AAPL", 1, 4, date(2022, 6, 6))
    assert (reverse.symbol, reverse.old_rate, reverse.new_rate) == ("BAC", 10, 1)
    (dividend,), (change,) = found["cash_dividends"], found["name_changes"]
    assert (dividend.symbol, dividend.rate, dividend.process_date) == ("KO", 0.445, date(2022, 6, 1))
    assert (change.old_symbol, change.new_symbol) == ("GE", "GEA")
    wanted = CorporateActionsRequest(
        types=[CorporateActionsType.CASH_DIVIDEND], symbols=["KO"], start=date(2022, 5, 1)
    )
    assert set(client.get_corporate_actions(wanted).data) >= {"cash_dividends"}


def told(answer: Any) -> list[str]:
    return [row["id"] for rows in answer["corporate_actions"].values() for row in rows]


def test_every_kind_is_a_key_and_the_default_is_today(scripted: WireExchange) -> None:
    answer = ask(scripted, "/v1/corporate-actions")
    assert len(answer["corporate_actions"]) == 16
    assert [kind for kind, rows in answer["corporate_actions"].items() if rows] == ["cash_dividends"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"symbols": "KO,AAPL"}, 2),
        ({"symbols": "GEA"}, 1),
        ({"types": "forward_split,reverse_split"}, 2),
        ({"types": "spin_off"}, 0),
        ({"region": "non_us"}, 0),
        ({"region": "all"}, 4),
        ({"cusips": "037833100"}, 0),
        ({"data_quality": "all"}, 4),
    ],
)
def test_filters_leave_what_they_say(scripted: WireExchange, query: dict[str, str], count: int) -> None:
    assert len(told(ask(scripted, "/v1/corporate-actions", **ALL, **query))) == count


def test_actions_come_in_pages_by_the_day_they_are_processed(scripted: WireExchange) -> None:
    for sort in ("asc", "desc"):
        order, token = [], ""
        while token is not None:
            page = ask(scripted, "/v1/corporate-actions", limit=1, sort=sort, page_token=token, **ALL)
            order += [row["process_date"] for rows in page["corporate_actions"].values() for row in rows]
            token = page["next_page_token"]
        assert order == sorted(
            ["2022-05-16", "2022-05-20", "2022-06-01", "2022-06-06"], reverse=sort == "desc"
        )


def test_ids_find_actions_of_any_day_and_go_with_no_other_filter(scripted: WireExchange) -> None:
    (wanted, *_) = told(ask(scripted, "/v1/corporate-actions", **ALL))
    assert told(ask(scripted, "/v1/corporate-actions", ids=f"{wanted},{UNKNOWN}")) == [wanted]
    assert scripted.request("GET", "/v1/corporate-actions", ids=wanted, symbols="KO").status == 400


@pytest.mark.parametrize(
    "query",
    [
        {"types": "party"},
        {"start": "soon"},
        {"start": "2022-06-30", "end": "2022-05-01"},
        {"limit": 1001},
        {"page_token": "????"},
        {"region": "moon"},
        {"symbol": "KO"},
    ],
)
def test_a_request_for_actions_that_means_nothing_is_refused(
    scripted: WireExchange, query: dict[str, Any]
) -> None:
    assert scripted.request("GET", "/v1/corporate-actions", **query).status == 400


def test_alpaca_py_reads_the_older_announcements(scripted: WireExchange) -> None:
    client = TradingClient(scripted.key, scripted.secret, paper=True, url_override=scripted.rest)
    wanted = GetCorporateAnnouncementsRequest(
        ca_types=[CorporateActionType.DIVIDEND, CorporateActionType.SPLIT],
        since=date(2022, 5, 1),
        until=date(2022, 6, 30),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found = client.get_corporate_announcements(wanted)
        one = client.get_corporate_announcement_by_id(found[0].id)
    assert {(item.initiating_symbol, item.ca_sub_type.value) for item in found} == {
        ("KO", "cash"),
        ("BAC", "reverse_split"),
        ("AAPL", "stock_split"),
    }
    assert one == found[0]


def test_announcements_are_found_by_symbol_and_day(scripted: WireExchange) -> None:
    path = "/v2/corporate_actions/announcements"
    query = {"ca_types": "dividend", "since": "2022-06-01", "until": "2022-06-01"}
    assert ask(scripted, path, **query) == []
    (paid,) = ask(scripted, path, date_type="payable_date", symbol="ko", **query)
    assert (paid["cash"], paid["record_date"]) == ("0.445", "2022-05-17")
    assert ask(scripted, f"{path}/{paid['id']}") == paid
    assert scripted.request("GET", f"{path}/{UNKNOWN}").status == 404
    for wrong in ({"until": "2022-12-31"}, {"until": ""}, {"ca_types": "party"}, {"since": "soon"}):
        assert scripted.request("GET", path, **{**query, **wrong}).status == 422
