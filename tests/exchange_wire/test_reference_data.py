"""Assets, clocks and calendars over the wire, judged by Alpaca's documents."""

from typing import Any

import pytest
from openapi import conforms
from wire import WireExchange


def ask(wire: WireExchange, path: str, **query: Any) -> Any:
    """The body of an answer that must be one of Alpaca's documents."""
    answer = wire.request("GET", path, **query)
    conforms("GET", path, answer.status, answer.body, query=query)
    assert answer.status == 200, answer.body
    return answer.body


def test_assets_are_equities_unless_another_class_is_asked_for(shared_exchange: WireExchange) -> None:
    for query, expected in (({}, "us_equity"), ({"asset_class": "crypto"}, "crypto")):
        assert {asset["class"] for asset in ask(shared_exchange, "/v2/assets", **query)} == {expected}
    assert ask(shared_exchange, "/v2/assets", asset_class="crypto_perp") == []


def test_assets_are_filtered_by_status_and_exchange(shared_exchange: WireExchange) -> None:
    nasdaq = ask(shared_exchange, "/v2/assets", exchange="NASDAQ", status="active")
    assert {asset["exchange"] for asset in nasdaq} == {"NASDAQ"}
    assert "AAPL" in {asset["symbol"] for asset in nasdaq}
    assert ask(shared_exchange, "/v2/assets", status="inactive") == []
    symbols = [asset["symbol"] for asset in nasdaq]
    assert symbols == sorted(symbols)


def test_assets_with_any_of_the_attributes_are_included(shared_exchange: WireExchange) -> None:
    assert ask(shared_exchange, "/v2/assets", attributes="ptp_no_exception,ipo") == []
    optionable = ask(shared_exchange, "/v2/assets", attributes="has_options,ipo")
    assert "AAPL" in {asset["symbol"] for asset in optionable}
    assert all("has_options" in asset["attributes"] for asset in optionable)


def test_an_asset_says_what_margin_the_account_asks_for(shared_exchange: WireExchange) -> None:
    for path in ("/v2/assets/AAPL", "/v2/assets/BTC/USD"):
        asset = ask(shared_exchange, path)
        percent = "30" if asset["marginable"] else "100"
        assert (asset["margin_requirement_long"], asset["margin_requirement_short"]) == (percent, percent)
        assert asset["maintenance_margin_requirement"] == int(percent)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v2/assets", {"status": "dead"}),
        ("/v2/assets", {"asset_class": "bonds"}),
        ("/v2/assets", {"exchange": "MOON"}),
        ("/v2/assets", {"attributes": "shiny"}),
        ("/v2/calendar", {"start": "tomorrow"}),
        ("/v2/calendar", {"start": "2022-06-02", "end": "2022-06-01"}),
        ("/v2/calendar", {"date_type": "LUNAR"}),
        ("/v3/calendar/XTKS", {}),
        ("/v3/calendar/NYSE", {"timezone": "Mars"}),
        ("/v3/clock", {"markets": "NYSE,MOON"}),
        ("/v3/clock", {"time": "noon"}),
        ("/v3/clock", {"time": "2150-01-01T00:00:00Z"}),
        ("/v3/clock", {"time": "2029-12-31", "markets": "BOATS"}),
    ],
)
def test_reference_requests_that_mean_nothing_are_refused(
    shared_exchange: WireExchange, path: str, query: dict[str, str]
) -> None:
    answer = shared_exchange.request("GET", path, **query)
    assert (answer.status, answer.body["code"]) == (422, 40010001)


def test_trades_settle_as_late_as_the_rules_of_their_time_said(shared_exchange: WireExchange) -> None:
    for day, settles in (
        ("1995-06-06", "1995-06-13"),
        ("2017-09-01", "2017-09-07"),
        ("2022-06-01", "2022-06-03"),
        ("2024-05-24", "2024-05-29"),
        ("2024-05-28", "2024-05-29"),
    ):
        (row,) = ask(shared_exchange, "/v2/calendar", start=day, end=day)
        assert (row["date"], row["settlement_date"]) == (day, settles)
    settling = ask(
        shared_exchange, "/v2/calendar", start="2024-05-29", end="2024-05-29", date_type="SETTLEMENT"
    )
    assert [row["date"] for row in settling] == ["2024-05-24", "2024-05-28"]


def test_the_newer_calendar_tells_every_part_of_the_day(shared_exchange: WireExchange) -> None:
    answer = ask(shared_exchange, "/v3/calendar/XNYS", start="2022-11-25", end="2022-11-25")
    assert answer["market"] == {
        "acronym": "NYSE",
        "name": "New York Stock Exchange",
        "timezone": "America/New_York",
        "mic": "XNYS",
    }
    assert answer["calendar"] == [
        {
            "date": "2022-11-25",
            "settlement_date": "2022-11-29",
            "core_start": "2022-11-25T09:30:00-05:00",
            "core_end": "2022-11-25T13:00:00-05:00",
            "pre_start": "2022-11-25T04:00:00-05:00",
            "pre_end": "2022-11-25T09:30:00-05:00",
            "post_start": "2022-11-25T13:00:00-05:00",
            "post_end": "2022-11-25T17:00:00-05:00",
        }
    ]


def test_the_newer_calendar_begins_today_for_a_week_and_can_speak_utc(shared_exchange: WireExchange) -> None:
    days = ask(shared_exchange, "/v3/calendar/nyse", timezone="UTC")["calendar"]
    assert [day["date"] for day in days] == [f"2022-06-0{n}" for n in (1, 2, 3, 6, 7, 8)]
    assert days[0]["core_start"] == "2022-06-01T13:30:00Z"


def test_options_have_the_regular_session_alone_and_overnight_leads_to_its_day(
    shared_exchange: WireExchange,
) -> None:
    day = {"start": "2022-06-01", "end": "2022-06-01"}
    (options,) = ask(shared_exchange, "/v3/calendar/OPRA", **day)["calendar"]
    assert "pre_start" not in options
    (night,) = ask(shared_exchange, "/v3/calendar/BOATS", **day)["calendar"]
    assert (night["core_start"], night["core_end"]) == (
        "2022-05-31T20:00:00-04:00",
        "2022-06-01T04:00:00-04:00",
    )


@pytest.mark.parametrize(
    ("market", "at", "phase", "until"),
    [
        ("NYSE", "2022-06-01T10:30:00-04:00", "core", "2022-06-01T16:00:00-04:00"),
        ("NYSE", "2022-06-01T04:00:00-04:00", "pre", "2022-06-01T09:30:00-04:00"),
        ("NYSE", "2022-06-01T16:00:00-04:00", "post", "2022-06-01T20:00:00-04:00"),
        ("NYSE", "2022-06-03T20:00:00-04:00", "closed", "2022-06-06T04:00:00-04:00"),
        ("OPRA", "2022-06-01T16:00:00-04:00", "closed", "2022-06-02T09:30:00-04:00"),
        ("BOATS", "2022-06-01T21:00:00-04:00", "core", "2022-06-02T04:00:00-04:00"),
        ("BOATS", "2022-06-01T10:00:00-04:00", "closed", "2022-06-01T20:00:00-04:00"),
    ],
)
def test_the_newer_clock_knows_the_phase_and_its_end(
    shared_exchange: WireExchange, market: str, at: str, phase: str, until: str
) -> None:
    (clock,) = ask(shared_exchange, "/v3/clock", markets=market, time=at)["clocks"]
    assert (clock["timestamp"], clock["phase"], clock["phase_until"]) == (at, phase, until)


def test_the_newer_clock_says_when_the_market_opens_and_closes_next(shared_exchange: WireExchange) -> None:
    clocks = ask(shared_exchange, "/v3/clock", markets="NYSE,BOATS,XNAS")["clocks"]
    assert [clock["market"]["acronym"] for clock in clocks] == ["NYSE", "BOATS", "NASDAQ"]
    assert [(clock["next_market_open"], clock["next_market_close"]) for clock in clocks[:2]] == [
        ("2022-06-02T09:30:00-04:00", "2022-06-01T16:00:00-04:00"),
        ("2022-06-01T20:00:00-04:00", "2022-06-02T04:00:00-04:00"),
    ]
    assert len(ask(shared_exchange, "/v3/clock")["clocks"]) == 6
    (saturday,) = ask(shared_exchange, "/v3/clock", markets="NYSE", time="2022-06-04T12:00:00Z")["clocks"]
    assert not saturday["is_market_day"]
