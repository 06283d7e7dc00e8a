"""Lists of orders, fills and positions, and closing what is owned."""

import pytest
from trading_desk import Desk

from the_alchemiser.exchange.errors import Refusal
from the_alchemiser.exchange.market.prices import asset_id
from the_alchemiser.exchange.venue.orders import Order, OrderFilter


def listed(desk: Desk, **fields: object) -> list[str]:
    return [order.id for order in desk.exchange.orders(OrderFilter(**fields))]  # type: ignore[arg-type]


@pytest.fixture
def history(desk: Desk) -> list[Order]:
    """A filled order, a resting one in each symbol, and a canceled one, ten seconds apart."""
    orders = []
    for fields in ({}, {"limit_price": "9"}, {"limit_price": "9", "symbol": "SHOE"}, {"limit_price": "8"}):
        orders.append(desk.buy("1", **fields))
        desk.quote("10.00", "10.02", after_seconds=10)
    desk.exchange.cancel(orders[3].id)
    return orders


def test_orders_are_listed_by_status_newest_first(desk: Desk, history: list[Order]) -> None:
    filled, hat, shoe, canceled = (order.id for order in history)
    assert listed(desk) == [shoe, hat]
    assert listed(desk, status="closed") == [canceled, filled]
    assert listed(desk, status="all") == [canceled, shoe, hat, filled]
    assert listed(desk, status="all", direction="asc") == [filled, hat, shoe, canceled]


def test_lists_are_limited_and_bounded_exclusively(desk: Desk, history: list[Order]) -> None:
    filled, hat, shoe, canceled = history
    assert listed(desk, status="all", limit=1) == [canceled.id]
    assert listed(desk, status="all", after=filled.submitted_at, until=canceled.submitted_at) == [
        shoe.id,
        hat.id,
    ]
    assert listed(desk, status="all", after_order_id=hat.id) == [canceled.id, shoe.id]
    assert listed(desk, before_order_id=canceled.id, after_order_id=filled.id) == [shoe.id, hat.id]


def test_lists_are_narrowed_by_symbol_side_and_class(desk: Desk, history: list[Order]) -> None:
    sale = desk.sell("1", limit_price="12")
    assert listed(desk, symbols=frozenset({"SHOE"})) == [history[2].id]
    assert listed(desk, side="sell") == [sale.id]
    assert listed(desk, asset_class=frozenset({"crypto"})) == []


@pytest.mark.parametrize(
    "fields", [{"limit": 0}, {"limit": 501}, {"status": "odd"}, {"direction": "up"}, {"after_order_id": "x"}]
)
def test_a_senseless_list_is_refused(desk: Desk, fields: dict[str, object]) -> None:
    with pytest.raises(Refusal) as caught:
        listed(desk, **fields)
    assert caught.value.http_status == 422


def test_legs_stand_beside_or_below_their_parent(desk: Desk) -> None:
    bracket = desk.bracket(qty="1", limit_price="9.9")
    profit, loss = (leg.id for leg in bracket.legs)
    assert listed(desk) == [loss, profit, bracket.id]
    assert listed(desk, nested=True) == [bracket.id]


def test_a_filled_parent_stays_among_the_open_ones_while_its_legs_are(desk: Desk) -> None:
    bracket = desk.bracket(qty="1")
    profit, loss = (leg.id for leg in bracket.legs)
    assert listed(desk) == [loss, profit]
    assert listed(desk, nested=True) == [bracket.id]
    assert listed(desk, nested=True, status="closed") == []


def test_a_position_shows_cost_value_and_profit(desk: Desk) -> None:
    desk.buy("10")
    desk.buy("10", limit_price="11")
    desk.quote("12.00", "12.02")
    position = desk.exchange.position("HAT")
    assert (position.qty_e9, position.cost_basis_e13) == (20 * 10**9, 2004 * 10**12)
    assert (position.current_price_e4, position.market_value_e13) == (120_100, 2402 * 10**12)
    assert position.unrealized_pl_e13 == 398 * 10**12
    assert desk.exchange.position(asset_id("HAT")) == position


def test_the_cost_of_what_is_left_follows_the_average(desk: Desk) -> None:
    desk.buy("10")
    desk.quote("20.00", "20.02")
    desk.buy("10")
    desk.sell("15")
    assert desk.exchange.position("HAT").cost_basis_e13 == 751 * 10**12


def test_unknown_and_empty_positions_do_not_exist(desk: Desk) -> None:
    for symbol in ("HAT", "SOCK"):
        refusal = desk.refused(desk.exchange.position, symbol)
        assert (refusal.http_status, refusal.message) == (404, "position does not exist")
    desk.buy("1")
    desk.sell("1")
    assert desk.exchange.positions() == []


def test_a_position_is_closed_whole_in_part_or_by_percentage(desk: Desk) -> None:
    desk.buy("10")
    desk.exchange.close_position("HAT", qty="1")
    assert desk.shares() == "9"
    desk.exchange.close_position("HAT", percentage="33.3")
    assert desk.shares() == "7"
    desk.exchange.close_position("HAT")
    assert desk.shares() == "0"


def test_a_percentage_sells_parts_of_shares_only_where_there_are_some(desk: Desk) -> None:
    desk.buy("10.5")
    desk.exchange.close_position("HAT", percentage="33.3")
    assert desk.shares() == "7.0035"
    desk.exchange.close_position("HAT", qty="4.0035")
    desk.exchange.close_position("HAT", percentage="50")
    assert desk.shares() == "2"
    desk.exchange.close_position("HAT", qty="1")
    assert desk.refused(desk.exchange.close_position, "HAT", percentage="50").message == "qty must be > 0"


@pytest.mark.parametrize(
    "fields",
    [
        {"qty": "x"},
        {"percentage": "0"},
        {"percentage": "101"},
        {"percentage": "x"},
        {"qty": 1, "percentage": 1},
    ],
)
def test_a_senseless_closing_is_refused(desk: Desk, fields: dict[str, object]) -> None:
    desk.buy("10")
    assert desk.refused(desk.exchange.close_position, "HAT", **fields).http_status == 422


def test_closing_all_reports_what_orders_hold_back_unless_they_are_canceled(desk: Desk) -> None:
    desk.buy("10")
    desk.buy("10", symbol="SHOE")
    desk.sell("10", stop_price="9")
    hat, shoe = desk.exchange.close_all()
    assert (hat.symbol, hat.http_status, hat.order) == ("HAT", 403, None)
    assert hat.refusal is not None
    assert hat.refusal.extra["held_for_orders"] == "10"
    assert (shoe.symbol, shoe.http_status) == ("SHOE", 200)
    (hat,) = desk.exchange.close_all(cancel_orders=True)
    assert (hat.http_status, desk.exchange.positions()) == (200, [])
    assert desk.exchange.close_all() == []


def test_fills_are_listed_between_exclusive_bounds(desk: Desk) -> None:
    for _ in range(3):
        desk.buy("1")
        desk.quote("10.00", "10.02")
    first, second, third = desk.exchange.fills()
    assert desk.exchange.fills(after=first.at, until=third.at) == [second]
    assert (second.cum_qty_e9, second.leaves_qty_e9, second.type) == (10**9, 0, "fill")


def test_equity_is_cash_and_shares_at_the_last_trade(desk: Desk) -> None:
    desk.buy("10")
    assert (desk.cash, desk.equity) == ("899.8", "999.9")
    desk.quote("11.00", "11.00")
    assert desk.equity == "1009.8"
