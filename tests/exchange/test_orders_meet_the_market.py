"""Market, limit and stop orders against a quote that the test moves."""

from trading_desk import Desk

from the_alchemiser.exchange.units import format_average_price, format_price


def test_a_market_order_is_answered_pending_and_fills_at_the_far_side(desk: Desk) -> None:
    answer = desk.buy("10")
    assert (answer.status, answer.filled_qty_e9) == ("pending_new", 0)
    assert desk.news() == [("pending_new", "buy"), ("new", "buy"), ("fill", "buy")]
    assert (desk.cash, desk.shares()) == ("899.8", "10")
    desk.sell("10")
    assert (desk.cash, desk.shares()) == ("999.8", "0")


def test_a_limit_order_rests_until_the_market_comes_to_it(desk: Desk) -> None:
    order = desk.buy("10", limit_price="9.90")
    assert desk.status(order) == "new"
    desk.quote("9.90", "9.91")
    assert desk.status(order) == "new"
    desk.quote("9.85", "9.90")
    assert (desk.status(order), desk.shares()) == ("filled", "10")


def test_a_sell_limit_waits_for_a_bid_at_its_price(desk: Desk) -> None:
    desk.buy("10")
    order = desk.sell("10", limit_price="11")
    desk.quote("10.99", "11.00")
    assert desk.status(order) == "new"
    desk.quote("11.05", "11.07")
    assert (desk.status(order), format_price(desk.exchange.fills()[1].price_e4)) == ("filled", "11.05")


def test_a_marketable_limit_order_gets_the_better_price(desk: Desk) -> None:
    order = desk.now(desk.buy("10", limit_price="11"))
    assert format_average_price(order.filled_cost_e13, order.filled_qty_e9) == "10.02"


def test_a_resting_limit_order_gets_the_far_side_when_the_market_gaps_through_it(desk: Desk) -> None:
    order = desk.buy("10", limit_price="9.90")
    desk.quote("9.00", "9.05")
    assert format_price(desk.exchange.fills()[0].price_e4) == "9.05"
    assert desk.status(order) == "filled"


def test_a_sell_stop_waits_for_a_trade_at_its_price_and_sells_at_the_bid(desk: Desk) -> None:
    desk.buy("10")
    stop = desk.sell("10", stop_price="9.50")
    desk.quote("9.51", "9.53")
    assert desk.status(stop) == "new"
    desk.quote("9.40", "9.44")
    assert (desk.status(stop), format_price(desk.exchange.fills()[1].price_e4)) == ("filled", "9.4")


def test_a_buy_stop_does_not_pay_more_than_its_collar(desk: Desk) -> None:
    stop = desk.buy("10", stop_price="10.50")
    desk.quote("11.00", "11.02")
    assert (desk.status(stop), desk.now(stop).elected) == ("new", True)
    desk.quote("10.88", "10.92")
    assert desk.status(stop) == "filled"


def test_a_stop_limit_rests_at_its_limit_once_elected(desk: Desk) -> None:
    desk.buy("10")
    stop = desk.sell("10", type="stop_limit", stop_price="9.50", limit_price="9.45")
    desk.quote("9.30", "9.32")
    assert (desk.status(stop), desk.now(stop).elected) == ("new", True)
    desk.quote("9.45", "9.47")
    assert desk.status(stop) == "filled"


def test_older_orders_meet_the_market_first(desk: Desk) -> None:
    first, second = desk.buy("10", limit_price="9.90"), desk.buy("10", limit_price="9.95")
    desk.quote("9.80", "9.82")
    assert [fill.order_id for fill in desk.exchange.fills()] == [first.id, second.id]


def test_dollars_buy_as_many_billionths_of_a_share_as_they_pay_for(desk: Desk) -> None:
    order = desk.now(desk.buy(None, notional="100"))
    assert (order.status, order.filled_qty_e9) == ("filled", 9_980_039_920)
    assert desk.exchange.account().held_cash_e13 == 0
    assert 0 <= 1000 * 10**13 - desk.exchange.account().cash_e13 - order.filled_cost_e13 < 1


def test_fractions_of_a_share_can_be_sold_again(desk: Desk) -> None:
    desk.buy("0.123456789")
    desk.sell("0.123456789")
    assert desk.shares() == "0"


def test_an_update_keeps_the_order_as_it_was_then(desk: Desk) -> None:
    desk.buy("10")
    statuses = [update.order.status for update in desk.exchange.take_updates()]
    assert statuses == ["pending_new", "new", "filled"]


def test_a_fill_reports_its_execution_and_the_position_after_it(desk: Desk) -> None:
    desk.buy("10")
    desk.buy("5")
    fill = desk.exchange.take_updates()[-1]
    assert (fill.event, fill.price_e4, fill.qty_e9) == ("fill", 100_200, 5 * 10**9)
    assert fill.position_qty_e9 == 15 * 10**9
    assert fill.execution_id == desk.exchange.fills()[-1].execution_id


def test_ids_repeat_from_run_to_run_and_differ_from_order_to_order() -> None:
    one, other = Desk(), Desk()
    ids = [one.buy("1").id, one.buy("1").id]
    assert ids == [other.buy("1").id, other.buy("1").id]
    assert len(set(ids)) == 2


def test_nobody_draining_the_updates_costs_the_oldest_not_the_memory(desk: Desk) -> None:
    from the_alchemiser.exchange.venue import matching

    for _ in range(matching.UPDATE_QUEUE_SIZE // 4 + 10):
        desk.exchange.cancel(desk.buy("1", limit_price="1").id)
    assert desk.exchange.updates_dropped == 40
    assert len(desk.exchange.take_updates()) == matching.UPDATE_QUEUE_SIZE
