"""How long orders last: auctions, at once, all or nothing, and what dollars buy and sell."""

from __future__ import annotations

import msgspec
import pytest
from trading_desk import Desk, session_of

from the_alchemiser.exchange.market.hours import hours_of
from the_alchemiser.exchange.market.sessions import xnys_sessions
from the_alchemiser.exchange.units import HOUR, MINUTE
from the_alchemiser.exchange.venue.rules import VenueRules

HOURS = hours_of(xnys_sessions())
NEXT = session_of("2022-03-17")


def in_the_evening(desk: Desk) -> None:
    desk.exchange.advance(desk.session.close + 3 * HOUR)


def test_an_order_for_the_opening_takes_its_price(desk: Desk) -> None:
    in_the_evening(desk)
    order = desk.buy("10", time_in_force="opg")
    assert (order.status, order.expires_at) == ("accepted", NEXT.close)
    desk.exchange.move("HAT", 98_000, 98_200, NEXT.open)
    assert desk.status(order) == "filled"
    assert desk.exchange.fills()[0].price_e4 == 98_100


def test_an_order_for_the_opening_waits_for_the_first_price(desk: Desk) -> None:
    in_the_evening(desk)
    order = desk.buy("10", time_in_force="opg", limit_price="9.90")
    desk.exchange.advance(NEXT.open + MINUTE)
    assert desk.status(order) == "new"
    desk.exchange.move("HAT", 98_000, 98_200, NEXT.open + 2 * MINUTE)
    assert desk.status(order) == "filled"


def test_an_opening_beyond_the_limit_ends_the_order(desk: Desk) -> None:
    in_the_evening(desk)
    order = desk.buy("10", time_in_force="opg", limit_price="9.80")
    desk.exchange.move("HAT", 98_000, 98_200, NEXT.open)
    assert desk.status(order) == "canceled"
    assert desk.buying_power == "1000"


def test_orders_for_the_close_take_the_last_price_of_the_session(desk: Desk) -> None:
    market = desk.buy("10", time_in_force="cls")
    near = desk.buy("10", time_in_force="cls", limit_price="10.50")
    far = desk.buy("10", time_in_force="cls", limit_price="9.50")
    desk.quote("10.40", "10.42")
    assert [desk.status(order) for order in (market, near, far)] == ["new"] * 3
    desk.exchange.advance(desk.session.close)
    assert [desk.status(order) for order in (market, near, far)] == ["filled", "filled", "canceled"]
    assert {fill.price_e4 for fill in desk.exchange.fills()} == {104_100}
    assert desk.exchange.fills()[0].at == desk.session.close


@pytest.mark.parametrize(
    ("minutes_from_open", "refused"), [(-3, False), (-2, True), (389, True), (569, True), (570, False)]
)
def test_orders_for_the_opening_come_in_before_928_or_after_seven(
    minutes_from_open: int, refused: bool
) -> None:
    desk = Desk(day="2022-03-15")
    desk.exchange.advance(session_of("2022-03-16").open + minutes_from_open * MINUTE)
    if refused:
        refusal = desk.refused(desk.buy, "1", time_in_force="opg")
        assert refusal.message == "opg orders must be submitted after 7:00pm and before 9:28am"
    else:
        assert desk.buy("1", time_in_force="opg").status == "accepted"


def test_orders_for_the_close_come_in_until_ten_minutes_before_it(desk: Desk) -> None:
    desk.exchange.advance(desk.session.close - 10 * MINUTE)
    refusal = desk.refused(desk.buy, "1", time_in_force="cls")
    assert refusal.message == "cls orders must be submitted after 7:00pm and before 3:55pm"
    desk.exchange.rules = VenueRules(cls_cutoff_seconds=300)
    assert desk.buy("1", time_in_force="cls").status == "pending_new"


def test_what_cannot_be_had_at_once_is_canceled(desk: Desk) -> None:
    order = desk.buy("10", limit_price="9.99", time_in_force="ioc")
    assert (desk.status(order), desk.buying_power) == ("canceled", "1000")
    assert desk.status(desk.buy("10", limit_price="10.02", time_in_force="ioc")) == "filled"
    assert desk.status(desk.buy("10", limit_price="10.02", time_in_force="fok")) == "filled"
    assert [event for event, _ in desk.news()][:3] == ["pending_new", "new", "canceled"]


def test_an_order_at_once_given_after_the_close_meets_the_opening(desk: Desk) -> None:
    desk.after_the_close()
    order = desk.buy("10", limit_price="9", time_in_force="ioc")
    desk.next_day("10", "10.02")
    assert desk.status(order) == "canceled"


def test_dollars_buy_nine_decimals_of_a_share(desk: Desk) -> None:
    order = desk.buy(None, notional="100")
    assert desk.now(order).filled_qty_e9 == 9_980_039_920
    limited = desk.buy(None, notional="50", limit_price="10")
    assert desk.status(limited) == "new"
    desk.quote("9.98", "9.99")
    assert desk.now(limited).filled_qty_e9 == 5_005_005_005
    assert desk.now(limited).held_cash_e13 == 0


def test_dollars_sell_shares_and_never_more_than_there_are(desk: Desk) -> None:
    desk.buy("10")
    order = desk.sell(None, notional="50")
    assert desk.now(order).filled_qty_e9 == 5 * 10**9
    all_of_it = desk.sell(None, notional="49", limit_price="10.10")
    assert desk.free_shares() == "0.148514852"
    desk.quote("10.10", "10.12")
    assert desk.status(all_of_it) == "filled"
    refusal = desk.refused(desk.sell, None, notional="49")
    assert refusal.message.startswith("insufficient qty available for order")


def test_dollars_that_fell_short_sell_what_is_left(desk: Desk) -> None:
    desk.buy("5")
    order = desk.sell(None, notional="45", stop_price="9.50")
    desk.quote("5.00", "5.02")
    assert desk.status(order) == "filled"
    assert desk.shares() == "0"


def test_dollars_may_be_for_market_orders_alone(desk: Desk) -> None:
    desk.exchange.rules = VenueRules(notional_market_only=True)
    refusal = desk.refused(desk.buy, None, notional="50", limit_price="10")
    assert refusal.message == "notional orders must be market orders"
    assert desk.status(desk.buy(None, notional="50")) == "filled"


def test_a_day_order_may_end_as_canceled(desk: Desk) -> None:
    desk.exchange.rules = VenueRules(expired_as="canceled")
    order = desk.buy("1", limit_price="9")
    desk.exchange.advance(desk.session.close)
    assert desk.status(order) == "canceled"


def test_no_dollars_beside_an_order_that_closes_the_position(desk: Desk) -> None:
    desk.buy("10")
    desk.after_the_close()
    closing = desk.exchange.close_position("HAT")
    refusal = desk.refused(desk.sell, None, notional="5")
    assert refusal.message == "unable to open new notional orders while having open closing position orders"
    desk.exchange.cancel(closing.id)
    assert desk.sell(None, notional="5").status == "accepted"


def test_what_is_hard_to_borrow_is_sold_for_the_day_alone() -> None:
    desk = Desk(multiplier=4, cash="100000")
    assets = desk.exchange.market._assets  # type: ignore[attr-defined]
    assets["HAT"] = msgspec.structs.replace(assets["HAT"], shortable=True, easy_to_borrow=False)
    desk.buy("10")
    refusal = desk.refused(desk.sell, "10", stop_price="9", time_in_force="gtc")
    assert (refusal.http_status, refusal.code) == (422, 42210000)
    assert refusal.message == 'only day orders are allowed for hard-to-borrow asset "HAT"'
    assert desk.sell("10", stop_price="9").status == "pending_new"


def test_a_trail_inside_a_stop_loss_is_dropped_in_silence(desk: Desk) -> None:
    order = desk.buy(
        "1",
        order_class="oto",
        stop_loss={"stop_price": "9", "trail_percent": "1"},
    )
    (stop,) = desk.now(order).legs
    assert (stop.type, stop.stop_price_e4, stop.trail_percent_e4) == ("stop", 90_000, None)


def test_a_fraction_is_not_sold_short() -> None:
    desk = Desk(multiplier=4, cash="100000")
    assert desk.refused(desk.sell, "0.5").message == "fractional orders cannot be sold short"
    assert desk.refused(desk.sell, None, notional="5").message == "fractional orders cannot be sold short"
