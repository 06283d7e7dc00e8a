"""What happens to orders that are in: they rest, are elected, execute, and end; exits follow their entries.

It stands on `valuation`. Above it, `entry` decides what comes in, `timeline` when what
happens, and `core` is the face.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable

from the_alchemiser.exchange.ids import UuidSeries, derived_uuid
from the_alchemiser.exchange.market.hours import REGULAR, hours_of
from the_alchemiser.exchange.market.prices import (
    Market,
    NoPrice,
    reaches,
    trade_price_e4,
)
from the_alchemiser.exchange.market.trails import Trail, followed
from the_alchemiser.exchange.venue import crypto_rules
from the_alchemiser.exchange.venue import orders as o
from the_alchemiser.exchange.venue.account import NO_FEE, Fee, FillRecord
from the_alchemiser.exchange.venue.activities import crypto_fee
from the_alchemiser.exchange.venue.books import Book, awaits_election, bound_e4, trail_of
from the_alchemiser.exchange.venue.orders import LegFill, Order, Update, snapshot
from the_alchemiser.exchange.venue.portions import random_part
from the_alchemiser.exchange.venue.presence import CRYPTO
from the_alchemiser.exchange.venue.rules import VenueRules
from the_alchemiser.exchange.venue.valuation import Valuation
from the_alchemiser.exchange.venue.watchlists import Watchlists

# Undrained updates beyond this many push out the oldest; `updates_dropped` counts them.
UPDATE_QUEUE_SIZE = 100_000

_END_EVENT_FIELD = {
    "canceled": "canceled_at",
    "expired": "expired_at",
    "rejected": "failed_at",
}


class Matching(Valuation):
    """Records, books, fills and updates of one account over one market."""

    def __init__(
        self,
        market: Market,
        *,
        seed: int,
        start: int,
        cash: str = "100000",
        multiplier: int = 1,
        rules: VenueRules | None = None,
    ) -> None:
        super().__init__(market, cash=cash, start=start, multiplier=multiplier)
        self.seed = seed
        self._order_ids, self._client_ids = UuidSeries("order", seed), UuidSeries("client", seed)
        self._execution_ids = UuidSeries("execution", seed)
        self.account_id = derived_uuid("account", seed)
        self.account_number = "PA" + self.account_id.replace("-", "")[:8].upper()
        self.on_update: Callable[[Update], None] | None = None
        self.update_count = 0
        self.updates_dropped = 0
        self._updates: deque[Update] = deque()
        self._orders: dict[str, Order] = {}
        self._records: list[Order] = []
        self._by_client_id: dict[str, Order] = {}
        self._books: dict[str, Book] = {}
        self._assets_by_id = {asset.id: asset for asset in market.assets()}
        self.rules = rules or VenueRules()
        self.watchlists = Watchlists(self.account_id, market.asset)
        self.hours = hours_of(market.sessions)
        self._phase, self._phase_began, self._phase_ends = self.hours.span(start)
        self._alarms: list[tuple[int, int, Callable[[], None]]] = []
        self._alarm_count = 0
        self._schedule()

    def _schedule(self) -> None:
        """Arrange for what is known to happen: the layer of time does."""

    @property
    def _is_open(self) -> bool:
        """Whether it is the regular session."""
        return self._phase == REGULAR

    # -- time -------------------------------------------------------------------------------------

    @property
    def _boundary(self) -> int:
        """The next instant at which something happens by itself."""
        return min(self._phase_ends, self._alarms[0][0]) if self._alarms else self._phase_ends

    def _alarm(self, at: int, act: Callable[[], None]) -> None:
        """`act` is called when time reaches `at`; calls for one instant come in the order they were asked for."""
        self._alarm_count += 1
        heapq.heappush(self._alarms, (at, self._alarm_count, act))

    # -- updates ----------------------------------------------------------------------------------

    def take_updates(self) -> list[Update]:
        """All updates since the last call, oldest first."""
        taken = list(self._updates)
        self._updates.clear()
        return taken

    def _emit(
        self,
        event: str,
        order: Order,
        fill: FillRecord | None = None,
        position_e9: int | None = None,
        legs: tuple[LegFill, ...] = (),
    ) -> None:
        self.update_count += 1
        update = Update(
            sequence=self.update_count,
            event=event,
            order=snapshot(order),
            at=self.now,
            legs=legs,
        )
        if fill is not None:
            update.price_e4, update.qty_e9, update.execution_id = (
                fill.price_e4,
                fill.qty_e9,
                fill.execution_id,
            )
            update.position_qty_e9 = position_e9
        if len(self._updates) == UPDATE_QUEUE_SIZE:
            self._updates.popleft()
            self.updates_dropped += 1
        self._updates.append(update)
        if self.on_update is not None:
            self.on_update(update)

    # -- working and matching ---------------------------------------------------------------------

    def _book(self, symbol: str) -> Book:
        book = self._books.get(symbol)
        if book is None:
            book = self._books[symbol] = Book(symbol, self.now, self._phase, halted=self._is_halted(symbol))
        return book

    def _work(self, order: Order) -> None:
        """The order reaches the venue: `new`, executed at once where the market allows, resting otherwise."""
        self._set_status(order, "new")
        self._emit("new", order)
        book = self._book(order.symbol)
        book.work(order, self.now)
        self._meet_market(book, order)
        if order.time_in_force in (o.IOC, o.FOK) and order.is_open:
            self._end(order, "canceled")

    def _meet_market(self, book: Book, order: Order) -> None:
        """The order meets the quote in force; one from before this part of the day executes nothing."""
        try:
            quote = self._quote(order.symbol)
        except NoPrice:
            return
        fresh = quote.at >= self._phase_began or order.asset_class == CRYPTO
        if fresh and book.admits(order) and not self._is_halted(order.symbol):
            self._attempt(book, order, quote.bid_e4, quote.ask_e4)

    def _match(self, book: Book, bid_e4: int, ask_e4: int) -> None:
        """The orders of `book` meet a new quote, oldest first."""
        triggered = book.trails_now and self._trail(book, trade_price_e4(bid_e4, ask_e4))
        if not triggered and not reaches(book.levels, bid_e4, ask_e4):
            return
        for order in tuple(book.working.values()):
            if order.id in book.working and book.admits(order):
                self._attempt(book, order, bid_e4, ask_e4)

    def _is_halted(self, symbol: str) -> bool:
        return self.market.script.halted(symbol, self.now) is not None

    def _is_beyond_band(self, symbol: str, price_e4: int) -> bool:
        """Whether limit up or limit down keeps `symbol` from trading at this price now."""
        script = self.market.script
        band = script.band(symbol, self.now) if script.bands else None
        return band is not None and not band.down_e4 <= price_e4 <= band.up_e4

    def _attempt(self, book: Book, order: Order, bid_e4: int, ask_e4: int) -> None:
        if order.time_in_force in (o.OPG, o.CLS):
            if order.time_in_force == o.OPG:
                self._auction(book, order, trade_price_e4(bid_e4, ask_e4))
            return
        if awaits_election(order):
            if not _elects(order, trade_price_e4(bid_e4, ask_e4)):
                return
            self._elect(book, order)
        price = ask_e4 if order.side == o.BUY else bid_e4
        # Nobody bids for what is worth next to nothing.
        if price <= 0 or not _acceptable(order, price):
            return
        if order.parted_at != self.now and not self._is_beyond_band(order.symbol, price):
            whole = self._whole_quantity(order, price)
            portion = whole if self.rules.partial_fills == "off" else self._portion(book, order, whole)
            if portion:
                self._execute(book, order, portion, price, done=portion == whole)

    def _whole_quantity(self, order: Order, price_e4: int) -> int:
        if order.notional_e13 is None:
            return order.remaining_e9
        whole = (order.notional_e13 - order.filled_cost_e13) // price_e4
        if order.closes:  # what the dollars are worth now, but never more than there is
            whole = min(whole, order.held_qty_e9 + self._account.available_e9(order.symbol))
        return whole

    def _portion(self, book: Book, order: Order, whole_e9: int) -> int:
        """How much of the rest this quote fills."""
        portion = whole_e9
        if self.rules.partial_fills == "displayed":
            quote = self._quote(order.symbol)
            shown = quote.ask_size if order.side == o.BUY else quote.bid_size
            portion = min(whole_e9, book.display.left_e9(quote.at, order.side, shown))
            if order.time_in_force == o.FOK and portion < whole_e9:
                return 0
            book.display.take(order.side, portion)
        elif order.time_in_force != o.FOK:
            portion = random_part(whole_e9, self.seed, order.id, order.filled_qty_e9, self.now)
        if portion < whole_e9:
            order.parted_at = self.now
        return portion

    def _auction(self, book: Book, order: Order, price_e4: int) -> None:
        """All of the order at the one price of an opening or a close, or none of it."""
        if _acceptable(order, price_e4):
            self._execute(book, order, self._whole_quantity(order, price_e4), price_e4, done=True)
        else:
            self._end(order, "canceled")

    # -- trailing stops ---------------------------------------------------------------------------

    def _trail(self, book: Book, price_e4: int) -> bool:
        """The stops of `book` follow up to now, where the market trades at this price; whether one is reached."""
        reached = False
        for order in book.trailing.values():
            self._follow(order, self.now)
            self._mark(order, trail_of(order).after(price_e4))
            reached |= _elects(order, price_e4)
        return reached

    def _is_unsettled(self, order: Order) -> bool:
        """Whether it is the replacement of an order that still stands."""
        replaced = self._orders.get(order.replaces) if order.replaces else None
        return replaced is not None and replaced.replaced_by != order.id and order.is_open

    def _follow(self, order: Order, until: int) -> None:
        """The order's stop follows the ticks up to `until`."""
        if until > order.marked_at:
            stretches = self.market.stretches(self._source(order.symbol), order.marked_at, until)
            self._mark(order, followed(trail_of(order), stretches))
            order.marked_at = until

    def _mark(self, order: Order, trail: Trail) -> None:
        order.hwm_e4, order.stop_price_e4 = trail.mark_e4, trail.stop_e4

    def _shown(self, order: Order) -> Order:
        """A snapshot, with every stop where it stands now."""
        shown = snapshot(order)
        book = self._books.get(order.symbol)
        if book is not None and order.id in book.trailing and book.trails_now:
            self._follow(shown, self.now)
        return shown

    # -- executions -------------------------------------------------------------------------------

    def _elect(self, book: Book, order: Order) -> None:
        """A stop is triggered: it works from now on, and an exit beside it ends."""
        order.elected = True
        book.elected(order)
        if order.status == "held":
            self._set_status(order, "new")
            self._emit("new", order)
        for other in self._exits_beside(order):
            freed = other.held_qty_e9
            self._end(other, "canceled")
            self._account.hold(order, qty_e9=order.held_qty_e9 + freed)

    def _execute(self, book: Book, order: Order, qty_e9: int, price_e4: int, *, done: bool) -> None:
        if order.held_qty_e9 < qty_e9:  # the shares it takes may be promised to others
            self._make_room(order.symbol, qty_e9 if order.side == o.BUY else -qty_e9, order)
        order.filled_qty_e9 += qty_e9
        order.filled_cost_e13 += qty_e9 * price_e4
        if done or not order.status.startswith(
            "pending_"
        ):  # what was asked for is still pending after a part
            self._set_status(order, "filled" if done else "partially_filled")
        self._release_for(order, qty_e9, qty_e9 * price_e4, done)
        if done:
            order.filled_at = self.now
            book.close(order)
        fill = self._fill_record(order, qty_e9, price_e4, self._fee(order, qty_e9, price_e4))
        position_e9 = self._account.book(fill)
        if fill.fee_e13 or fill.fee_qty_e9:
            self._account.enter(crypto_fee(fill, self._activity_id()))
        self._emit(fill.type, order, fill, position_e9)
        self._after_fill(order, done)

    def _make_room(self, symbol: str, change_e9: int, by: Order | None = None) -> None:
        """Orders to close a position that something else closes first have nothing left to close: they end."""
        position = self._account.positions.get(symbol)
        if position is None or (position.qty_e9 > 0) == (change_e9 > 0):
            return
        own = self._family(by) if by else []
        for member in own[1:]:  # of a group one holds the shares of all
            if member.held_qty_e9:
                self._account.hold(member, qty_e9=max(0, member.held_qty_e9 - abs(change_e9)))
        left = max(0, abs(position.qty_e9) - abs(change_e9)) + (by.held_qty_e9 if by else 0)
        for order in tuple(self._book(symbol).open.values()):
            if position.held_qty_e9 > left and order not in own and order.is_open and order.held_qty_e9:
                for member in self._family(order):
                    self._end(member, "canceled")

    def _release_for(self, order: Order, qty_e9: int, value_e13: int, done: bool) -> None:
        if done:
            self._account.hold(order)
        elif order.closes:  # what buys a written contract back holds money, too
            before = order.remaining_e9 + qty_e9
            cash = order.held_cash_e13 * order.remaining_e9 // before if before else 0
            self._account.hold(order, cash_e13=cash, qty_e9=max(0, order.held_qty_e9 - qty_e9))
        elif order.notional_e13 is not None:
            # What is not lent on (crypto) holds more than its dollars: the hold shrinks in proportion.
            left = max(0, order.notional_e13 - order.filled_cost_e13)
            before = order.notional_e13 - order.filled_cost_e13 + value_e13
            self._account.hold(order, cash_e13=-(-order.held_cash_e13 * left // before))
        else:
            before = order.remaining_e9 + qty_e9
            self._account.hold(order, cash_e13=order.held_cash_e13 * order.remaining_e9 // before)

    def _fee(self, order: Order, qty_e9: int, price_e4: int) -> Fee:
        """What this execution costs; only crypto trades cost anything."""
        if order.asset_class != CRYPTO:
            return NO_FEE
        return crypto_rules.fee(order.side, qty_e9, price_e4, self.rules.crypto_fee_basis_points)

    def _activity_id(self) -> str:
        """For the next activity that is no execution."""
        return derived_uuid("activity", self.seed, len(self._account.others))

    def _fill_record(self, order: Order, qty_e9: int, price_e4: int, fee: Fee) -> FillRecord:
        sequence = len(self._account.fills) + 1
        return FillRecord(
            sequence=sequence,
            execution_id=self._execution_ids(sequence),
            order_id=order.id,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            price_e4=price_e4,
            qty_e9=qty_e9,
            cum_qty_e9=order.filled_qty_e9,
            leaves_qty_e9=0 if order.status == "filled" else order.remaining_e9,
            order_status=order.status,
            at=self.now,
            position_intent=order.position_intent,
            asset_class=order.asset_class,
            multiplier=order.multiplier,
            fee_e13=fee.money_e13,
            fee_qty_e9=fee.qty_e9,
        )

    # -- entries and exits ------------------------------------------------------------------------

    def _after_fill(self, order: Order, done: bool) -> None:
        for other in self._exits_beside(order):
            if done:
                self._end(other, "canceled")
            else:
                other.qty_e9 = order.remaining_e9 + other.filled_qty_e9
                # The other one may hold the shares of both.
                self._account.hold(other, qty_e9=min(other.held_qty_e9, order.remaining_e9))
        if done and order.legs and order.order_class != o.OCO:
            self._arm([leg for leg in order.legs if leg.is_open and leg.status != "pending_cancel"])

    def _arm(self, legs: list[Order]) -> None:
        """The entry is complete: the first exit works and holds the shares, a second stays held but watches."""
        if not legs:
            return
        first, *rest = legs
        free = self._account.available_e9(first.symbol)
        for leg in legs:  # part of a partly filled entry may have been closed before
            leg.qty_e9 = min(leg.remaining_e9, free) + leg.filled_qty_e9
        if not free:
            self._end(first, "canceled")
            for leg in rest:
                self._end(leg, "canceled")
            return
        self._account.hold(first, qty_e9=first.remaining_e9)
        for leg in rest:
            self._book(leg.symbol).work(leg, self.now)
        self._work(first)

    def _exits_beside(self, order: Order) -> list[Order]:
        """The other open exits of the same group."""
        if not order.order_class:
            return []
        parent = self._orders[order.parent_id] if order.parent_id else order
        if parent.order_class != o.OCO and order is parent:
            return []
        group = parent.legs if parent.order_class != o.OCO else (parent, *parent.legs)
        return [leg for leg in group if leg is not order and leg.is_open]

    def _family(self, order: Order) -> list[Order]:
        """All open orders of the group `order` belongs to, the order itself first."""
        if not order.order_class:
            return [order]
        parent = self._orders[order.parent_id] if order.parent_id else order
        return [
            order,
            *(other for other in (parent, *parent.legs) if other is not order and other.is_open),
        ]

    # -- ends -------------------------------------------------------------------------------------

    def _end(self, order: Order, status: str) -> None:
        """`order` ends unfilled or partly filled; what it held is free again."""
        self._set_status(order, status)
        setattr(order, _END_EVENT_FIELD[status], self.now)
        self._account.hold(order)
        self._book(order.symbol).close(order)
        self._emit(status, order)

    def _set_status(self, order: Order, status: str) -> None:
        order.status = status
        order.updated_at = self.now


def _acceptable(order: Order, price_e4: int) -> bool:
    """Whether the order may execute at this price."""
    bound = bound_e4(order)
    return price_e4 <= bound if order.side == o.BUY else price_e4 >= bound


def _elects(order: Order, price_e4: int) -> bool:
    """Whether a trade at this price triggers the order's stop."""
    stop = order.stop_price_e4 or 0
    return price_e4 >= stop if order.side == o.BUY else price_e4 <= stop
