"""Which orders Alpaca cannot accept, said before anything is sent, and how the others are written."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from the_alchemiser.domain.money import FRACTION, WHOLE_SHARE, Price, Side, plain, tick_size
from the_alchemiser.domain.orders import OrderRequest, OrderType, TimeInForce

CLIENT_ORDER_ID_LENGTH_MAX = 128

# Which of (limit price, stop price) each type carries: exactly these, no more.
_PRICES = {
    OrderType.MARKET: (False, False),
    OrderType.LIMIT: (True, False),
    OrderType.STOP: (False, True),
    OrderType.STOP_LIMIT: (True, True),
}


def problem_of(request: OrderRequest) -> str:
    """Why Alpaca would refuse this order whatever the market does; empty where nothing is wrong with its shape."""
    return (
        _identity_problem(request)
        or _price_problem(request)
        or _fraction_problem(request)
        or _exit_problem(request)
    )


def body_of(request: OrderRequest) -> dict[str, Any]:
    """The JSON body: numbers as exact text, absent fields left out."""
    body: dict[str, Any] = {
        "symbol": request.symbol,
        "qty": plain(request.shares),
        "side": request.side.value,
        "type": request.type.value,
        "time_in_force": request.time_in_force.value,
        "client_order_id": request.client_order_id,
    }
    if request.limit_price is not None:
        body["limit_price"] = plain(request.limit_price)
    if request.stop_price is not None:
        body["stop_price"] = plain(request.stop_price)
    if request.take_profit_price is not None and request.stop_loss_price is not None:
        body["order_class"] = "bracket"
        body["take_profit"] = {"limit_price": plain(request.take_profit_price)}
        body["stop_loss"] = {"stop_price": plain(request.stop_loss_price)}
    return body


def is_on_tick(price: Price) -> bool:
    """Whether a price is positive and on the grid of SEC rule 612."""
    return price > 0 and price % tick_size(price) == 0


def _identity_problem(request: OrderRequest) -> str:
    if not request.symbol:
        return "no symbol"
    if not 0 < len(request.client_order_id) <= CLIENT_ORDER_ID_LENGTH_MAX:
        return f"the client order id must have 1 to {CLIENT_ORDER_ID_LENGTH_MAX} characters"
    if request.shares <= 0:
        return f"the quantity must be positive, not {plain(request.shares)}"
    return ""


def _price_problem(request: OrderRequest) -> str:
    given = (request.limit_price is not None, request.stop_price is not None)
    if given != _PRICES[request.type]:
        return f"a {request.type.value} order carries other prices than were given"
    for price in (
        request.limit_price,
        request.stop_price,
        request.take_profit_price,
        request.stop_loss_price,
    ):
        if price is not None and not is_on_tick(price):
            return f"the price {plain(price)} is not on the tick grid"
    return ""


def _fraction_problem(request: OrderRequest) -> str:
    if not _is_multiple(request.shares, FRACTION):
        return f"the quantity {plain(request.shares)} has more than nine decimals"
    if _is_multiple(request.shares, WHOLE_SHARE):
        return ""
    if request.time_in_force is not TimeInForce.DAY:
        return "fractional orders must be day orders"
    return (
        "fractional orders cannot carry exits" if request.take_profit_price or request.stop_loss_price else ""
    )


def _exit_problem(request: OrderRequest) -> str:
    profit, loss = request.take_profit_price, request.stop_loss_price
    if (profit is None) != (loss is None):
        return "a bracket needs both its exits: one alone would be ignored by the broker"
    if profit is None or loss is None:
        return ""
    is_ordered = loss < profit if request.side is Side.BUY else profit < loss
    return "" if is_ordered else "the stop of a bracket lies beyond its target"


def _is_multiple(number: Decimal, of: Decimal) -> bool:
    return number % of == 0
