"""The schedules of docs/exchange-faults.md: each loads, and a program trades through each and keeps its books."""

import contextlib
import re
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from wire import WireExchange, exchange_in_thread

from the_alchemiser.exchange.faults.happenings import Happening
from the_alchemiser.exchange.faults.schedule import Schedule, read_schedule

DOCUMENT = Path(__file__).parents[2] / "docs" / "exchange-faults.md"
SCHEDULES = [
    block
    for block in re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    if "[[rule]]" in block
]
NAMES = ("ordinary", "bad", "chaos")


def kept(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "schedule.toml"
    file.write_text(text)
    return file


def test_there_are_three() -> None:
    assert len(SCHEDULES) == len(NAMES)


@pytest.mark.parametrize("number", range(3), ids=NAMES)
def test_a_schedule_of_the_docs_loads(tmp_path: Path, number: int) -> None:
    schedule = read_schedule(kept(tmp_path, SCHEDULES[number]))
    assert schedule != Schedule()
    assert len(schedule.rules) >= 4


def stubborn(exchange: WireExchange, method: str, path: str, body: Any = None) -> Any:
    """Asks until there is a good answer; an order that is there already is one."""
    for _ in range(50):
        with contextlib.suppress(requests.RequestException, ValueError):
            answer = requests.request(
                method, exchange.rest + path, json=body, headers=exchange.headers, timeout=0.5
            )
            read = answer.json()
            if answer.ok:
                return read
            if "unique" in read.get("message", ""):
                return None
    raise AssertionError(f"{method} {path} never worked")


@pytest.mark.slow
@pytest.mark.parametrize("number", range(3), ids=NAMES)
def test_a_stubborn_program_trades_through_it(tmp_path: Path, number: int) -> None:
    file = kept(tmp_path, SCHEDULES[number])
    begun = time.monotonic()
    with exchange_in_thread(faults=file, requests_per_minute=0, start="2022-06-01") as exchange:
        for ordinal in range(15):
            order = {"symbol": "PG", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
            stubborn(exchange, "POST", "/v2/orders", {**order, "client_order_id": f"order {ordinal}"})
            stubborn(exchange, "GET", "/v2/positions")
        exchange.advance_fully("2022-06-01T19:00:00Z")
        faults = exchange.get("/v1/control/faults")
        exchange.request("DELETE", "/v1/control/faults")
        orders = [
            order for order in exchange.get("/v2/orders", status="all", limit=500) if order["symbol"] == "PG"
        ]
        filled = sum(float(order["filled_qty"]) for order in orders)
        held = [position for position in exchange.get("/v2/positions") if position["symbol"] == "PG"]
        assert {order["client_order_id"] for order in orders} >= {f"order {ordinal}" for ordinal in range(15)}
        assert filled == sum(float(position["qty"]) for position in held)
    assert faults["injected"] > 0
    assert time.monotonic() - begun < 60


def test_what_happens_by_itself_in_chaos_happens_in_its_order(tmp_path: Path) -> None:
    rules = read_schedule(kept(tmp_path, SCHEDULES[2])).rules
    assert [rule.kind for rule in rules if isinstance(rule, Happening)] == [
        "manual_order",
        "both_legs",
        "manual_cancel",
    ]
