"""An exchange that is killed continues where it was; a log that does not fit is refused in one line."""

import json
import resource
import subprocess
from pathlib import Path
from typing import Any

import pytest
from wire import ExchangeProcess, exchange_command, exchange_in_thread, running_exchange

from the_alchemiser.exchange.commands import COMMANDS
from the_alchemiser.exchange.journal import JournalError

READS = (
    "/v2/account",
    "/v2/positions",
    "/v2/orders?status=all&nested=true",
    "/v2/account/activities",
    "/v2/account/configurations",
    "/v2/watchlists:by_name?name=renamed",
    "/v2/clock",
    "/v1/control/accounts",
)

MARKET_BUY = {"symbol": "KO", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
DAMAGES = (
    b"{{{\n",
    b'{"at":1654090200000000000,"do":"explode"}\n',
    b'{"do":"advance"}\n',
    b'{"at":5,"do":"advance"}\n',
)
pytestmark = pytest.mark.slow


def state_of(exchange: ExchangeProcess) -> dict[str, Any]:
    return {path: exchange.request("GET", path).body for path in READS}


def trade_a_morning(exchange: ExchangeProcess) -> None:
    """Orders, changes and ends of them, refused ones among them."""
    exchange.submit(symbol="AAPL", qty="10", side="buy", client_order_id="first")
    exchange.submit(symbol="KO", notional="500.25", side="buy")
    refused = exchange.request("POST", "/v2/orders", {**MARKET_BUY, "qty": "9999999"})
    assert refused.status == 403
    resting = exchange.submit(symbol="MSFT", qty="2", side="buy", type="limit", limit_price="200")
    exchange.request("PATCH", f"/v2/orders/{resting['id']}", {"limit_price": "201.5"})
    exchange.advance_fully("2022-06-01T14:00:00Z")
    exchange.submit(
        symbol="XOM",
        qty="5",
        side="buy",
        order_class="bracket",
        take_profit={"limit_price": "150"},
        stop_loss={"stop_price": "50"},
    )
    exchange.request("DELETE", "/v2/positions/AAPL", qty="4")
    doomed = exchange.submit(symbol="PG", qty="1", side="buy", type="limit", limit_price="10")
    exchange.request("DELETE", f"/v2/orders/{doomed['id']}")
    exchange.advance_fully("2022-06-01T15:00:00Z")


def test_killed_in_the_middle_of_a_day_it_continues_with_the_same_orders_positions_and_time(
    tmp_path: Path,
) -> None:
    options = {"state": tmp_path / "day.log", "requests_per_minute": 0}
    with running_exchange(**options) as exchange:
        trade_a_morning(exchange)
        before = state_of(exchange)
        exchange.kill()
    with running_exchange(**options) as exchange:
        assert state_of(exchange) == before
        again = exchange.request("POST", "/v2/orders", {**MARKET_BUY, "client_order_id": "first"})
        assert again.status == 422
        exchange.request("DELETE", "/v2/positions", cancel_orders="true")
        exchange.request("DELETE", "/v2/orders")
        exchange.advance_fully("2022-06-01T20:00:00Z")
        before = state_of(exchange)
        exchange.kill()
    with running_exchange(**options) as exchange:
        assert state_of(exchange) == before


FAULTS = {
    "rule": [
        {"fault": "manual_order", "at": "+1m", "symbol": "KO", "side": "buy", "qty": "10"},
        {"fault": "fill", "at": "+2m", "symbol": "MSFT"},
        {"fault": "reject_submit", "exchange_seconds": 5, "first": 1},
        {"fault": "reject", "at": "+2m", "symbol": "BAC"},
        {"fault": "halt", "at": "+3m", "symbol": "PG", "exchange_seconds": 600},
    ]
}
CALL, PUT = "AAPL220603C00135000", "AAPL220603P00165000"


def asked(exchange: ExchangeProcess, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    answer = exchange.request(method, path, body)
    assert answer.status < 300, answer
    return answer.body


def do_all_else(exchange: ExchangeProcess) -> None:
    """Every command that a morning of trade does without."""
    asked(exchange, "POST", "/v1/control/faults", FAULTS)
    exchange.submit(symbol="WMT", qty="1", side="buy", type="limit", limit_price="10")
    exchange.submit(symbol="MSFT", qty="2", side="buy", type="limit", limit_price="200")
    exchange.submit(symbol="BAC", qty="2", side="buy", type="limit", limit_price="5")
    for contract in (CALL, PUT):
        exchange.submit(symbol=contract, qty="1", side="buy")
    exchange.advance_fully("2022-06-01T15:10:00Z")
    asked(exchange, "POST", f"/v2/positions/{CALL}/exercise")
    asked(exchange, "POST", f"/v2/positions/{PUT}/do-not-exercise")
    asked(exchange, "PATCH", "/v2/account/configurations", {"no_shorting": True})
    kept, gone = (
        asked(exchange, "POST", "/v2/watchlists", {"name": name, "symbols": ["AAPL"]})["id"]
        for name in ("kept", "gone")
    )
    asked(exchange, "POST", f"/v2/watchlists/{kept}", {"symbol": "KO"})
    asked(exchange, "DELETE", f"/v2/watchlists/{kept}/AAPL")
    asked(exchange, "PUT", f"/v2/watchlists/{kept}", {"name": "renamed"})
    asked(exchange, "DELETE", f"/v2/watchlists/{gone}")
    for cash in ("5000", "6000"):
        asked(exchange, "POST", "/v1/control/accounts", {"cash": cash})
    first, second, third = (one["account_number"] for one in exchange.get("/v1/control/accounts"))
    money_in = {"amount": "250.75", "direction": "INCOMING"}
    asked(exchange, "POST", f"/v1/control/accounts/{first}/transfers", money_in)
    asked(exchange, "POST", f"/v1/control/accounts/{second}/reset", {"cash": "7000"})
    asked(exchange, "DELETE", f"/v1/control/accounts/{third}")
    asked(exchange, "DELETE", "/v2/orders")
    asked(exchange, "DELETE", "/v2/positions")


def test_every_command_there_is_happens_again_after_a_kill(tmp_path: Path) -> None:
    log = tmp_path / "day.log"
    options = {"state": log, "requests_per_minute": 0}
    with running_exchange(**options) as exchange:
        trade_a_morning(exchange)
        do_all_else(exchange)
        exchange.advance_fully("2022-06-06T14:00:00Z")
        before = state_of(exchange)
        exchange.kill()
    done = {json.loads(line)["do"] for line in log.read_text().splitlines()[1:]}
    assert done == {*COMMANDS, "open_account", "reset_account", "close_account", "halt", "advance"}
    with running_exchange(environment={"PYTHONHASHSEED": "7", "TZ": "Asia/Kolkata"}, **options) as exchange:
        assert state_of(exchange) == before


def test_an_uninterrupted_exchange_ends_in_the_same_state(tmp_path: Path) -> None:
    with running_exchange(state=tmp_path / "day.log", requests_per_minute=0) as interrupted:
        trade_a_morning(interrupted)
        interrupted.kill()
    with running_exchange(state=tmp_path / "day.log", requests_per_minute=0) as resumed:
        resumed.advance_fully("2022-06-03T15:00:00Z")
        after_the_kill = state_of(resumed)
    with running_exchange(requests_per_minute=0) as steady:
        trade_a_morning(steady)
        steady.advance_fully("2022-06-03T15:00:00Z")
        assert state_of(steady) == after_the_kill


def test_a_free_running_exchange_never_forgets_what_it_has_told(tmp_path: Path) -> None:
    options = {"state": tmp_path / "free.log", "requests_per_minute": 0, "speed": 60}
    with running_exchange(**options) as exchange:
        order = exchange.submit(symbol="AAPL", qty="1", side="buy", client_order_id="kept")
        told = exchange.get(f"/v2/orders/{order['id']}")
        exchange.kill()
    with running_exchange(**options) as exchange:
        assert exchange.get(f"/v2/orders/{order['id']}") == told
        assert exchange.get("/v2/clock")["timestamp"] >= "2022-06-01T09:30:00-04:00"


def test_a_torn_last_line_is_dropped_and_a_damaged_one_refused(tmp_path: Path) -> None:
    log = tmp_path / "day.log"
    with running_exchange(state=log) as exchange:
        exchange.submit(symbol="AAPL", qty="1", side="buy")
        before = state_of(exchange)
        exchange.kill()
    whole = log.read_bytes()
    log.write_bytes(whole + b'{"at": 1654')
    with running_exchange(state=log) as exchange:
        assert state_of(exchange) == before
        exchange.submit(symbol="KO", qty="1", side="buy")
        before = state_of(exchange)
        exchange.kill()
    with running_exchange(state=log) as exchange:
        assert state_of(exchange) == before
        exchange.kill()
    log.write_bytes(whole + DAMAGES[0])
    assert "line 3 of the state file" in complaint(state=log)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_line_that_is_no_command_is_refused_by_its_number(tmp_path: Path, damage: bytes) -> None:
    log = tmp_path / "day.log"
    with exchange_in_thread(state=log) as exchange:
        exchange.submit(symbol="AAPL", qty="1", side="buy")
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:2]) + damage)
    with pytest.raises(JournalError, match="line 3 of the state file"), exchange_in_thread(state=log):
        pass


@pytest.mark.parametrize(("option", "value"), [("seed", 8), ("cash", "50000"), ("start", "2022-06-02")])
def test_a_log_of_another_setting_is_refused_by_name(tmp_path: Path, option: str, value: object) -> None:
    log = tmp_path / "day.log"
    with exchange_in_thread(state=log):
        pass
    changed = exchange_in_thread(state=log, **{option: value})
    with pytest.raises(JournalError, match=f"was written with {option}"), changed:
        pass


def test_a_log_serves_one_exchange_at_a_time(tmp_path: Path) -> None:
    with exchange_in_thread(state=tmp_path / "day.log"):
        assert complaint(state=tmp_path / "day.log").endswith("is in use by another exchange")


def test_a_log_that_cannot_be_written_refuses_the_order_and_changes_nothing(tmp_path: Path) -> None:
    log = tmp_path / "day.log"
    with running_exchange(state=log) as exchange:
        exchange.submit(symbol="AAPL", qty="1", side="buy")
        limit_file_size(exchange, log.stat().st_size + 10)
        answer = exchange.request("POST", "/v2/orders", MARKET_BUY)
        assert (answer.status, answer.body["code"]) == (500, 50010000)
        assert [order["symbol"] for order in exchange.get("/v2/orders", status="all")] == ["AAPL"]
        limit_file_size(exchange, resource.RLIM_INFINITY)
        exchange.submit(symbol="PG", qty="1", side="buy")
        before = state_of(exchange)
        exchange.kill()
    with running_exchange(state=log) as exchange:
        assert state_of(exchange) == before


def test_lines_are_in_the_file_before_the_answer(tmp_path: Path) -> None:
    log = tmp_path / "day.log"
    with running_exchange(state=log) as exchange:
        for number in range(1, 4):
            exchange.submit(symbol="AAPL", qty="1", side="buy")
            lines = [json.loads(line) for line in log.read_text().splitlines()]
            assert [line["do"] for line in lines[1:]] == ["submit"] * number


def limit_file_size(exchange: ExchangeProcess, size: int) -> None:
    """A full disk: the process may not write any file beyond this size."""
    resource.prlimit(exchange.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def complaint(**options: object) -> str:
    """The one line with which an exchange refuses to start."""
    done = subprocess.run(
        exchange_command(**options), stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 1, done
    (line,) = done.stderr.decode().splitlines()
    return line
