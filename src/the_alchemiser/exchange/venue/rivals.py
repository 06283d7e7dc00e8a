"""With which of one's own open orders an order might trade. Complex orders and trailing stops are exempt."""

from __future__ import annotations

import heapq

from the_alchemiser.exchange.errors import forbidden
from the_alchemiser.exchange.venue.orders import (
    BUY,
    MARKET,
    STOP,
    TRAILING_STOP,
    Order,
    OrderRequest,
)

# Entries of orders that are gone are swept out once they outnumber the others by this many.
_SWEEP_AT = 64


def _is_rival(order: Order) -> bool:
    return not order.order_class and not order.parent_id and order.type != TRAILING_STOP


class Rivals:
    """The open orders of one side of a book that an order of the other side might trade with."""

    __slots__ = ("_heap", "_sign", "priced", "unpriced")

    def __init__(self, side: str) -> None:
        self.priced: dict[str, Order] = {}
        self.unpriced: dict[str, Order] = {}
        self._sign = -1 if side == BUY else 1  # the best buy is the highest, the best sell the lowest
        self._heap: list[tuple[int, int, Order]] = []

    def add(self, order: Order) -> None:
        if not _is_rival(order):
            return
        if order.type in (MARKET, STOP):
            self.unpriced[order.id] = order
            return
        self.priced[order.id] = order
        heapq.heappush(self._heap, self._entry(order))
        if len(self._heap) > 2 * len(self.priced) + _SWEEP_AT:
            self.renew()

    def drop(self, order: Order) -> None:
        self.priced.pop(order.id, None)
        self.unpriced.pop(order.id, None)

    def renew(self) -> None:
        """Prices have changed, or too many orders are gone."""
        self._heap = [self._entry(order) for order in self.priced.values()]
        heapq.heapify(self._heap)

    def _entry(self, order: Order) -> tuple[int, int, Order]:
        return self._sign * (order.limit_price_e4 or 0), order.sequence, order

    def best(self) -> Order | None:
        """The order with the best limit, the oldest of them."""
        while self._heap and self._heap[0][2].id not in self.priced:
            heapq.heappop(self._heap)
        return self._heap[0][2] if self._heap else None

    def met_by(self, request: OrderRequest) -> tuple[Order, str] | None:
        """The order that `request` must not trade with, and what makes it one."""
        if request.order_class or request.type == TRAILING_STOP:
            return None
        if request.type in (MARKET, STOP):
            found = [next(iter(group.values())) for group in (self.unpriced, self.priced) if group]
            return (min(found, key=lambda order: order.sequence), "market/stop") if found else None
        if self.unpriced:
            return next(iter(self.unpriced.values())), "market/stop"
        best = self.best()
        if best is None:
            return None
        mine, theirs = request.limit_price_e4 or 0, best.limit_price_e4 or 0
        crosses = mine >= theirs if request.side == BUY else theirs >= mine
        return (best, "limit") if crosses else None


def check_wash_trade(request: OrderRequest, rivals: Rivals) -> None:
    """No trade with oneself. Raises Refusal."""
    met = rivals.met_by(request)
    if met is not None:
        raise forbidden(
            "potential wash trade detected. use complex orders",
            existing_order_id=met[0].id,
            reject_reason=f"opposite side {met[1]} order exists",
        )
