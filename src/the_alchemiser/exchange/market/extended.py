"""Simulated trading around the regular sessions of the shipped history: evenings, nights, mornings.

One tick a minute from 20:00 of the evening before a session to its opening, and from a minute after its close to
the end of the late session, between bids and asks three times as far apart. Each piece begins and ends at the
close before it, where the next session begins, too. A piece depends on (seed, symbol, date) alone and is made
when somebody asks. Bars stay those of the regular sessions.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import numpy as np

from the_alchemiser.exchange.market.adjusted import WHOLE, divided
from the_alchemiser.exchange.market.barring import Path
from the_alchemiser.exchange.market.bridge import bridge, random_bits
from the_alchemiser.exchange.market.days import SimulatedDays, around, volatility_before
from the_alchemiser.exchange.market.hours import hours_of
from the_alchemiser.exchange.market.prices import NoPrice, Trade
from the_alchemiser.exchange.market.sessions import Session, new_york_midnight
from the_alchemiser.exchange.units import MINUTE, PRICE

EARLY, LATE = "early", "late"
PIECES_KEPT = 128
# Of a day's volatility; the regular session has all of it.
_SHARE = {EARLY: 0.25, LATE: 0.15}
# Prints outside the session are numbered from here on, so that no two of a day share a number.
OUTSIDE_IDS = 1_000_000


class ExtendedDays(SimulatedDays):
    """The shipped history with prices in extended and overnight hours."""

    def __init__(self, **setting: Any) -> None:
        super().__init__(**setting)
        self.fingerprint += "/extended-hours"
        self._outside: OrderedDict[tuple[str, int, str], Path] = OrderedDict()

    def _forget(self) -> None:
        super()._forget()
        self._outside.clear()

    def outside(self, symbol: str, index: int, part: str) -> Path:
        """The ticks before (`early`) or after (`late`) a session."""
        key = (symbol, index, part)
        path = self._outside.get(key)
        if path is None:
            path = self._outside[key] = self._piece(symbol, self.sessions.all[index], part)
            if len(self._outside) > PIECES_KEPT:
                self._outside.popitem(last=False)
        return path

    def _piece(self, symbol: str, session: Session, part: str) -> Path:
        day = hours_of(self.sessions).of(session)
        start, end = (day.overnight, day.open) if part == EARLY else (day.close + MINUTE, day.end)
        closes, index = self._closes[symbol], session.index
        base = int(closes[max(index - 1, 0) if part == EARLY else index])
        at = np.arange(start, end, MINUTE, dtype=np.int64)
        raw = random_bits(len(at) + 1, self.seed, symbol, session.date, part)
        volatility = _SHARE[part] * self._volatility * volatility_before(closes, index)
        price = bridge(base, base, raw[: len(at)], volatility)
        bid, ask = around(price, int(raw[-1]) % 1024)
        if int(price.min()) >= 2 * PRICE:
            bid, ask = bid - (ask - bid), ask + (ask - bid)
        size = 1 + raw[: len(at)].view(np.uint8)[2::8].astype(np.int64)
        return self._after_splits(symbol, session, Path(at, price, bid, ask, size))

    def _after_splits(self, symbol: str, session: Session, path: Path) -> Path:
        """Each tick at the ratio of its date: a piece that begins in the evening has two."""
        if not self._ratios:
            return path
        midnight = new_york_midnight(session.date)
        before = divided(path.between(0, midnight), self._ratios.on(symbol, session.date - timedelta(days=1)))
        after = divided(path.between(midnight, int(path.at[-1]) + 1), self._ratios.on(symbol, session.date))
        return Path(*(np.concatenate(columns) for columns in zip(before, after, strict=True)))

    def _parts(self, symbol: str, index: int, after: int, until: int) -> Iterator[Path]:
        """The pieces of a trading day that may have ticks with after < at <= until, in order."""
        day = hours_of(self.sessions).of(self.sessions.all[index])
        if after < day.open and day.overnight <= until:
            yield self.outside(symbol, index, EARLY)
        if after < day.close and day.open <= until:
            yield self.path(symbol, index)
        if after < day.end and day.close <= until:
            yield self.outside(symbol, index, LATE)

    def _pieces(self, symbol: str, after: int, until: int) -> Iterator[tuple[Path, int, int]]:
        covered, ended = self.covered(symbol), self.sessions.ended(after)
        last = self.sessions.next_close(until)
        stop = min(covered[-1], last.index if last else covered[-1])
        for index in range(max(ended.index if ended else 0, covered[0]), stop + 1):
            for path in self._parts(symbol, index, after, until):
                low, high = path.at.searchsorted((after, until), "right").tolist()
                if low < high:
                    yield path, low, high

    def _latest(self, symbol: str, at: int) -> tuple[Path, int]:
        covered, coming = self.covered(symbol), self.sessions.next_close(at)
        index = min(coming.index, covered[-1]) if coming else covered[-1]
        while index >= covered[0]:
            for path in reversed(list(self._parts(symbol, index, 0, at))):
                place = int(path.at.searchsorted(at, "right")) - 1
                if place >= 0:
                    return self._today(symbol, path, place, at)
            index -= 1
        raise NoPrice(symbol)

    def _today(self, symbol: str, path: Path, place: int, at: int) -> tuple[Path, int]:
        """A tick in the prices of the day of `at`."""
        if self._ratios:
            ratio = self._ratios.between(symbol, self.day_of(int(path.at[place])), self.day_of(at))
            if ratio != WHOLE:
                return divided(Path(*(column[place : place + 1] for column in path)), ratio), 0
        return path, place

    def trade(self, symbol: str, at: int) -> Trade:
        return self._numbered(super().trade(symbol, at))

    def trades(self, symbol: str, start: int, end: int, at: int) -> Iterator[Trade]:
        return map(self._numbered, super().trades(symbol, start, end, at))

    def _numbered(self, trade: Trade) -> Trade:
        if self.sessions.is_open(trade.at):
            return trade
        return msgspec.structs.replace(trade, id=OUTSIDE_IDS + trade.id)
