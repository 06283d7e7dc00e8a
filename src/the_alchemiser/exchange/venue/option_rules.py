"""What holds for orders in options alone: kinds, levels, times, and the legs of a multi-leg order.

Levels: 1 covered calls and cash-secured puts, 2 also bought calls and puts, 3 also spreads. Every check raises
the Refusal the real API answers with.
"""

from __future__ import annotations

from math import gcd
from typing import NamedTuple

from the_alchemiser.exchange.errors import Refusal, bad_parameter, forbidden, unprocessable
from the_alchemiser.exchange.market.contracts import Contract, parse_contract
from the_alchemiser.exchange.market.prices import asset_id
from the_alchemiser.exchange.units import CENT_E4, MINUTE, QUANTITY, format_price, format_quantity
from the_alchemiser.exchange.venue import orders as o
from the_alchemiser.exchange.venue.rules import VenueRules

OPTION = "us_option"
LEAST_LEGS, MOST_LEGS = 2, 4
LAST_OPENING = 30 * MINUTE  # before the close of the expiry day nothing is opened any more
_TYPES = (o.MARKET, o.LIMIT)
_STOPS = (o.STOP, o.STOP_LIMIT)


class Lifetime(NamedTuple):
    """A contract, since when it is listed, and when it ends."""

    contract: Contract
    listed_at: int
    expires_at: int


def check_kind(request: o.OrderRequest, rules: VenueRules) -> None:
    """Only market and limit orders for whole contracts, for the day."""
    if request.order_class not in (o.SIMPLE, o.MLEG):
        raise unprocessable("complex orders not supported for options trading")
    if request.extended_hours:
        raise unprocessable("extended hours is not supported for options trading")
    if request.notional_e13 is not None:
        raise unprocessable("notional orders are not supported for options trading")
    if request.type not in _TYPES and not (rules.option_stops and request.type in _STOPS):
        raise unprocessable("invalid order type for options trading")
    if request.time_in_force != o.DAY:
        raise unprocessable("order_time_in_force provided not supported for options trading")
    if (request.qty_e9 or 0) % QUANTITY:
        raise unprocessable("qty must be integer for options trading")
    for name, price in (("limit_price", request.limit_price_e4), ("stop_price", request.stop_price_e4)):
        if price is not None and price % CENT_E4:
            raise unprocessable(
                f"invalid {name} {format_price(price)}. sub-penny increment does not fulfill minimum pricing criteria"
            )


def check_hours(request: o.OrderRequest, is_open: bool) -> None:
    if request.type == o.MARKET and not is_open:
        raise unprocessable("options market orders are only allowed during market hours")


def check_life(symbol: str, life: Lifetime | None, at: int, *, opens: bool) -> None:
    """The contract trades now, and may still be opened if it is to be."""
    if life is None or at < life.listed_at:
        raise unprocessable(f'contract "{symbol}" not found')
    if at >= life.expires_at:
        raise unprocessable(f'contract "{symbol}" is expired')
    if opens and at >= life.expires_at - LAST_OPENING:
        raise unprocessable(f'contract "{symbol}" expires soon, unable to open new positions')


def check_level(level: int, request: o.OrderRequest, intent: str) -> None:
    """The account is approved for this."""
    if level == 0:
        raise forbidden("account not authorized to trade options")
    if request.order_class == o.MLEG and level < 3:
        raise forbidden("account not eligible to trade spreads or uncovered contracts")
    if intent == "buy_to_open" and level < 2:
        raise forbidden("account not eligible for level2 options trading")


def uncovered_call(contract: Contract, required_e9: int, available_e9: int) -> Refusal:
    """Why a call cannot be written: the shares are not there."""
    required, available = format_quantity(required_e9), format_quantity(available_e9)
    return forbidden(
        f"insufficient underlying qty available for covered call (required: {required}, available: {available})",
        available_qty=available,
        required_qty=required,
        symbol=contract.symbol,
        underlying_asset_id=asset_id(contract.underlying),
    )


def check_legs(request: o.OrderRequest) -> None:
    """The legs of a multi-leg order fit together."""
    legs = request.legs
    if not LEAST_LEGS <= len(legs) <= MOST_LEGS:
        raise unprocessable("mleg orders must have at least 2 legs and at most 4 legs")
    if len({leg.symbol for leg in legs}) < len(legs):
        raise unprocessable("mleg orders must have unique legs")
    if any(leg.ratio < 1 for leg in legs):
        raise unprocessable("leg ratio_qty must be a positive integer")
    if gcd(*(leg.ratio for leg in legs)) > 1:
        raise unprocessable("leg ratio quantities must be relatively prime")
    if request.type == o.LIMIT and request.limit_price_e4 is None:
        raise unprocessable("limit price is required for limit orders")
    contracts = [parse_contract(leg.symbol) for leg in legs]
    first = contracts[0]
    for leg, contract in zip(legs, contracts, strict=True):
        if contract is None or first is None:
            raise unprocessable(f'contract "{leg.symbol}" not found')
        if contract.underlying != first.underlying:
            raise unprocessable(f"underlying asset mismatch: {first.underlying} != {contract.underlying}")


def check_shape(request: o.OrderRequest) -> None:
    """What a multi-leg order must say, and must not."""
    if request.qty_e9 is None:
        raise bad_parameter("qty is required")
    if request.qty_e9 <= 0:
        raise bad_parameter("qty must be > 0")
    if request.type == o.MARKET and request.limit_price_e4 is not None:
        raise bad_parameter("market orders require no stop or limit price")
    if request.client_order_id is not None and len(request.client_order_id) > 128:
        raise bad_parameter("client_order_id must be no more than 128 characters")
