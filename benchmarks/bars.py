"""One-minute bars for the benchmarks: a seeded random walk on the real minutes of real sessions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from the_alchemiser.domain.market import Bar
from the_alchemiser.exchange.market.sessions import xnys_sessions

MINUTE = 60_000_000_000
FIRST_SESSION = 5040  # the first of 2010
SYMBOL = "BENCH"

Floats = npt.NDArray[np.float64]


class Minutes(NamedTuple):
    """Aligned arrays; `at` is the start of the bar in nanoseconds UTC."""

    at: npt.NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats


def minutes(count: int, seed: int = 7, volatility: float = 5e-4) -> Minutes:
    """`count` bars with prices of four decimals, starting at 100 dollars."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.standard_normal(count) * volatility))
    begin = np.concatenate([[100.0], close[:-1]]) * np.exp(rng.standard_normal(count) * volatility * 0.2)
    high = np.maximum(begin, close) * np.exp(np.abs(rng.standard_normal(count)) * volatility * 0.4)
    low = np.minimum(begin, close) * np.exp(-np.abs(rng.standard_normal(count)) * volatility * 0.4)
    return Minutes(_starts(count), *(np.round(prices, 4) for prices in (begin, high, low, close)))


def as_bars(data: Minutes) -> Iterator[Bar]:
    """The same as the engine's own events, made one by one as a data feed would."""
    columns = (
        data.at.tolist(),
        data.open.tolist(),
        data.high.tolist(),
        data.low.tolist(),
        data.close.tolist(),
    )
    for at, begin, high, low, close in zip(*columns, strict=True):
        yield Bar(SYMBOL, at, begin, high, low, close, 0.0, at + MINUTE)


def _starts(count: int) -> npt.NDArray[np.int64]:
    starts: list[npt.NDArray[np.int64]] = []
    left = count
    for session in xnys_sessions().all[FIRST_SESSION:]:
        day = np.arange(session.open, session.close, MINUTE, dtype=np.int64)[:left]
        starts.append(day)
        left -= len(day)
        if not left:
            return np.concatenate(starts)
    raise ValueError(f"there are not {count} minutes of sessions")
