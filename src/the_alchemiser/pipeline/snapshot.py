"""May we decide at all? Market data becomes a snapshot only when it is complete and fresh."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from the_alchemiser.domain.instants import SECOND, Nanos
from the_alchemiser.domain.market import Asset, History, MarketSnapshot, Quote, Session, Symbol

QUOTE_AGE_SECONDS_MAX = 120
"""Older quotes are no basis for an opening trade."""


class MarketFindings(msgspec.Struct, frozen=True):
    """What one read of the market brought."""

    at: Nanos
    histories: Mapping[Symbol, History]
    quotes: Mapping[Symbol, Quote]
    assets: Mapping[Symbol, Asset]


class Unusable(msgspec.Struct, frozen=True):
    """Why no snapshot can be taken; `is_passing` says whether waiting can help."""

    reasons: tuple[str, ...]
    is_passing: bool


def take_snapshot(
    found: MarketFindings,
    universe: Sequence[Symbol],
    session: Session,
    previous_date: str,
    sessions_needed: int,
) -> MarketSnapshot | Unusable:
    """One consistent view of the whole universe, or every reason against it."""
    lasting, passing = [], []
    for symbol in universe:
        lack = _lasting_lack(found, symbol, previous_date, sessions_needed)
        if lack:
            lasting.append(lack)  # That there is no quote either follows from it.
        elif lack := _passing_lack(found, symbol):
            passing.append(lack)
    if lasting or passing:
        return Unusable(tuple(lasting + passing), is_passing=not lasting)
    return MarketSnapshot(
        found.at,
        session,
        {symbol: found.histories[symbol] for symbol in universe},
        {symbol: found.quotes[symbol] for symbol in universe},
    )


def histories_digest(histories: Mapping[Symbol, History]) -> str:
    """SHA-256 over every close of every symbol: two decisions with one digest saw the same past."""
    digest = hashlib.sha256()
    for symbol, history in histories.items():
        digest.update(symbol.encode())
        digest.update(np.ascontiguousarray(history.closes, dtype="<f8").tobytes())
    return digest.hexdigest()


def _lasting_lack(found: MarketFindings, symbol: Symbol, previous_date: str, sessions_needed: int) -> str:
    asset, history = found.assets.get(symbol), found.histories.get(symbol)
    if asset is None:
        return f"{symbol}: the broker knows no such symbol"
    if not asset.tradable:
        return f"{symbol}: not tradable at the broker"
    if history is None or len(history.closes) == 0:
        return f"{symbol}: no price history"
    if len(history.closes) < sessions_needed:
        return f"{symbol}: {len(history.closes)} daily closes, {sessions_needed} needed"
    if history.last_date != previous_date:
        return f"{symbol}: newest close is of {history.last_date}, expected {previous_date}"
    if not np.all(np.isfinite(history.closes)) or np.min(history.closes) <= 0:
        return f"{symbol}: a close that is not a positive number"
    return ""


def _passing_lack(found: MarketFindings, symbol: Symbol) -> str:
    quote = found.quotes.get(symbol)
    if quote is None:
        return f"{symbol}: no quote"
    if not quote.is_two_sided:
        return f"{symbol}: unusable quote {quote.bid} / {quote.ask}"
    age_seconds = (found.at - quote.at) // SECOND
    if age_seconds > QUOTE_AGE_SECONDS_MAX:
        return f"{symbol}: quote is {age_seconds} s old, at most {QUOTE_AGE_SECONDS_MAX} s allowed"
    return ""
