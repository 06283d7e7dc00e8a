"""In which parts of the day an order may trade."""

from __future__ import annotations

from the_alchemiser.exchange.market.hours import OVERNIGHT, POST, PRE, REGULAR
from the_alchemiser.exchange.venue.orders import Order

CRYPTO = "crypto"


def trades_in(phase: str, order: Order) -> bool:
    """Crypto always; options and stocks in the regular session; stock orders for extended hours around it, too."""
    if phase == REGULAR or order.asset_class == CRYPTO:
        return True
    if not order.extended_hours:
        return False
    return phase in (PRE, POST) or (phase == OVERNIGHT and order.overnight)
