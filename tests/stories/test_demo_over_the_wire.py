"""Whole market days against the embedded exchange over HTTP and WebSocket, through alpaca-py."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from stories.runs import demo_command, facts_of, fills_of, orders_of, run_demo_process

from the_alchemiser.demo import DemoOptions, demo_settings, run_demo
from the_alchemiser.domain.facts import DayClosed, Fact, FillBooked, OrderIntended, TradeApproved
from the_alchemiser.research.backtests import BacktestOptions, run_backtest

pytestmark = pytest.mark.slow

PARITY_DAYS = 20
KILL_POLL_SECONDS = 0.02
KILL_SECONDS_MAX = 60


def test_the_wire_and_virtual_time_trade_the_same_twenty_days(tmp_path: Path) -> None:
    demo = run_demo(DemoOptions(days=PARITY_DAYS, out=tmp_path))
    over_wire = facts_of(tmp_path)
    direct = run_backtest(BacktestOptions(days=PARITY_DAYS), demo_settings(tmp_path))
    virtual = list(direct.facts.read())

    assert len(fills_of(over_wire)) > PARITY_DAYS
    assert orders_of(over_wire) == orders_of(virtual)
    assert fills_of(over_wire) == fills_of(virtual)
    assert demo.performance.equity_end == direct.performance.equity_end


@pytest.mark.spec("S2-46")
def test_a_demo_ends_reconciled_to_the_cent_and_reported(tmp_path: Path) -> None:
    result = run_demo(DemoOptions(days=5, out=tmp_path)).as_json()

    assert result["days"] == 5
    assert result["reconciled"] is True
    assert result["differences"] == []
    assert result["equity_identity_difference"] == 0
    assert result["orders_filled"] > 0
    assert "Simulated" in Path(result["report"]).read_text(encoding="utf-8")


def test_two_processes_with_other_hash_seeds_and_time_zones_write_the_same_journal(tmp_path: Path) -> None:
    here = run_demo_process(tmp_path / "a", 3, {"PYTHONHASHSEED": "1", "TZ": "Pacific/Auckland"})
    there = run_demo_process(tmp_path / "b", 3, {"PYTHONHASHSEED": "2", "TZ": "America/Anchorage"})

    assert here["journal_digest"] == there["journal_digest"]


@pytest.mark.parametrize("fills_before_the_kill", [0, 1, 30])
def test_a_demo_killed_in_the_middle_of_a_day_continues_it(
    tmp_path: Path, fills_before_the_kill: int
) -> None:
    _kill_when(tmp_path, lambda facts: _orders(facts) > 0 and _fills(facts) >= fills_before_the_kill)
    before = facts_of(tmp_path)

    result = run_demo_process(tmp_path, 4)
    after = facts_of(tmp_path)

    assert after[: len(before)] == before
    assert result["days"] == 4
    assert result["reconciled"] is True
    assert result["differences"] == []
    assert [fact.session for fact in after if isinstance(fact, DayClosed)] == [
        "2021-01-04",
        "2021-01-05",
        "2021-01-06",
        "2021-01-07",
    ]
    assert _nothing_is_doubled(after)


def _kill_when(folder: Path, is_time: object) -> None:
    """Start a demo and kill -9 it as soon as its journal satisfies the condition."""
    process = subprocess.Popen(demo_command(folder, 4), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + KILL_SECONDS_MAX
    try:
        while not ((folder / "alchemiser.db").exists() and is_time(_facts_so_far(folder))):  # type: ignore[operator]
            assert time.monotonic() < deadline, "the demo never came that far"
            assert process.poll() is None, "the demo ended before it could be killed"
            time.sleep(KILL_POLL_SECONDS)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _facts_so_far(folder: Path) -> list[Fact]:
    try:
        return facts_of(folder)
    except Exception:  # noqa: BLE001 - the file is just being made
        return []


def _orders(facts: list[Fact]) -> int:
    return sum(isinstance(fact, OrderIntended) for fact in facts)


def _fills(facts: list[Fact]) -> int:
    return sum(isinstance(fact, FillBooked) for fact in facts)


def _nothing_is_doubled(facts: list[Fact]) -> bool:
    names = Counter(fact.request.client_order_id for fact in facts if isinstance(fact, OrderIntended))
    approved = {
        (fact.cycle_id, fact.trade.symbol): fact.trade.shares
        for fact in facts
        if isinstance(fact, TradeApproved)
    }
    filled: Counter[tuple[str, str]] = Counter()
    for fact in facts:
        if isinstance(fact, FillBooked):
            filled[fact.cycle_id, fact.fill.symbol] += fact.fill.shares  # type: ignore[assignment]
    return max(names.values()) == 1 and all(filled[key] <= approved[key] for key in filled)
