"""What the market says: assets, sessions, quotes, bars, and the one snapshot that a decision may see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from .instants import Nanos
from .money import Price

Symbol = str
Closes = npt.NDArray[np.float64]
"""Daily closes of one symbol, oldest first (measurements, so floats)."""


class Asset(msgspec.Struct, frozen=True):
    """What may be traded, and how finely."""

    symbol: Symbol
    tradable: bool = True
    fractionable: bool = False


class Session(msgspec.Struct, frozen=True):
    """One trading day of the exchange; `close` is 13:00 New York on half days."""

    date: str
    open: Nanos
    close: Nanos


class Quote(msgspec.Struct, frozen=True, gc=False):
    """The best bid and offer of one symbol at one instant."""

    symbol: Symbol
    at: Nanos
    bid: Price
    ask: Price

    @property
    def middle(self) -> Price:
        """Halfway between bid and ask, not rounded to a tick."""
        return (self.bid + self.ask) / 2

    @property
    def is_two_sided(self) -> bool:
        """Whether both sides are there, positive and not crossed: the least a decision may rest on."""
        return 0 < self.bid <= self.ask


class Bar(msgspec.Struct, gc=False):
    """One complete bar of one symbol; `at` is its start. Floats: bars are measurements, never money.

    It is itself the engine's hottest event, so nothing is wrapped around it; `end` is the instant it was complete.
    """

    symbol: Symbol
    at: Nanos
    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0
    end: Nanos = 0


class History(msgspec.Struct, frozen=True):
    """Daily closes of one symbol; `last_date` is the session of the newest one (ISO date)."""

    symbol: Symbol
    last_date: str
    closes: Any
    """Closes, oldest first (a float array)."""


class MarketSnapshot(msgspec.Struct, frozen=True):
    """All prices known at one instant, complete and fresh. A scheduled strategy can see nothing else."""

    at: Nanos
    session: Session
    histories: Mapping[Symbol, History]
    quotes: Mapping[Symbol, Quote]

    @property
    def symbols(self) -> list[Symbol]:
        """The universe in its fixed order."""
        return list(self.histories)

    def closes(self, symbol: Symbol) -> Closes:
        """Daily closes of `symbol`, oldest first."""
        closes: Closes = self.histories[symbol].closes
        return closes
