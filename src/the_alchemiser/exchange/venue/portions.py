"""How much of an order one execution fills."""

from __future__ import annotations

from hashlib import blake2b

from the_alchemiser.exchange.units import QUANTITY

ONE_IN = 10
"""So often does a paper account fill a random part instead of all."""


def random_part(whole_e9: int, *key: object) -> int:
    """`whole_e9`, or one time in ten a part of it, in whole shares where it is whole; a pure function of `key`."""
    draw = int.from_bytes(blake2b("|".join(map(str, key)).encode(), digest_size=8).digest(), "big")
    unit = QUANTITY if whole_e9 % QUANTITY == 0 else 1
    units = whole_e9 // unit
    if draw % ONE_IN or units < 2:
        return whole_e9
    return (1 + draw // ONE_IN % (units - 1)) * unit


class Display:
    """What the quote in force still shows on each side, after what was taken from it."""

    __slots__ = ("_at", "_taken")

    def __init__(self) -> None:
        self._at = -1
        self._taken = {"buy": 0, "sell": 0}

    def left_e9(self, at: int, side: str, shown: float) -> int:
        """What an order of `side` finds of the `shown` units of the quote that came up at `at`."""
        if at != self._at:
            self._at = at
            self._taken = {"buy": 0, "sell": 0}
        return max(0, int(shown * QUANTITY) - self._taken[side])

    def take(self, side: str, qty_e9: int) -> None:
        self._taken[side] += qty_e9
