"""How the JSON body of an order becomes an OrderRequest: exact numbers, "" and null as absent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from the_alchemiser.exchange.errors import bad_parameter
from the_alchemiser.exchange.market.crypto import canonical_pair
from the_alchemiser.exchange.market.names import capitals
from the_alchemiser.exchange.units import (
    PRICE,
    cut_quantity_e9,
    money_e13,
    parse_decimal,
    quantity_e9,
    scaled,
)
from the_alchemiser.exchange.venue.admission import sub_penny
from the_alchemiser.exchange.venue.orders import (
    MLEG,
    POSITION_INTENTS,
    SIMPLE,
    LegRequest,
    OrderChanges,
    OrderRequest,
)

SYMBOL_LENGTH = 64  # at most: more than any symbol or id has


def parse_order_request(body: Mapping[str, Any]) -> OrderRequest:
    """An order request from the body of POST /v2/orders (numbers as text or JSON numbers). Raises Refusal."""
    profit, loss = _child(body, "take_profit"), _child(body, "stop_loss")
    order_class = _order_class(body)
    together = order_class == MLEG
    symbol = "" if together else _symbol(body)
    return OrderRequest(
        symbol=symbol,
        side="" if together else _side(body),
        type=_word(body, "type", "invalid order type"),
        time_in_force=_word(body, "time_in_force", "invalid time_in_force"),
        qty_e9=_number(body, "qty", cut_quantity_e9 if canonical_pair(symbol) else quantity_e9),
        notional_e13=_number(body, "notional", money_e13),
        limit_price_e4=_price(body, "limit_price"),
        stop_price_e4=_price(body, "stop_price"),
        trail_price_e4=_price(body, "trail_price"),
        trail_percent_e4=_price(body, "trail_percent"),
        order_class=order_class,
        take_profit_limit_e4=_price(profit, "limit_price", "take_profit.limit_price"),
        stop_loss_stop_e4=_price(loss, "stop_price", "stop_loss.stop_price"),
        stop_loss_limit_e4=_price(loss, "limit_price", "stop_loss.limit_price"),
        client_order_id=_text(body, "client_order_id"),
        extended_hours=_flag(body, "extended_hours"),
        position_intent=_intent(body),
        legs=_legs(body) if together else (),
    )


def _symbol(body: Mapping[str, Any]) -> str:
    symbol = _word(body, "symbol", "invalid symbol")
    if len(symbol) > SYMBOL_LENGTH:
        raise bad_parameter("invalid symbol")
    return capitals(symbol)


def _side(body: Mapping[str, Any]) -> str:
    """The side, or the one that the position intent implies."""
    intent = _intent(body)
    if not _present(body, "side") and intent is not None:
        return intent.partition("_")[0]
    return _word(body, "side", "invalid side")


def _intent(body: Mapping[str, Any]) -> str | None:
    intent = _text(body, "position_intent")
    if intent is not None and intent not in POSITION_INTENTS:
        raise bad_parameter("invalid position_intent")
    return intent


def _flag(body: Mapping[str, Any], name: str) -> bool:
    """A boolean, also as the text that some clients make of it; absent is false."""
    value = str(body[name]).lower() if _present(body, name) else "false"
    if value not in ("true", "false"):
        raise bad_parameter(f"invalid {name}")
    return value == "true"


def _legs(body: Mapping[str, Any]) -> tuple[LegRequest, ...]:
    legs = body.get("legs")
    if not isinstance(legs, list) or not all(isinstance(leg, Mapping) for leg in legs):
        raise bad_parameter("legs are required for mleg orders")
    return tuple(
        LegRequest(
            symbol=_symbol(leg),
            ratio=_number(leg, "ratio_qty", _whole) or 0,
            side=_side(leg),
            position_intent=_intent(leg),
        )
        for leg in legs
    )


def _whole(text: object) -> int:
    return scaled(parse_decimal(text), 1)


def parse_order_changes(body: Mapping[str, Any]) -> OrderChanges:
    """The changes in the body of PATCH /v2/orders/{id}. Raises Refusal."""
    return OrderChanges(
        qty_e9=_number(body, "qty", quantity_e9),
        limit_price_e4=_price(body, "limit_price"),
        stop_price_e4=_price(body, "stop_price"),
        trail_e4=_price(body, "trail"),
        time_in_force=_text(body, "time_in_force"),
        client_order_id=_text(body, "client_order_id"),
    )


def _order_class(body: Mapping[str, Any]) -> str:
    word = _text(body, "order_class") or SIMPLE
    return SIMPLE if word == "simple" else word


def _present(body: Mapping[str, Any], name: str) -> bool:
    return body.get(name) not in (None, "")


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value in (None, ""):
        return None
    if not isinstance(value, str):
        raise bad_parameter(f"invalid {name}")
    return value


def _word(body: Mapping[str, Any], name: str, complaint: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise bad_parameter(complaint)
    return value


def _child(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    if value in (None, ""):
        return {}
    if not isinstance(value, Mapping):
        raise bad_parameter(f"invalid {name}")
    return value


def _number(body: Mapping[str, Any], name: str, convert: Callable[[object], int]) -> int | None:
    if not _present(body, name):
        return None
    try:
        return convert(body[name])
    except ValueError:
        raise bad_parameter(f"invalid {name}") from None


def _price(body: Mapping[str, Any], name: str, label: str | None = None) -> int | None:
    if not _present(body, name):
        return None
    try:
        number = parse_decimal(body[name])
    except ValueError:
        raise bad_parameter(f"invalid {label or name}") from None
    try:
        return scaled(number, PRICE)
    except ValueError:
        # More decimals than any tick has: said with the sender's own digits.
        raise sub_penny(label or name, f"{number:f}") from None
