"""How orders change and leave at their owner's wish: cancel, replace."""

from __future__ import annotations

from functools import partial
from operator import attrgetter

from the_alchemiser.exchange.errors import bad_parameter, not_found, unprocessable
from the_alchemiser.exchange.market.prices import trade_price_e4
from the_alchemiser.exchange.units import QUANTITY
from the_alchemiser.exchange.venue import admission
from the_alchemiser.exchange.venue import orders as o
from the_alchemiser.exchange.venue.books import trail_of
from the_alchemiser.exchange.venue.entry import Entry
from the_alchemiser.exchange.venue.option_rules import OPTION
from the_alchemiser.exchange.venue.orders import Order, OrderChanges, OrderRequest, snapshot

_REPLACEABLE = ("new", "partially_filled")


class Amendment(Entry):
    """What an owner wants of orders that are in."""

    # -- cancel -----------------------------------------------------------------------------------

    def cancel(self, order_id: str) -> None:
        """Cancel an open order and the rest of its group; harmless when repeated. Refusal if it ended otherwise."""
        order = self._record(order_id)
        if order.status == "canceled":
            return
        if order.status == "pending_cancel":
            raise unprocessable("order pending cancel")
        if not order.is_open:
            leg = "leg order is" if order.parent_id else "order is"
            raise unprocessable(f'{leg} already in "{order.status}" state')
        family = self._family(order)
        for member in family:
            self._set_status(member, "pending_cancel")
            member.cancel_requested_at = self.now
            self._emit("pending_cancel", member)
            if not self.rules.cancel_delay:
                self._end(member, "canceled")
        if self.rules.cancel_delay:
            self._alarm(self.now + self.rules.cancel_delay, partial(self._finish_cancel, family))

    def _finish_cancel(self, family: list[Order]) -> None:
        for member in family:
            if member.status == "pending_cancel":
                self._end(member, "canceled")

    def cancel_all(self) -> list[tuple[str, int]]:
        """Cancel every open order; (order id, HTTP status) of each, oldest first."""
        going = sorted(
            (order for book in self._books.values() for order in book.open.values()),
            key=lambda order: order.sequence,
        )
        for order in going:
            if order.is_open and order.status != "pending_cancel":
                self.cancel(order.id)
        return [(order.id, 200) for order in going]

    def _record(self, order_id: str) -> Order:
        order = self._orders.get(order_id)
        if order is None:
            raise not_found(f"order not found for {order_id}")
        return order

    # -- replace ----------------------------------------------------------------------------------

    def replace(self, order_id: str, changes: OrderChanges) -> Order:
        """Put a changed order in the place of an open one: a new id, priority lost. Raises Refusal.

        `qty` is the total of the chain: shares filled so far count, and the new record carries them on.
        """
        old = self._record(order_id)
        self._check_replaceable(old)
        request = self._changed(old, changes)
        means = self._check_replacement(old, request)
        new = self._replacement(old, request)
        before = old.status
        self._set_status(old, "pending_replace")
        self._emit("pending_replace", old)
        if self.rules.replace_delay:
            return self._replace_later(old, new, before, means)
        self._hand_over(old, new, means)
        answer = snapshot(new)
        self._restart(new)
        return answer

    def _replace_later(self, old: Order, new: Order, before: str, means: int) -> Order:
        """Both orders stand for a while; the account reserves for the dearer of the two."""
        old_cash, old_shares = old.held_cash_e13, old.held_qty_e9
        more = new.remaining_e9 - old_shares if old_shares else 0
        self._account.hold(new, cash_e13=max(0, means - old_cash), qty_e9=max(0, more))
        self._cover_order(new)
        settle = partial(self._settle_replacement, old, new, before, means)
        self._alarm(self.now + self.rules.replace_delay, settle)
        return snapshot(new)

    def _settle_replacement(self, old: Order, new: Order, before: str, means: int) -> None:
        """The replacement takes over, unless the old order ended first or the new one was withdrawn."""
        remaining = (new.qty_e9 or 0) - old.filled_qty_e9
        withdrawn = not new.is_open or new.status == "pending_cancel"
        if old.status == "pending_replace" and not withdrawn and remaining > 0:
            means = means * remaining // new.remaining_e9
            new.filled_qty_e9, new.filled_cost_e13 = old.filled_qty_e9, old.filled_cost_e13
            self._hand_over(old, new, means)
            self._restart(new)
            return
        if new.is_open:
            self._end(new, "canceled" if withdrawn else "rejected")
        if old.status == "pending_replace":
            self._set_status(old, "partially_filled" if old.filled_qty_e9 else before)
        self._emit("order_replace_rejected", old)

    def _check_replaceable(self, old: Order) -> None:
        if old.status == "replaced":
            raise unprocessable("order already replaced")
        if self._is_unsettled(old) or any(one.status == "pending_replace" for one in self._family(old)):
            raise unprocessable("order chain not fully replaced")
        armed = old.status == "held" and old.id in self._book(old.symbol).working
        if old.status not in _REPLACEABLE and not armed:
            raise unprocessable(f"cannot replace order in {old.status} status")

    def _changed(self, old: Order, changes: OrderChanges) -> OrderRequest:
        stop = None if old.type == o.TRAILING_STOP else old.stop_price_e4
        request = OrderRequest(
            symbol=old.symbol,
            side=old.side,
            type=old.type,
            time_in_force=changes.time_in_force or old.time_in_force,
            qty_e9=old.qty_e9 if changes.qty_e9 is None else changes.qty_e9,
            limit_price_e4=old.limit_price_e4 if changes.limit_price_e4 is None else changes.limit_price_e4,
            stop_price_e4=stop if changes.stop_price_e4 is None else changes.stop_price_e4,
            trail_price_e4=_changed_trail(old.trail_price_e4, changes),
            trail_percent_e4=_changed_trail(old.trail_percent_e4, changes),
            extended_hours=old.extended_hours,
            client_order_id=changes.client_order_id,
        )
        if request.stop_price_e4 == stop and _terms(request) == _terms(old):
            raise unprocessable("order parameters are not changed")
        return request

    def _check_replacement(self, old: Order, request: OrderRequest) -> int:
        """The money the replacement must reserve (0 for a closing order)."""
        admission.check_shape(request)
        admission.check_rights(self.rules, old.asset_class, opens=not old.closes)
        if request.client_order_id and request.client_order_id in self._by_client_id:
            raise bad_parameter("client_order_id must be unique")
        self._check_new_terms(old, request)
        quote = self._quote(old.symbol)
        admission.check_prices(request, trade_price_e4(quote.bid_e4, quote.ask_e4))
        remaining = (request.qty_e9 or 0) - old.filled_qty_e9
        asset = admission.check_asset(request, self._listed(old.symbol), self.rules)
        if request.time_in_force != old.time_in_force:
            self._check_present(request, asset, old.position_intent)
        if asset.asset_class == OPTION:
            if old.closes:
                admission.check_shares(self._account, asset, remaining, old.held_qty_e9)
            return self._check_option(request, old.position_intent, quote, old)
        if not old.closes:
            return self._check_power(request, asset, remaining, quote.ask_e4, old.held_cash_e13)
        if old.status != "held":
            admission.check_shares(self._account, asset, remaining, old.held_qty_e9)
        return 0

    def _check_new_terms(self, old: Order, request: OrderRequest) -> None:
        if old.order_class and request.time_in_force != old.time_in_force:
            raise unprocessable("time_in_force cannot be changed for advanced orders")
        if request.qty_e9 == old.qty_e9:
            return
        if old.order_class:
            raise unprocessable("qty cannot be changed for advanced orders")
        if old.notional_e13 is not None or (request.qty_e9 or 0) % QUANTITY or (old.qty_e9 or 0) % QUANTITY:
            raise unprocessable("qty of fractional and notional orders cannot be changed")
        if (request.qty_e9 or 0) <= old.filled_qty_e9:
            raise unprocessable("qty must be > filled_qty")

    def _replacement(self, old: Order, request: OrderRequest) -> Order:
        held = old.status == "held"
        new = Order(
            symbol=old.symbol,
            asset_id=old.asset_id,
            asset_class=old.asset_class,
            side=old.side,
            type=old.type,
            time_in_force=request.time_in_force,
            client_order_id=request.client_order_id or "",
            order_class=old.order_class,
            qty_e9=request.qty_e9,
            filled_qty_e9=old.filled_qty_e9,
            filled_cost_e13=old.filled_cost_e13,
            limit_price_e4=request.limit_price_e4,
            stop_price_e4=old.stop_price_e4 if old.type == o.TRAILING_STOP else request.stop_price_e4,
            trail_price_e4=request.trail_price_e4,
            trail_percent_e4=request.trail_percent_e4,
            extended_hours=old.extended_hours,
            overnight=old.overnight and request.time_in_force == o.DAY,
            source=old.source,
            position_intent=old.position_intent,
            multiplier=old.multiplier,
            status="held" if held else "",
            replaces=old.id,
            parent_id=old.parent_id,
            leg_role=old.leg_role,
            legs=old.legs,
        )
        return self._register(new)

    def _hand_over(self, old: Order, new: Order, cash_e13: int) -> None:
        """Holds, legs and the place in the group pass from `old` to `new`; `old` ends as replaced."""
        held = old.held_qty_e9
        if old.type == o.TRAILING_STOP:
            if self._is_open:
                self._follow(old, self.now)
            new.hwm_e4, new.marked_at = old.hwm_e4, old.marked_at
            self._mark(new, trail_of(new))
        self._account.hold(old)
        self._account.hold(new, cash_e13=cash_e13, qty_e9=new.remaining_e9 if held else 0)
        for leg in old.legs:
            leg.parent_id = new.id
        if old.parent_id:
            parent = self._orders[old.parent_id]
            parent.legs = tuple(new if leg is old else leg for leg in parent.legs)
        old.legs = ()
        old.replaced_by, old.replaced_at = new.id, self.now
        self._set_status(old, "replaced")
        self._book(old.symbol).close(old)
        self._cover_order(new)
        self._emit("replaced", old)

    def _restart(self, new: Order) -> None:
        if new.status == "held":
            self._emit("held", new)
            book = self._book(new.symbol)
            book.work(new, self.now)
            self._meet_market(book, new)
        elif new.status == "pending_new":
            self._work(new)
        else:
            self._emit("accepted", new)


_terms = attrgetter("qty_e9", "limit_price_e4", "trail_price_e4", "trail_percent_e4", "time_in_force")


def _changed_trail(trail_e4: int | None, changes: OrderChanges) -> int | None:
    """An order trails by a price or by a percentage, and goes on doing so."""
    return changes.trail_e4 if trail_e4 is not None and changes.trail_e4 is not None else trail_e4
