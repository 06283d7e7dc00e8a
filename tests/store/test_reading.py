"""Questions to the store, by readers who can change nothing and disturb nobody."""

from __future__ import annotations

import threading
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from the_alchemiser.domain.errors import StoreUnavailable
from the_alchemiser.domain.facts import AlertRaised, DayClosed, Fact, FillBooked, OrderIntended, Reconciled
from the_alchemiser.domain.orders import OrderStatus
from the_alchemiser.store.chain import START
from the_alchemiser.store.journal import SqlJournal
from the_alchemiser.store.reading import Reading

from .database_files import dump


@pytest.fixture
def reading(url: str, journal: SqlJournal, days: list[Fact]) -> Reading:
    """A reader of five traded days, while the writer has the file open."""
    journal.append(days)
    return Reading(url)


def only(kind: type, happened: list[Fact]) -> list[Fact]:
    return [fact for fact in happened if isinstance(fact, kind)]


def test_the_status_summary_is_of_one_moment(reading: Reading, journal: SqlJournal, days: list[Fact]) -> None:
    status = reading.status()
    assert status.tip == journal.head()
    assert status.last_fact_at == days[-1].at
    assert status.account is not None
    assert status.day is not None
    assert status.cycle is not None
    assert status.reconciliation is not None
    assert status.account.cash == status.day.cash
    assert status.cycle.status == "finished"
    assert status.reconciliation.is_agreed
    assert status.orders_open == 0
    assert status.positions == len(reading.positions())


def test_the_status_of_a_journal_without_facts_is_empty(url: str, journal: SqlJournal) -> None:
    assert journal.head() == START
    with Reading(url) as reading:
        status = reading.status()
    assert (status.tip, status.last_fact_at, status.account, status.cycle) == (START, None, None, None)


@pytest.mark.spec("S2-32")
def test_the_order_history_is_complete_and_newest_first(reading: Reading, days: list[Fact]) -> None:
    asked = [fact.request.client_order_id for fact in only(OrderIntended, days)]  # type: ignore[attr-defined]
    assert [order.client_order_id for order in reading.orders("all")] == asked[::-1]
    assert reading.orders("open") == []
    assert len(reading.orders("closed", limit=3)) == 3
    order = reading.order(asked[0])
    assert order is not None
    assert order.status is OrderStatus.FILLED
    assert reading.order("alc-never") is None


def test_open_orders_are_those_whose_end_is_not_known(
    url: str, journal: SqlJournal, days: list[Fact]
) -> None:
    first = next(n for n, fact in enumerate(days) if isinstance(fact, OrderIntended))
    journal.append(days[: first + 1])
    with Reading(url) as reading:
        assert [order.status for order in reading.orders()] == [OrderStatus.INTENDED]
        assert reading.orders("closed") == []
        assert reading.status().orders_open == 1


def test_another_word_for_the_status_of_orders_is_an_error(reading: Reading) -> None:
    with pytest.raises(ValueError, match="open, closed or all"):
        reading.orders("done")


def test_fills_add_up_to_the_cash_of_the_account(reading: Reading, days: list[Fact]) -> None:
    fills, account = reading.fills(), reading.account()
    assert account is not None
    assert len(fills) == len(only(FillBooked, days))
    assert account.opening_cash + sum(fill.amount for fill in fills) == account.cash
    cycle = reading.cycles()[0].cycle_id
    assert {fill.cycle_id for fill in reading.fills(cycle_id=cycle)} == {cycle}
    assert {fill.symbol for fill in reading.fills(symbol="KO")} == {"KO"}


def test_positions_and_cash_make_the_equity_of_the_last_day(reading: Reading) -> None:
    day, account = reading.days(limit=1)[0], reading.account()
    assert account is not None
    value = sum((held.shares * day.marks[held.symbol] for held in reading.positions()), account.cash)
    assert value == day.equity
    realised = sum((held.realised for held in reading.positions(with_closed=True)), Decimal(0))
    assert realised == day.realised


def test_days_cycles_trades_reconciliations_and_alerts_are_listed(
    reading: Reading, journal: SqlJournal, days: list[Fact]
) -> None:
    journal.append([AlertRaised(1, "warning", "first"), AlertRaised(2, "critical", "second")])
    assert len(reading.days()) == len(only(DayClosed, days))
    assert len(reading.cycles()) == len(only(DayClosed, days))
    assert len(reading.reconciliations()) == len(only(Reconciled, days))
    last = reading.last_reconciliation()
    assert last is not None
    assert last.purpose == "close"
    assert [alert.text for alert in reading.alerts()] == ["second", "first"]
    cycle = reading.cycles()[0].cycle_id
    assert {trade.cycle_id for trade in reading.trades(cycle_id=cycle)} == {cycle}


def test_facts_are_read_back_in_order_and_checked(reading: Reading, days: list[Fact]) -> None:
    assert list(reading.facts()) == days
    assert reading.verify().is_sound


def test_reading_leaves_the_file_as_it_was(reading: Reading, path: Path) -> None:
    before = dump(path)
    reading.status()
    reading.verify()
    reading.close()
    assert dump(path) == before


def test_a_reader_sees_whole_appends_only_while_the_writer_goes_on(url: str, year: list[Fact]) -> None:
    batch = 10
    with closing(SqlJournal(url)) as journal:
        journal.append(year[:batch])
        writer = threading.Thread(
            target=lambda: [
                journal.append(year[start : start + batch]) for start in range(batch, 1_000, batch)
            ]
        )
        writer.start()
        with Reading(url) as reading:
            while writer.is_alive():
                found = reading.verify()
                assert found.is_sound, found
                assert found.entries % batch == 0
        writer.join()
        assert journal.head().seq == 1_000


def test_where_there_is_no_journal_yet_a_reader_is_told_so_and_makes_none(url: str, path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no journal at"):
        Reading(url)
    assert not path.exists()


def test_a_reader_works_after_the_writer_has_gone(url: str, days: list[Fact]) -> None:
    with closing(SqlJournal(url)) as journal:
        journal.append(days)
    with Reading(url) as reading:
        assert list(reading.facts()) == days
