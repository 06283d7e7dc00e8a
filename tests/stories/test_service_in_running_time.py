"""The service against an exchange whose clock runs by itself, whatever happens to the service."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from stories.runs import facts_of
from wire import WireExchange, running_exchange

from the_alchemiser.domain.facts import DayClosed, Fact, FillBooked, OrderIntended, Reconciled

pytestmark = pytest.mark.slow

BEFORE_THE_CYCLE = "2021-01-04T20:43:00Z"
SHORT_CYCLE = {"CYCLE__MINUTES_BEFORE_CLOSE": "14", "CYCLE__WALK_INTERVAL_SECONDS": "120"}
SPEED = 40
"""The last quarter of an hour takes less than half a minute. Faster, and a busy machine makes every quote old."""
WAIT_SECONDS_MAX = 150
POLL_SECONDS = 0.05
STOP_SECONDS_MAX = 15


def test_a_service_killed_while_it_trades_finishes_the_day_after_its_restart(tmp_path: Path) -> None:
    with running_exchange(speed=str(SPEED), start=BEFORE_THE_CYCLE) as exchange:
        first = _service(exchange, tmp_path)
        _wait(tmp_path, first, lambda facts: _count(facts, FillBooked) >= 1)
        first.send_signal(signal.SIGKILL)
        first.wait()
        second = _service(exchange, tmp_path)
        _wait(tmp_path, second, lambda facts: _count(facts, DayClosed) >= 1)
        second.send_signal(signal.SIGTERM)
        code = second.wait(STOP_SECONDS_MAX)
        at_exchange = exchange.request("GET", "/v2/orders?status=all&limit=500").body
    facts = facts_of(tmp_path)
    named = Counter(fact.request.client_order_id for fact in facts if isinstance(fact, OrderIntended))
    last = [fact for fact in facts if isinstance(fact, Reconciled)][-1]

    assert code == 0
    assert last.differences == ()
    assert max(named.values()) == 1
    assert {order["client_order_id"] for order in at_exchange} <= set(named)
    bought = sum(fact.fill.shares for fact in facts if isinstance(fact, FillBooked))
    assert bought == sum(int(order["filled_qty"]) for order in at_exchange)


def _service(exchange: WireExchange, folder: Path) -> subprocess.Popen[bytes]:
    environ = {
        **os.environ,
        **SHORT_CYCLE,
        "ALPACA_API_KEY": exchange.key,
        "ALPACA_SECRET_KEY": exchange.secret,
        "ALPACA_BASE_URL": exchange.rest,
        "DATA_DIR": str(folder),
    }
    command = [sys.executable, "-m", "the_alchemiser", "run"]
    return subprocess.Popen(
        command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=folder
    )


def _wait(folder: Path, service: subprocess.Popen[bytes], is_so: Callable[[list[Fact]], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not is_so(_facts_so_far(folder)):
        assert service.poll() is None, "the service ended by itself"
        assert time.monotonic() < deadline, "it did not come that far in time"
        time.sleep(POLL_SECONDS)


def _facts_so_far(folder: Path) -> list[Fact]:
    try:
        return facts_of(folder)
    except Exception:  # noqa: BLE001 - the file is just being made
        return []


def _count(facts: list[Fact], kind: type) -> int:
    return sum(isinstance(fact, kind) for fact in facts)
