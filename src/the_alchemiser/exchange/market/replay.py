"""Bars of the user's own as a market: minute bars tick through open, low, high and close; days are bridged.

A bar becomes four ticks, a quarter of its length apart: its open at its start, its low and high in an
order the seed decides, its close. A daily bar becomes a simulated path from its open to its close that
touches its high and low. Prices are rounded to the tick. There is no spread unless one is asked for.
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path as FilePath

import numpy as np
import numpy.typing as npt

from the_alchemiser.exchange.market.barfiles import BadBars, BarTable, read_bar_files
from the_alchemiser.exchange.market.barring import Ints, Path
from the_alchemiser.exchange.market.bridge import bridge, random_bits, tick_steps
from the_alchemiser.exchange.market.paths import PathMarket
from the_alchemiser.exchange.market.prices import Asset, asset_id
from the_alchemiser.exchange.market.sessions import Session, Sessions, xnys_sessions
from the_alchemiser.exchange.units import DAY, SECOND

TICK_INTERVAL = 10 * SECOND
SOURCE_INTRADAY = "bars supplied by the user; simulated path within each bar"
SOURCE_DAILY = "daily bars supplied by the user; simulated intraday path between open and close"
MAX_SPREAD_BASIS_POINTS = 1_000


class ReplayedBars(PathMarket):
    """The market over the bar files in `folder`. Raises BadBars naming file, line and column.

    `outside_sessions` counts the intraday bars that lie outside regular New York sessions and are left out.
    """

    def __init__(self, folder: FilePath, *, seed: int = 7, spread_basis_points: float = 0) -> None:
        if not 0 <= spread_basis_points <= MAX_SPREAD_BASIS_POINTS:
            raise ValueError(f"spread_basis_points must be from 0 to {MAX_SPREAD_BASIS_POINTS}")
        self.seed = seed
        self._half_spread = spread_basis_points / 20_000
        self.outside_sessions = 0
        sessions = xnys_sessions()
        self._bars = {table.symbol: self._placed(table, sessions) for table in read_bar_files(folder)}
        covered = {symbol: _covered(sessions, table) for symbol, table in self._bars.items()}
        assets = tuple(_asset(table) for table in self._bars.values())
        digest = _digest(self._bars, spread_basis_points)
        super().__init__(sessions, assets, covered, f"replayed-bars/{digest}")

    def _placed(self, table: BarTable, sessions: Sessions) -> BarTable:
        """The table with daily bars moved to their session's open, and bars outside sessions left out."""
        if table.daily:
            return table._replace(at=_session_opens(table, sessions))
        opens = np.array([session.open for session in sessions.all])
        closes = np.array([session.close for session in sessions.all])
        index = np.searchsorted(opens, table.at, side="right") - 1
        inside = (index >= 0) & (table.at < closes[np.maximum(index, 0)])
        self.outside_sessions += int((~inside).sum())
        if not inside.any():
            raise BadBars(f"{table.symbol}: no bar lies within a regular New York session")
        names = ("at", "open", "high", "low", "close", "volume")
        return table._replace(**{name: getattr(table, name)[inside] for name in names})

    def _path_of(self, symbol: str, session: Session) -> Path:
        table = self._bars[symbol]
        low, high = np.searchsorted(table.at, (session.open, session.close)).tolist()
        rows = slice(low, high)
        if low == high:
            empty = np.empty(0, dtype=np.int64)
            return Path(empty, empty, empty, empty, empty)
        if table.daily:
            at, price = self._day(table, low, session)
        else:
            at, price = self._within_bars(table, rows, session)
        bid, ask = self._around(price)
        return Path(at, price, bid, ask, _spread_out(table.volume[rows], len(at)))

    def _within_bars(self, table: BarTable, rows: slice, session: Session) -> tuple[Ints, Ints]:
        count = rows.stop - rows.start
        low_first: npt.NDArray[np.bool_] = (
            random_bits(count, self.seed, table.symbol, session.date) & np.uint64(1) == 1
        )
        low, high = table.low[rows], table.high[rows]
        columns = (
            table.open[rows],
            np.where(low_first, low, high),
            np.where(low_first, high, low),
            table.close[rows],
        )
        quarters = table.at[rows, None] + np.arange(4, dtype=np.int64) * (table.width // 4)
        # A wide last bar may reach beyond an early close; its last ticks then share the session's last instant.
        price: Ints = np.stack(columns, axis=1).ravel()
        return np.minimum(quarters.ravel(), session.close - 1), price

    def _day(self, table: BarTable, row: int, session: Session) -> tuple[Ints, Ints]:
        count = (session.close - session.open) // TICK_INTERVAL
        first, last = int(table.open[row]), int(table.close[row])
        low, high = int(table.low[row]), int(table.high[row])
        raw = random_bits(count, self.seed, table.symbol, session.date)
        price: Ints = np.clip(bridge(first, last, raw, (high - low) / first / 1.6), low, high)
        if price.min() > low:
            price[1 + int(price[1:-1].argmin())] = low
        if price.max() < high:
            price[1 + int(price[1:-1].argmax())] = high
        return session.open + TICK_INTERVAL * np.arange(count, dtype=np.int64), price

    def _around(self, price: Ints) -> tuple[Ints, Ints]:
        """Bid and ask at equal distance, in whole ticks; at least one tick when there is a spread at all."""
        if not self._half_spread:
            return price, price
        step = tick_steps(price)
        ticks = np.maximum(np.rint(price * self._half_spread / step), 1.0).astype(np.int64)
        distance: Ints = ticks * step
        bid: Ints = np.maximum(price - distance, 1)
        ask: Ints = price + distance
        return bid, ask


def _session_opens(table: BarTable, sessions: Sessions) -> Ints:
    epoch = date(1970, 1, 1)
    opens = np.empty_like(table.at)
    for row, at in enumerate(table.at.tolist()):
        day = epoch + timedelta(days=at // DAY)
        session = sessions.on(day)
        if session is None:
            raise BadBars(f"{table.symbol}: there is no New York session on {day}")
        opens[row] = session.open
    return opens


def _covered(sessions: Sessions, table: BarTable) -> range:
    first, last = sessions.begun(int(table.at[0])), sessions.begun(int(table.at[-1]))
    return range(first.index if first else 0, (last.index if last else 0) + 1)


def _asset(table: BarTable) -> Asset:
    return Asset(
        id=asset_id(table.symbol),
        symbol=table.symbol,
        name=table.symbol,
        exchange="",
        shortable=True,
        easy_to_borrow=True,
        marginable=True,
        source=SOURCE_DAILY if table.daily else SOURCE_INTRADAY,
    )


def _digest(bars: dict[str, BarTable], spread_basis_points: float) -> str:
    digest = hashlib.sha256(str(spread_basis_points).encode())
    for symbol, table in bars.items():
        digest.update(symbol.encode())
        for column in (table.at, table.open, table.high, table.low, table.close, table.volume):
            digest.update(column.astype("<i8").tobytes())
    return digest.hexdigest()[:16]


def _spread_out(volume: Ints, count: int) -> Ints:
    """Each bar's volume over its ticks evenly, the remainder on the last."""
    per_bar = count // len(volume)
    sizes = np.repeat(volume // per_bar, per_bar)
    sizes[per_bar - 1 :: per_bar] += volume % per_bar
    return sizes
