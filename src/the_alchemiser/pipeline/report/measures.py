"""Figures measured over the series of closes: returns, drawdown, yearly figures, and what holding would give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from the_alchemiser.domain.market import Symbol

from .figures import Curve, Drawdown, YearlyMeasures

Closing = tuple[str, float]
"""A session's date and a symbol's close on it."""
Series = npt.NDArray[np.float64]

SESSIONS_PER_YEAR = 252
VOLATILITY_SESSIONS_MIN = 60
"""Below about a quarter of daily returns a volatility says more about luck than about the strategy."""
GROWTH_SESSIONS_MIN = 250
"""A shorter period is not scaled up to a year (GIPS forbids it); 250 sessions make the shortest trading year."""


def returns_of(equity: Series) -> Series:
    """Daily returns; a day that began with nothing returned nothing."""
    before = equity[:-1]
    return np.divide(
        np.diff(equity),
        before,
        out=np.zeros(max(len(equity) - 1, 0)),
        where=before != 0,
    )


def drawdown_of(equity: Series, sessions: Sequence[str]) -> Drawdown:
    """How far equity was below its highest point so far."""
    highest = np.maximum.accumulate(equity)
    series = np.divide(equity, highest, out=np.ones(len(equity)), where=highest > 0) - 1
    trough = int(np.argmin(series))
    peak = int(np.argmax(equity[: trough + 1]))
    return Drawdown(tuple(series.tolist()), float(series[trough]), sessions[peak], sessions[trough])


def yearly_measures(equity: Series) -> YearlyMeasures:
    """Volatility, Sharpe ratio and growth, each None where there are too few days."""
    returns = returns_of(equity)
    if len(returns) < VOLATILITY_SESSIONS_MIN:
        return YearlyMeasures()
    spread = float(np.std(returns, ddof=1))
    volatility = spread * SESSIONS_PER_YEAR**0.5
    sharpe = float(np.mean(returns)) / spread * SESSIONS_PER_YEAR**0.5 if spread else None
    return YearlyMeasures(volatility, sharpe, _growth(equity, len(returns)))


def _growth(equity: Series, days: int) -> float | None:
    if days < GROWTH_SESSIONS_MIN or equity[0] <= 0 or equity[-1] <= 0:
        return None
    return float((equity[-1] / equity[0]) ** (SESSIONS_PER_YEAR / days)) - 1


def start_date(closes: Mapping[Symbol, Sequence[Closing]], first_session: str) -> str:
    """The newest date with a close before the first session; empty where there is none."""
    dates = (date for series in closes.values() for date, _ in series if date < first_session)
    return max(dates, default="")


def held_equally(
    closes: Mapping[Symbol, Sequence[Closing]],
    sessions: Sequence[str],
    equity_start: float,
    name: str,
) -> Curve | None:
    """Equal dollars of every symbol bought at the first date's close and never touched again.

    A symbol without a close at the start is left out and named. None where no symbol has one.
    """
    growth = {symbol: _growth_since_start(series, sessions) for symbol, series in closes.items()}
    known = [series for series in growth.values() if series is not None]
    if not known:
        return None
    values = np.mean(np.array(known), axis=0) * equity_start
    missing = tuple(symbol for symbol, series in growth.items() if series is None)
    return Curve(name, tuple(values.tolist()), yearly_measures(values), missing)


def _growth_since_start(series: Sequence[Closing], sessions: Sequence[str]) -> list[float] | None:
    by_date = dict(series)
    first = by_date.get(sessions[0], 0.0)
    if not first > 0:
        return None
    values, newest = [], first
    for session in sessions:
        # No trade, no price: a missing close leaves the holding at its last one.
        newest = by_date.get(session, newest)
        values.append(newest / first)
    return values
