"""The help is there for every command, has an example, and costs next to nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.main import get_command

from the_alchemiser.cli import app, main

HEAVY = (
    "alpaca",
    "pandas",
    "polars",
    "numpy",
    "sqlalchemy",
    "aiohttp",
    "picows",
    "pydantic",
    "plotly",
    "rich.table",
)


def command_paths() -> list[tuple[str, ...]]:
    """Every command, those in groups with the group's name before theirs."""
    paths: list[tuple[str, ...]] = []
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", {})
        paths += [(name, within) for within in inner] or [(name,)]
    return paths


@pytest.mark.parametrize("path", command_paths(), ids=" ".join)
def test_every_command_shows_an_example_and_can_answer_in_json(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*path, "--help"]) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert f"Example: alchemiser {' '.join(path)}" in words or "Example: alchemiser --data" in words
    assert "--json" in words


def test_the_commands_of_this_version_are_all_there() -> None:
    names = {path[0] for path in command_paths()}
    assert names == {
        *("demo", "run", "exchange", "doctor", "status", "positions", "orders", "activity", "strategies"),
        *("cycle", "backtest", "simulate", "config", "audit", "db"),
        "reconcile",
    }


def test_the_help_says_what_the_exit_codes_mean(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "0 done, 1 failed, 2 wrong usage or settings, 3 refused" in " ".join(
        capsys.readouterr().out.split()
    )


def test_the_command_line_loads_nothing_heavy_before_a_command_runs() -> None:
    program = (
        f"import sys; import the_alchemiser.cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    assert loaded == "[]\n"


def test_a_bare_command_shows_the_help_and_counts_as_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["config"]):
        assert main(arguments) == 2
        assert capsys.readouterr().err.startswith("Usage: alchemiser")


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"alchemiser {version('the-alchemiser')}\n"
