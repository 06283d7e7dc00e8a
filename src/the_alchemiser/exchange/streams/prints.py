"""Prints that turn out wrong: a seeded share of them is corrected, cancelled or late, as on a real tape.

Off unless asked for. The history always shows what is right in the end, so a client that applies what the
stream tells agrees with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

from the_alchemiser.exchange.market.prices import Trade
from the_alchemiser.exchange.units import SECOND

CORRECTED, CANCELLED, LATE = "corrected", "cancelled", "late"
NOTICE_AFTER = 5 * SECOND  # from a wrong print to the message that says so
UPDATE_AFTER = 30 * SECOND  # from the end of a minute to its updated bar
_WHOLE = 10_000
_KINDS = (CORRECTED, CANCELLED, LATE)


@dataclass(frozen=True, slots=True)
class PrintErrors:
    """How many per cent of the prints go wrong, each kind as often as the others."""

    percent: float = 0.0

    def of(self, symbol: str, trade: Trade) -> str | None:
        """What is wrong with this print: a pure function of symbol, instant and id."""
        if not self.percent:
            return None
        drawn = crc32(f"{symbol}|{trade.at}|{trade.id}".encode())
        if drawn % _WHOLE >= self.percent * _WHOLE / 100:
            return None
        return _KINDS[drawn // _WHOLE % len(_KINDS)]
