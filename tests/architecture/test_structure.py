"""The shape of the code: sizes, names, purity. Each check is shown a fault it must see, then the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools import architecture

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "src" / "the_alchemiser"
STANDARD = frozenset(sys.stdlib_module_names)


def planted(folder: Path, place: str, text: str) -> Path:
    """A package with one file."""
    package = folder / "the_alchemiser"
    (package / place).parent.mkdir(parents=True)
    (package / place).write_text(text)
    return package


def body(lines: int) -> str:
    return "def decide():\n" + "    x = 1\n" * (lines - 1)


@pytest.mark.parametrize("check", architecture.CHECKS)
def test_the_package_keeps_every_rule(check: str) -> None:
    assert architecture.CHECKS[check](PACKAGE) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x = 1\n" * 501, "501 lines of 500"),
        (body(51), "51 lines of 50"),
        ("x = 1\n" * 151, "file median is 151"),
        (body(9), "function median is 9"),
        (body(5) * 9 + body(31), "95th percentile is 31"),
    ],
)
def test_what_is_too_long_is_found(tmp_path: Path, text: str, complaint: str) -> None:
    faults = architecture.size_faults(planted(tmp_path, "money.py", text))
    assert any(complaint in fault for fault in faults)


def test_a_docstring_does_not_count_as_length(tmp_path: Path) -> None:
    text = 'def decide():\n    """' + "why\n" * 60 + '    """\n    return 1\n'
    assert list(architecture.measure(planted(tmp_path, "money.py", text)).functions.values()) == [2]


def test_too_many_parameters_are_found(tmp_path: Path) -> None:
    text = f"def decide({', '.join('abcdefghi')}): ...\n"
    assert architecture.parameter_faults(planted(tmp_path, "money.py", text))


@pytest.mark.parametrize(
    "place", ["utils.py", "broker/helpers.py", "common/money.py", "base.py", "store/manager.py"]
)
def test_a_module_named_for_its_kind_is_found(tmp_path: Path, place: str) -> None:
    assert architecture.name_faults(planted(tmp_path, place, ""))


@pytest.mark.parametrize(
    "name", ["CycleManager", "OrderService", "PriceHelper", "EventHandler", "RepositoryBase"]
)
def test_a_class_named_for_its_kind_is_found(tmp_path: Path, name: str) -> None:
    assert architecture.name_faults(planted(tmp_path, "money.py", f"class {name}: ...\n"))


def test_the_names_of_the_specification_are_allowed(tmp_path: Path) -> None:
    assert architecture.name_faults(planted(tmp_path, "money.py", "class OrderManager: ...\n")) == []


@pytest.mark.parametrize(
    "statement",
    [
        "datetime.datetime.now(UTC)",
        "date.today()",
        "time.time()",
        "from time import sleep",
        "clock.monotonic()",
        "random.random()",
        "import random; random.choice([1])",
        "from random import choice",
        "uuid.uuid4()",
        "uuid4()",
        "np.random.default_rng()",
        "open('x')",
        "print('x')",
        "hash('x')",
    ],
)
@pytest.mark.parametrize(
    "place", ["engine.py", "pipeline/rebalance.py", "domain/money.py", "strategies/momentum.py"]
)
def test_a_clock_a_die_or_a_file_in_the_core_is_found(tmp_path: Path, place: str, statement: str) -> None:
    assert architecture.impurity_faults(planted(tmp_path, place, f"def decide():\n    {statement}\n"))


def test_everything_from_the_engine_down_is_kept_from_io() -> None:
    assert architecture.pure_by_contract() == architecture.core()
    assert {"engine", "cycle", "pipeline", "strategies", "ports", "domain"} <= architecture.core()


def test_outside_the_core_clocks_are_allowed(tmp_path: Path) -> None:
    assert architecture.impurity_faults(planted(tmp_path, "runtime/live.py", "time.time()\n")) == []


@pytest.mark.parametrize("call", ["ApprovedTrade(trade)", "intent.ApprovedTrade(trade)"])
def test_an_approval_from_anywhere_but_the_risk_check_is_found(tmp_path: Path, call: str) -> None:
    assert architecture.approval_faults(planted(tmp_path, "pipeline/execution.py", f"x = {call}\n"))
    assert architecture.approval_faults(planted(tmp_path / "risk", "pipeline/risk.py", f"x = {call}\n")) == []


def test_every_imported_library_is_a_declared_dependency() -> None:
    assert architecture.dependency_faults(PACKAGE, ROOT / "pyproject.toml", STANDARD) == []


def test_a_library_nobody_declared_is_found(tmp_path: Path) -> None:
    package = planted(tmp_path, "store/tables.py", "def read():\n    import leftpad.strings\n")
    assert architecture.dependency_faults(package, ROOT / "pyproject.toml", STANDARD) == [
        "store/tables.py: leftpad is not among the dependencies"
    ]


HEAVY = ("alpaca", "pandas", "polars", "sqlalchemy", "alembic", "plotly", "numpy", "aiohttp")


def heavy_modules_after(statement: str) -> list[str]:
    """What a fresh interpreter has loaded of the heavy libraries after a statement."""
    probe = f"{statement}; import sys; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", probe], check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout.split()


def test_the_command_line_starts_without_the_heavy_libraries() -> None:
    assert heavy_modules_after("import the_alchemiser.cli") == []


def test_a_heavy_library_at_the_start_is_found() -> None:
    assert heavy_modules_after("import sqlalchemy") == ["sqlalchemy"]
