"""Stops that follow the market: the best price so far, the stop behind it, and the tick at which it is reached."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from the_alchemiser.exchange.market.prices import Stretch, Tick

# A trail in per cent counts ten-thousandths of a per cent: this many make the whole price.
WHOLE = 100 * 10**4


class Trail(NamedTuple):
    """A stop `distance_e4` or `percent_e4` (ten-thousandths of a per cent) behind the best price, `mark_e4`.

    The best price is the highest for a sell, the lowest for a buy.
    """

    sells: bool
    mark_e4: int
    distance_e4: int
    percent_e4: int

    @property
    def stop_e4(self) -> int:
        behind = self.distance_e4 or self.mark_e4 * self.percent_e4 // WHOLE
        return self.mark_e4 - behind if self.sells else self.mark_e4 + behind

    def after(self, price_e4: int) -> Trail:
        """The trail once the market has traded at this price."""
        better = max if self.sells else min
        return self._replace(mark_e4=better(self.mark_e4, price_e4))


def followed(trail: Trail, stretches: Iterable[Stretch]) -> Trail:
    """The trail after all these ticks."""
    for path in stretches:
        trail = trail.after(int(path.price.max() if trail.sells else path.price.min()))
    return trail


def first_reached(trail: Trail, stretches: Iterable[Stretch]) -> Tick | None:
    """The first tick that trades at the stop or beyond, as it stands by then."""
    for path in stretches:
        best = (np.maximum if trail.sells else np.minimum).accumulate(path.price)
        marks = np.maximum(best, trail.mark_e4) if trail.sells else np.minimum(best, trail.mark_e4)
        behind = trail.distance_e4 or marks * trail.percent_e4 // WHOLE
        reached = path.price <= marks - behind if trail.sells else path.price >= marks + behind
        first = int(reached.argmax())
        if reached[first]:
            return Tick(int(path.at[first]), int(path.bid[first]), int(path.ask[first]))
        trail = trail._replace(mark_e4=int(marks[-1]))
    return None
