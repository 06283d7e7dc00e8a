"""What happens to orders against their owner's plan, or beside it: late rejects, fills out of band, orders by hand."""

from __future__ import annotations

import msgspec

from the_alchemiser.exchange.errors import bad_parameter, unprocessable
from the_alchemiser.exchange.venue.multileg import MultiLeg
from the_alchemiser.exchange.venue.orders import MLEG, Order, OrderRequest

DASHBOARD = "dashboard"


class Incidents(MultiLeg):
    """What somebody other than the owner's program does to the account. Each method raises Refusal."""

    def reject_later(self, order_id: str, reason: str) -> Order:
        """The venue rejects an order it had accepted; the rest of its group is canceled. Returns the order."""
        order = self._record(order_id)
        if not order.is_open:
            raise unprocessable(f'order is already in "{order.status}" state')
        family = self._family(order)
        order.reject_reason = reason
        self._end(order, "rejected")
        for member in family[1:]:
            if member.is_open:
                self._end(member, "canceled")
        return self._shown(order)

    def fill_anyway(self, order_id: str, qty_e9: int | None = None, price_e4: int | None = None) -> Order:
        """An execution whatever the market says: of the rest unless told how much, at the limit, the stop or the
        market unless told the price. A canceled or expired order can be filled, too: such a fill crossed its end.
        """
        order = self._record(order_id)
        before = order.status
        if before in ("filled", "replaced", "rejected"):
            raise unprocessable(f'order is already in "{before}" state')
        if order.order_class == MLEG:
            raise unprocessable("an mleg order fills together or not at all")
        price = price_e4 or self._plain_price_e4(order)
        whole = self._whole_quantity(order, price)
        portion = whole if qty_e9 is None else qty_e9
        if not 0 < portion <= whole:
            raise bad_parameter("invalid qty")
        if self._is_unsettled(order):
            raise unprocessable("order chain not fully replaced")
        was_open, done = order.is_open, portion == whole
        self._execute(self._book(order.symbol), order, portion, price, done=done)
        if not was_open and not done:
            self._set_status(order, before)  # what has ended does not begin to work again
        self._cover(order.symbol)
        return self._shown(order)

    def _plain_price_e4(self, order: Order) -> int:
        return order.limit_price_e4 or order.stop_price_e4 or self._mark_e4(order.symbol)

    def submit_for_owner(self, request: OrderRequest) -> Order:
        """An order the owner gives by hand, beside the program."""
        return self.submit(msgspec.structs.replace(request, source=DASHBOARD))
