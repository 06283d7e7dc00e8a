"""Headlines made from the market's own moves, each marked as simulated. Nothing in them is known before it happens.

After each close there is an item for every stock that moved by one per cent or more, and one for the index; for
some stocks, chosen by hash, there is one about noon. Pairs have theirs after midnight UTC, from three per cent on.
An item depends on the market, its symbol and its day alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from hashlib import blake2b

import msgspec

from the_alchemiser.exchange.market.names import name_on
from the_alchemiser.exchange.market.prices import Asset, Bar, Market, NoPrice
from the_alchemiser.exchange.market.sessions import Session, new_york_date, new_york_midnight
from the_alchemiser.exchange.units import DAY, HOUR, MINUTE, PRICE

MARK = "[simulated]"
AUTHOR, SOURCE = "Simulated Newsroom", "simulation"
CLOSE_MOVE_BASIS_POINTS, NOON_MOVE_BASIS_POINTS, PAIR_MOVE_BASIS_POINTS = 100, 75, 300
_NOON_SHARE = 8  # one in so many stocks and days is looked at at noon
_DAYS_KEPT = 256
_EPOCH = date(1970, 1, 1)
_ITEMS_PER_DAY = 10_000
_CLOSES = ("closes {} {}", "ends the day {} {}", "finishes {} {}")


class NewsItem(msgspec.Struct, frozen=True):
    """One article. `content` is empty when it is a headline alone; symbols are spelled as news spells them."""

    id: int
    at: int
    headline: str
    summary: str
    content: str
    symbols: tuple[str, ...]

    @property
    def url(self) -> str:
        """An address that leads nowhere, by its top-level domain."""
        return f"https://news.simulated.invalid/{self.id}"


class Newsroom:
    """The news of a market, written when they are asked for and remembered for a while."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._places = {asset.symbol: place for place, asset in enumerate(market.assets())}
        self._written: OrderedDict[tuple[str, date], tuple[NewsItem, ...]] = OrderedDict()

    def between(self, after: int, until: int, symbols: Iterable[str] | None = None) -> list[NewsItem]:
        """The items with after < at <= until, oldest first; of the symbols asked for (first names), or of all.

        `until` must not lie after the present of the one who asks.
        """
        found = [
            item
            for day in days_between(after, until)
            for item in self.of_day(day, symbols)
            if after < item.at <= until
        ]
        return sorted(found, key=lambda item: (item.at, item.id))

    def of_day(self, day: date, symbols: Iterable[str] | None = None) -> Iterator[NewsItem]:
        """All items of a New York day, its future included: for those who cut at their own instant."""
        for symbol in self._places if symbols is None else symbols:
            asset = self._market.asset(symbol)
            if asset is not None:
                yield from self._about(asset, day)

    def _about(self, asset: Asset, day: date) -> tuple[NewsItem, ...]:
        key = (asset.symbol, day)
        found = self._written.get(key)
        if found is None:
            found = self._written[key] = tuple(self._write(asset, day))
            if len(self._written) > _DAYS_KEPT * max(1, len(self._places)):
                self._written.popitem(last=False)
        return found

    def _write(self, asset: Asset, day: date) -> Iterator[NewsItem]:
        if asset.asset_class == "crypto":
            yield from self._of_pair(asset, day)
            return
        session = self._market.sessions.on(day)
        if session is not None and self._market.first_day < day <= self._market.last_day:
            yield from self._at_noon(asset, session)
            yield from self._after_close(asset, session)

    def _at_noon(self, asset: Asset, session: Session) -> Iterator[NewsItem]:
        noon = new_york_midnight(session.date) + 12 * HOUR
        if not asset.tradable or not session.open < noon < session.close:
            return
        if _drawn(asset.symbol, session.date, "noon") % _NOON_SHARE:
            return
        try:
            price = self._market.trade(asset.symbol, noon).price_e4
            before = self._market.previous_close_e4(asset.symbol, noon)
        except NoPrice:
            return
        move = _move(before, price)
        if abs(move) >= NOON_MOVE_BASIS_POINTS:
            at = noon + _drawn(asset.symbol, session.date, "minutes") % 20 * MINUTE
            said = f"trades {_percent(move)} {_way(move)} at noon, at {_dollars(price)}"
            yield self._item(asset, session.date, 0, at, said, "")

    def _after_close(self, asset: Asset, session: Session) -> Iterator[NewsItem]:
        midnight = new_york_midnight(session.date)
        bars = self._market.bars(asset.symbol, "1Day", midnight, midnight, session.close)
        try:
            before = self._market.previous_close_e4(asset.symbol, session.open)
        except NoPrice:
            return
        for bar in bars:
            price = round(bar.close * PRICE)
            move = _move(before, price)
            if abs(move) >= CLOSE_MOVE_BASIS_POINTS or not asset.tradable:
                draw = _drawn(asset.symbol, session.date, "close")
                at = session.close + (1 + draw % 30) * MINUTE
                said = _CLOSES[draw // 30 % len(_CLOSES)].format(_percent(move), _way(move))
                yield self._item(asset, session.date, 1, at, said, _day_in_words(asset, bar))

    def _of_pair(self, asset: Asset, day: date) -> Iterator[NewsItem]:
        """The day of UTC that ends within this day of New York."""
        midnight = (day - _EPOCH).days * DAY
        bars = self._market.bars(asset.symbol, "1Day", midnight, midnight, midnight + DAY - 1)
        for bar in bars:
            move = _move(round(bar.open * PRICE), round(bar.close * PRICE))
            if abs(move) >= PAIR_MOVE_BASIS_POINTS:
                at = midnight + DAY + (1 + _drawn(asset.symbol, day, "close") % 30) * MINUTE
                said = f"moves {_percent(move)} {_way(move)} within a day"
                yield self._item(asset, day, 1, at, said, _day_in_words(asset, bar))

    def _item(self, asset: Asset, day: date, slot: int, at: int, said: str, content: str) -> NewsItem:
        number = day.toordinal() * _ITEMS_PER_DAY + 2 * self._places.get(asset.symbol, 0) + slot
        symbol = name_on(self._market.script, asset.symbol, day)
        headline = f"{MARK} {asset.name} {said}"
        summary = f"{headline}. Prices: {asset.source}."
        return NewsItem(number, at, headline, summary, content, (spelled(symbol),))


def spelled(symbol: str) -> str:
    """A symbol as news spells it: pairs without their slash."""
    return symbol.replace("/", "")


def days_between(after: int, until: int) -> list[date]:
    """The New York days that a stretch of time touches, in order."""
    first = new_york_date(after)
    return [first + timedelta(days=n) for n in range((new_york_date(until) - first).days + 1)]


def _drawn(symbol: str, day: date, what: str) -> int:
    digest = blake2b(f"news|{symbol}|{day}|{what}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big")


def _move(before: int, price: int) -> int:
    """The change in basis points, rounded towards zero."""
    change = (abs(price - before) * 10_000) // before
    return change if price >= before else -change


def _percent(basis_points: int) -> str:
    return f"{abs(basis_points) / 100:.1f} %"


def _way(basis_points: int) -> str:
    return "higher" if basis_points >= 0 else "lower"


def _dollars(price_e4: int) -> str:
    return f"${price_e4 / PRICE:,.2f}"


def _day_in_words(asset: Asset, bar: Bar) -> str:
    return (
        f"<p>{MARK} {asset.name} ({asset.symbol}) opened at ${bar.open:,.2f}, traded between ${bar.low:,.2f} and "
        f"${bar.high:,.2f} and closed at ${bar.close:,.2f}, on a volume of {bar.volume:,.0f}.</p>"
        f"<p>This article was made by a simulation. Prices: {asset.source}.</p>"
    )
