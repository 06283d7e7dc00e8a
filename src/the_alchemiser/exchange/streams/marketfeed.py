"""What a data stream shows of a stretch of market time: each tick as a quote and a trade, each minute as a
bar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from the_alchemiser.exchange.market.prices import Bar, Market
from the_alchemiser.exchange.market.sessions import new_york_date, new_york_midnight
from the_alchemiser.exchange.rows import bar_fields, quote_fields, trade_fields
from the_alchemiser.exchange.streams.codec import Codec
from the_alchemiser.exchange.streams.subscriptions import Subscriptions
from the_alchemiser.exchange.units import MINUTE

QUOTES, TRADES, BARS, DAILY_BARS = "quotes", "trades", "bars", "dailyBars"
_TYPE_LETTERS = {QUOTES: "q", TRADES: "t", BARS: "b", DAILY_BARS: "d"}


class Event(NamedTuple):
    """One message to be: sorted by when it is sent, then symbol and kind. `at` is the time stamp it carries."""

    sent_at: int
    symbol: str
    rank: int
    channel: str
    at: int
    fields: dict[str, Any]


class Batch:
    """The events of a stretch of time; each is encoded at most once per encoding."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events
        self._encoded: dict[str, list[bytes | None]] = {}

    def messages(self, codec: Codec, subscriptions: Subscriptions) -> list[bytes]:
        """The encoded messages a client with these subscriptions gets."""
        encoded = self._encoded.setdefault(codec.name, [None] * len(self._events))
        wanted = []
        for index, event in enumerate(self._events):
            if subscriptions.wants(event.channel, event.symbol):
                message = encoded[index]
                if message is None:
                    message = encoded[index] = _encode(codec, event)
                wanted.append(message)
        return wanted


def market_events(market: Market, wanted: Mapping[str, set[str]], after: int, until: int) -> Batch:
    """Everything to be told of the symbols wanted by channel for after < time <= until, in the order of time."""
    events: list[Event] = []
    for channel, read in _READERS.items():
        for symbol in sorted(wanted.get(channel, ())):
            events += read(market, symbol, after, until)
    events.sort(key=lambda event: event[:3])
    return Batch(events)


def _quotes(market: Market, symbol: str, after: int, until: int) -> Iterator[Event]:
    for quote in market.quotes(symbol, after + 1, until, until):
        yield Event(quote.at, symbol, 0, QUOTES, quote.at, quote_fields(quote))


def _trades(market: Market, symbol: str, after: int, until: int) -> Iterator[Event]:
    for trade in market.trades(symbol, after + 1, until, until):
        yield Event(trade.at, symbol, 1, TRADES, trade.at, trade_fields(trade))


def _minutes(market: Market, symbol: str, after: int, until: int) -> list[Bar]:
    """The minute bars that ended within the stretch."""
    if after // MINUTE == until // MINUTE:
        return []
    return market.bars(symbol, "1Min", after // MINUTE * MINUTE, until // MINUTE * MINUTE - MINUTE, until)


def _bars(market: Market, symbol: str, after: int, until: int) -> Iterator[Event]:
    for bar in _minutes(market, symbol, after, until):
        yield Event(bar.at + MINUTE, symbol, 2, BARS, bar.at, bar_fields(bar))


def _daily_bars(market: Market, symbol: str, after: int, until: int) -> Iterator[Event]:
    """After each minute with trades, the running bar of its day."""
    for minute in _minutes(market, symbol, after, until):
        day, ended = new_york_midnight(new_york_date(minute.at)), minute.at + MINUTE
        for bar in market.bars(symbol, "1Day", day, day, ended):
            yield Event(ended, symbol, 3, DAILY_BARS, bar.at, bar_fields(bar))


_READERS: dict[str, Callable[[Market, str, int, int], Iterator[Event]]] = {
    QUOTES: _quotes,
    TRADES: _trades,
    BARS: _bars,
    DAILY_BARS: _daily_bars,
}


def _encode(codec: Codec, event: Event) -> bytes:
    head = {"T": _TYPE_LETTERS[event.channel], "S": event.symbol}
    return codec.message({**head, "t": codec.stamp(event.at), **event.fields})
