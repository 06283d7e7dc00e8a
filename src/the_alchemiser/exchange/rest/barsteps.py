"""How a page of bars is read in steps: the longer ones are made of days, which a market remembers once drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta

from the_alchemiser.exchange.market.barring import Timeframe, period_end, period_start
from the_alchemiser.exchange.market.prices import Bar
from the_alchemiser.exchange.rest.paging import Reader
from the_alchemiser.exchange.rows import bar_row
from the_alchemiser.exchange.units import DAY

_DAYS_AT_ONCE, _WEEKS_AT_ONCE, _MONTH = 16 * DAY, 64 * DAY, 31 * DAY
_EPOCH = date(1970, 1, 1)

ReadBars = Callable[[str, int, int], Iterable[Bar]]


def bars_reader(frame: Timeframe, bars: ReadBars, daily: ReadBars, now: int) -> Reader:
    """A reader of bars: `bars` gives those of the frame, `daily` those of a day; symbol, first and last start."""

    def prepare(symbol: str, low: int, high: int) -> Iterator[object]:
        """Draws the days of the periods that begin in between, a few at a time; which days exactly matters little."""
        first, last = period_start(frame, _day(low)), period_end(frame, _day(min(high, now)))
        for begin in range(_midnight(first), _midnight(last) + 1, _DAYS_AT_ONCE):
            yield list(daily(symbol, begin, min(begin + _DAYS_AT_ONCE, now)))

    read = _rows(bars)
    if frame.unit == "Month":
        return Reader(read, frame.number * _MONTH, "M", prepare)
    if frame.unit == "Week":
        return Reader(read, _WEEKS_AT_ONCE, "W", prepare)
    return Reader(read, DAY if frame.width else _DAYS_AT_ONCE, frame.unit[0])


def _rows(bars: ReadBars) -> Callable[[str, int, int], Iterator[tuple[int, dict[str, object]]]]:
    return lambda symbol, low, high: ((bar.at, bar_row(bar)) for bar in bars(symbol, low, high))


def _day(at: int) -> date:
    return _EPOCH + timedelta(days=at // DAY)


def _midnight(day: date) -> int:
    return (day - _EPOCH).days * DAY
