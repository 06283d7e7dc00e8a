"""How orders come in: admission, records, the way to the book."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from the_alchemiser.exchange.errors import bad_parameter, unprocessable
from the_alchemiser.exchange.market.names import name_on
from the_alchemiser.exchange.market.prices import Asset, NoPrice, Quote, trade_price_e4
from the_alchemiser.exchange.market.sessions import new_york_date
from the_alchemiser.exchange.units import NEVER, QUANTITY
from the_alchemiser.exchange.venue import admission, crypto_rules, option_rules
from the_alchemiser.exchange.venue import orders as o
from the_alchemiser.exchange.venue.books import trail_of
from the_alchemiser.exchange.venue.margin import Exposure
from the_alchemiser.exchange.venue.option_rules import OPTION
from the_alchemiser.exchange.venue.orders import Order, OrderRequest, snapshot
from the_alchemiser.exchange.venue.presence import CRYPTO, check_auction_window, trades_in
from the_alchemiser.exchange.venue.rivals import check_wash_trade
from the_alchemiser.exchange.venue.writing import Writing

# A good-till-canceled order ends at the last close within this many days (about 90 on the real API).
GTC_LIFETIME = timedelta(days=90)


class Entry(Writing):
    """What an owner wants to trade."""

    def submit(self, request: OrderRequest) -> Order:
        """Admit and route an order; returns it as of admission, before anything the market did to it.

        Status is then `pending_new`, or `accepted` while the market is closed. Raises Refusal.
        """
        admission.check_shape(request)
        asset = admission.check_asset(request, self._find_asset(request.symbol), self.rules)
        if request.symbol != asset.symbol:  # it named the asset by id
            request = msgspec.structs.replace(request, symbol=asset.symbol)
        admission.check_permission(request, asset, self.configuration)
        intent = admission.check_intent(request, self._account.quantity_e9(asset.symbol))
        admission.check_rights(self.rules, asset.asset_class, opens=intent.endswith("_to_open"))
        if request.client_order_id and request.client_order_id in self._by_client_id:
            raise bad_parameter("client_order_id must be unique")
        self._check_present(request, asset, intent)
        quote = self._quote_for_entry(asset)
        price = trade_price_e4(quote.bid_e4, quote.ask_e4)
        admission.check_prices(request, price)
        if asset.asset_class == CRYPTO:
            crypto_rules.check_cost(request, price, self._account.quantity_e9(asset.symbol))
        admission.check_complex(request, price, self._account.quantity_e9(asset.symbol))
        book = self._books.get(asset.symbol)
        if book is not None and book.open:
            check_wash_trade(request, book.rivals[o.opposite(request.side)])
        cash = self._check_means(request, asset, intent, quote)
        order = self._create(request, asset, intent)
        if order.type == o.TRAILING_STOP:
            order.hwm_e4, order.marked_at = price, self.now
            self._mark(order, trail_of(order))
        held = admission.shares_e9(request, quote) if order.closes else 0
        self._account.hold(order, cash_e13=cash, qty_e9=held)
        if asset.asset_class == OPTION:
            self._cover_order(order)
        answer = snapshot(order)
        self._route(order)
        return answer

    def _check_present(self, request: OrderRequest, asset: Asset, intent: str) -> None:
        """Whether such an order may come now."""
        if request.type == o.MARKET and self._is_halted(asset.symbol):
            raise unprocessable(
                f'market order rejected due to trading halt on symbol: "{asset.symbol}",'
                " please place a limit order instead"
            )
        if asset.asset_class == OPTION:
            opens = intent.endswith("_to_open")
            option_rules.check_life(asset.symbol, self._life(asset.symbol), self.now, opens=opens)
            option_rules.check_hours(request, self._is_open)
        if request.time_in_force in (o.OPG, o.CLS):
            check_auction_window(request.time_in_force, self.now, self.hours, self.rules.cls_cutoff_seconds)
        if intent == "sell_to_open" and (request.notional_e13 or (request.qty_e9 or 0) % QUANTITY):
            raise unprocessable("fractional orders cannot be sold short")
        if request.notional_e13:
            self._check_dollars(request)
        hard_to_borrow = asset.shortable and not asset.easy_to_borrow
        if hard_to_borrow and request.side == o.SELL and request.time_in_force != o.DAY:
            raise unprocessable(f'only day orders are allowed for hard-to-borrow asset "{asset.symbol}"')

    def _check_dollars(self, request: OrderRequest) -> None:
        if self.rules.notional_market_only and request.type != o.MARKET:
            raise unprocessable("notional orders must be market orders")
        book = self._books.get(request.symbol)
        if book is not None and any(order.closes_position for order in book.open.values()):
            raise unprocessable(
                "unable to open new notional orders while having open closing position orders"
            )

    def _find_asset(self, symbol_or_id: str) -> Asset | None:
        asset = self._assets_by_id.get(symbol_or_id)
        if asset is None:
            return self._listed(symbol_or_id)
        if not self.market.script.name_changes:
            return asset
        return self._listed(name_on(self.market.script, asset.symbol, new_york_date(self.now)))

    def _quote_for_entry(self, asset: Asset) -> Quote:
        try:
            return self._quote(asset.symbol)
        except NoPrice:
            raise unprocessable(f'asset "{asset.symbol}" has no price yet') from None

    def _check_means(self, request: OrderRequest, asset: Asset, intent: str, quote: Quote) -> int:
        """The money an opening order must reserve; 0 for a closing one, which reserves shares."""
        if intent.endswith("_to_close"):
            admission.check_shares(self._account, asset, admission.shares_e9(request, quote))
        if asset.asset_class == OPTION:
            return self._check_option(request, intent, quote)
        if intent.endswith("_to_close"):
            return 0
        self._check_opening(request, asset)
        return self._check_power(request, asset, request.qty_e9 or 0, quote.ask_e4)

    def _check_opening(self, request: OrderRequest, asset: Asset) -> None:
        """Whether an order may open a position on its side."""
        if request.side == o.SELL:
            allowed = not self.configuration.no_shorting and self._means().multiplier > 1
            admission.check_short(request, asset, allowed=allowed)
        book = self._books.get(asset.symbol)
        if book is not None:
            admission.check_one_direction(request, book.against(request.side))

    def _check_power(
        self, request: OrderRequest, asset: Asset, qty_e9: int, ask_e4: int, released_e13: int = 0
    ) -> int:
        """What an order that opens `qty_e9` must reserve of the buying power, where the account has as much."""
        means = self._means(released_e13)
        signed = qty_e9 if request.side == o.BUY else -qty_e9
        exposure = Exposure(asset, signed, admission.entry_price_e4(request, ask_e4))
        notional = request.notional_e13
        required = admission.required_power_e13(exposure, means.multiplier, notional)
        admission.check_power(means, asset, required, exposure.value_e13 if notional is None else notional)
        return required

    # -- records ----------------------------------------------------------------------------------

    def _create(self, request: OrderRequest, asset: Asset, intent: str) -> Order:
        order = Order(
            symbol=asset.symbol,
            asset_id=asset.id,
            asset_class=asset.asset_class,
            multiplier=asset.multiplier,
            side=request.side,
            type=request.type,
            time_in_force=request.time_in_force,
            client_order_id=request.client_order_id or "",
            order_class=request.order_class,
            qty_e9=request.qty_e9,
            notional_e13=request.notional_e13,
            limit_price_e4=request.limit_price_e4,
            stop_price_e4=request.stop_price_e4,
            trail_price_e4=request.trail_price_e4,
            trail_percent_e4=request.trail_percent_e4,
            overnight=self._goes_overnight(request, asset),
            source=request.source,
            closes_position=request.closes_position,
            extended_hours=request.extended_hours,
            position_intent=intent,
        )
        self._register(order)
        if request.order_class == o.OCO:
            order.limit_price_e4 = request.take_profit_limit_e4
        if request.order_class:
            order.legs = tuple(self._create_legs(request, order))
        return order

    def _goes_overnight(self, request: OrderRequest, asset: Asset) -> bool:
        marked = "overnight_tradable" in asset.attributes
        allowed = self.rules.overnight and not self.configuration.disable_overnight_trading
        return marked and allowed and request.extended_hours and request.time_in_force == o.DAY

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
        leg = Order(
            symbol=parent.symbol,
            asset_id=parent.asset_id,
            asset_class=parent.asset_class,
            multiplier=parent.multiplier,
            side=parent.side if parent.order_class == o.OCO else o.opposite(parent.side),
            type=kind,
            time_in_force=parent.time_in_force,
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
        return self._register(leg)

    def _register(self, order: Order) -> Order:
        """The record is known by its ids from now on, and among the open orders of its symbol."""
        order.sequence = sequence = len(self._orders)
        order.id = self._order_ids(sequence)
        order.client_order_id = order.client_order_id or self._client_ids(sequence)
        order.created_at = order.submitted_at = order.updated_at = self.now
        order.expires_at = self._expiry(order)
        if not order.status:
            order.status = "pending_new" if trades_in(self._phase, order) else "accepted"
        self._orders[order.id] = order
        self._by_client_id[order.client_order_id] = order
        self._records.append(order)
        self._book(order.symbol).keep(order)
        return order

    def _expiry(self, order: Order) -> int:
        """The close at which the order ends; for extended hours, the end of the late session."""
        sessions = self.market.sessions
        if order.time_in_force == o.GTC:
            today = new_york_date(self.now)
            last = next(
                reversed(sessions.between(today, today + GTC_LIFETIME)), sessions.next_close(self.now)
            )
            return last.close if last else NEVER
        if order.extended_hours:
            day = self.hours.day(self.now)
            return day.end if day else NEVER
        coming = (sessions.next_open if order.time_in_force == o.OPG else sessions.next_close)(self.now)
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
