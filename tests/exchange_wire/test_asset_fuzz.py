"""Odd requests about coins and options get Alpaca's own kind of answer, never a failure of the exchange."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from wire import WireExchange, exchange_in_thread

CALL = "AAPL220617C00145000"
ODD: list[Any] = [
    None,
    "",
    "0",
    "-1",
    "1e400",
    "NaN",
    "1.5",
    0,
    -3,
    1.5,
    True,
    [],
    {},
    "x" * 300,
    "9" * 40,
    "²",
]
NAMES = [
    "",
    CALL,
    "AAPL220617P00145000",
    "BTC/USD",
    "BTCUSD",
    "/",
    "A/B/C",
    "+1" + CALL,
    "AAPL999999C00000000",
    "€",
]
FIELDS = (
    "qty notional limit_price stop_price type time_in_force side order_class position_intent extended_hours"
    " client_order_id legs take_profit trail_percent"
).split()
PATHS = [
    "/v2/options/contracts",
    f"/v2/options/contracts/{CALL}",
    "/v2/options/contracts/%00",
    "/v1beta1/options/bars",
    "/v1beta1/options/trades",
    "/v1beta1/options/trades/latest",
    "/v1beta1/options/quotes/latest",
    "/v1beta1/options/snapshots",
    "/v1beta1/options/snapshots/AAPL",
    "/v1beta1/options/snapshots/NONE",
    "/v1beta1/options/meta/conditions/x",
    "/v1beta3/crypto/us/bars",
    "/v1beta3/crypto/nowhere/bars",
    "/v1beta3/crypto/us/latest/orderbooks",
    "/v1beta3/crypto/us/snapshots",
]
PARAMETERS = (
    "symbols timeframe start end limit page_token sort type status style expiration_date expiration_date_gte"
    " expiration_date_lte strike_price_gte underlying_symbols root_symbol updated_since feed ppind"
).split()
DATES = ["2022-06-01", "2022-13-45", "9999-12-31", "0001-01-01"]
VALUES = ["", "0", "-1", "x", "1Min", "1Day", *DATES, "%00", "MTIz", "1e9", CALL, "BTC/USD"]


@pytest.fixture(scope="module")
def exchange() -> Iterator[WireExchange]:
    limits = {"requests_per_minute": 0, "data_requests_per_minute": 0}
    with exchange_in_thread(start="2022-06-01T16:00:07Z", **limits) as running:
        yield running


def odd_order(dice: random.Random) -> dict[str, Any]:
    body: dict[str, Any] = {
        "symbol": dice.choice(NAMES),
        "qty": "1",
        "side": dice.choice(["buy", "sell"]),
        "type": dice.choice(["market", "limit", "stop_limit"]),
        "time_in_force": dice.choice(["day", "gtc", "ioc"]),
    }
    if dice.random() < 0.4:
        names = dice.sample(NAMES, dice.randint(0, 4))
        body["order_class"] = "mleg"
        body["legs"] = [
            {
                "symbol": name,
                "ratio_qty": dice.choice(["1", "2", 1.0, *ODD]),
                "side": dice.choice(["buy", "sell", *ODD]),
            }
            for name in names
        ]
    for field in dice.sample(FIELDS, dice.randint(0, 3)):
        body[field] = dice.choice(ODD)
    return body


def test_odd_orders_are_refused_in_good_order(exchange: WireExchange) -> None:
    dice = random.Random(5)
    statuses = set()
    for _ in range(300):
        body = odd_order(dice)
        answer = exchange.request("POST", "/v2/orders", body)
        assert answer.status in (200, 400, 403, 422), (body, answer)
        statuses.add(answer.status)
    for name in filter(None, NAMES):
        for act in ("exercise", "do-not-exercise"):
            assert exchange.request("POST", f"/v2/positions/{name.encode().hex()}/{act}").status == 404
    assert statuses >= {200, 403, 422}
    assert exchange.request("DELETE", "/v2/orders").status == 207
    assert exchange.request("DELETE", "/v2/positions").status == 207


def test_odd_questions_are_answered_in_good_order(exchange: WireExchange) -> None:
    dice = random.Random(6)
    for _ in range(250):
        path = dice.choice(PATHS)
        query = {name: dice.choice(VALUES) for name in dice.sample(PARAMETERS, dice.randint(0, 4))}
        answer = exchange.request("GET", path, **query)
        assert answer.status in (200, 400, 404, 422), (path, query, answer)
