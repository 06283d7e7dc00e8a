"""Clients we did not write, each used as its own documentation shows, against a running exchange."""

import pytest
from clients.runs import CLIENTS, Client, missing, run

# What the exchange does not do yet. It may only shrink.
PENDING = frozenset(
    {
        *("orders: options, multi-leg", "option exercise", "portfolio history", "corporate actions"),
        *("news", "screener", "news stream"),
    }
)


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_client_finds_everything_it_asks_for(client: Client) -> None:
    reason = missing(client)
    if reason is not None:
        pytest.skip(reason)
    report = run(client)
    failures = {name: text for name, text in report.failed.items() if _capability(name) not in PENDING}
    assert not failures, "\n\n".join(f"{name}\n{text}" for name, text in failures.items())
    assert not report.uncovered or PENDING, f"public methods that nothing calls: {report.uncovered}"


def _capability(step: str) -> str:
    return step.rpartition(": ")[0]
