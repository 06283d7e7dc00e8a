"""Random walks that go from one price to another, the same on every machine.

Only bits from PCG64 (whose stream NumPy promises to keep) and +, -, *, / and root on floats are used,
all of them exactly defined; no logarithm, no exponential, no library normal.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
import numpy.typing as npt

from the_alchemiser.exchange.market.barring import Ints
from the_alchemiser.exchange.units import CENT_E4, PRICE

Bits = npt.NDArray[np.uint64]

# Sum of four uniform 16-bit numbers: mean and standard deviation, for steps that need no log and no exp.
_STEP_MEAN = 2 * 65535
_STEP_DEVIATION = 37837.2


def on_grid(prices: Ints) -> Ints:
    """Prices rounded to their tick, half up: cents from $1, hundredths of a cent below."""
    step = tick_steps(prices)
    return (prices + step // 2) // step * step


def tick_steps(prices: Ints) -> Ints | int:
    """The tick of each price; one number where they all share it, which is the usual and faster case."""
    if int(prices.min()) >= PRICE:
        return CENT_E4
    steps: Ints = np.where(prices >= PRICE, CENT_E4, 1)
    return steps


def random_bits(count: int, *key: object) -> Bits:
    """`count` 64-bit words that are a pure function of `key`."""
    digest = hashlib.blake2b("|".join(map(str, key)).encode(), digest_size=16).digest()
    return np.random.PCG64(int.from_bytes(digest, "big")).random_raw(count)


def bridge(first: int, last: int, raw: Bits, volatility: float) -> Ints:
    """A path from exactly `first` to exactly `last`, by +, *, / and root alone: the same on every machine."""
    count = len(raw)
    parts = raw.view(np.uint16).reshape(count, 4)
    steps = parts[:, 0].astype(np.int64) + parts[:, 1] + parts[:, 2] + parts[:, 3] - _STEP_MEAN
    steps[0] = 0
    walk = np.cumsum(steps)
    # Subtracting the straight line from start to end of the walk ties both ends to zero.
    slope = (last - first - _scale(first, count, volatility) * float(walk[-1])) / (count - 1)
    path = first + walk * _scale(first, count, volatility) + np.arange(count) * slope
    low, high = min(first, last) * 0.8, max(first, last) * 1.25
    np.clip(path, max(low, 1.0), high, out=path)
    whole = on_grid(np.rint(path).astype(np.int64))
    # A float may have lost the last unit on the way; both ends are promised exactly.
    whole[0], whole[-1] = first, last
    return whole


def _scale(first: int, count: int, volatility: float) -> float:
    """What one unit of the raw walk is worth, in 1e-4 dollars."""
    return volatility * first / (_STEP_DEVIATION * math.sqrt(count - 1))
