"""What splits, dividends and changes of name do to prices, positions, orders and cash."""

from __future__ import annotations

from datetime import date

import pytest

from the_alchemiser.exchange.market.board import Board
from the_alchemiser.exchange.market.crypto import SimulatedCrypto
from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.market.script import AnyEntry, Dividend, MarketScript, NameChange, Split
from the_alchemiser.exchange.market.sessions import new_york_midnight, xnys_sessions
from the_alchemiser.exchange.units import DAY, HOUR, MINUTE, MONEY, QUANTITY
from the_alchemiser.exchange.venue.account import OtherActivity
from the_alchemiser.exchange.venue.activities import ActivityFilter
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.intake import parse_order_request
from the_alchemiser.exchange.venue.orders import Order
from the_alchemiser.exchange.venue.rules import VenueRules

EX_DATE = date(2022, 6, 2)
MIDNIGHT = new_york_midnight(EX_DATE)


def market(*entries: AnyEntry) -> SimulatedDays:
    days = SimulatedDays(seed=7, symbols=("AAPL", "KO"))
    days.script = MarketScript(entries)
    return days


def opened(*entries: AnyEntry, multiplier: int = 4) -> Exchange:
    session = xnys_sessions().on(date(2022, 6, 1))
    assert session is not None
    start = session.open + MINUTE
    return Exchange(market(*entries), seed=1, start=start, multiplier=multiplier)


def order(exchange: Exchange, side: str, qty: str, **fields: object) -> Order:
    body = {"symbol": "AAPL", "side": side, "qty": qty, "type": "market", "time_in_force": "day"}
    return exchange.submit(parse_order_request({**body, **fields}))


def noted(exchange: Exchange, kind: str) -> list[OtherActivity]:
    found = exchange.activities(ActivityFilter(types=frozenset({kind})))
    return [activity for activity in found if isinstance(activity, OtherActivity)]


FOUR_FOR_ONE = Split("AAPL", EX_DATE, 1, 4)


def test_prices_are_divided_from_the_ex_date_on_and_keep_to_their_ticks() -> None:
    plain, split = market(), market(FOUR_FOR_ONE)
    noon = MIDNIGHT + 12 * HOUR
    assert split.quote("AAPL", MIDNIGHT - 1) == plain.quote("AAPL", MIDNIGHT - 1)
    before, after = plain.quote("AAPL", noon), split.quote("AAPL", noon)
    assert abs(4 * after.bid_e4 - before.bid_e4) <= 400
    assert after.bid_e4 % 100 == after.ask_e4 % 100 == 0
    assert after.bid_e4 < after.ask_e4
    assert split.quote("KO", noon) == plain.quote("KO", noon)


def test_before_the_opening_of_the_ex_date_the_last_price_is_divided_already() -> None:
    plain, split = market(), market(FOUR_FOR_ONE)
    close = plain.previous_close_e4("AAPL", MIDNIGHT)
    assert split.previous_close_e4("AAPL", MIDNIGHT) == pytest.approx(close / 4, abs=100)
    assert split.quote("AAPL", MIDNIGHT).bid_e4 == pytest.approx(
        plain.quote("AAPL", MIDNIGHT).bid_e4 / 4, abs=100
    )


def test_raw_bars_jump_and_their_volume_swells() -> None:
    plain, split = market(), market(FOUR_FOR_ONE)
    span = (MIDNIGHT - DAY, MIDNIGHT + DAY, MIDNIGHT + 2 * DAY)
    first, second, *_ = split.bars("AAPL", "1Day", *span)
    plain_first, plain_second, *_ = plain.bars("AAPL", "1Day", *span)
    assert first == plain_first
    assert second.close == pytest.approx(plain_second.close / 4, abs=0.01)
    assert second.volume == pytest.approx(4 * plain_second.volume, rel=0.01)


def test_a_split_multiplies_shares_and_leaves_their_cost_and_the_equity() -> None:
    exchange = opened(FOUR_FOR_ONE)
    order(exchange, "buy", "10")
    exchange.advance(MIDNIGHT - 1)
    before, equity = exchange.position("AAPL"), exchange.account().equity_e13
    exchange.advance(MIDNIGHT)
    after = exchange.position("AAPL")
    assert after.qty_e9 == 4 * before.qty_e9
    assert after.cost_basis_e13 == before.cost_basis_e13
    assert abs(exchange.account().equity_e13 - equity) <= 40 * MONEY // 100
    (row,) = noted(exchange, "SPLIT")
    assert (row.qty_e9, row.net_amount_e13) == (30 * QUANTITY, 0)


def test_a_reverse_split_pays_the_fraction_of_a_share_in_cash() -> None:
    exchange = opened(Split("AAPL", EX_DATE, 4, 1))
    order(exchange, "buy", "10")
    exchange.advance(MIDNIGHT - 1)
    cash = exchange.account().cash_e13
    exchange.advance(MIDNIGHT)
    assert exchange.position("AAPL").qty_e9 == 2 * QUANTITY
    (row,) = noted(exchange, "CIL")
    assert row.net_amount_e13 == exchange.position("AAPL").current_price_e4 * QUANTITY // 2
    assert exchange.account().cash_e13 == cash + row.net_amount_e13


def test_a_position_smaller_than_one_new_share_is_paid_out_whole() -> None:
    exchange = opened(Split("AAPL", EX_DATE, 4, 1))
    order(exchange, "buy", "3")
    stop = order(exchange, "sell", "3", type="stop", stop_price="100", time_in_force="gtc")
    exchange.advance(MIDNIGHT)
    assert exchange.positions() == []
    assert exchange.order(stop.id).status == "canceled"


def test_a_short_position_is_split_and_pays_for_its_fraction() -> None:
    exchange = opened(Split("AAPL", EX_DATE, 4, 1))
    order(exchange, "sell", "10")
    exchange.advance(MIDNIGHT - 1)
    cash = exchange.account().cash_e13
    exchange.advance(MIDNIGHT)
    assert exchange.position("AAPL").qty_e9 == -2 * QUANTITY
    assert exchange.account().cash_e13 < cash


def test_plain_orders_are_split_with_what_they_reserve() -> None:
    exchange = opened(FOUR_FOR_ONE, multiplier=1)
    entry = order(exchange, "buy", "10", type="limit", limit_price="100", time_in_force="gtc")
    exchange.advance(MIDNIGHT)
    changed = exchange.order(entry.id)
    assert (changed.qty_e9, changed.limit_price_e4) == (40 * QUANTITY, 250_000)
    assert changed.held_cash_e13 == 1000 * MONEY == exchange.account().held_cash_e13
    assert exchange.take_updates()[-1].event == "restated"


def test_a_split_order_meets_the_divided_market_only() -> None:
    exchange = opened(FOUR_FOR_ONE)
    order(exchange, "buy", "10")
    stop = order(exchange, "sell", "10", type="stop", stop_price="100", time_in_force="gtc")
    exchange.advance(MIDNIGHT + 12 * HOUR)
    changed = exchange.order(stop.id)
    assert (changed.status, changed.qty_e9, changed.stop_price_e4) == ("new", 40 * QUANTITY, 250_000)


def test_orders_of_a_group_are_left_as_they_are_unless_their_shares_are_gone() -> None:
    exits = {"take_profit": {"limit_price": "900"}, "stop_loss": {"stop_price": "10"}}
    for split, status in ((FOUR_FOR_ONE, "new"), (Split("AAPL", EX_DATE, 4, 1), "canceled")):
        exchange = opened(split)
        entry = order(exchange, "buy", "10", order_class="bracket", time_in_force="gtc", **exits)
        exchange.advance(MIDNIGHT)
        profit = exchange.order(entry.legs[0].id)
        assert (profit.status, profit.qty_e9) == (status, 10 * QUANTITY)


def test_a_trailing_stop_goes_on_following_after_a_split() -> None:
    exchange = opened(FOUR_FOR_ONE)
    order(exchange, "buy", "10")
    stop = order(exchange, "sell", "10", type="trailing_stop", trail_price="80", time_in_force="gtc")
    exchange.advance(MIDNIGHT - 1)
    mark = exchange.order(stop.id).hwm_e4 or 0
    exchange.advance(MIDNIGHT)
    changed = exchange.order(stop.id)
    assert changed.trail_price_e4 == 200_000
    assert changed.hwm_e4 == pytest.approx(mark / 4, abs=100)
    exchange.advance(MIDNIGHT + 12 * HOUR)
    assert exchange.order(stop.id).status == "new"


DIVIDEND = Dividend("AAPL", EX_DATE, date(2022, 6, 3), date(2022, 6, 10), MONEY // 4)


def test_dividends_are_not_paid_as_on_paper_unless_switched_on() -> None:
    for pays in (False, True):
        exchange = opened(DIVIDEND)
        exchange.rules = VenueRules(pay_dividends=pays)
        order(exchange, "buy", "10")
        exchange.advance(MIDNIGHT + HOUR)
        exchange.close_all(cancel_orders=True)
        exchange.advance(new_york_midnight(date(2022, 6, 10)) - 1)
        cash = exchange.account().cash_e13
        exchange.advance(exchange.now + 1)
        assert exchange.account().cash_e13 - cash == (25 * MONEY // 10 if pays else 0)
        assert [row.qty_e9 for row in noted(exchange, "DIV")] == ([10 * QUANTITY] if pays else [])


def test_who_is_short_pays_the_dividend() -> None:
    exchange = opened(DIVIDEND)
    exchange.rules = VenueRules(pay_dividends=True)
    order(exchange, "sell", "10")
    exchange.advance(new_york_midnight(date(2022, 6, 10)) + HOUR)
    (row,) = noted(exchange, "DIV")
    assert row.net_amount_e13 == -25 * MONEY // 10


def test_a_change_of_name_moves_position_and_orders_and_ends_the_old_name() -> None:
    exchange = opened(NameChange("AAPL", "PEAR", EX_DATE))
    order(exchange, "buy", "10")
    stop = order(exchange, "sell", "4", type="stop", stop_price="10", time_in_force="gtc")
    identity = exchange.position("AAPL").asset_id
    exchange.advance(MIDNIGHT + 12 * HOUR)
    position = exchange.position("PEAR")
    assert (position.qty_e9, position.asset_id) == (10 * QUANTITY, identity)
    assert exchange.order(stop.id).symbol == "PEAR"
    assert exchange.asset("AAPL") is None
    assert order(exchange, "sell", "6", symbol="PEAR").status == "pending_new"
    assert exchange.position("PEAR").qty_e9 == 4 * QUANTITY
    renamed = exchange.asset(identity)
    assert renamed is not None
    assert renamed.symbol == "PEAR"


def test_other_spellings_of_a_pair_are_no_names_to_change() -> None:
    stocks = market(NameChange("AAPL", "PEAR", EX_DATE))
    board = Board(stocks, SimulatedCrypto(stocks.first_day, stocks.last_day, seed=7))
    exchange = Exchange(board, seed=1, start=MIDNIGHT)
    assert order(exchange, "buy", "0.1", symbol="BTCUSD", time_in_force="gtc").symbol == "BTC/USD"


def test_the_actions_of_a_script_repeat_exactly() -> None:
    def played() -> tuple[object, ...]:
        exchange = opened(FOUR_FOR_ONE, DIVIDEND)
        order(exchange, "buy", "10")
        order(exchange, "sell", "10", type="stop", stop_price="30", time_in_force="gtc")
        exchange.advance(MIDNIGHT + 9 * DAY)
        rows = exchange.activities(ActivityFilter())
        return exchange.account().equity_e13, [row.qty_e9 for row in rows]

    assert played() == played()
