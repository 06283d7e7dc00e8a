"""No request, however odd, makes the exchange fail inside."""

import random
from typing import Any

import pytest
from wire import WireExchange

ODDITIES: tuple[Any, ...] = (
    *(
        None,
        "",
        " ",
        "0",
        "-0",
        "1",
        "-1",
        "1.5",
        "1e5",
        "1e-9",
        "1e400",
        "NaN",
        "inf",
        "0x10",
        "1_000",
        "١٢",
    ),
    *(
        "AAPL",
        "aapl",
        "BTC/USD",
        "BTCUSD",
        "'; --",
        "\x00",
        "é",
        "💥",
        "A" * 5000,
        "*",
        ",",
        "AAPL,,KO",
        "../..",
    ),
    *("true", "True", "FALSE", "day", "gtc", "opg", "buy", "sell", "limit", "market", "stop", "stop_limit"),
    *("trailing_stop", "bracket", "oco", "oto", "mleg", "simple", "2022-06-01", "2022-06-01T14:00:00Z"),
    *(
        "9999-12-31",
        "0001-01-01",
        "1970-01-01T00:00:00Z",
        "2022-06-01T14:00:00.123456789-04:00",
        "asc",
        "desc",
    ),
    *("1Min", "59T", "1Day", "12M", "closed", "all", "100", "10000", "99999999999999999999"),
    *("00000000-0000-4000-8000-000000000000", "c7035592-f023-8087-aed7-87c519f2e080"),
    *(0, 1, -1, 10**30, 0.1, 1e308, True, False, [], {}, [1, [2]], {"limit_price": "x"}, {"stop_price": []}),
)
ROUTES = (
    *(("GET", f"/v2/{name}") for name in ("account", "orders", "positions", "clock", "calendar", "assets")),
    *(
        ("GET", "/v2/account/activities"),
        ("GET", "/v2/account/activities/{odd}"),
        ("GET", "/v2/orders/{odd}"),
    ),
    *(("GET", "/v2/orders:by_client_order_id"), ("GET", "/v2/positions/{odd}"), ("GET", "/v2/assets/{odd}")),
    *(("DELETE", "/v2/orders/{odd}"), ("DELETE", "/v2/positions/{odd}"), ("DELETE", "/v2/positions")),
    *(("POST", "/v2/orders"), ("PATCH", "/v2/orders/{odd}"), ("PATCH", "/v2/orders/{order}")),
    *(("GET", f"/v2/stocks/{kind}") for kind in ("bars", "quotes", "trades", "snapshots", "bars/latest")),
    *(("GET", f"/v2/stocks/{{odd}}/{kind}") for kind in ("bars", "trades/latest", "snapshot")),
    *(("GET", f"/v2/stocks/{path}") for path in ("auctions", "meta/exchanges", "meta/conditions/{odd}")),
    *(("GET", path) for path in ("/v3/clock", "/v3/calendar/{odd}", "/v3/calendar/NYSE", "/v1beta1/news")),
    *(
        ("GET", f"/v1beta1/screener/{path}")
        for path in ("stocks/most-actives", "crypto/movers", "{odd}/movers")
    ),
    *(("GET", path) for path in ("/v1/corporate-actions", "/v2/corporate_actions/announcements")),
    *(("POST", path) for path in ("/v2/watchlists", "/v2/watchlists/{odd}", "/v2/watchlists:by_name")),
    *(("PUT", path) for path in ("/v2/watchlists/{odd}", "/v2/watchlists:by_name")),
    *(("DELETE", path) for path in ("/v2/watchlists/{odd}/{odd}", "/v2/watchlists:by_name")),
    ("POST", "/v1/control/advance"),
)
QUERIES = (
    *(
        "markets",
        "time",
        "timezone",
        "date_type",
        "attributes",
        "tape",
        "asof",
        "currency",
        "top",
        "by",
        "name",
    ),
    *("ca_types", "since", "types", "ids", "cusips", "region", "include_content", "exclude_contentless"),
    *(
        "status",
        "limit",
        "after",
        "until",
        "direction",
        "nested",
        "symbols",
        "side",
        "asset_class",
        "start",
        "end",
    ),
    *(
        "before_order_id",
        "after_order_id",
        "client_order_id",
        "qty",
        "percentage",
        "cancel_orders",
        "page_size",
    ),
    *(
        "page_token",
        "activity_types",
        "category",
        "date",
        "timeframe",
        "sort",
        "feed",
        "adjustment",
        "exchange",
    ),
)
FIELDS = (
    *("name", "symbols"),
    *(
        "symbol",
        "qty",
        "notional",
        "side",
        "type",
        "time_in_force",
        "limit_price",
        "stop_price",
        "order_class",
    ),
    *(
        "take_profit",
        "stop_loss",
        "client_order_id",
        "extended_hours",
        "position_intent",
        "trail_price",
        "legs",
    ),
)
PLAIN_ORDER = {
    "symbol": "AAPL",
    "qty": "1",
    "side": "buy",
    "type": "limit",
    "time_in_force": "day",
    "limit_price": "9",
}


@pytest.mark.slow
def test_seven_hundred_odd_requests_are_answered_without_one_internal_error(exchange: WireExchange) -> None:
    source = random.Random(20220601)
    for _ in range(700):
        method, path = source.choice(ROUTES)
        order = exchange.submit(**PLAIN_ORDER)["id"] if "{order}" in path else ""
        odd = str(source.choice(ODDITIES)).encode().hex("%")
        path = path.replace("{odd}", f"%{odd}" if odd else "x").replace("{order}", order)
        query = {name: source.choice(ODDITIES) for name in source.sample(QUERIES, source.randrange(4))}
        body = None
        if method in ("POST", "PATCH"):
            changed = {
                name: source.choice(ODDITIES) for name in source.sample(FIELDS, source.randrange(1, 4))
            }
            body = (
                {**PLAIN_ORDER, **changed}
                if path == "/v2/orders"
                else {**changed, "until": source.choice(ODDITIES)}
            )
        answer = exchange.request(method, path, body, **query)
        assert answer.status < 500, (method, path, query, body, answer)
        if answer.status >= 400:
            assert isinstance(answer.body["message"], str)


CONTROL_ROUTES = (
    *(("POST", f"/v1/control/{verb}") for verb in ("advance", "step", "pause", "resume", "speed", "world")),
    *(("POST", f"/v1/control/{verb}") for verb in ("accounts", "state", "faults")),
    *(("POST", f"/v1/control/accounts/{{odd}}/{verb}") for verb in ("reset", "transfers")),
    *(("POST", f"/v1/control/accounts/{{number}}/{verb}") for verb in ("reset", "transfers")),
    *(("GET", f"/v1/control/{what}") for what in ("clock", "accounts", "accounts/{odd}", "status", "world")),
    *(("GET", f"/v1/control/{what}") for what in ("faults", "faults/log")),
    *(("DELETE", f"/v1/control/{what}") for what in ("accounts/{odd}", "faults/{odd}")),
)
CONTROL_FIELDS = (
    *("until", "to", "speed", "cash", "amount", "direction", "key", "secret", "multiplier", "rules", "label"),
    *(
        "start",
        "seed",
        "symbols",
        "volatility",
        "name",
        "route",
        "stream",
        "do",
        "when",
        "kind",
        "live",
        "rule",
    ),
)


@pytest.mark.slow
def test_four_hundred_odd_wishes_for_control_are_answered_without_one_internal_error(
    exchange: WireExchange,
) -> None:
    source = random.Random(20220602)
    number = exchange.get("/v2/account")["account_number"]
    for _ in range(400):
        method, path = source.choice(CONTROL_ROUTES)
        odd = str(source.choice(ODDITIES)).encode().hex("%")
        path = path.replace("{odd}", f"%{odd}" if odd else "x").replace("{number}", number)
        body = {name: source.choice(ODDITIES) for name in source.sample(CONTROL_FIELDS, source.randrange(4))}
        answer = exchange.request(method, path, body if method == "POST" else None)
        assert answer.status < 500, (method, path, body, answer)
        if answer.status >= 400:
            assert isinstance(answer.body["message"], str)
