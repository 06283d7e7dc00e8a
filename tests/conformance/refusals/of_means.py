"""Money, shares, rights and protection: 403 / 40310000; and what holds for coins."""

from typing import Any

from conformance.refusals.refusal import MEANS, RULE, SHAPE, Refusal, order

_WASH = "potential wash trade detected. use complex orders"


def _coin(fields: dict[str, Any]) -> dict[str, Any]:
    return {"symbol": "BTC/USD", "qty": "0.01", "time_in_force": "gtc", **fields}


def _account(name: str) -> dict[str, str]:
    return {"APCA-API-KEY-ID": f"PK{name}", "APCA-API-SECRET-KEY": name.lower()}


OF_MEANS: tuple[Refusal, ...] = (
    order(
        "more than the account can pay",
        MEANS,
        "insufficient buying power",
        {"qty": "100000"},
        extra={"buying_power": "<number>", "cost_basis": "<number>"},
    ),
    order(
        "more dollars than the account can pay",
        MEANS,
        "insufficient buying power",
        {"qty": None, "notional": "13980003"},
        extra={"buying_power": "<number>", "cost_basis": "13980003"},
    ),
    order(
        "a short sale beyond the account",
        MEANS,
        "insufficient buying power",
        {"symbol": "PG", "side": "sell", "qty": "100000"},
        extra={"buying_power": "<number>", "cost_basis": "<number>"},
    ),
    order(
        "more shares than other orders leave",
        MEANS,
        "insufficient qty available for order (requested: 45, available: 40)",
        {"symbol": "AAPL", "side": "sell", "qty": "45"},
        extra={"available": "40", "existing_qty": "50", "held_for_orders": "10", "symbol": "AAPL"},
    ),
    order(
        "a sale that would turn the position over",
        MEANS,
        "insufficient qty available for order (requested: 60, available: 40)",
        {"symbol": "AAPL", "side": "sell", "qty": "60", "type": "limit", "limit_price": "190"},
        extra={"available": "40", "existing_qty": "50", "held_for_orders": "10", "symbol": "AAPL"},
    ),
    order(
        "a purchase that would turn a short position over",
        MEANS,
        "insufficient qty available for order (requested: 30, available: 20)",
        {"symbol": "PFE", "qty": "30"},
        extra={"available": "20", "existing_qty": "20", "held_for_orders": "0", "symbol": "PFE"},
    ),
    order(
        "a purchase at the market against one's own sale",
        MEANS,
        _WASH,
        {"symbol": "AAPL"},
        extra={"existing_order_id": "{selling}", "reject_reason": "opposite side market/stop order exists"},
    ),
    order(
        "a purchase above one's own sale",
        MEANS,
        _WASH,
        {"symbol": "AAPL", "type": "limit", "limit_price": "200"},
        extra={"existing_order_id": "{selling}", "reject_reason": "opposite side limit order exists"},
    ),
    order(
        "a purchase against one's own stop",
        MEANS,
        _WASH,
        {"symbol": "MSFT", "type": "limit", "limit_price": "10"},
        extra={"existing_order_id": "{stopping}", "reject_reason": "opposite side market/stop order exists"},
    ),
    order(
        "a short sale while a purchase waits",
        MEANS,
        "cannot open a short sell while a long buy order is open",
        {"symbol": "XOM", "side": "sell", "type": "limit", "limit_price": "500"},
    ),
    order(
        "a purchase while a short sale waits",
        MEANS,
        "cannot open a long buy while a short sell order is open",
        {"symbol": "JNJ", "type": "limit", "limit_price": "100"},
    ),
    order(
        "a short sale of an account that does not want any",
        MEANS,
        "account is not allowed to short",
        {"symbol": "PG", "side": "sell"},
        settings={"no_shorting": True},
    ),
    order(
        "a short sale of an account below 2,000 dollars",
        MEANS,
        "account is not allowed to short",
        {"symbol": "PG", "side": "sell"},
        scene="poor",
    ),
    order(
        "an order while trade is suspended",
        MEANS,
        "new orders are rejected by user request",
        {},
        settings={"suspend_trade": True},
    ),
    order(
        "a fraction while fractions are switched off",
        MEANS,
        "fractional trading is disabled for this account",
        {"qty": "0.5"},
        settings={"fractional_trading": False},
    ),
    order(
        "an order of an account that may not trade",
        MEANS,
        "account is not authorized to trade",
        {},
        headers=_account("BLOCKED"),
        scene="accounts",
    ),
    order(
        "an opening order of an account that may only close",
        MEANS,
        "account is restricted to liquidation only",
        {},
        headers=_account("CLOSING"),
        scene="accounts",
    ),
    order(
        "a stock for an account that may have none",
        SHAPE,
        "us_equity orders not allowed for account",
        {},
        headers=_account("CHOOSY"),
        scene="accounts",
    ),
    order(
        "a coin for an account that may have none",
        SHAPE,
        "crypto orders not allowed for account",
        _coin({}),
        headers=_account("CHOOSY"),
        scene="accounts",
    ),
    order(
        "more coins than there are",
        MEANS,
        "insufficient balance for BTC (requested: 1, available: <number>)",
        _coin({"side": "sell", "qty": "1"}),
    ),
    order(
        "coins that are not there",
        MEANS,
        "insufficient balance for ETH (requested: 1, available: 0)",
        _coin({"symbol": "ETH/USD", "side": "sell", "qty": "1"}),
    ),
    order(
        "coins beyond one's own money",
        MEANS,
        "insufficient balance for USD (requested: <number>, available: <number>)",
        _coin({"qty": None, "notional": "190000"}),
    ),
    order(
        "coins for less than ten dollars",
        MEANS,
        "cost basis must be >= minimal amount of order 10",
        _coin({"qty": None, "notional": "9.99"}),
    ),
    order(
        "coins for more than 200,000 dollars",
        MEANS,
        "cost basis must be <= maximal amount of order 200000",
        _coin({"qty": None, "notional": "200000.01"}),
    ),
    order("coins for the day", RULE, "invalid crypto time_in_force", _coin({"time_in_force": "day"})),
    order(
        "coins by a stop order",
        RULE,
        "invalid order type for crypto order",
        _coin({"type": "stop", "stop_price": "90000"}),
    ),
    order(
        "coins by a trailing stop",
        RULE,
        "invalid order type for crypto order",
        _coin({"type": "trailing_stop", "trail_price": "10"}),
    ),
    order(
        "coins with exits",
        RULE,
        "crypto orders must be simple orders",
        _coin({"order_class": "oto", "stop_loss": {"stop_price": "9"}}),
    ),
    order(
        "coins for extended hours",
        SHAPE,
        "extended_hours is not supported for crypto orders",
        _coin({"type": "limit", "limit_price": "30000", "extended_hours": True}),
    ),
)
