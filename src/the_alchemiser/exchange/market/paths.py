"""A market made of one path of ticks per symbol and session: everything it shows is read off the paths.

What differs between markets is only where a path comes from (`_path_of`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import count

import msgspec

from the_alchemiser.exchange.market.adjusted import WHOLE, SplitRatios, divided
from the_alchemiser.exchange.market.barring import (
    Ints,
    Path,
    Span,
    intraday_bars,
    parse_timeframe,
    period_bars,
    period_end,
    period_start,
    span_of,
)
from the_alchemiser.exchange.market.prices import (
    HIGHEST,
    LOWEST,
    Asset,
    Bar,
    Levels,
    NoPrice,
    Quote,
    Tick,
    Trade,
    UnknownSymbol,
)
from the_alchemiser.exchange.market.script import MarketScript
from the_alchemiser.exchange.market.sessions import (
    Session,
    Sessions,
    new_york_date,
    new_york_midnight,
)
from the_alchemiser.exchange.units import round_to_tick

PATH_CACHE_SIZE = 128


class PathMarket:
    """The reading half of a market. Subclasses give `_path_of` and the session range of each symbol.

    A market whose days are not New York's says so with `day_of` and `midnight`; one in which a tick need not
    be a trade, with `quiet_ticks`.
    """

    quiet_ticks = False
    path_cache_size = PATH_CACHE_SIZE

    def __init__(
        self,
        sessions: Sessions,
        assets: tuple[Asset, ...],
        covered: dict[str, range],
        fingerprint: str,
    ) -> None:
        self.sessions = sessions
        self.fingerprint = fingerprint
        self._script = MarketScript()
        self._ratios = SplitRatios(self._script)
        self._assets = {asset.symbol: asset for asset in assets}
        self._covered = covered
        self.first_day: date = sessions.all[min(indexes[0] for indexes in covered.values())].date
        self.last_day: date = sessions.all[max(indexes[-1] for indexes in covered.values())].date
        self._paths: OrderedDict[tuple[str, int], Path] = OrderedDict()
        # The last quote asked for, and until when it holds: most questions are about one instant.
        self._quotes: dict[str, tuple[Quote, int]] = {}
        self._spans: dict[str, dict[int, Span | None]] = {symbol: {} for symbol in covered}

    @property
    def script(self) -> MarketScript:
        """What happens beside the prices. A half day of the script ends the prices of its session early, too."""
        return self._script

    @script.setter
    def script(self, script: MarketScript) -> None:
        self._script, self._ratios = script, SplitRatios(script)
        if script.half_days:
            self.sessions = self.sessions.shortened({entry.date for entry in script.half_days})
        self._forget()

    def _forget(self) -> None:
        """What was drawn without the script."""
        self._paths.clear()
        for spans in self._spans.values():
            spans.clear()

    def after_splits(self, symbol: str, session: Session, path: Path) -> Path:
        """The path of a session as it was traded, after the splits of the script and without what its halts
        suppress.
        """
        return self._outside_halts(symbol, divided(path, self._ratios.on(symbol, session.date)))

    def _outside_halts(self, symbol: str, path: Path) -> Path:
        for halt in self.script.halts:
            if halt.symbol == symbol:
                kept = (path.at < halt.start) | (path.at >= halt.end)
                path = Path(*(column[kept] for column in path))
        return path

    def day_of(self, at: int) -> date:
        """The date that `at` belongs to."""
        return new_york_date(at)

    def midnight(self, day: date) -> int:
        """The instant at which `day` begins."""
        return new_york_midnight(day)

    def _path_of(self, symbol: str, session: Session) -> Path:
        raise NotImplementedError

    def assets(self) -> tuple[Asset, ...]:
        return tuple(self._assets.values())

    def asset(self, symbol: str) -> Asset | None:
        return self._assets.get(symbol)

    def keep_from_lending(self, symbols: Iterable[str]) -> None:
        """These become hard to borrow. ValueError: there is no such symbol."""
        for symbol in symbols:
            if symbol not in self._assets:
                raise ValueError(f"there is no {symbol} that could be hard to borrow")
            self._assets[symbol] = msgspec.structs.replace(self._assets[symbol], easy_to_borrow=False)

    def covered(self, symbol: str) -> range:
        """The indexes of the sessions for which `symbol` has prices. Raises UnknownSymbol."""
        try:
            return self._covered[symbol]
        except KeyError:
            raise UnknownSymbol(symbol) from None

    def path(self, symbol: str, index: int) -> Path:
        """The whole path of a session, the future included: for those who cut it at their own instant."""
        key = (symbol, index)
        path = self._paths.get(key)
        if path is None:
            session = self.sessions.all[index]
            path = self.after_splits(symbol, session, self._path_of(symbol, session))
            self._paths[key] = path
            if len(self._paths) > self.path_cache_size:
                self._paths.popitem(last=False)
        else:
            self._paths.move_to_end(key)
        return path

    def _latest(self, symbol: str, at: int) -> tuple[Path, int]:
        """The path and the position in it of the last tick by `at`. Raises NoPrice before the first.

        Where a split lies between that tick and `at`, the path is that one tick alone, divided.
        """
        covered = self.covered(symbol)
        begun = self.sessions.begun(at)
        index = min(begun.index, covered[-1]) if begun else -1
        while index >= covered[0]:
            path = self.path(symbol, index)
            place = int(path.at.searchsorted(at, "right")) - 1
            if place >= 0:
                if not self._ratios:
                    return path, place
                ratio = self._ratios.between(symbol, self.sessions.all[index].date, self.day_of(at))
                if ratio == WHOLE:
                    return path, place
                return divided(Path(*(column[place : place + 1] for column in path)), ratio), 0
            index -= 1
        raise NoPrice(symbol)

    def quote(self, symbol: str, at: int) -> Quote:
        known = self._quotes.get(symbol)
        if known is not None and known[0].at <= at < known[1]:
            return known[0]
        path, place = self._latest(symbol, at)
        quote = _quote_at(path, place)
        if place + 1 < len(path.at):
            self._quotes[symbol] = quote, int(path.at[place + 1])
        return quote

    def trade(self, symbol: str, at: int) -> Trade:
        return _trade_at(*self._latest(symbol, at))

    def previous_close_e4(self, symbol: str, at: int) -> int:
        covered = self.covered(symbol)
        today = self.day_of(at)
        ended = self.sessions.between(self.first_day, today - timedelta(days=1))
        index = min(ended[-1].index, covered[-1]) if ended else -1
        while index >= covered[0]:
            close = self._close_of(symbol, index)
            if close is not None:
                ratio = self._ratios.between(symbol, self.sessions.all[index].date, today)
                return close if ratio == WHOLE else round_to_tick(int(close * ratio))
            index -= 1
        raise NoPrice(symbol)

    def _close_of(self, symbol: str, index: int) -> int | None:
        """The last price of a session that is over; None if it had no trade."""
        span = self._span(symbol, index)
        return span.close if span else None

    def ticks(self, symbol: str, after: int, until: int) -> Iterator[Tick]:
        for path, low, high in self._pieces(symbol, after, until):
            columns = (path.at[low:high], path.bid[low:high], path.ask[low:high])
            yield from map(Tick._make, zip(*(column.tolist() for column in columns), strict=True))

    def next_cross(self, symbol: str, after: int, until: int, levels: Levels) -> Tick | None:
        for path, low, high in self._pieces(symbol, after, until):
            place = _first_reached(path, low, high, levels)
            if place >= 0:
                return Tick(int(path.at[place]), int(path.bid[place]), int(path.ask[place]))
        return None

    def stretches(self, symbol: str, after: int, until: int) -> Iterator[Path]:
        for path, low, high in self._pieces(symbol, after, until):
            yield Path(*(column[low:high] for column in path))

    def trades(self, symbol: str, start: int, end: int, at: int) -> Iterator[Trade]:
        """The prints with start <= time <= end that had happened by `at`, in order."""
        for path, low, high in self._pieces(symbol, start - 1, min(end, at)):
            part = slice(low, high)
            yield from map(Trade, *_numbers(path.at[part], path.price[part], path.size[part]), count(low + 1))

    def quotes(self, symbol: str, start: int, end: int, at: int) -> Iterator[Quote]:
        """The quotes that came up with start <= time <= end and by `at`, in order."""
        for path, low, high in self._pieces(symbol, start - 1, min(end, at)):
            part = slice(low, high)
            size = path.size[part]
            shown = (100 * (1 + size % 17), 100 * (1 + size % 13))
            yield from map(Quote, *_numbers(path.at[part], path.bid[part], path.ask[part], *shown))

    def _pieces(self, symbol: str, after: int, until: int) -> Iterator[tuple[Path, int, int]]:
        """Non-empty stretches (path, first, end) of the ticks with after < at <= until."""
        covered = self.covered(symbol)
        begun, last = self.sessions.begun(after), self.sessions.begun(until)
        if last is None:
            return
        first = max(begun.index if begun else 0, covered[0])
        for index in range(first, min(last.index, covered[-1]) + 1):
            path = self.path(symbol, index)
            low, high = path.at.searchsorted((after, until), "right").tolist()
            if low < high:
                yield path, low, high

    def _span(self, symbol: str, index: int) -> Span | None:
        known = self._spans[symbol]
        if index not in known:
            known[index] = self._sum_up(symbol, self.sessions.all[index])
        return known[index]

    def _sum_up(self, symbol: str, session: Session) -> Span | None:
        """The whole session as one bar. Past the cache of paths, which a year of daily bars would flush."""
        return self._span_of(self.after_splits(symbol, session, self._path_of(symbol, session)))

    def _span_of(self, path: Path) -> Span | None:
        return span_of(self._drawn(path), quiet_ticks=self.quiet_ticks)

    def _drawn(self, path: Path) -> Path:
        """The ticks that bars are drawn from."""
        return path

    def bars(self, symbol: str, timeframe: str, start: int, end: int, at: int) -> list[Bar]:
        """Bars whose start lies in [start, end], as known at `at`. ValueError for an unknown timeframe."""
        frame = parse_timeframe(timeframe)
        if end < start:
            return []
        first, last = period_start(frame, self.day_of(start)), period_end(frame, self.day_of(min(end, at)))
        days = self._sessions_for(symbol, first, last, at)
        if frame.width:
            drawn = self._intraday(symbol, days, frame.width, (start, end, at))
        else:
            drawn = period_bars(frame, self._daily(symbol, days, at), self.midnight)
        return [bar for bar in drawn if start <= bar.at <= end]

    def _intraday(
        self, symbol: str, days: list[Session], width: int, within: tuple[int, int, int]
    ) -> Iterator[Bar]:
        """The bars of `width` that start from the first to the second instant within, as known at the third."""
        start, end, at = within
        for session in days:
            midnight = self.midnight(session.date)
            # Only whole bars, and only those asked for: a minute out of a day costs a minute.
            low = midnight - (midnight - start) // width * width
            high = midnight + ((end - midnight) // width + 1) * width
            part = self.path(symbol, session.index).between(low, min(high, at + 1))
            yield from intraday_bars(self._drawn(part), midnight, width, quiet_ticks=self.quiet_ticks)

    def _sessions_for(self, symbol: str, first: date, last: date, at: int) -> list[Session]:
        covered = self.covered(symbol)
        chosen = self.sessions.between(first, last)
        return [session for session in chosen if session.index in covered and session.open <= at]

    def _daily(self, symbol: str, days: list[Session], at: int) -> Iterator[tuple[date, Span]]:
        for session in days:
            if session.close <= at:
                span = self._span(symbol, session.index)
            else:
                span = self._span_of(self.path(symbol, session.index).until(at))
            if span is not None:
                yield session.date, span


def _first_reached(path: Path, low: int, high: int, levels: Levels) -> int:
    """The first place in [low, high) that reaches a level; -1 without one. Levels nobody waits at cost nothing."""
    found = []
    if levels.buy_e4 > LOWEST:
        found.append(path.ask[low:high] <= levels.buy_e4)
    if levels.sell_e4 < HIGHEST:
        found.append(path.bid[low:high] >= levels.sell_e4)
    if levels.stop_sell_e4 > LOWEST:
        found.append(path.price[low:high] <= levels.stop_sell_e4)
    if levels.stop_buy_e4 < HIGHEST:
        found.append(path.price[low:high] >= levels.stop_buy_e4)
    firsts = [low + int(reached.argmax()) for reached in found if reached.any()]
    return min(firsts, default=-1)


def _quote_at(path: Path, place: int) -> Quote:
    # The displayed sizes are simulated, too: derived from the traded one, so that they need no path of their own.
    size = int(path.size[place])
    bid, ask = int(path.bid[place]), int(path.ask[place])
    return Quote(int(path.at[place]), bid, ask, 100 * (1 + size % 17), 100 * (1 + size % 13))


def _numbers(*columns: Ints) -> Iterator[list[int]]:
    """Columns as Python's numbers, a column at a time: much faster than a number at a time."""
    return (column.tolist() for column in columns)


def _trade_at(path: Path, place: int) -> Trade:
    return Trade(int(path.at[place]), int(path.price[place]), int(path.size[place]), place + 1)
