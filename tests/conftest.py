"""What every test gets: the plugins of this project, steady examples, and a world without this machine's settings."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Generator, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from postgres_server import PostgresServer

pytest_plugins = ["tools.no_skips", "tools.spec_rows"]

# The same examples in every run, and none that fails because the machine was busy.
# HYPOTHESIS_PROFILE=explore looks for new ones.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("explore", deadline=timedelta(seconds=10), max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

SETTING_PREFIXES = ("ALPACA_", "APCA_", "RISK__", "ALERTS__", "CYCLE__", "RECONCILIATION__", "STRATEGIES__")
SETTING_NAMES = frozenset(
    (
        "TRADING_MODE STAGE LIVE_TRADING_CONSENT DATABASE_URL REDIS_URL DATA_DIR AUDIT_ANCHOR "
        "JWT_SECRET_KEY LOG_LEVEL"
    ).split()
)


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys in a developer's shell must not reach a test: it might trade with them."""
    for name in tuple(os.environ):
        if name.startswith(SETTING_PREFIXES) or name in SETTING_NAMES:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server for all tests of this process; each has a schema of its own."""
    from postgres_server import PostgresServer

    server = PostgresServer()
    yield server
    server.close()


def _is_loopback(host: object) -> bool:
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return host in ("localhost", "")


class _Doors:
    """Whether the running test may talk to other machines: only one marked `integration` may."""

    is_open = False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Open the way out for the tests that need a broker's account, and for no other."""
    _Doors.is_open = item.get_closest_marker("integration") is not None
    try:
        return (yield)
    finally:
        _Doors.is_open = False


def _stay_on_this_machine(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple) and not _Doors.is_open:
        host = arguments[1][0]
        if not _is_loopback(host):
            raise PermissionError(f"a test may not connect to {host}")


# Not a fixture: session fixtures and threads connect too.
sys.addaudithook(_stay_on_this_machine)
