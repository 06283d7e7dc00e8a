"""Halts, limit up and limit down, and half days, as a script lets them happen."""

from __future__ import annotations

from datetime import date

from trading_desk import Desk, session_of

from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.market.script import Band, HalfDay, Halt, MarketScript
from the_alchemiser.exchange.units import HOUR, MINUTE, QUANTITY
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.orders import OrderRequest

DAY = session_of("2022-03-16")
FROM, UNTIL = DAY.open + 10 * MINUTE, DAY.open + 20 * MINUTE
HALT = Halt("HAT", FROM, UNTIL, "LUDP")


def test_in_a_halt_nothing_trades_and_market_orders_are_refused() -> None:
    desk = Desk(script=[HALT])
    early = desk.buy("10", limit_price="9.50")
    desk.exchange.move("HAT", 95_000, 95_200, FROM + MINUTE)
    refusal = desk.refused(desk.buy, "1")
    assert (refusal.http_status, refusal.code) == (422, 42210000)
    assert refusal.message == (
        'market order rejected due to trading halt on symbol: "HAT", please place a limit order instead'
    )
    late = desk.buy("10", limit_price="9.60")
    desk.exchange.move("HAT", 90_000, 90_200, FROM + 2 * MINUTE)
    assert (desk.status(early), desk.status(late)) == ("new", "new")
    assert desk.status(desk.buy("1", symbol="SHOE")) == "filled"
    desk.exchange.advance(UNTIL)
    assert (desk.status(early), desk.status(late)) == ("filled", "filled")
    assert {fill.price_e4 for fill in desk.exchange.fills() if fill.symbol == "HAT"} == {90_200}
    assert desk.status(desk.buy("1")) == "filled"


def test_a_stop_does_not_trail_through_a_halt() -> None:
    desk = Desk(script=[HALT])
    desk.buy("10")
    order = desk.sell("10", type="trailing_stop", trail_price="0.50")
    desk.exchange.move("HAT", 200_000, 200_000, FROM + MINUTE)
    assert desk.now(order).hwm_e4 == 100_100
    desk.exchange.move("HAT", 90_000, 90_000, FROM + 2 * MINUTE)
    assert desk.status(order) == "new"
    desk.exchange.advance(UNTIL)
    assert desk.status(order) == "filled"


def test_a_session_that_opens_in_a_halt_opens_late() -> None:
    following = session_of("2022-03-17")
    desk = Desk(script=[Halt("HAT", following.open - MINUTE, following.open + 5 * MINUTE, "T1")])
    desk.exchange.advance(desk.session.close + 4 * HOUR)
    order = desk.buy("10", time_in_force="opg")
    desk.exchange.move("HAT", 98_000, 98_000, following.open)
    assert desk.status(order) == "new"
    desk.exchange.move("HAT", 99_000, 99_000, following.open + 5 * MINUTE)
    assert desk.status(order) == "filled"


def test_nothing_trades_beyond_the_band() -> None:
    desk = Desk(script=[Band("HAT", FROM, 105_000, 95_000), Band("HAT", UNTIL, 120_000, 90_000)])
    desk.exchange.advance(FROM)
    buying = desk.buy("10", limit_price="11")
    assert desk.status(buying) == "filled"
    desk.exchange.move("HAT", 109_000, 110_000, FROM + MINUTE)
    waiting = desk.buy("10", limit_price="11")
    assert desk.status(waiting) == "new"
    desk.exchange.advance(UNTIL)
    assert desk.status(waiting) == "filled"


def test_halts_in_a_market_with_ticks_of_its_own(days: SimulatedDays) -> None:
    session = session_of("2022-03-16")
    market = SimulatedDays(seed=7, symbols=("KO",))
    market.script = MarketScript([Halt("KO", session.open + HOUR, session.open + 3 * HOUR, "T1")])
    exchange = Exchange(market, seed=1, start=session.open + HOUR)
    quote = exchange.quote("KO")
    assert quote is not None
    request = OrderRequest(symbol="KO", side="buy", type="limit", qty_e9=QUANTITY)
    request.limit_price_e4 = quote.ask_e4 * 2 // 100 * 100
    order = exchange.submit(request)
    exchange.advance(session.open + 3 * HOUR - 1)
    assert exchange.order(order.id).status == "new"
    assert exchange.next_instant() == session.open + 3 * HOUR
    exchange.advance(session.open + 3 * HOUR)
    assert exchange.order(order.id).status == "filled"


def test_a_scripted_half_day_ends_at_one() -> None:
    session = session_of("2022-03-16")
    market = SimulatedDays(seed=7, symbols=("KO",))
    market.script = MarketScript([HalfDay(date(2022, 3, 16))])
    exchange = Exchange(market, seed=1, start=session.open + HOUR)
    request = OrderRequest(symbol="KO", side="buy", type="limit", qty_e9=QUANTITY, limit_price_e4=10_000)
    order = exchange.submit(request)
    assert order.expires_at == session.open + 3 * HOUR + 30 * MINUTE
    exchange.advance(order.expires_at)
    assert exchange.order(order.id).status == "expired"
    last = list(market.ticks("KO", session.open, session.close))[-1]
    assert last.at < order.expires_at
    quote = exchange.quote("KO")
    assert quote is not None
    assert quote.at == last.at
