"""When things happen: sessions open and close, day orders expire, ticks reach resting orders."""

from __future__ import annotations

from the_alchemiser.exchange.market.prices import Market, Tick
from the_alchemiser.exchange.units import NEVER
from the_alchemiser.exchange.venue.books import Book
from the_alchemiser.exchange.venue.entry import Entry


class Timeline(Entry):
    """Moves the exchange through time. Time never goes back."""

    def __init__(self, market: Market, *, seed: int, cash: str = "100000", start: int) -> None:
        super().__init__(market, seed=seed, cash=cash, start=start)
        self._boundary = self._next_boundary()

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
        book = self._books.get(symbol)
        if book is not None and book.working and self._is_open:
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

    # -- ticks ------------------------------------------------------------------------------------

    def _play(self, horizon: int, stop_on_update: bool) -> bool:
        """Ticks up to `horizon` reach the orders they concern; if told, no further than the first with updates."""
        before = self.update_count
        while self._is_open:
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
            if book.working:
                tick = self._search(book, horizon)
                if tick is not None and tick.at <= horizon and tick.at < soonest:
                    soonest, best = tick.at, (book, tick)
        return best

    def _search(self, book: Book, horizon: int) -> Tick | None:
        if book.upcoming is None and book.searched < horizon:
            book.upcoming = self.market.next_cross(book.symbol, book.searched, horizon, book.levels)
            book.searched = horizon if book.upcoming is None else book.upcoming.at
        return book.upcoming

    # -- sessions ---------------------------------------------------------------------------------

    def _next_boundary(self) -> int:
        """The next opening or close after now."""
        sessions = self.market.sessions
        following = sessions.next_close(self.now) if self._is_open else sessions.next_open(self.now)
        if following is None:
            return NEVER
        return following.close if self._is_open else following.open

    def _cross_until(self, at: int) -> None:
        while self._boundary <= at:
            self._cross()

    def _cross(self) -> None:
        self.now = self._boundary
        self._is_open = not self._is_open
        if self._is_open:
            self._open_session()
        else:
            self._close_session()
        self._boundary = self._next_boundary()

    def _open_session(self) -> None:
        self._begin_day()
        self._opened_at = self.now
        queued = [
            order
            for book in self._books.values()
            for order in book.open.values()
            if order.status == "accepted"
        ]
        for order in sorted(queued, key=lambda order: order.sequence):
            self._start(order)
        # The opening tick may come at this very instant, and orders from earlier days have yet to meet it.
        for book in self._books.values():
            book.seen = self.now - 1
            book.forget_search()

    def _close_session(self) -> None:
        due = [
            order
            for book in self._books.values()
            for order in book.open.values()
            if order.expires_at <= self.now
        ]
        for order in sorted(due, key=lambda order: order.sequence):
            if order.is_open:
                self._end(order, "expired" if order.time_in_force == "day" else "canceled")
        self._end_day()
