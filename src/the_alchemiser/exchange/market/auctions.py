"""The opening and closing auctions of stocks, as far as daily bars tell them: at the day's first and last price.

Their sizes are simulated.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from hashlib import blake2b
from typing import NamedTuple

from the_alchemiser.exchange.market.prices import Bar, Market
from the_alchemiser.exchange.market.sessions import Session, new_york_date
from the_alchemiser.exchange.units import DAY

_SMALLEST, _VARIETY = 10_000, 990_000
OPENING, CLOSING = "opening", "closing"


class Auction(NamedTuple):
    """One auction: `kind` is opening or closing, the price in dollars, the size in shares."""

    at: int
    kind: str
    price: float
    size: int


class AuctionDay(NamedTuple):
    """The auctions of one trading day that have been held; `at` is its opening."""

    at: int
    day: date
    held: tuple[Auction, ...]


def auction_days(market: Market, symbol: str, start: int, end: int, now: int) -> Iterator[AuctionDay]:
    """The trading days that open from `start` to `end` and have opened by `now`, in order."""
    for bar in market.bars(symbol, "1Day", start - DAY, end, now):
        session = market.sessions.on(new_york_date(bar.at))
        if session is not None and start <= session.open <= min(end, now):
            yield AuctionDay(session.open, session.date, tuple(_held(symbol, session, bar, now)))


def _held(symbol: str, session: Session, bar: Bar, now: int) -> Iterator[Auction]:
    yield Auction(session.open, OPENING, bar.open, _size(symbol, session, OPENING))
    if session.close <= now:
        yield Auction(session.close, CLOSING, bar.close, _size(symbol, session, CLOSING))


def _size(symbol: str, session: Session, kind: str) -> int:
    digest = blake2b(f"auction|{symbol}|{session.date}|{kind}".encode(), digest_size=4).digest()
    return _SMALLEST + int.from_bytes(digest, "big") % _VARIETY
