"""Which orders a list shows, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from the_alchemiser.exchange.errors import bad_parameter
from the_alchemiser.exchange.venue.orders import OPEN_STATUSES, Order, OrderFilter

MAX_LIMIT = 500


def listed(candidates: dict[str, Order], chosen: OrderFilter, known: Mapping[str, Order]) -> list[Order]:
    """The live records `chosen` selects out of `candidates` (in order of creation). Raises Refusal.

    `known` finds the orders whose ids bound the list; they need not be candidates themselves.
    """
    if not 0 < chosen.limit <= MAX_LIMIT:
        raise bad_parameter(f"limit must be between 1 and {MAX_LIMIT}")
    if chosen.status not in ("open", "closed", "all"):
        raise bad_parameter("invalid status")
    if chosen.direction not in ("asc", "desc"):
        raise bad_parameter("invalid direction")
    below, above = _bounds(known, chosen)
    result: list[Order] = []
    for order in _in_direction(candidates, chosen.direction):
        if below < order.sequence < above and _matches(order, chosen):
            result.append(order)
            if len(result) == chosen.limit:
                break
    return result


def _in_direction(orders: dict[str, Order], direction: str) -> Iterator[Order]:
    return iter(orders.values()) if direction == "asc" else reversed(orders.values())


def _bounds(orders: Mapping[str, Order], chosen: OrderFilter) -> tuple[int, float]:
    """Exclusive bounds on the sequence number, from the ids of the orders to start after or stop before."""
    after, before = chosen.after_order_id, chosen.before_order_id
    for name in (after, before):
        if name is not None and name not in orders:
            raise bad_parameter("invalid order id")
    return (
        orders[after].sequence if after else -1,
        orders[before].sequence if before else float("inf"),
    )


def _matches(order: Order, chosen: OrderFilter) -> bool:
    return (
        (chosen.status == "all" or _shown_open(order, chosen) == (chosen.status == "open"))
        and (chosen.after is None or order.submitted_at > chosen.after)
        and (chosen.until is None or order.submitted_at < chosen.until)
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
