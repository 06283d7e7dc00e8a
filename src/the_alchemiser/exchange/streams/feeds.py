"""The endpoints of the data streams: which family of instruments each carries, and what may be asked of it."""

from __future__ import annotations

from dataclasses import dataclass

from the_alchemiser.exchange.units import MINUTE

TRADES, QUOTES, BARS, UPDATED_BARS, DAILY_BARS = "trades", "quotes", "bars", "updatedBars", "dailyBars"
STATUSES, LULDS, IMBALANCES = "statuses", "lulds", "imbalances"
CORRECTIONS, CANCEL_ERRORS = "corrections", "cancelErrors"
ORDERBOOKS, NEWS = "orderbooks", "news"

STOCKS, CRYPTO, OPTIONS, TEST = "us_equity", "crypto", "us_option", "test"

_BAR_CHANNELS = (TRADES, QUOTES, BARS, UPDATED_BARS, DAILY_BARS)
_CHANNELS: dict[str, tuple[str, ...]] = {
    STOCKS: (*_BAR_CHANNELS, STATUSES, LULDS, IMBALANCES),
    TEST: (*_BAR_CHANNELS, STATUSES, LULDS, IMBALANCES),
    CRYPTO: (*_BAR_CHANNELS, ORDERBOOKS),
    OPTIONS: (TRADES, QUOTES),
    NEWS: (NEWS,),
}
DELAY = 15 * MINUTE


@dataclass(frozen=True, slots=True)
class Feed:
    """One endpoint. `delay` (ns) is how long after the market it tells; `overnight` keeps only the hours from
    20:00 to 04:00 in New York.
    """

    path: str
    family: str
    delay: int = 0
    overnight: bool = False

    @property
    def name(self) -> str:
        """The last part of the path, as the `feed` parameter of the clients names it."""
        return self.path.rpartition("/")[2]

    @property
    def channels(self) -> tuple[str, ...]:
        """What can be subscribed to, in the order of the answer."""
        return _CHANNELS[self.family]

    @property
    def followers(self) -> tuple[str, ...]:
        """The channels that come with `trades` by themselves."""
        return (CORRECTIONS, CANCEL_ERRORS) if self.family in (STOCKS, TEST) else ()

    @property
    def msgpack_only(self) -> bool:
        return self.family == OPTIONS


NEWS_FEED = Feed("/v1beta1/news", NEWS)
FEEDS = (
    Feed("/v2/iex", STOCKS),
    Feed("/v2/sip", STOCKS),
    Feed("/v2/delayed_sip", STOCKS, delay=DELAY),
    Feed("/v2/test", TEST),
    Feed("/v1beta1/overnight", STOCKS, overnight=True),
    Feed("/v1beta1/boats", STOCKS, overnight=True),
    *(Feed(f"/v1beta3/crypto/{place}", CRYPTO) for place in ("us", "us-1", "us-2", "eu-1", "bs-1")),
    Feed("/v1beta1/indicative", OPTIONS),
    Feed("/v1beta1/opra", OPTIONS),
    NEWS_FEED,
)
