"""How orders come in, change and leave at their owner's wish: submit, replace, cancel."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from the_alchemiser.exchange.errors import bad_parameter, forbidden, not_found, unprocessable
from the_alchemiser.exchange.ids import derived_uuid
from the_alchemiser.exchange.market.prices import Asset, NoPrice, Quote, trade_price_e4
from the_alchemiser.exchange.market.sessions import new_york_date
from the_alchemiser.exchange.units import NEVER, QUANTITY
from the_alchemiser.exchange.venue import admission
from the_alchemiser.exchange.venue import orders as o
from the_alchemiser.exchange.venue.matching import Matching
from the_alchemiser.exchange.venue.orders import Order, OrderChanges, OrderRequest, snapshot
from the_alchemiser.exchange.venue.presence import trades_in

# A good-till-canceled order ends at the last close within this many days (about 90 on the real API).
GTC_LIFETIME = timedelta(days=90)

_REPLACEABLE = ("new", "partially_filled")


class Entry(Matching):
    """The requests an owner makes about orders."""

    def submit(self, request: OrderRequest) -> Order:
        """Admit and route an order; returns it as of admission, before anything the market did to it.

        Status is then `pending_new`, or `accepted` while the market is closed. Raises Refusal.
        """
        admission.check_shape(request)
        asset = admission.check_asset(request, self._find_asset(request.symbol))
        if request.symbol != asset.symbol:  # it named the asset by id
            request = msgspec.structs.replace(request, symbol=asset.symbol)
        intent = admission.check_intent(request, self._account.quantity_e9(asset.symbol))
        if request.client_order_id and request.client_order_id in self._by_client_id:
            raise bad_parameter("client_order_id must be unique")
        quote = self._quote_for_entry(asset)
        price = trade_price_e4(quote.bid_e4, quote.ask_e4)
        admission.check_prices(request, price)
        admission.check_complex(request, price, self._account.quantity_e9(asset.symbol))
        book = self._books.get(asset.symbol)
        if book is not None and book.open:
            admission.check_wash_trade(request, book.open.values())
        cash = self._check_means(request, asset, intent, quote.ask_e4)
        order = self._create(request, asset, intent)
        self._account.hold(order, cash_e13=cash, qty_e9=order.remaining_e9 if order.closes else 0)
        answer = snapshot(order)
        self._route(order)
        return answer

    def _find_asset(self, symbol_or_id: str) -> Asset | None:
        return self.market.asset(symbol_or_id) or self._assets_by_id.get(symbol_or_id)

    def _quote_for_entry(self, asset: Asset) -> Quote:
        try:
            return self._quote(asset.symbol)
        except NoPrice:
            raise unprocessable(f'asset "{asset.symbol}" has no price yet') from None

    def _check_means(self, request: OrderRequest, asset: Asset, intent: str, ask_e4: int) -> int:
        """The money an opening order must reserve; 0 for a closing one, which reserves shares."""
        if intent.endswith("_to_close"):
            admission.check_shares(self._account, asset, request.qty_e9 or 0)
            return 0
        self._check_opening(request, asset)
        required = admission.required_cash_e13(request, ask_e4) * asset.multiplier
        admission.check_cash(self._account, required)
        return required

    def _check_opening(self, request: OrderRequest, asset: Asset) -> None:
        """Whether an order may open a position on its side."""
        if request.side == o.SELL:
            raise forbidden("account is not allowed to short")

    # -- records ----------------------------------------------------------------------------------

    def _create(self, request: OrderRequest, asset: Asset, intent: str) -> Order:
        order = self._register(
            symbol=asset.symbol,
            asset_id=asset.id,
            asset_class=asset.asset_class,
            multiplier=asset.multiplier,
            side=request.side,
            type=request.type,
            time_in_force=request.time_in_force,
            client_order_id=request.client_order_id,
            order_class=request.order_class,
            qty_e9=request.qty_e9,
            notional_e13=request.notional_e13,
            limit_price_e4=request.limit_price_e4,
            stop_price_e4=request.stop_price_e4,
            extended_hours=request.extended_hours,
            position_intent=intent,
        )
        if request.order_class == o.OCO:
            order.limit_price_e4 = request.take_profit_limit_e4
        if request.order_class:
            order.legs = tuple(self._create_legs(request, order))
        return order

    def _create_legs(self, request: OrderRequest, parent: Order) -> list[Order]:
        legs = []
        if request.take_profit_limit_e4 is not None and request.order_class != o.OCO:
            legs.append(self._leg(parent, o.TAKE_PROFIT, o.LIMIT, request.take_profit_limit_e4, None))
        if request.stop_loss_stop_e4 is not None:
            limit = request.stop_loss_limit_e4
            kind = o.STOP if limit is None else o.STOP_LIMIT
            legs.append(self._leg(parent, o.STOP_LOSS, kind, limit, request.stop_loss_stop_e4))
        return legs

    def _leg(
        self,
        parent: Order,
        role: str,
        kind: str,
        limit_e4: int | None,
        stop_e4: int | None,
    ) -> Order:
        return self._register(
            symbol=parent.symbol,
            asset_id=parent.asset_id,
            asset_class=parent.asset_class,
            multiplier=parent.multiplier,
            side=parent.side if parent.order_class == o.OCO else o.opposite(parent.side),
            type=kind,
            time_in_force=parent.time_in_force,
            client_order_id=None,
            order_class=parent.order_class,
            qty_e9=parent.qty_e9,
            limit_price_e4=limit_e4,
            stop_price_e4=stop_e4,
            position_intent=parent.position_intent
            if parent.order_class == o.OCO
            else f"{o.opposite(parent.side)}_to_close",
            status="held",
            parent_id=parent.id,
            leg_role=role,
        )

    def _register(
        self,
        *,
        client_order_id: str | None,
        time_in_force: str,
        status: str = "",
        **fields: object,
    ) -> Order:
        """A new record, known by its ids and among the open orders of its symbol."""
        sequence = len(self._orders)
        order = Order(
            id=derived_uuid("order", self.seed, sequence),
            client_order_id=client_order_id or derived_uuid("client", self.seed, sequence),
            sequence=sequence,
            time_in_force=time_in_force,
            status=status,
            created_at=self.now,
            submitted_at=self.now,
            updated_at=self.now,
            expires_at=NEVER,
            **fields,  # type: ignore[arg-type]
        )
        order.expires_at = self._expiry(order)
        if not status:
            order.status = "pending_new" if trades_in(self._phase, order) else "accepted"
        self._orders[order.id] = order
        self._by_client_id[order.client_order_id] = order
        self._book(order.symbol).open[order.id] = order
        return order

    def _expiry(self, order: Order) -> int:
        """The close at which the order ends; for extended hours, the end of the late session."""
        sessions = self.market.sessions
        if order.time_in_force == "gtc":
            today = new_york_date(self.now)
            last = next(
                reversed(sessions.between(today, today + GTC_LIFETIME)), sessions.next_close(self.now)
            )
            return last.close if last else NEVER
        if order.extended_hours:
            day = self.hours.day(self.now)
            return day.end if day else NEVER
        coming = sessions.next_close(self.now)
        return coming.close if coming else NEVER

    def _route(self, order: Order) -> None:
        self._emit(order.status, order)
        if order.status == "pending_new":
            self._start(order)

    def _start(self, order: Order) -> None:
        """The order begins to work; an OCO's stop watches from the same moment."""
        if order.order_class == o.OCO and not order.parent_id:
            for leg in order.legs:
                self._book(leg.symbol).work(leg, self.now)
        self._work(order)

    # -- cancel -----------------------------------------------------------------------------------

    def cancel(self, order_id: str) -> None:
        """Cancel an open order and the rest of its group; harmless when repeated. Refusal if it ended otherwise."""
        order = self._record(order_id)
        if order.status == "canceled":
            return
        if not order.is_open:
            raise unprocessable(f'order is already in "{order.status}" state')
        for member in self._family(order):
            self._set_status(member, "pending_cancel")
            member.cancel_requested_at = self.now
            self._emit("pending_cancel", member)
            self._end(member, "canceled")

    def cancel_all(self) -> list[tuple[str, int]]:
        """Cancel every open order; (order id, HTTP status) of each, oldest first."""
        going = sorted(
            (order for book in self._books.values() for order in book.open.values()),
            key=lambda order: order.sequence,
        )
        for order in going:
            if order.is_open:
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
        self._set_status(old, "pending_replace")
        self._emit("pending_replace", old)
        self._hand_over(old, new, means)
        answer = snapshot(new)
        self._restart(new)
        return answer

    def _check_replaceable(self, old: Order) -> None:
        if old.status == "replaced":
            raise unprocessable("order already replaced")
        armed = old.status == "held" and old.id in self._book(old.symbol).working
        if old.status not in _REPLACEABLE and not armed:
            raise unprocessable(f"cannot replace order in {old.status} status")

    def _changed(self, old: Order, changes: OrderChanges) -> OrderRequest:
        request = OrderRequest(
            symbol=old.symbol,
            side=old.side,
            type=old.type,
            time_in_force=changes.time_in_force or old.time_in_force,
            qty_e9=old.qty_e9 if changes.qty_e9 is None else changes.qty_e9,
            limit_price_e4=old.limit_price_e4 if changes.limit_price_e4 is None else changes.limit_price_e4,
            stop_price_e4=old.stop_price_e4 if changes.stop_price_e4 is None else changes.stop_price_e4,
            client_order_id=changes.client_order_id,
        )
        same = (
            request.qty_e9 == old.qty_e9
            and request.limit_price_e4 == old.limit_price_e4
            and request.stop_price_e4 == old.stop_price_e4
            and request.time_in_force == old.time_in_force
        )
        if same:
            raise unprocessable("order parameters are not changed")
        return request

    def _check_replacement(self, old: Order, request: OrderRequest) -> int:
        """The money the replacement must reserve (0 for a closing order)."""
        admission.check_shape(request)
        if request.client_order_id and request.client_order_id in self._by_client_id:
            raise bad_parameter("client_order_id must be unique")
        self._check_new_terms(old, request)
        quote = self._quote(old.symbol)
        admission.check_prices(request, trade_price_e4(quote.bid_e4, quote.ask_e4))
        remaining = (request.qty_e9 or 0) - old.filled_qty_e9
        if not old.closes:
            price = admission.required_cash_e13(request, quote.ask_e4) // (request.qty_e9 or 1)
            required = price * remaining * old.multiplier
            admission.check_cash(self._account, required, old.held_cash_e13)
            return required
        if old.status != "held":
            asset = self.market.asset(old.symbol)
            if asset is not None:
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
        return self._register(
            symbol=old.symbol,
            asset_id=old.asset_id,
            asset_class=old.asset_class,
            side=old.side,
            type=old.type,
            time_in_force=request.time_in_force,
            client_order_id=request.client_order_id,
            order_class=old.order_class,
            qty_e9=request.qty_e9,
            filled_qty_e9=old.filled_qty_e9,
            filled_cost_e13=old.filled_cost_e13,
            limit_price_e4=request.limit_price_e4,
            stop_price_e4=request.stop_price_e4,
            position_intent=old.position_intent,
            multiplier=old.multiplier,
            status="held" if held else "",
            replaces=old.id,
            parent_id=old.parent_id,
            leg_role=old.leg_role,
            legs=old.legs,
        )

    def _hand_over(self, old: Order, new: Order, cash_e13: int) -> None:
        """Holds, legs and the place in the group pass from `old` to `new`; `old` ends as replaced."""
        held = old.held_qty_e9
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
