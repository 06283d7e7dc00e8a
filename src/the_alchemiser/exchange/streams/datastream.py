"""The data streams: who is connected to which feed, what they want together, and telling it to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

from the_alchemiser.exchange.market.board import Board
from the_alchemiser.exchange.market.news import Newsroom
from the_alchemiser.exchange.market.prices import Market
from the_alchemiser.exchange.streams.batch import Batch, Event
from the_alchemiser.exchange.streams.dataclient import PING_SECONDS, DataClient
from the_alchemiser.exchange.streams.fakepaca import FakepacaMarket
from the_alchemiser.exchange.streams.feeds import FEEDS, NEWS, NEWS_FEED, OPTIONS, TEST, TRADES, Feed
from the_alchemiser.exchange.streams.marketfeed import Stretch, Tape, is_overnight, market_events
from the_alchemiser.exchange.streams.newsfeed import news_events
from the_alchemiser.exchange.streams.orderbooks import whole_book
from the_alchemiser.exchange.streams.prints import PrintErrors
from the_alchemiser.exchange.streams.renamed import RenamedTape
from the_alchemiser.exchange.streams.seats import DataSeat
from the_alchemiser.exchange.streams.universe import Universe

CONNECTIONS_LIMIT = 1024
MESSAGE_BYTES_LIMIT = 1024 * 1024


Wanted = dict[str, set[str]]


class DataStreamHub:
    """All connections of the data streams.

    `seat_of` finds the seat of a key and secret; None: unknown keys. `errors` says which prints go wrong,
    `compress` whether clients that ask for compression get it.
    """

    def __init__(
        self,
        seat_of: Callable[[object, object], DataSeat | None],
        market: Market,
        at: int,
    ) -> None:
        self._seat_of = seat_of
        self.errors = PrintErrors()
        self.compress = True
        self._fakepaca = FakepacaMarket()
        self._clients: dict[Feed, dict[int, DataClient]] = {feed: {} for feed in FEEDS}
        self._wanted: dict[Feed, Wanted] = {}
        self._connections = 0
        self.enter(market, at)

    def enter(self, market: Market, at: int) -> None:
        """From now on the feeds tell of this market, beginning after `at`."""
        self._market = market
        self._universe = Universe(market, at)
        self._newsroom = Newsroom(market)
        self._book_at = market.crypto.order_book if isinstance(market, Board) and market.crypto else None
        self._told_until = at
        self._wanted.clear()

    # -- connections ------------------------------------------------------------------------------

    def routes(self) -> list[web.RouteDef]:
        """One route for each feed, but for news: its path is that of a request, too (see `serve_news`)."""
        return [web.get(feed.path, self._route(feed)) for feed in FEEDS if feed.family != NEWS]

    async def serve_news(self, request: web.Request) -> web.StreamResponse:
        """One connection to the news stream."""
        return await self._serve(NEWS_FEED, request)

    def _route(self, feed: Feed) -> Callable[[web.Request], asyncio.Future[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            return await self._serve(feed, request)

        return serve  # type: ignore[return-value]

    async def _serve(self, feed: Feed, request: web.Request) -> web.StreamResponse:
        """One connection, from the upgrade to its end."""
        if self._connections >= CONNECTIONS_LIMIT:
            raise web.HTTPTooManyRequests
        socket = web.WebSocketResponse(
            heartbeat=PING_SECONDS, max_msg_size=MESSAGE_BYTES_LIMIT, compress=self.compress
        )
        self._connections += 1
        try:
            await socket.prepare(request)
            await DataClient(self, feed, socket, request).converse()
        finally:
            self._connections -= 1
        return socket

    def seat_of(self, key: object, secret: object) -> DataSeat | None:
        """What the account with these keys may have; None: nobody's keys."""
        return self._seat_of(key, secret)

    def join(self, feed: Feed, client: DataClient) -> None:
        """A connection has proved whose it is."""
        self._clients[feed][id(client)] = client

    def leave(self, feed: Feed, client: DataClient) -> None:
        """A connection has ended."""
        self._clients[feed].pop(id(client), None)
        self._wanted.pop(feed, None)

    def subscriptions_changed(self, feed: Feed) -> None:
        self._wanted.pop(feed, None)

    async def close(self) -> None:
        """Ends every connection with code 1001 (going away)."""
        await asyncio.gather(*(client.close(1001) for client in self._everyone()))

    async def close_account(self, key: str) -> None:
        """Ends the connections of one account, which is no more."""
        theirs = [client for client in self._everyone() if client.outbox.account == key]
        await asyncio.gather(*(client.close(1001) for client in theirs))

    def _everyone(self) -> list[DataClient]:
        return [client for clients in self._clients.values() for client in clients.values()]

    # -- what is wanted ---------------------------------------------------------------------------

    def known(self, feed: Feed) -> frozenset[str]:
        """The symbols that `*` stands for."""
        return self._universe.all_of(feed.family)

    def serves(self, feed: Feed) -> bool:
        """Whether this exchange has anything to tell on a feed."""
        if feed.family == OPTIONS:
            return self._universe.options is not None
        if feed.family == NEWS:
            return True
        return bool(self.known(feed))

    @property
    def has_listeners(self) -> bool:
        """Whether anything is wanted by anyone."""
        return any(self._union(feed) for feed, clients in self._clients.items() if clients)

    def _union(self, feed: Feed) -> Wanted:
        """The symbols that some client of a feed wants, by channel; channels nobody wants are left out."""
        union = self._wanted.get(feed)
        if union is None:
            union = self._wanted[feed] = self._joined(feed)
        return union

    def _joined(self, feed: Feed) -> Wanted:
        union: Wanted = {}
        for client in self._clients[feed].values():
            for channel, symbols in client.subscriptions.wanted.items():
                found = self._universe.chosen(feed.family, symbols)
                if found:
                    union.setdefault(channel, set()).update(found)
        for follower in feed.followers:
            if TRADES in union:
                union[follower] = union[TRADES]
        return union

    def whole_books(self, feed: Feed, symbols: frozenset[str]) -> Batch:
        """The order books of the symbols as they are, for a client that has just asked for them."""
        chosen = sorted(self._universe.chosen(feed.family, symbols)) if self._book_at is not None else []
        books = [whole_book(self._book_at, symbol, self._told_until) for symbol in chosen if self._book_at]
        return Batch([book for book in books if book is not None])

    # -- telling ----------------------------------------------------------------------------------

    def tell(self, after: int, until: int) -> None:
        """Sends each client what it asked for of after < time <= until, in order, in arrays of a bounded
        length.
        """
        self._told_until = until
        if self._universe.moves_to(until):
            self._wanted.clear()
        for feed, clients in self._clients.items():
            wanted = self._union(feed) if clients else {}
            events = self._events(feed, wanted, after, until) if wanted else []
            if events:
                batch = Batch(events)
                for client in list(clients.values()):
                    client.deliver(batch)

    def _events(self, feed: Feed, wanted: Wanted, after: int, until: int) -> list[Event]:
        if feed.family == NEWS:
            return list(news_events(self._newsroom, after, until))
        errors = PrintErrors() if feed.family == TEST else self.errors
        tape = self._tape(feed)
        stretch = Stretch(tape, feed.family, after - feed.delay, until - feed.delay, errors, self._book_at)
        events = market_events(stretch, wanted)
        return [event for event in events if is_overnight(event.at)] if feed.overnight else events

    def _tape(self, feed: Feed) -> Tape:
        if feed.family == TEST:
            return self._fakepaca
        originals = self._universe.originals
        return RenamedTape(self._market, originals) if originals else self._market

    async def room(self, patience_seconds: float) -> None:
        """Waits for clients that have much unread; one without room after the patience is cut off as slow."""
        await asyncio.sleep(0)  # for what is written to leave, and for others to be served
        for client in self._everyone():
            await client.outbox.room(patience_seconds)
