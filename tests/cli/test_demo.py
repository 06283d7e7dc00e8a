"""The demo as its users meet it: the JSON that scripts read, the words people read, the page that opens at the end."""

from __future__ import annotations

import os
import pty
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from cli.command_line import COMMAND, SECONDS_MAX, CommandLine, Ran, interrupt

CONTRACT = {
    *(
        "days",
        "cycles",
        "orders_submitted",
        "orders_filled",
        "fills",
        "refused",
        "equity_start",
        "equity_end",
    ),
    *("cash", "positions", "reconciled", "differences", "report"),
}

pytestmark = pytest.mark.slow


def test_a_demo_ends_reconciled_and_answers_every_field_of_its_contract(
    traded: tuple[CommandLine, Ran],
) -> None:
    command_line, ran = traded
    assert ran.code == 0, ran
    document = ran.document
    assert document.keys() >= CONTRACT
    assert (document["days"], document["reconciled"], document["differences"]) == (2, True, [])
    assert document["fills"] > 0
    report = (command_line.folder / document["report"]).read_text(encoding="utf-8")
    assert "simulated" in report.lower()


def test_a_demo_says_what_is_simulated_and_draws_nothing_where_there_is_no_terminal(
    traded: tuple[CommandLine, Ran],
) -> None:
    _, ran = traded
    assert ran.err == "Real daily prices; the path within a day, the exchange and its money are simulated.\n"


def test_a_finished_demo_is_shown_again_and_said_to_be_so(traded: tuple[CommandLine, Ran]) -> None:
    folder, before = traded[0].folder, traded[1]
    ran = CommandLine(folder)("demo", "--days", 2, "--out", "alchemiser-data")
    assert ran.code == 0
    assert "Continuing the demo in alchemiser-data" in ran.err
    assert "reconciled: true" in ran.out
    assert f"report: {before.document['report']}" in ran.out


def test_a_folder_with_another_demo_is_not_mixed_with_this_one(traded: tuple[CommandLine, Ran]) -> None:
    ran = traded[0]("demo", "--days", 2, "--seed", 8, "--out", "alchemiser-data")
    assert ran.code == 2
    assert "choose another --out" in ran.complaint


def test_a_demo_ignores_the_users_own_keys(alchemiser: CommandLine) -> None:
    ran = alchemiser(
        "demo", "--days", 1, "--json", TRADING_MODE="live", ALPACA_API_KEY="x", RISK__NO_SUCH="1"
    )
    assert ran.code == 0
    assert ran.document["simulated"] is True


def test_the_report_is_served_on_loopback_until_the_user_has_seen_it(traded: tuple[CommandLine, Ran]) -> None:
    command_line, before = traded
    with command_line.started("demo", "--days", 2, "--out", "alchemiser-data", "--serve") as demo:
        address = _address(demo)
        with urllib.request.urlopen(address, timeout=10) as page:
            served = page.read()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{address}alchemiser.db", timeout=10)
        ended = interrupt(demo)
    assert address.startswith("http://127.0.0.1:")
    assert served == (command_line.folder / before.document["report"]).read_bytes()
    assert (ended.code, ended.err) == (0, "")


def _address(demo: subprocess.Popen[str]) -> str:
    assert demo.stderr is not None
    for line in demo.stderr:
        if "The report is at " in line:
            return line.split("The report is at ")[1].split()[0]
    raise AssertionError("no address was told")


def test_an_interrupted_demo_is_quiet_and_continues_where_it_was(alchemiser: CommandLine) -> None:
    with alchemiser.started("demo", "--days", 2, "--speed", 20_000) as demo:
        _wait_for(alchemiser.folder / "alchemiser-demo" / "alchemiser.db")
        ended = interrupt(demo)
    assert ended.code == 130
    alchemiser.check(ended.out, ended.err)
    assert ended.err.count("\n") <= 1
    ran = alchemiser("demo", "--days", 2, "--json")
    assert (ran.code, ran.document["days"], ran.document["reconciled"]) == (0, 2, True)


def _wait_for(path: Path) -> None:
    give_up_at = time.monotonic() + SECONDS_MAX
    while not path.exists():
        assert time.monotonic() < give_up_at, f"{path} was never written"
        time.sleep(0.05)


def test_on_a_terminal_the_demo_shows_how_far_it_is(alchemiser: CommandLine) -> None:
    shown = _on_a_terminal(alchemiser, "demo", "--days", "1", "--no-serve")
    assert "trading" in shown
    assert "1/1" in shown
    assert "reconciled: true" in shown


def _on_a_terminal(command_line: CommandLine, *arguments: str) -> str:
    ours, theirs = pty.openpty()
    environment = command_line.environment({"TERM": "xterm", "COLUMNS": "120", "LINES": "40"})
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=command_line.folder,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    pieces = []
    try:
        while piece := os.read(ours, 65_536):
            pieces.append(piece)
    except OSError:
        pass  # Linux ends a terminal whose other side is gone with an input/output error
    finally:
        os.close(ours)
        process.wait(SECONDS_MAX)
    return b"".join(pieces).decode()
