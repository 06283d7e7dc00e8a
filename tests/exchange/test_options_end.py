"""Options end: exercised when worth it and affordable, assigned, or expired with nothing."""

from __future__ import annotations

from typing import Any

import pytest

from the_alchemiser.exchange.errors import Refusal
from the_alchemiser.exchange.market.board import Board
from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.market.options import OptionMarket
from the_alchemiser.exchange.market.prices import asset_id
from the_alchemiser.exchange.timestamps import parse_instant
from the_alchemiser.exchange.units import DAY, MONEY, QUANTITY
from the_alchemiser.exchange.venue.activities import ActivityFilter
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.intake import parse_order_request
from the_alchemiser.exchange.venue.orders import Order

NOON = parse_instant("2022-06-03T16:00:07Z")
LATE = parse_instant("2022-06-03T19:31:00Z")
CLOSE = parse_instant("2022-06-03T20:00:00Z")
# The stock closed at 142.97 on that day (in prices adjusted since).
IN_CALL, OUT_CALL = "AAPL220603C00135000", "AAPL220603C00155000"
IN_PUT, OUT_PUT = "AAPL220603P00155000", "AAPL220603P00135000"


@pytest.fixture(scope="module")
def board(days: SimulatedDays) -> Board:
    return Board(days, None, OptionMarket(days, seed=7))


def opened(board: Board, *, cash: str = "100000", start: int = NOON) -> Exchange:
    return Exchange(board, seed=7, start=start, multiplier=4, cash=cash)


@pytest.fixture
def exchange(board: Board) -> Exchange:
    return opened(board)


def order(exchange: Exchange, side: str, symbol: str, **fields: Any) -> Order:
    body = {"symbol": symbol, "side": side, "qty": "1", "type": "market", "time_in_force": "day", **fields}
    return exchange.submit(parse_order_request(body))


def held(exchange: Exchange) -> dict[str, int]:
    return {state.symbol: state.qty_e9 // QUANTITY for state in exchange.positions()}


def ends(exchange: Exchange) -> list[tuple[str, str, int]]:
    wanted = ActivityFilter(types=frozenset({"OPEXC", "OPASN", "OPEXP", "OPTRD"}), newest_first=False)
    found = exchange.activities(wanted)
    return [(one.type, one.symbol, (one.qty_e9 or 0) // QUANTITY) for one in found]


def test_a_call_worth_something_becomes_shares_at_its_strike(exchange: Exchange) -> None:
    order(exchange, "buy", IN_CALL, qty="2")
    before = exchange.account().cash_e13
    exchange.advance(CLOSE)
    assert held(exchange) == {"AAPL": 200}
    assert exchange.account().cash_e13 == before - 200 * 135 * MONEY
    assert exchange.position("AAPL").cost_basis_e13 == 200 * 135 * MONEY


def test_the_activities_tell_of_it_the_next_day(exchange: Exchange) -> None:
    order(exchange, "buy", IN_CALL, qty="2")
    exchange.advance(CLOSE)
    assert ends(exchange) == []
    exchange.advance(CLOSE + DAY)
    assert ends(exchange) == [("OPEXC", IN_CALL, -2), ("OPTRD", "AAPL", 200)]
    trade = exchange.activities(ActivityFilter(types=frozenset({"OPTRD"})))[0]
    assert (trade.price_e4, trade.net_amount_e13) == (135_0000, -200 * 135 * MONEY)


def test_what_is_worth_nothing_expires(exchange: Exchange) -> None:
    order(exchange, "buy", OUT_CALL)
    order(exchange, "buy", OUT_PUT)
    before = exchange.account().cash_e13
    exchange.advance(CLOSE + DAY)
    assert held(exchange) == {}
    assert exchange.account().cash_e13 == before
    assert sorted(ends(exchange)) == [("OPEXP", OUT_CALL, -1), ("OPEXP", OUT_PUT, -1)]


def test_a_put_delivers_the_shares_there_are(exchange: Exchange) -> None:
    order(exchange, "buy", "AAPL", qty="150")
    order(exchange, "buy", IN_PUT)
    before = exchange.account().cash_e13
    exchange.advance(CLOSE)
    assert held(exchange) == {"AAPL": 50}
    assert exchange.account().cash_e13 == before + 100 * 155 * MONEY


def test_a_covered_call_delivers_its_shares_without_a_word_on_the_stream(exchange: Exchange) -> None:
    order(exchange, "buy", "AAPL", qty="100")
    order(exchange, "sell", IN_CALL)
    before = exchange.account().cash_e13
    exchange.take_updates()
    exchange.advance(CLOSE + DAY)
    assert exchange.take_updates() == []
    assert held(exchange) == {}
    assert exchange.account().cash_e13 == before + 100 * 135 * MONEY
    assert ends(exchange) == [("OPASN", IN_CALL, 1), ("OPTRD", "AAPL", -100)]


def test_a_cash_secured_put_buys_the_shares(exchange: Exchange) -> None:
    order(exchange, "sell", IN_PUT)
    exchange.advance(CLOSE)
    assert held(exchange) == {"AAPL": 100}
    assert exchange.position("AAPL").cost_basis_e13 == 155 * 100 * MONEY


def test_a_spread_settles_against_itself(exchange: Exchange) -> None:
    legs = [
        {"symbol": IN_CALL, "ratio_qty": "1", "side": "buy"},
        {"symbol": "AAPL220603C00140000", "ratio_qty": "1", "side": "sell"},
    ]
    body = {"order_class": "mleg", "qty": "3", "type": "market", "time_in_force": "day", "legs": legs}
    exchange.submit(parse_order_request(body))
    before = exchange.account().cash_e13
    exchange.advance(CLOSE)
    assert held(exchange) == {}
    assert exchange.account().cash_e13 == before + 3 * 100 * 5 * MONEY


def test_what_cannot_be_paid_for_is_sold_half_an_hour_before_the_end(board: Board) -> None:
    exchange = opened(board, cash="2500")
    order(exchange, "buy", IN_CALL)
    exchange.advance(CLOSE)
    assert held(exchange) == {}
    sold = exchange.fills()[-1]
    assert (sold.symbol, sold.side, sold.at) == (IN_CALL, "sell", CLOSE - 30 * 60 * 10**9)


def test_its_owner_may_let_a_contract_lapse(exchange: Exchange) -> None:
    order(exchange, "buy", IN_CALL)
    exchange.do_not_exercise(IN_CALL)
    exchange.advance(CLOSE + DAY)
    assert ends(exchange) == [("OPEXP", IN_CALL, -1)]


@pytest.mark.parametrize("name", [IN_CALL, asset_id(IN_CALL)])
def test_its_owner_may_exercise_early(exchange: Exchange, name: str) -> None:
    order(exchange, "buy", IN_CALL)
    exchange.exercise(name)
    assert held(exchange) == {"AAPL": 100}


def test_only_what_was_bought_is_exercised(exchange: Exchange) -> None:
    with pytest.raises(Refusal) as caught:
        exchange.exercise(IN_CALL)
    assert (caught.value.http_status, caught.value.message) == (404, f"long position not found: {IN_CALL}")
    order(exchange, "sell", IN_PUT)
    with pytest.raises(Refusal) as caught:
        exchange.exercise(IN_PUT)
    assert (caught.value.http_status, caught.value.code) == (403, 40310001)


def test_only_what_can_be_paid_for_is_exercised(board: Board) -> None:
    exchange = opened(board, cash="2500")
    order(exchange, "buy", IN_CALL)
    with pytest.raises(Refusal, match="insufficient buying power"):
        exchange.exercise(IN_CALL)
    order(exchange, "buy", OUT_PUT)
    with pytest.raises(Refusal, match="insufficient underlying qty available for exercise"):
        exchange.exercise(OUT_PUT)


def test_nothing_is_opened_in_the_last_half_hour_but_closed(board: Board) -> None:
    exchange = opened(board)
    order(exchange, "buy", IN_CALL)
    exchange.advance(LATE)
    with pytest.raises(Refusal) as caught:
        order(exchange, "buy", OUT_CALL)
    message = f'contract "{OUT_CALL}" expires soon, unable to open new positions'
    assert caught.value.message == message
    order(exchange, "sell", IN_CALL)
    assert held(exchange) == {}


def test_money_and_shares_behind_written_contracts_are_free_again(exchange: Exchange) -> None:
    order(exchange, "buy", "AAPL", qty="100")
    order(exchange, "sell", OUT_CALL)
    order(exchange, "sell", OUT_PUT)
    assert exchange.position("AAPL").qty_available_e9 == 0
    exchange.advance(CLOSE)
    assert held(exchange) == {"AAPL": 100}
    assert exchange.position("AAPL").qty_available_e9 == 100 * QUANTITY
    means = exchange.account()
    assert means.non_marginable_buying_power_e13 == min(means.cash_e13, means.excess_e13)


def test_what_covers_a_written_call_is_not_exercised_from_under_it(exchange: Exchange) -> None:
    order(exchange, "sell", "AAPL", qty="50")
    legs = [
        {"symbol": "AAPL220617C00140000", "ratio_qty": "1", "side": "buy"},
        {"symbol": "AAPL220617C00150000", "ratio_qty": "1", "side": "sell"},
    ]
    body = {"order_class": "mleg", "qty": "1", "type": "market", "time_in_force": "day", "legs": legs}
    exchange.submit(parse_order_request(body))
    with pytest.raises(Refusal, match="account not eligible to trade uncovered option contracts"):
        exchange.exercise("AAPL220617C00140000")


def test_an_order_to_close_what_a_delivery_closed_ends(exchange: Exchange) -> None:
    order(exchange, "sell", "AAPL", qty="100")
    resting = order(exchange, "buy", "AAPL", qty="100", type="limit", limit_price="100", time_in_force="gtc")
    order(exchange, "buy", IN_CALL)
    exchange.advance(CLOSE)
    assert held(exchange) == {}
    assert exchange.order(resting.id).status == "canceled"
