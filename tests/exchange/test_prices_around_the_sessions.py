"""Simulated prices in the evening, at night and in the morning, and orders that trade on them."""

from __future__ import annotations

from datetime import date

import pytest
from trading_desk import session_of

from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.market.extended import ExtendedDays
from the_alchemiser.exchange.market.hours import hours_of
from the_alchemiser.exchange.market.script import HalfDay, MarketScript, Split
from the_alchemiser.exchange.units import HOUR, MINUTE, QUANTITY
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.orders import OrderRequest
from the_alchemiser.exchange.venue.rules import VenueRules

DAY, NEXT = session_of("2022-03-16"), session_of("2022-03-17")


@pytest.fixture(scope="module")
def market() -> ExtendedDays:
    return ExtendedDays(seed=7, symbols=("KO",))


def limit(market: ExtendedDays, at: int, *, side: str = "buy", cents: int = 0) -> OrderRequest:
    quote = market.quote("KO", at)
    price = quote.ask_e4 if side == "buy" else quote.bid_e4
    request = OrderRequest(symbol="KO", side=side, type="limit", qty_e9=QUANTITY, extended_hours=True)
    request.limit_price_e4 = price + cents * 100
    return request


def test_there_is_a_tick_a_minute_around_each_session(market: ExtendedDays, days: SimulatedDays) -> None:
    hours = hours_of(market.sessions)
    day = hours.of(DAY)
    early = list(market.ticks("KO", day.overnight - 1, day.open - 1))
    late = list(market.ticks("KO", day.close, day.end - 1))
    assert (early[0].at, len(early)) == (day.overnight, 13.5 * 60)
    assert (late[0].at, len(late)) == (day.close + MINUTE, 239)
    within = list(market.ticks("KO", day.open - 1, day.close))
    assert within == list(days.ticks("KO", day.open - 1, day.close))
    whole = list(market.ticks("KO", day.overnight - 1, hours.of(NEXT).open))
    assert [tick.at for tick in whole] == sorted({tick.at for tick in whole})
    spread = {tick.ask_e4 - tick.bid_e4 for tick in late}
    assert min(spread) > max(tick.ask_e4 - tick.bid_e4 for tick in within[-100:])


def test_each_piece_begins_and_ends_at_the_close_before_it(market: ExtendedDays) -> None:
    close = market.close_e4("KO", DAY.index)
    for index, part in ((DAY.index, "late"), (NEXT.index, "early")):
        price = market.outside("KO", index, part).price
        assert (int(price[0]), int(price[-1])) == (close, close)
        assert len(set(price.tolist())) > 5


def test_the_latest_quote_is_the_latest_of_all_parts(market: ExtendedDays, days: SimulatedDays) -> None:
    day = hours_of(market.sessions).of(DAY)
    for at in (day.pre + 90 * MINUTE, day.close + 30 * MINUTE, day.end + 5, NEXT.open - 1, day.open + HOUR):
        last = list(market.ticks("KO", at - 24 * HOUR, at))[-1]
        quote = market.quote("KO", at)
        assert (quote.at, quote.bid_e4, quote.ask_e4) == (last.at, last.bid_e4, last.ask_e4)
    assert market.quote("KO", day.open + HOUR) == days.quote("KO", day.open + HOUR)
    assert market.trade("KO", day.close + HOUR).id > 1_000_000
    saturday = session_of("2022-03-18").close + 12 * HOUR
    assert (
        market.quote("KO", saturday).at == hours_of(market.sessions).of(session_of("2022-03-18")).end - MINUTE
    )


def test_bars_and_closes_stay_those_of_the_sessions(market: ExtendedDays, days: SimulatedDays) -> None:
    span = ("KO", "1Hour", DAY.open - 12 * HOUR, NEXT.close, NEXT.close)
    assert market.bars(*span) == days.bars(*span)
    assert market.previous_close_e4("KO", NEXT.open) == days.previous_close_e4("KO", NEXT.open)


def test_orders_for_extended_hours_trade_on_them(market: ExtendedDays) -> None:
    exchange = Exchange(market, seed=1, start=DAY.close + HOUR)
    order = exchange.submit(limit(market, exchange.now))
    assert exchange.order(order.id).status == "filled"
    assert exchange.fills()[0].price_e4 == market.quote("KO", exchange.now).ask_e4
    regular = limit(market, exchange.now, cents=100)
    regular.extended_hours = False
    waiting = exchange.submit(regular)
    exchange.advance(NEXT.open - 1)
    assert exchange.order(waiting.id).status == "accepted"
    exchange.advance(NEXT.open)
    assert exchange.order(waiting.id).status == "filled"


def test_a_resting_order_waits_for_a_tick_of_the_evening(market: ExtendedDays) -> None:
    exchange = Exchange(market, seed=1, start=DAY.close + 2 * MINUTE)
    lowest = min(tick.ask_e4 for tick in market.ticks("KO", exchange.now, DAY.close + 4 * HOUR))
    order = exchange.submit(limit(market, exchange.now))
    patient = limit(market, exchange.now)
    patient.limit_price_e4 = lowest
    resting = exchange.submit(patient)
    exchange.advance(DAY.close + 4 * HOUR - 1)
    assert exchange.order(order.id).status == "filled"
    done = exchange.order(resting.id)
    assert done.status == "filled"
    tick = next(
        tick for tick in market.ticks("KO", DAY.close + 2 * MINUTE - 1, NEXT.open) if tick.ask_e4 <= lowest
    )
    assert done.filled_at == tick.at


@pytest.mark.parametrize("overnight", [True, False])
def test_the_night_is_for_day_orders_on_assets_marked_for_it(market: ExtendedDays, overnight: bool) -> None:
    day = hours_of(market.sessions).of(NEXT)
    exchange = Exchange(market, seed=1, start=day.overnight + HOUR, rules=VenueRules(overnight=overnight))
    marked = "overnight_tradable" in market.assets()[0].attributes
    assert marked
    order = exchange.submit(limit(market, exchange.now, cents=5))
    assert exchange.order(order.id).status == ("filled" if overnight else "accepted")
    exchange.advance(day.pre)
    assert exchange.order(order.id).status == "filled"


def test_a_half_day_has_its_evening_at_one_and_a_split_divides_the_morning() -> None:
    market = ExtendedDays(seed=7, symbols=("KO",))
    before = market.quote("KO", NEXT.open - HOUR)
    market.script = MarketScript([HalfDay(date(2022, 3, 16)), Split("KO", date(2022, 3, 17), 1, 2)])
    at_one = DAY.open + 3 * HOUR + 30 * MINUTE
    assert next(iter(market.ticks("KO", at_one, NEXT.open))).at == at_one + MINUTE
    day = hours_of(market.sessions).of(NEXT)
    assert market.quote("KO", day.overnight + HOUR).bid_e4 > 0.9 * before.bid_e4
    assert abs(market.quote("KO", day.pre + HOUR).bid_e4 * 2 - before.bid_e4) < 0.05 * before.bid_e4
