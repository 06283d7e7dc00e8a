"""When orders may trade, and when orders for the auctions may come."""

from __future__ import annotations

from the_alchemiser.exchange.errors import forbidden
from the_alchemiser.exchange.market.hours import OVERNIGHT, POST, PRE, REGULAR, Hours
from the_alchemiser.exchange.units import HOUR, MINUTE, SECOND
from the_alchemiser.exchange.venue.orders import OPG, Order

CRYPTO = "crypto"
OPG_CUTOFF = 2 * MINUTE
# Orders for the next auctions come in again from 19:00 on: 23 hours after the overnight session began.
_NEXT_DAYS_ORDERS = 23 * HOUR


def trades_in(phase: str, order: Order) -> bool:
    """Crypto always; options and stocks in the regular session; stock orders for extended hours around it, too."""
    if phase == REGULAR or order.asset_class == CRYPTO:
        return True
    if not order.extended_hours:
        return False
    return phase in (PRE, POST) or (phase == OVERNIGHT and order.overnight)


def check_auction_window(time_in_force: str, at: int, hours: Hours, cls_cutoff_seconds: int) -> None:
    """Orders for an auction come before its deadline or after 19:00 for the next one. Raises Refusal."""
    day = hours.today(at)
    if day is None:
        return
    deadline = day.open - OPG_CUTOFF if time_in_force == OPG else day.close - cls_cutoff_seconds * SECOND
    if deadline <= at < day.overnight + _NEXT_DAYS_ORDERS:
        last = "9:28am" if time_in_force == OPG else "3:55pm"
        raise forbidden(f"{time_in_force} orders must be submitted after 7:00pm and before {last}")
