"""Orders canceled and replaced: what they hold, which states allow it, and what the updates say."""

import pytest
from trading_desk import Desk

from the_alchemiser.exchange.errors import Refusal


def test_a_cancel_frees_the_cash(desk: Desk) -> None:
    order = desk.buy("10", limit_price="9")
    assert desk.buying_power == "910"
    desk.news()
    desk.exchange.cancel(order.id)
    assert (desk.buying_power, desk.status(order)) == ("1000", "canceled")
    assert desk.news() == [("pending_cancel", "buy"), ("canceled", "buy")]


def test_canceling_twice_is_harmless_but_a_filled_order_stays_filled(desk: Desk) -> None:
    order = desk.buy("10", limit_price="9")
    desk.exchange.cancel(order.id)
    desk.exchange.cancel(order.id)
    filled = desk.buy("1")
    refusal = desk.refused(desk.exchange.cancel, filled.id)
    assert (refusal.http_status, refusal.message) == (422, 'order is already in "filled" state')


def test_an_unknown_order_is_not_found(desk: Desk) -> None:
    for ask in (desk.exchange.order, desk.exchange.order_by_client_id, desk.exchange.cancel):
        refusal = desk.refused(ask, "nobody")
        assert refusal.body() == {"code": 40410000, "message": "order not found for nobody"}


def test_cancel_all_names_every_order_that_was_open(desk: Desk) -> None:
    desk.buy("1")
    single = desk.buy("1", limit_price="9")
    bracket = desk.bracket(qty="1", limit_price="9.5")
    expected = [single.id, bracket.id, *(leg.id for leg in bracket.legs)]
    assert desk.exchange.cancel_all() == [(order_id, 200) for order_id in expected]
    assert desk.exchange.cancel_all() == []
    assert desk.buying_power == desk.cash


def test_a_replacement_is_a_new_order_linked_both_ways(desk: Desk) -> None:
    old = desk.buy("10", limit_price="9", client_order_id="first")
    desk.news()
    new = desk.change(old, limit_price="9.50", client_order_id="second")
    assert new.status == "pending_new"
    assert (desk.now(old).replaced_by, desk.now(new).replaces) == (new.id, old.id)
    assert (desk.status(old), desk.status(new)) == ("replaced", "new")
    assert [event for event, _ in desk.news()] == ["pending_replace", "replaced", "new"]
    assert desk.exchange.order_by_client_id("first").status == "replaced"
    assert desk.exchange.order_by_client_id("second").id == new.id


def test_a_replacement_holds_the_new_amount(desk: Desk) -> None:
    old = desk.buy("10", limit_price="9")
    new = desk.change(old, qty="100", limit_price="10")
    assert desk.buying_power == "0"
    assert desk.refused(desk.change, new, limit_price="10.01").message == "insufficient buying power"
    assert desk.status(new) == "new"
    desk.change(new, qty="1")
    assert desk.buying_power == "990"


def test_a_replacement_that_became_marketable_fills_at_once(desk: Desk) -> None:
    new = desk.change(desk.buy("10", limit_price="9"), limit_price="10.05")
    assert (desk.status(new), desk.cash) == ("filled", "899.8")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "order parameters are not changed"),
        ({"qty": "10", "limit_price": "9"}, "order parameters are not changed"),
        ({"limit_price": "9.001"}, "sub-penny"),
        ({"limit_price": "0"}, "limit price must be > 0"),
        ({"stop_price": "12"}, "limit orders require no stop price"),
        ({"qty": "0"}, "qty must be > 0"),
        ({"qty": "0.5"}, "qty of fractional and notional orders cannot be changed"),
        ({"time_in_force": "week"}, "invalid time_in_force"),
        ({"limit_price": "8", "client_order_id": "taken"}, "client_order_id must be unique"),
    ],
)
def test_a_replacement_is_refused(desk: Desk, changes: dict[str, str], text: str) -> None:
    order = desk.buy("10", limit_price="9", client_order_id="taken")
    assert text in desk.refused(desk.change, order, **changes).message
    assert desk.status(order) == "new"


def test_only_working_orders_can_be_replaced(desk: Desk) -> None:
    filled = desk.buy("10")
    assert desk.refused(desk.change, filled, qty="5").message == "cannot replace order in filled status"
    old = desk.buy("1", limit_price="9")
    desk.change(old, limit_price="9.1")
    assert desk.refused(desk.change, old, limit_price="9.2").message == "order already replaced"


def test_an_order_waiting_for_the_opening_cannot_be_replaced() -> None:
    desk = Desk()
    desk.after_the_close()
    order = desk.buy("1", limit_price="9")
    assert (
        desk.refused(desk.change, order, limit_price="8").message == "cannot replace order in accepted status"
    )


def test_a_replaced_order_cannot_be_canceled(desk: Desk) -> None:
    old = desk.buy("1", limit_price="9")
    desk.change(old, limit_price="9.1")
    with pytest.raises(Refusal, match='already in "replaced" state'):
        desk.exchange.cancel(old.id)


def test_a_stop_can_be_trailed_by_hand(desk: Desk) -> None:
    desk.buy("10")
    stop = desk.change(desk.sell("10", stop_price="9"), stop_price="9.90")
    assert desk.free_shares() == "0"
    desk.quote("9.85", "9.87")
    assert desk.status(stop) == "filled"
