"""The import contracts of pyproject.toml see what they are there to see. (`make lint` holds the package to them.)"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CONTRACTS = [
    contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
]

# One violation for each contract, where somebody in a hurry would write it.
PLANTED = {
    "Layers, from the command line down to the language": ("domain/money.py", "import the_alchemiser.engine"),
    "No circles, at any depth": ("store/chain.py", "import the_alchemiser.store.journal"),
    "The stages of the flow meet only in the engine": (
        "pipeline/risk.py",
        "import the_alchemiser.pipeline.signals",
    ),
    "The exchange is a foreign country: few may go there": (
        "store/journal.py",
        "import the_alchemiser.exchange.venue.core",
    ),
    "The core does no I/O, reads no clock and draws no dice": ("strategies/momentum.py", "import socket"),
    "Layers of the exchange, from the port down to its vocabulary": (
        "exchange/market/days.py",
        "import the_alchemiser.exchange.venue.orders",
    ),
    "The exchange's core takes time and seed as arguments too": ("exchange/venue/core.py", "import random"),
    "Only the broker imports Alpaca's SDK": ("runtime/live.py", "import alpaca.trading.client"),
    "Only the store imports SQLAlchemy, Alembic and the driver of PostgreSQL": (
        "runtime/live.py",
        "import psycopg",
    ),
    "Settings are read once, where the parts are put together": (
        "runtime/live.py",
        "import the_alchemiser.settings",
    ),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the sources that may be spoilt."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    python_only = shutil.ignore_patterns("*.parquet", "*.csv", "__pycache__")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=python_only)
    return tmp_path


def verdicts(tree: Path) -> dict[str, str]:
    """What import-linter says of each contract: KEPT or BROKEN."""
    linter = str(Path(sys.executable).parent / "lint-imports")
    environ = os.environ | {"PYTHONPATH": str(tree / "src"), "COLUMNS": "200", "NO_COLOR": "1"}
    run = subprocess.run(
        [linter, "--no-cache"],
        cwd=tree,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    found = dict(re.findall(r"^(.+?) (KEPT|BROKEN)\b", run.stdout, flags=re.MULTILINE))
    assert found, run.stdout + run.stderr
    return found


def plant(tree: Path, place: str, statement: str) -> None:
    with (tree / "src" / "the_alchemiser" / place).open("a") as file:
        file.write(f"\n{statement}\n")


def test_every_contract_has_its_planted_violation() -> None:
    assert sorted(PLANTED) == sorted(CONTRACTS)


@pytest.mark.spec("S0-01", "S0-29", "S1-20")
def test_the_package_keeps_every_contract(tree: Path) -> None:
    assert verdicts(tree) == dict.fromkeys(CONTRACTS, "KEPT")


def test_every_contract_sees_its_violation(tree: Path) -> None:
    for place, statement in PLANTED.values():
        plant(tree, place, statement)
    assert verdicts(tree) == dict.fromkeys(CONTRACTS, "BROKEN")


def test_a_module_that_nobody_placed_in_the_layers_is_found(tree: Path) -> None:
    (tree / "src" / "the_alchemiser" / "novelty.py").touch()
    assert verdicts(tree)["Layers, from the command line down to the language"] == "BROKEN"
