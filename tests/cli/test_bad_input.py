"""Whatever is wrong from outside: one clear line on standard error, the agreed exit code, no traceback, no secret."""

from __future__ import annotations

import re
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from cli.command_line import KEY, SECRET, CommandLine, Ran, keys_of
from wire import WireExchange, running_exchange

FILE_BYTES_MAX = 40_960
TRADING_COMMANDS = (("run",), ("cycle",), ("cycle", "--dry-run"))


def closed_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def small_files_only() -> None:
    """No file may grow beyond a few pages: to a program, a disk that is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, FILE_BYTES_MAX))


def write_bars(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "HAT.csv").write_text(text)
    return folder


# The broker


@pytest.mark.slow
@pytest.mark.parametrize("command", TRADING_COMMANDS, ids=" ".join)
def test_wrong_keys_are_said_in_one_line(
    alchemiser: CommandLine, market: WireExchange, command: tuple[str, ...]
) -> None:
    ran = alchemiser(*command, **keys_of(market) | {"ALPACA_SECRET_KEY": SECRET.upper()})
    assert ran.code == 1
    assert re.search("refuse.*(keys|401)", ran.complaint)


@pytest.mark.slow
@pytest.mark.parametrize("command", TRADING_COMMANDS, ids=" ".join)
def test_an_unreachable_host_is_said_in_one_line(alchemiser: CommandLine, command: tuple[str, ...]) -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    ran = alchemiser(*command, ALPACA_API_KEY=KEY, ALPACA_SECRET_KEY=SECRET, ALPACA_BASE_URL=url)
    assert ran.code == 1
    assert "does not answer" in ran.complaint


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [*TRADING_COMMANDS, ("status",), ("doctor",), ("config", "show")], ids=" ".join
)
def test_the_live_host_in_paper_mode_is_a_configuration_error(
    quickly: CommandLine, command: tuple[str, ...]
) -> None:
    url = "https://api.alpaca.markets"
    ran = quickly(*command, ALPACA_API_KEY=KEY, ALPACA_SECRET_KEY=SECRET, ALPACA_BASE_URL=url)
    assert ran.code == 2
    assert ran.complaint == f"TRADING_MODE is paper, but ALPACA_BASE_URL = {url} is Alpaca's live host"


@pytest.mark.slow
@pytest.mark.parametrize("command", [*TRADING_COMMANDS, ("status",), ("doctor",)], ids=" ".join)
def test_live_trading_without_consent_is_refused_by_a_safety_rule(
    quickly: CommandLine, command: tuple[str, ...]
) -> None:
    ran = quickly(*command, TRADING_MODE="live", ALPACA_API_KEY=KEY, ALPACA_SECRET_KEY=SECRET)
    assert ran.code == 3
    assert "LIVE_TRADING_CONSENT" in ran.complaint


# The market


@pytest.mark.slow
def test_a_market_without_history_refuses_the_cycle_and_says_why(
    alchemiser: CommandLine, tmp_path: Path
) -> None:
    bars = write_bars(tmp_path / "bars", "timestamp,open,high,low,close,volume\n" + days_of_bars(20))
    with running_exchange(data=bars, start="2022-01-14T20:00:00Z", key=KEY, secret=SECRET) as exchange:
        settings = keys_of(exchange) | {"STRATEGIES__UNIVERSE": "HAT", "STRATEGIES__MOMENTUM_TOP": "1"}
        ran = alchemiser("cycle", "--dry-run", "--json", **settings)
    assert ran.code == 1
    assert "daily closes, 253 needed" in ran.complaint
    assert ran.document["trades"] == []


def days_of_bars(count: int) -> str:
    weekdays = [f"2022-01-{day:02d}" for day in range(3, 32) if day not in (8, 9, 15, 16, 17, 22, 23, 29, 30)]
    return "".join(f"{day},10,11,9,10,100000\n" for day in weekdays[:count])


@pytest.mark.slow
def test_a_symbol_that_does_not_exist_is_named(alchemiser: CommandLine, market: WireExchange) -> None:
    universe = {"STRATEGIES__UNIVERSE": "AAPL,NOSUCH", "STRATEGIES__MOMENTUM_TOP": "1"}
    ran = alchemiser("cycle", "--dry-run", **keys_of(market) | universe)
    assert ran.code == 1
    assert "NOSUCH: the broker knows no such symbol" in ran.complaint


# The machine


@pytest.mark.slow
@pytest.mark.parametrize("command", [("run",), ("cycle",), ("db", "upgrade")], ids=" ".join)
def test_a_full_disk_is_said_in_one_line(alchemiser: CommandLine, command: tuple[str, ...]) -> None:
    ran = alchemiser(*command, preexec_fn=small_files_only)
    assert ran.code == 1
    assert "disk" in ran.complaint


@pytest.mark.slow
def test_a_demo_on_a_full_disk_is_said_in_one_line(alchemiser: CommandLine) -> None:
    ran = alchemiser("demo", "--days", 1, "--json", preexec_fn=small_files_only)
    assert ran.code == 1
    assert "disk" in ran.complaint
    assert ran.document["success"] is False


def test_a_full_disk_behind_standard_output_is_said_in_one_line(alchemiser: CommandLine) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            ["sh", "-c", 'exec "$0" -m the_alchemiser config show', sys.executable],
            check=False,
            cwd=alchemiser.folder,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (1, "alchemiser: the disk is full\n")


def test_a_port_in_use_is_said_in_one_line(alchemiser: CommandLine) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        ran = alchemiser("exchange", "--port", port)
    assert ran.code == 1
    assert ran.complaint == f"port {port} on 127.0.0.1 is already in use; --port 0 takes a free one"


def test_a_data_folder_that_is_a_file_is_a_configuration_error(quickly: CommandLine) -> None:
    ran = quickly("--data", "/dev/null", "status")
    assert ran.code == 2
    assert ran.complaint == "DATA_DIR = /dev/null: it exists and is no folder"


@pytest.mark.slow
def test_a_database_that_is_no_database_is_said_in_one_line(quickly: CommandLine) -> None:
    (quickly.folder / "alchemiser-data").mkdir()
    (quickly.folder / "alchemiser-data" / "alchemiser.db").write_text("a shopping list\n" * 500)
    for command in (("status",), ("run",)):
        ran = quickly(*command)
        assert ran.code == 1
        assert "alchemiser.db is damaged" in ran.complaint


# The settings and the flags


def test_every_fault_of_the_settings_gets_a_line(quickly: CommandLine) -> None:
    ran = quickly("status", RISK__DAILY_LOS_LIMIT="5", CYCLE__WALK_STEP="2")
    assert ran.code == 2
    assert ran.complaints == [
        "RISK__DAILY_LOS_LIMIT (environment) is not a setting; did you mean RISK__DAILY_LOSS_LIMIT?",
        "CYCLE__WALK_STEP (environment) is not a setting; did you mean CYCLE__WALK_STEPS?",
    ]


def test_keys_that_disagree_are_named_and_not_shown(quickly: CommandLine) -> None:
    ran = quickly("status", ALPACA_API_KEY=KEY, APCA_API_KEY_ID=KEY[::-1], ALPACA_SECRET_KEY=SECRET)
    assert ran.code == 2
    assert "ALPACA_API_KEY" in ran.complaint
    assert "APCA_API_KEY_ID" in ran.complaint
    assert KEY[::-1] not in ran.err


@pytest.mark.slow
def test_a_strategy_nobody_knows_is_a_configuration_error(quickly: CommandLine) -> None:
    for ran in (
        quickly("backtest", "alchemy"),
        quickly("cycle", "--strategy", "alchemy"),
        quickly("strategies", STRATEGIES__WEIGHTS="alchemy=1"),
    ):
        assert ran.code == 2
        assert ran.complaint.startswith("there is no strategy 'alchemy'; there are ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("exchange", "--data", "nowhere"), "no market data: nowhere"),
        (("exchange", "--data", "empty"), "no market data: empty"),
        (("exchange", "--data", "bad"), "HAT.csv"),
        (("backtest", "blend", "--data", "bad"), "HAT.csv"),
    ],
)
def test_bars_that_cannot_be_read_are_a_configuration_error(
    quickly: CommandLine, tmp_path: Path, arguments: tuple[str, ...], reason: str
) -> None:
    (tmp_path / "empty").mkdir()
    write_bars(tmp_path / "bad", "timestamp,open,high,low,close,volume\n2022-01-03,10,11,9,ten,100\n")
    ran = quickly(*arguments)
    assert ran.code == 2
    assert reason in ran.complaint


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("backtest", "blend", "--start", "2021-13-01"), 2, "'2021-13-01' is not a date"),
        (("backtest", "blend", "--start", "2021-02-01", "--end", "2021-01-01"), 2, "no session"),
        (("backtest", "blend", "--start", "2031-01-01"), 1, "no prices from 2031-01-01 on"),
        (("exchange", "--start", "yesterday"), 2, "'yesterday' is neither a date"),
        (("exchange", "--start", "2090-01-01"), 2, "lies outside the market data"),
        (("demo", "--start", "soon"), 2, "'soon' is not a date"),
        (("demo", "--start", "1900-01-01"), 2, "lies outside the market data"),
    ],
)
def test_a_date_that_cannot_be_traded_is_said(
    quickly: CommandLine, arguments: tuple[str, ...], code: int, reason: str
) -> None:
    ran = quickly(*arguments)
    assert ran.code == code
    assert reason in ran.complaint


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("transmute",), "no such command 'transmute'"),
        (("status", "--loud"), "no such option: --loud"),
        (("backtest",), "missing argument 'STRATEGY'"),
        (("demo", "--days", "many"), "'--days'"),
        (("demo", "--days", "0"), "'--days'"),
        (("demo", "--speed", "-1"), "--speed -1 is neither max nor a number above 0"),
        (("demo", "--speed", "nan"), "--speed nan is neither max nor a number above 0"),
        (("exchange", "--cash", "1.234"), "'1.234' is not an amount"),
        (("exchange", "--cash", "plenty"), "'plenty' is not an amount"),
        (("exchange", "--port", "70000"), "'--port'"),
        (("backtest", "blend", "--symbols", "A B"), "'A B' is not a symbol"),
        (("orders", "--status", "lost"), "open, closed or all, not 'lost'"),
        (("audit", "verify", "--anchor", "7"), "'7' is not ENTRY:DIGEST"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_one_line(
    quickly: CommandLine, arguments: tuple[str, ...], reason: str
) -> None:
    ran = quickly(*arguments)
    assert ran.code == 2
    assert reason in ran.complaint
    assert ran.out == ""


def test_a_failure_with_json_is_one_document_too(quickly: CommandLine) -> None:
    ran: Ran = quickly("status", "--json")
    assert ran.code == 1
    assert ran.document == {
        "success": False,
        "error": {"code": "StoreUnavailable", "message": ran.complaint},
    }


def test_wrong_usage_with_json_is_one_document_too(quickly: CommandLine) -> None:
    ran = quickly("status", "--loud", "--json")
    assert (ran.code, ran.document["error"]["message"]) == (2, ran.complaint)


@pytest.mark.slow
def test_a_backtest_in_which_no_cycle_could_decide_has_failed(quickly: CommandLine) -> None:
    ran = quickly("backtest", "momentum", "--symbols", "AAPL", "--start", "1990-06-01", "--days", 2)
    assert ran.code == 1
    assert "every cycle was refused" in ran.complaint
    assert "253 needed" in ran.complaint


def test_a_symbol_without_prices_is_told_before_a_backtest_begins(quickly: CommandLine) -> None:
    ran = quickly("backtest", "momentum", "--symbols", "AAPL,NOSUCH", "--days", 2)
    assert ran.code == 2
    assert "no prices for NOSUCH" in ran.complaint


@pytest.mark.slow
def test_a_backtest_with_too_little_cash_for_a_share_says_that_nothing_was_traded(
    quickly: CommandLine,
) -> None:
    ran = quickly("backtest", "momentum", "--symbols", "AAPL", "--cash", 50, "--days", 1)
    assert ran.code == 0
    assert "nothing was traded: no difference was worth an order" in ran.err


def test_more_days_than_there_are_prices_are_refused(quickly: CommandLine) -> None:
    ran = quickly("backtest", "momentum", "--start", "2022-12-01", "--days", 250)
    assert ran.code == 2
    assert "only 19 sessions follow 2022-12-01" in ran.complaint


@pytest.mark.slow
def test_a_backtest_whose_every_trade_was_refused_says_why(quickly: CommandLine) -> None:
    ran = quickly("backtest", "inverse_volatility", "--symbols", "AAPL,MSFT", "--days", 1)
    assert "nothing was traded; the last refusal: " in ran.complaint
