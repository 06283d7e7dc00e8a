"""A command line in an empty folder, and one demo that many tests look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.command_line import KEY, SECRET, CommandLine, InThisProcess, Ran
from wire import WireExchange, exchange_in_thread


@pytest.fixture
def alchemiser(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


@pytest.fixture
def quickly(tmp_path: Path) -> CommandLine:
    return InThisProcess(tmp_path)


@pytest.fixture(scope="session")
def traded(tmp_path_factory: pytest.TempPathFactory) -> tuple[CommandLine, Ran]:
    """A folder whose `alchemiser-data` holds a finished demo of two days, and what the demo said."""
    folder = tmp_path_factory.mktemp("traded")
    ran = CommandLine(folder)("demo", "--days", 2, "--out", "alchemiser-data", "--json")
    return InThisProcess(folder), ran


@pytest.fixture
def market() -> Iterator[WireExchange]:
    """An open market in lockstep, half an hour before a close."""
    with exchange_in_thread(start="2022-06-01T19:20:00Z", key=KEY, secret=SECRET) as exchange:
        yield exchange
