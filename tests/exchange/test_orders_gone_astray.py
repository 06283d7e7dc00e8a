"""What the venue or somebody else does to orders: delays, late rejects, fills out of band, orders by hand."""

from __future__ import annotations

import pytest
from trading_desk import Desk

from the_alchemiser.exchange.units import MINUTE, QUANTITY, SECOND
from the_alchemiser.exchange.venue.intake import parse_order_request
from the_alchemiser.exchange.venue.orders import Order
from the_alchemiser.exchange.venue.rules import VenueRules


@pytest.fixture
def slow() -> Desk:
    return Desk(rules=VenueRules(cancel_delay=5 * SECOND, replace_delay=5 * SECOND))


def later(desk: Desk, seconds: int = 5) -> None:
    desk.exchange.advance(desk.exchange.now + seconds * SECOND)


def test_a_cancel_takes_its_time(slow: Desk) -> None:
    order = slow.buy("10", limit_price="9")
    slow.exchange.cancel(order.id)
    assert slow.status(order) == "pending_cancel"
    assert slow.refused(slow.exchange.cancel, order.id).message == "order pending cancel"
    assert (
        slow.refused(slow.change, order, qty="5").message == "cannot replace order in pending_cancel status"
    )
    later(slow)
    assert (slow.status(order), slow.buying_power) == ("canceled", "1000")
    assert [event for event, _ in slow.news()] == ["pending_new", "new", "pending_cancel", "canceled"]


def test_an_order_may_fill_while_its_cancel_is_pending(slow: Desk) -> None:
    order = slow.buy("10", limit_price="9")
    slow.exchange.cancel(order.id)
    slow.quote("8.90", "9.00")
    assert slow.status(order) == "filled"
    later(slow)
    assert slow.status(order) == "filled"


def test_a_group_whose_cancel_is_pending_protects_nothing(slow: Desk) -> None:
    entry = slow.bracket(type="limit", limit_price="9.50", qty="10")
    slow.exchange.cancel(entry.id)
    slow.quote("9.40", "9.50")
    assert slow.status(entry) == "filled"
    later(slow)
    assert [leg.status for leg in slow.now(entry).legs] == ["canceled", "canceled"]
    assert slow.free_shares() == "10"


def test_cancel_all_leaves_pending_cancels_alone(slow: Desk) -> None:
    orders = [slow.buy("1", limit_price="9") for _ in range(3)]
    slow.exchange.cancel(orders[0].id)
    assert [status for _, status in slow.exchange.cancel_all()] == [200, 200, 200]
    later(slow)
    assert {slow.status(order) for order in orders} == {"canceled"}


def test_a_replacement_takes_its_time(slow: Desk) -> None:
    order = slow.buy("10", limit_price="9")
    new = slow.change(order, qty="20")
    assert (slow.status(order), new.status, slow.buying_power) == ("pending_replace", "pending_new", "820")
    assert slow.refused(slow.change, new, qty="30").message == "order chain not fully replaced"
    later(slow)
    assert (slow.status(order), slow.status(new), slow.buying_power) == ("replaced", "new", "820")
    assert [event for event, _ in slow.news()][-3:] == ["pending_replace", "replaced", "new"]
    assert slow.status(slow.change(new, qty="30")) == "pending_new"


def test_a_replacement_too_late_is_rejected(slow: Desk) -> None:
    order = slow.buy("10", limit_price="9")
    new = slow.change(order, limit_price="9.10")
    slow.quote("8.90", "9.00")
    assert (slow.status(order), slow.status(new)) == ("filled", "pending_new")
    later(slow)
    assert (slow.status(order), slow.status(new)) == ("filled", "rejected")
    assert (slow.shares(), slow.buying_power) == ("10", "910")
    assert [event for event, _ in slow.news()][-2:] == ["rejected", "order_replace_rejected"]


def test_a_withdrawn_replacement_leaves_the_old_order(slow: Desk) -> None:
    order = slow.buy("10", limit_price="9")
    new = slow.change(order, qty="20")
    slow.exchange.cancel(new.id)
    later(slow, 6)
    assert (slow.status(order), slow.status(new)) == ("new", "canceled")
    assert slow.buying_power == "910"


def test_an_accepted_order_is_rejected_later(desk: Desk) -> None:
    order = desk.bracket(type="limit", limit_price="9.50", qty="10")
    desk.exchange.reject_later(order.id, "no route")
    now = desk.now(order)
    assert (now.status, now.failed_at, now.reject_reason) == ("rejected", desk.exchange.now, "no route")
    assert {leg.status for leg in now.legs} == {"canceled"}
    assert desk.buying_power == "1000"
    again = desk.refused(desk.exchange.reject_later, order.id, "")
    assert again.message == 'order is already in "rejected" state'


def test_an_order_fills_out_of_band(desk: Desk) -> None:
    order = desk.buy("10", limit_price="9")
    desk.exchange.fill_anyway(order.id, 4 * QUANTITY, 89_000)
    assert (desk.status(order), desk.shares(), desk.cash) == ("partially_filled", "4", "964.4")
    desk.exchange.fill_anyway(order.id)
    assert (desk.status(order), desk.cash, desk.buying_power) == ("filled", "910.4", "910.4")
    assert "already" in desk.refused(desk.exchange.fill_anyway, order.id).message


def test_a_fill_may_cross_a_cancel(desk: Desk) -> None:
    order = desk.buy("10", limit_price="9")
    desk.exchange.cancel(order.id)
    desk.exchange.fill_anyway(order.id)
    assert (desk.status(order), desk.shares(), desk.buying_power) == ("filled", "10", "910")


def test_both_exits_may_fill(desk: Desk) -> None:
    target, stop = desk.now(desk.bracket(qty="10")).legs
    desk.exchange.fill_anyway(target.id)
    desk.exchange.fill_anyway(stop.id)
    assert (desk.status(target), desk.status(stop)) == ("filled", "filled")
    assert desk.exchange.position("HAT").qty_e9 == -10 * QUANTITY


def test_an_order_by_hand_says_where_it_comes_from(desk: Desk) -> None:
    body = {"symbol": "HAT", "side": "buy", "qty": "1", "type": "market", "time_in_force": "day"}
    order: Order = desk.exchange.submit_for_owner(parse_order_request(body))
    assert desk.now(order).source == "dashboard"
    assert desk.now(desk.buy("1")).source is None


def test_delays_are_exchange_time(slow: Desk) -> None:
    order = slow.buy("10", limit_price="9")
    slow.exchange.cancel(order.id)
    assert slow.exchange.next_instant() == slow.exchange.now + 5 * SECOND
    slow.exchange.advance(slow.exchange.now + MINUTE, stop_on_update=True)
    assert slow.status(order) == "canceled"
