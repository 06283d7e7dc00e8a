"""What docs/exchange-clients.md says of the clients: the recipes it shows, and the table of what each could do."""

from __future__ import annotations

import re
from collections.abc import Iterable

from clients.ledger import CAPABILITIES
from clients.runs import HERE, ROOT, Report

DOCUMENT = ROOT / "docs" / "exchange-clients.md"
BEGIN, END = "<!-- table of clients: begin -->", "<!-- table of clients: end -->"
SHOWN, ABSENT = "yes", "–"


def recipes() -> dict[str, str]:
    """The programs of tests/clients/recipes by file name."""
    return {path.name: path.read_text() for path in sorted((HERE / "recipes").iterdir()) if path.is_file()}


def shown_programs() -> list[str]:
    """The code blocks of the document, as they would be saved."""
    return re.findall(
        r"^```(?:python|javascript)\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE
    )


def table(reports: Iterable[Report]) -> str:
    """Capabilities by client, in Markdown."""
    columns = list(reports)
    head = ["", *(f"{one.client} {one.version}" for one in columns)]
    rows = [
        [capability, *(SHOWN if capability in one.shown else ABSENT for one in columns)]
        for capability in CAPABILITIES
    ]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def documented() -> dict[str, frozenset[str]]:
    """The capabilities that the document gives to each client, by name and version."""
    found = DOCUMENT.read_text().split(BEGIN)[1].split(END)[0].strip().splitlines()
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in found]
    return {
        name: frozenset(row[0] for row in rows if row[column] == SHOWN)
        for column, name in enumerate(head)
        if column
    }


def rewrite(reports: Iterable[Report]) -> None:
    """Puts the table in its place in the document, and every recipe into its block."""
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(BEGIN)
    text = f"{before}{BEGIN}\n{table(reports)}\n{END}{rest.partition(END)[2]}"
    for name, program in recipes().items():
        block = re.compile(rf"(\(`{re.escape(name)}`\)\n\n```\w+\n).*?(^```$)", re.DOTALL | re.MULTILINE)
        text = block.sub(lambda found, program=program: found[1] + program + found[2], text)
    DOCUMENT.write_text(text)
