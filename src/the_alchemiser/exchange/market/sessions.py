"""When the New York Stock Exchange trades: the regular sessions, half days included, 1990-2029.

The table is shipped (data/xnys_sessions.csv), so no calendar library is needed to run.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

import msgspec

from the_alchemiser.exchange.units import DAY, HOUR, MINUTE, SECOND

NEW_YORK = ZoneInfo("America/New_York")
HALF_DAY_ENDS = 13 * HOUR
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class Session(msgspec.Struct, frozen=True):
    """One regular session; `open` and `close` are instants (ns UTC), trading is open <= t < close."""

    index: int
    date: date
    open: int
    close: int

    @property
    def is_half_day(self) -> bool:
        return self.close - self.open < 6 * 60 * MINUTE


class Sessions:
    """An ordered table of sessions, asked by instant (ns UTC) or by date."""

    def __init__(self, sessions: list[Session]) -> None:
        self.all = tuple(sessions)
        self._opens = [session.open for session in sessions]
        self._closes = [session.close for session in sessions]
        self._dates = [session.date for session in sessions]

    def current(self, at: int) -> Session | None:
        """The session that is open at `at`, or None."""
        index = bisect_right(self._opens, at) - 1
        return self.all[index] if index >= 0 and at < self._closes[index] else None

    def is_open(self, at: int) -> bool:
        return self.current(at) is not None

    def begun(self, at: int) -> Session | None:
        """The latest session that has opened by `at` (perhaps closed again since)."""
        index = bisect_right(self._opens, at) - 1
        return self.all[index] if index >= 0 else None

    def ended(self, at: int) -> Session | None:
        """The latest session that has closed by `at`."""
        index = bisect_right(self._closes, at) - 1
        return self.all[index] if index >= 0 else None

    def next_open(self, at: int) -> Session | None:
        """The first session that opens after `at`; None beyond the table."""
        index = bisect_right(self._opens, at)
        return self.all[index] if index < len(self.all) else None

    def next_close(self, at: int) -> Session | None:
        """The first session that closes after `at` (today's while it is open); None beyond the table."""
        index = bisect_right(self._closes, at)
        return self.all[index] if index < len(self.all) else None

    def on(self, day: date) -> Session | None:
        index = bisect_left(self._dates, day)
        return self.all[index] if index < len(self.all) and self._dates[index] == day else None

    def shortened(self, dates: Collection[date]) -> Sessions:
        """The same sessions, but those of `dates` end at 13:00 in New York."""
        return Sessions([_half(session) if session.date in dates else session for session in self.all])

    def between(self, first: date, last: date) -> tuple[Session, ...]:
        """The sessions from `first` to `last`, both included."""
        return self.all[bisect_left(self._dates, first) : bisect_right(self._dates, last)]


def new_york_midnight(day: date) -> int:
    """The instant (ns UTC) at which `day` begins in New York: the time stamp of its daily bar."""
    return int(datetime(day.year, day.month, day.day, tzinfo=NEW_YORK).timestamp()) * SECOND


def new_york_date(at: int) -> date:
    """The calendar date in New York at `at`."""
    return datetime.fromtimestamp(at // SECOND, tz=UTC).astimezone(NEW_YORK).date()


def _half(session: Session) -> Session:
    end = new_york_midnight(session.date) + HALF_DAY_ENDS
    return msgspec.structs.replace(session, close=min(session.close, end))


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:5])


def read_sessions(lines: list[str]) -> Sessions:
    """Sessions from rows `date,open,close` with the times of day in UTC; the first line is the header."""
    sessions = []
    for index, line in enumerate(lines[1:]):
        day = date.fromisoformat(line[:10])
        midnight = (day.toordinal() - _EPOCH_ORDINAL) * DAY
        opens, closes = _minutes(line[11:16]), _minutes(line[17:22])
        sessions.append(Session(index, day, midnight + opens * MINUTE, midnight + closes * MINUTE))
    return Sessions(sessions)


@lru_cache(maxsize=1)
def xnys_sessions() -> Sessions:
    """The shipped table of New York sessions."""
    table = resources.files("the_alchemiser.exchange.market") / "data" / "xnys_sessions.csv"
    return read_sessions(table.read_text(encoding="ascii").splitlines())
