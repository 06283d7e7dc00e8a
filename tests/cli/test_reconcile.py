"""`alchemiser reconcile`: ledger and broker side by side, and the audited way to make one follow the other."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal

import pytest
from cli.command_line import CommandLine, Ran, keys_of
from wire import WireExchange

from the_alchemiser.domain.facts import AccountOpened, LedgerAdjusted
from the_alchemiser.domain.instants import parse_rfc3339
from the_alchemiser.domain.portfolio import Holding
from the_alchemiser.store.journal import SqlJournal
from the_alchemiser.store.reading import Reading

D = Decimal
OPENED_AT = parse_rfc3339("2022-06-01T19:19:00Z")


def known(alchemiser: CommandLine, exchange: WireExchange, cash: str, *held: Holding) -> dict[str, str]:
    """A journal that believes this of the exchange's account, which holds 100,000 dollars and nothing else."""
    number = exchange.request("GET", "/v2/account", headers=exchange.headers).body["account_number"]
    folder = alchemiser.folder / "alchemiser-data"
    folder.mkdir()
    with closing(SqlJournal(f"sqlite:///{folder}/alchemiser.db")) as journal:
        journal.append([AccountOpened(OPENED_AT, number, D(cash), held)])
    return keys_of(exchange)


def reconcile(alchemiser: CommandLine, keys: dict[str, str], *arguments: str) -> Ran:
    return alchemiser("reconcile", *arguments, "--json", **keys)


def test_agreement_is_shown_and_done(quickly: CommandLine, market: WireExchange) -> None:
    ran = reconcile(quickly, known(quickly, market, "100000"))
    assert (ran.code, ran.document["reconciled"], ran.document["positions"]) == (0, True, [])
    assert (ran.document["cash_ledger"], ran.document["cash_difference"]) == (100_000, 0)


def test_differences_are_shown_side_by_side_and_nothing_is_written(
    quickly: CommandLine, market: WireExchange
) -> None:
    keys = known(quickly, market, "99000", Holding("AAPL", D(5), D(150)))
    for _ in range(2):
        ran = reconcile(quickly, keys)
        assert (ran.code, ran.document["cash_difference"]) == (1, 1000)
        (line,) = ran.document["positions"]
        assert (line["symbol"], line["ledger"], line["broker"], line["difference"]) == ("AAPL", 5, 0, -5)
        assert any("searched orders, fills" in cause for cause in ran.document["causes"])
    shown = quickly("status", "--json").document
    assert (shown["journal_entries"], shown["frozen"]) == (1, [])


def test_an_adjustment_is_an_entry_that_names_who_and_why(quickly: CommandLine, market: WireExchange) -> None:
    keys = known(quickly, market, "100000", Holding("AAPL", D(5), D(150)))
    ran = reconcile(quickly, keys, "--adjust", "aapl", "--reason", "moved to another broker")
    assert (ran.code, ran.document["reconciled"]) == (0, True)
    assert ran.document["adjusted"]["shares"] == -5
    with Reading(f"sqlite:///{quickly.folder}/alchemiser-data/alchemiser.db") as reading:
        (entry,) = [fact for fact in reading.facts() if isinstance(fact, LedgerAdjusted)]
        assert (entry.symbol, entry.reason) == ("AAPL", "moved to another broker")
        assert entry.who
        assert reading.positions() == []
    assert reconcile(quickly, keys).code == 0
    assert quickly("audit", "verify", "--json").document["sound"] is True


def test_cash_is_adjusted_by_its_own_name_and_a_part_leaves_the_rest_different(
    quickly: CommandLine, market: WireExchange
) -> None:
    keys = known(quickly, market, "99000", Holding("AAPL", D(5), D(150)))
    ran = reconcile(quickly, keys, "--adjust", "CASH", "--reason", "a deposit of old")
    assert (ran.code, ran.document["reconciled"], ran.document["cash_difference"]) == (1, False, 0)
    assert ran.document["adjusted"]["cash"] == 1000
    shown = quickly("status", "--json").document
    assert [one["symbol"] for one in shown["frozen"]] == ["AAPL"]


@pytest.mark.parametrize(
    "arguments", [("--adjust", "AAPL"), ("--reason", "x"), ("--adjust", "A", "--reason", " ")]
)
def test_an_adjustment_without_a_reason_is_no_adjustment(
    quickly: CommandLine, arguments: tuple[str, ...]
) -> None:
    ran = quickly("reconcile", *arguments)
    assert ran.code == 2
    assert "--adjust SYMBOL and --reason TEXT belong together" in ran.complaint


def test_where_nothing_differs_there_is_nothing_to_adjust(quickly: CommandLine, market: WireExchange) -> None:
    ran = reconcile(quickly, known(quickly, market, "100000"), "--adjust", "AAPL", "--reason", "just so")
    assert ran.code == 2
    assert "there is nothing to adjust" in ran.complaint
