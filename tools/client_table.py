"""Run every foreign client against the exchange and write what it could do into docs/exchange-clients.md.

The clients must be installed (`make clients`), Node.js among them.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from clients.documented import rewrite
from clients.runs import CLIENTS, Report, missing, run


def reports() -> list[Report]:
    """Every client's report, one after the other; what failed is told on the way."""
    made = []
    for client in CLIENTS:
        reason = missing(client)
        if reason is not None:
            raise SystemExit(reason)
        report = run(client)
        print(f"{report.client} {report.version}: {len(report.shown)} capabilities", file=sys.stderr)
        for step, text in report.failed.items():
            print(f"  failed: {step}: {text.strip().splitlines()[-1]}", file=sys.stderr)
        made.append(report)
    return made


if __name__ == "__main__":
    rewrite(reports())
