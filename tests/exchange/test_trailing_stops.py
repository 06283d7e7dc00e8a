"""A trailing stop follows the market at its distance, and never goes back."""

from __future__ import annotations

import pytest
from trading_desk import Desk

from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.market.hours import hours_of
from the_alchemiser.exchange.market.sessions import new_york_date
from the_alchemiser.exchange.market.trails import Trail, first_reached
from the_alchemiser.exchange.units import MINUTE, QUANTITY
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.orders import Order, OrderRequest


def trailing(desk: Desk, **fields: str) -> Order:
    return desk.sell("10", type="trailing_stop", **fields)


def stands(desk: Desk, order: Order) -> tuple[int | None, int | None]:
    now = desk.now(order)
    return now.hwm_e4, now.stop_price_e4


def test_a_trailing_stop_follows_the_high_water_mark(desk: Desk) -> None:
    desk.buy("10")
    order = trailing(desk, trail_price="0.50")
    assert stands(desk, order) == (100_100, 95_100)
    desk.quote("10.40", "10.40")
    assert stands(desk, order) == (104_000, 99_000)
    desk.quote("10.00", "10.00")
    assert stands(desk, order) == (104_000, 99_000)
    assert desk.status(order) == "new"
    desk.quote("9.90", "9.92")
    assert desk.status(order) == "new"
    desk.quote("9.89", "9.91")
    assert desk.status(order) == "filled"
    assert desk.exchange.fills()[-1].price_e4 == 98_900
    assert stands(desk, order) == (104_000, 99_000)


def test_a_trail_in_per_cent_moves_with_the_price(desk: Desk) -> None:
    desk.buy("10")
    order = trailing(desk, trail_percent="2.5")
    assert stands(desk, order) == (100_100, 97_598)
    desk.quote("20.00", "20.00")
    assert stands(desk, order) == (200_000, 195_000)


def test_a_trailing_buy_follows_the_price_down(desk: Desk) -> None:
    order = desk.buy("10", type="trailing_stop", trail_price="0.50")
    assert stands(desk, order) == (100_100, 105_100)
    desk.quote("9.00", "9.00")
    assert stands(desk, order) == (90_000, 95_000)
    desk.quote("9.50", "9.50")
    assert desk.status(order) == "filled"
    assert desk.buying_power == "905"


def test_a_trail_can_be_changed_and_keeps_its_mark(desk: Desk) -> None:
    desk.buy("10")
    order = trailing(desk, trail_price="0.50")
    desk.quote("10.40", "10.40")
    closer = desk.change(order, trail="0.20")
    assert stands(desk, closer) == (104_000, 102_000)
    assert desk.now(order).replaced_by == closer.id
    assert desk.refused(desk.change, closer, trail="0.20").message == "order parameters are not changed"
    desk.quote("10.20", "10.20")
    assert desk.status(closer) == "filled"


def test_the_market_outside_the_session_moves_no_trail(desk: Desk) -> None:
    desk.buy("10")
    order = trailing(desk, trail_price="0.50", time_in_force="gtc")
    hours = hours_of(desk.exchange.market.sessions)
    for at in (desk.session.close + MINUTE, hours.of(desk.session).end + MINUTE):
        desk.exchange.move("HAT", 200_000, 200_000, at)
    desk.exchange.move("HAT", 50_000, 50_000, desk.exchange.now + MINUTE)
    assert stands(desk, order) == (100_100, 95_100)
    assert desk.status(order) == "new"
    desk.next_day("9.50", "9.50")
    assert desk.status(order) == "filled"


def trailing_order(**fields: int) -> OrderRequest:
    return OrderRequest(
        symbol="AAPL", side="sell", type="trailing_stop", time_in_force="gtc", qty_e9=QUANTITY, **fields
    )


@pytest.mark.parametrize("fields", [{"trail_price_e4": 15_000}, {"trail_percent_e4": 10_000}])
def test_every_tick_of_a_market_is_followed(days: SimulatedDays, fields: dict[str, int]) -> None:
    session = days.sessions.next_open(days.sessions.all[-2000].open)
    assert session is not None
    exchange = Exchange(days, seed=1, cash="100000", start=session.open + MINUTE)
    exchange.submit(OrderRequest(symbol="AAPL", side="buy", qty_e9=QUANTITY))
    order = exchange.submit(trailing_order(**fields))
    trail = Trail(True, order.hwm_e4 or 0, fields.get("trail_price_e4", 0), fields.get("trail_percent_e4", 0))
    start, stop = exchange.now, None
    for tick in days.ticks("AAPL", start, start + 30 * 24 * 60 * MINUTE):
        price = (tick.bid_e4 + tick.ask_e4) // 2 // 100 * 100
        trail = trail.after(price)
        if price <= trail.stop_e4:
            stop = tick
            break
    assert stop is not None
    half = (start + stop.at) // 2
    exchange.advance(half)  # a look on the way changes nothing
    assert exchange.order(order.id).status == "new"
    exchange.advance(stop.at - 1)
    assert exchange.order(order.id).status == "new"
    exchange.advance(stop.at)
    done = exchange.order(order.id)
    assert (done.status, done.filled_at) == ("filled", stop.at)
    assert (done.hwm_e4, done.stop_price_e4) == (trail.mark_e4, trail.stop_e4)
    assert exchange.fills()[-1].price_e4 == stop.bid_e4


def test_the_live_stop_shows_every_tick_so_far(days: SimulatedDays) -> None:
    session = days.sessions.next_open(days.sessions.all[-2000].open)
    assert session is not None
    exchange = Exchange(days, seed=1, cash="100000", start=session.open + MINUTE)
    exchange.submit(OrderRequest(symbol="AAPL", side="buy", qty_e9=QUANTITY))
    order = exchange.submit(trailing_order(trail_percent_e4=300_000))
    exchange.advance(session.close - MINUTE)
    best = max(int(path.price.max()) for path in days.stretches("AAPL", order.created_at - 1, exchange.now))
    shown = exchange.orders()[0]
    assert shown.hwm_e4 == best
    exchange.advance(exchange.now + 20 * 60 * MINUTE)
    closed = exchange.order(order.id)
    assert closed.hwm_e4 == max(
        int(path.price.max()) for path in days.stretches("AAPL", order.created_at - 1, session.close)
    )
    assert new_york_date(closed.created_at) == session.date


def test_no_tick_reaches_a_stop_too_far_away(days: SimulatedDays) -> None:
    session = days.sessions.all[-1000]
    stretches = days.stretches("KO", session.open, session.close)
    assert first_reached(Trail(True, 1, 10**9, 0), stretches) is None
