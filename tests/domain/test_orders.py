"""An order's life: reports may come twice, late and in any order, and the truth is the same."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from language import filled, order, report
from msgspec.structs import replace

from the_alchemiser.domain.errors import InvariantBroken
from the_alchemiser.domain.money import Side
from the_alchemiser.domain.orders import (
    ABSENT,
    CLIENT_ORDER_ID_LENGTH_MAX,
    DONE,
    LIVE,
    RANK,
    Order,
    OrderReport,
    OrderStatus,
    client_order_id,
    later,
)

OURS = (OrderStatus.INTENDED, OrderStatus.UNKNOWN, *ABSENT)


def stage(status: OrderStatus) -> int:
    """How far an order has come; the live statuses are one stage."""
    return RANK[OrderStatus.ACCEPTED] if status in LIVE else RANK[status]


BROKERS = [status for status in OrderStatus if status not in OURS]


@st.composite
def reports(draw: st.DrawFn) -> OrderReport:
    status = draw(st.sampled_from(BROKERS))
    reason = draw(st.sampled_from(["", "", "insufficient funds", "too late"]))
    some = report(order("buy 10 AAPL @ 190"), status.value, str(draw(st.integers(0, 10))), reason)
    average = draw(st.none() | st.integers(189, 191).map(Decimal)) if some.filled else None
    return replace(some, at=draw(st.integers(0, 3)), average_price=average)


def after(*told: OrderReport) -> Order:
    some = order("buy 10 AAPL @ 190")
    for one in told:
        some.merge(one)
    return some


@given(reports(), reports())
def test_it_does_not_matter_which_of_two_reports_came_first(first: OrderReport, second: OrderReport) -> None:
    assert after(first, second) == after(second, first)


@given(reports(), reports(), reports())
def test_three_reports_say_the_same_in_all_six_orders(a: OrderReport, b: OrderReport, c: OrderReport) -> None:
    truths = [after(*told) for told in itertools.permutations((a, b, c))]
    assert all(truth == truths[0] for truth in truths)


@given(st.lists(reports(), min_size=1, max_size=5))
def test_a_report_told_again_changes_nothing(told: list[OrderReport]) -> None:
    once = after(*told)
    assert after(*told, *told) == once
    assert after(*(one for one in told for _ in range(3))) == once


@given(st.lists(reports(), max_size=6))
def test_an_order_never_goes_back(told: list[OrderReport]) -> None:
    some, rank, amount = order("buy 10 AAPL @ 190"), 0, Decimal(0)
    for one in told:
        some.merge(one)
        assert stage(some.status) >= rank
        assert some.reported_filled >= amount
        rank, amount = stage(some.status), some.reported_filled


@pytest.mark.parametrize("end", sorted(DONE - ABSENT, key=lambda status: status.value))
@pytest.mark.parametrize("stale", ["accepted", "new", "partially_filled", "pending_cancel"])
def test_a_stale_report_does_not_wake_an_ended_order(end: OrderStatus, stale: str) -> None:
    some = order("buy 10 AAPL @ 190")
    assert after(report(some, end.value), report(some, stale)).status is end


def test_the_table_of_transitions_is_total_and_has_no_ties() -> None:
    assert set(RANK) == set(OrderStatus)
    assert len(set(RANK.values())) == len(RANK)
    for first, second in itertools.product(OrderStatus, repeat=2):
        assert later(first, second) is later(second, first)


def test_a_cancelled_order_can_turn_out_filled_because_the_cancel_lost_the_race() -> None:
    some = order("buy 10 AAPL @ 190")
    assert after(report(some, "canceled"), report(some, "filled", "10")).status is OrderStatus.FILLED


def test_an_order_given_up_for_lost_is_taken_back_on_the_brokers_first_word() -> None:
    some = order("buy 10 AAPL @ 190")
    some.status = OrderStatus.ABANDONED
    some.merge(report(some, "accepted"))
    assert some.status is OrderStatus.ACCEPTED
    assert not some.is_done


def test_an_order_is_not_done_before_every_reported_share_is_booked() -> None:
    some = order("buy 10 AAPL @ 190")
    some.merge(report(some, "filled", "10"))
    assert not some.is_done
    some.book(filled(some, "4"))
    assert (some.is_done, some.remaining) == (False, 6)
    some.book(filled(some, "6", after="4"))
    assert (some.is_done, some.remaining) == (True, 0)


def test_a_fill_may_arrive_before_any_report() -> None:
    some = order("buy 10 AAPL @ 190")
    some.book(filled(some, "4"))
    assert some.reported_filled == 4
    some.merge(report(some, "new"))
    assert (some.status, some.reported_filled) == (OrderStatus.NEW, 4)


@pytest.mark.parametrize("start", ["0", "2", "3", "6", "7"])
def test_a_fill_that_overlaps_a_booked_one_is_never_booked(start: str) -> None:
    some = order("buy 10 AAPL @ 190")
    some.book(filled(some, "4"))
    some.book(filled(some, "1", after="7"))
    with pytest.raises(InvariantBroken, match="overlaps a booked one"):
        some.book(filled(some, "2", after=start))
    assert some.booked == 5


def test_a_fill_told_before_an_earlier_one_is_booked_and_the_hole_stays_open() -> None:
    some = order("buy 10 AAPL @ 190")
    some.merge(report(some, "filled", "10"))
    some.book(filled(some, "6", after="4"))
    assert (some.booked, some.is_done, some.pending) == (6, False, 4)
    some.book(filled(some, "4"))
    assert (some.booked, some.is_done, some.pending) == (10, True, 0)
    assert [fill.cum_before for fill in some.fills] == [0, 4]


def test_a_cancel_that_was_turned_down_leaves_the_order_as_live_as_before() -> None:
    """The ranks alone would call it `pending_cancel` for ever: among live words the broker's later one counts."""
    some = order("buy 10 AAPL @ 190")
    told = [
        replace(report(some, status), at=at)
        for at, status in enumerate(["new", "pending_cancel", "new", "accepted"])
    ]
    for script in itertools.permutations(told[:3]):
        assert after(*script).status is OrderStatus.NEW
    assert after(*told[:2]).status is OrderStatus.PENDING_CANCEL
    assert after(*told).status is OrderStatus.ACCEPTED


@pytest.mark.parametrize("belief", sorted(ABSENT, key=lambda status: status.value))
@pytest.mark.parametrize("word", sorted(set(OrderStatus) - set(OURS), key=lambda status: status.value))
def test_any_word_of_the_broker_outranks_our_belief_that_nothing_is_there(
    belief: OrderStatus, word: OrderStatus
) -> None:
    some = order("buy 10 AAPL @ 190")
    some.status = belief
    some.merge(report(some, word.value))
    assert some.status is word


def test_an_order_may_be_filled_by_more_than_was_asked() -> None:
    some = order("buy 10 AAPL @ 190")
    some.book(filled(some, "12"))
    assert (some.remaining, some.pending, some.reported_filled) == (-2, 0, 12)


def test_a_fill_moves_cash_against_shares() -> None:
    bought, sold = order("buy 10 AAPL @ 190"), order("sell 10 AAPL @ 190")
    assert filled(bought, "4", "190.5").amount == Decimal(-762)
    assert filled(sold, "4", "190.5").amount == Decimal(762)


def test_the_same_decision_always_has_the_same_name_and_no_other_has_it() -> None:
    names = [
        client_order_id(cycle, symbol, side, revision)
        for cycle in ("20210104", "20210105")
        for symbol in ("AAPL", "BRK.B")
        for side in Side
        for revision in range(12)
    ]
    assert names[0] == client_order_id("20210104", "AAPL", Side.BUY, 0) == "alc-20210104-AAPL-b-0"
    assert len(set(names)) == len(names)


def test_a_name_too_long_for_the_broker_is_refused_here() -> None:
    fitting = "x" * (CLIENT_ORDER_ID_LENGTH_MAX - len("alc--AAPL-b-0"))
    assert len(client_order_id(fitting, "AAPL", Side.BUY, 0)) == CLIENT_ORDER_ID_LENGTH_MAX
    with pytest.raises(InvariantBroken, match="longer than"):
        client_order_id(fitting + "x", "AAPL", Side.BUY, 0)
