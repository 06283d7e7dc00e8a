"""Which part of the trading day an instant lies in: overnight, before the opening, regular, after the close, closed.

New York time. Overnight runs from 20:00 of the evening before a trading day to 04:00, the early session to the
opening, the late one from the close to 20:00, or to four hours after an early close.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from the_alchemiser.exchange.market.sessions import Session, Sessions, new_york_date, new_york_midnight
from the_alchemiser.exchange.units import HOUR, NEVER

OVERNIGHT, PRE, REGULAR, POST, CLOSED = "overnight", "pre", "regular", "post", "closed"

# From New York's midnight of the trading day.
_OVERNIGHT_BEGINS, _PRE_BEGINS, _POST_LASTS = -4 * HOUR, 4 * HOUR, 4 * HOUR


class TradingDay(NamedTuple):
    """The instants (ns UTC) at which the parts of one trading day begin; `end` is the end of its last part."""

    overnight: int
    pre: int
    open: int
    close: int
    end: int


class Span(NamedTuple):
    """One part of the day: began <= t < ends."""

    phase: str
    began: int
    ends: int


class Hours:
    """The phases around the regular sessions of a calendar."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._days: dict[int, TradingDay] = {}

    def of(self, session: Session) -> TradingDay:
        """The trading day around a regular session."""
        day = self._days.get(session.index)
        if day is None:
            midnight = new_york_midnight(session.date)
            day = self._days[session.index] = TradingDay(
                midnight + _OVERNIGHT_BEGINS,
                midnight + _PRE_BEGINS,
                session.open,
                session.close,
                session.close + _POST_LASTS,
            )
        return day

    def span(self, at: int) -> Span:
        """The part of the day that `at` lies in; beyond the calendar everything is closed."""
        ended, coming = self._sessions.ended(at), self._sessions.next_close(at)
        began = self.of(ended).close if ended else 0
        if ended is not None:
            late_end = self.of(ended).end
            if at < late_end:
                return Span(POST, began, late_end)
            began = late_end
        if coming is None:
            return Span(CLOSED, began, NEVER)
        day = self.of(coming)
        for phase, ends in ((CLOSED, day.overnight), (OVERNIGHT, day.pre), (PRE, day.open)):
            if at < ends:
                return Span(phase, began, ends)
            began = ends
        return Span(REGULAR, day.open, day.close)

    def phase(self, at: int) -> str:
        return self.span(at).phase

    def day(self, at: int) -> TradingDay | None:
        """The trading day that `at` lies in, or else the next one; None beyond the calendar."""
        ended = self._sessions.ended(at)
        if ended is not None and at < self.of(ended).end:
            return self.of(ended)
        coming = self._sessions.next_close(at)
        return self.of(coming) if coming else None

    def today(self, at: int) -> TradingDay | None:
        """The trading day whose New York date it is at `at`; None on other dates."""
        session = self._sessions.on(new_york_date(at))
        return self.of(session) if session else None


@lru_cache(maxsize=16)
def hours_of(sessions: Sessions) -> Hours:
    """The hours around `sessions`; one object for all who ask, since it remembers the days it has computed."""
    return Hours(sessions)
