"""Faults of requests over the real wire: what the client sees, and what the exchange did."""

import contextlib
import http.client
import json
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import MarketOrderRequest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wire import WireExchange, exchange_in_thread, running_exchange

ORDERS = "POST /v2/orders"
LIMIT = {"symbol": "KO", "qty": "1", "side": "buy", "type": "limit", "limit_price": "1"}


def fault(exchange: WireExchange, kind: str, route: str = ORDERS, **rule: Any) -> str:
    """Puts a rule in force; its id."""
    answer = exchange.request("POST", "/v1/control/faults", {"route": route, "fault": kind, **rule})
    assert answer.status == 201, answer
    return str(answer.body["rules"][0]["id"])


def done(exchange: WireExchange) -> list[dict[str, Any]]:
    faults: list[dict[str, Any]] = exchange.get("/v1/control/faults/log")["faults"]
    return faults


def open_orders(exchange: WireExchange) -> int:
    return len(exchange.get("/v2/orders", status="all"))


def post_raw(
    exchange: WireExchange, timeout: float = 5.0, **order: Any
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(urlsplit(exchange.rest).netloc, timeout=timeout)
    with contextlib.closing(connection):
        connection.request(
            "POST", "/v2/orders", json.dumps({**LIMIT, "time_in_force": "day", **order}), exchange.headers
        )
        response = connection.getresponse()
        return response, response.read()


def alpaca_py(exchange: WireExchange) -> TradingClient:
    client = TradingClient(exchange.key, exchange.secret, url_override=exchange.rest)
    client._retry_wait = 0
    return client


def market_order(client_order_id: str = "mine") -> MarketOrderRequest:
    return MarketOrderRequest(
        symbol="KO", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, client_order_id=client_order_id
    )


@pytest.mark.parametrize(("moment", "orders"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("politely", [True, False])
def test_a_dropped_request_has_no_effect_and_a_dropped_answer_has(
    exchange: WireExchange, moment: str, orders: int, politely: bool
) -> None:
    fault(exchange, "drop", moment=moment, politely=politely, first=1)
    with pytest.raises(requests.ConnectionError):
        alpaca_py(exchange).submit_order(market_order())
    assert open_orders(exchange) == orders
    assert [(entry["fault"], entry["ordinal"], entry["where"]) for entry in done(exchange)] == [
        ("drop", 1, ORDERS)
    ]
    exchange.submit(**LIMIT)


@pytest.mark.parametrize("status", [500, 502, 503])
@pytest.mark.parametrize(("moment", "orders"), [("before", 0), ("after", 1)])
def test_a_server_error_comes_before_or_after_the_effect(
    exchange: WireExchange, status: int, moment: str, orders: int
) -> None:
    fault(exchange, "error", status=status, moment=moment)
    with pytest.raises(APIError) as failed:
        alpaca_py(exchange).submit_order(market_order())
    assert (failed.value.status_code, failed.value.code // 100_000) == (status, status)
    assert open_orders(exchange) == orders


def test_a_504_after_the_effect_makes_alpaca_py_repeat_the_order(exchange: WireExchange) -> None:
    fault(exchange, "error", status=504, moment="after", most=1)
    with pytest.raises(APIError, match="client_order_id must be unique"):
        alpaca_py(exchange).submit_order(market_order())
    assert open_orders(exchange) == 1


def test_a_429_comes_with_and_without_its_headers(exchange: WireExchange) -> None:
    rule = fault(exchange, "error", status=429, retry_after_seconds=3)
    response, body = post_raw(exchange)
    assert (response.status, json.loads(body)) == (429, {"code": 42910000, "message": "rate limit exceeded"})
    assert response.headers["Retry-After"] == "3"
    assert response.headers["X-Ratelimit-Remaining"] == "0"
    assert exchange.request("DELETE", f"/v1/control/faults/{rule}").body["struck"] == {exchange.key: 1}
    fault(exchange, "error", status=429, rate_headers=False)
    response, _ = post_raw(exchange)
    assert response.status == 429
    assert not {"Retry-After", "X-Ratelimit-Remaining"} & set(response.headers)


@pytest.mark.parametrize(("status", "title"), [(401, "401 Authorization Required"), (502, "502 Bad Gateway")])
def test_the_page_of_the_proxy_is_no_json(exchange: WireExchange, status: int, title: str) -> None:
    fault(exchange, "error", status=status, format="html")
    with pytest.raises(APIError) as failed:
        alpaca_py(exchange).submit_order(market_order())
    assert title in str(failed.value)
    with pytest.raises(json.JSONDecodeError):
        _ = failed.value.code
    assert failed.value.response.headers["Content-Type"].startswith("text/html")


def test_an_exit_is_refused_and_an_entry_is_not(exchange: WireExchange) -> None:
    fault(exchange, "error", status=403, code=40310100, message="trade denied", having={"side": "sell"})
    exchange.submit(symbol="KO", qty="1", side="buy")
    answer = exchange.request(
        "POST", "/v2/orders", {"symbol": "KO", "qty": "1", "side": "sell", "type": "market"}
    )
    assert (answer.status, answer.body["code"], answer.body["message"]) == (403, 40310100, "trade denied")
    assert exchange.request("DELETE", "/v2/positions/KO").status == 200


def test_a_redirect_leads_elsewhere(exchange: WireExchange) -> None:
    fault(exchange, "error", status=307, location="http://elsewhere.example/v2/orders")
    response, _ = post_raw(exchange)
    assert (response.status, response.headers["Location"]) == (307, "http://elsewhere.example/v2/orders")


def test_a_delayed_answer_comes_after_its_effect(exchange: WireExchange) -> None:
    fault(exchange, "delay", seconds=0.2, moment="after")
    begun = time.monotonic()
    waiting = threading.Thread(target=post_raw, args=(exchange,))
    waiting.start()
    while not open_orders(exchange):
        assert time.monotonic() - begun < 5
    assert waiting.is_alive()
    waiting.join()
    assert time.monotonic() - begun >= 0.2


def test_a_request_delayed_by_exchange_time_arrives_at_exactly_that_time(exchange: WireExchange) -> None:
    fault(exchange, "delay", exchange_seconds=90)
    waiting = threading.Thread(target=post_raw, args=(exchange,))
    waiting.start()
    while not done(exchange):
        pass
    assert open_orders(exchange) == 0
    exchange.advance_fully("2022-06-01T14:00:00Z")
    waiting.join()
    assert exchange.get("/v2/orders")[0]["created_at"] == "2022-06-01T13:31:30Z"


def test_a_truncated_answer_ends_early(exchange: WireExchange) -> None:
    fault(exchange, "truncate", part=0.5)
    with pytest.raises(http.client.IncompleteRead) as cut:
        post_raw(exchange)
    assert abs(len(cut.value.partial) - (cut.value.expected or 0)) <= 1
    assert open_orders(exchange) == 1


def test_a_connection_is_reset_within_an_answer(exchange: WireExchange) -> None:
    fault(exchange, "truncate", part=0.9, politely=False)
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError, http.client.RemoteDisconnected)):
        post_raw(exchange)
    assert open_orders(exchange) == 1


def test_a_slow_answer_drips(exchange: WireExchange) -> None:
    fault(exchange, "trickle", "GET /v2/clock", bytes_per_second=1000)
    begun = time.monotonic()
    body = exchange.get("/v2/clock")
    assert set(body) == {"timestamp", "is_open", "next_open", "next_close"}
    assert time.monotonic() - begun > 0.1


def test_a_hanging_request_is_never_answered(exchange: WireExchange) -> None:
    fault(exchange, "hang", moment="after")
    with pytest.raises(TimeoutError):
        post_raw(exchange, timeout=0.2)
    assert open_orders(exchange) == 1
    fault(exchange, "hang", "GET /v2/clock", seconds=0.1)
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        exchange.get("/v2/clock")


def test_a_duplicated_request_is_executed_twice(exchange: WireExchange) -> None:
    fault(exchange, "duplicate")
    _, body = post_raw(exchange)
    assert open_orders(exchange) == 2
    response, _ = post_raw(exchange, client_order_id="mine")
    assert response.status == 200
    assert open_orders(exchange) == 3
    exchange.request("DELETE", "/v1/control/faults")
    fault(exchange, "duplicate", answer="last")
    response, body = post_raw(exchange, client_order_id="another")
    assert (response.status, json.loads(body)["message"]) == (422, "client_order_id must be unique")
    assert open_orders(exchange) == 4


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"form": "noise", "size_bytes": 64}, None),
        ({"form": "html"}, None),
        ({"form": "text", "body": '{"id": "'}, None),
        ({"form": "shape"}, list),
        ({"form": "unknown_words"}, dict),
        ({"form": "huge", "size_bytes": 100_000}, str),
    ],
)
def test_a_garbled_answer_keeps_its_status(
    exchange: WireExchange, rule: dict[str, Any], expected: Any
) -> None:
    fault(exchange, "garbage", **rule)
    response, body = post_raw(exchange)
    assert response.status == 200
    assert open_orders(exchange) == 1
    if expected is None:
        with pytest.raises(ValueError):  # noqa: PT011  JSON or UTF-8, as it comes
            json.loads(body)
    else:
        assert isinstance(json.loads(body), expected)
    if rule["form"] == "unknown_words":
        with pytest.raises(ValueError, match="unheard_of_"):
            alpaca_py(exchange).submit_order(market_order())


def test_a_small_answer_can_unpack_to_a_large_one(exchange: WireExchange) -> None:
    fault(exchange, "garbage", "GET /v2/clock", form="gzip_bomb", size_bytes=1_000_000)
    answer = requests.get(f"{exchange.rest}/v2/clock", headers=exchange.headers, timeout=5)
    assert int(answer.headers["Content-Length"]) < 20_000
    assert len(answer.content) == 1_000_002


def test_an_answer_claims_another_type(exchange: WireExchange) -> None:
    fault(exchange, "wrong_type", "GET /v2/clock", content_type="text/plain")
    assert exchange.request("GET", "/v2/clock").headers["Content-Type"] == "text/plain"


def test_positions_look_empty_once(exchange: WireExchange) -> None:
    exchange.submit(symbol="KO", qty="1", side="buy")
    fault(exchange, "empty", "GET /v2/positions", first=1)
    assert exchange.get("/v2/positions") == []
    assert len(exchange.get("/v2/positions")) == 1


def test_a_new_order_is_not_listed_for_a_while(exchange: WireExchange) -> None:
    fault(exchange, "unseen", "GET /v2/orders*", seconds=60)
    order = exchange.submit(**LIMIT)
    assert exchange.get("/v2/orders") == []
    assert exchange.request("GET", f"/v2/orders/{order['id']}").status == 404
    exchange.advance_fully("2022-06-01T13:31:00Z")
    assert [row["id"] for row in exchange.get("/v2/orders")] == [order["id"]]
    assert exchange.get(f"/v2/orders/{order['id']}")["id"] == order["id"]


def test_a_stale_read_answers_what_was_true_before(exchange: WireExchange) -> None:
    fault(exchange, "stale", "GET /v2/orders", ordinals=[2])
    assert exchange.get("/v2/orders") == []
    exchange.submit(**LIMIT)
    assert exchange.get("/v2/orders") == []
    assert len(exchange.get("/v2/orders")) == 1
    assert [entry["ordinal"] for entry in done(exchange)] == [2]


def test_an_answer_belongs_to_another_order(exchange: WireExchange) -> None:
    fault(exchange, "stale", answer_of="other", ordinals=[2])
    first, second = exchange.submit(**LIMIT), exchange.submit(**LIMIT)
    assert first == second
    assert open_orders(exchange) == 2


def test_prices_of_an_answer_are_not_what_they_were(exchange: WireExchange) -> None:
    path = "/v2/stocks/KO/quotes/latest"
    right = exchange.get(path)["quote"]
    fault(exchange, "alter", "GET /v2/stocks/*", times={"ap": 100}, put={"bp": 0})
    wrong = exchange.get(path)["quote"]
    assert (wrong["ap"], wrong["bp"]) == (pytest.approx(right["ap"] * 100), 0)
    assert {**wrong, "ap": 0, "bp": 0} == {**right, "ap": 0, "bp": 0}
    exchange.submit(symbol="KO", qty="2", side="buy")
    fault(exchange, "alter", "GET /v2/positions*", times={"qty": -1.5})
    assert exchange.get("/v2/positions")[0]["qty"] == "-3"


def test_some_items_of_many_say_that_they_failed(exchange: WireExchange) -> None:
    fault(exchange, "items", "DELETE /v2/*", status=503, part=0.5)
    orders = [exchange.submit(**LIMIT) for _ in range(8)]
    answer = exchange.request("DELETE", "/v2/orders")
    assert answer.status == 207
    assert [item["id"] for item in answer.body] == [order["id"] for order in orders]
    assert {item["status"] for item in answer.body} == {200, 503}
    exchange.submit(symbol="KO", qty="2", side="buy")
    fault(exchange, "items", "DELETE /v2/*", part=1.0)
    assert exchange.get("/v2/orders") == []
    exchange.request("DELETE", "/v1/control/faults")
    fault(exchange, "items", "DELETE /v2/positions", part=1.0)
    (item,) = exchange.request("DELETE", "/v2/positions").body
    assert (item["status"], item["body"]["code"]) == (500, 50010000)
    assert exchange.get("/v2/positions") == []


def test_the_clock_is_wrong(exchange: WireExchange) -> None:
    right = exchange.get("/v2/clock")["timestamp"]
    fault(exchange, "skew", "GET /v2/clock", seconds=-30)
    assert right == "2022-06-01T09:30:00-04:00"
    assert exchange.get("/v2/clock")["timestamp"] == "2022-06-01T09:29:30-04:00"


def test_delays_add_up_and_the_first_other_fault_is_done(exchange: WireExchange) -> None:
    fault(exchange, "delay", seconds=0.05)
    fault(exchange, "error", status=503)
    fault(exchange, "drop")
    fault(exchange, "delay", seconds=0.05)
    begun = time.monotonic()
    response, _ = post_raw(exchange)
    assert response.status == 503
    assert time.monotonic() - begun >= 0.1
    assert [entry["fault"] for entry in done(exchange)] == ["delay", "delay", "error"]


def test_control_routes_are_never_struck_and_need_keys(exchange: WireExchange) -> None:
    fault(exchange, "drop", "* *")
    assert exchange.get("/v1/control/faults")["rules"][0]["rule"] == {
        "fault": "drop",
        "route": "* *",
        "name": "rule 1",
    }
    assert exchange.request("DELETE", "/v1/control/faults").status == 204
    assert exchange.get("/v1/control/faults")["rules"] == []
    for method, path in [("GET", ""), ("POST", ""), ("DELETE", ""), ("DELETE", "/f1"), ("GET", "/log")]:
        assert exchange.request(method, f"/v1/control/faults{path}", headers={}).status == 401
    assert exchange.request("DELETE", "/v1/control/faults/f1").status == 404
    bad = exchange.request("POST", "/v1/control/faults", {"route": "* *", "fault": "drop", "evry": 2})
    assert (bad.status, bad.body["message"]) == (422, "unknown field `evry`")
    assert exchange.request("POST", "/v1/control/faults", b"{").status == 400
    assert exchange.request("POST", "/v1/control/faults", b"3").status == 422


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=4), values, max_size=3),
    max_leaves=5,
)
_PLACES = {"route": ["GET /v2/clock", "*", "* *"], "stream": ["*", "/stream"], "nowhere": [None]}
_KINDS = [
    "delay",
    "drop",
    "error",
    "garbage",
    "lose",
    "close",
    "refuse",
    "reset",
    "fill",
    "halt",
    "manual_order",
]
_FIELDS = [
    "every",
    "first",
    "most",
    "at",
    "after",
    "ordinals",
    "probability",
    "seconds",
    "status",
    "code",
    "qty",
    "put",
]


@given(
    place=st.sampled_from(sorted(_PLACES)),
    kind=st.sampled_from(_KINDS) | _VALUES,
    fields=st.dictionaries(st.sampled_from(_FIELDS) | st.text(max_size=5), _VALUES, max_size=3),
    data=st.data(),
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_given_as_a_rule_is_taken_or_refused(
    shared_exchange: WireExchange, place: str, kind: Any, fields: dict[str, Any], data: st.DataObject
) -> None:
    rule = {place: data.draw(st.sampled_from(_PLACES[place]) | _VALUES), "fault": kind, **fields}
    answer = shared_exchange.request("POST", "/v1/control/faults", rule)
    assert answer.status in (201, 400, 422), (rule, answer)
    shared_exchange.request("DELETE", "/v1/control/faults")


def test_a_rule_may_concern_one_account(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.json"
    accounts.write_text(
        json.dumps({"accounts": [{"key": "PKONE", "secret": "1"}, {"key": "PKTWO", "secret": "2"}]})
    )
    with exchange_in_thread(accounts=accounts) as exchange:
        fault(exchange, "error", status=500, account="PKTWO", route="* *")
        one, two = (
            {"APCA-API-KEY-ID": f"PK{name}", "APCA-API-SECRET-KEY": secret}
            for name, secret in [("ONE", "1"), ("TWO", "2")]
        )
        statuses = [exchange.request("GET", "/v2/account", headers=keys).status for keys in (one, two)]
        assert statuses == [200, 500]


SCHEDULE = """
seed = 11
[[rule]]
name = "lost answers"
route = "POST /v2/orders"
fault = "drop"
moment = "after"
probability = 0.2
[[rule]]
route = "GET *"
fault = "error"
status = 503
probability = 0.3
[[rule]]
route = "GET /v2/orders"
fault = "garbage"
size_bytes = 8
every = 3
"""


def lived(exchange: WireExchange) -> list[Any]:
    """What a client sees of a fixed sequence of requests."""
    seen: list[Any] = []
    for number in range(12):
        for method, path, body in [
            ("POST", "/v2/orders", {**LIMIT, "time_in_force": "day", "client_order_id": f"order {number}"}),
            ("GET", "/v2/orders", None),
            ("GET", "/v2/account", None),
        ]:
            try:
                response = requests.request(
                    method, exchange.rest + path, json=body, headers=exchange.headers, timeout=5
                )
                seen.append((response.status_code, response.content))
            except requests.ConnectionError:
                seen.append("lost")
    return seen


@pytest.mark.slow
def test_a_schedule_replays_exactly_in_another_process(tmp_path: Path) -> None:
    schedule = tmp_path / "schedule.toml"
    schedule.write_text(SCHEDULE)
    stories = []
    for hash_seed in ("1", "2"):
        with running_exchange({"PYTHONHASHSEED": hash_seed}, faults=schedule) as exchange:
            stories.append((lived(exchange), done(exchange)))
            as_done = exchange.get("/v1/control/faults/log", form="schedule")
    assert stories[0] == stories[1]
    assert {entry["fault"] for entry in stories[0][1]} == {"drop", "error", "garbage"}
    replay = tmp_path / "replay.json"
    replay.write_text(json.dumps(as_done))
    with running_exchange(faults=replay) as exchange:
        assert lived(exchange) == stories[0][0]
        kinds = [(entry["fault"], entry["ordinal"], entry["where"]) for entry in done(exchange)]
        assert kinds == [(entry["fault"], entry["ordinal"], entry["where"]) for entry in stories[0][1]]


def test_a_bad_schedule_stops_the_start_with_one_line(tmp_path: Path) -> None:
    schedule = tmp_path / "schedule.toml"
    schedule.write_text('[[rule]]\nroute = "* *"\nfault = "drop"\nchance = 1\n')
    with (
        pytest.raises(RuntimeError, match=r"schedule\.toml: rule 1: unknown field `chance`"),
        running_exchange(faults=schedule),
    ):
        pass
