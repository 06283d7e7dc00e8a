"""A pytest plugin: under CI a skipped test fails the run. What was not run was not shown.

The one reason that counts is a broker account: skips that begin with "needs Alpaca keys" pass.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

ACCEPTED_REASON = "needs Alpaca keys"
WORKER_KEY = "skips"


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why a report says its test, or its whole file, was skipped."""
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return str(report.longrepr)


class NoSkips:
    """Gathers skips, and turns the session red where any is not excused."""

    def __init__(self) -> None:
        self.skips: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a skipped test; an expected failure is not a skip."""
        if report.skipped and not hasattr(report, "wasxfail"):
            self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that skipped itself while being collected."""
        if report.skipped:
            self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        line = f"{report.nodeid}: {reason_of(report)}"
        if not reason_of(report).startswith(ACCEPTED_REASON) and line not in self.skips:
            self.skips.append(line)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker process saw: skips while collecting are not reported otherwise."""
        self.skips += [
            line for line in getattr(node, "workeroutput", {}).get(WORKER_KEY, ()) if line not in self.skips
        ]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """In a worker hand the skips over, in the main process turn them into a failure."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[WORKER_KEY] = self.skips
        elif self.skips and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name every skip that failed the run."""
        for line in self.skips:
            terminalreporter.write_line(f"SKIPPED, which fails under CI: {line}", red=True)


def pytest_configure(config: pytest.Config) -> None:
    """Watch for skips under CI only: at a desk a skip may be a convenience."""
    if os.environ.get("CI"):
        config.pluginmanager.register(NoSkips(), "no-skips")
