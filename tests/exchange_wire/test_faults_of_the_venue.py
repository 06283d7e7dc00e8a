"""Faults of the venue over the real wire: cancels and changes that fail late, orders by hand, fills out of band."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from wire import WireExchange, running_exchange

PATIENCE_SECONDS = 10.0
MINUTE, LATER = "2022-06-01T13:31:00Z", "2022-06-01T14:00:00Z"
RESTING = {
    "symbol": "KO",
    "qty": "2",
    "side": "buy",
    "type": "limit",
    "limit_price": "1",
    "time_in_force": "gtc",
}


def fault(exchange: WireExchange, kind: str, **rule: Any) -> None:
    answer = exchange.request("POST", "/v1/control/faults", {"fault": kind, **rule})
    assert answer.status == 201, answer


def done(exchange: WireExchange) -> list[tuple[str, str]]:
    log = exchange.get("/v1/control/faults/log")["faults"]
    return [(entry["fault"], entry["where"].split()[0]) for entry in log]


@contextlib.contextmanager
def listening(exchange: WireExchange) -> Iterator[ClientConnection]:
    with connect(exchange.trading_stream, ping_interval=None, close_timeout=0.1) as peer:
        for message in (
            {"action": "auth", "key": exchange.key, "secret": exchange.secret},
            {"action": "listen", "data": {"streams": ["trade_updates"]}},
        ):
            peer.send(json.dumps(message))
            peer.recv(PATIENCE_SECONDS)
        yield peer


def told(peer: ClientConnection, count: int) -> list[tuple[str, str]]:
    """The events of so many order updates, with the status of the order after each."""
    updates = [json.loads(peer.recv(PATIENCE_SECONDS))["data"] for _ in range(count)]
    return [(update["event"], update["order"]["status"]) for update in updates]


def status(exchange: WireExchange, order: dict[str, Any]) -> str:
    return str(exchange.get(f"/v2/orders/{order['id']}")["status"])


def cancel(exchange: WireExchange, order: dict[str, Any]) -> int:
    return exchange.request("DELETE", f"/v2/orders/{order['id']}").status


def test_a_cancel_is_accepted_and_then_rejected(exchange: WireExchange) -> None:
    fault(exchange, "reject_cancel", first=1)
    with listening(exchange) as peer:
        order = exchange.submit(**RESTING)
        assert cancel(exchange, order) == 204
        assert status(exchange, order) == "pending_cancel"
        exchange.advance_fully(MINUTE)
        assert told(peer, 4)[2:] == [("pending_cancel", "pending_cancel"), ("order_cancel_rejected", "new")]
        assert status(exchange, order) == "new"
        assert cancel(exchange, order) == 204
        assert told(peer, 2)[-1] == ("canceled", "canceled")
    assert done(exchange) == [("reject_cancel", "cancel")]


def test_a_cancel_is_stuck_and_the_order_fills_meanwhile(exchange: WireExchange) -> None:
    fault(exchange, "delay_cancel", exchange_seconds=600, symbol="KO")
    fault(exchange, "fill", symbol="KO", at="+60s", qty="1")
    order = exchange.submit(**RESTING)
    assert cancel(exchange, order) == 204
    exchange.advance_fully("2022-06-01T13:39:59Z")
    assert status(exchange, order) in ("pending_cancel", "partially_filled")
    assert exchange.get("/v2/positions/KO")["qty"] == "1"
    exchange.advance_fully("2022-06-01T13:40:00Z")
    assert status(exchange, order) == "canceled"
    assert exchange.get(f"/v2/orders/{order['id']}")["filled_qty"] == "1"


def test_one_of_many_cancels_is_rejected(exchange: WireExchange) -> None:
    fault(exchange, "reject_cancel", ordinals=[2])
    orders = [exchange.submit(**RESTING) for _ in range(3)]
    assert exchange.request("DELETE", "/v2/orders").status == 207
    exchange.advance_fully(MINUTE)
    assert [status(exchange, order) for order in orders] == ["canceled", "new", "canceled"]


def test_a_replacement_is_accepted_and_then_rejected(exchange: WireExchange) -> None:
    fault(exchange, "reject_replace", exchange_seconds=5)
    with listening(exchange) as peer:
        order = exchange.submit(**RESTING)
        power = exchange.get("/v2/account")["buying_power"]
        new = exchange.request("PATCH", f"/v2/orders/{order['id']}", {"limit_price": "2"})
        assert (new.status, status(exchange, order)) == (200, "pending_replace")
        exchange.advance_fully(MINUTE)
        assert (status(exchange, order), status(exchange, new.body)) == ("new", "rejected")
        assert ("order_replace_rejected", "new") in told(peer, 5)
    assert exchange.get("/v2/account")["buying_power"] == power


def test_a_replacement_takes_its_time(exchange: WireExchange) -> None:
    fault(exchange, "delay_replace", exchange_seconds=30)
    order = exchange.submit(**RESTING)
    new = exchange.request("PATCH", f"/v2/orders/{order['id']}", {"limit_price": "2"}).body
    exchange.advance_fully("2022-06-01T13:30:29Z")
    assert status(exchange, order) == "pending_replace"
    exchange.advance_fully(MINUTE)
    assert (status(exchange, order), status(exchange, new)) == ("replaced", "new")


@pytest.mark.parametrize("body", [RESTING, {"symbol": "KO", "qty": "1", "side": "buy", "type": "market"}])
def test_an_order_is_accepted_and_rejected_later(exchange: WireExchange, body: dict[str, Any]) -> None:
    fault(exchange, "reject_submit", exchange_seconds=20, first=1)
    power = exchange.get("/v2/account")["buying_power"]
    with listening(exchange) as peer:
        order = exchange.submit(**body)
        assert order["status"] == "pending_new"
        exchange.advance_fully(MINUTE)
        assert told(peer, 2) == [("pending_new", "pending_new"), ("rejected", "rejected")]
    assert status(exchange, order) == "rejected"
    assert exchange.get("/v2/positions") == []
    assert exchange.get("/v2/account")["buying_power"] == power


def test_somebody_trades_by_hand(exchange: WireExchange) -> None:
    fault(exchange, "manual_order", at=MINUTE, symbol="KO", side="buy", qty="5")
    fault(exchange, "manual_cancel", at=LATER, symbol="PG")
    order = exchange.submit(**RESTING | {"symbol": "PG"})
    with listening(exchange) as peer:
        assert exchange.advance(LATER) == {"now": MINUTE, "updates": 3}
        assert [event for event, _ in told(peer, 3)] == ["pending_new", "new", "fill"]
    assert exchange.get("/v2/positions/KO")["qty"] == "5"
    exchange.advance_fully(LATER)
    assert status(exchange, order) == "canceled"
    assert done(exchange) == [("manual_order", "order"), ("manual_cancel", "manual_cancel")]


def test_both_exits_of_a_bracket_fill(exchange: WireExchange) -> None:
    price = float(exchange.get("/v2/stocks/KO/quotes/latest")["quote"]["ap"])
    exits = {
        "take_profit": {"limit_price": f"{price * 1.5:.2f}"},
        "stop_loss": {"stop_price": f"{price * 0.5:.2f}"},
    }
    exchange.submit(symbol="KO", qty="3", side="buy", order_class="bracket", **exits)
    fault(exchange, "both_legs", at=MINUTE)
    exchange.advance_fully(MINUTE)
    assert exchange.get("/v2/positions/KO")["qty"] == "-3"
    assert done(exchange) == [("both_legs", "fill"), ("both_legs", "fill")]


def test_an_order_is_rejected_by_the_venue_at_an_instant(exchange: WireExchange) -> None:
    fault(exchange, "reject", at=MINUTE, which="newest")
    first, second = exchange.submit(**RESTING), exchange.submit(**RESTING)
    exchange.advance_fully(LATER)
    assert [status(exchange, order) for order in (first, second)] == ["new", "rejected"]


def test_the_account_is_reset(exchange: WireExchange) -> None:
    exchange.submit(symbol="KO", qty="1", side="buy")
    before = exchange.get("/v2/account")
    fault(exchange, "reset", at=MINUTE, cash="5000")
    with listening(exchange) as peer:
        exchange.advance_fully(LATER)
        with pytest.raises(ConnectionClosed):
            peer.recv(PATIENCE_SECONDS)
    after = exchange.get("/v2/account")
    assert after["id"] != before["id"]
    assert (after["cash"], exchange.get("/v2/positions"), exchange.get("/v2/orders", status="all")) == (
        "5000",
        [],
        [],
    )


def test_a_symbol_is_halted_for_a_while(exchange: WireExchange) -> None:
    fault(exchange, "halt", at=MINUTE, symbol="KO", exchange_seconds=600)
    exchange.advance_fully(MINUTE)
    order = {"symbol": "KO", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
    refused = exchange.request("POST", "/v2/orders", order)
    assert "trading halt" in refused.body["message"]
    limit = exchange.submit(**order | {"type": "limit", "limit_price": "100"})
    exchange.advance_fully("2022-06-01T13:40:59Z")
    assert status(exchange, limit) == "new"
    exchange.advance_fully("2022-06-01T13:42:00Z")
    assert status(exchange, limit) == "filled"
    assert done(exchange) == [("halt", "halt")]


def test_another_world_begins_with_nothing_that_was_due_in_the_old_one(exchange: WireExchange) -> None:
    fault(exchange, "manual_order", at=LATER, symbol="KO", side="buy", qty="5")
    assert exchange.request("POST", "/v1/control/world", {"seed": 8}).status in (200, 201)
    assert exchange.get("/v2/positions") == []
    exchange.advance_fully(MINUTE)
    assert done(exchange) == []
    exchange.advance_fully(LATER)
    assert exchange.get("/v2/positions/KO")["qty"] == "5"


def test_what_nobody_can_do_is_not_recorded(exchange: WireExchange) -> None:
    fault(exchange, "both_legs", at=MINUTE)
    fault(exchange, "manual_order", at=MINUTE, symbol="KO", side="buy", qty="1000000")
    exchange.advance_fully(LATER)
    assert done(exchange) == []
    assert exchange.get("/v1/control/faults")["rules"][1]["matched"] == {exchange.key: 1}


@pytest.mark.parametrize(
    "rule",
    [
        {"fault": "manual_order", "at": MINUTE, "symbol": "KO", "side": "buy", "qty": "many"},
        {"fault": "fill", "at": MINUTE, "price": "-1"},
        {"fault": "reset", "at": MINUTE, "cash": "-1"},
        {"fault": "delay_cancel"},
        {"fault": "reject_cancel", "exchange_seconds": -1},
    ],
)
def test_a_rule_that_could_not_be_done_is_refused(exchange: WireExchange, rule: dict[str, Any]) -> None:
    assert exchange.request("POST", "/v1/control/faults", rule).status == 422


SCHEDULE = f"""
seed = 3
[[rule]]
fault = "delay_cancel"
exchange_seconds = [30, 300]
probability = 0.5
[[rule]]
fault = "reject_submit"
exchange_seconds = 10
every = 5
[[rule]]
fault = "manual_order"
at = {MINUTE}
symbol = "PG"
side = "buy"
qty = "1"
[[rule]]
fault = "halt"
at = "+2m"
symbol = "KO"
exchange_seconds = [60, 300]
[[rule]]
fault = "fill"
at = "+10m"
which = "all"
qty = "1"
"""


def lived(exchange: WireExchange) -> list[Any]:
    for number in range(8):
        order = exchange.submit(**RESTING, client_order_id=f"order {number}")
        if number % 2:
            cancel(exchange, order)
    for minute in range(31, 45):
        exchange.advance_fully(f"2022-06-01T13:{minute}:00Z")
    return [exchange.get("/v2/orders", status="all", limit=500), exchange.get("/v2/positions")]


@pytest.mark.slow
def test_a_schedule_replays_and_a_killed_exchange_needs_no_rules_to_continue(tmp_path: Path) -> None:
    schedule, replay, state = tmp_path / "schedule.toml", tmp_path / "replay.json", tmp_path / "state"
    schedule.write_text(SCHEDULE)
    stories, logs = [], []
    for hash_seed, file in (("1", schedule), ("2", schedule), ("3", replay)):
        keep = {"state": state} if hash_seed == "1" else {}
        with running_exchange({"PYTHONHASHSEED": hash_seed}, faults=file, **keep) as exchange:
            stories.append(lived(exchange))
            logs.append(done(exchange))
            replay.write_text(json.dumps(exchange.get("/v1/control/faults/log", form="schedule")))
            if keep:
                exchange.kill()
    assert stories[0] == stories[1] == stories[2]
    assert logs[0] == logs[1] == logs[2]
    assert {kind for kind, _ in logs[0]} == {"delay_cancel", "reject_submit", "manual_order", "halt", "fill"}
    with running_exchange(state=state) as exchange:
        again = [exchange.get("/v2/orders", status="all", limit=500), exchange.get("/v2/positions")]
    assert again == stories[0]
