"""News as the news stream tells it."""

from __future__ import annotations

from collections.abc import Iterator

from the_alchemiser.exchange.market.news import Newsroom
from the_alchemiser.exchange.rows import news_fields
from the_alchemiser.exchange.streams.batch import CARRIES_ITS_INSTANTS, Event
from the_alchemiser.exchange.streams.codec import Instant
from the_alchemiser.exchange.streams.feeds import NEWS


def news_events(newsroom: Newsroom, after: int, until: int) -> Iterator[Event]:
    """The articles that came out with after < time <= until. Each is about one symbol."""
    for item in newsroom.between(after, until):
        at = Instant(item.at)
        message = {"T": "n", "id": item.id, **news_fields(item), "created_at": at, "updated_at": at}
        yield Event(item.at, NEWS, item.symbols[0], CARRIES_ITS_INSTANTS, message)
