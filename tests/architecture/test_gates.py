"""The gates themselves: a skipped test fails CI, an invented row of the specification fails everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
PASSED, FAILED, USAGE = 0, 1, 4


def run_suite(folder: Path, text: str, *arguments: str, ci: bool = True) -> subprocess.CompletedProcess[str]:
    """Run one test file in a process of its own, with the plugins of this project."""
    (folder / "test_planted.py").write_text(f"import pytest\n\n{text}")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    spec(*rows): claims\n")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CI"))}
    plugins = ("-p", "xdist", "-p", "tools.no_skips", "-p", "tools.spec_rows", "-p", "no:cacheprovider")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(folder), *plugins, *arguments],
        cwd=folder,
        # Others' plugins take longer to load than these files to test, in each worker anew.
        env=environ
        | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        | ({"CI": "1"} if ci else {}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


SKIPS = {
    "marked": "@pytest.mark.skip(reason='later')\ndef test_it(): ...\n",
    "in the test": "def test_it():\n    pytest.skip('later')\n",
    "in a fixture": "@pytest.fixture\ndef port():\n    pytest.skip('later')\n\ndef test_it(port): ...\n",
    "whole file": "pytest.skip('later', allow_module_level=True)\n",
    "missing library": "pytest.importorskip('leftpad', reason='later')\n",
}


# With workers each kind of skip takes one of two ways to the main process.
@pytest.mark.parametrize(
    ("kind", "workers"), [*((kind, "0") for kind in SKIPS), ("marked", "2"), ("whole file", "2")]
)
def test_a_skipped_test_fails_ci(tmp_path: Path, kind: str, workers: str) -> None:
    run = run_suite(tmp_path, f"def test_other(): ...\n\n{SKIPS[kind]}", "-n", workers)
    assert run.returncode == FAILED, run.stdout
    assert "later" in run.stdout


def test_a_skipped_test_is_a_convenience_at_a_desk(tmp_path: Path) -> None:
    assert run_suite(tmp_path, SKIPS["marked"] + "def test_other(): ...\n", ci=False).returncode == PASSED


def test_only_missing_keys_excuse_a_skip(tmp_path: Path) -> None:
    text = "@pytest.mark.skip(reason='needs Alpaca keys of a paper account')\ndef test_it(): ...\n"
    assert run_suite(tmp_path, text).returncode == PASSED


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_claim_of_a_row_that_does_not_exist_fails(tmp_path: Path, workers: str) -> None:
    run = run_suite(tmp_path, "@pytest.mark.spec('S0-99')\ndef test_it(): ...\n", "-n", workers)
    assert run.returncode == USAGE
    assert "S0-99 is not in specification.md" in run.stdout + run.stderr


def test_a_claim_of_no_row_fails(tmp_path: Path) -> None:
    run = run_suite(tmp_path, "@pytest.mark.spec\ndef test_it(): ...\n")
    assert run.returncode == USAGE


def table(run: subprocess.CompletedProcess[str], row: str) -> list[str]:
    """The line of the printed table that is about one row."""
    return [line for line in run.stdout.splitlines() if f" {row} " in line]


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_row_is_proven_by_passing_tests_only(tmp_path: Path, workers: str) -> None:
    text = """
@pytest.mark.spec("S0-01", "S0-02")
def test_passes(): ...

@pytest.mark.spec("S0-02")
def test_fails():
    assert False
"""
    run = run_suite(tmp_path, text, "--spec", "-n", workers)
    table = {
        line.split()[-len(line.split()) :][0]: line for line in run.stdout.splitlines() if " S0-0" in line
    }
    assert any(line.startswith("1 tests") and " S0-01 " in line for line in table.values())
    assert any(line.startswith("FAILING") and " S0-02 " in line for line in table.values())
    assert "specification: 1 of 230 rows proven" in run.stdout
