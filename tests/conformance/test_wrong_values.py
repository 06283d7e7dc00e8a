"""Whatever stands in a field of an order, the answer is an error in Alpaca's own form, and nothing changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from conformance.test_refusals import books
from wire import Answer, WireExchange, exchange_in_thread

TEXT_LENGTH_LIMIT = 400  # of a message: it must not send back what was sent
# As JSON texts: some of them are numbers that no float holds.
WRONG: dict[str, str] = {
    "true": "true",
    "a list": '["KO"]',
    "an object": '{"limit_price": "1"}',
    "objects in objects": '{"a":' * 200 + "1" + "}" * 200,
    "eleven decimals": "1.55555555555",
    "below zero": "-1",
    "as text below zero": '"-1"',
    "a whole number of 400 digits": "9" * 400,
    "a whole number of 9,000 digits": "9" * 9_000,
    "beyond every float": "1e999999",
    "as text beyond every float": '"1e999999"',
    "beyond every decimal": "1e99999999999999999999",
    "nearly nothing": '"1e-999999"',
    "not a number": "NaN",
    "as text not a number": '"NaN"',
    "without end": "Infinity",
    "as text without end": '"-Infinity"',
    "look-alike letters": '"К\N{GREEK CAPITAL LETTER OMICRON}"',
    "digits of another script": '"\\u0661\\u0662"',
    "digits with a line between": '"1_0"',
    "half a character": '"\\ud800"',
    "a zero byte": '"\\u0000"',
    "10,000 letters": '"' + "A" * 10_000 + '"',
}
ABSENT = {"null": "null", "empty text": '""'}
KEPT = {
    "symbol": "KO",
    "qty": "1",
    "side": "buy",
    "type": "limit",
    "time_in_force": "day",
    "limit_price": "40",
}
_EXITS = {"take_profit": {"limit_price": "70"}, "stop_loss": {"stop_price": "30", "limit_price": "29"}}
BRACKET = {**KEPT, "order_class": "bracket", **_EXITS}
LEGS = [
    {"symbol": "AAPL220617C00145000", "ratio_qty": "1", "side": "buy", "position_intent": "buy_to_open"},
    {"symbol": "AAPL220617C00155000", "ratio_qty": "1", "side": "sell"},
]
SPREAD = {"qty": "1", "type": "market", "time_in_force": "day", "order_class": "mleg", "legs": LEGS}
TRAILING = {**KEPT, "type": "trailing_stop", "limit_price": None}
PLACES: dict[str, tuple[Mapping[str, Any], tuple[str, ...]]] = {
    **{name: (KEPT, (name,)) for name in (*KEPT, "extended_hours", "position_intent", "order_class")},
    "notional": ({**KEPT, "qty": None}, ("notional",)),
    "stop_price": ({**KEPT, "type": "stop_limit"}, ("stop_price",)),
    "trail_price": (TRAILING, ("trail_price",)),
    "trail_percent": (TRAILING, ("trail_percent",)),
    "take_profit": (BRACKET, ("take_profit",)),
    "stop_loss": (BRACKET, ("stop_loss",)),
    "take_profit.limit_price": (BRACKET, ("take_profit", "limit_price")),
    "stop_loss.stop_price": (BRACKET, ("stop_loss", "stop_price")),
    "stop_loss.limit_price": (BRACKET, ("stop_loss", "limit_price")),
    "legs": (SPREAD, ("legs",)),
    "legs.symbol": (SPREAD, ("legs", "0", "symbol")),
    "legs.ratio_qty": (SPREAD, ("legs", "0", "ratio_qty")),
    "legs.side": (SPREAD, ("legs", "1", "side")),
    "legs.position_intent": (SPREAD, ("legs", "0", "position_intent")),
}
WELCOME = {("extended_hours", "true")}
OPTIONAL = {
    "extended_hours",
    "position_intent",
    "order_class",
    "stop_loss.limit_price",
    "legs.position_intent",
}


@pytest.fixture(scope="module")
def exchange() -> Iterator[WireExchange]:
    limits = {"requests_per_minute": 0, "data_requests_per_minute": 0}
    with exchange_in_thread(start="2022-06-01T14:30:00Z", **limits) as running:
        running.submit(symbol="AAPL", qty="5", side="buy")
        yield running


def written(order: Mapping[str, Any], place: tuple[str, ...], value: str) -> bytes:
    """The order with a JSON text at a place."""
    copy = json.loads(json.dumps(order))
    inner = copy
    for step in place[:-1]:
        inner = inner[int(step) if isinstance(inner, list) else step]
    inner[place[-1]] = "@here@"
    return json.dumps(copy).replace('"@here@"', value).encode()


def is_an_error_of_alpaca(answer: Answer) -> None:
    assert 400 <= answer.status < 500, answer
    assert isinstance(answer.body["code"], int)
    assert 0 < len(answer.body["message"]) <= TEXT_LENGTH_LIMIT
    assert answer.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("name", PLACES)
def test_a_wrong_value_in_a_field_of_an_order_is_refused(exchange: WireExchange, name: str) -> None:
    order, place = PLACES[name]
    before = books(exchange)
    for said, value in WRONG.items():
        if (name, said) not in WELCOME:
            answer = exchange.request("POST", "/v2/orders", written(order, place, value))
            assert answer.status != 200, (name, said, answer)
            is_an_error_of_alpaca(answer)
    assert books(exchange) == before


@pytest.mark.parametrize("name", sorted(PLACES.keys() - OPTIONAL))
def test_a_needed_field_that_is_null_or_empty_is_refused(exchange: WireExchange, name: str) -> None:
    order, place = PLACES[name]
    before = books(exchange)
    for value in ABSENT.values():
        is_an_error_of_alpaca(exchange.request("POST", "/v2/orders", written(order, place, value)))
    assert books(exchange) == before


@pytest.mark.parametrize("name", ["qty", "limit_price", "stop_price", "time_in_force", "client_order_id"])
def test_a_wrong_value_in_a_change_of_an_order_is_refused(exchange: WireExchange, name: str) -> None:
    stop_limit = {**KEPT, "type": "stop_limit", "limit_price": "71", "stop_price": "70"}
    order = exchange.submit(**stop_limit)["id"]
    before = books(exchange)
    for said, value in {**WRONG, **ABSENT}.items():
        if name != "client_order_id" or not value.startswith('"'):
            answer = exchange.request("PATCH", f"/v2/orders/{order}", written({}, (name,), value))
            assert answer.status != 200, (name, said, answer)
            is_an_error_of_alpaca(answer)
    assert books(exchange) == before


def test_a_client_order_id_may_be_any_short_text(exchange: WireExchange) -> None:
    for said in ("look-alike letters", "digits of another script", "as text not a number"):
        answer = exchange.request("POST", "/v2/orders", written(KEPT, ("client_order_id",), WRONG[said]))
        assert (answer.status, answer.body["client_order_id"]) == (200, json.loads(WRONG[said]))
    for said in ("true", "a list", "an object", "eleven decimals", "10,000 letters", "half a character"):
        is_an_error_of_alpaca(
            exchange.request("POST", "/v2/orders", written(KEPT, ("client_order_id",), WRONG[said]))
        )
