"""How a run ends on a terminal: its figures, whether the books agree, and where the report is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .frame import PROGRAM, Frame

if TYPE_CHECKING:
    from rich.console import RenderableType

    from the_alchemiser.pipeline.report import Performance


def run_summary(performance: Performance, is_reconciled: bool, report: Path | None) -> RenderableType:
    """The figures of a run and its two last lines."""
    from rich.console import Group
    from rich.text import Text

    from the_alchemiser.report.text import summary

    lines = [f"reconciled: {str(is_reconciled).lower()}", *([f"report: {report}"] if report else [])]
    return Group("", summary(performance), "", *(Text(line) for line in lines))


def say_differences(frame: Frame, differences: Sequence[str]) -> None:
    """Say on standard error, too, where the books do not agree: it is why the exit code is 1."""
    if differences:
        frame.say(f"{PROGRAM}: ledger and exchange disagree: {'; '.join(differences)}")
