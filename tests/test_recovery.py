"""A journal that has lost orders of ours gets them back from the broker, and makes none of their names again."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest
from hand import Hand, execution_of, report_of
from language import NOON, holding
from world import SECOND_DAY, World

import the_alchemiser
from the_alchemiser.domain.effects import ReadBroker, SetTimer
from the_alchemiser.domain.events import CycleAsked, Started
from the_alchemiser.domain.facts import (
    AccountOpened,
    AlertRaised,
    CycleRefused,
    FillBooked,
    OrderImported,
    OrderLost,
    Reconciled,
)
from the_alchemiser.domain.instants import MINUTE
from the_alchemiser.domain.orders import cycle_of, is_ours


def test_an_id_tells_whose_order_it_is_and_of_which_cycle() -> None:
    assert is_ours("alc-20210104-AAPL-b-0")
    assert not is_ours("4d5f3a3e-9a0c-4a8b")
    assert cycle_of("alc-20210104-AAPL-b-0", "AAPL") == "20210104"
    assert cycle_of("alc-20210104-BRK.B-s-12", "BRK.B") == "20210104"
    assert cycle_of("alc-moving-average-5ff1a2-BTC/USD-s-0", "BTC/USD") == "moving-average-5ff1a2"
    assert cycle_of("alc-something-else", "AAPL") == ""


def test_a_start_asks_for_every_order_of_ours_since_the_books_last_agreed() -> None:
    hand = Hand()
    hand.start()
    reads = [effect for effect in hand.effects if isinstance(effect, ReadBroker)]
    assert reads[0].orders_after is not None
    again = Hand(history_=hand.facts)
    again.start(at=NOON + MINUTE)
    (read,) = [effect for effect in again.effects if isinstance(effect, ReadBroker)][:1]
    assert read.orders_after is not None
    assert read.orders_after <= NOON


def older_than(lived: Hand, facts: int) -> Hand:
    """An engine whose journal was put back to what it held so many facts ago."""
    older = Hand(history_=lived.facts[:facts])
    older.at = lived.at + MINUTE
    older.tell(Started(older.at))
    return older


def test_an_older_journal_gets_order_and_fills_back_and_the_books_agree() -> None:
    lived = Hand()
    lived.start()
    morning = len(lived.facts)
    lived.begin(market="AAPL 99/101")
    (request,) = lived.submitted()
    made = execution_of(request, 0, 490, at=lived.at)
    older = older_than(lived, morning)
    held, orders = [holding("490 AAPL @ 100")], [report_of(request, "filled", 490)]
    older.read("start", "51000", held, orders=orders, executions=[made])
    (imported,) = older.kinds(OrderImported)
    assert (imported.report.client_order_id, imported.cycle_id) == (request.client_order_id, "20210104")
    assert [fact.fill.client_order_id for fact in older.kinds(FillBooked)] == [request.client_order_id]
    assert older.kinds(Reconciled)[-1].differences == ()
    assert any("had lost" in fact.text for fact in older.kinds(AlertRaised))


def test_the_cycle_of_a_lost_order_is_not_run_again() -> None:
    lived = Hand()
    lived.start()
    morning = len(lived.facts)
    lived.begin(market="AAPL 99/101")
    (request,) = lived.submitted()
    older = older_than(lived, morning)
    older.read("start", "100000", orders=[report_of(request, "new")])
    assert not any(key.startswith("begin:2021-01-04") for key in older.timers())
    older.tell(CycleAsked(older.at))
    older.read("begin:now", "100000", orders=[report_of(request, "new")])
    older.market("AAPL 99/101")
    assert older.submitted() == []
    assert [fact.cycle_id for fact in older.kinds(CycleRefused)] == ["20210104"]


def test_what_a_lost_order_had_filled_before_the_ledger_was_opened_is_counted_once() -> None:
    lived = Hand()
    lived.begin(market="AAPL 99/101")
    (request,) = lived.submitted()
    anew = older_than(lived, 0)
    anew.read(
        "start", "71000", [holding("290 AAPL @ 100")], orders=[report_of(request, "partially_filled", 290)]
    )
    assert anew.kinds(FillBooked) == []
    anew.hear(request, "filled", 490, (290, 490))
    assert sum(fact.fill.shares for fact in anew.kinds(FillBooked)) == 200
    anew.read("fills", "51000", [holding("490 AAPL @ 100")])
    assert anew.kinds(Reconciled)[-1].differences == ()


@pytest.fixture(scope="module")
def calm() -> World:
    """Two days as they go when nothing happens."""
    world = World()
    world.start()
    world.run_day(SECOND_DAY)
    return world


def cut_off(at: int, kept: int) -> World:
    """Trading had come to fact number `at`, and then all that the journal held after `kept` of them was lost."""
    world = World()
    world.start()
    world.run(lambda: len(world.facts) >= at)
    del world.journal.facts[kept:]
    world.start()
    return world


@pytest.mark.spec("S2-32")
def test_wherever_the_journal_is_cut_off_the_broker_gives_back_what_is_missing(calm: World) -> None:
    commits = calm.journal.commits
    first_day = [
        facts for facts in commits if calm.facts[facts - 1].at < calm.facts[-1].at - 12 * 60 * MINUTE
    ]
    for at in first_day[3::2]:
        for kept in (0, *(one for one in first_day[1:9:3] if one < at)):
            world = cut_off(at, kept)
            before = Counter(request.client_order_id for request in world.broker.sent)
            world.run_day(SECOND_DAY)
            assert world.kinds(Reconciled)[-1].differences == (), (at, kept)
            named = Counter(request.client_order_id for request in world.broker.sent)
            # What was still under way may be sent once more, under its own id and as the order it was.
            again = {one for one in before if named[one] > before[one]}
            assert again <= {fact.client_order_id for fact in world.kinds(OrderLost)}, (at, kept)
            orders = {request.client_order_id: request for request in world.broker.sent}
            assert all(orders[one.client_order_id] == one for one in world.broker.sent), (at, kept)
            assert len(world.kinds(AccountOpened)) == 1


def test_a_first_start_a_restart_and_a_recovery_are_the_same_start(calm: World) -> None:
    """Whatever the journal holds: the broker's record is asked for, and nothing else is wanted before it is there."""
    for kept in (0, *calm.journal.commits):
        hand = Hand(history_=calm.facts[:kept])
        hand.tell(Started(calm.exchange.now))
        outside = [effect for effect in hand.last if not isinstance(effect, SetTimer)]
        assert [(type(effect), effect.purpose) for effect in outside] == [(ReadBroker, "start")]
        assert len(hand.facts) == kept


def test_only_the_drivers_say_that_a_process_has_started() -> None:
    package = Path(the_alchemiser.__file__).parent
    saying = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Started"
    }
    drivers = {"runtime/live.py", "runtime/backtest.py", "simulation/machine.py"}
    looking_only = {"service.py", "rebuild.py"}
    assert saying == drivers | looking_only
