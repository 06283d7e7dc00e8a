"""Which option contracts exist: their symbols, when they expire, since when they are listed, and at which strikes.

Every week has one expiry, on its last session (a Friday but for holidays), listed eight weeks ahead; the expiry of
the third Friday of a month is listed a year ahead. Strikes lie around the close before the listing; an expiry of a
third Friday gets finer ones when it comes within eight weeks. All of it is computed, nothing stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from the_alchemiser.exchange.market.paths import PathMarket
from the_alchemiser.exchange.market.prices import OCC_SYMBOL, NoPrice
from the_alchemiser.exchange.market.sessions import Session, new_york_date
from the_alchemiser.exchange.units import PRICE, format_price

CALL, PUT = "call", "put"
MULTIPLIER = 100
WEEKLY_AHEAD, MONTHLY_AHEAD = timedelta(days=56), timedelta(days=364)
LOWEST_SPOT_E4 = 3 * PRICE  # no chain is listed on a cheaper stock
STRIKES_CACHED = 4096
# Distance between strikes of the last eight weeks, by the spot they are listed at; those listed earlier lie twice
# as far apart.
_STRIKE_STEPS = ((25, 0.5), (100, 1), (200, 2.5), (500, 5), (10**6, 10))


class Contract(NamedTuple):
    """One option contract: the right to buy (call) or sell (put) 100 shares at the strike, until its expiry day's
    close.
    """

    underlying: str
    expiry: date
    kind: str
    strike_e4: int

    @property
    def symbol(self) -> str:
        """The OCC symbol: root, yymmdd, C or P, strike in thousandths of a dollar."""
        return f"{self.underlying}{self.expiry:%y%m%d}{self.kind[0].upper()}{self.strike_e4 // 10:08d}"

    @property
    def name(self) -> str:
        strike = format_price(self.strike_e4)
        return f"{self.underlying} {self.expiry:%b %d %Y} {strike} {self.kind.capitalize()}"

    @property
    def is_call(self) -> bool:
        return self.kind == CALL

    def intrinsic_e4(self, spot_e4: int) -> int:
        """What exercising is worth by the share."""
        return max(0, spot_e4 - self.strike_e4 if self.is_call else self.strike_e4 - spot_e4)


def parse_contract(symbol: str) -> Contract | None:
    """The contract that an OCC symbol names, whether or not it was ever listed."""
    match = OCC_SYMBOL.fullmatch(symbol)
    if match is None:
        return None
    root, year, month, day, letter, thousandths = match.groups()
    try:
        # The shipped history begins in 1990, before options had such symbols.
        expiry = date(int(year) + (1900 if int(year) >= 90 else 2000), int(month), int(day))
    except ValueError:
        return None
    return Contract(root, expiry, CALL if letter == "C" else PUT, int(thousandths) * 10)


class Expiry(NamedTuple):
    """One expiry: its session, and from which sessions on its strikes are listed (None: not in the calendar)."""

    session: Session
    far: Session | None
    near: Session | None


class Chains:
    """The contracts on the tradable stocks of a market."""

    def __init__(self, stocks: PathMarket) -> None:
        self._stocks = stocks
        self._sessions = stocks.sessions
        self.underlyings = tuple(asset.symbol for asset in stocks.assets() if asset.tradable)
        self._known = frozenset(self.underlyings)
        self._strikes = lru_cache(maxsize=STRIKES_CACHED)(self._listed_strikes)
        self._of_week = lru_cache(maxsize=STRIKES_CACHED)(self._expiry_of_week)

    def expiry_on(self, day: date) -> Expiry | None:
        """The expiry on `day`, if contracts expire on it."""
        expiry = self._of_week(_friday_of(day))
        return expiry if expiry is not None and expiry.session.date == day else None

    def expiries(self, first: date, last: date, at: int) -> Iterator[Expiry]:
        """The expiries from `first` to `last` that have been listed by `at`, in order; past ones too."""
        first = max(first, self._sessions.all[0].date)
        last = min(last, self._sessions.all[-1].date)
        friday = _friday_of(first)
        while friday - timedelta(days=4) <= last:
            expiry = self._of_week(friday)
            if expiry is not None and first <= expiry.session.date <= last and _listed(expiry, at):
                yield expiry
            friday += timedelta(days=7)

    def listed(self, contract: Contract, at: int) -> bool:
        """Whether a contract has been listed by `at` (it may have expired since)."""
        if contract.underlying not in self._known:
            return False
        expiry = self.expiry_on(contract.expiry)
        return expiry is not None and contract.strike_e4 in self.strikes(contract.underlying, expiry, at)

    def first_session(self, contract: Contract) -> Session | None:
        """The session from which on the contract is listed; None if it never is."""
        expiry = self.expiry_on(contract.expiry) if contract.underlying in self._known else None
        if expiry is None:
            return None
        for session, far in ((expiry.far, True), (expiry.near, False)):
            if session and contract.strike_e4 in self._strikes(contract.underlying, session.index, far):
                return session
        return None

    def strikes(self, underlying: str, expiry: Expiry, at: int) -> list[int]:
        """The strikes (1e-4 dollars) listed by `at`, ascending."""
        found: set[int] = set()
        for session, far in ((expiry.far, True), (expiry.near, False)):
            if session is not None and session.open <= at:
                found |= self._strikes(underlying, session.index, far)
        return sorted(found)

    def contracts(self, underlying: str, expiry: Expiry, at: int) -> Iterator[Contract]:
        """The contracts of one expiry: by strike within calls, then puts."""
        strikes = self.strikes(underlying, expiry, at) if underlying in self._known else []
        for kind in (CALL, PUT):
            for strike in strikes:
                yield Contract(underlying, expiry.session.date, kind, strike)

    def _expiry_of_week(self, friday: date) -> Expiry | None:
        week = self._sessions.between(friday - timedelta(days=4), friday)
        if not week:
            return None
        is_third = 15 <= friday.day <= 21
        far = self._first_from(friday - MONTHLY_AHEAD) if is_third else None
        return Expiry(week[-1], far, self._first_from(friday - WEEKLY_AHEAD))

    def _first_from(self, day: date) -> Session | None:
        found = self._sessions.between(day, day + timedelta(days=7))
        return found[0] if found else None

    def _listed_strikes(self, underlying: str, index: int, far: bool) -> frozenset[int]:
        """The strikes that a listing before session `index` brings; those listed a year ahead reach further."""
        try:
            spot = self._stocks.previous_close_e4(underlying, self._sessions.all[index].open)
        except NoPrice:
            return frozenset()
        if spot < LOWEST_SPOT_E4:
            return frozenset()
        step = strike_step_e4(spot) * (2 if far else 1)
        low, high = (spot // 2, spot * 8 // 5) if far else (spot * 7 // 10, spot * 13 // 10)
        return frozenset(range(-(-low // step) * step, high + 1, step))


def strike_step_e4(spot_e4: int) -> int:
    """The distance between strikes listed at this spot."""
    return next(int(step * PRICE) for below, step in _STRIKE_STEPS if spot_e4 < below * PRICE)


def _friday_of(day: date) -> date:
    return (
        day + timedelta(days=4 - day.weekday())
        if day.weekday() < 5
        else day - timedelta(days=day.weekday() - 4)
    )


def _listed(expiry: Expiry, at: int) -> bool:
    return any(session is not None and session.open <= at for session in (expiry.far, expiry.near))


def coming_weekend(at: int) -> date:
    """The Sunday on or after the New York date of `at`: how far a list of contracts looks unless told."""
    today = new_york_date(at)
    return today + timedelta(days=6 - today.weekday())
