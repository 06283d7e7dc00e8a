"""What a data stream shows of a stretch of market time, channel by channel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Protocol

from the_alchemiser.exchange.market.prices import Bar, Quote, Trade
from the_alchemiser.exchange.market.script import MarketScript
from the_alchemiser.exchange.market.sessions import new_york_date, new_york_midnight
from the_alchemiser.exchange.streams import feeds as f
from the_alchemiser.exchange.streams import messages as m
from the_alchemiser.exchange.streams.batch import Event
from the_alchemiser.exchange.streams.orderbooks import BookAt, book_changes
from the_alchemiser.exchange.streams.prints import (
    CANCELLED,
    CORRECTED,
    LATE,
    NOTICE_AFTER,
    UPDATE_AFTER,
    PrintErrors,
)
from the_alchemiser.exchange.streams.scripted import lulds, statuses
from the_alchemiser.exchange.units import DAY, MINUTE

LAST_PRICE_WITHIN = DAY  # how far back the last price before a halt is looked for

Wanted = Mapping[str, set[str]]


class Tape(Protocol):
    """The part of a Market that is told."""

    script: MarketScript

    def trades(self, symbol: str, start: int, end: int, at: int) -> Iterable[Trade]: ...

    def quotes(self, symbol: str, start: int, end: int, at: int) -> Iterable[Quote]: ...

    def bars(self, symbol: str, timeframe: str, start: int, end: int, at: int) -> list[Bar]: ...


@dataclass(frozen=True, slots=True)
class Stretch:
    """after < time <= until on one tape."""

    tape: Tape
    family: str
    after: int
    until: int
    errors: PrintErrors
    book_at: BookAt | None = None

    def earlier(self, distance: int) -> Stretch:
        """The stretch that is told so much later."""
        after, until = self.after - distance, self.until - distance
        return Stretch(self.tape, self.family, after, until, self.errors, self.book_at)


Reader = Callable[[Stretch, str], Iterable[Event]]


def market_events(stretch: Stretch, wanted: Wanted) -> list[Event]:
    """Everything to be told of the symbols wanted by channel, in the order of time."""
    events: list[Event] = []
    for symbol in sorted(set().union(*wanted.values())):
        for channel, read in READERS.items():
            if symbol in wanted.get(channel, ()):
                events += read(stretch, symbol)
    # A stable sort: at one instant by symbol, then in the order of the readers.
    events.sort(key=attrgetter("sent_at"))
    return events


def _quotes(stretch: Stretch, symbol: str) -> Iterator[Event]:
    message = m.QUOTES_OF[stretch.family]
    for quote in stretch.tape.quotes(symbol, stretch.after + 1, stretch.until, stretch.until):
        yield Event(quote.at, f.QUOTES, symbol, quote.at, message(symbol, quote))


def _trades(stretch: Stretch, symbol: str) -> Iterator[Event]:
    message = m.TRADES_OF[stretch.family]
    has_errors = stretch.family == f.STOCKS and stretch.errors.percent > 0
    for trade in _prints(stretch, symbol):
        error = stretch.errors.of(symbol, trade) if has_errors else None
        if error != CORRECTED:
            yield Event(trade.at, f.TRADES, symbol, trade.at, message(symbol, trade))
        if error in (CORRECTED, CANCELLED):
            told = m.mistaken(symbol, trade, corrected=error == CORRECTED)
            yield Event(trade.at, f.TRADES, symbol, trade.at, told)


def _prints(stretch: Stretch, symbol: str) -> Iterable[Trade]:
    return stretch.tape.trades(symbol, stretch.after + 1, stretch.until, stretch.until)


def _notices(stretch: Stretch, symbol: str) -> Iterator[Event]:
    """What was wrong with prints, some seconds after them."""
    if not stretch.errors.percent:
        return
    for trade in _prints(stretch.earlier(NOTICE_AFTER), symbol):
        error, sent_at = stretch.errors.of(symbol, trade), trade.at + NOTICE_AFTER
        if error == CORRECTED:
            yield Event(sent_at, f.CORRECTIONS, symbol, sent_at, m.correction(symbol, trade))
        elif error == CANCELLED:
            yield Event(sent_at, f.CANCEL_ERRORS, symbol, sent_at, m.cancellation(symbol, trade))


def _minutes(stretch: Stretch, symbol: str) -> list[Bar]:
    """The minute bars that ended within the stretch."""
    first, last = stretch.after // MINUTE * MINUTE, stretch.until // MINUTE * MINUTE
    if first == last:
        return []
    return stretch.tape.bars(symbol, "1Min", first, last - MINUTE, stretch.until)


def _bars(stretch: Stretch, symbol: str) -> Iterator[Event]:
    for bar in _minutes(stretch, symbol):
        known = _without_late_print(stretch, symbol, bar) or bar
        yield Event(bar.at + MINUTE, f.BARS, symbol, bar.at, m.bar_message("b", symbol, known))


def _updated_bars(stretch: Stretch, symbol: str) -> Iterator[Event]:
    """The minutes whose last print came late, told again with it."""
    if not stretch.errors.percent:
        return
    told_now = stretch.earlier(UPDATE_AFTER)
    for bar in _minutes(told_now, symbol):
        if _without_late_print(told_now, symbol, bar) is not None:
            sent_at = bar.at + MINUTE + UPDATE_AFTER
            yield Event(sent_at, f.UPDATED_BARS, symbol, bar.at, m.bar_message("u", symbol, bar))


def _without_late_print(stretch: Stretch, symbol: str, bar: Bar) -> Bar | None:
    """The minute as it looked before its last print; None when that one was in time, or the only one."""
    if not stretch.errors.percent:
        return None
    end = bar.at + MINUTE - 1
    last = max(stretch.tape.trades(symbol, bar.at, end, end), key=lambda trade: trade.at, default=None)
    if last is None or stretch.errors.of(symbol, last) != LATE:
        return None
    before = stretch.tape.bars(symbol, "1Min", bar.at, bar.at, last.at - 1)
    return before[0] if before else None


def _daily_bars(stretch: Stretch, symbol: str) -> Iterator[Event]:
    """After each minute with trades, the running bar of its day."""
    for minute in _minutes(stretch, symbol):
        day, ended = _day_start(stretch.family, minute.at), minute.at + MINUTE
        for bar in stretch.tape.bars(symbol, "1Day", day, day, ended):
            yield Event(ended, f.DAILY_BARS, symbol, bar.at, m.bar_message("d", symbol, bar))


def _imbalances(stretch: Stretch, symbol: str) -> Iterator[Event]:
    """Each minute of a halt: the price at which the stock last traded, where orders gather."""
    for halt in stretch.tape.script.halts:
        if halt.symbol != symbol:
            continue
        last: Trade | None = None
        for at in range(halt.start + MINUTE, halt.end, MINUTE):
            if stretch.after < at <= stretch.until:
                last = last or _last_before(stretch.tape, symbol, halt.start)
                if last is not None:
                    yield Event(at, f.IMBALANCES, symbol, at, m.imbalance(symbol, last))


def _last_before(tape: Tape, symbol: str, at: int) -> Trade | None:
    prints = tape.trades(symbol, at - LAST_PRICE_WITHIN, at - 1, at)
    return max(prints, key=lambda trade: trade.at, default=None)


def _orderbooks(stretch: Stretch, symbol: str) -> Iterable[Event]:
    if stretch.book_at is None:
        return ()
    moves = stretch.tape.quotes(symbol, stretch.after + 1, stretch.until, stretch.until)
    return book_changes(stretch.book_at, symbol, stretch.after, (quote.at for quote in moves))


def _day_start(family: str, at: int) -> int:
    """Days of crypto are those of UTC, all others those of New York."""
    return at // DAY * DAY if family == f.CRYPTO else new_york_midnight(new_york_date(at))


def is_overnight(at: int) -> bool:
    """Whether an instant lies in the overnight session, 20:00 to 04:00 in New York."""
    midnight = new_york_midnight(new_york_date(at))
    return not 4 * 60 * MINUTE <= at - midnight < 20 * 60 * MINUTE


READERS: dict[str, Reader] = {
    f.STATUSES: lambda stretch, symbol: statuses(stretch.tape.script, symbol, stretch.after, stretch.until),
    f.LULDS: lambda stretch, symbol: lulds(stretch.tape.script, symbol, stretch.after, stretch.until),
    f.IMBALANCES: _imbalances,
    f.QUOTES: _quotes,
    f.TRADES: _trades,
    f.CORRECTIONS: _notices,
    f.BARS: _bars,
    f.UPDATED_BARS: _updated_bars,
    f.DAILY_BARS: _daily_bars,
    f.ORDERBOOKS: _orderbooks,
}
