"""What a market is to the exchange: assets, quotes, trades, ticks and bars, never a look ahead.

`at` is always the instant of the one who asks; nothing later than it is visible.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from the_alchemiser.exchange.ids import derived_uuid, spelled_uuid
from the_alchemiser.exchange.market.script import MarketScript
from the_alchemiser.exchange.market.sessions import Sessions
from the_alchemiser.exchange.units import PRICE, tick_e4

# Beyond every price; as thresholds they stand for "never" and "always".
LOWEST, HIGHEST = -1, 2**62
# An option contract: root, yymmdd, C or P, strike in thousandths of a dollar.
OCC_SYMBOL = re.compile(r"([A-Z]{1,6})([0-9]{2})([0-9]{2})([0-9]{2})([CP])([0-9]{8})")


class UnknownSymbol(KeyError):
    """The market has no such symbol."""


class NoPrice(LookupError):
    """The symbol has had no price by the instant asked for."""


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument. `source` says in words where its prices come from and what about them is simulated.

    The smallest order and the steps of quantity and price are those of crypto pairs, None for others.
    """

    id: str
    symbol: str
    name: str
    exchange: str
    tradable: bool = True
    fractionable: bool = True
    shortable: bool = False
    easy_to_borrow: bool = False
    marginable: bool = False
    asset_class: str = "us_equity"
    status: str = "active"
    source: str = ""
    multiplier: int = 1
    """Units of the underlying in one unit of this: 100 in an option contract."""
    attributes: tuple[str, ...] = ()
    leverage: int = 1
    """How many times the day's move of its index a fund promises; it raises the maintenance margin."""
    min_order_size_e9: int | None = None
    min_trade_increment_e9: int | None = None
    price_increment_e4: int | None = None


class Tick(NamedTuple):
    """The market of a symbol from `at` on."""

    at: int
    bid_e4: int
    ask_e4: int


class Quote(msgspec.Struct, frozen=True, gc=False):
    """The best bid and offer since `at`; sizes in shares or contracts (whole), or coins (fractional)."""

    at: int
    bid_e4: int
    ask_e4: int
    bid_size: float
    ask_size: float


class Trade(msgspec.Struct, frozen=True, gc=False):
    """The latest print at `at`; size in shares, contracts or coins, `id` increasing within a day.

    `taker` is the side of the order that took, `B` or `S`, where the market tells it (crypto).
    """

    at: int
    price_e4: int
    size: float
    id: int
    taker: str = ""


class Bar(msgspec.Struct, frozen=True, gc=False):
    """Open, high, low, close and volume from `at` (its start, ns UTC) on; prices in dollars."""

    at: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int
    vwap: float


class Levels(NamedTuple):
    """From which prices on a symbol's resting orders want to hear of a tick.

    A tick matters when ask <= buy, bid >= sell, trade <= stop_sell or trade >= stop_buy.
    """

    buy_e4: int
    sell_e4: int
    stop_sell_e4: int
    stop_buy_e4: int


class Stretch(Protocol):
    """Consecutive ticks as columns of numbers: instants, trade prices, bids, asks."""

    @property
    def at(self) -> npt.NDArray[np.int64]: ...

    @property
    def price(self) -> npt.NDArray[np.int64]: ...

    @property
    def bid(self) -> npt.NDArray[np.int64]: ...

    @property
    def ask(self) -> npt.NDArray[np.int64]: ...


class Market(Protocol):
    """A source of prices. Symbols it does not know raise UnknownSymbol."""

    sessions: Sessions
    first_day: date
    last_day: date
    fingerprint: str
    script: MarketScript

    def assets(self) -> tuple[Asset, ...]: ...

    def asset(self, symbol: str) -> Asset | None: ...

    def quote(self, symbol: str, at: int) -> Quote: ...

    def trade(self, symbol: str, at: int) -> Trade: ...

    def previous_close_e4(self, symbol: str, at: int) -> int:
        """The close of the latest session that ended before the day of `at`."""
        ...

    def ticks(self, symbol: str, after: int, until: int) -> Iterable[Tick]:
        """The moves with after < at <= until, in order."""
        ...

    def next_cross(self, symbol: str, after: int, until: int, levels: Levels) -> Tick | None:
        """The first of `ticks` that reaches a level, or None."""
        ...

    def stretches(self, symbol: str, after: int, until: int) -> Iterable[Stretch]:
        """The same moves as columns of numbers, in pieces that are never empty."""
        ...

    def trades(self, symbol: str, start: int, end: int, at: int) -> Iterable[Trade]:
        """The prints with start <= time <= end that had happened by `at`, in order."""
        ...

    def quotes(self, symbol: str, start: int, end: int, at: int) -> Iterable[Quote]:
        """The quotes that came up with start <= time <= end and by `at`, in order."""
        ...

    def bars(self, symbol: str, timeframe: str, start: int, end: int, at: int) -> list[Bar]:
        """Bars whose start lies in [start, end], as known at `at`: a forming bar covers what has happened."""
        ...


def trade_price_e4(bid_e4: int, ask_e4: int) -> int:
    """The price that trades print between this bid and ask: the middle, rounded down to the tick."""
    middle = (bid_e4 + ask_e4) // 2
    step = tick_e4(middle)
    return middle // step * step


def reaches(levels: Levels, bid_e4: int, ask_e4: int) -> bool:
    if ask_e4 <= levels.buy_e4 or bid_e4 >= levels.sell_e4:
        return True
    price = trade_price_e4(bid_e4, ask_e4)
    return price <= levels.stop_sell_e4 or price >= levels.stop_buy_e4


def asset_id(symbol: str) -> str:
    """The id of an instrument. That of an option contract spells its symbol, so that it can be found by its id."""
    return spelled_uuid(symbol) if OCC_SYMBOL.fullmatch(symbol) else derived_uuid("asset", symbol)


def dollars(price_e4: int) -> float:
    return price_e4 / PRICE


class PushedMarket:
    """A market that knows its assets and nothing else: every price is told to the exchange by `move`."""

    def __init__(self, symbols: Iterable[str], sessions: Sessions) -> None:
        self.sessions = sessions
        self.first_day = sessions.all[0].date
        self.last_day = sessions.all[-1].date
        self._assets = {symbol: _pushed_asset(symbol) for symbol in symbols}
        self.fingerprint = "pushed/" + ",".join(self._assets)
        self.script = MarketScript()

    def assets(self) -> tuple[Asset, ...]:
        return tuple(self._assets.values())

    def asset(self, symbol: str) -> Asset | None:
        return self._assets.get(symbol)

    def quote(self, *_: object, **__: object) -> Quote:
        raise NoPrice

    def trade(self, *_: object, **__: object) -> Trade:
        raise NoPrice

    def previous_close_e4(self, *_: object, **__: object) -> int:
        raise NoPrice

    def ticks(self, *_: object, **__: object) -> Iterable[Tick]:
        return ()

    def next_cross(self, *_: object, **__: object) -> Tick | None:
        return None

    def stretches(self, *_: object, **__: object) -> Iterable[Stretch]:
        return ()

    def trades(self, *_: object, **__: object) -> Iterable[Trade]:
        return ()

    def quotes(self, *_: object, **__: object) -> Iterable[Quote]:
        return ()

    def bars(self, *_: object, **__: object) -> list[Bar]:
        return []


def _pushed_asset(symbol: str) -> Asset:
    return Asset(
        id=asset_id(symbol),
        symbol=symbol,
        name=symbol,
        exchange="",
        shortable=True,
        easy_to_borrow=True,
        marginable=True,
        source="pushed by the caller",
    )
