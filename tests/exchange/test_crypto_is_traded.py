"""Orders in crypto pairs: at any hour, for own money only, less a fee from what is received."""

from __future__ import annotations

from typing import Any

import pytest

from the_alchemiser.exchange.errors import Refusal
from the_alchemiser.exchange.market.board import Board
from the_alchemiser.exchange.market.crypto import SimulatedCrypto
from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.timestamps import parse_instant
from the_alchemiser.exchange.units import DAY, HOUR, MONEY, QUANTITY, format_price
from the_alchemiser.exchange.venue.activities import ActivityFilter
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.intake import parse_order_changes, parse_order_request
from the_alchemiser.exchange.venue.orders import Order
from the_alchemiser.exchange.venue.rules import VenueRules

SUNDAY = parse_instant("2022-06-05T03:10:07Z")


@pytest.fixture(scope="module")
def board(days: SimulatedDays) -> Board:
    return Board(days, SimulatedCrypto(days.first_day, days.last_day, seed=7))


@pytest.fixture
def exchange(board: Board) -> Exchange:
    return Exchange(board, seed=7, start=SUNDAY, multiplier=4)


def order(exchange: Exchange, side: str = "buy", symbol: str = "ETH/USD", **fields: Any) -> Order:
    body = {"symbol": symbol, "side": side, "type": "market", "time_in_force": "gtc", **fields}
    return exchange.submit(parse_order_request(body))


def refused(exchange: Exchange, side: str = "buy", **fields: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        order(exchange, side, **fields)
    return caught.value


def test_a_market_order_fills_on_a_sunday_night_less_a_fee_in_coins(exchange: Exchange) -> None:
    bought = order(exchange, qty="2")
    assert bought.status == "pending_new"
    filled = exchange.order(bought.id)
    assert (filled.status, filled.filled_qty_e9) == ("filled", 2 * QUANTITY)
    (position,) = exchange.positions()
    assert position.qty_e9 == 2 * QUANTITY * 9975 // 10_000
    (fill,) = exchange.fills()
    assert exchange.account().cash_e13 == 100_000 * MONEY - 2 * QUANTITY * fill.price_e4


def test_a_sale_pays_its_fee_in_dollars(exchange: Exchange) -> None:
    order(exchange, qty="2")
    before = exchange.account().cash_e13
    order(exchange, "sell", qty="1")
    fill = exchange.fills()[-1]
    value = QUANTITY * fill.price_e4
    assert exchange.account().cash_e13 == before + value * 9975 // 10_000
    assert exchange.position("ETHUSD").qty_e9 == 2 * QUANTITY * 9975 // 10_000 - QUANTITY


def test_the_fee_is_told_when_the_day_is_over(exchange: Exchange) -> None:
    order(exchange, qty="2")
    wanted = ActivityFilter(types=frozenset({"CFEE"}))
    assert exchange.activities(wanted) == []
    exchange.advance(SUNDAY + DAY)
    (fee,) = exchange.activities(wanted)
    assert (fee.symbol, fee.qty_e9) == ("ETHUSD", -2 * QUANTITY * 25 // 10_000)


def test_a_limit_order_waits_over_a_closed_weekend_for_its_price(exchange: Exchange) -> None:
    quote = exchange.quote("ETH/USD")
    assert quote is not None
    limit = quote.bid_e4 * 995 // 1000 // 100 * 100
    resting = order(exchange, qty="1", type="limit", limit_price=format_price(limit))
    exchange.advance(SUNDAY + 3 * DAY)
    filled = exchange.order(resting.id)
    assert filled.status == "filled"
    (fill,) = exchange.fills()
    first = next(
        tick for tick in exchange.market.ticks("ETH/USD", SUNDAY, SUNDAY + 3 * DAY) if tick.ask_e4 <= limit
    )
    assert (fill.at, fill.price_e4) == (first.at, first.ask_e4)


def test_a_stop_limit_order_is_elected_at_night(exchange: Exchange) -> None:
    order(exchange, qty="1")
    quote = exchange.quote("ETH/USD")
    assert quote is not None
    stop, limit = (quote.bid_e4 * part // 1000 // 100 * 100 for part in (996, 900))
    held = exchange.position("ETH/USD").qty_e9
    resting = order(
        exchange,
        "sell",
        qty=f"{held / QUANTITY:.9f}",
        type="stop_limit",
        stop_price=format_price(stop),
        limit_price=format_price(limit),
    )
    exchange.advance(SUNDAY + 10 * DAY)
    assert exchange.order(resting.id).status == "filled"
    assert exchange.fills()[-1].price_e4 <= stop


def test_an_order_at_once_ends_where_it_finds_no_price(exchange: Exchange) -> None:
    unmet = order(exchange, qty="1", type="limit", limit_price="100", time_in_force="ioc")
    assert exchange.order(unmet.id).status == "canceled"


def test_orders_in_dollars_buy_fractions(exchange: Exchange) -> None:
    bought = exchange.order(order(exchange, notional="500").id)
    assert bought.status == "filled"
    assert bought.filled_qty_e9 % QUANTITY
    assert 500 * MONEY - bought.filled_cost_e13 < 10_000 * QUANTITY


def test_digits_beyond_the_ninth_are_cut_off(exchange: Exchange) -> None:
    assert order(exchange, qty="1.1234567899").qty_e9 == 1_123_456_789


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"time_in_force": "day"}, "invalid crypto time_in_force"),
        ({"time_in_force": "fok"}, "invalid crypto time_in_force"),
        ({"time_in_force": "opg"}, "invalid crypto time_in_force"),
        ({"type": "stop", "stop_price": "9000"}, "invalid order type for crypto order"),
        ({"type": "trailing_stop", "trail_percent": "1"}, "invalid order type for crypto order"),
        ({"qty": "0.001"}, "cost basis must be >= minimal amount of order 10"),
        ({"qty": "1000"}, "cost basis must be <= maximal amount of order 200000"),
    ],
)
def test_what_is_no_crypto_order_is_refused(exchange: Exchange, fields: dict[str, str], message: str) -> None:
    refusal = refused(exchange, **{"qty": "1", **fields})
    assert refusal.message == message
    assert refusal.http_status in (403, 422)
    assert exchange.orders() == []


def test_fill_or_kill_is_a_switch(exchange: Exchange) -> None:
    exchange.rules = VenueRules(crypto_fok=True)
    assert exchange.order(order(exchange, qty="1", time_in_force="fok").id).status == "filled"


def test_only_own_money_buys_coins(exchange: Exchange) -> None:
    quote = exchange.quote("ETH/USD")
    assert quote is not None
    assert exchange.account().buying_power_e13 == 400_000 * MONEY
    refusal = refused(exchange, notional="150000")
    assert refusal.message == "insufficient balance for USD (requested: 150000, available: 100000)"


def test_nothing_is_sold_that_is_not_there(exchange: Exchange) -> None:
    assert (
        refused(exchange, "sell", qty="1").message
        == "insufficient balance for ETH (requested: 1, available: 0)"
    )
    order(exchange, qty="2")
    message = refused(exchange, "sell", qty="2").message
    assert message == "insufficient balance for ETH (requested: 2, available: 1.995)"


def test_a_pair_goes_by_three_names(exchange: Exchange) -> None:
    for name in ("ETHUSD", "ETH%2FUSD", "eth/usd"):
        assert order(exchange, symbol=name, qty="0.1").symbol == "ETH/USD"


def test_a_whole_position_is_closed_however_little_it_is_worth(exchange: Exchange) -> None:
    order(exchange, notional="10")
    closing = exchange.close_position("ETHUSD")
    assert (closing.time_in_force, exchange.order(closing.id).status) == ("gtc", "filled")
    assert exchange.positions() == []


def test_a_resting_order_can_be_replaced(exchange: Exchange) -> None:
    resting = order(exchange, qty="1", type="limit", limit_price="900")
    new = exchange.replace(resting.id, parse_order_changes({"limit_price": "950"}))
    assert exchange.order(new.id).status == "new"
    assert exchange.order(resting.id).status == "replaced"


def test_an_accepted_order_lives_past_the_close_of_new_york(board: Board) -> None:
    exchange = Exchange(board, seed=7, start=parse_instant("2022-06-01T19:30:00Z"))
    resting = order(exchange, qty="1", type="limit", limit_price="500")
    exchange.advance(exchange.now + 5 * HOUR)
    assert exchange.order(resting.id).status == "new"
