"""A pytest plugin: which rows of docs/specification.md do passing tests prove?

Every run checks that the rows tests claim exist. With `--spec` the run ends with the whole table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

TABLE = Path(__file__).parent.parent / "docs" / "specification.md"
ROW = re.compile(r"^\| (?P<id>[SC]\d+(?:-\d+)?) \| (?P<text>.+?) \|$", re.MULTILINE)
PROPERTY = "spec"
WORKER_KEY = "spec_faults"


def read_rows(table: Path = TABLE) -> dict[str, str]:
    """Every row of the specification: id and requirement, in the order of the document."""
    return {match["id"]: match["text"] for match in ROW.finditer(table.read_text(encoding="utf-8"))}


def unknown_claims(items: Iterable[pytest.Item], rows: dict[str, str]) -> list[str]:
    """One line for each claim of a row that does not exist, or of none."""
    faults = []
    for item in items:
        for mark in item.iter_markers("spec"):
            if not mark.args:
                faults.append(f"{item.nodeid}: the spec marker names no row")
            faults += [f"{item.nodeid}: {row} is not in {TABLE.name}" for row in mark.args if row not in rows]
    return faults


class SpecRows:
    """Collects, over one run, which rows passing tests claim and which rows failing ones do."""

    def __init__(self, rows: dict[str, str], *, prints_table: bool) -> None:
        self.rows, self.prints_table = rows, prints_table
        self.passed: dict[str, int] = {}
        self.failed: dict[str, int] = {}
        self.faults: list[str] = []

    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        """Note unknown claims, and the known ones where reports carry them from worker processes."""
        self.faults = unknown_claims(items, self.rows)
        for item in items:
            claimed = {row for mark in item.iter_markers("spec") for row in mark.args}
            item.user_properties += [(PROPERTY, row) for row in sorted(claimed)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test once: where it ran, or where it failed to be set up or torn down."""
        if report.when != "call" and not report.failed:
            return
        tally = self.passed if report.passed else self.failed
        for name, row in report.user_properties:
            if name == PROPERTY:
                tally[str(row)] = tally.get(str(row), 0) + 1

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over the unknown claims a worker process met; every worker collects all tests."""
        met = getattr(node, "workeroutput", {}).get(WORKER_KEY, ())
        self.faults += [line for line in met if line not in self.faults]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """In a worker hand unknown claims over; in the main process they are a wrong use of the marker."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[WORKER_KEY] = self.faults
        elif self.faults:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    @property
    def proven(self) -> list[str]:
        """Rows with at least one passing and no other than passing tests."""
        return [row for row in self.rows if row in self.passed and row not in self.failed]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say how many rows are proven, and with --spec which."""
        for line in self.faults:
            terminalreporter.write_line(line, red=True)
        if self.prints_table:
            for row, text in self.rows.items():
                terminalreporter.write_line(f"{self._verdict(row):<12} {row:<6} {text}")
        terminalreporter.write_line(
            f"specification: {len(self.proven)} of {len(self.rows)} rows proven in this run"
        )

    def _verdict(self, row: str) -> str:
        if row in self.failed:
            return "FAILING"
        return f"{self.passed[row]} tests" if row in self.passed else "-"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--spec`."""
    parser.addoption(
        "--spec", action="store_true", help="print the specification with what this run proves of it"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the collector for this run."""
    config.pluginmanager.register(SpecRows(read_rows(), prints_table=config.getoption("--spec")), "spec-rows")
