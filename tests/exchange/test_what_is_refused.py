"""Every refusal of the exchange core: status, code and text are the real API's; nothing changes by a refusal."""

from __future__ import annotations

from typing import Any

import pytest
from trading_desk import Desk

SHAPE, RULE, MEANS = (422, 40010001), (422, 42210000), (403, 40310000)

SUB_PENNY = "sub-penny increment does not fulfill minimum pricing criteria"

Case = tuple[str, dict[str, Any], tuple[int, int], str]

CASES: tuple[Case, ...] = (
    ("no quantity", {"qty": None}, SHAPE, "qty or notional is required"),
    ("both quantities", {"notional": "10"}, SHAPE, "only one of qty or notional is accepted"),
    ("zero", {"qty": "0"}, SHAPE, "qty must be > 0"),
    ("a negative quantity", {"qty": "-1"}, SHAPE, "qty must be > 0"),
    ("not a number", {"qty": "ten"}, SHAPE, "invalid qty"),
    ("not finite", {"qty": "NaN"}, SHAPE, "invalid qty"),
    ("too fine a fraction", {"qty": "0.0000000001"}, SHAPE, "invalid qty"),
    ("an absurd number", {"qty": "1e400"}, SHAPE, "invalid qty"),
    ("true is no number", {"qty": True}, SHAPE, "invalid qty"),
    ("too few dollars", {"qty": None, "notional": "0.99"}, SHAPE, "notional must be >= 1.00"),
    (
        "half cents",
        {"qty": None, "notional": "9.995"},
        SHAPE,
        "notional value must be limited to 2 decimal places",
    ),
    ("an unknown side", {"side": "hold"}, SHAPE, "invalid side"),
    ("an unknown type", {"type": "peg"}, SHAPE, "invalid order type"),
    (
        "a stop that trails by nothing",
        {"type": "trailing_stop"},
        SHAPE,
        "trailing stop orders must specify one of trail_price or trail_percent",
    ),
    (
        "a stop that trails twice",
        {"type": "trailing_stop", "trail_percent": "1", "trail_price": "1"},
        SHAPE,
        "trailing stop orders must specify one of trail_price or trail_percent",
    ),
    (
        "a stop that trails too closely",
        {"type": "trailing_stop", "trail_percent": "0.09"},
        SHAPE,
        "trail_percent must be greater than or equal to 0.1",
    ),
    (
        "a trailing stop with a limit",
        {"type": "trailing_stop", "trail_percent": "1", "limit_price": "9"},
        SHAPE,
        "trailing_stop orders require no limit price",
    ),
    (
        "a trail without a trailing stop",
        {"type": "limit", "limit_price": "9", "trail_price": "1"},
        SHAPE,
        "limit orders require no trail_price or trail_percent",
    ),
    (
        "a trailing entry",
        {
            "type": "trailing_stop",
            "trail_price": "1",
            "order_class": "oto",
            "stop_loss": {"stop_price": "9"},
        },
        SHAPE,
        "trailing stop orders must be simple orders",
    ),
    (
        "a stop at once",
        {"type": "stop", "stop_price": "11", "time_in_force": "ioc"},
        RULE,
        "ioc orders must be market or limit orders",
    ),
    (
        "a bracket at once",
        {
            "order_class": "bracket",
            "time_in_force": "fok",
            "take_profit": {"limit_price": "11"},
            "stop_loss": {"stop_price": "9"},
        },
        SHAPE,
        'bracket orders support only "day" or "gtc" time_in_force',
    ),
    (
        "a bracket around the clock",
        {
            "order_class": "bracket",
            "type": "limit",
            "limit_price": "10",
            "extended_hours": True,
            "take_profit": {"limit_price": "11"},
            "stop_loss": {"stop_price": "9"},
        },
        MEANS,
        "bracket orders do not support extended hours trading",
    ),
    (
        "an auction around the clock",
        {"time_in_force": "opg", "type": "limit", "limit_price": "9", "extended_hours": True},
        RULE,
        "extended hours order must be DAY or GTC limit orders",
    ),
    (
        "the opening after it",
        {"time_in_force": "opg"},
        MEANS,
        "opg orders must be submitted after 7:00pm and before 9:28am",
    ),
    (
        "a fraction that trails",
        {"qty": "0.5", "type": "trailing_stop", "trail_price": "1"},
        RULE,
        "fractional orders must be market, limit, stop or stop_limit orders",
    ),
    (
        "a fraction at once",
        {"qty": "0.5", "time_in_force": "ioc"},
        RULE,
        "fractional orders must be DAY orders",
    ),
    ("an unknown duration", {"time_in_force": "week"}, SHAPE, "invalid time_in_force"),
    ("an unknown class", {"order_class": "ladder"}, SHAPE, "invalid order_class"),
    ("no symbol", {"symbol": ""}, SHAPE, "invalid symbol"),
    ("a symbol that is a number", {"symbol": 7}, SHAPE, "invalid symbol"),
    ("a limit order without limit", {"type": "limit"}, SHAPE, "limit orders require a limit price"),
    ("a stop order without stop", {"type": "stop"}, SHAPE, "stop orders require a stop price"),
    (
        "half a stop limit",
        {"type": "stop_limit", "stop_price": "11"},
        SHAPE,
        "stop limit orders require both stop and limit price",
    ),
    (
        "a market order with a limit",
        {"type": "market", "limit_price": "9"},
        SHAPE,
        "market orders require no stop or limit price",
    ),
    ("a limit of zero", {"limit_price": "0"}, SHAPE, "limit price must be > 0"),
    ("a limit that is text", {"limit_price": "cheap"}, SHAPE, "invalid limit_price"),
    (
        "sub-penny",
        {"limit_price": "9.123"},
        RULE,
        f"invalid limit_price 9.123. {SUB_PENNY}",
    ),
    (
        "a float's noise",
        {"limit_price": 0.30000000000000004},
        RULE,
        f"invalid limit_price 0.30000000000000004. {SUB_PENNY}",
    ),
    (
        "sub-penny in a leg",
        {
            "order_class": "bracket",
            "take_profit": {"limit_price": "11.001"},
            "stop_loss": {"stop_price": "9"},
        },
        RULE,
        f"invalid take_profit.limit_price 11.001. {SUB_PENNY}",
    ),
    (
        "a long id",
        {"client_order_id": "x" * 129},
        SHAPE,
        "client_order_id must be no more than 128 characters",
    ),
    ("an unknown asset", {"symbol": "SOCK"}, RULE, 'asset "SOCK" not found'),
    ("a buy stop below", {"stop_price": "10"}, RULE, "stop price must be greater than current price"),
    ("too expensive", {"qty": "100"}, MEANS, "insufficient buying power"),
    (
        "the wrong intent",
        {"position_intent": "buy_to_close"},
        RULE,
        "position intent mismatch, inferred: buy_to_open, specified: buy_to_close",
    ),
    (
        "a fraction for weeks",
        {"qty": "0.5", "time_in_force": "gtc"},
        RULE,
        "fractional orders must be DAY orders",
    ),
    (
        "a fraction with legs",
        {
            "qty": "0.5",
            "order_class": "bracket",
            "take_profit": {"limit_price": "11"},
            "stop_loss": {"stop_price": "9"},
        },
        RULE,
        "fractional orders must be simple orders",
    ),
    (
        "extended hours at the market",
        {"extended_hours": True},
        RULE,
        "extended hours order must be DAY or GTC limit orders",
    ),
    (
        "half a bracket",
        {"order_class": "bracket", "take_profit": {"limit_price": "11"}},
        SHAPE,
        "bracket orders require stop_loss.stop_price",
    ),
    (
        "the other half",
        {"order_class": "bracket", "stop_loss": {"stop_price": "9"}},
        SHAPE,
        "bracket orders require take_profit.limit_price",
    ),
    (
        "a target below the price",
        {"order_class": "bracket", "take_profit": {"limit_price": "9.99"}, "stop_loss": {"stop_price": "9"}},
        RULE,
        "take_profit.limit_price must be >= base_price + 0.01",
    ),
    (
        "a loss above the price",
        {"order_class": "bracket", "take_profit": {"limit_price": "12"}, "stop_loss": {"stop_price": "11"}},
        RULE,
        "stop_loss.stop_price must be <= base_price - 0.01",
    ),
    (
        "crossed exits",
        {"order_class": "bracket", "take_profit": {"limit_price": "9"}, "stop_loss": {"stop_price": "9.5"}},
        RULE,
        "take_profit.limit_price must be > stop_loss.stop_price",
    ),
    (
        "exits of nothing",
        {
            "order_class": "oco",
            "type": "limit",
            "side": "sell",
            "take_profit": {"limit_price": "11"},
            "stop_loss": {"stop_price": "9"},
        },
        RULE,
        "oco orders must be exit orders",
    ),
    ("selling what one has not", {"side": "sell"}, MEANS, "account is not allowed to short"),
)


@pytest.mark.parametrize(
    ("fields", "code", "text"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_an_order_is_refused(desk: Desk, fields: dict[str, Any], code: tuple[int, int], text: str) -> None:
    refusal = desk.refused(desk.buy, **{"qty": "1", **fields})
    assert (refusal.http_status, refusal.code) == code
    assert refusal.message == text


def test_a_refusal_for_lack_of_cash_shows_the_figures(desk: Desk) -> None:
    desk.buy("50", limit_price="9.50")
    refusal = desk.refused(desk.buy, "60", limit_price="9")
    assert refusal.body() == {
        "code": 40310000,
        "message": "insufficient buying power",
        "buying_power": "525",
        "cost_basis": "540",
    }


def test_a_refusal_for_lack_of_shares_shows_the_figures(desk: Desk) -> None:
    desk.buy("10")
    desk.sell("4", limit_price="12")
    refusal = desk.refused(desk.sell, "7", limit_price="12")
    assert refusal.message == "insufficient qty available for order (requested: 7, available: 6)"
    assert refusal.extra == {"available": "6", "existing_qty": "10", "held_for_orders": "4", "symbol": "HAT"}


def test_a_stop_on_the_wrong_side_names_both_prices(desk: Desk) -> None:
    desk.buy("10")
    refusal = desk.refused(desk.sell, "10", stop_price="10.01")
    assert refusal.body() == {
        "code": 42210000,
        "message": "stop price must be less than current price",
        "market_price": "10.01",
        "stop_price": "10.01",
    }


def test_a_client_order_id_is_unique_for_ever(desk: Desk) -> None:
    order = desk.buy("1", limit_price="9", client_order_id="mine")
    desk.exchange.cancel(order.id)
    refusal = desk.refused(desk.buy, "1", client_order_id="mine")
    assert (refusal.http_status, refusal.message) == (422, "client_order_id must be unique")


def test_prices_below_a_dollar_may_have_four_decimals(desk: Desk) -> None:
    assert desk.status(desk.buy("1", limit_price="0.1234")) == "new"
    assert "sub-penny" in desk.refused(desk.buy, "1", limit_price="0.12345").message


def test_one_does_not_trade_with_oneself(desk: Desk) -> None:
    desk.buy("10")
    resting = desk.sell("5", limit_price="10.50")
    at_the_market = desk.refused(desk.buy, "1")
    assert at_the_market.message == "potential wash trade detected. use complex orders"
    assert at_the_market.extra == {
        "existing_order_id": resting.id,
        "reject_reason": "opposite side market/stop order exists",
    }
    crossing = desk.refused(desk.buy, "1", limit_price="10.50")
    assert crossing.extra["reject_reason"] == "opposite side limit order exists"
    assert desk.status(desk.buy("1", limit_price="10.49")) == "filled"
    assert desk.status(desk.bracket(qty="1")) == "filled"


def test_an_order_before_the_first_price_is_refused() -> None:
    desk = Desk()
    desk.exchange._pushed.clear()
    assert desk.refused(desk.buy, "1").message == 'asset "HAT" has no price yet'


def test_a_loss_without_an_order_class_is_ignored_as_the_real_api_does(desk: Desk) -> None:
    order = desk.buy("1", stop_loss={"stop_price": "9"})
    assert (order.legs, desk.status(order)) == ((), "filled")
