"""The worth of an account over time: what it held at each instant, at the prices of that instant.

Closes of trading days are kept; everything between is reckoned anew from the ledger and the market's bars when it
is asked for, so that nothing is stored for it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from operator import attrgetter
from typing import NamedTuple

from the_alchemiser.exchange.market.prices import Bar
from the_alchemiser.exchange.market.sessions import new_york_date
from the_alchemiser.exchange.units import PRICE
from the_alchemiser.exchange.venue.account import Account, FillRecord
from the_alchemiser.exchange.venue.orders import BUY

_instant = attrgetter("at")


class DayClose(NamedTuple):
    """What an account was worth when the session of `day` ended at `at`."""

    day: date
    at: int
    equity_e13: int


class Change(NamedTuple):
    """What happened to the books at one instant. `price_e4` 0: no price was made."""

    at: int
    cash_e13: int
    symbol: str
    by_e9: int
    price_e4: int
    multiplier: int


def changes(account: Account) -> list[Change]:
    """Everything that ever changed cash or a position, in order."""
    found = [_of_fill(fill) for fill in account.fills]
    found += [
        Change(other.booked_at, other.cash_e13, other.symbol, other.change_e9, 0, 0)
        for other in account.others
        if other.cash_e13 or other.change_e9
    ]
    return sorted(found, key=_instant)


def _of_fill(fill: FillRecord) -> Change:
    cash = (-fill.value_e13 if fill.side == BUY else fill.value_e13) - fill.fee_e13
    return Change(fill.at, cash, fill.symbol, fill.change_e9, fill.price_e4, fill.multiplier)


class Tape:
    """The last price of each symbol before an instant, from bars that are read once."""

    def __init__(
        self, read: Callable[[str], Sequence[Bar]], mark_e4: Callable[[str, int], int | None]
    ) -> None:
        self._read = read
        self._mark_e4 = mark_e4
        self._bars: dict[str, tuple[list[int], Sequence[Bar]]] = {}
        self._marks: dict[tuple[str, int, date], int | None] = {}

    def price_e4(self, symbol: str, at: int) -> int | None:
        """The latest trade before `at`; where its day is over, the mark of that day, which knows of splits."""
        if symbol not in self._bars:
            bars = self._read(symbol)
            self._bars[symbol] = ([bar.at for bar in bars], bars)
        starts, bars = self._bars[symbol]
        place, day = bisect_left(starts, at) - 1, new_york_date(at - 1)
        if place >= 0 and new_york_date(starts[place]) == day:
            return round(bars[place].close * PRICE)
        key = (symbol, place, day)
        if key not in self._marks:
            self._marks[key] = self._mark_e4(symbol, at - 1)
        return self._marks[key]


def equities(cash_e13: int, ledger: Sequence[Change], ends: Sequence[int], tape: Tape) -> Iterator[int]:
    """The equity just before each of `ends` (ascending), of an account that began with `cash_e13`."""
    held: dict[str, int] = defaultdict(int)
    paid: dict[str, int] = {}
    sizes: dict[str, int] = {}
    place = 0
    for end in ends:
        while place < len(ledger) and ledger[place].at < end:
            change = ledger[place]
            cash_e13 += change.cash_e13
            held[change.symbol] += change.by_e9
            if change.price_e4:
                paid[change.symbol], sizes[change.symbol] = change.price_e4, change.multiplier
            place += 1
        worth = cash_e13
        for symbol, quantity in held.items():
            if quantity:
                price = tape.price_e4(symbol, end)
                worth += quantity * (paid.get(symbol, 0) if price is None else price) * sizes.get(symbol, 1)
        yield worth
