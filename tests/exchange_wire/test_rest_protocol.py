"""Who may speak, how often, in which form, and what every refusal looks like."""

import base64
import socket
import subprocess
from urllib.parse import urlsplit

import pytest
from wire import WireExchange, exchange_command, exchange_in_thread, running_exchange

JSON_TYPE = "application/json; charset=UTF-8"


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def test_a_key_pair_a_bearer_token_and_basic_authentication_all_open_the_door(
    shared_exchange: WireExchange,
) -> None:
    key, secret = shared_exchange.key, shared_exchange.secret
    for headers in (
        {"apca-api-key-id": key, "apca-api-secret-key": secret},
        {"Authorization": f"Bearer {secret}"},
        basic(f"{key}:{secret}"),
    ):
        assert shared_exchange.request("GET", "/v2/account", headers=headers).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"APCA-API-KEY-ID": "PKWRONG", "APCA-API-SECRET-KEY": "wrong"},
        {"APCA-API-KEY-ID": "PKALCHEMISEREXCHANGE"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic %%%"},
        basic("PKALCHEMISEREXCHANGE:wrong"),
        {"Authorization": ""},
    ],
)
def test_wrong_or_missing_keys_get_a_json_401_on_every_route(
    shared_exchange: WireExchange, headers: dict[str, str]
) -> None:
    for path in ("/v2/account", "/v2/stocks/bars", "/v1/control/clock", "/nowhere"):
        answer = shared_exchange.request("GET", path, headers=headers)
        assert (answer.status, answer.body) == (401, {"message": "unauthorized."})
        assert answer.headers["Content-Type"] == JSON_TYPE


def test_an_unknown_route_and_a_wrong_method_are_told_in_json(shared_exchange: WireExchange) -> None:
    unknown = shared_exchange.request("GET", "/v2/nowhere")
    assert (unknown.status, unknown.body) == (404, {"code": 40410000, "message": "endpoint not found"})
    wrong = shared_exchange.request("PUT", "/v2/orders", {})
    assert (wrong.status, wrong.body["code"]) == (405, 40510000)
    assert {unknown.headers["Content-Type"], wrong.headers["Content-Type"]} == {JSON_TYPE}


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"[" * 100_000, b'{"qty": NaN}', b'{"qty": 1e}']
)
def test_a_body_that_is_no_json_object_is_refused(shared_exchange: WireExchange, body: bytes) -> None:
    answer = shared_exchange.request("POST", "/v2/orders", body)
    assert (answer.status, answer.body["message"]) == (400, "request body format is invalid")


def test_a_body_above_one_megabyte_is_refused(shared_exchange: WireExchange) -> None:
    answer = shared_exchange.request("POST", "/v2/orders", b'{"symbol":"' + b"A" * (1024 * 1024) + b'"}')
    assert (answer.status, answer.body["code"]) == (413, 41310000)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("qty", "1e999999999"),
        ("qty", "-1"),
        ("qty", "nan"),
        ("qty", [1]),
        ("qty", {"a": 1}),
        ("qty", True),
        ("limit_price", "Infinity"),
        ("limit_price", "1" * 70),
        ("symbol", 5),
        ("side", "hold"),
        ("time_in_force", 1),
        ("order_class", ["bracket"]),
        ("take_profit", "soon"),
        ("client_order_id", 7),
        ("client_order_id", "x" * 129),
    ],
)
def test_a_field_of_the_wrong_shape_is_422_and_never_a_500(
    shared_exchange: WireExchange, field: str, value: object
) -> None:
    order = {
        "symbol": "AAPL",
        "qty": "1",
        "side": "buy",
        "type": "limit",
        "time_in_force": "day",
        "limit_price": "1",
    }
    answer = shared_exchange.request("POST", "/v2/orders", {**order, field: value})
    assert answer.status == 422, answer
    assert isinstance(answer.body["code"], int)


def test_empty_text_and_null_count_as_absent_as_one_client_sends_them(exchange: WireExchange) -> None:
    order = {
        "symbol": "AAPL",
        "qty": "1",
        "notional": None,
        "side": "buy",
        "type": "limit",
        "time_in_force": "day",
        "limit_price": "100",
        "stop_price": None,
        "client_order_id": "",
        "order_class": "",
        "take_profit": None,
        "stop_loss": None,
        "legs": None,
        "extended_hours": False,
        "position_intent": "",
    }
    answer = exchange.request("POST", "/v2/orders", order)
    assert answer.status == 200
    assert len(answer.body["client_order_id"]) == 36


def test_numbers_are_read_as_written_so_that_a_float_artefact_is_a_sub_penny_price(
    exchange: WireExchange,
) -> None:
    head = b'{"symbol":"AAPL","side":"buy","type":"limit","time_in_force":"day","qty":1,"limit_price":'
    refused = exchange.request("POST", "/v2/orders", head + b"100.30000000000000004}")
    assert (refused.status, refused.body["code"]) == (422, 42210000)
    assert refused.body["message"] == (
        "invalid limit_price 100.30000000000000004. sub-penny increment does not fulfill minimum pricing criteria"
    )
    accepted = exchange.request("POST", "/v2/orders", head + b"100.30}")
    assert (accepted.status, accepted.body["limit_price"]) == (200, "100.3")


def test_an_id_that_is_no_uuid_is_a_missing_id_and_an_unknown_one_is_404(
    shared_exchange: WireExchange,
) -> None:
    for method in ("GET", "DELETE", "PATCH"):
        body = {} if method == "PATCH" else None
        assert shared_exchange.request(method, "/v2/orders/not-an-id", body).status == 422
        unknown = shared_exchange.request(method, "/v2/orders/00000000-0000-4000-8000-000000000000", body)
        assert (unknown.status, unknown.body["code"]) == (404, 40410000)
    assert (
        shared_exchange.request("GET", "/v2/orders:by_client_order_id", client_order_id="none").status == 404
    )


def test_every_answer_has_a_request_id_of_its_own_and_the_state_of_the_budget() -> None:
    with exchange_in_thread() as exchange:
        first = exchange.request("GET", "/v2/account")
        second = exchange.request("GET", "/v2/nowhere")
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]
    assert [answer.headers["X-Ratelimit-Remaining"] for answer in (first, second)] == ["199", "198"]
    assert (second.headers["X-Ratelimit-Limit"], second.headers["X-Ratelimit-Reset"]) == ("200", "1654090260")


def test_the_201st_request_of_an_exchange_minute_is_refused_and_the_next_minute_is_free_again() -> None:
    with exchange_in_thread(data_requests_per_minute=3) as exchange:
        answers = [exchange.request("GET", "/v2/clock") for _ in range(201)]
        assert {answer.status for answer in answers[:200]} == {200}
        assert (answers[200].status, answers[200].body) == (
            429,
            {"code": 42910000, "message": "rate limit exceeded"},
        )
        assert int(answers[200].headers["Retry-After"]) == 60
        assert exchange.request("GET", "/v2/stocks/AAPL/quotes/latest").status == 200
        exchange.advance("2022-06-01T13:31:00Z")
        assert exchange.request("GET", "/v2/clock").status == 200
        data = [exchange.request("GET", "/v2/stocks/AAPL/quotes/latest") for _ in range(4)]
        assert [answer.status for answer in data] == [200, 200, 200, 429]
        assert data[3].body["message"] == "too many requests"


def test_a_port_in_use_is_one_line_on_standard_error_and_exit_code_1(shared_exchange: WireExchange) -> None:
    port = urlsplit(shared_exchange.rest).port
    done = subprocess.run(
        exchange_command(port=port), stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (1, b"")
    (complaint,) = done.stderr.decode().splitlines()
    assert complaint == f"exchange: port {port} on 127.0.0.1 is already in use; --port 0 takes a free one"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"start": "1985-01-01"}, "--start 1985-01-01 lies outside the market data"),
        ({"start": "soon"}, "--start 'soon' is neither a date nor a timestamp"),
        ({"cash": "lots"}, "argument --cash: 'lots' is not an amount"),
        ({"data": "/nonexistent"}, "no market data"),
        ({"host": "203.0.113.1"}, "cannot listen on 203.0.113.1"),
    ],
)
def test_an_option_that_cannot_be_used_is_one_line_and_no_traceback(
    options: dict[str, str], reason: str
) -> None:
    done = subprocess.run(
        exchange_command(**options), stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )
    assert done.returncode in (1, 2)
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith(f"exchange: {reason}")


def test_the_exchange_ends_when_its_standard_input_does() -> None:
    with running_exchange() as exchange:
        assert exchange.process.stdin is not None
        exchange.process.stdin.close()
        assert exchange.process.wait(10) == 0


def test_a_client_that_hangs_up_in_the_middle_of_a_request_disturbs_nobody(
    shared_exchange: WireExchange,
) -> None:
    address = urlsplit(shared_exchange.rest)
    with socket.create_connection((address.hostname, address.port)) as rude:
        rude.sendall(b"POST /v2/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    assert shared_exchange.request("GET", "/v2/clock").status == 200
