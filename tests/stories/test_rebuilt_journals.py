"""A journal that was damaged, put back from an older copy or lost, and the broker that still knows everything."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from stories.runs import facts_of
from stories.services import (
    BEFORE_THE_CYCLE,
    count,
    facts_so_far,
    said_by_services,
    service,
    wait_for_facts,
)
from wire import ExchangeProcess, running_exchange

from the_alchemiser.domain.facts import Fact, FillBooked, JournalRebuilt, OrderImported, Reconciled

pytestmark = pytest.mark.slow

FILE, LOG = "alchemiser.db", "alchemiser.db-wal"
COMMAND_SECONDS_MAX = 60
SPEED = 15
"""No close is waited for, so time may pass slowly, and a busy machine makes no quote old."""


@pytest.fixture
def exchange() -> Iterator[ExchangeProcess]:
    with running_exchange(speed=str(SPEED), start=BEFORE_THE_CYCLE) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder, inside a folder of the test's own: the journal's end is noted beside it."""
    place = tmp_path / "data"
    place.mkdir()
    return place


def alchemiser(exchange: ExchangeProcess, folder: Path, *words: str) -> tuple[int, dict[str, Any], str]:
    """A command's exit code, its JSON and what it said."""
    environ = {
        **os.environ,
        "ALPACA_API_KEY": exchange.key,
        "ALPACA_SECRET_KEY": exchange.secret,
        "ALPACA_BASE_URL": exchange.rest,
        "DATA_DIR": str(folder),
    }
    done = subprocess.run(
        [sys.executable, "-m", "the_alchemiser", *words, "--json"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS_MAX,
        cwd=folder,
        check=False,
    )
    return done.returncode, json.loads(done.stdout), done.stderr


def traded_and_killed(exchange: ExchangeProcess, folder: Path, backup: Path | None = None) -> None:
    """A service that was killed in the middle of its cycle, with some orders filled and others open.

    `backup` becomes a copy of its journal from before the cycle.
    """
    running = service(exchange, folder)
    if backup is not None:
        wait_for_facts(folder, running, lambda facts: count(facts, Reconciled) >= 1)
        with closing(sqlite3.connect(folder / FILE)) as source, closing(sqlite3.connect(backup)) as copy:
            source.backup(copy)
    wait_for_facts(folder, running, lambda facts: count(facts, FillBooked) >= 2)
    running.send_signal(signal.SIGKILL)
    running.wait()


def refused(exchange: ExchangeProcess, folder: Path) -> str:
    """What a start says that must not trade."""
    running = service(exchange, folder)
    assert running.wait(COMMAND_SECONDS_MAX) == 1
    return said_by_services(folder)


def goes_on(exchange: ExchangeProcess, folder: Path) -> list[Fact]:
    """Start again, compare with the broker once more and stop; the facts then."""
    before = count(facts_so_far(folder), Reconciled)
    running = service(exchange, folder)
    wait_for_facts(folder, running, lambda facts: count(facts, Reconciled) > before)
    running.send_signal(signal.SIGTERM)
    assert running.wait(COMMAND_SECONDS_MAX) == 0
    return facts_of(folder)


def assert_whole(exchange: ExchangeProcess, facts: list[Fact]) -> None:
    """Both sides agree, and no name was given twice: each id at the exchange is one order's."""
    orders = exchange.request("GET", "/v2/orders?status=all&limit=500").body
    assert [fact for fact in facts if isinstance(fact, Reconciled)][-1].differences == ()
    assert max(Counter(order["client_order_id"] for order in orders).values()) == 1
    held = {one["symbol"]: one["qty"] for one in exchange.get("/v2/positions")}
    assert held, "nothing was traded: the story proves nothing"


def turn_a_byte(path: Path, at: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * at)] ^= 0xFF
    path.write_bytes(bytes(content))


def test_a_damaged_journal_refuses_to_trade_and_is_rebuilt_from_what_is_left_and_the_broker(
    exchange: ExchangeProcess, folder: Path
) -> None:
    traded_and_killed(exchange, folder)
    whole = (folder / LOG).read_bytes()
    turn_a_byte(folder / LOG, 0.6)
    assert "`alchemiser db rebuild` restores it" in refused(exchange, folder)

    (folder / LOG).write_bytes(whole)
    turn_a_byte(folder / LOG, 0.6)
    code, look, _ = alchemiser(exchange, folder, "db", "rebuild", "--dry-run")
    assert (code, look["changed"], look["evidence"]) == (0, False, None)
    before = sorted(path.name for path in folder.iterdir())
    code, done, _ = alchemiser(exchange, folder, "db", "rebuild")
    assert code == 0
    assert done["reconciled"]
    assert done["kept"] == look["kept"] > 0
    assert done["reason"]
    assert Path(done["evidence"]).exists()
    assert set(before) <= {path.name for path in folder.iterdir()} | {LOG, f"{FILE}-shm"}
    assert alchemiser(exchange, folder, "audit", "verify")[1]["sound"]

    facts = goes_on(exchange, folder)
    (rebuilt,) = [fact for fact in facts if isinstance(fact, JournalRebuilt)]
    assert (rebuilt.kept, rebuilt.evidence) == (done["kept"], Path(done["evidence"]).name)
    assert_whole(exchange, facts)


def test_an_older_copy_put_back_is_refused_and_its_gap_comes_from_the_broker(
    exchange: ExchangeProcess, folder: Path, tmp_path: Path
) -> None:
    traded_and_killed(exchange, folder, tmp_path / "backup.db")
    for name in (LOG, f"{FILE}-shm"):
        (folder / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.db", folder / FILE)

    assert "the journal once ended at" in refused(exchange, folder)
    code, done, _ = alchemiser(exchange, folder, "db", "rebuild")
    assert code == 0
    assert done["orders_imported"] >= 2
    assert done["fills_booked"] >= 2
    facts = goes_on(exchange, folder)
    assert count(facts, OrderImported) == done["orders_imported"]
    assert_whole(exchange, facts)


def test_with_no_file_left_at_all_open_orders_and_positions_come_from_the_broker(
    exchange: ExchangeProcess, folder: Path, tmp_path: Path
) -> None:
    traded_and_killed(exchange, folder)
    shutil.rmtree(folder)
    folder.mkdir()
    assert "entry 1 and all after it are gone" in refused(exchange, folder)
    shutil.rmtree(folder)
    folder.mkdir()
    code, done, _ = alchemiser(exchange, folder, "db", "rebuild")
    assert code == 0
    assert (done["kept"], done["reason"], done["evidence"]) == (0, "the file is gone", None)
    assert done["orders_imported"] >= 2
    facts = goes_on(exchange, folder)
    assert_whole(exchange, facts)


def test_with_file_and_note_lost_a_plain_start_takes_over_what_the_broker_holds(
    exchange: ExchangeProcess, folder: Path, tmp_path: Path
) -> None:
    traded_and_killed(exchange, folder)
    shutil.rmtree(folder)
    folder.mkdir()
    (tmp_path / "data.anchor").unlink()
    facts = goes_on(exchange, folder)
    assert count(facts, OrderImported) >= 2
    assert_whole(exchange, facts)


def test_an_older_copy_without_the_note_is_found_out_by_the_broker(
    exchange: ExchangeProcess, folder: Path, tmp_path: Path
) -> None:
    traded_and_killed(exchange, folder, tmp_path / "backup.db")
    for name in (LOG, f"{FILE}-shm"):
        (folder / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.db", folder / FILE)
    (tmp_path / "data.anchor").unlink()
    facts = goes_on(exchange, folder)
    assert count(facts, OrderImported) >= 2
    assert_whole(exchange, facts)
