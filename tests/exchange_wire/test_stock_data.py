"""Stock data as of the script: adjustments, names, plans, auctions, and what the letters mean."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from openapi import conforms
from wire import WireExchange, exchange_in_thread

SCRIPT = """
[[split]]
symbol = "AAPL"
ex_date = 2022-05-24
old_rate = 1
new_rate = 4
[[dividend]]
symbol = "KO"
ex_date = 2022-05-24
cash = "0.50"
[[name_change]]
symbol = "GE"
new_symbol = "GEA"
date = 2022-05-24
[[split]]
symbol = "MSFT"
ex_date = 2022-06-03
old_rate = 1
new_rate = 2
"""


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WireExchange]:
    """At 10:30 on 2022-06-01, after a split, a dividend and a name change, before another split."""
    file = tmp_path_factory.mktemp("script") / "events.toml"
    file.write_text(SCRIPT)
    with exchange_in_thread(
        start="2022-06-01T14:30:00Z", script=file, data_requests_per_minute=0
    ) as exchange:
        yield exchange


def ask(exchange: WireExchange, path: str, **query: Any) -> Any:
    """The body of an answer that must be one of Alpaca's documents."""
    answer = exchange.request("GET", path, **query)
    conforms("GET", path, answer.status, answer.body, query=query)
    return answer.body


def days(exchange: WireExchange, symbol: str, **query: Any) -> dict[str, dict[str, Any]]:
    """Daily bars by date, from 2022-05-19 on unless told otherwise."""
    query = {"timeframe": "1Day", "start": "2022-05-19", **query}
    return {bar["t"][:10]: bar for bar in ask(exchange, f"/v2/stocks/{symbol}/bars", **query)["bars"]}


@pytest.mark.parametrize("adjustment", ["split", "all", "split,dividend"])
def test_a_split_divides_the_prices_before_it_and_multiplies_the_volumes(
    scripted: WireExchange, adjustment: str
) -> None:
    raw, adjusted = days(scripted, "AAPL"), days(scripted, "AAPL", adjustment=adjustment)
    before = raw["2022-05-23"]
    assert adjusted["2022-05-23"]["c"] == round(before["c"] / 4, 2)
    assert adjusted["2022-05-23"]["v"] == 4 * before["v"]
    assert adjusted["2022-05-24"] == raw["2022-05-24"]


def test_a_renamed_asset_is_listed_under_its_new_name_alone(scripted: WireExchange) -> None:
    symbols = {asset["symbol"] for asset in ask(scripted, "/v2/assets")}
    assert "GEA" in symbols
    assert "GE" not in symbols
    renamed = ask(scripted, "/v2/assets/GEA")
    assert ask(scripted, f"/v2/assets/{renamed['id']}") == renamed
    assert scripted.request("GET", "/v2/assets/GE").status == 404


def test_an_event_yet_to_come_or_not_asked_for_adjusts_nothing(scripted: WireExchange) -> None:
    assert days(scripted, "MSFT", adjustment="all") == days(scripted, "MSFT")
    for words in ("dividend", "spin-off", "raw"):
        assert days(scripted, "AAPL", adjustment=words) == days(scripted, "AAPL")


def test_a_dividend_takes_its_share_out_of_the_prices_before_it(scripted: WireExchange) -> None:
    raw, adjusted = days(scripted, "KO"), days(scripted, "KO", adjustment="dividend")
    last = raw["2022-05-23"]["c"]
    assert adjusted["2022-05-23"]["c"] == round(last - 0.5, 2)
    assert adjusted["2022-05-23"]["v"] == raw["2022-05-23"]["v"]
    assert adjusted["2022-05-24"] == raw["2022-05-24"]


def test_a_week_with_a_split_in_it_is_put_together_from_adjusted_days(scripted: WireExchange) -> None:
    adjusted = days(scripted, "AAPL", adjustment="split", start="2022-05-23", end="2022-05-27")
    (week,) = days(
        scripted, "AAPL", adjustment="split", timeframe="1Week", start="2022-05-23", end="2022-05-27"
    ).values()
    assert week["o"] == adjusted["2022-05-23"]["o"]
    assert week["c"] == adjusted["2022-05-27"]["c"]
    assert week["h"] == max(bar["h"] for bar in adjusted.values())
    assert week["l"] == min(bar["l"] for bar in adjusted.values())
    assert week["v"] == sum(bar["v"] for bar in adjusted.values())
    assert week["l"] <= week["vw"] <= week["h"]


def test_a_raw_week_with_a_split_in_it_shows_both_prices_as_they_were_traded(scripted: WireExchange) -> None:
    raw = days(scripted, "AAPL", start="2022-05-23", end="2022-05-27")
    (week,) = days(scripted, "AAPL", timeframe="1Week", start="2022-05-23", end="2022-05-27").values()
    assert (week["o"], week["c"]) == (raw["2022-05-23"]["o"], raw["2022-05-27"]["c"])
    assert week["h"] == max(bar["h"] for bar in raw.values())
    assert week["l"] == min(bar["l"] for bar in raw.values())
    assert week["v"] == sum(bar["v"] for bar in raw.values())
    assert week["h"] > 2 * week["l"]


def test_adjusted_weeks_and_months_begin_when_raw_ones_do(scripted: WireExchange) -> None:
    for timeframe in ("1Week", "1Month", "3Month"):
        query = {"timeframe": timeframe, "start": "2021-11-01"}
        raw, adjusted = days(scripted, "AAPL", **query), days(scripted, "AAPL", adjustment="all", **query)
        assert list(raw) == list(adjusted)


def test_the_new_name_shows_the_history_of_the_old_one(scripted: WireExchange) -> None:
    renamed = days(scripted, "GEA")
    assert min(renamed) == "2022-05-19"
    assert max(renamed) == "2022-06-01"
    assert days(scripted, "GE", asof="2022-05-20") == renamed


def test_without_mapping_a_name_shows_the_days_on_which_it_was_borne(scripted: WireExchange) -> None:
    assert max(days(scripted, "GE", asof="-")) == "2022-05-23"
    assert min(days(scripted, "GEA", asof="-")) == "2022-05-24"
    assert days(scripted, "GE") == days(scripted, "GE", asof="-")


def test_an_auction_day_is_told_when_it_has_been_held(scripted: WireExchange) -> None:
    held = ask(scripted, "/v2/stocks/auctions", symbols="KO,AAPL", start="2022-05-31")["auctions"]
    assert [day["d"] for day in held["KO"]] == ["2022-05-31", "2022-06-01"]
    yesterday, today = held["KO"]
    bar = days(scripted, "KO")["2022-05-31"]
    assert [(one["p"], one["c"], one["x"]) for one in yesterday["c"]] == [
        (bar["c"], "6", "N"),
        (bar["c"], "M", "N"),
    ]
    assert [(one["p"], one["c"], one["t"]) for one in today["o"]] == [
        (days(scripted, "KO")["2022-06-01"]["o"], "O", "2022-06-01T13:30:00Z"),
        (days(scripted, "KO")["2022-06-01"]["o"], "Q", "2022-06-01T13:30:00Z"),
    ]
    assert today["c"] == []
    single = ask(scripted, "/v2/stocks/KO/auctions", start="2022-05-31")
    assert single == {"auctions": held["KO"], "symbol": "KO", "next_page_token": None}


def test_auctions_come_in_pages_like_everything_else(scripted: WireExchange) -> None:
    query = {"symbols": "AAPL,KO", "start": "2022-05-23", "sort": "desc"}
    whole = ask(scripted, "/v2/stocks/auctions", **query)
    found: list[Any] = []
    token = ""
    while token is not None:
        page = ask(scripted, "/v2/stocks/auctions", limit=3, page_token=token, **query)
        found += [(symbol, day["d"]) for symbol, days in page["auctions"].items() for day in days]
        token = page["next_page_token"]
    assert found == [(symbol, day["d"]) for symbol, days in whole["auctions"].items() for day in days]


def test_a_page_token_says_symbol_unit_and_nanoseconds(scripted: WireExchange) -> None:
    for timeframe, unit in (("1Min", "M"), ("1Hour", "H"), ("1Day", "D"), ("1Week", "W")):
        page = ask(scripted, "/v2/stocks/AAPL/bars", timeframe=timeframe, start="2022-05-02", limit=1)
        symbol, mark, at = base64.b64decode(page["next_page_token"]).decode().split("|")
        assert (symbol, mark) == ("AAPL", unit)
        assert at.isdigit()
        assert len(at) == 19


def test_otc_and_overnight_feeds_know_none_of_these_symbols(scripted: WireExchange) -> None:
    assert ask(
        scripted, "/v2/stocks/bars", symbols="AAPL", timeframe="1Day", start="2022-05-02", feed="otc"
    ) == {"bars": {}, "next_page_token": None}
    assert ask(scripted, "/v2/stocks/quotes/latest", symbols="AAPL", feed="overnight") == {"quotes": {}}


def test_the_delayed_feed_is_fifteen_minutes_late(scripted: WireExchange) -> None:
    now = ask(scripted, "/v2/stocks/trades/latest", symbols="AAPL")["trades"]["AAPL"]
    late = ask(scripted, "/v2/stocks/trades/latest", symbols="AAPL", feed="delayed_sip")["trades"]["AAPL"]
    assert (now["t"], late["t"]) == ("2022-06-01T14:30:00Z", "2022-06-01T14:15:00Z")


def test_the_currency_is_said_when_it_was_asked_for(scripted: WireExchange) -> None:
    assert ask(scripted, "/v2/stocks/AAPL/quotes/latest", currency="USD")["currency"] == "USD"
    assert "currency" not in ask(scripted, "/v2/stocks/AAPL/quotes/latest")


def test_the_letters_of_the_data_are_explained(scripted: WireExchange) -> None:
    exchanges = ask(scripted, "/v2/stocks/meta/exchanges")
    trade = ask(scripted, "/v2/stocks/trades/latest", symbols="AAPL")["trades"]["AAPL"]
    quote = ask(scripted, "/v2/stocks/quotes/latest", symbols="AAPL")["quotes"]["AAPL"]
    assert trade["x"] in exchanges
    assert {quote["ax"], quote["bx"]} <= set(exchanges)
    assert set(trade["c"]) <= set(ask(scripted, "/v2/stocks/meta/conditions/trade", tape=trade["z"]))
    assert set(quote["c"]) <= set(ask(scripted, "/v2/stocks/meta/conditions/quote", tape=quote["z"]))
    for path, query in (("trade", {}), ("trade", {"tape": "X"}), ("bar", {"tape": "A"})):
        assert scripted.request("GET", f"/v2/stocks/meta/conditions/{path}", **query).status == 400


@pytest.fixture(scope="module")
def basic() -> Iterator[WireExchange]:
    """The free plan, at 10:30."""
    with exchange_in_thread(
        start="2022-06-01T14:30:00Z", data_plan="basic", data_requests_per_minute=0
    ) as exchange:
        yield exchange


BARS = {"symbols": "AAPL", "timeframe": "1Min"}


def test_the_basic_plan_refuses_the_consolidated_feed_of_the_last_fifteen_minutes(
    basic: WireExchange,
) -> None:
    for query in ({"end": "2022-06-01T14:15:01Z"}, {"feed": "sip", "end": "2023-01-01"}):
        answer = basic.request("GET", "/v2/stocks/bars", **BARS, start="2022-05-31", **query)
        assert answer.status == 403
        assert answer.body["message"] == "subscription does not permit querying recent SIP data"
    assert basic.request("GET", "/v2/stocks/snapshots", symbols="AAPL", feed="sip").status == 403


def test_the_basic_plan_shows_what_is_older_and_what_one_exchange_sees(basic: WireExchange) -> None:
    older = ask(basic, "/v2/stocks/bars", **BARS, end="2022-06-01T14:15:00Z")["bars"]["AAPL"]
    assert older[-1]["t"] == "2022-06-01T14:15:00Z"
    assert ask(basic, "/v2/stocks/bars", **BARS)["bars"]["AAPL"] == older
    recent = ask(basic, "/v2/stocks/bars", **BARS, feed="iex")["bars"]["AAPL"]
    assert recent[-1]["t"] == "2022-06-01T14:30:00Z"
    assert ask(basic, "/v2/stocks/trades/latest", symbols="AAPL")["trades"]["AAPL"]["t"] == (
        "2022-06-01T14:30:00Z"
    )
