"""What an account may have of the data streams, and what it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from the_alchemiser.exchange.streams.feeds import FEEDS, Feed
from the_alchemiser.exchange.streams.subscriptions import SymbolLimits

_FEED_NAMES = frozenset(feed.name for feed in FEEDS)
_REFUSAL_CODES = ("408", "409", "411")


@dataclass(frozen=True, slots=True)
class DataPlan:
    """What a subscription allows: Alpaca's free plan has one connection an endpoint, 30 symbols of stocks and 200
    quotes of options. 0 = no limit. `refused` are the feeds it does not cover, by name, with the code of the
    error that says so (408, 409 or 411).
    """

    connections: int = 1
    symbols: int = 30
    option_quotes: int = 200
    refused: Mapping[str, int] = field(default_factory=dict)

    @property
    def limits(self) -> SymbolLimits:
        return SymbolLimits(self.symbols, self.option_quotes)

    def refusal(self, feed: Feed) -> int | None:
        """The code with which this plan refuses a feed."""
        return self.refused.get(feed.name)


def parse_refused_feeds(text: str) -> dict[str, int]:
    """`sip,opra=411` as codes by name of the feed. Raises ValueError."""
    refused = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, code = entry.partition("=")
        if name not in _FEED_NAMES or (code or "409") not in _REFUSAL_CODES:
            raise ValueError(
                f"refused feeds: {entry!r} is not a feed, or its code is none of 408, 409 and 411"
            )
        refused[name] = int(code or 409)
    return refused


@dataclass(slots=True, eq=False)
class DataSeat:
    """What one account may have of the data streams, and how many connections it has, by endpoint."""

    plan: DataPlan
    connected: Counter[str] = field(default_factory=Counter)
    account: str = ""
    """The key of the account."""
