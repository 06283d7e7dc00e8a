"""The markets of the newer clock and calendar: which are known here, and when they trade.

The equity and option markets of New York keep one table of days, half days included; overnight trading belongs to
the day it leads to. Banks and foreign exchanges have other days, which this exchange does not know.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from the_alchemiser.exchange.market.hours import CLOSED, OVERNIGHT, REGULAR, Hours, hours_of
from the_alchemiser.exchange.market.sessions import Session, Sessions, new_york_date
from the_alchemiser.exchange.rows import Row, settlement_day
from the_alchemiser.exchange.timestamps import rfc3339, rfc3339_new_york

DAY_LONG, REGULAR_ONLY, NIGHT_ONLY = "day long", "regular only", "night only"
_PHASES = {"pre": "pre", REGULAR: "core", "post": "post"}


class PublicMarket(NamedTuple):
    """A market and the part of the day in which it trades."""

    acronym: str
    name: str
    mic: str
    trades: str = DAY_LONG
    timezone: str = "America/New_York"

    def row(self) -> Row:
        """What the API says about a market."""
        return {"acronym": self.acronym, "name": self.name, "timezone": self.timezone, "mic": self.mic}


_KNOWN = (
    PublicMarket("NYSE", "New York Stock Exchange", "XNYS"),
    PublicMarket("NASDAQ", "Nasdaq Stock Market", "XNAS"),
    PublicMarket("IEX", "Investors Exchange", "IEXG"),
    PublicMarket("OTC", "OTC Markets", "OTCM"),
    PublicMarket("OPRA", "Options Price Reporting Authority", "OPRA", REGULAR_ONLY),
    PublicMarket("BOATS", "Blue Ocean Alternative Trading System", "OCEA", NIGHT_ONLY),
)
MARKETS = {code: market for market in _KNOWN for code in (market.acronym, market.mic)}


def served_until(sessions: Sessions) -> int:
    """The instant from which on the table may have no next opening of some market."""
    return sessions.all[-2].open


def day_of(market: PublicMarket, session: Session, sessions: Sessions, *, utc: bool) -> Row:
    """One trading day of a market."""
    write = rfc3339 if utc else rfc3339_new_york
    day = hours_of(sessions).of(session)
    row: dict[str, Any] = {
        "date": session.date.isoformat(),
        "settlement_date": settlement_day(session, sessions).isoformat(),
    }
    core = (day.overnight, day.pre) if market.trades == NIGHT_ONLY else (day.open, day.close)
    row["core_start"], row["core_end"] = map(write, core)
    if market.trades == DAY_LONG:
        row["pre_start"], row["pre_end"] = write(day.pre), write(day.open)
        row["post_start"], row["post_end"] = write(day.close), write(day.end)
    return row


def clock_of(market: PublicMarket, sessions: Sessions, at: int) -> Row:
    """The clock of a market at `at`."""
    phase, until = _phase(market, hours_of(sessions), at)
    opens, closes = _next_core(market, sessions, at)
    return {
        "market": market.row(),
        "timestamp": rfc3339_new_york(at),
        "is_market_day": sessions.on(new_york_date(at)) is not None,
        "next_market_open": rfc3339_new_york(opens),
        "next_market_close": rfc3339_new_york(closes),
        "phase": phase,
        "phase_until": rfc3339_new_york(until),
    }


def _phase(market: PublicMarket, hours: Hours, at: int) -> tuple[str, int]:
    """The phase of a market and when it ends: parts of the day in which it is closed are one."""
    name, until = _part(market, hours, at)
    while True:
        following, end = _part(market, hours, until)
        if following != name:
            return name, until
        until = end


def _part(market: PublicMarket, hours: Hours, at: int) -> tuple[str, int]:
    span = hours.span(at)
    if market.trades == NIGHT_ONLY:
        return ("core" if span.phase == OVERNIGHT else CLOSED), span.ends
    if market.trades == REGULAR_ONLY:
        return ("core" if span.phase == REGULAR else CLOSED), span.ends
    return _PHASES.get(span.phase, CLOSED), span.ends


def _next_core(market: PublicMarket, sessions: Sessions, at: int) -> tuple[int, int]:
    """When the core session opens and closes next, both in the future."""
    hours = hours_of(sessions)
    begun = sessions.ended(at)
    first = begun.index if begun else 0
    days = [hours.of(session) for session in sessions.all[first : first + 4]]
    night = market.trades == NIGHT_ONLY
    opens = [day.overnight if night else day.open for day in days]
    closes = [day.pre if night else day.close for day in days]
    return min(t for t in opens if t > at), min(t for t in closes if t > at)
