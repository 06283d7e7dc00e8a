"""Measurements over daily closes. Floats in, floats out: nothing here is money."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

import numpy as np

from the_alchemiser.domain.market import Closes, Symbol
from the_alchemiser.domain.money import FRACTION, Weight, floor_to_lot

SESSIONS_PER_YEAR = 252
SESSIONS_PER_MONTH = 21


def momentum(closes: Closes, lookback: int, skip: int) -> float:
    """The return from `lookback` sessions ago to `skip` sessions ago.

    The latest month is left out because short-term returns tend to reverse (Jegadeesh and Titman, 1993).
    """
    return float(closes[-1 - skip] / closes[-1 - lookback] - 1.0)


def annual_volatility(closes: Closes, window: int) -> float:
    """Standard deviation of the last `window` daily log returns, per year."""
    returns = np.diff(np.log(closes[-window - 1 :]))
    return float(np.std(returns, ddof=1) * math.sqrt(SESSIONS_PER_YEAR))


def as_weights(shares_of_one: Mapping[Symbol, float]) -> dict[Symbol, Weight]:
    """Measured fractions as exact weights, each rounded down so that their sum cannot pass one."""
    return {symbol: floor_to_lot(Decimal(repr(part)), FRACTION) for symbol, part in shares_of_one.items()}
