"""What one client of a data stream has asked to see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from the_alchemiser.exchange.streams.feeds import OPTIONS, QUOTES, STOCKS, TRADES, Feed

EVERYTHING = "*"
SYMBOL_LENGTH_LIMIT = 32
NAMES_LIMIT = 100_000  # over all channels, known or not: what one connection may make the exchange remember

Wanted = Mapping[str, frozenset[str]]


class InvalidSubscription(Exception):
    """A subscription message that is refused; `code` of the error frame."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class SymbolLimits:
    """How many symbols a connection may subscribe to: of trades and quotes on a stock feed, of quotes on an
    option feed. 0 = no limit.
    """

    stocks: int = 30
    option_quotes: int = 200


class Subscriptions:
    """The set of symbols per channel; `*` stands for all. `known_count` says how many that is."""

    def __init__(self, feed: Feed, limits: SymbolLimits, known_count: Callable[[], int]) -> None:
        self._feed = feed
        self.limits = limits
        self._known_count = known_count
        self.wanted: Wanted = dict.fromkeys(feed.channels, frozenset())
        self.signature = b""
        self.told = self._with_followers()

    def change(self, message: dict[str, Any]) -> None:
        """Applies a `subscribe` or `unsubscribe` message as a whole. Raises InvalidSubscription, changing
        nothing.
        """
        wanted = dict(self.wanted)
        for channel, symbols in self._asked(message).items():
            had = wanted[channel]
            wanted[channel] = had | symbols if message["action"] == "subscribe" else had - symbols
        self._refuse(wanted)
        self.wanted = wanted
        self.signature = _signature(wanted)
        self.told = self._with_followers()

    def answer(self) -> dict[str, Any]:
        """The whole set, as the stream answers every change. Corrections and cancels follow trades."""
        return {"T": "subscription", **{channel: sorted(symbols) for channel, symbols in self.told.items()}}

    def _with_followers(self) -> Wanted:
        """What is wanted, and what comes with it unasked."""
        trades = self.wanted.get(TRADES, frozenset())
        return {**self.wanted, **dict.fromkeys(self._feed.followers, trades)}

    def _asked(self, message: dict[str, Any]) -> dict[str, frozenset[str]]:
        asked = {}
        for channel, symbols in message.items():
            if channel == "action" or channel in self._feed.followers:
                continue
            if channel not in self._feed.channels:
                raise InvalidSubscription(410)
            asked[channel] = _symbol_set(symbols)
        return asked

    def _refuse(self, wanted: Wanted) -> None:
        if sum(map(len, wanted.values())) > NAMES_LIMIT:
            raise InvalidSubscription(405)
        if self._feed.family == OPTIONS:
            if EVERYTHING in wanted[QUOTES]:
                raise InvalidSubscription(413)
            self._limit(wanted[QUOTES], self.limits.option_quotes)
        elif self._feed.family == STOCKS:
            self._limit(wanted[TRADES] | wanted[QUOTES], self.limits.stocks)

    def _limit(self, symbols: frozenset[str], most: int) -> None:
        count = len(symbols - {EVERYTHING})
        if EVERYTHING in symbols:
            count = max(count, self._known_count())
        if most and count > most:
            raise InvalidSubscription(405)


def _signature(wanted: Wanted) -> bytes:
    """The same for all who want the same: their frames are then built once."""
    digest = blake2b(digest_size=16)
    for channel, symbols in wanted.items():
        digest.update(repr((channel, sorted(symbols))).encode())
    return digest.digest()


def _symbol_set(symbols: object) -> frozenset[str]:
    """Clients send a list, null, or leave the channel out."""
    if symbols is None:
        return frozenset()
    if not isinstance(symbols, list):
        raise InvalidSubscription(400)
    if any(not isinstance(symbol, str) or len(symbol) > SYMBOL_LENGTH_LIMIT for symbol in symbols):
        raise InvalidSubscription(400)
    return frozenset(symbols)
