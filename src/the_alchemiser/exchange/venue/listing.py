"""Which orders a list shows, and in which order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from itertools import islice
from operator import attrgetter

from the_alchemiser.exchange.errors import bad_parameter
from the_alchemiser.exchange.venue.orders import OPEN_STATUSES, Order, OrderFilter

MAX_LIMIT = 500
_sequence, _submitted = attrgetter("sequence"), attrgetter("submitted_at")


def listed(candidates: Sequence[Order], chosen: OrderFilter, known: Mapping[str, Order]) -> list[Order]:
    """The live records `chosen` selects out of `candidates` (in order of creation). Raises Refusal.

    `known` finds the orders whose ids bound the list; they need not be candidates themselves.
    """
    if not 0 < chosen.limit <= MAX_LIMIT:
        raise bad_parameter(f"limit must be between 1 and {MAX_LIMIT}")
    if chosen.status not in ("open", "closed", "all"):
        raise bad_parameter("invalid status")
    if chosen.direction not in ("asc", "desc"):
        raise bad_parameter("invalid direction")
    within = _within(candidates, chosen, known)
    places = within if chosen.direction == "asc" else reversed(within)
    found = (candidates[place] for place in places)
    return list(islice((order for order in found if _matches(order, chosen)), chosen.limit))


def _within(candidates: Sequence[Order], chosen: OrderFilter, known: Mapping[str, Order]) -> range:
    """The places of the orders between the bounds, all exclusive: a page far down costs no more than the first."""
    low, high = 0, len(candidates)
    if chosen.after_order_id:
        low = bisect_right(candidates, _known(known, chosen.after_order_id).sequence, key=_sequence)
    if chosen.before_order_id:
        high = bisect_left(candidates, _known(known, chosen.before_order_id).sequence, key=_sequence)
    if chosen.after is not None:
        low = max(low, bisect_right(candidates, chosen.after, key=_submitted))
    if chosen.until is not None:
        high = min(high, bisect_left(candidates, chosen.until, key=_submitted))
    return range(low, high)


def _known(orders: Mapping[str, Order], order_id: str) -> Order:
    if order_id not in orders:
        raise bad_parameter("invalid order id")
    return orders[order_id]


def _matches(order: Order, chosen: OrderFilter) -> bool:
    return (
        (chosen.status == "all" or _shown_open(order, chosen) == (chosen.status == "open"))
        and (chosen.symbols is None or order.symbol in chosen.symbols)
        and (chosen.asset_class is None or order.asset_class in chosen.asset_class)
        and (chosen.side is None or order.side == chosen.side)
        and not (chosen.nested and order.parent_id is not None)
    )


def _shown_open(order: Order, chosen: OrderFilter) -> bool:
    # Folded under their parent, legs stay visible among the open orders for as long as one of them is open.
    return order.status in OPEN_STATUSES or (
        chosen.nested and any(leg.status in OPEN_STATUSES for leg in order.legs)
    )
