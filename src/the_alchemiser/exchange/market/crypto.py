"""A simulated round-the-clock market of crypto pairs in dollars. No price of it was ever real.

Each pair wanders around a plausible level: a price for each UTC midnight from a mean-reverting walk, and
between two midnights a seeded bridge with a tick each fifteen seconds. A path depends on (seed, symbol, UTC date)
alone and is continuous over midnights. Only some ticks are trades, so that minutes without one exist, as on the
real venue, whose minute bars are then drawn from quotes.
"""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from the_alchemiser.exchange.market.barring import Ints, Path
from the_alchemiser.exchange.market.bridge import bridge, on_grid, random_bits, tick_steps
from the_alchemiser.exchange.market.names import capitals
from the_alchemiser.exchange.market.prices import Asset, Quote, asset_id
from the_alchemiser.exchange.market.sessions import Session, Sessions
from the_alchemiser.exchange.market.sparse import SparseMarket
from the_alchemiser.exchange.units import DAY, PRICE, QUANTITY, SECOND, tick_e4

TICK_INTERVAL = 15 * SECOND
TICKS_PER_DAY = DAY // TICK_INTERVAL
PATH_CACHE_SIZE = 48
SIZE_UNIT = 10**6
ORDER_BOOK_LEVELS = 10
SOURCE = "simulated: a seeded walk around a plausible level; no real price"
_EPOCH = date(1970, 1, 1)
_TYPICAL_TRADE_DOLLARS = 1500


class Pair(NamedTuple):
    """How a pair behaves: its usual price, daily volatility, width of its wanderings (as a fraction), how many
    ticks of 256 are trades, and how wide its spread is.
    """

    name: str
    level: float
    volatility: float
    width: float
    trades_of_256: int
    spread_basis_points: int = 8


PAIRS = {
    "AAVE/USD": Pair("Aave", 95.0, 0.045, 0.50, 16),
    "AVAX/USD": Pair("Avalanche", 28.0, 0.045, 0.50, 20),
    "BCH/USD": Pair("Bitcoin Cash", 310.0, 0.040, 0.45, 16),
    "BTC/USD": Pair("Bitcoin", 31_000.0, 0.028, 0.40, 40),
    "DOGE/USD": Pair("Dogecoin", 0.11, 0.048, 0.45, 24),
    "DOT/USD": Pair("Polkadot", 8.5, 0.042, 0.45, 16),
    "ETH/USD": Pair("Ethereum", 1_900.0, 0.034, 0.45, 36),
    "LINK/USD": Pair("ChainLink Token", 13.0, 0.044, 0.45, 20),
    "LTC/USD": Pair("Litecoin", 92.0, 0.036, 0.40, 20),
    "SOL/USD": Pair("Solana", 62.0, 0.046, 0.50, 28),
    "UNI/USD": Pair("Uniswap", 7.5, 0.044, 0.45, 16),
    "USDT/USD": Pair("USD Tether", 0.9992, 0.0002, 0.0004, 24, 1),
}


class OrderBook(NamedTuple):
    """The levels around a quote as (price in 1e-4 dollars, coins), the best first."""

    at: int
    bids: tuple[tuple[int, float], ...]
    asks: tuple[tuple[int, float], ...]


def canonical_pair(name: str) -> str | None:
    """`BTC/USD` for BTC/USD, BTC%2FUSD, BTCUSD or btc/usd; None if that is no pair of ours."""
    return _SPELLINGS.get(capitals(name).replace("%2F", "/"))


_SPELLINGS = {spelling: pair for pair in PAIRS for spelling in (pair, pair.replace("/", ""))}


class SimulatedCrypto(SparseMarket):
    """The pairs, from the UTC day of `first_day` to two days after `last_day`."""

    quiet_ticks = True
    size_unit = SIZE_UNIT
    path_cache_size = PATH_CACHE_SIZE

    def __init__(self, first_day: date, last_day: date, *, seed: int = 7) -> None:
        # A day in New York ends within the next day of UTC, and a path needs the price at its end.
        days = utc_days(first_day, last_day + timedelta(days=1))
        covered = {symbol: range(len(days.all)) for symbol in PAIRS}
        assets = tuple(_asset(symbol, pair) for symbol, pair in PAIRS.items())
        super().__init__(days, assets, covered, "simulated-crypto/1")
        self.seed = seed
        self._midnights: dict[str, Ints] = {}

    def day_of(self, at: int) -> date:
        return datetime.fromtimestamp(at // SECOND, tz=UTC).date()

    def midnight(self, day: date) -> int:
        return (day - _EPOCH).days * DAY

    def midnight_price_e4(self, symbol: str, index: int) -> int:
        """The price at the beginning of day `index`, which is also the end of the day before."""
        known = self._midnights.get(symbol)
        if known is None:
            known = self._midnights[symbol] = self._wander(symbol)
        return int(known[index])

    def order_book(self, symbol: str, at: int) -> OrderBook:
        """The quote at `at` and ten simulated levels on each side."""
        quote = self.quote(symbol, at)
        noise = _noise(self.seed, symbol, quote.at)
        step = tick_e4(quote.bid_e4)
        stride = max(step, quote.bid_e4 // 8000 // step * step)
        bids, asks = [(quote.bid_e4, quote.bid_size)], [(quote.ask_e4, quote.ask_size)]
        for level in range(1, ORDER_BOOK_LEVELS):
            growth = 0.5 + level + noise[level] / 256
            if quote.bid_e4 > level * stride:
                bids.append((quote.bid_e4 - level * stride, round(quote.bid_size * growth, 9)))
            asks.append((quote.ask_e4 + level * stride, round(quote.ask_size * growth, 9)))
        return OrderBook(quote.at, tuple(bids), tuple(asks))

    def _wander(self, symbol: str) -> Ints:
        """A price for every midnight: a walk that is drawn back to the level of the pair."""
        pair = PAIRS[symbol]
        raw = random_bits(len(self.sessions.all) + 1, self.seed, "midnights", symbol)
        parts = raw.view(np.uint16).reshape(len(raw), 4).astype(np.float64)
        steps = (parts.sum(axis=1) - 2 * 65535) / 37837.2 * pair.volatility
        pull = 1.0 - pair.volatility**2 / (2 * pair.width**2)
        distance, walk = 0.0, []
        for step in steps.tolist():
            distance = distance * pull + step
            walk.append(distance)
        return _prices_around(pair.level, np.array(walk))

    def _path_of(self, symbol: str, session: Session) -> Path:
        first = self.midnight_price_e4(symbol, session.index)
        last = self.midnight_price_e4(symbol, session.index + 1)
        raw = random_bits(TICKS_PER_DAY, self.seed, symbol, session.date)
        price = bridge(first, last, raw, PAIRS[symbol].volatility)
        octets = raw.view(np.uint8)
        bid, ask = _around(price, octets[3::8].astype(np.int64), PAIRS[symbol].spread_basis_points)
        at = session.open + TICK_INTERVAL * np.arange(TICKS_PER_DAY, dtype=np.int64)
        traded = octets[0::8] < PAIRS[symbol].trades_of_256
        return Path(at, price, bid, ask, np.where(traded, _sizes(price, octets[2::8].astype(np.int64)), 0))

    def _quote_of(self, symbol: str, path: Path, place: int) -> Quote:
        at, price = int(path.at[place]), int(path.price[place])
        noise = _noise(self.seed, symbol, at)
        bid_size, ask_size = (_dollars_as_coins(4000 + 150 * one, price) for one in noise[:2])
        return Quote(at, int(path.bid[place]), int(path.ask[place]), bid_size, ask_size)

    def _taker_of(self, path: Path, place: int) -> str:
        """The side that took: the one the price moved towards, or by turns where it stood still."""
        moved = int(path.price[place]) - int(path.price[max(place - 1, 0)])
        return "B" if moved > 0 or (not moved and place % 2) else "S"

    def _close_of(self, symbol: str, index: int) -> int | None:
        return self.midnight_price_e4(symbol, index + 1)


@lru_cache(maxsize=4)
def utc_days(first: date, last: date) -> Sessions:
    """Every day from `first` to `last` as a session from midnight to midnight, UTC."""
    start = (first - _EPOCH).days
    return Sessions(
        [
            Session(index, first + timedelta(days=index), (start + index) * DAY, (start + index + 1) * DAY)
            for index in range((last - first).days + 1)
        ]
    )


def _asset(symbol: str, pair: Pair) -> Asset:
    increment = 1 if pair.level < 1 else 100
    return Asset(
        id=asset_id(symbol),
        symbol=symbol,
        name=f"{pair.name} / US Dollar",
        exchange="CRYPTO",
        asset_class="crypto",
        source=SOURCE,
        min_order_size_e9=max(1, int(QUANTITY / pair.level)),
        min_trade_increment_e9=1,
        price_increment_e4=increment,
    )


def _prices_around(level: float, distance: npt.NDArray[np.float64]) -> Ints:
    # (1 + x/16)^16 instead of an exponential: defined to the last bit on every machine.
    factor = np.maximum(1.0 + distance / 16, 0.5)
    for _ in range(4):
        factor = factor * factor
    prices = np.rint(level * factor * PRICE)
    # Cheap pairs stay below a dollar and dear ones above it, so that a pair keeps one price step all its life.
    low, high = (10.0, 0.9997 * PRICE) if level < 1 else (1.5 * PRICE, 1e9)
    whole: Ints = np.clip(prices, low, high).astype(np.int64)
    return on_grid(whole)


def _around(price: Ints, noise: Ints, basis_points: int) -> tuple[Ints, Ints]:
    """Bid and ask: a spread of one step or about so many basis points (a quarter more or less), whichever is more."""
    step = tick_steps(price)
    ticks = np.maximum(1, price * basis_points * (768 + 2 * noise) // (1024 * 10_000 * step))
    bid = np.maximum(price - ticks // 2 * step, 1)
    return bid, bid + ticks * step


def _sizes(price: Ints, noise: Ints) -> Ints:
    """Traded sizes: from about thirty dollars to some ten thousand, small ones most often."""
    dollars = 30 + _TYPICAL_TRADE_DOLLARS * noise * noise // 9000
    sizes: Ints = np.maximum(1, dollars * PRICE * SIZE_UNIT // price)
    return sizes


def _dollars_as_coins(dollars: int, price_e4: int) -> float:
    return round(dollars * PRICE / price_e4, 6)


def _noise(seed: int, symbol: str, at: int) -> bytes:
    return blake2b(struct.pack("<qq", seed, at) + symbol.encode(), digest_size=16).digest()
