"""Who was called what, and when: the instruments behind a symbol, after the name changes of a script.

A market keeps its prices under the name an instrument had first.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from the_alchemiser.exchange.market.prices import Market
from the_alchemiser.exchange.market.script import MarketScript, NameChange
from the_alchemiser.exchange.market.sessions import new_york_midnight
from the_alchemiser.exchange.units import NEVER


class Stretch(NamedTuple):
    """The prices of `symbol` (its first name) from `start` to `end`, both included."""

    symbol: str
    start: int
    end: int


def capitals(name: str) -> str:
    """A symbol however it is written; letters of other scripts stay, for some have the capitals of ASCII."""
    return name.upper() if name.isascii() else name


def first_name(script: MarketScript, symbol: str, day: date) -> str | None:
    """The first name of what is called `symbol` on `day`; None when the name belongs to nobody then."""
    name = symbol
    for change in reversed(_until(script, day)):
        if change.new_symbol == name:
            name = change.symbol
        elif change.symbol == name:
            return None
    return name


def name_on(script: MarketScript, original: str, day: date) -> str:
    """What the instrument that was first called `original` is called on `day`."""
    name = original
    for change in _until(script, day):
        if change.symbol == name:
            name = change.new_symbol
    return name


def stretches(market: Market, symbol: str, as_of: date | None) -> list[Stretch]:
    """Where the prices asked for as `symbol` are.

    Those of the one instrument called so on `as_of`, under whatever names; without a day, or when nobody was
    called so on it, those of whoever bore the name, while it was theirs.
    """
    original = first_name(market.script, symbol, as_of) if as_of is not None else None
    if original is not None and market.asset(original) is not None:
        return [Stretch(original, 0, NEVER)]
    return _bearers(market, symbol)


def _bearers(market: Market, symbol: str) -> list[Stretch]:
    found: list[Stretch] = []
    bearer, since = (symbol if market.asset(symbol) is not None else None), 0
    for change in _until(market.script, date.max):
        at = new_york_midnight(change.date)
        if change.symbol == symbol and bearer is not None:
            found.append(Stretch(bearer, since, at - 1))
            bearer = None
        elif change.new_symbol == symbol:
            bearer, since = first_name(market.script, symbol, change.date), at
    if bearer is not None:
        found.append(Stretch(bearer, since, NEVER))
    return found


def _until(script: MarketScript, day: date) -> list[NameChange]:
    """The name changes by `day`, in order."""
    return sorted(
        (change for change in script.name_changes if change.date <= day), key=lambda change: change.date
    )
