"""Clients we did not write, each used as its own documentation shows, against a running exchange."""

import pytest
from clients.documented import documented, recipes, shown_programs
from clients.ledger import CAPABILITIES
from clients.runs import CLIENTS, Client, missing, run


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_client_finds_everything_it_asks_for(client: Client) -> None:
    reason = missing(client)
    if reason is not None:
        pytest.skip(reason)
    report = run(client)
    assert not report.failed, "\n\n".join(f"{name}\n{text}" for name, text in report.failed.items())
    assert not report.uncovered, f"public methods that nothing calls: {report.uncovered}"
    said = documented()[f"{report.client} {report.version}"]
    assert said == frozenset(report.shown), "python -m tools.client_table writes the table anew"


def test_the_table_of_clients_names_all_of_them_and_nothing_else() -> None:
    said = list(documented())
    assert len(said) == len(CLIENTS)
    assert all(name.startswith(client.name) for name, client in zip(said, CLIENTS, strict=True))
    assert frozenset().union(*documented().values()) <= set(CAPABILITIES)


def test_the_documented_recipes_are_the_programs_the_clients_run() -> None:
    shown = shown_programs()
    assert [name for name, program in recipes().items() if program not in shown] == []
