"""What the looking commands answer about a traded demo: its own numbers, in one document or for people."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from pathlib import Path
from shutil import copytree

import pytest
from cli.command_line import CommandLine, InThisProcess, Ran, interrupt, keys_of
from wire import WireExchange

from the_alchemiser.store.anchor import Anchor
from the_alchemiser.store.chain import Tip

pytestmark = pytest.mark.slow


def test_the_status_tells_the_same_numbers_as_the_demo(traded: tuple[CommandLine, Ran]) -> None:
    alchemiser, demo = traded
    ran = alchemiser("status", "--json")
    status = ran.document
    assert (ran.code, ran.err) == (0, "")
    assert status["equity"] == demo.document["equity_end"]
    assert status["cash"] == demo.document["cash"]
    assert (status["reconciled"], status["orders_open"]) == (True, 0)
    assert status["journal_digest"] == demo.document["journal_digest"]
    assert (status["lease"]["is_held"], status["lease"]["epoch"]) == (False, 1)
    assert "New York: to the cent" in alchemiser("status").out
    assert "nobody trades; last was process " in alchemiser("status").out


def test_the_positions_are_those_the_demo_ended_with(traded: tuple[CommandLine, Ran]) -> None:
    alchemiser, demo = traded
    positions = alchemiser("positions", "--json").document["positions"]
    assert {one["symbol"]: one["shares"] for one in positions} == demo.document["positions"]
    value = sum(Decimal(one["value"]) for one in positions)
    assert value + Decimal(demo.document["cash"]) == Decimal(demo.document["equity_end"])


def test_orders_can_be_asked_for_by_their_state(traded: tuple[CommandLine, Ran]) -> None:
    alchemiser, demo = traded
    every = alchemiser("orders", "--status", "all", "--limit", 1_000, "--json").document["orders"]
    assert len(every) == demo.document["orders_submitted"]
    assert alchemiser("orders", "--json").document == {"orders": []}
    assert "There are no open orders; --status all lists every order." in alchemiser("orders").out
    assert len(alchemiser("orders", "--status", "closed", "--limit", 3, "--json").document["orders"]) == 3


def test_the_activity_is_told_newest_first(traded: tuple[CommandLine, Ran]) -> None:
    alchemiser, _ = traded
    activity = alchemiser("activity", "--limit", 30, "--json").document["activity"]
    times = [one["at"] for one in activity]
    assert len(times) == 30
    assert times == sorted(times, reverse=True)
    assert {"fill", "cycle", "day"} <= {one["kind"] for one in activity}


def test_the_strategies_are_listed_with_their_share_and_what_they_earned(
    traded: tuple[CommandLine, Ran],
) -> None:
    alchemiser, _ = traded
    ran = alchemiser("strategies", "--json", STRATEGIES__WEIGHTS="momentum=0.4")
    rows = {one["name"]: one for one in ran.document["strategies"]}
    assert (rows["momentum"]["weight"], rows["inverse_volatility"]["weight"]) == (Decimal("0.4"), None)
    assert rows["momentum"]["contribution"] is not None


def test_the_journal_verifies_and_the_tables_can_be_made_again(traded: tuple[CommandLine, Ran]) -> None:
    alchemiser, demo = traded
    digest = demo.document["journal_digest"]
    verified = alchemiser("audit", "verify", "--json").document
    assert (verified["sound"], verified["digest"]) == (True, digest)
    assert alchemiser("db", "rebuild", "--json").document["digest"] == digest
    assert alchemiser("db", "upgrade", "--json").document == {"changed": False}
    assert alchemiser("audit", "verify", "--anchor", f"{verified['entries']}:{digest}").code == 0


def test_the_audit_compares_with_the_end_that_was_noted_beside_the_data(
    traded: tuple[CommandLine, Ran], tmp_path: Path
) -> None:
    copytree(traded[0].folder, tmp_path, dirs_exist_ok=True)
    alchemiser, digest = InThisProcess(tmp_path), traded[1].document["journal_digest"]
    entries = alchemiser("audit", "verify", "--json").document["entries"]
    note = Anchor(tmp_path / "alchemiser-data.anchor")
    note.note(Tip(entries, digest))
    assert alchemiser("audit", "verify", "--json").document["anchor"] == {"entry": entries, "digest": digest}
    note.note(Tip(entries + 7, digest))
    ran = alchemiser("audit", "verify", "--json")
    assert (ran.code, ran.document["bad_entry"]) == (1, entries + 1)
    assert "`alchemiser db rebuild` restores it" in ran.complaint
    look = alchemiser("db", "rebuild", "--dry-run", "--json", ALPACA_BASE_URL="http://127.0.0.1:9")
    assert look.code != 0, "without a broker nothing can be looked up, and nothing is changed"
    assert alchemiser("db", "rebuild", "--data", "nowhere").code == 1


def test_an_edited_journal_fails_the_audit_and_the_entry_is_named(
    traded: tuple[CommandLine, Ran], tmp_path: Path
) -> None:
    copytree(traded[0].folder, tmp_path, dirs_exist_ok=True)
    with sqlite3.connect(tmp_path / "alchemiser-data" / "alchemiser.db") as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute("UPDATE journal SET body = replace(body, '100000', '900000') WHERE seq = 1")
    ran = InThisProcess(tmp_path)("audit", "verify", "--json")
    assert ran.code == 1
    assert (ran.document["sound"], ran.document["bad_entry"]) == (False, 1)
    assert "entry 1 had its body edited" in ran.complaint


def test_the_configuration_says_where_values_come_from_and_masks_secrets(quickly: CommandLine) -> None:
    (quickly.folder / "alchemiser.toml").write_text("[risk]\ndaily_loss_limit = 500\n")
    ran = quickly("--data", "elsewhere", "config", "show", "--json", LOG_LEVEL="DEBUG")
    shown = {one["name"]: (one["value"], one["from"]) for one in ran.document["settings"]}
    assert shown["RISK__DAILY_LOSS_LIMIT"] == ("500", "alchemiser.toml")
    assert shown["LOG_LEVEL"] == ("DEBUG", "environment")
    assert shown["DATA_DIR"] == ("elsewhere", "command line")
    assert shown["JWT_SECRET_KEY"] == ("********", "environment")


@pytest.mark.parametrize("command", ["status", "positions", "orders", "activity", "strategies"])
def test_the_data_folder_may_stand_before_or_behind_the_command(
    traded: tuple[CommandLine, Ran], command: str, tmp_path: Path
) -> None:
    alchemiser, _ = traded
    data_dir, elsewhere = alchemiser.folder / "alchemiser-data", InThisProcess(tmp_path)
    before, behind = (
        elsewhere("--data", data_dir, command, "--json"),
        elsewhere(command, "--data", data_dir, "--json"),
    )
    assert (behind.code, behind.document) == (0, before.document)


def test_the_folder_behind_the_command_wins(quickly: CommandLine) -> None:
    ran = quickly("--data", "one", "config", "show", "--data", "other", "--json")
    assert {one["value"] for one in ran.document["settings"] if one["name"] == "DATA_DIR"} == {"other"}


def test_a_dry_run_shows_the_plan_and_each_verdict_and_sends_nothing(
    alchemiser: CommandLine, market: WireExchange
) -> None:
    settings = keys_of(market) | {"RISK__MAX_ORDER_NOTIONAL": "9000"}
    ran = alchemiser("cycle", "--dry-run", "--json", **settings)
    assert ran.code == 0, ran
    verdicts = {trade["verdict"] for trade in ran.document["trades"]}
    assert (ran.document["sent"], verdicts) == (False, {"approved", "refused"})
    assert "Nothing was sent." in alchemiser("cycle", "--dry-run", **settings).out
    assert market.get("/v2/orders", status="all") == []
    assert not (alchemiser.folder / "alchemiser-data" / "alchemiser.db").exists()


def test_a_dry_run_of_one_strategy_plans_that_strategy_alone(
    alchemiser: CommandLine, market: WireExchange
) -> None:
    ran = alchemiser("cycle", "--dry-run", "--strategy", "momentum", "--json", **keys_of(market))
    assert ran.code == 0, ran
    assert 0 < len(ran.document["trades"]) <= 5


def test_a_cycle_trades_once_a_day(alchemiser: CommandLine, market: WireExchange) -> None:
    ran = alchemiser("cycle", "--json", **keys_of(market))
    assert (ran.code, ran.document["reconciled"]) == (0, True), ran
    orders = market.get("/v2/orders", status="all", limit=500)
    assert len(orders) >= len(ran.document["trades"]) > 0
    again = alchemiser("cycle", **keys_of(market))
    assert (again.code, again.out) == (0, "The day's cycle was run before; nothing was sent.\n")
    assert market.get("/v2/orders", status="all", limit=500) == orders


def test_a_backtest_writes_its_report_where_it_was_told(quickly: CommandLine) -> None:
    ran = quickly("backtest", "inverse_volatility", "--days", 3, "--out", "report", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert (ran.document["days"], ran.document["reconciled"]) == (3, True)
    assert (quickly.folder / ran.document["report"]).read_bytes().startswith(b"<!")


def test_the_exchange_tells_its_addresses_first_and_ends_quietly(alchemiser: CommandLine) -> None:
    with alchemiser.started("exchange", "--port", 0, "--speed", "max") as exchange:
        assert exchange.stdout is not None
        first = exchange.stdout.readline()
        ended = interrupt(exchange)
    told = Ran(0, first, "").document
    assert told.keys() >= {"ready", "rest", "trading_stream", "data_stream", "crypto_stream", "key", "secret"}
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_the_service_says_what_it_does_and_ends_quietly(
    alchemiser: CommandLine, market: WireExchange
) -> None:
    with alchemiser.started("run", "--json", **keys_of(market)) as service:
        assert service.stderr is not None
        for line in service.stderr:
            if "ledger and broker agree" in line:
                break
        ended = interrupt(service)
    alchemiser.check(ended.out, ended.err)
    assert (ended.code, ended.document) == (0, {"stopped": True})
