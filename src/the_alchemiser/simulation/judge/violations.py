"""What a broken invariant looks like, and the names there are: those that are judged, and those that are not yet."""

from __future__ import annotations

import msgspec

JUDGED = (
    "I-ONE",
    "I-JRN",
    "I-LIM",
    "I-RES",
    "I-CLOSE",
    "I-FILL",
    "I-POS",
    "I-CASH",
    "I-EXT",
    "I-EPOCH",
    "I-AUD",
    "I-UNK",
    "I-STALE",
    "I-DAY",
    "I-BND",
    "I-ALRM",
)
"""Invariants with a check of their own here."""

NOT_JUDGED = {
    "I-LATCH": "there is no stop latch yet",
    "I-FLAT": "there is no stop latch yet",
    "I-PROT": "protective orders at the broker are not placed yet",
    "I-LEAK": "secrets never enter a simulated world",
    "I-API": "there is no API yet",
}
"""Invariants without a check, and why: nothing of them passes, because nothing of them is asked."""


class Violation(msgspec.Struct, frozen=True):
    """One broken rule: which, when (ns UTC of the exchange) and how it showed."""

    invariant: str
    at: int
    text: str

    def __str__(self) -> str:
        return f"{self.invariant} at {self.at}: {self.text}"
