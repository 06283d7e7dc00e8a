"""A stretch of time on a data stream: its messages in order, encoded and framed once for all who want them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from the_alchemiser.exchange.streams.codec import Codec
from the_alchemiser.exchange.streams.frames import Framed
from the_alchemiser.exchange.streams.subscriptions import EVERYTHING, Subscriptions

MESSAGES_PER_FRAME = 500
CARRIES_ITS_INSTANTS = 0


class Event(msgspec.Struct, frozen=True, gc=False):
    """One message to be: `sent_at` orders it among the others, `at` is the time stamp it is given."""

    sent_at: int
    channel: str
    symbol: str
    at: int
    message: Any


class Batch:
    """The events of a stretch of time. Each is encoded once per encoding, each frame built once for all clients
    that want the same.
    """

    def __init__(self, events: list[Event]) -> None:
        self._events = events
        self._encoded: dict[str, list[bytes]] = {}
        self._frames: dict[tuple[str, bytes], list[Framed]] = {}

    def frames(self, codec: Codec, subscriptions: Subscriptions) -> list[Framed]:
        """What a client with these subscriptions gets, in arrays of a bounded length."""
        key = (codec.name, subscriptions.signature)
        frames = self._frames.get(key)
        if frames is None:
            wanted = self._wanted(codec, subscriptions)
            starts = range(0, len(wanted), MESSAGES_PER_FRAME)
            frames = [codec.array(wanted[start : start + MESSAGES_PER_FRAME]) for start in starts]
            self._frames[key] = frames
        return frames

    def _wanted(self, codec: Codec, subscriptions: Subscriptions) -> list[bytes]:
        wanted = subscriptions.told
        everything = {channel for channel, symbols in wanted.items() if EVERYTHING in symbols}
        return [
            message
            for event, message in zip(self._events, self._all_encoded(codec), strict=True)
            if event.channel in everything or event.symbol in wanted[event.channel]
        ]

    def _all_encoded(self, codec: Codec) -> list[bytes]:
        known = self._encoded.get(codec.name)
        if known is None:
            known = self._encoded[codec.name] = list(encoded(codec, self._events))
        return known


def encoded(codec: Codec, events: Iterable[Event]) -> Iterator[bytes]:
    """The events one by one, not yet in arrays."""
    encode, last, stamp = codec.message, -1, None
    for event in events:
        at, message = event.at, event.message
        if at != CARRIES_ITS_INSTANTS:
            if at != last:
                last, stamp = at, codec.stamp(at)
            message.t = stamp
        yield encode(message)
