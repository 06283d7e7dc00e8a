"""The benchmarks run and say what they promise. How fast anything is, no test asks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import QUICK, main

ROOT = Path(__file__).parent.parent
SECONDS_MAX = 240
LATENCY = {"p50_us", "p99_us"}
PROMISED = {
    "backtest_sma": {"bars", "engines"},
    "engine_steps": {"bar_us", "bars_per_s", "callback_us_limit", "order_update", "decision"},
    "exchange_core": {"orders_per_s", "margin_orders_per_s", "moves_per_s", "python_loops_per_s"},
    "order_accept": {"exchange", "exchange_with_state_file", "bare"},
    "many_accounts": {"speed", "tick_us", "orders_per_s", "one_account_without_orders"},
    "exchange_year": {"without_orders", "trading"},
    "exchange_stream": {
        "json_per_s",
        "msgpack_per_s",
        "many_per_s",
        "encode_only_json_per_s",
        "encode_only_msgpack_per_s",
        "trade_updates",
    },
    "stream_ingest": {"full_frames", "one_a_frame"},
    "exchange_start": {"listening", "libraries", "python", "cpu_s", "resident_mb"},
    "journal": {"appends_per_s", "fsync_per_s_limit", "sqlite_commits_per_s"},
    "journal_start": {"entries", "start_s", "cpu_s", "hash_s_limit", "rss_mib"},
    "order_round_trip": {"ours", "alpaca_py", "http_client", "alpaca_py_takes_times"},
    "decision_to_socket": {"day", "reprice"},
    "kill_loop": {"kills", "orders", "lost", "doubled", "start_p50_s", "start_p99_s", "libraries_s"},
    "demo": {"process_s", "seconds", "seconds_to_first_fill", "python_start_s"},
}


def said_by(name: str) -> dict[str, Any]:
    """The one line of one benchmark at its quick size."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", name],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    said: dict[str, Any] = json.loads(line)
    assert said["bench"] == name
    assert PROMISED[name] <= said.keys()
    return said


@pytest.mark.slow
@pytest.mark.parametrize("name", ["exchange_core", "exchange_start", "journal", "journal_start", "demo"])
def test_a_benchmark_prints_one_line_of_figures(name: str) -> None:
    assert all(said_by(name)[figure] > 0 for figure in PROMISED[name])


@pytest.mark.slow
def test_an_exchange_accepts_every_order_of_the_load_beside_a_bare_handler() -> None:
    said = said_by("order_accept")
    assert min(said[server]["orders_per_s"] for server in PROMISED["order_accept"]) > 0


@pytest.mark.slow
def test_a_year_and_many_accounts_are_told_in_figures() -> None:
    assert said_by("exchange_year")["trading"]["orders"] > 0
    assert said_by("many_accounts")["speed"] > 0


def test_the_streams_say_how_many_messages_they_deliver_and_how_long_updates_take() -> None:
    said = said_by("exchange_stream")
    assert all(said[name] > 0 for name in PROMISED["exchange_stream"] - {"trade_updates"})
    assert said["trade_updates"]["listeners_5"]["p50_ms"] > 0


@pytest.mark.slow
def test_killed_once_the_service_loses_and_doubles_nothing() -> None:
    said = said_by("kill_loop")
    assert (said["kills"], said["lost"], said["doubled"]) == (1, 0, 0)
    assert said["orders"] > 0


@pytest.mark.slow
def test_our_backtest_makes_the_trades_the_rule_makes() -> None:
    engines = said_by("backtest_sma")["engines"]
    assert engines["ours"]["agree"] == 1.0
    assert engines["ours"]["fills"] == engines["reference"]["fills"] > 0
    assert "ours_is_times" in engines["reference"]


@pytest.mark.slow
def test_engine_steps_tell_all_three_kinds_of_event() -> None:
    said = said_by("engine_steps")
    assert said["orders_per_decision"] == said["symbols"] == 20
    assert said["order_update"].keys() == said["decision"].keys() == LATENCY


@pytest.mark.slow
def test_every_client_brings_its_orders_to_the_exchange() -> None:
    said = said_by("order_round_trip")
    for client in ("ours", "alpaca_py", "http_client"):
        assert said[client].keys() == LATENCY | {"cpu_us"}


@pytest.mark.slow
def test_a_decision_is_followed_from_the_event_to_the_socket() -> None:
    said = said_by("decision_to_socket")
    for decision in (said["day"], said["reprice"]):
        whole, *parts = (decision[name]["p50_us"] for name in ("to_socket", "decide", "commit", "send"))
        assert min(parts) > 0
        assert whole == pytest.approx(sum(parts), abs=1)
        assert decision["fsync"].keys() == LATENCY
    assert said["day"]["facts"] > said["reprice"]["facts"] > 0


@pytest.mark.slow
def test_one_that_fails_does_not_stop_the_others_and_fails_the_command(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main(["--quick"], {"absent": "", "exchange_core": "--rounds 20"}) == 1
    told, complaint = capfd.readouterr()
    assert json.loads(told)["bench"] == "exchange_core"
    assert "benchmark absent failed: exit code 1" in complaint


def test_a_name_nobody_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["speed"])
    assert refused.value.code == 2
    assert "there is no benchmark 'speed'" in capsys.readouterr().err


def test_every_benchmark_is_run_promised_and_described() -> None:
    scripts = {path.stem for path in (ROOT / "benchmarks").glob("*.py") if "\ndef main(" in path.read_text()}
    assert scripts - {"__main__"} == set(QUICK) == set(PROMISED)
    text = (ROOT / "benchmarks" / "README.md").read_text()
    assert [name for name in QUICK if f"`{name}`" not in text] == []
