"""What one client of a data stream has asked to see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

CHANNELS = ("trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds", "imbalances")
TRADE_FOLLOWERS = ("corrections", "cancelErrors")
COUNTED_CHANNELS = ("trades", "quotes")
SYMBOL_LENGTH_LIMIT = 32
NAMES_LIMIT = 100_000  # over all channels, known or not: what one connection may make the exchange remember


class InvalidSubscription(Exception):
    """A subscription message that is not understood; `code` and `reason` of the error frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Subscriptions:
    """The set of symbols per channel; `*` stands for all."""

    def __init__(self, known_symbols: Iterable[str], symbols_limit: int) -> None:
        self._known_count = len(tuple(known_symbols))
        self._symbols_limit = symbols_limit
        self._wanted: dict[str, set[str]] = {channel: set() for channel in CHANNELS}

    def wants(self, channel: str, symbol: str) -> bool:
        wanted = self._wanted[channel]
        return symbol in wanted or "*" in wanted

    def symbols(self, known_symbols: Iterable[str]) -> dict[str, set[str]]:
        """The known symbols wanted, by channel; channels without one are left out."""
        known = set(known_symbols)
        chosen = {
            channel: known if "*" in wanted else wanted & known for channel, wanted in self._wanted.items()
        }
        return {channel: symbols for channel, symbols in chosen.items() if symbols}

    def change(self, message: dict[str, Any]) -> None:
        """Applies a `subscribe` or `unsubscribe` message as a whole. Raises InvalidSubscription, changing
        nothing.
        """
        asked = _symbols_by_channel(message)
        wanted = {channel: set(symbols) for channel, symbols in self._wanted.items()}
        for channel, symbols in asked.items():
            if message["action"] == "subscribe":
                wanted[channel] |= symbols
            else:
                wanted[channel] -= symbols
        self._refuse_too_many(wanted)
        self._wanted = wanted

    def answer(self) -> dict[str, Any]:
        """The whole set, as the stream answers every change. Corrections and cancels follow trades."""
        full = {channel: sorted(symbols) for channel, symbols in self._wanted.items()}
        return {"T": "subscription", **full, **dict.fromkeys(TRADE_FOLLOWERS, full["trades"])}

    def _refuse_too_many(self, wanted: dict[str, set[str]]) -> None:
        counted: set[str] = set().union(*(wanted[channel] for channel in COUNTED_CHANNELS))
        count = len(counted - {"*"}) if "*" not in counted else max(self._known_count, len(counted) - 1)
        names = sum(map(len, wanted.values()))
        if names > NAMES_LIMIT or (self._symbols_limit and count > self._symbols_limit):
            raise InvalidSubscription(405, "symbol limit exceeded")


def _symbols_by_channel(message: dict[str, Any]) -> dict[str, set[str]]:
    asked: dict[str, set[str]] = {}
    for channel, symbols in message.items():
        if channel == "action" or channel in TRADE_FOLLOWERS:
            continue
        if channel not in CHANNELS:
            raise InvalidSubscription(410, "invalid subscribe action for this feed")
        asked[channel] = _symbol_set(symbols)
    return asked


def _symbol_set(symbols: object) -> set[str]:
    """Clients send a list, null, or leave the channel out."""
    if symbols is None:
        return set()
    if not isinstance(symbols, list):
        raise InvalidSubscription(400, "invalid syntax")
    if any(not isinstance(symbol, str) or len(symbol) > SYMBOL_LENGTH_LIMIT for symbol in symbols):
        raise InvalidSubscription(400, "invalid syntax")
    return set(symbols)
