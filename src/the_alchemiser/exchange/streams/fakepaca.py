"""FAKEPACA, the symbol of the test feed: its prices are a function of the clock alone, day and night, so that a
client can be tried out while every market is closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from zlib import crc32

from the_alchemiser.exchange.market.prices import Asset, Bar, Quote, Trade, asset_id
from the_alchemiser.exchange.market.script import MarketScript
from the_alchemiser.exchange.market.sessions import new_york_date, new_york_midnight
from the_alchemiser.exchange.units import CENT_E4, DAY, MINUTE, PRICE, SECOND

SYMBOL = "FAKEPACA"
_MIDDLE_E4 = 133 * PRICE
_SWINGS = ((7_200, 300), (660, 80), (54, 25))  # period in seconds, height in cents
_SHARES_MAX = 40


class FakepacaMarket:
    """A quote and a trade each second. The part of a Market that a feed reads."""

    script = MarketScript()

    def assets(self) -> tuple[Asset, ...]:
        return (Asset(id=asset_id(SYMBOL), symbol=SYMBOL, name=SYMBOL, exchange="", source="made up"),)

    def quotes(self, symbol: str, start: int, end: int, at: int) -> Iterator[Quote]:
        for second in _seconds(start, min(end, at)):
            price, shares = _price_e4(second), _shares(second)
            yield Quote(second * SECOND, price - CENT_E4, price + CENT_E4, 100 + shares, 200 + shares)

    def trades(self, symbol: str, start: int, end: int, at: int) -> Iterator[Trade]:
        for second in _seconds(start, min(end, at)):
            yield Trade(second * SECOND, _price_e4(second), _shares(second), second)

    def bars(self, symbol: str, timeframe: str, start: int, end: int, at: int) -> list[Bar]:
        """Minute bars that start in [start, end], or the running bar of the New York day that begins at `start`."""
        width = DAY if timeframe == "1Day" else MINUTE
        bars = []
        for begin in range(start, end + 1, width):
            # The day so far would be 86,400 seconds to sum up: its minutes' ends stand for them.
            step = MINUTE // SECOND if width == DAY else 1
            seconds = _seconds(begin, min(begin + width - 1, at))[::step]
            if seconds:
                bars.append(_bar(begin, seconds, step))
        return bars

    def day_of(self, at: int) -> date:
        return new_york_date(at)

    def midnight(self, day: date) -> int:
        return new_york_midnight(day)


def _seconds(start: int, end: int) -> range:
    return range(-(-start // SECOND), end // SECOND + 1)


def _bar(at: int, seconds: range, step: int) -> Bar:
    prices = [_price_e4(second) for second in seconds]
    shares = [_shares(second) * step for second in seconds]
    value = sum(price * count for price, count in zip(prices, shares, strict=True))
    low, high = min(prices) / PRICE, max(prices) / PRICE
    vwap = round(value / sum(shares) / PRICE, 6)
    return Bar(at, prices[0] / PRICE, high, low, prices[-1] / PRICE, sum(shares), len(prices) * step, vwap)


def _price_e4(second: int) -> int:
    """A sum of triangle waves."""
    cents = sum(abs(second % period * 4 - 2 * period) * height // (2 * period) for period, height in _SWINGS)
    return _MIDDLE_E4 + cents * CENT_E4


def _shares(second: int) -> int:
    return 1 + crc32(second.to_bytes(8, "big")) % _SHARES_MAX
