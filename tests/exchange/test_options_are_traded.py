"""Orders in options: levels, what written contracts tie up, and combinations traded as one."""

from __future__ import annotations

from typing import Any

import pytest

from the_alchemiser.exchange.errors import Refusal
from the_alchemiser.exchange.market.board import Board
from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.market.options import OptionMarket
from the_alchemiser.exchange.timestamps import parse_instant
from the_alchemiser.exchange.units import DAY, MINUTE, MONEY, QUANTITY, format_price
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.intake import parse_order_changes, parse_order_request
from the_alchemiser.exchange.venue.orders import Order, Update

NOON = parse_instant("2022-06-01T16:00:07Z")
EVENING = parse_instant("2022-06-01T22:00:00Z")
CALL, PUT = "AAPL220617C00145000", "AAPL220617P00145000"
NOT_FOR_A_DAY = "order_time_in_force provided not supported for options trading"
AT_NINE = {"type": "limit", "limit_price": "9"}
HIGHER, LOWER = "AAPL220617C00150000", "AAPL220617P00140000"


@pytest.fixture(scope="module")
def board(days: SimulatedDays) -> Board:
    return Board(days, None, OptionMarket(days, seed=7))


@pytest.fixture
def exchange(board: Board) -> Exchange:
    return Exchange(board, seed=7, start=NOON, multiplier=4)


def order(exchange: Exchange, side: str, symbol: str, **fields: Any) -> Order:
    body = {
        "symbol": symbol, "side": side, "qty": "1", "type": "market", "time_in_force": "day", **fields
    }  # fmt: skip
    return exchange.submit(parse_order_request(body))


def refused(exchange: Exchange, side: str, symbol: str, **fields: Any) -> Refusal:
    count = len(exchange.orders())
    with pytest.raises(Refusal) as caught:
        order(exchange, side, symbol, **fields)
    assert len(exchange.orders()) == count
    return caught.value


def together(exchange: Exchange, *legs: tuple[str, str], qty: str = "1", **fields: Any) -> Order:
    body = {
        "order_class": "mleg",
        "qty": qty,
        "type": "market",
        "time_in_force": "day",
        "legs": [{"symbol": symbol, "ratio_qty": "1", "side": side} for side, symbol in legs],
        **fields,
    }
    return exchange.submit(parse_order_request(body))


def ask(exchange: Exchange, symbol: str) -> int:
    quote = exchange.quote(symbol)
    assert quote is not None
    return quote.ask_e4


def bid(exchange: Exchange, symbol: str) -> int:
    quote = exchange.quote(symbol)
    assert quote is not None
    return quote.bid_e4


def own_money(exchange: Exchange) -> int:
    return exchange.account().non_marginable_buying_power_e13


# -- single contracts --------------------------------------------------------------------------------


def test_a_bought_contract_costs_a_hundred_times_its_price(exchange: Exchange) -> None:
    bought = order(exchange, "buy", CALL, qty="2")
    filled = exchange.order(bought.id)
    assert (filled.status, filled.position_intent) == ("filled", "buy_to_open")
    cost = 2 * QUANTITY * 100 * ask(exchange, CALL)
    assert exchange.account().cash_e13 == 100_000 * MONEY - cost
    position = exchange.position(CALL)
    assert (position.qty_e9, position.cost_basis_e13, position.multiplier) == (2 * QUANTITY, cost, 100)
    assert position.market_value_e13 == 2 * QUANTITY * 100 * position.current_price_e4


def test_a_limit_order_waits_for_the_quote_to_come(exchange: Exchange) -> None:
    limit = bid(exchange, CALL) * 9 // 10 // 100 * 100
    resting = order(exchange, "buy", CALL, type="limit", limit_price=format_price(limit))
    exchange.advance(parse_instant("2022-06-01T20:00:00Z"))
    ended = exchange.order(resting.id)
    ticks = exchange.market.ticks(CALL, NOON, parse_instant("2022-06-01T20:00:00Z") - 1)
    first = next((tick for tick in ticks if tick.ask_e4 <= limit), None)
    assert (ended.status == "filled") == (first is not None)
    if first is not None:
        assert [(fill.at, fill.price_e4) for fill in exchange.fills()] == [(first.at, first.ask_e4)]


def test_positions_are_closed_by_the_opposite_side(exchange: Exchange) -> None:
    order(exchange, "buy", CALL, qty="3")
    sold = order(exchange, "sell", CALL, qty="1")
    assert sold.position_intent == "sell_to_close"
    closing = exchange.close_position(CALL)
    assert closing.qty_e9 == 2 * QUANTITY
    assert exchange.positions() == []


def test_a_side_can_be_told_by_the_intent_alone(exchange: Exchange) -> None:
    body = {
        "symbol": CALL,
        "qty": "1",
        "type": "market",
        "time_in_force": "day",
        "position_intent": "buy_to_open",
    }
    assert exchange.submit(parse_order_request(body)).side == "buy"
    assert refused(exchange, "sell", CALL, position_intent="sell_to_open").message == (
        "position intent mismatch, inferred: sell_to_close, specified: sell_to_open"
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"notional": "500", "qty": None}, "notional orders are not supported for options trading"),
        ({"qty": "1.5"}, "qty must be integer for options trading"),
        ({"type": "stop", "stop_price": "9"}, "invalid order type for options trading"),
        ({"time_in_force": "gtc"}, NOT_FOR_A_DAY),
        ({**AT_NINE, "extended_hours": True}, "extended hours is not supported for options trading"),
        ({"order_class": "oto", "stop_loss": {"stop_price": "1"}}, "complex orders not supported for options trading"),
    ],
)  # fmt: skip
def test_what_is_no_option_order_is_refused(exchange: Exchange, fields: dict[str, Any], message: str) -> None:
    refusal = refused(exchange, "buy", CALL, **fields)
    assert (refusal.http_status, refusal.code, refusal.message) == (422, 42210000, message)


@pytest.mark.parametrize("symbol", ["AAPL220617C00145001", "AAPL240119C00145000", "NONE220617C00145000"])
def test_a_contract_that_is_not_listed_is_not_found(exchange: Exchange, symbol: str) -> None:
    assert refused(exchange, "buy", symbol).message == f'contract "{symbol}" not found'


def test_an_expired_contract_is_refused(exchange: Exchange) -> None:
    assert (
        refused(exchange, "buy", "AAPL220527C00145000").message == 'contract "AAPL220527C00145000" is expired'
    )


def test_market_orders_come_in_market_hours_only(board: Board) -> None:
    exchange = Exchange(board, seed=7, start=EVENING)
    message = "options market orders are only allowed during market hours"
    assert refused(exchange, "buy", CALL).message == message
    waiting = order(exchange, "buy", CALL, type="limit", limit_price="20")
    assert waiting.status == "accepted"
    exchange.advance(EVENING + DAY)
    assert exchange.order(waiting.id).status == "filled"


@pytest.mark.parametrize(
    ("level", "side", "message"),
    [
        (0, "buy", "account not authorized to trade options"),
        (1, "buy", "account not eligible for level2 options trading"),
    ],
)
def test_an_account_does_what_its_level_allows(
    exchange: Exchange, level: int, side: str, message: str
) -> None:
    exchange.configure({"max_options_trading_level": level})
    assert refused(exchange, side, CALL).message == message


def test_premiums_are_paid_with_own_money(exchange: Exchange) -> None:
    refusal = refused(exchange, "buy", CALL, qty="1000")
    assert refusal.message == "insufficient options buying power"
    assert refusal.extra["options_buying_power"] == "100000"


# -- written contracts -------------------------------------------------------------------------------


def test_a_covered_call_pledges_its_shares(exchange: Exchange) -> None:
    refusal = refused(exchange, "sell", CALL)
    assert refusal.message == (
        "insufficient underlying qty available for covered call (required: 100, available: 0)"
    )
    order(exchange, "buy", "AAPL", qty="150")
    order(exchange, "sell", CALL)
    position = exchange.position(CALL)
    assert (position.qty_e9, position.side) == (-QUANTITY, "short")
    assert exchange.position("AAPL").qty_available_e9 == 50 * QUANTITY
    assert refused(exchange, "sell", "AAPL", qty="51").message.startswith("insufficient qty available")
    assert refused(exchange, "sell", HIGHER).extra["available_qty"] == "50"
    order(exchange, "buy", CALL)
    assert exchange.position("AAPL").qty_available_e9 == 150 * QUANTITY


def test_a_resting_covered_call_pledges_its_shares_until_it_ends(exchange: Exchange) -> None:
    order(exchange, "buy", "AAPL", qty="100")
    resting = order(exchange, "sell", CALL, type="limit", limit_price="90")
    assert exchange.position("AAPL").qty_available_e9 == 0
    exchange.cancel(resting.id)
    assert exchange.position("AAPL").qty_available_e9 == 100 * QUANTITY


def test_a_written_put_is_secured_by_cash(exchange: Exchange) -> None:
    exchange.configure({"max_options_trading_level": 1})
    before = own_money(exchange)
    order(exchange, "sell", PUT, qty="2")
    premium = exchange.fills()[-1].value_e13
    assert exchange.account().cash_e13 == 100_000 * MONEY + premium
    assert own_money(exchange) == before + premium - 2 * 14_500 * MONEY
    order(exchange, "buy", PUT, qty="2")
    assert own_money(exchange) > before - 200 * MONEY


def test_a_put_that_cash_cannot_secure_is_refused(exchange: Exchange) -> None:
    premium = bid(exchange, PUT) * 8 * 100 * QUANTITY
    required = format_price((8 * 14_500 * MONEY - premium) // QUANTITY)
    assert refused(exchange, "sell", PUT, qty="8").message == (
        f"insufficient options buying power for cash-secured put (required: {required}, available: 100000)"
    )


def test_a_resting_put_reserves_its_strike(exchange: Exchange) -> None:
    before = own_money(exchange)
    resting = order(exchange, "sell", PUT, type="limit", limit_price="90")
    assert before - own_money(exchange) == (14_500 - 9_000) * MONEY
    exchange.cancel(resting.id)
    assert own_money(exchange) == before


def test_a_resting_order_can_be_replaced(exchange: Exchange) -> None:
    resting = order(exchange, "buy", CALL, type="limit", limit_price="1")
    new = exchange.replace(resting.id, parse_order_changes({"qty": "2", "limit_price": "1.5"}))
    assert exchange.order(new.id).status == "new"
    assert exchange.account().held_cash_e13 == 2 * 150 * MONEY * 4


# -- combinations ------------------------------------------------------------------------------------


def test_a_spread_fills_all_its_legs_at_their_quotes(exchange: Exchange) -> None:
    spread = together(exchange, ("buy", CALL), ("sell", HIGHER), qty="2")
    assert (spread.order_class, [leg.status for leg in spread.legs]) == ("mleg", ["pending_new"] * 2)
    filled = exchange.order(spread.id)
    net = ask(exchange, CALL) - bid(exchange, HIGHER)
    assert (filled.status, filled.filled_cost_e13) == ("filled", 2 * QUANTITY * net)
    assert [leg.status for leg in filled.legs] == ["filled", "filled"]
    assert {state.symbol: state.qty_e9 // QUANTITY for state in exchange.positions()} == {CALL: 2, HIGHER: -2}
    assert exchange.account().cash_e13 == 100_000 * MONEY - 2 * QUANTITY * 100 * net


def test_one_update_tells_of_all_legs(exchange: Exchange) -> None:
    together(exchange, ("buy", CALL), ("sell", HIGHER))
    updates = exchange.take_updates()
    assert [update.event for update in updates] == ["pending_new", "new", "fill"]
    fill: Update = updates[-1]
    assert [(leg.symbol, leg.position_qty_e9) for leg in fill.legs] == [(CALL, QUANTITY), (HIGHER, -QUANTITY)]
    assert fill.execution_id is None


def test_a_debit_spread_ties_up_no_more_than_it_costs(exchange: Exchange) -> None:
    before = own_money(exchange)
    together(exchange, ("buy", CALL), ("sell", HIGHER))
    debit = before - exchange.account().cash_e13
    assert before - own_money(exchange) == pytest.approx(debit, abs=100 * MONEY)
    assert exchange.position(HIGHER).qty_e9 == -QUANTITY


def test_a_credit_spread_ties_up_its_width(exchange: Exchange) -> None:
    before = own_money(exchange)
    together(exchange, ("sell", PUT), ("buy", LOWER))
    credit = exchange.account().cash_e13 - before
    assert credit > 0
    assert own_money(exchange) == pytest.approx(before + credit - 500 * MONEY, abs=100 * MONEY)


def test_an_iron_condor_ties_up_one_of_its_sides(exchange: Exchange) -> None:
    before = own_money(exchange)
    together(
        exchange,
        ("buy", "AAPL220617P00135000"),
        ("sell", LOWER),
        ("sell", HIGHER),
        ("buy", "AAPL220617C00155000"),
    )
    credit = exchange.account().cash_e13 - before
    assert own_money(exchange) == pytest.approx(before + credit - 500 * MONEY, abs=150 * MONEY)


def test_a_spread_waits_for_its_net_price(exchange: Exchange) -> None:
    net = ask(exchange, CALL) - bid(exchange, HIGHER)
    limit = net * 8 // 10 // 100 * 100
    resting = together(
        exchange, ("buy", CALL), ("sell", HIGHER), type="limit", limit_price=format_price(limit)
    )
    assert exchange.order(resting.id).status == "new"
    assert {leg.status for leg in exchange.order(resting.id).legs} == {"new"}
    exchange.advance(parse_instant("2022-06-01T20:00:00Z"))
    ended = exchange.order(resting.id)
    fills = exchange.fills()
    if ended.status == "filled":
        assert fills[0].price_e4 - fills[1].price_e4 <= limit
    else:
        assert ended.status == "expired"
        assert {leg.status for leg in ended.legs} == {"expired"}


def test_a_negative_limit_asks_for_a_credit(exchange: Exchange) -> None:
    credit = bid(exchange, PUT) - ask(exchange, LOWER)
    legs = (("sell", PUT), ("buy", LOWER))
    asks_more = together(exchange, *legs, type="limit", limit_price=format_price(-credit - 5000))
    assert exchange.order(asks_more.id).status == "new"
    exchange.cancel(asks_more.id)
    assert exchange.order(asks_more.id).status == "canceled"
    takes_it = together(exchange, *legs, type="limit", limit_price=format_price(-credit))
    assert exchange.order(takes_it.id).status == "filled"
    assert exchange.order(takes_it.id).filled_cost_e13 == -credit * QUANTITY


def test_cancelling_a_leg_cancels_the_whole(exchange: Exchange) -> None:
    resting = together(exchange, ("buy", CALL), ("sell", HIGHER), type="limit", limit_price="0.01")
    exchange.cancel(resting.legs[1].id)
    assert exchange.order(resting.id).status == "canceled"
    assert exchange.orders() == []
    assert exchange.account().held_cash_e13 == 0


def test_a_spread_is_closed_by_its_mirror(exchange: Exchange) -> None:
    together(exchange, ("buy", CALL), ("sell", HIGHER))
    closing = together(exchange, ("sell", CALL), ("buy", HIGHER))
    assert [leg.position_intent for leg in closing.legs] == ["sell_to_close", "buy_to_close"]
    assert exchange.positions() == []


def test_the_bought_leg_is_not_sold_from_under_the_written_one(exchange: Exchange) -> None:
    together(exchange, ("buy", CALL), ("sell", HIGHER))
    message = "account not eligible to trade uncovered option contracts"
    assert refused(exchange, "sell", CALL).message == message
    order(exchange, "buy", HIGHER)
    order(exchange, "sell", CALL)
    assert exchange.positions() == []


def test_naked_calls_are_refused_in_combinations_too(exchange: Exchange) -> None:
    with pytest.raises(Refusal, match="account not eligible to trade uncovered option contracts"):
        together(exchange, ("sell", CALL), ("buy", LOWER))


@pytest.mark.parametrize(
    ("legs", "fields", "message"),
    [
        ([("buy", CALL)], {}, "mleg orders must have at least 2 legs and at most 4 legs"),
        ([("buy", CALL), ("sell", CALL)], {}, "mleg orders must have unique legs"),
        ([("buy", CALL), ("sell", "KO220617C00060000")], {}, "underlying asset mismatch: AAPL != KO"),
        ([("buy", CALL), ("sell", HIGHER)], {"type": "limit"}, "limit price is required for limit orders"),
        ([("buy", CALL), ("sell", HIGHER)], {"time_in_force": "gtc"}, NOT_FOR_A_DAY),
        ([("buy", CALL), ("sell", HIGHER)], {"qty": "0.5"}, "qty must be integer for options trading"),
        ([("buy", CALL), ("sell", HIGHER)], {"qty": "2000"}, "insufficient options buying power"),
    ],
)  # fmt: skip
def test_combinations_that_make_no_sense_are_refused(
    exchange: Exchange, legs: list[tuple[str, str]], fields: dict[str, str], message: str
) -> None:
    with pytest.raises(Refusal) as caught:
        together(exchange, *legs, **fields)
    assert caught.value.message == message
    assert exchange.orders() == []


def test_ratios_share_no_factor(exchange: Exchange) -> None:
    legs = [{"symbol": symbol, "ratio_qty": "2", "side": "buy"} for symbol in (CALL, PUT)]
    with pytest.raises(Refusal, match="relatively prime"):
        together(exchange, legs=legs)


def test_the_books_balance_over_a_day_of_combinations(exchange: Exchange) -> None:
    together(exchange, ("buy", CALL), ("sell", HIGHER), qty="3")
    together(exchange, ("sell", PUT), ("buy", LOWER), qty="2")
    exchange.advance(NOON + 60 * MINUTE)
    exchange.close_all()
    spent = sum(fill.value_e13 if fill.side == "buy" else -fill.value_e13 for fill in exchange.fills())
    assert exchange.account().cash_e13 == 100_000 * MONEY - spent


def test_what_nobody_bids_for_is_not_sold(exchange: Exchange) -> None:
    worthless = next(
        f"AAPL220617C00{strike}000"
        for strike in range(180, 215, 5)
        if (quote := exchange.quote(f"AAPL220617C00{strike}000")) is not None and not quote.bid_e4
    )
    order(exchange, "buy", worthless, qty="2", type="limit", limit_price="0.05")
    resting = order(exchange, "sell", worthless)
    combined = together(exchange, ("buy", CALL), ("sell", worthless))
    assert exchange.order(resting.id).status == "new"
    assert exchange.order(combined.id).status == "new"
    assert exchange.next_instant() > exchange.now + 10 * 10**9
