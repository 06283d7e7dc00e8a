"""The read side: what is shown is what the journal holds, in a form any program can read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from story_facts import INVERSE_VOLATILITY, MOMENTUM, random_closes, story, trading_days

from the_alchemiser import views
from the_alchemiser.domain.facts import (
    AlertRaised,
    CycleRefused,
    CycleStarted,
    DayClosed,
    ExternalOrderSeen,
    Fact,
    FillBooked,
    OrderIntended,
    Reconciled,
    SignalFormed,
    SymbolFrozen,
    SymbolReleased,
    TradingStateChanged,
)
from the_alchemiser.domain.instants import rfc3339
from the_alchemiser.domain.intent import TradingState
from the_alchemiser.domain.money import ZERO, Side
from the_alchemiser.domain.orders import Fill, OrderReport, OrderRequest, OrderStatus
from the_alchemiser.pipeline.report import performance
from the_alchemiser.store.journal import SqlJournal
from the_alchemiser.store.reading import Reading

LATE = 1_700_000_000_000_000_000
SYMBOLS = ("AAA", "BBB", "CCC", "DDD")


@pytest.fixture
def facts() -> list[Fact]:
    return story(random_closes(SYMBOLS, trading_days("2021-03-01", 6)))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqlJournal]:
    opened = SqlJournal(f"sqlite:///{tmp_path}/alchemiser.db")
    yield opened
    opened.close()


@pytest.fixture
def reading(tmp_path: Path, journal: SqlJournal, facts: list[Fact]) -> Iterator[Reading]:
    journal.append(facts)
    with Reading(f"sqlite:///{tmp_path}/alchemiser.db") as opened:
        yield opened


def last_day(facts: list[Fact]) -> DayClosed:
    return [fact for fact in facts if isinstance(fact, DayClosed)][-1]


def test_the_status_is_that_of_the_newest_close(reading: Reading, facts: list[Fact]) -> None:
    status, day = views.status(reading), last_day(facts)
    assert (status.equity, status.cash, status.session) == (day.equity, day.cash, day.session)
    assert status.account == "PA3STORY0001"
    assert status.reconciled is True
    assert status.cycle is not None
    assert status.cycle.status == "finished"
    assert status.as_of == rfc3339(facts[-1].at)
    assert (status.journal_entries, status.alert) == (len(facts), None)


def test_the_status_says_which_engine_trades_and_once_it_has_ended_which_one_did(
    reading: Reading, journal: SqlJournal
) -> None:
    lease = views.status(reading).lease
    assert lease is not None
    assert (lease.is_held, lease.epoch) == (True, journal.lease.epoch)
    journal.close()
    over = views.status(reading).lease
    assert over is not None
    assert (over.is_held, over.owner) == (False, lease.owner)


def test_the_status_of_a_system_that_has_done_nothing_says_so(journal: SqlJournal, tmp_path: Path) -> None:
    with Reading(f"sqlite:///{tmp_path}/alchemiser.db") as reading:
        status = views.status(reading)
    assert (status.account, status.equity, status.reconciled, status.cycle) == (None, None, None, None)


def test_differences_and_alerts_are_in_the_status(reading: Reading, journal: SqlJournal) -> None:
    journal.append(
        [
            Reconciled(LATE, "start", ("cash: a cent",), ZERO, Decimal(7)),
            AlertRaised(LATE, "warning", "look"),
        ]
    )
    status = views.status(reading)
    assert (status.equity, status.equity_at) == (Decimal(7), rfc3339(LATE))
    assert (status.reconciled, status.differences) == (False, ("cash: a cent",))
    assert status.alert == "warning: look"


def test_what_restrains_trading_and_whose_orders_are_open_is_in_the_status(
    reading: Reading, journal: SqlJournal
) -> None:
    assert (views.status(reading).trading, views.status(reading).frozen) == ("active", ())
    report = OrderReport("manual", "b-9", "AAA", Side.BUY, Decimal(10), OrderStatus.NEW)
    journal.append(
        [
            TradingStateChanged(LATE, TradingState.REDUCING, "the order stream is lost"),
            SymbolFrozen(LATE, "AAA", "AAA: ledger holds 1, broker says 2", "nothing explains it"),
            SymbolFrozen(LATE, "BBB", "BBB: ledger holds 1, broker says 2", "nothing explains it"),
            SymbolReleased(LATE, "BBB"),
            ExternalOrderSeen(LATE, report),
        ]
    )
    status = views.status(reading)
    assert (status.trading, status.trading_reason) == ("reducing", "the order stream is lost")
    assert [(one.symbol, one.difference) for one in status.frozen] == [
        ("AAA", "AAA: ledger holds 1, broker says 2")
    ]
    assert (status.orders_open, status.orders_of_others) == (1, 1)


def test_positions_are_valued_at_the_newest_close(reading: Reading, facts: list[Fact]) -> None:
    shown, day = views.positions(reading), last_day(facts)
    assert {one.symbol: one.mark for one in shown} == day.marks
    assert sum((one.value or ZERO for one in shown), ZERO) + day.cash == day.equity
    assert sum((one.unrealised or ZERO for one in shown), ZERO) == day.unrealised
    reported = {one.symbol: one for one in performance(facts, {}).positions}
    for one in shown:
        assert (one.shares, one.cost) == (reported[one.symbol].shares, reported[one.symbol].cost)


def test_a_position_without_a_mark_has_no_invented_value(reading: Reading, journal: SqlJournal) -> None:
    request = OrderRequest("new-1", "NEW", Side.BUY, Decimal(3))
    fill = Fill("new-1", "NEW", Side.BUY, ZERO, Decimal(3), Decimal("9.99"), 10)
    journal.append([OrderIntended(9, "c9", request, Decimal("9.99")), FillBooked(10, "c9", fill)])
    new = next(one for one in views.positions(reading) if one.symbol == "NEW")
    assert (new.average_cost, new.mark, new.value, new.unrealised) == (Decimal("9.99"), None, None, None)


def test_orders_are_open_closed_or_all(reading: Reading, journal: SqlJournal) -> None:
    assert views.orders(reading, "open") == []
    closed = views.orders(reading, "closed")
    request = OrderRequest("new-1", "NEW", Side.BUY, Decimal(3))
    journal.append([OrderIntended(9, "c9", request, Decimal(10))])
    (opened,) = views.orders(reading, "open")
    assert (opened.client_order_id, opened.side, opened.status) == ("new-1", "buy", "intended")
    assert views.orders(reading, "all", limit=3)[0] == opened
    assert len(views.orders(reading, "all")) == len(closed) + 1
    with pytest.raises(ValueError, match="open, closed or all"):
        views.orders(reading, "sideways")


def test_activity_tells_the_newest_events_of_every_kind_first(reading: Reading, journal: SqlJournal) -> None:
    journal.append(
        [
            CycleStarted(LATE, "c9", "2023-11-14", LATE),
            CycleRefused(LATE + 1, "c9", ("no quote for AAA",)),
            AlertRaised(LATE + 2, "error", "no prices"),
        ]
    )
    events = views.activity(reading, limit=6)
    assert [one.text for one in events[:2]] == ["error: no prices", "cycle c9 refused: no quote for AAA"]
    assert len(events) == 6
    assert [one.at for one in events] == sorted((one.at for one in events), reverse=True)
    kinds = {one.kind for one in views.activity(reading, limit=200)}
    assert kinds == {"fill", "cycle", "reconciliation", "day", "alert"}


def test_strategies_show_their_newest_wish_and_what_they_earned(facts: list[Fact]) -> None:
    shown = views.strategies(facts)
    assert [one.name for one in shown] == [INVERSE_VOLATILITY, MOMENTUM]
    wishes = [fact for fact in facts if isinstance(fact, SignalFormed) and fact.signal.strategy == MOMENTUM]
    assert shown[1].weights == wishes[-1].signal.weights
    assert shown[1].signals == len(wishes)
    earned = {line.name: line.amount for line in performance(facts, {}).contributions}
    assert all(one.contribution == earned[one.name] for one in shown)


def test_amounts_keep_every_digit_on_their_way_to_json() -> None:
    exact = Decimal("123456789012345.123456789")
    view = views.StrategyView("calm", 0, None, {"AAA": Decimal("0.1")}, {}, exact)
    assert b'"contribution":123456789012345.123456789' in views.document(view)
    assert b'"contribution":"123456789012345.123456789"' in views.document(view, exact_text=True)
    assert json.loads(views.document(view), parse_float=Decimal)["contribution"] == exact


def test_every_view_has_a_form_for_other_encoders(reading: Reading, facts: list[Fact]) -> None:
    shown: list[object] = [
        views.status(reading),
        views.positions(reading),
        views.orders(reading, "all"),
        views.activity(reading),
        views.strategies(facts),
    ]
    for view in shown:
        plain = views.plain_document(view)
        assert json.loads(json.dumps(plain)) == plain
        assert msgspec.json.decode(views.document(view)) == plain
