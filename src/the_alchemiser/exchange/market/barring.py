"""How ticks become bars: timeframes, where each bar starts, and what it sums up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from the_alchemiser.exchange.market.prices import Bar
from the_alchemiser.exchange.units import HOUR, MINUTE, PRICE

Ints = npt.NDArray[np.int64]

_PATTERN = re.compile(r"(\d{1,2})(Min|T|Hour|H|Day|D|Week|W|Month|M)")
_UNITS = {"T": "Min", "H": "Hour", "D": "Day", "W": "Week", "M": "Month"}
_COUNTS = {
    "Min": range(1, 60),
    "Hour": range(1, 24),
    "Day": range(1, 2),
    "Week": range(1, 2),
    "Month": (1, 2, 3, 4, 6, 12),
}


class Timeframe(NamedTuple):
    number: int
    unit: str

    @property
    def width(self) -> int:
        """Nanoseconds of an intraday bar; 0 for days and longer."""
        return self.number * {"Min": MINUTE, "Hour": HOUR}.get(self.unit, 0)


def parse_timeframe(text: str) -> Timeframe:
    """`1Min`, `15T`, `4Hour`, `1Day`, `1Week`, `3Month` …; ValueError for anything else."""
    match = _PATTERN.fullmatch(text)
    if match:
        count, unit = int(match[1]), _UNITS.get(match[2], match[2])
        if count in _COUNTS[unit]:
            return Timeframe(count, unit)
    raise ValueError(f"invalid timeframe: {text}")


class Path(NamedTuple):
    """The ticks of one symbol in one session: instants, trade prices, bids, asks, traded shares."""

    at: Ints
    price: Ints
    bid: Ints
    ask: Ints
    size: Ints

    def until(self, at: int) -> Path:
        """The part that has happened by `at`."""
        if not len(self.at) or at >= int(self.at[-1]):
            return self
        count = int(np.searchsorted(self.at, at, side="right"))
        return Path(*(column[:count] for column in self))

    def between(self, start: int, end: int) -> Path:
        """The part with start <= at < end."""
        low, high = self.at.searchsorted((start, end)).tolist()
        if low == 0 and high == len(self.at):
            return self
        return Path(*(column[low:high] for column in self))


class Span(NamedTuple):
    """What happened in one bar, exactly: prices in 1e-4 dollars, `value` = sum of price x shares."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    trades: int
    value: int


def span_of(path: Path, *, quiet_ticks: bool = False) -> Span | None:
    """The whole of `path` as one bar, None when it is empty.

    Every tick counts as a trade; with `quiet_ticks` those of size zero are quotes only.
    """
    if not len(path.at):
        return None
    price, size = path.price, path.size
    return Span(
        int(price[0]),
        int(price.max()),
        int(price.min()),
        int(price[-1]),
        int(size.sum()),
        int(np.count_nonzero(size)) if quiet_ticks else len(price),
        int((price * size).sum()),
    )


def joined(spans: Iterable[Span]) -> Span:
    """Consecutive spans as one; there must be at least one."""
    opens, highs, lows, closes, volumes, trades, values = zip(*spans, strict=True)
    return Span(
        opens[0],
        max(highs),
        min(lows),
        closes[-1],
        sum(volumes),
        sum(trades),
        sum(values),
    )


def bar_at(at: int, span: Span) -> Bar:
    vwap = span.value / span.volume / PRICE if span.volume else span.close / PRICE
    return Bar(
        at,
        span.open / PRICE,
        span.high / PRICE,
        span.low / PRICE,
        span.close / PRICE,
        span.volume,
        span.trades,
        round(vwap, 6),
    )


def intraday_bars(path: Path, midnight: int, width: int, *, quiet_ticks: bool = False) -> Iterator[Bar]:
    """Bars of `width` ns, counted from `midnight`; none where there is no tick. `quiet_ticks` as in `span_of`."""
    if not len(path.at):
        return
    buckets = (path.at - midnight) // width
    starts = np.flatnonzero(np.diff(buckets, prepend=buckets[0] - 1))
    ends = np.append(starts[1:], len(buckets))
    columns = (
        path.price[starts],
        np.maximum.reduceat(path.price, starts),
        np.minimum.reduceat(path.price, starts),
        path.price[ends - 1],
        np.add.reduceat(path.size, starts),
        np.add.reduceat((path.size > 0).astype(np.int64), starts) if quiet_ticks else ends - starts,
        np.add.reduceat(path.price * path.size, starts),
    )
    spans = zip(*(column.tolist() for column in columns), strict=True)
    for bucket, span in zip(buckets[starts].tolist(), spans, strict=True):
        yield bar_at(midnight + bucket * width, Span(*span))


def period_start(timeframe: Timeframe, day: date) -> date:
    """The first day of the bar `day` belongs to: the day, its Monday, or the first of its month group."""
    if timeframe.unit == "Week":
        return day - timedelta(days=day.weekday())
    if timeframe.unit == "Month":
        return date(day.year, (day.month - 1) // timeframe.number * timeframe.number + 1, 1)
    return day


def period_end(timeframe: Timeframe, day: date) -> date:
    """The last day of the bar `day` belongs to."""
    first = period_start(timeframe, day)
    if timeframe.unit == "Week":
        return first + timedelta(days=6)
    if timeframe.unit == "Month":
        months = first.year * 12 + first.month - 1 + timeframe.number
        return date(months // 12, months % 12 + 1, 1) - timedelta(days=1)
    return day


def period_bars(
    timeframe: Timeframe, days: Iterable[tuple[date, Span]], midnight: Callable[[date], int]
) -> Iterator[Bar]:
    """Bars of a day and longer from daily spans in order; `midnight` is where a day begins."""
    group: list[Span] = []
    first: date | None = None
    for day, span in days:
        start = period_start(timeframe, day)
        if first is not None and start != first:
            yield bar_at(midnight(first), joined(group))
            group = []
        first = start
        group.append(span)
    if first is not None:
        yield bar_at(midnight(first), joined(group))
