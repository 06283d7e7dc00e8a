"""The faces of `pipeline.report.Performance`: one self-contained HTML file, and a summary for a terminal."""

from .page import SIMULATED, write_report

__all__ = ["SIMULATED", "write_report"]
