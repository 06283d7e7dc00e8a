"""Control for people: time by hand, accounts on demand, other worlds, and a state that can be saved and loaded."""

import json
import os
import pty
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from wire import Answer, WireExchange, exchange_command, exchange_in_thread, running_exchange

FREE: dict[str, Any] = {"speed": 60.0, "requests_per_minute": 0, "data_requests_per_minute": 0}
READS = ("/v2/account", "/v2/positions", "/v2/orders?status=all&nested=true", "/v2/account/activities")
CLOSING = "2022-06-01T20:00:00Z"


@pytest.fixture
def free() -> Iterator[WireExchange]:
    with exchange_in_thread(**FREE) as running:
        yield running


def control(exchange: WireExchange, path: str, body: Any = None) -> Any:
    answer = exchange.request("POST", f"/v1/control/{path}", {} if body is None else body)
    assert answer.status == 200, answer
    return answer.body


def state_of(exchange: WireExchange) -> dict[str, Any]:
    return {path: exchange.get(path) for path in READS}


def saved(exchange: WireExchange) -> bytes:
    """The state as a client downloads it."""
    request = urllib.request.Request(f"{exchange.rest}/v1/control/state", headers=exchange.headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()  # type: ignore[no-any-return]


def rest_an_order(exchange: WireExchange, below: float, symbol: str = "KO") -> dict[str, Any]:
    """A buy so far below the market; filled later in the day, if it comes down."""
    bid = exchange.get(f"/v2/stocks/{symbol}/quotes/latest")["quote"]["bp"]
    return exchange.submit(symbol=symbol, qty="1", side="buy", type="limit", limit_price=f"{bid - below:.2f}")


# -- time ---------------------------------------------------------------------------------------------


def test_a_paused_clock_stands_still_and_runs_on_from_there(free: WireExchange) -> None:
    paused = control(free, "pause")
    assert (paused["mode"], paused["paused"]) == ("free", True)
    time.sleep(0.05)
    assert free.get("/v1/control/clock")["now"] == paused["now"]
    assert control(free, "resume")["paused"] is False
    time.sleep(0.05)
    assert paused["now"] < free.get("/v1/control/clock")["now"] < "2022-06-01T13:40:00Z"


def test_a_paused_exchange_can_be_advanced_as_in_lockstep(free: WireExchange) -> None:
    assert free.request("POST", "/v1/control/advance", {"until": CLOSING}).status == 409
    control(free, "pause")
    rest_an_order(free, 0.10)
    moved = free.advance(CLOSING)
    assert moved["updates"] == 1
    assert moved["now"] < CLOSING


@pytest.mark.parametrize(
    ("to", "reached"),
    [
        ("close", CLOSING),
        ("open", "2022-06-02T13:30:00Z"),
        ("tick", "2022-06-01T13:30:10Z"),
        ("2022-06-03T14:00:00Z", "2022-06-03T14:00:00Z"),
    ],
)
def test_a_step_goes_to_the_next_open_close_tick_or_to_an_instant(
    exchange: WireExchange, to: str, reached: str
) -> None:
    assert control(exchange, "step", {"to": to})["now"] == reached


def test_a_step_goes_past_fills_and_counts_them(exchange: WireExchange) -> None:
    for below in (0.10, 0.30):
        rest_an_order(exchange, below)
    assert control(exchange, "step", {"to": "close"})["updates"] == 2


def test_speed_can_be_changed_while_it_runs_and_lockstep_taken_and_left(free: WireExchange) -> None:
    assert control(free, "speed", {"speed": "lockstep"})["mode"] == "lockstep"
    assert free.request("POST", "/v1/control/pause", {}).status == 409
    now = free.get("/v1/control/clock")["now"]
    fast = control(free, "speed", {"speed": 36_000})
    assert (fast["speed"], fast["now"]) == (36_000.0, now)
    deadline = time.monotonic() + 10
    while free.get("/v1/control/clock")["now"] < "2022-06-01T13:50:00Z":
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("step", {}),
        ("step", {"to": "soon"}),
        ("step", {"to": "2022-05-01T00:00:00Z"}),
        ("step", {"to": 5}),
        ("speed", {"speed": 0}),
        ("speed", {"speed": "nan"}),
        ("speed", {}),
        ("world", {"start": "1971-01-01"}),
        ("world", {"volatility": -1}),
        ("world", {"symbols": ["XXX"]}),
        ("world", {"symbols": []}),
        ("world", {"cash": "lots"}),
        ("world", {"data": "other"}),
        ("world", {"seed": [1]}),
        ("accounts", {"key": "K"}),
        ("accounts", {"key": "PKALCHEMISEREXCHANGE", "secret": "s"}),
        ("accounts", {"cash": "lots"}),
        ("accounts", {"colour": "red"}),
        ("accounts/PA00000000/reset", {}),
        ("state", {"exchange_commands": 1}),
        ("state", {"exchange_commands": 1, "seed": 7, "cash": "1", "start": "2022-06-01", "data": "other"}),
        ("state", b""),
        ("state", b"{{{\n"),
    ],
)
def test_control_that_makes_no_sense_is_refused_and_changes_nothing(
    exchange: WireExchange, path: str, body: Any
) -> None:
    exchange.submit(symbol="KO", qty="1", side="buy")
    before, world = state_of(exchange), exchange.get("/v1/control/world")
    answer = exchange.request("POST", f"/v1/control/{path}", body)
    assert answer.status in (404, 422), answer
    assert (state_of(exchange), exchange.get("/v1/control/world")) == (before, world)


# -- accounts -----------------------------------------------------------------------------------------


def test_an_account_is_created_on_demand_with_keys_of_its_own(exchange: WireExchange) -> None:
    made = control(exchange, "accounts", {"cash": "2500"})
    theirs = {"APCA-API-KEY-ID": made["key"], "APCA-API-SECRET-KEY": made["secret"]}
    account = exchange.request("GET", "/v2/account", headers=theirs).body
    assert (account["cash"], account["account_number"]) == ("2500", made["account_number"])
    assert [one["key"] for one in exchange.get("/v1/control/accounts")] == [exchange.key, made["key"]]
    assert exchange.request("DELETE", f"/v1/control/accounts/{made['account_number']}").status == 204
    assert exchange.request("GET", "/v2/account", headers=theirs).status == 401


def test_the_last_account_stays(exchange: WireExchange) -> None:
    (only,) = exchange.get("/v1/control/accounts")
    assert exchange.request("DELETE", f"/v1/control/accounts/{only['account_number']}").status == 422


def test_a_reset_is_a_new_account_under_the_same_keys_and_touches_no_other(exchange: WireExchange) -> None:
    other = control(exchange, "accounts", {})
    theirs = {"APCA-API-KEY-ID": other["key"], "APCA-API-SECRET-KEY": other["secret"]}
    order = {"symbol": "KO", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
    assert exchange.request("POST", "/v2/orders", order, headers=theirs).status == 200
    old = exchange.submit(symbol="KO", qty="1", side="buy", client_order_id="again")
    before = exchange.get("/v2/account")
    control(exchange, f"accounts/{before['account_number']}/reset", {"cash": 5000})
    after = exchange.get("/v2/account")
    assert (after["cash"], after["id"] != before["id"]) == ("5000", True)
    assert exchange.get("/v2/positions") == []
    assert exchange.request("GET", f"/v2/orders/{old['id']}").status == 404
    assert exchange.submit(symbol="KO", qty="1", side="buy", client_order_id="again")["id"] != old["id"]
    assert len(exchange.request("GET", "/v2/positions", headers=theirs).body) == 1


# -- worlds and states --------------------------------------------------------------------------------


def test_a_world_begins_anew_with_another_start_cash_symbols_and_volatility(exchange: WireExchange) -> None:
    exchange.submit(symbol="KO", qty="1", side="buy")
    chosen = {"start": "2015-03-02", "cash": 77, "symbols": ["KO", "PG"], "volatility": 3}
    world = control(exchange, "world", chosen)
    assert world["now"] == "2015-03-02T14:30:00Z"
    assert (world["volatility"], world["symbols"][:2]) == (3.0, ["KO", "PG"])
    assert exchange.get("/v2/account")["cash"] == "77"
    assert exchange.get("/v2/orders", status="all") == []
    assert exchange.request("GET", "/v2/assets/AAPL").status == 404


def test_volatility_widens_the_simulated_hours_and_leaves_the_real_closes() -> None:
    def day(volatility: float) -> tuple[float, float]:
        with exchange_in_thread(volatility=volatility) as exchange:
            control(exchange, "step", {"to": "close"})
            (bar,) = exchange.get("/v2/stocks/KO/bars", timeframe="1Day", start="2022-06-01")["bars"]
            return bar["h"] - bar["l"], bar["c"]

    (calm, close), (usual, close_too), (wild, close_three) = day(0.25), day(1), day(4)
    assert calm < usual < wild
    assert close == close_too == close_three


def trade(exchange: WireExchange) -> None:
    exchange.submit(symbol="AAPL", qty="3", side="buy", client_order_id="first")
    refused: Answer = exchange.request(
        "POST",
        "/v2/orders",
        {"symbol": "KO", "qty": "999999", "side": "buy", "type": "market", "time_in_force": "day"},
    )
    assert refused.status == 403
    exchange.advance("2022-06-01T14:00:00Z")
    for below in (0.10, 0.30):
        rest_an_order(exchange, below)
    exchange.advance("2022-06-01T15:00:00Z")


def goes_on(exchange: WireExchange) -> list[Any]:
    """What happens to an exchange from here on: the same commands, every instant with news, and all ids."""
    placed = rest_an_order(exchange, 0.50, "PG")
    moves = [exchange.advance(CLOSING) for _ in range(4)]
    return [placed, moves, state_of(exchange)]


def test_a_saved_state_loaded_into_another_exchange_goes_on_in_the_same_way(exchange: WireExchange) -> None:
    trade(exchange)
    state, before = saved(exchange), state_of(exchange)
    expected = goes_on(exchange)
    with exchange_in_thread(seed=99, start="2020-01-02", cash="1", requests_per_minute=0) as other:
        world = control(other, "state", state)
        assert (world["seed"], world["start"]) == (7, "2022-06-01T13:30:00Z")
        assert state_of(other) == before
        assert goes_on(other) == expected
    assert control(exchange, "state", state)["accounts"] == 1
    assert state_of(exchange) == before


def test_a_saved_state_carries_accounts_opened_reset_and_closed_on_the_way(exchange: WireExchange) -> None:
    made = [control(exchange, "accounts", {"cash": str(cash)}) for cash in (1000, 2000, 3000)]
    exchange.request("DELETE", f"/v1/control/accounts/{made[0]['account_number']}")
    reset = control(exchange, f"accounts/{made[1]['account_number']}/reset", {})
    state = saved(exchange)
    before = exchange.get("/v1/control/accounts")
    control(exchange, "world", {})
    control(exchange, "state", state)
    after = exchange.get("/v1/control/accounts")
    assert after == before
    assert [one["account_number"] for one in after[1:]] == [
        made[2]["account_number"],
        reset["account_number"],
    ]


@pytest.mark.slow
def test_load_starts_an_exchange_from_a_saved_file_and_state_keeps_what_follows(tmp_path: Path) -> None:
    with running_exchange() as exchange:
        trade(exchange)
        (tmp_path / "saved").write_bytes(saved(exchange))
        before = state_of(exchange)
        expected = goes_on(exchange)
    options = {"start": None, "load": tmp_path / "saved", "state": tmp_path / "log"}
    with running_exchange(**options) as exchange:
        assert state_of(exchange) == before
        exchange.kill()
    with running_exchange(start=None, state=tmp_path / "log") as exchange:
        assert state_of(exchange) == before
        assert goes_on(exchange) == expected


@pytest.mark.slow
def test_a_world_begun_at_run_time_is_the_one_a_killed_exchange_continues(tmp_path: Path) -> None:
    with running_exchange(state=tmp_path / "log") as exchange:
        control(exchange, "world", {"start": "2015-03-02", "seed": 3})
        exchange.submit(symbol="KO", qty="1", side="buy")
        before = state_of(exchange)
        exchange.kill()
    with running_exchange(state=tmp_path / "log") as exchange:
        assert state_of(exchange) == before
        assert exchange.get("/v1/control/world")["seed"] == 3


def test_time_that_passes_without_news_does_not_lengthen_the_state(exchange: WireExchange) -> None:
    exchange.submit(symbol="KO", qty="1", side="buy")
    exchange.advance("2022-06-01T13:31:00Z")
    size = len(saved(exchange))
    for minute in range(32, 60):
        exchange.advance(f"2022-06-01T13:{minute}:00Z")
    assert len(saved(exchange)) == size


def test_the_page_for_people_needs_no_keys_and_loads_nothing_from_elsewhere(exchange: WireExchange) -> None:
    with urllib.request.urlopen(f"{exchange.rest}/", timeout=10) as answer:
        text = answer.read().decode()
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "http" not in text
    assert exchange.secret not in text


@pytest.mark.parametrize("cash", [-5, 0, "lots", "1.234"])
def test_no_account_begins_with_what_is_no_amount_of_money(exchange: WireExchange, cash: object) -> None:
    (standing,) = exchange.get("/v1/control/accounts")
    for path in ("accounts", f"accounts/{standing['account_number']}/reset", "world"):
        refused: Answer = exchange.request("POST", f"/v1/control/{path}", {"cash": cash})
        assert refused.status == 422
        assert "is not an amount in dollars and cents" in refused.body["message"]
    assert exchange.get("/v1/control/accounts") == [standing]


def test_the_status_tells_what_was_made_to_go_wrong(exchange: WireExchange) -> None:
    rule = {"name": "slow", "route": "GET /v2/account", "fault": "delay", "seconds": 0}
    exchange.request("POST", "/v1/control/faults", rule)
    exchange.get("/v2/account")
    assert exchange.get("/v1/control/status")["faults"] == {"rules": 1, "injected": 1}
    (told,) = exchange.get("/v1/control/faults/log")["faults"]
    assert (told["rule"], told["where"]) == ("slow", "GET /v2/account")


def test_the_status_tells_how_each_account_stands(exchange: WireExchange) -> None:
    rest_an_order(exchange, 0.50)
    exchange.submit(symbol="PG", qty="1", side="buy")
    status = exchange.get("/v1/control/status")
    (standing,) = status["standings"]
    assert (standing["open_orders"], standing["positions"], standing["trading_streams"]) == (1, 1, 0)
    assert standing["equity"] == exchange.get("/v2/account")["equity"]
    assert (status["mode"], status["now"]) == ("lockstep", "2022-06-01T13:30:00Z")


def test_on_a_terminal_people_read_where_it_listens_and_programs_still_get_their_line() -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        exchange_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=theirs, close_fds=True
    )
    os.close(theirs)
    try:
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())
        read = ""
        while "Ctrl-C" not in read:
            read += os.read(ours, 4096).decode()
    finally:
        process.communicate(timeout=10)
        os.close(ours)
    for told in (addresses["rest"], addresses["key"], addresses["secret"], "/#", "2022-06-01", "lockstep"):
        assert told in read
