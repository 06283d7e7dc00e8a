"""Orders that cannot be changed or canceled as they are, and positions that cannot be closed or exercised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.refusals.refusal import MEANS, NOBODY, RULE, SHAPE, UNKNOWN, Refusal


def _change(
    name: str, kind: tuple[int, int], text: str, which: str, fields: Mapping[str, Any], **more: Any
) -> Refusal:
    return Refusal(name, kind, text, "PATCH", f"/v2/orders/{{{which}}}", fields, **more)


def _cancel(name: str, text: str, which: str, **more: Any) -> Refusal:
    return Refusal(name, RULE, text, "DELETE", f"/v2/orders/{{{which}}}", **more)


def _close(
    name: str,
    kind: tuple[int, int],
    text: str,
    symbol: str,
    extra: Mapping[str, str] | None = None,
    **query: str,
) -> Refusal:
    return Refusal(name, kind, text, "DELETE", f"/v2/positions/{symbol}", query=query, extra=extra or {})


_NOT_FOUND = f"order not found for {NOBODY}"
_LIMIT = {"limit_price": "39"}

OF_STATES: tuple[Refusal, ...] = (
    *(
        Refusal(
            f"{what} an order that does not exist", UNKNOWN, _NOT_FOUND, method, f"/v2/orders/{NOBODY}", body
        )
        for what, method, body in (
            ("reading", "GET", None),
            ("changing", "PATCH", _LIMIT),
            ("canceling", "DELETE", None),
        )
    ),
    *(
        Refusal(
            f"{what} an order by what is no id", SHAPE, "order_id is missing", method, "/v2/orders/mine", body
        )
        for what, method, body in (
            ("reading", "GET", None),
            ("changing", "PATCH", _LIMIT),
            ("canceling", "DELETE", None),
        )
    ),
    Refusal(
        "reading an order by a client order id that nobody used",
        UNKNOWN,
        "order not found for nobody's",
        "GET",
        "/v2/orders:by_client_order_id",
        query={"client_order_id": "nobody's"},
    ),
    Refusal(
        "reading an order by no client order id",
        SHAPE,
        "client_order_id is required",
        "GET",
        "/v2/orders:by_client_order_id",
    ),
    _change("a change of nothing", RULE, "order parameters are not changed", "resting", {}),
    _change(
        "a change to the same", RULE, "order parameters are not changed", "resting", {"limit_price": "40"}
    ),
    *(
        _change(
            f"a change of an order that is {status}",
            RULE,
            f"cannot replace order in {status} status",
            status,
            _LIMIT,
        )
        for status in ("filled", "canceled")
    ),
    _change("a change of a replaced order", RULE, "order already replaced", "replaced", _LIMIT),
    _change(
        "a change before the market opens",
        RULE,
        "cannot replace order in accepted status",
        "accepted",
        _LIMIT,
        scene="evening",
    ),
    _change(
        "a change of an exit whose entry waits",
        RULE,
        "cannot replace order in held status",
        "waiting_stop",
        {"stop_price": "29"},
    ),
    _change(
        "a change while the order is being canceled",
        RULE,
        "cannot replace order in pending_cancel status",
        "leaving",
        _LIMIT,
        scene="slow",
    ),
    _change(
        "a change while the one before settles",
        RULE,
        "order chain not fully replaced",
        "changing",
        {"limit_price": "38"},
        scene="slow",
    ),
    _change(
        "a change of the order that is still to take over",
        RULE,
        "order chain not fully replaced",
        "coming",
        {"limit_price": "38"},
        scene="slow",
    ),
    _change(
        "a change to no more than is filled",
        RULE,
        "qty must be > filled_qty",
        "partly",
        {"qty": "1"},
        scene="parts",
    ),
    _change(
        "a change of an exit's quantity",
        RULE,
        "qty cannot be changed for advanced orders",
        "target",
        {"qty": "1"},
    ),
    _change(
        "a change of an exit's time in force",
        RULE,
        "time_in_force cannot be changed for advanced orders",
        "target",
        {"time_in_force": "day"},
    ),
    _change(
        "a change to a fraction",
        RULE,
        "qty of fractional and notional orders cannot be changed",
        "selling",
        {"qty": "9.5", "time_in_force": "day"},
    ),
    _change(
        "a change to three decimals",
        RULE,
        "invalid limit_price 39.123. sub-penny increment does not fulfill minimum pricing criteria",
        "resting",
        {"limit_price": "39.123"},
    ),
    _change("a change to a limit of zero", SHAPE, "limit price must be > 0", "resting", {"limit_price": "0"}),
    _change("a change to a quantity of nothing", SHAPE, "qty must be > 0", "resting", {"qty": "0"}),
    _change(
        "a stop moved beyond the market",
        RULE,
        "stop price must be less than current price",
        "stopping",
        {"stop_price": "900"},
        extra={"market_price": "<number>", "stop_price": "900"},
    ),
    _change(
        "a change to a client order id that was used",
        SHAPE,
        "client_order_id must be unique",
        "resting",
        {"limit_price": "39", "client_order_id": "filled"},
    ),
    _change(
        "a change beyond what the account can pay",
        MEANS,
        "insufficient buying power",
        "resting",
        {"qty": "100000"},
        extra={"buying_power": "<number>", "cost_basis": "<number>"},
    ),
    _change(
        "a change beyond the shares that are left",
        MEANS,
        "insufficient qty available for order (requested: 51, available: 50)",
        "selling",
        {"qty": "51"},
        extra={"available": "50", "existing_qty": "50", "held_for_orders": "0", "symbol": "AAPL"},
    ),
    _change(
        "a change to an unknown time in force",
        SHAPE,
        "invalid time_in_force",
        "resting",
        {"time_in_force": "week"},
    ),
    _cancel("canceling a filled order", 'order is already in "filled" state', "filled"),
    _cancel("canceling a replaced order", 'order is already in "replaced" state', "replaced"),
    _cancel("canceling an exit that is canceled", 'leg order is already in "filled" state', "sold_leg"),
    _cancel("canceling twice", "order pending cancel", "leaving", scene="slow"),
    _close("closing a position that does not exist", UNKNOWN, "position does not exist", "UNH"),
    Refusal(
        "reading a position that does not exist",
        UNKNOWN,
        "position does not exist",
        "GET",
        "/v2/positions/UNH",
    ),
    _close(
        "closing more than other orders leave",
        MEANS,
        "insufficient qty available for order (requested: 50, available: 40)",
        "AAPL",
        {"available": "40", "existing_qty": "50", "held_for_orders": "10", "symbol": "AAPL"},
        qty="50",
    ),
    _close(
        "closing a quantity and a percentage",
        SHAPE,
        "only one of qty or percentage is accepted",
        "AAPL",
        qty="1",
        percentage="5",
    ),
    _close("closing more than all", SHAPE, "percentage must be between 0 and 100", "AAPL", percentage="101"),
    _close("closing no part", SHAPE, "percentage must be between 0 and 100", "AAPL", percentage="0"),
    _close("closing a part that is no number", SHAPE, "invalid percentage", "AAPL", percentage="half"),
    _close("closing a quantity that is no number", SHAPE, "invalid qty", "AAPL", qty="some"),
)
