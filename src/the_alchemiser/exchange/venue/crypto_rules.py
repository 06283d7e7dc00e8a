"""What holds for orders in crypto pairs alone: kinds, sizes, and the fee.

A trade costs 25 basis points of what is received: coins when buying, dollars when selling. The amount an order
reports as filled is the whole; the position grows by what is left. An order must be worth $10 and at most $200,000,
whatever smallest size the asset names; what closes a whole position may be worth less.
"""

from __future__ import annotations

from the_alchemiser.exchange.errors import bad_parameter, forbidden, unprocessable
from the_alchemiser.exchange.market.prices import Asset
from the_alchemiser.exchange.units import MONEY, format_price
from the_alchemiser.exchange.venue import orders as o
from the_alchemiser.exchange.venue.account import Fee
from the_alchemiser.exchange.venue.rules import VenueRules

LEAST_COST, MOST_COST = 10, 200_000
TYPES = (o.MARKET, o.LIMIT, o.STOP_LIMIT)
TIMES_IN_FORCE = (o.GTC, o.IOC)


def check_kind(request: o.OrderRequest, asset: Asset, rules: VenueRules) -> None:
    """Only simple market, limit and stop-limit orders, until canceled or at once. Raises Refusal."""
    if request.order_class:
        raise unprocessable("crypto orders must be simple orders")
    if request.type not in TYPES:
        raise unprocessable("invalid order type for crypto order")
    if request.time_in_force not in TIMES_IN_FORCE and not (
        rules.crypto_fok and request.time_in_force == o.FOK
    ):
        raise unprocessable("invalid crypto time_in_force")
    if request.extended_hours:
        raise bad_parameter("extended_hours is not supported for crypto orders")
    _check_increment("limit_price", request.limit_price_e4, asset)
    _check_increment("stop_price", request.stop_price_e4, asset)


def _check_increment(name: str, price_e4: int | None, asset: Asset) -> None:
    increment = asset.price_increment_e4
    if price_e4 is not None and increment and price_e4 % increment:
        price, step = format_price(price_e4), format_price(increment)
        raise unprocessable(f"invalid {name} {price}. price must be a multiple of {step}")


def check_cost(request: o.OrderRequest, market_price_e4: int, position_e9: int) -> None:
    """The order is worth neither too little nor too much. Raises Refusal."""
    cost = request.notional_e13
    if cost is None:
        cost = (request.qty_e9 or 0) * (request.limit_price_e4 or market_price_e4)
    closes_all = request.side == o.SELL and request.qty_e9 == position_e9
    if cost < LEAST_COST * MONEY and not closes_all:
        raise forbidden(f"cost basis must be >= minimal amount of order {LEAST_COST}")
    if cost > MOST_COST * MONEY:
        raise forbidden(f"cost basis must be <= maximal amount of order {MOST_COST}")


def fee(side: str, qty_e9: int, price_e4: int, basis_points: int) -> Fee:
    """What one execution costs, rounded up to the last digit of the books."""
    if side == o.BUY:
        return Fee(qty_e9=-(-qty_e9 * basis_points // 10_000))
    return Fee(money_e13=-(-qty_e9 * price_e4 * basis_points // 10_000))
