"""What every test gets: the plugins of this project, and a world without the machine's own settings."""

from __future__ import annotations

import pytest
from hypothesis import settings

# The same examples on every machine and in every run, however slow it is.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

pytest_plugins = ["tools.no_skips", "tools.spec_rows"]

SETTING_PREFIXES = ("ALPACA_", "APCA_", "RISK__", "ALERTS__", "CYCLE__", "STRATEGIES__")
SETTING_NAMES = (
    "TRADING_MODE",
    "STAGE",
    "LIVE_TRADING_CONSENT",
    "DATABASE_URL",
    "REDIS_URL",
    "DATA_DIR",
    "LOG_LEVEL",
)


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys in a developer's shell must not reach a test: it might trade with them."""
    import os

    for name in tuple(os.environ):
        if name.startswith(SETTING_PREFIXES) or name in SETTING_NAMES:
            monkeypatch.delenv(name)
