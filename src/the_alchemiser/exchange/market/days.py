"""Real days with simulated hours: the shipped daily closes, joined by a seeded path within each session.

Every session has one tick each ten seconds. The first stands at the previous session's close, the last
at the session's own real close (both rounded to the tick); between them runs a Brownian bridge whose
volatility comes from up to twenty real returns before that day. Volumes, sizes and spreads are simulated.
A path depends on (seed, symbol, date) alone. Since a bridge ends where the real day ended, the drift of
the simulated hours knows the close: results within a day prove the machinery, not a strategy.
"""

from __future__ import annotations

import hashlib
from importlib import resources

import numpy as np

from the_alchemiser.exchange.market.barring import Ints, Path, Span, span_of
from the_alchemiser.exchange.market.bridge import bridge, on_grid, random_bits, tick_steps
from the_alchemiser.exchange.market.paths import PathMarket
from the_alchemiser.exchange.market.prices import Asset, asset_id
from the_alchemiser.exchange.market.sessions import Session, xnys_sessions
from the_alchemiser.exchange.units import PRICE, SECOND, round_to_tick

TICK_INTERVAL = 10 * SECOND
SOURCE = "real adjusted daily closes; simulated intraday path between real closes"
INDEX = "SP500"
VOLATILITY_LIMIT = 10.0
ATTRIBUTES = ("fractional_eh_enabled", "has_options", "overnight_tradable")

_NAMES = {
    "AAPL": ("Apple Inc.", "NASDAQ"),
    "AMD": ("Advanced Micro Devices, Inc.", "NASDAQ"),
    "BAC": ("Bank of America Corporation", "NYSE"),
    "BBY": ("Best Buy Co., Inc.", "NYSE"),
    "CVX": ("Chevron Corporation", "NYSE"),
    "GE": ("General Electric Company", "NYSE"),
    "HD": ("The Home Depot, Inc.", "NYSE"),
    "JNJ": ("Johnson & Johnson", "NYSE"),
    "JPM": ("JPMorgan Chase & Co.", "NYSE"),
    "KO": ("The Coca-Cola Company", "NYSE"),
    "LLY": ("Eli Lilly and Company", "NYSE"),
    "MRK": ("Merck & Co., Inc.", "NYSE"),
    "MSFT": ("Microsoft Corporation", "NASDAQ"),
    "PEP": ("PepsiCo, Inc.", "NASDAQ"),
    "PFE": ("Pfizer Inc.", "NYSE"),
    "PG": ("The Procter & Gamble Company", "NYSE"),
    "RRC": ("Range Resources Corporation", "NYSE"),
    "UNH": ("UnitedHealth Group Incorporated", "NYSE"),
    "WMT": ("Walmart Inc.", "NYSE"),
    "XOM": ("Exxon Mobil Corporation", "NYSE"),
    INDEX: ("S&P 500 index", ""),
}


def read_history() -> tuple[dict[str, Ints], str]:
    """The shipped closes per symbol in 1e-4 dollars, one per session from the first; and the file's digest."""
    import polars as pl  # here, because it costs a tenth of a second that other markets need not pay

    file = resources.files("the_alchemiser.exchange.market") / "data" / "us20_daily.parquet"
    raw = file.read_bytes()
    table = pl.read_parquet(raw)
    dates = [session.date for session in xnys_sessions().all[: table.height]]
    if table["date"].to_list() != dates:
        raise RuntimeError("the shipped history and the shipped sessions disagree")
    closes = {name: table[name].to_numpy().astype(np.int64) * 10 for name in table.columns[1:]}
    return closes, hashlib.sha256(raw).hexdigest()[:16]


class SimulatedDays(PathMarket):
    """The market over the shipped history, 1990 to 2022: twenty stocks, and the S&P 500 (not tradable).

    `volatility` is a factor on how far the simulated hours stray between the real closes.
    """

    def __init__(
        self, *, seed: int = 7, symbols: tuple[str, ...] | None = None, volatility: float = 1.0
    ) -> None:
        closes, digest = read_history()
        chosen = tuple(closes) if symbols is None else symbols
        unknown = [symbol for symbol in chosen if symbol not in closes]
        if unknown:
            raise ValueError(f"no history for {', '.join(unknown)}; there is {', '.join(closes)}")
        if not 0 <= volatility <= VOLATILITY_LIMIT:
            raise ValueError(f"volatility must lie between 0 and {VOLATILITY_LIMIT:.0f}")
        self.seed = seed
        self._volatility = volatility
        self._closes = {symbol: on_grid(closes[symbol]) for symbol in chosen}
        covered = {symbol: range(len(closes[symbol])) for symbol in chosen}
        assets = tuple(_asset(symbol) for symbol in chosen)
        fingerprint = f"simulated-days/{digest}" + ("" if volatility == 1 else f"/volatility-{volatility:g}")
        super().__init__(xnys_sessions(), assets, covered, fingerprint)

    def close_e4(self, symbol: str, index: int) -> int:
        """The real close of session `index`, rounded to the tick."""
        return int(self._closes[symbol][index])

    def _path_of(self, symbol: str, session: Session) -> Path:
        price, size, noise = self._draw(symbol, session)
        bid, ask = around(price, noise)
        at = session.open + TICK_INTERVAL * np.arange(len(price), dtype=np.int64)
        return Path(at, price, bid, ask, size)

    def _draw(self, symbol: str, session: Session) -> tuple[Ints, Ints, int]:
        """Prices and sizes of a session's ticks, and a number below 1024 that decides how wide its spread is."""
        closes = self._closes[symbol]
        index = session.index
        first, last = int(closes[max(index - 1, 0)]), int(closes[index])
        count = (session.close - session.open) // TICK_INTERVAL
        raw = random_bits(count + 1, self.seed, symbol, session.date)
        price = bridge(first, last, raw[:count], self._volatility * volatility_before(closes, index))
        # One byte of the eight behind a tick: sizes need no independence from the finest part of a step.
        size = 20 + 20 * raw[:count].view(np.uint8)[2::8].astype(np.int64)
        return price, size, int(raw[count]) % 1024

    def _sum_up(self, symbol: str, session: Session) -> Span | None:
        if any(halt.symbol == symbol for halt in self.script.halts):
            return super()._sum_up(symbol, session)
        price, size, _ = self._draw(symbol, session)
        return span_of(self.after_splits(symbol, session, Path(price, price, price, price, size)))

    def _close_of(self, symbol: str, index: int) -> int | None:
        close = self.close_e4(symbol, index)
        if not self._ratios:
            return close
        return round_to_tick(int(close * self._ratios.on(symbol, self.sessions.all[index].date)))


def _asset(symbol: str) -> Asset:
    name, exchange = _NAMES[symbol]
    tradable = symbol != INDEX
    return Asset(
        id=asset_id(symbol),
        symbol=symbol,
        name=name if tradable else f"{name} (not tradable)",
        exchange=exchange,
        tradable=tradable,
        fractionable=tradable,
        shortable=tradable,
        easy_to_borrow=tradable,
        marginable=tradable,
        attributes=ATTRIBUTES if tradable else (),
        source=SOURCE,
    )


def volatility_before(closes: Ints, index: int) -> float:
    """Daily volatility, from the mean absolute return of up to 20 earlier days, within 0.4 % to 6 %."""
    recent = closes[max(0, index - 21) : index]
    if len(recent) < 3:
        return 0.015
    returns = np.abs(np.diff(recent)) / recent[:-1]
    return min(0.06, max(0.004, 1.25 * float(returns.sum()) / len(returns)))


def around(price: Ints, noise: int) -> tuple[Ints, Ints]:
    """Bid and ask: a spread of one tick or about 4 basis points (3 to 5, varying by seed), whichever is more.

    The middle, rounded down to the tick, is the trade price again.
    """
    step = tick_steps(price)
    ticks = np.maximum(1, price * (3072 + 2 * noise) // (1024 * 10_000 * step))
    if int(price.min()) < 2 * PRICE:
        # Around one dollar the two sides would lie on different grids: there the spread is a single tick.
        near = ((price < PRICE) & (price + ticks >= PRICE)) | (
            (price >= PRICE) & (price - ticks * step < PRICE)
        )
        ticks = np.where(near, 1, ticks)
    bid = price - ticks // 2 * step
    return bid, bid + ticks * step
