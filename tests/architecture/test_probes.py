"""Every probe in the sources is in the registry, and every name of the registry is in the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from the_alchemiser.domain import probes
from the_alchemiser.domain.probes import counted, listening, probe

PACKAGE = Path(__file__).parent.parent.parent / "src" / "the_alchemiser"


def calls(text: str) -> Iterator[ast.Call]:
    """Every call of `probe` in a source."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "probe":
            yield node


def names(text: str) -> list[str]:
    """What the probes of a source are called. A name put together at run time cannot be found and is refused."""
    found = []
    for call in calls(text):
        literal = call.args[0]
        assert isinstance(literal, ast.Constant), f"line {call.lineno}: the name of a probe is a literal"
        found.append(literal.value)
    return found


def in_the_sources() -> set[str]:
    return {
        name
        for path in sorted(PACKAGE.rglob("*.py"))
        if "probe(" in (text := path.read_text())
        for name in names(text)
    }


def test_every_probe_is_in_the_registry_and_the_reverse() -> None:
    assert in_the_sources() == probes.PROBES


def test_no_probe_is_expected_in_two_places() -> None:
    parts = (probes.IN_THE_CORE, probes.IN_THE_SHELL, probes.IN_PROCESSES)
    assert sum(len(part) for part in parts) == len(probes.PROBES)


def test_a_probe_in_a_source_is_seen() -> None:
    assert names('def f():\n    if x:\n        probe("a.b")\n') == ["a.b"]


def test_probes_are_counted_only_while_somebody_counts() -> None:
    probe("x")
    with counted() as counts:
        probe("x")
        probe("y")
        probe("x")
    probe("x")
    assert counts == {"x": 2, "y": 1}


def test_two_may_listen_at_once() -> None:
    heard: list[str] = []
    with listening(heard.append), counted() as counts:
        probe("x")
    assert heard == ["x"]
    assert counts["x"] == 1
