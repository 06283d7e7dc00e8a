"""What a script lets happen to the market beside its prices: halts, price bands, corporate actions, half days.

The market carries its script as `market.script`; who enforces an entry asks it with the instant or day at hand.
Dates are New York trading days, instants ns UTC. Ids are functions of what an entry says, so that they stay
the same from run to run.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable
from datetime import date
from functools import cached_property
from typing import NamedTuple, TypeAlias, TypeVar

import msgspec

from the_alchemiser.exchange.ids import derived_uuid
from the_alchemiser.exchange.market.sessions import new_york_date, new_york_midnight

HALTED, RESUMED, BAND, SPLIT = "halted", "resumed", "band", "split"
DIVIDEND, PAYMENT, NAME_CHANGE, HALF_DAY = "dividend", "payment", "name_change", "half_day"


class Entry(msgspec.Struct, frozen=True):
    """One entry of a script."""

    @property
    def id(self) -> str:
        """A UUID that depends on what the entry says alone."""
        return derived_uuid("script", type(self).__name__, *msgspec.structs.astuple(self))


class Halt(Entry, frozen=True):
    """Nothing trades in `symbol` from `start` until just before `end`."""

    symbol: str
    start: int
    end: int
    reason: str


class Band(Entry, frozen=True):
    """From `at` to the end of the day, `symbol` may not trade above or below these prices (limit up, limit down)."""

    symbol: str
    at: int
    up_e4: int
    down_e4: int


class Split(Entry, frozen=True):
    """From the opening of `ex_date` on, `old_rate` shares are `new_rate` shares."""

    symbol: str
    ex_date: date
    old_rate: int
    new_rate: int


class Dividend(Entry, frozen=True):
    """Cash for each share held when `ex_date` begins, paid on `payable_date`."""

    symbol: str
    ex_date: date
    record_date: date
    payable_date: date
    cash_e13: int


class NameChange(Entry, frozen=True):
    """From the start of `date` on, `symbol` is called `new_symbol`."""

    symbol: str
    new_symbol: str
    date: date


class HalfDay(Entry, frozen=True):
    """The session of `date` ends at 13:00 in New York."""

    date: date


AnyEntry: TypeAlias = Halt | Band | Split | Dividend | NameChange | HalfDay


class Happening(NamedTuple):
    """An entry at the instant it takes effect. A halt is two (halted, resumed), a dividend two (dividend, payment)."""

    at: int
    kind: str
    entry: AnyEntry


class MarketScript:
    """The entries of a script; by default there are none."""

    def __init__(self, entries: Iterable[AnyEntry] = ()) -> None:
        self.entries = tuple(entries)
        self.halts = tuple(entry for entry in self.entries if isinstance(entry, Halt))
        self.bands = tuple(entry for entry in self.entries if isinstance(entry, Band))
        self.splits = tuple(entry for entry in self.entries if isinstance(entry, Split))
        self.dividends = tuple(entry for entry in self.entries if isinstance(entry, Dividend))
        self.name_changes = tuple(entry for entry in self.entries if isinstance(entry, NameChange))
        self.half_days = tuple(entry for entry in self.entries if isinstance(entry, HalfDay))
        self._halts = _by_symbol(self.halts)
        self._bands = _by_symbol(self.bands)
        self._half_dates = frozenset(entry.date for entry in self.half_days)
        self._happenings = sorted(_happenings(self.entries), key=lambda happening: happening.at)

    def __bool__(self) -> bool:
        return bool(self.entries)

    @cached_property
    def fingerprint(self) -> str:
        """A name for exactly these entries; empty when there are none."""
        if not self.entries:
            return ""
        return hashlib.sha256("|".join(entry.id for entry in self.entries).encode()).hexdigest()[:16]

    def halted(self, symbol: str, at: int) -> Halt | None:
        """The halt that `symbol` is in at `at`."""
        for halt in self._halts.get(symbol, ()):
            if halt.start <= at < halt.end:
                return halt
        return None

    def band(self, symbol: str, at: int) -> Band | None:
        """The band in force at `at`: the day's latest so far."""
        given = [band for band in self._bands.get(symbol, ()) if band.at <= at]
        latest = max(given, key=lambda band: band.at, default=None)
        if latest is None or new_york_date(latest.at) != new_york_date(at):
            return None
        return latest

    def is_half_day(self, day: date) -> bool:
        return day in self._half_dates

    def between(self, after: int, until: int) -> list[Happening]:
        """What takes effect with after < at <= until, in order."""
        first = bisect_right(self._happenings, after, key=lambda happening: happening.at)
        end = bisect_right(self._happenings, until, key=lambda happening: happening.at)
        return self._happenings[first:end]

    def symbols(self) -> frozenset[str]:
        """Every symbol that must exist for the script to make sense."""
        named = {entry.symbol for entry in self.entries if not isinstance(entry, HalfDay)}
        return frozenset(named - {change.new_symbol for change in self.name_changes})


_Timed = TypeVar("_Timed", Halt, Band)


def _by_symbol(entries: Iterable[_Timed]) -> dict[str, list[_Timed]]:
    found: dict[str, list[_Timed]] = {}
    for entry in entries:
        found.setdefault(entry.symbol, []).append(entry)
    return found


def _happenings(entries: Iterable[AnyEntry]) -> Iterable[Happening]:
    for entry in entries:
        match entry:
            case Halt():
                yield Happening(entry.start, HALTED, entry)
                yield Happening(entry.end, RESUMED, entry)
            case Band():
                yield Happening(entry.at, BAND, entry)
            case Split():
                yield Happening(new_york_midnight(entry.ex_date), SPLIT, entry)
            case Dividend():
                yield Happening(new_york_midnight(entry.ex_date), DIVIDEND, entry)
                yield Happening(new_york_midnight(entry.payable_date), PAYMENT, entry)
            case NameChange():
                yield Happening(new_york_midnight(entry.date), NAME_CHANGE, entry)
            case HalfDay():
                yield Happening(new_york_midnight(entry.date), HALF_DAY, entry)
