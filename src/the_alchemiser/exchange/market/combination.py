"""Several contracts traded as one: what a combination is called, and its net price.

Buying one unit of it buys the legs with a plus and sells those with a minus; a net price below zero is a credit. The
prices of combinations are shifted by a constant, so that they are never negative where prices are compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

NET_SHIFT_E4 = 2**40
# Asked for a combination one of whose legs nobody bids for: more than any order pays.
UNSELLABLE_E4 = 2**62 + 1
_PART = re.compile(r"([+-]\d+)([A-Z]{1,6}\d{6}[CP]\d{8})")


class Part(NamedTuple):
    """One leg: contracts bought (or, below zero, sold) for each unit."""

    number: int
    symbol: str


def combination_symbol(parts: Iterable[Part]) -> str:
    """A name that only this combination has; no client can order by it."""
    return "".join(f"{part.number:+d}{part.symbol}" for part in parts)


def parts_of(symbol: str) -> list[Part]:
    """The legs of a combination; none if the symbol names something else."""
    if symbol[:1] not in ("+", "-"):
        return []
    return [Part(int(number), name) for number, name in _PART.findall(symbol)]
