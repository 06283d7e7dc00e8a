"""What orders hold and written calls ask for is always there, whatever else takes it away."""

from __future__ import annotations

from datetime import date

import pytest
from pushed_board import PushedBoard
from trading_desk import Desk, session_of

from the_alchemiser.exchange.errors import Refusal
from the_alchemiser.exchange.market.script import MarketScript, Split
from the_alchemiser.exchange.rest.account_rows import account_row
from the_alchemiser.exchange.units import MONEY, QUANTITY, price_e4
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.intake import parse_order_changes, parse_order_request
from the_alchemiser.exchange.venue.orders import Order
from the_alchemiser.exchange.venue.rules import VenueRules

MORNING = session_of("2022-03-16").open
CALL, PUT = "HAT220325C00150000", "HAT220325P00150000"


def opened(*script: Split, rules: VenueRules | None = None) -> Exchange:
    """HAT at 200.00, and contracts on it."""
    market = PushedBoard()
    market.script = MarketScript(script)
    exchange = Exchange(market, seed=1, cash="90000", start=MORNING, multiplier=4, rules=rules)
    market.stock_quote = exchange.quote
    exchange.move("HAT", price_e4("200"), price_e4("200.02"), MORNING)
    return exchange


def ordered(exchange: Exchange, side: str, symbol: str, qty: str = "1", **fields: object) -> Order:
    body = {"symbol": symbol, "side": side, "qty": qty, "type": "market", "time_in_force": "day", **fields}
    return exchange.submit(parse_order_request(body))


def available(exchange: Exchange, symbol: str = "HAT") -> int:
    return exchange.position(symbol).qty_available_e9 // QUANTITY


def test_a_reverse_split_pledges_no_more_shares_than_are_left() -> None:
    exchange = opened(Split("HAT", date(2022, 3, 17), 4, 1))
    ordered(exchange, "buy", "HAT", "200")
    ordered(exchange, "sell", CALL)
    assert available(exchange) == 100
    exchange.advance(session_of("2022-03-17").open)
    assert (exchange.position("HAT").qty_e9, available(exchange)) == (50 * QUANTITY, 0)


def test_shares_that_are_bought_later_stand_behind_calls_that_lack_them() -> None:
    exchange = opened(Split("HAT", date(2022, 3, 17), 4, 1))
    ordered(exchange, "buy", "HAT", "100")
    ordered(exchange, "sell", CALL)
    morning = session_of("2022-03-17").open
    exchange.advance(morning)
    exchange.move("HAT", price_e4("200"), price_e4("200.02"), morning)
    ordered(exchange, "buy", "HAT", "90")
    assert (exchange.position("HAT").qty_e9, available(exchange)) == (115 * QUANTITY, 15)


def test_groups_end_in_a_reverse_split_that_leaves_too_few_shares_for_all_of_them() -> None:
    exchange = opened(Split("HAT", date(2022, 3, 17), 2, 1))
    ordered(exchange, "buy", "HAT", "60")
    exits = {"take_profit": {"limit_price": "260"}, "stop_loss": {"stop_price": "40"}}
    for _ in range(2):  # each would fit, but not both
        ordered(exchange, "sell", "HAT", "25", type="limit", order_class="oco", time_in_force="gtc", **exits)
    exchange.advance(session_of("2022-03-17").open)
    assert [order.held_qty_e9 // QUANTITY for order in exchange.orders() if not order.parent_id] == [25]
    assert available(exchange) == 5


def test_part_of_a_repurchase_releases_part_of_its_money() -> None:
    exchange = opened()
    ordered(exchange, "buy", "HAT", "200")
    ordered(exchange, "sell", CALL, "2")
    order = ordered(exchange, "buy", CALL, "2", type="limit", limit_price="30")
    assert exchange.order(order.id).held_cash_e13 == 4 * 2 * 3000 * MONEY
    exchange.fill_anyway(order.id, QUANTITY)
    assert exchange.order(order.id).held_cash_e13 == 4 * 3000 * MONEY == exchange.account().held_cash_e13


def test_a_fill_out_of_turn_ends_the_orders_whose_shares_it_takes() -> None:
    desk = Desk()
    desk.buy("10")
    late = desk.sell("10", limit_price="20")
    desk.exchange.cancel(late.id)
    resting = desk.sell("8", limit_price="21")
    desk.exchange.fill_anyway(late.id, price_e4=100_000)
    assert (desk.status(late), desk.status(resting), desk.exchange.positions()) == ("filled", "canceled", [])


def test_an_ended_order_that_is_filled_in_part_stays_ended() -> None:
    desk = Desk()
    order = desk.buy("10", limit_price="9")
    desk.exchange.cancel(order.id)
    desk.exchange.fill_anyway(order.id, 4 * QUANTITY)
    assert (desk.status(order), desk.now(order).filled_qty_e9, desk.exchange.orders()) == (
        "canceled",
        4 * QUANTITY,
        [],
    )


def test_a_combination_is_never_filled_by_the_leg() -> None:
    exchange = opened()
    legs = [
        {"symbol": CALL, "ratio_qty": "1", "side": "buy"},
        {"symbol": PUT, "ratio_qty": "1", "side": "buy"},
    ]
    body = {"order_class": "mleg", "qty": "1", "type": "limit", "limit_price": "1", "time_in_force": "day"}
    order = exchange.submit(parse_order_request({**body, "legs": legs}))
    for one in (order, *order.legs):
        with pytest.raises(Refusal):
            exchange.fill_anyway(one.id)
    assert exchange.positions() == []


def test_a_replacement_is_not_filled_before_it_has_taken_over() -> None:
    exchange = opened(rules=VenueRules(replace_delay=60 * 10**9))
    order = ordered(exchange, "buy", "HAT", "2", type="limit", limit_price="100")
    new = exchange.replace(order.id, parse_order_changes({"limit_price": "101"}))
    with pytest.raises(Refusal):
        exchange.fill_anyway(new.id)
    assert exchange.positions() == []


def test_a_short_sale_that_meets_shares_ends_the_orders_that_held_them() -> None:
    desk = Desk(cash="10000", multiplier=4)
    earlier = desk.buy("10", limit_price="9")
    desk.exchange.cancel(earlier.id)
    short = desk.sell("10", limit_price="12")
    desk.exchange.fill_anyway(earlier.id)
    closing = desk.sell("10", limit_price="13")
    desk.quote("12.00", "12.02")
    assert (desk.status(short), desk.status(closing), desk.exchange.positions()) == ("filled", "canceled", [])


def test_a_replacement_that_waits_writes_no_second_contract() -> None:
    exchange = opened(rules=VenueRules(replace_delay=60 * 10**9))
    ordered(exchange, "buy", "HAT", "300")
    order = ordered(exchange, "sell", CALL, "1", type="limit", limit_price="90")
    exchange.replace(order.id, parse_order_changes({"qty": "2"}))
    assert available(exchange) == 100
    exchange.advance(exchange.now + 60 * 10**9)
    assert available(exchange) == 100
    exchange.cancel_all()
    exchange.advance(exchange.now + 1)
    assert available(exchange) == 300


def test_no_margin_below_zero_is_shown_for_a_call_that_is_worth_more_than_its_shares_ask_for() -> None:
    exchange = opened()
    ordered(exchange, "buy", "HAT", "100")
    ordered(exchange, "sell", "HAT220325C00100000")
    row = account_row(exchange.account())
    assert (row["initial_margin"], row["maintenance_margin"]) == ("0", "0")


def test_an_exit_holds_no_more_than_is_left_when_the_other_is_filled_in_part() -> None:
    desk = Desk()
    desk.buy("10")
    exits = {"take_profit": {"limit_price": "11"}, "stop_loss": {"stop_price": "9"}}
    (stop,) = desk.sell("10", type="limit", order_class="oco", time_in_force="gtc", **exits).legs
    desk.exchange.fill_anyway(stop.id, 4 * QUANTITY)
    assert [order.held_qty_e9 // QUANTITY for order in desk.exchange.orders() if not order.parent_id] == [6]
    assert (desk.shares(), desk.free_shares()) == ("6", "0")
