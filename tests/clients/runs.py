"""Runs each foreign client against an exchange of its own and reads its report."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wire import ExchangeProcess, running_exchange

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent
INSTALLED = Path(os.environ.get("CLIENTS_DIRECTORY", ROOT / ".clients"))
LIMIT_SECONDS = 240.0
# Open, with an hour of the session behind it; half a minute of the exchange in a second of the tests.
DAY: Mapping[str, Any] = {
    "start": "2022-06-01T14:30:00Z",
    "speed": 30,
    "cash": 250000,
    "script": HERE / "events.toml",
    "requests_per_minute": 0,
    "data_requests_per_minute": 0,
}


@dataclass(frozen=True)
class Client:
    """One client: the program that exercises it, where it is installed, and the exchange it needs."""

    name: str
    command: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What a client could do with the exchange."""

    client: str
    version: str
    shown: tuple[str, ...]
    failed: Mapping[str, str]
    uncovered: tuple[str, ...]


def python_of(client: str) -> str:
    """The interpreter of a client that has an environment of its own."""
    return str(INSTALLED / client / "bin" / "python")


def javascript(major: int) -> Client:
    """A version of the JavaScript SDK; node finds it by NODE_PATH, and trusts the exchange's authority."""
    return Client(
        f"JavaScript SDK {major}",
        ("node", str(HERE / f"alpaca_js_v{major}_client.js")),
        options={"tls_port": 0, "tls_dir": INSTALLED / "authority"},
        environment={"NODE_PATH": str(INSTALLED / f"javascript-{major}" / "node_modules")},
    )


CLIENTS: tuple[Client, ...] = (
    Client("alpaca-py", (sys.executable, str(HERE / "alpaca_py_client.py"))),
    Client("alpaca-mcp-server", (sys.executable, str(HERE / "alpaca_mcp_client.py"))),
    Client("Lumibot", (python_of("lumibot"), str(HERE / "lumibot_client.py")), options={"speed": 600}),
    Client(
        "alpaca-trade-api (Python)",
        (python_of("alpaca-trade-api"), str(HERE / "alpaca_trade_api_py_client.py")),
    ),
    javascript(3),
    javascript(4),
)


def missing(client: Client) -> str | None:
    """Why a client cannot be run here, and what to do; None when it can."""
    program = client.command[0]
    if shutil.which(program) is None:
        if program == "node":
            return f"{client.name} needs Node.js 20 or newer (node and npm), then `make clients`"
        return f"{client.name} is not installed: `make clients`"
    packages = client.environment.get("NODE_PATH")
    return (
        f"{client.name} is not installed: `make clients`"
        if packages and not Path(packages).is_dir()
        else None
    )


def run(client: Client) -> Report:
    """The report of one client. Raises RuntimeError with what it said when it made none."""
    with running_exchange(**{**DAY, **client.options}) as exchange:
        done = subprocess.run(
            client.command,
            env={**os.environ, **_addresses(exchange), **client.environment},
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"client"')]
    try:
        # A client's own log may go on in the same line.
        report, _ = json.JSONDecoder().raw_decode(lines[-1])
    except (IndexError, ValueError):
        raise RuntimeError(
            f"{client.name} made no report: {done.stdout[-2000:]}{done.stderr[-4000:]}"
        ) from None
    return Report(
        report["client"],
        report["version"],
        tuple(report["shown"]),
        report["failed"],
        tuple(report.get("uncovered", ())),
    )


def _addresses(exchange: ExchangeProcess) -> dict[str, str]:
    told = {"EXCHANGE_REST": exchange.rest, "EXCHANGE_KEY": exchange.key, "EXCHANGE_SECRET": exchange.secret}
    if exchange.tls is not None:
        told |= {"EXCHANGE_TLS_REST": exchange.tls["rest"], "NODE_EXTRA_CA_CERTS": exchange.ca}
    return told
