"""Prices come as the broker has them: exact where they become money, absent where there are none."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.broker.speaking_broker import Heard, SpeakingBroker, answer, refusal
from the_alchemiser.broker import AlpacaManager
from the_alchemiser.domain.errors import BrokerRefused, BrokerUnavailable, MarketDataMissing
from the_alchemiser.domain.instants import parse_rfc3339


def bar_row(stamp: str, close: float, **changes: Any) -> dict[str, Any]:
    return {"t": stamp, "o": 1, "h": 3.5, "l": 0.5, "c": close, "v": 100, "n": 7, "vw": 2.2, **changes}


@pytest.mark.spec("S0-27", "S4-08")
def test_histories_come_in_one_request_end_before_the_date_and_name_their_last_session(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    broker.script = [
        answer(
            {
                "bars": {
                    "AAPL": [bar_row(f"2026-07-0{day}T04:00:00Z", day) for day in (1, 2, 6)],
                    "MSFT": [bar_row("2026-07-06T04:00:00Z", 400.25)],
                },
                "next_page_token": None,
            }
        )
    ]
    histories = manager.get_histories(["MSFT", "AAPL", "NONE"], 2, "2026-07-07")
    [heard] = broker.heard
    assert heard.path == "/v2/stocks/bars"
    assert heard.query["symbols"] == "MSFT,AAPL,NONE"
    assert (heard.query["timeframe"], heard.query["adjustment"], heard.query["feed"]) == (
        "1Day",
        "all",
        "iex",
    )
    assert parse_rfc3339(heard.query["end"]) == parse_rfc3339("2026-07-07T04:00:00Z") - 1
    assert list(histories) == ["MSFT", "AAPL"]
    assert histories["AAPL"].closes.tolist() == [2.0, 6.0]
    assert histories["AAPL"].last_date == "2026-07-06"


def test_bars_are_read_page_by_page(broker: SpeakingBroker, manager: AlpacaManager) -> None:
    stamps = [f"2026-01-02T15:{minute:02d}:00Z" for minute in range(5)]

    def pages(heard: Heard, connection: Any) -> None:
        place = int(heard.query.get("page_token", "0"))
        following = str(place + 2) if place + 2 < len(stamps) else None
        rows = [bar_row(stamp, place) for stamp in stamps[place : place + 2]]
        connection.sendall(answer({"bars": {"AAPL": rows}, "next_page_token": following}))

    broker.script = [pages]
    bars = manager.get_bars("AAPL", "1Min", parse_rfc3339(stamps[0]), parse_rfc3339(stamps[-1]))
    assert [bar.at for bar in bars] == [parse_rfc3339(stamp) for stamp in stamps]
    assert (bars[0].symbol, bars[0].high, bars[0].volume) == ("AAPL", 3.5, 100.0)


@pytest.mark.parametrize("bars", [{}, None], ids=["empty", "null"])
@pytest.mark.spec("S4-08")
def test_a_symbol_without_bars_has_none(broker: SpeakingBroker, manager: AlpacaManager, bars: object) -> None:
    broker.script = [answer({"bars": bars, "next_page_token": None})]
    assert manager.get_bars("AAPL", "1Day", 0, 1) == []
    assert manager.get_histories(["AAPL"], 5, "2026-01-02") == {}


def test_a_data_answer_of_another_shape_is_no_answer(broker: SpeakingBroker, manager: AlpacaManager) -> None:
    broker.script = [answer({"message": "soon"})]
    with pytest.raises(BrokerUnavailable, match="cannot be understood"):
        manager.get_bars("AAPL", "1Day", 0, 1)


@pytest.mark.spec("S0-05")
def test_quotes_are_exact_however_the_number_is_written(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    body = (
        b'{"quotes":{"AAPL":{"t":"2026-01-02T15:00:00.000000001Z","bp":150.10000000000000001,"ap":0.30000000000000004,'
        b'"bs":3,"as":4},"MSFT":null}}'
    )
    broker.script = [answer(raw=body)]
    quotes = manager.get_quotes(["AAPL", "MSFT", "NONE"])
    assert list(quotes) == ["AAPL"]
    assert quotes["AAPL"].bid == Decimal("150.10000000000000001")
    assert quotes["AAPL"].ask == Decimal("0.30000000000000004")
    assert quotes["AAPL"].at == parse_rfc3339("2026-01-02T15:00:00.000000001Z")


@pytest.mark.spec("S0-05")
def test_a_side_nobody_quotes_is_zero_and_an_unquoted_symbol_is_missing(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    broker.script = [answer({"quotes": {"AAPL": {"t": "2026-01-02T15:00:00Z", "bp": 150, "ap": 0}}})]
    quote = manager.get_quote("AAPL")
    assert (quote.bid, quote.ask, quote.is_two_sided) == (150, 0, False)
    with pytest.raises(MarketDataMissing):
        manager.get_quote("MSFT")


@pytest.mark.spec("S4-09")
def test_the_price_is_the_last_trade_else_the_middle_of_the_spread(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    broker.routes["GET /v2/stocks/quotes/latest"] = answer({"quotes": {"MSFT": {"bp": 400.1, "ap": 400.2}}})
    broker.script = [answer({"trades": {"AAPL": {"p": 150.07, "s": 1}}})]
    assert manager.get_price("AAPL") == Decimal("150.07")
    assert manager.get_price("MSFT") == Decimal("400.15")
    with pytest.raises(MarketDataMissing):
        manager.get_price("NONE")


@pytest.mark.spec("S4-10")
def test_the_previous_close_is_the_last_daily_bar_before_the_date(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    rows = [bar_row("2026-01-05T05:00:00Z", 101.5), bar_row("2026-01-06T05:00:00Z", 102.5)]
    broker.script = [answer({"bars": {"AAPL": rows}, "next_page_token": None})]
    assert manager.get_previous_close("AAPL", "2026-01-07") == 102.5


def test_the_chosen_feed_is_asked_for(broker: SpeakingBroker, manager_of: Any) -> None:
    broker.script = [answer({"quotes": {}})]
    manager_of(broker.url, feed="sip").get_quotes(["AAPL"])
    assert broker.heard[0].query["feed"] == "sip"


def asset_row(symbol: str, **changes: Any) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "status": "active",
        "tradable": True,
        "fractionable": True,
        "exchange": "NEW?",
        **changes,
    }


def test_assets_are_known_unknown_or_not_tradable_and_asked_for_once(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    broker.routes = {
        "GET /v2/assets/AAPL": answer(asset_row("AAPL")),
        "GET /v2/assets/OLD": answer(asset_row("OLD", status="inactive")),
        "GET /v2/assets/NONE": refusal(404, 40410000, "asset not found for NONE"),
    }
    assets = manager.get_assets(["AAPL", "OLD", "NONE"])
    assert list(assets) == ["AAPL", "OLD"]
    assert (assets["AAPL"].tradable, assets["AAPL"].fractionable, assets["OLD"].tradable) == (
        True,
        True,
        False,
    )
    assert manager.get_assets(["AAPL", "OLD", "NONE"]) == assets
    assert len(broker.heard) == 3


def test_many_assets_are_read_as_one_list(broker: SpeakingBroker, manager: AlpacaManager) -> None:
    symbols = [f"S{number}" for number in range(61)]
    broker.routes["GET /v2/assets"] = answer([asset_row(symbol) for symbol in [*symbols[1:], "OTHER"]])
    broker.script = [refusal(404, 40410000, "asset not found for S0")]
    assert list(manager.get_assets(symbols)) == symbols[1:]
    assert [heard.path for heard in broker.heard] == ["/v2/assets", "/v2/assets/S0"]


def test_a_refused_symbol_is_told(broker: SpeakingBroker, manager: AlpacaManager) -> None:
    broker.script = [refusal(400, 0, "invalid symbol: ???")]
    with pytest.raises(BrokerRefused, match="invalid symbol"):
        manager.get_quotes(["???"])
