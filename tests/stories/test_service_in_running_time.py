"""The service against an exchange whose clock runs by itself, whatever happens to the service."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest
from stories.services import (
    BEFORE_THE_CYCLE,
    SPEED,
    assert_nothing_lost_or_doubled,
    count,
    facts_so_far,
    service,
    wait_for_facts,
    wait_until,
)
from wire import ExchangeProcess, running_exchange

from the_alchemiser.domain.facts import AlertRaised, DayClosed, FillBooked, OrderIntended, TradingStateChanged
from the_alchemiser.domain.intent import TradingState
from the_alchemiser.runtime.starts import FAILED_MAX
from the_alchemiser.service import STARTS_FILE

pytestmark = pytest.mark.slow

STOP_SECONDS_MAX = 5.0
"""However the broker behaves."""
OUTAGE_SECONDS = 2.0
"""Long enough for every conversation to hang or to wait for its next try."""


def fallen_silent(exchange: ExchangeProcess) -> None:
    """It takes connections and answers none."""
    exchange.process.send_signal(signal.SIGSTOP)


def failing(exchange: ExchangeProcess) -> None:
    """Every answer is a 503, and every read is tried again."""
    exchange.request(
        "POST", "/v1/control/faults", {"fault": "error", "status": 503, "route": "GET,POST,DELETE /v2/*"}
    )


def well_again(exchange: ExchangeProcess) -> None:
    exchange.process.send_signal(signal.SIGCONT)
    exchange.request("DELETE", "/v1/control/faults")


def stopped(running: subprocess.Popen[bytes], number: signal.Signals) -> float:
    """How many seconds the process took to end."""
    asked = time.monotonic()
    running.send_signal(number)
    running.wait(60)
    return time.monotonic() - asked


def finish_the_day(exchange: ExchangeProcess, folder: Path) -> None:
    """The next start, whatever ended the one before: the day is finished and nothing was lost or doubled."""
    running = service(exchange, folder)
    wait_for_facts(folder, running, lambda facts: count(facts, DayClosed) >= 1)
    assert stopped(running, signal.SIGTERM) <= STOP_SECONDS_MAX
    assert running.returncode == 0
    assert_nothing_lost_or_doubled(exchange, folder)


def test_a_service_killed_while_it_trades_finishes_the_day_after_its_restart(tmp_path: Path) -> None:
    with running_exchange(speed=str(SPEED), start=BEFORE_THE_CYCLE) as exchange:
        first = service(exchange, tmp_path)
        wait_for_facts(tmp_path, first, lambda facts: count(facts, FillBooked) >= 1)
        first.send_signal(signal.SIGKILL)
        first.wait()
        finish_the_day(exchange, tmp_path)


@pytest.mark.parametrize(
    ("outage", "number"),
    [(fallen_silent, signal.SIGTERM), (failing, signal.SIGINT)],
    ids=["silent", "failing"],
)
def test_a_stop_in_an_outage_takes_five_seconds_at_most_and_leaves_what_a_kill_leaves(
    tmp_path: Path, outage: object, number: signal.Signals
) -> None:
    with running_exchange(speed=str(SPEED), start=BEFORE_THE_CYCLE) as exchange:
        first = service(exchange, tmp_path)
        wait_for_facts(tmp_path, first, lambda facts: count(facts, FillBooked) >= 1)
        outage(exchange)  # type: ignore[operator]
        time.sleep(OUTAGE_SECONDS)
        assert stopped(first, number) <= STOP_SECONDS_MAX
        assert first.returncode == 0
        well_again(exchange)
        finish_the_day(exchange, tmp_path)


def test_the_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with running_exchange(speed=str(SPEED), start=BEFORE_THE_CYCLE) as exchange:
        running = service(exchange, tmp_path)
        wait_for_facts(tmp_path, running, lambda facts: count(facts, FillBooked) >= 1)
        fallen_silent(exchange)
        time.sleep(OUTAGE_SECONDS)
        running.send_signal(signal.SIGINT)
        time.sleep(0.2)
        if running.poll() is None:
            assert stopped(running, signal.SIGINT) <= 1
            assert running.returncode == 128 + signal.SIGINT
        well_again(exchange)
        os.kill(exchange.process.pid, signal.SIGCONT)


def test_while_the_disk_is_full_nothing_is_sent_and_when_space_returns_the_day_is_finished(
    tmp_path: Path,
) -> None:
    """No file of the process may grow beyond a few bytes: for its journal the disk is full, and for its log, too."""
    with running_exchange(speed=str(SPEED), start=BEFORE_THE_CYCLE) as exchange:
        running = service(exchange, tmp_path)
        wait_for_facts(tmp_path, running, lambda facts: count(facts, FillBooked) >= 1)
        no_limit = resource.prlimit(running.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (1024, no_limit[1]))
        time.sleep(OUTAGE_SECONDS)
        known = {
            fact.request.client_order_id for fact in facts_so_far(tmp_path) if isinstance(fact, OrderIntended)
        }
        sent = {order["client_order_id"] for order in exchange.get("/v2/orders", status="all", limit=500)}
        assert sent <= known
        assert running.poll() is None
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, no_limit)
        wait_for_facts(tmp_path, running, lambda facts: count(facts, DayClosed) >= 1)
        assert stopped(running, signal.SIGTERM) <= STOP_SECONDS_MAX
        assert running.returncode == 0
        assert_nothing_lost_or_doubled(exchange, tmp_path)
        texts = [fact.text for fact in facts_so_far(tmp_path) if isinstance(fact, AlertRaised)]
    assert any("nothing was sent for" in text for text in texts)


def test_a_service_that_keeps_dying_starts_carefully(tmp_path: Path) -> None:
    with running_exchange(speed=str(SPEED), start="2021-01-04T15:00:00Z") as exchange:
        for _ in range(FAILED_MAX):
            known = started(tmp_path)
            running = service(exchange, tmp_path)
            wait_until(lambda known=known: started(tmp_path) > known)
            running.kill()
            running.wait()
        running = service(exchange, tmp_path)
        wait_for_facts(tmp_path, running, lambda facts: count(facts, TradingStateChanged) >= 1)
        (change,) = [fact for fact in facts_so_far(tmp_path) if isinstance(fact, TradingStateChanged)][:1]
        assert change.state is TradingState.REDUCING
        assert "came to no good end" in change.reason
        assert stopped(running, signal.SIGTERM) <= STOP_SECONDS_MAX
    assert not (tmp_path / STARTS_FILE).exists()


def started(folder: Path) -> int:
    """How many starts the folder remembers."""
    try:
        return len(json.loads((folder / STARTS_FILE).read_text()))
    except FileNotFoundError:
        return 0
