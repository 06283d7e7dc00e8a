"""Order books on the crypto stream: the whole book when a client subscribes, then the levels that change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from the_alchemiser.exchange.market.crypto import OrderBook
from the_alchemiser.exchange.market.prices import NoPrice
from the_alchemiser.exchange.streams.batch import Event
from the_alchemiser.exchange.streams.feeds import ORDERBOOKS
from the_alchemiser.exchange.streams.messages import BookLevel, OrderbookMessage
from the_alchemiser.exchange.units import PRICE

BookAt = Callable[[str, int], OrderBook]
Side = tuple[tuple[int, float], ...]


def whole_book(book_at: BookAt, symbol: str, at: int) -> Event | None:
    """The book as of `at`, to replace whatever a client knew; None before the first price."""
    try:
        book = book_at(symbol, at)
    except NoPrice:
        return None
    message = OrderbookMessage("o", symbol, None, _levels(book.bids), _levels(book.asks), True)
    return Event(at, ORDERBOOKS, symbol, book.at, message)


def book_changes(book_at: BookAt, symbol: str, after: int, moves: Iterable[int]) -> Iterator[Event]:
    """From the book as of `after`, what changes at each of the instants `moves`."""
    try:
        known = book_at(symbol, after)
    except NoPrice:
        known = OrderBook(after, (), ())
    for at in moves:
        book = book_at(symbol, at)
        bids, asks = _changed(known.bids, book.bids), _changed(known.asks, book.asks)
        known = book
        if bids or asks:
            yield Event(at, ORDERBOOKS, symbol, at, OrderbookMessage("o", symbol, None, bids, asks))


def _changed(before: Side, now: Side) -> list[BookLevel]:
    """The levels that are new or have another size, and those that are gone, with size 0."""
    known, there = dict(before), {price for price, _ in now}
    gone = tuple((price, 0.0) for price, _ in before if price not in there)
    return _levels((*(level for level in now if known.get(level[0]) != level[1]), *gone))


def _levels(side: Side) -> list[BookLevel]:
    return [BookLevel(price / PRICE, size) for price, size in side]
