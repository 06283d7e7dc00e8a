"""Multi-leg option orders: two to four contracts on one stock, traded together at one net price or not at all.

The order is a purchase of the combination of its legs: its record stands in a book of that combination, whose net
quote is the sum of the legs' quotes. It fills at the legs' own quotes, at once and completely.
"""

from __future__ import annotations

from typing import NamedTuple

from the_alchemiser.exchange.errors import bad_parameter, forbidden, unprocessable
from the_alchemiser.exchange.market.combination import Part, combination_symbol
from the_alchemiser.exchange.market.contracts import MULTIPLIER, Contract, parse_contract
from the_alchemiser.exchange.market.prices import Asset, Quote
from the_alchemiser.exchange.units import QUANTITY
from the_alchemiser.exchange.venue import admission, option_rules
from the_alchemiser.exchange.venue import orders as o
from the_alchemiser.exchange.venue.amendment import Amendment
from the_alchemiser.exchange.venue.books import Book
from the_alchemiser.exchange.venue.coverage import Holding
from the_alchemiser.exchange.venue.option_rules import OPTION
from the_alchemiser.exchange.venue.orders import LegFill, LegRequest, Order, OrderRequest, snapshot
from the_alchemiser.exchange.venue.writing import Unaffordable, Uncovered


class _Leg(NamedTuple):
    """A leg that was looked at: what it trades, what that does to the position, at which quote."""

    request: LegRequest
    asset: Asset
    contract: Contract
    intent: str
    quote: Quote

    @property
    def signed_ratio(self) -> int:
        return self.request.ratio if self.request.side == o.BUY else -self.request.ratio

    @property
    def price_e4(self) -> int:
        return self.quote.ask_e4 if self.request.side == o.BUY else self.quote.bid_e4


class MultiLeg(Amendment):
    """Orders of class mleg beside all others."""

    def submit(self, request: OrderRequest) -> Order:
        if request.order_class != o.MLEG:
            return super().submit(request)
        legs = self._look_at(request)
        cash = self._check_together(request, legs)
        order = self._create_together(request, legs)
        self._account.hold(order, cash_e13=cash)
        for leg in order.legs:
            self._account.hold(leg, qty_e9=leg.remaining_e9 if leg.closes else 0)
        answer = snapshot(order)
        self._route(order)
        return answer

    # -- admission --------------------------------------------------------------------------------

    def _look_at(self, request: OrderRequest) -> list[_Leg]:
        option_rules.check_shape(request)
        option_rules.check_kind(request, self.rules)
        option_rules.check_legs(request)
        if request.client_order_id and request.client_order_id in self._by_client_id:
            raise bad_parameter("client_order_id must be unique")
        legs = [self._leg_of(leg) for leg in request.legs]
        admission.check_permission(request, legs[0].asset, self.configuration)
        admission.check_rights(self.rules, OPTION, opens=any(leg.intent.endswith("_to_open") for leg in legs))
        option_rules.check_level(self.options_trading_level, request, "")
        option_rules.check_hours(request, self._is_open)
        return legs

    def _leg_of(self, leg: LegRequest) -> _Leg:
        asset, contract = self.market.asset(leg.symbol), parse_contract(leg.symbol)
        if asset is None or contract is None:
            raise unprocessable(f'contract "{leg.symbol}" not found')
        if leg.side not in admission.SIDES:
            raise bad_parameter("invalid side")
        intent = o.intent_of(leg.side, self._account.quantity_e9(leg.symbol))
        if leg.position_intent not in (None, intent):
            raise unprocessable(
                f"position intent mismatch, inferred: {intent}, specified: {leg.position_intent}"
            )
        opens = intent.endswith("_to_open")
        option_rules.check_life(leg.symbol, self._life(leg.symbol), self.now, opens=opens)
        return _Leg(leg, asset, contract, intent, self._quote_for_entry(asset))

    def _check_together(self, request: OrderRequest, legs: list[_Leg]) -> int:
        """The buying power that the order reserves."""
        count = (request.qty_e9 or 0) // QUANTITY
        for leg in legs:
            if leg.intent.endswith("_to_close"):
                admission.check_shares(self._account, leg.asset, count * leg.request.ratio * QUANTITY)
        net = request.limit_price_e4
        if net is None:
            net = sum(leg.signed_ratio * leg.price_e4 for leg in legs)
        changes = [Holding(leg.contract, leg.signed_ratio * count) for leg in legs]
        try:
            cost = net * count * MULTIPLIER * QUANTITY
            return self._check_written(legs[0].contract.underlying, changes, cost)
        except Uncovered:
            raise forbidden("account not eligible to trade uncovered option contracts") from None
        except Unaffordable as short:
            raise short.refusal from None

    # -- records ----------------------------------------------------------------------------------

    def _create_together(self, request: OrderRequest, legs: list[_Leg]) -> Order:
        order = Order(
            symbol=combination_symbol(Part(leg.signed_ratio, leg.asset.symbol) for leg in legs),
            asset_id="",
            asset_class=OPTION,
            multiplier=MULTIPLIER,
            side=o.BUY,
            type=request.type,
            time_in_force=request.time_in_force,
            client_order_id=request.client_order_id or "",
            order_class=o.MLEG,
            qty_e9=request.qty_e9,
            limit_price_e4=request.limit_price_e4,
            source=request.source,
        )
        self._register(order)
        order.legs = tuple(self._create_leg_of(order, leg) for leg in legs)
        return order

    def _create_leg_of(self, order: Order, leg: _Leg) -> Order:
        record = Order(
            symbol=leg.asset.symbol,
            asset_id=leg.asset.id,
            asset_class=OPTION,
            multiplier=MULTIPLIER,
            side=leg.request.side,
            type=order.type,
            time_in_force=order.time_in_force,
            order_class=o.MLEG,
            qty_e9=(order.qty_e9 or 0) * leg.request.ratio,
            ratio=leg.request.ratio,
            position_intent=leg.intent,
            parent_id=order.id,
        )
        return self._register(record)

    def _check_replaceable(self, old: Order) -> None:
        super()._check_replaceable(old)
        if old.order_class == o.MLEG:
            raise unprocessable("mleg orders cannot be replaced")

    # -- at the market ----------------------------------------------------------------------------

    def _start(self, order: Order) -> None:
        if order.order_class == o.MLEG:
            if order.parent_id:
                return  # it begins with its order
            for leg in order.legs:
                self._set_status(leg, "new")
        super()._start(order)

    def _attempt(self, book: Book, order: Order, bid_e4: int, ask_e4: int) -> None:
        if order.order_class != o.MLEG:
            super()._attempt(book, order, bid_e4, ask_e4)
            return
        prices = [self._price_now(leg) for leg in order.legs]
        net = sum(
            price * (leg.ratio or 1) * (1 if leg.side == o.BUY else -1)
            for leg, price in zip(order.legs, prices, strict=True)
        )
        limit = order.limit_price_e4
        if min(prices) <= 0 or (limit is not None and net > limit):
            return
        if self._still_covered(order):
            self._execute_together(book, order, prices, net)
        else:  # what was to cover it went elsewhere while it waited
            for member in (order, *order.legs):
                self._end(member, "rejected")

    def _still_covered(self, order: Order) -> bool:
        changes = []
        for leg in order.legs:
            contract = parse_contract(leg.symbol)
            if contract is not None:
                count = leg.remaining_e9 // QUANTITY
                changes.append(Holding(contract, count if leg.side == o.BUY else -count))
        return self._stays_covered(changes[0].contract.underlying, changes)

    def _price_now(self, leg: Order) -> int:
        quote = self._quote(leg.symbol)
        return quote.ask_e4 if leg.side == o.BUY else quote.bid_e4

    def _execute_together(self, book: Book, order: Order, prices: list[int], net_e4: int) -> None:
        self._fill_whole(book, order, net_e4)
        fills = []
        for leg, price in zip(order.legs, prices, strict=True):
            self._fill_whole(self._book(leg.symbol), leg, price)
            fill = self._fill_record(leg, leg.qty_e9 or 0, price, self._fee(leg, leg.qty_e9 or 0, price))
            position = self._account.book(fill)
            fills.append(
                LegFill(
                    execution_id=fill.execution_id,
                    order_id=leg.id,
                    symbol=leg.symbol,
                    price_e4=price,
                    qty_e9=fill.qty_e9,
                    position_qty_e9=position,
                )
            )
        self._cover_order(order.legs[0])
        self._emit("fill", order, legs=tuple(fills))

    def _fill_whole(self, book: Book, order: Order, price_e4: int) -> None:
        order.filled_qty_e9 = order.qty_e9 or 0
        order.filled_cost_e13 = order.filled_qty_e9 * price_e4
        order.filled_at = self.now
        self._set_status(order, "filled")
        self._account.hold(order)
        book.close(order)
