"""When things happen: the parts of the day begin and end, orders expire, ticks reach resting orders."""

from __future__ import annotations

import heapq
from functools import partial
from operator import attrgetter

from the_alchemiser.exchange.market.hours import REGULAR
from the_alchemiser.exchange.market.prices import NoPrice, Tick, trade_price_e4
from the_alchemiser.exchange.market.script import HALTED, Band, Halt
from the_alchemiser.exchange.market.trails import first_reached
from the_alchemiser.exchange.units import MINUTE, NEVER
from the_alchemiser.exchange.venue.books import Book, trail_of
from the_alchemiser.exchange.venue.corporate import Corporate
from the_alchemiser.exchange.venue.orders import CLS, GTC, Order
from the_alchemiser.exchange.venue.presence import trades_in

_sequence = attrgetter("sequence")

# Good-till-canceled orders are taken out this long after the close of their last day.
GTC_SWEEP = 15 * MINUTE


class Timeline(Corporate):
    """Moves the exchange through time. Time never goes back."""

    def move(self, symbol: str, bid_e4: int, ask_e4: int, at: int) -> None:
        """The market of `symbol` stands at this quote from `at` on; its resting orders meet it.

        For markets whose prices the caller tells (`prices.PushedMarket`); ticks of a market of its own that
        lie before `at` are not played: `advance` does that. ValueError when `at` has passed.
        """
        if at >= self._boundary:
            self._cross_until(at)
        elif at < self.now:
            raise ValueError(f"time goes back from {self.now} to {at}")
        self.now = at
        self._pushed[symbol] = (at, bid_e4, ask_e4)
        self._known_at = NEVER
        book = self._books.get(symbol)
        if book is not None and book.listens:
            self._match(book, bid_e4, ask_e4)

    def advance(self, until: int, *, stop_on_update: bool = False) -> int:
        """Move time to `until`, or with `stop_on_update` to the first instant that produced an update.

        Returns the time reached. ValueError when `until` has passed.
        """
        if until < self.now:
            raise ValueError(f"time goes back from {self.now} to {until}")
        before = self.update_count
        while True:
            horizon = min(until, self._boundary - 1)
            if self._play(horizon, stop_on_update) and stop_on_update:
                return self.now
            if self._boundary > until:
                self.now = until
                return until
            self._cross()
            if stop_on_update and self.update_count != before:
                # The opening tick belongs to the instant of the opening.
                self._play(self.now, False)
                return self.now

    def next_instant(self) -> int:
        """The next instant at which time alone may change something: a tick that reaches an order, a part of the
        day that begins, an alarm. The tick is searched as far as that goes, so that asking again costs nothing.
        """
        _, tick = self._next_tick(self._boundary - 1)
        return self._boundary if tick is None else tick.at

    def pass_by(self, until: int) -> None:
        """Time goes by to an instant before `next_instant`, where nothing happens: as `advance`, without a look."""
        self.now = until

    # -- ticks ------------------------------------------------------------------------------------

    def _play(self, horizon: int, stop_on_update: bool) -> bool:
        """Ticks up to `horizon` reach the orders they concern; if told, no further than the first with updates."""
        before = self.update_count
        while True:
            book, tick = self._next_tick(horizon)
            if book is None or tick is None:
                break
            if stop_on_update and self.update_count != before and tick.at > self.now:
                return True
            self.now = tick.at
            book.seen = tick.at
            book.forget_search()
            self._match(book, tick.bid_e4, tick.ask_e4)
        return self.update_count != before

    def _next_tick(self, horizon: int) -> tuple[Book | None, Tick | None]:
        """The next tick that matters to a book, and that book; at one instant the older book goes first."""
        best: tuple[Book | None, Tick | None] = (None, None)
        soonest = NEVER
        for book in self._books.values():
            if book.listens:
                tick = self._search(book, horizon)
                if tick is not None and tick.at <= horizon and tick.at < soonest:
                    soonest, best = tick.at, (book, tick)
        return best

    def _search(self, book: Book, horizon: int) -> Tick | None:
        if book.upcoming is None and book.searched < horizon:
            book.upcoming = self.market.next_cross(
                self._source(book.symbol), book.searched, horizon, book.levels
            )
            if book.trails_now:
                book.upcoming = self._first_trailed(book, horizon)
            book.searched = horizon if book.upcoming is None else book.upcoming.at
        return book.upcoming

    def _first_trailed(self, book: Book, horizon: int) -> Tick | None:
        """The book's upcoming tick, or an earlier one at which a trailing stop is reached."""
        soonest = book.upcoming
        for order in book.trailing.values():
            self._follow(order, book.seen)
            until = horizon if soonest is None else soonest.at - 1
            stretches = self.market.stretches(self._source(book.symbol), order.marked_at, until)
            soonest = first_reached(trail_of(order), stretches) or soonest
        return soonest

    # -- parts of the day -------------------------------------------------------------------------

    def _cross_until(self, at: int) -> None:
        while self._boundary <= at:
            self._cross()

    def _cross(self) -> None:
        self.now = self._boundary
        if self._phase_ends <= self.now:
            self._change_phase()
        while self._alarms and self._alarms[0][0] <= self.now:
            heapq.heappop(self._alarms)[2]()

    def _change_phase(self) -> None:
        closes = self._phase == REGULAR
        if closes:
            self._close_session()
        self._phase, self._phase_began, self._phase_ends = self.hours.span(self.now)
        halts = self.market.script.halts
        for book in self._books.values():
            halted = bool(halts) and self._is_halted(book.symbol)
            if book.open:
                book.enter(self._phase, halted=halted)
            else:
                book.phase, book.halted = self._phase, halted
        self._expire_due()
        if self._phase == REGULAR:
            self._begin_day()
        self._start_waiting()

    def _schedule(self) -> None:
        """The halts and bands of the market's script, from now on."""
        super()._schedule()
        for happening in self.market.script.between(self.now, NEVER):
            entry = happening.entry
            if isinstance(entry, Halt | Band):
                act = self._halt if happening.kind == HALTED else self._resume
                self._alarm(happening.at, partial(act, entry.symbol))

    def halt(self, halt: Halt) -> None:
        """A halt that the market's script did not foresee begins; it stands there from now on."""
        self._halt(halt.symbol)
        self._alarm(halt.end, partial(self._resume, halt.symbol))

    def _halt(self, symbol: str) -> None:
        """Nothing trades from now on; stops have followed the market so far."""
        book = self._book(symbol)
        for order in book.trailing.values():
            self._follow(order, self.now - 1)
        book.enter(self._phase, halted=True)

    def _resume(self, symbol: str) -> None:
        """Trading goes on, or between other prices: resting orders meet the quote in force."""
        book = self._book(symbol)
        book.enter(self._phase, halted=self._is_halted(symbol))
        for order in book.trailing.values():
            order.marked_at = max(order.marked_at, self.now - 1)
        for order in tuple(book.working.values()):
            if order.id in book.working:
                self._meet_market(book, order)

    def _start_waiting(self) -> None:
        """Orders that were accepted for this part of the day begin to work."""
        for order in self._open_orders():
            if order.status == "accepted" and trades_in(self._phase, order) and not self._is_unsettled(order):
                self._start(order)
        # A tick may come at this very instant, and orders from earlier have yet to meet it.
        for book in self._books.values():
            if not book.open:
                continue
            book.seen = self.now - 1
            for order in book.trailing.values():
                order.marked_at = self.now - 1
            book.forget_search()

    def _close_session(self) -> None:
        """The closing auction, and where the day's stops and values stand."""
        for book in self._books.values():
            for order in book.trailing.values():
                self._follow(order, self.now - 1)
        for order in self._open_orders():
            if order.time_in_force == CLS and order.status == "new":
                self._close_auction(order)
        self._end_day()
        self._alarm(self.now + GTC_SWEEP, self._sweep)

    def _close_auction(self, order: Order) -> None:
        """An order for the close meets the session's last price."""
        try:
            quote = self._quote(order.symbol, self.now - 1)
        except NoPrice:
            quote = None
        if quote is None or quote.at < self._phase_began:
            self._end(order, "canceled")
        else:
            self._auction(self._book(order.symbol), order, trade_price_e4(quote.bid_e4, quote.ask_e4))

    def _expire_due(self) -> None:
        """Orders for the day end with it; those until canceled are swept a little later."""
        for order in self._open_orders():
            if order.expires_at <= self.now and order.time_in_force != GTC and order.is_open:
                self._end(order, self.rules.expired_as)

    def _sweep(self) -> None:
        for order in self._open_orders():
            if order.expires_at <= self.now and order.time_in_force == GTC and order.is_open:
                self._end(order, "canceled")

    def _open_orders(self) -> list[Order]:
        """All open orders, oldest first."""
        found = [order for book in self._books.values() if book.open for order in book.open.values()]
        found.sort(key=_sequence)
        return found
