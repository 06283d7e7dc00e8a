"""Bars as they would look had later splits and dividends been there before: the adjustments of historical bars.

A split divides the prices before it and multiplies the volumes; a dividend takes its share of the price out of all
prices before its ex-date. Only what lies in the past of the one who asks is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from the_alchemiser.exchange.market.barring import parse_timeframe, period_end, period_start
from the_alchemiser.exchange.market.names import first_name
from the_alchemiser.exchange.market.prices import Bar, Market, NoPrice
from the_alchemiser.exchange.market.script import Dividend, Split
from the_alchemiser.exchange.market.sessions import new_york_date, new_york_midnight
from the_alchemiser.exchange.units import MONEY, PRICE

RAW, SPLIT, DIVIDEND, SPIN_OFF, ALL = "raw", "split", "dividend", "spin-off", "all"
WORDS = frozenset({RAW, SPLIT, DIVIDEND, SPIN_OFF, ALL})


class Step(NamedTuple):
    """What bars before `day` are multiplied by."""

    day: date
    price: Fraction
    volume: Fraction


def steps_for(market: Market, symbol: str, words: frozenset[str], now: int) -> list[Step]:
    """The adjustments of `symbol` that the words ask for, as known at `now`. Scripts know no spin-offs."""
    found: list[Step] = []
    today = new_york_date(now)
    if words & {SPLIT, ALL}:
        splits = (split for split in market.script.splits if split.ex_date <= today)
        found += [_of_split(split) for split in splits if _concerns(market, split, symbol)]
    if words & {DIVIDEND, ALL}:
        dividends = (dividend for dividend in market.script.dividends if dividend.ex_date <= today)
        found += [
            _of_dividend(market, symbol, entry) for entry in dividends if _concerns(market, entry, symbol)
        ]
    return found


def _concerns(market: Market, entry: Split | Dividend, symbol: str) -> bool:
    """Whether an entry means the instrument first called `symbol`."""
    return first_name(market.script, entry.symbol, entry.ex_date) == symbol


def _of_split(split: Split) -> Step:
    return Step(
        split.ex_date, Fraction(split.old_rate, split.new_rate), Fraction(split.new_rate, split.old_rate)
    )


def _of_dividend(market: Market, symbol: str, dividend: Dividend) -> Step:
    try:
        close = market.previous_close_e4(symbol, new_york_midnight(dividend.ex_date))
    except NoPrice:
        return Step(dividend.ex_date, Fraction(1), Fraction(1))
    left = 1 - Fraction(dividend.cash_e13 * PRICE, close * MONEY)
    return Step(dividend.ex_date, max(left, Fraction(1, 10_000)), Fraction(1))


def adjusted_bars(
    market: Market, symbol: str, timeframe: str, steps: list[Step], now: int
) -> Callable[[int, int], Iterable[Bar]]:
    """How the adjusted bars of a symbol are read: first and last instant of their starts -> bars."""
    frame = parse_timeframe(timeframe)
    if not steps:
        return lambda start, end: market.bars(symbol, timeframe, start, end, now)
    if frame.width or frame.unit == "Day":
        return lambda start, end: (
            _adjusted(bar, steps) for bar in market.bars(symbol, timeframe, start, end, now)
        )

    def periods(start: int, end: int) -> Iterator[Bar]:
        """Longer bars are put together from adjusted days: a split may lie within one."""
        first = new_york_midnight(period_start(frame, new_york_date(start)))
        last = new_york_midnight(period_end(frame, new_york_date(min(end, now))))
        group: list[Bar] = []
        for bar in market.bars(symbol, "1Day", first, last, now):
            begins = new_york_midnight(period_start(frame, new_york_date(bar.at)))
            if group and begins != group[0].at:
                yield from _within(group, start)
                group = []
            group.append(_moved(_adjusted(bar, steps), begins))
        yield from _within(group, start)

    return periods


def _within(group: list[Bar], start: int) -> Iterator[Bar]:
    if group and group[0].at >= start:
        yield _joined(group)


def _adjusted(bar: Bar, steps: list[Step]) -> Bar:
    day = new_york_date(bar.at)
    price = volume = Fraction(1)
    for step in steps:
        if day < step.day:
            price, volume = price * step.price, volume * step.volume
    if price == 1 and volume == 1:
        return bar
    factor = float(price)
    return Bar(
        bar.at,
        _rounded(bar.open * factor),
        _rounded(bar.high * factor),
        _rounded(bar.low * factor),
        _rounded(bar.close * factor),
        round(bar.volume * float(volume)),
        bar.trades,
        round(bar.vwap * factor, 6),
    )


def _rounded(price: float) -> float:
    return round(price, 2 if price >= 1 else 4)


def _moved(bar: Bar, at: int) -> Bar:
    return Bar(at, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades, bar.vwap)


def _joined(bars: list[Bar]) -> Bar:
    volume = sum(bar.volume for bar in bars)
    value = sum(bar.vwap * bar.volume for bar in bars)
    return Bar(
        bars[0].at,
        bars[0].open,
        max(bar.high for bar in bars),
        min(bar.low for bar in bars),
        bars[-1].close,
        volume,
        sum(bar.trades for bar in bars),
        round(value / volume if volume else bars[-1].close, 6),
    )
