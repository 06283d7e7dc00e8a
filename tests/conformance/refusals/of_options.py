"""Orders in option contracts, and their exercise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conformance.refusals.refusal import MEANS, RULE, SHAPE, UNKNOWN, Refusal, order

CALL, PUT, FAR_CALL = "AAPL220617C00145000", "AAPL220617P00140000", "AAPL220617C00155000"
OTHER, ENDING = "KO220617C00060000", "AAPL220603C00145000"
LONG_ID = f"long position not found: {CALL}"
_LEVEL = "account not eligible for level2 options trading"
_UNCOVERED = "account not eligible to trade uncovered option contracts"


def _contract(name: str, kind: tuple[int, int], text: str, fields: Mapping[str, Any], **more: Any) -> Refusal:
    return order(name, kind, text, {"symbol": CALL, **fields}, **{"scene": "options", **more})


def _leg(symbol: str, side: str, ratio: object = "1", **more: str) -> dict[str, Any]:
    return {"symbol": symbol, "side": side, "ratio_qty": ratio, **more}


SPREAD = [_leg(CALL, "buy"), _leg(FAR_CALL, "sell")]


def _together(
    name: str,
    kind: tuple[int, int],
    text: str,
    legs: Sequence[Mapping[str, Any]] | None,
    fields: Mapping[str, Any] | None = None,
    **more: Any,
) -> Refusal:
    common = {"symbol": None, "side": None, "order_class": "mleg", "legs": legs, **(fields or {})}
    return order(name, kind, text, common, **{"scene": "options", **more})


OF_OPTIONS: tuple[Refusal, ...] = (
    _contract(
        "a contract that does not exist",
        RULE,
        'contract "AAPL220617C00145123" not found',
        {"symbol": "AAPL220617C00145123"},
    ),
    _contract(
        "a contract with digits of another script",
        RULE,
        'asset "AAPL220617C0014500\N{ARABIC-INDIC DIGIT ZERO}" not found',
        {"symbol": "AAPL220617C0014500\N{ARABIC-INDIC DIGIT ZERO}"},
    ),
    _contract(
        "a contract that is over",
        RULE,
        f'contract "{ENDING}" is expired',
        {"symbol": ENDING, "type": "limit", "limit_price": "1"},
        scene="evening",
    ),
    _contract(
        "a contract that ends soon",
        RULE,
        f'contract "{ENDING}" expires soon, unable to open new positions',
        {"symbol": ENDING},
        scene="late",
    ),
    _contract(
        "a contract with exits",
        RULE,
        "complex orders not supported for options trading",
        {"order_class": "oto", "stop_loss": {"stop_price": "1"}},
    ),
    _contract(
        "a contract for extended hours",
        RULE,
        "extended hours is not supported for options trading",
        {"type": "limit", "limit_price": "1", "extended_hours": True},
    ),
    _contract(
        "a contract for dollars",
        RULE,
        "notional orders are not supported for options trading",
        {"qty": None, "notional": "500"},
    ),
    *(
        _contract(
            f"a contract by {kind}", RULE, "invalid order type for options trading", {"type": kind, **fields}
        )
        for kind, fields in (
            ("stop", {"stop_price": "50"}),
            ("stop_limit", {"stop_price": "50", "limit_price": "51"}),
            ("trailing_stop", {"trail_price": "1"}),
        )
    ),
    _contract(
        "a contract good till canceled",
        RULE,
        "order_time_in_force provided not supported for options trading",
        {"time_in_force": "gtc"},
    ),
    _contract("half a contract", RULE, "qty must be integer for options trading", {"qty": "0.5"}),
    _contract(
        "a contract at a tenth of a cent",
        RULE,
        "invalid limit_price 0.995. sub-penny increment does not fulfill minimum pricing criteria",
        {"type": "limit", "limit_price": "0.995"},
    ),
    _contract(
        "a contract at the market when it is closed",
        RULE,
        "options market orders are only allowed during market hours",
        {},
        scene="evening",
    ),
    _contract(
        "a contract of an account that wants none",
        MEANS,
        "account not authorized to trade options",
        {},
        settings={"max_options_trading_level": 0},
    ),
    _contract("a bought contract on level 1", MEANS, _LEVEL, {}, settings={"max_options_trading_level": 1}),
    _together(
        "a spread on level 2",
        MEANS,
        "account not eligible to trade spreads or uncovered contracts",
        SPREAD,
        settings={"max_options_trading_level": 2},
    ),
    _contract(
        "a written call without the shares",
        MEANS,
        "insufficient underlying qty available for covered call (required: 100, available: 0)",
        {"symbol": OTHER, "side": "sell"},
        extra={"available_qty": "0", "required_qty": "100", "symbol": OTHER, "underlying_asset_id": "<id>"},
    ),
    _contract(
        "a written put without the money",
        MEANS,
        "insufficient options buying power for cash-secured put (required: <number>, available: <number>)",
        {"symbol": PUT, "side": "sell", "qty": "10"},
    ),
    _contract(
        "contracts beyond the account",
        MEANS,
        "insufficient options buying power",
        {"qty": "500"},
        extra={"options_buying_power": "<number>", "cost_basis": "<number>"},
    ),
    _contract(
        "more contracts than there are",
        MEANS,
        "insufficient qty available for order (requested: 3, available: 2)",
        {"side": "sell", "qty": "3"},
        extra={"available": "2", "existing_qty": "2", "held_for_orders": "0", "symbol": CALL},
    ),
    _contract(
        "opening a contract that is held by a sale",
        RULE,
        "position intent mismatch, inferred: sell_to_close, specified: sell_to_open",
        {"side": "sell", "position_intent": "sell_to_open"},
    ),
    _together("a combination of nothing", SHAPE, "legs are required for mleg orders", None),
    *(
        _together(
            f"a combination of {len(legs)}",
            RULE,
            "mleg orders must have at least 2 legs and at most 4 legs",
            legs,
        )
        for legs in (
            [_leg(CALL, "buy")],
            [_leg(f"AAPL220617C00{strike}000", "buy") for strike in (140, 145, 150, 155, 160)],
        )
    ),
    _together(
        "a combination of a contract with itself",
        RULE,
        "mleg orders must have unique legs",
        [_leg(CALL, "buy"), _leg(CALL, "sell")],
    ),
    _together(
        "a combination by zero",
        RULE,
        "leg ratio_qty must be a positive integer",
        [_leg(CALL, "buy", "0"), _leg(FAR_CALL, "sell")],
    ),
    _together(
        "a combination by halves",
        SHAPE,
        "invalid ratio_qty",
        [_leg(CALL, "buy", "0.5"), _leg(FAR_CALL, "sell")],
    ),
    _together(
        "a combination of twos",
        RULE,
        "leg ratio quantities must be relatively prime",
        [_leg(CALL, "buy", "2"), _leg(FAR_CALL, "sell", "2")],
    ),
    _together(
        "a combination without its limit",
        RULE,
        "limit price is required for limit orders",
        SPREAD,
        {"type": "limit"},
    ),
    _together(
        "a combination of two stocks",
        RULE,
        "underlying asset mismatch: AAPL != KO",
        [_leg(CALL, "buy"), _leg(OTHER, "sell")],
    ),
    _together(
        "a combination with a stock",
        RULE,
        'contract "AAPL" not found',
        [_leg(CALL, "buy"), _leg("AAPL", "sell")],
    ),
    _together("a combination without a quantity", SHAPE, "qty is required", SPREAD, {"qty": None}),
    _together("a combination of no quantity", SHAPE, "qty must be > 0", SPREAD, {"qty": "0"}),
    _together(
        "a combination that is sold uncovered",
        MEANS,
        _UNCOVERED,
        [_leg(OTHER, "sell"), _leg("KO220617C00065000", "sell")],
    ),
    _together(
        "a combination whose leg is not what it says",
        RULE,
        "position intent mismatch, inferred: buy_to_open, specified: buy_to_close",
        [_leg(CALL, "buy", position_intent="buy_to_close"), SPREAD[1]],
        scene="morning",
    ),
    _together(
        "a combination by an unknown type",
        RULE,
        "invalid order type for options trading",
        SPREAD,
        {"type": "peg"},
    ),
    Refusal(
        "the exercise of a written contract",
        (403, 40310001),
        "cannot exercise short position",
        path=f"/v2/positions/{PUT}/exercise",
        scene="options",
    ),
    *(
        Refusal(
            f"to {what} what one has not",
            UNKNOWN,
            f"long position not found: {FAR_CALL}",
            path=f"/v2/positions/{FAR_CALL}/{what}",
            scene="options",
        )
        for what in ("exercise", "do-not-exercise")
    ),
    Refusal(
        "the exercise of more than the account can pay",
        MEANS,
        "insufficient buying power",
        path=f"/v2/positions/{CALL}/exercise",
        extra={"buying_power": "<number>", "cost_basis": "29000"},
        scene="options",
    ),
)
