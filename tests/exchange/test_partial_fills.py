"""Orders that fill in parts: by chance as on paper, or by what the quote displays."""

from __future__ import annotations

import pytest
from trading_desk import Desk

from the_alchemiser.exchange.units import QUANTITY
from the_alchemiser.exchange.venue.portions import ONE_IN, random_part
from the_alchemiser.exchange.venue.rules import VenueRules

DISPLAYED = VenueRules(partial_fills="displayed")


@pytest.fixture
def wide() -> Desk:
    """A desk with 100,000 dollars, whose quotes display 100 shares."""
    return Desk(cash="100000", rules=DISPLAYED)


def filled(desk: Desk, order: object) -> tuple[str, int]:
    now = desk.now(order)  # type: ignore[arg-type]
    return now.status, now.filled_qty_e9 // QUANTITY


def test_one_execution_in_ten_is_a_part() -> None:
    parts = [random_part(1000 * QUANTITY, "seed", number) for number in range(5000)]
    in_part = [part for part in parts if part < 1000 * QUANTITY]
    assert 0.8 < len(in_part) / len(parts) * ONE_IN < 1.2
    assert all(part > 0 and part % QUANTITY == 0 for part in in_part)
    assert len(set(in_part)) > 300


def test_a_single_share_has_no_parts_but_a_fraction_has() -> None:
    assert {random_part(QUANTITY, number) for number in range(200)} == {QUANTITY}
    assert min(random_part(QUANTITY // 2, number) for number in range(200)) < QUANTITY // 2


def test_the_rest_of_an_order_meets_a_later_quote() -> None:
    desk = Desk(cash="10000000", rules=VenueRules(partial_fills="random"))
    orders = [desk.buy("100") for _ in range(60)]
    partial = [order for order in orders if desk.status(order) == "partially_filled"]
    assert partial
    assert {desk.status(order) for order in orders} == {"filled", "partially_filled"}
    for _ in range(5):
        desk.quote("10.00", "10.02")
    assert all(filled(desk, order) == ("filled", 100) for order in orders)
    updates = [update for update in desk.exchange.take_updates() if update.order.id == partial[0].id]
    assert [update.event for update in updates][:3] == ["pending_new", "new", "partial_fill"]
    assert updates[-1].event == "fill"
    assert sum(update.qty_e9 or 0 for update in updates) == 100 * QUANTITY


def test_an_order_takes_no_more_than_is_displayed(wide: Desk) -> None:
    order = wide.buy("250")
    assert filled(wide, order) == ("partially_filled", 100)
    other = wide.buy("10")
    assert filled(wide, other) == ("new", 0)  # the quote is used up
    wide.quote("10.00", "10.02")
    assert (filled(wide, order), filled(wide, other)) == (("partially_filled", 200), ("new", 0))
    wide.quote("10.00", "10.02")
    assert (filled(wide, order), filled(wide, other)) == (("filled", 250), ("filled", 10))


def test_all_or_nothing_and_the_rest_at_once(wide: Desk) -> None:
    assert filled(wide, wide.buy("101", limit_price="10.02", time_in_force="fok")) == ("canceled", 0)
    assert filled(wide, wide.buy("101", limit_price="10.02", time_in_force="ioc")) == ("canceled", 100)
    assert wide.shares() == "100"
    assert wide.cash == wide.buying_power


def test_dollars_buy_in_parts_too(wide: Desk) -> None:
    order = wide.buy(None, notional="1503")
    assert wide.now(order).status == "partially_filled"
    assert wide.buying_power == "98497"
    wide.quote("10.00", "10.02")
    assert wide.now(order).filled_qty_e9 == 150 * QUANTITY
    assert (wide.status(order), wide.buying_power) == ("filled", "98497")


def test_exits_wait_for_the_whole_entry(wide: Desk) -> None:
    entry = wide.bracket(qty="150")
    assert filled(wide, entry) == ("partially_filled", 100)
    assert {leg.status for leg in wide.now(entry).legs} == {"held"}
    wide.quote("10.00", "10.02")
    assert [leg.status for leg in wide.now(entry).legs] == ["new", "held"]


def test_a_part_of_the_target_shrinks_the_stop(wide: Desk) -> None:
    wide.exchange.rules = VenueRules()
    entry = wide.bracket(qty="150")
    wide.exchange.rules = DISPLAYED
    wide.quote("11.00", "11.02")
    target, stop = wide.now(entry).legs
    assert filled(wide, target) == ("partially_filled", 100)
    assert stop.qty_e9 == 50 * QUANTITY
    wide.quote("8.90", "8.92")
    target, stop = wide.now(entry).legs
    assert (target.status, filled(wide, stop)) == ("canceled", ("filled", 50))
    assert wide.shares() == "0"


def test_a_partly_filled_order_can_be_replaced_and_canceled(wide: Desk) -> None:
    order = wide.buy("250", limit_price="10.02")
    smaller = wide.refused(wide.change, order, qty="100")
    assert smaller.message == "qty must be > filled_qty"
    new = wide.change(order, qty="220")
    assert filled(wide, new) == ("partially_filled", 100) or filled(wide, new) == ("new", 100)
    wide.quote("10.00", "10.02")
    assert filled(wide, new) == ("partially_filled", 200)
    wide.exchange.cancel(new.id)
    assert filled(wide, new) == ("canceled", 200)
    assert (wide.shares(), wide.cash) == ("200", wide.buying_power)
