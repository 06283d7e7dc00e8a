"""What moves and what is traded most, as of now: /v1beta1/screener."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from aiohttp import web

from the_alchemiser.exchange.market.names import name_on
from the_alchemiser.exchange.market.prices import Asset, Bar, Market, NoPrice
from the_alchemiser.exchange.market.sessions import new_york_date, new_york_midnight
from the_alchemiser.exchange.rest.door import FLOOR, json_answer
from the_alchemiser.exchange.rest.paging import Turns, bad_query, choice, number_of, only_known
from the_alchemiser.exchange.rows import Row
from the_alchemiser.exchange.timestamps import rfc3339
from the_alchemiser.exchange.units import PRICE

TOP, ACTIVES_LIMIT, MOVERS_LIMIT = 10, 100, 50
CLASSES = {"stocks": "us_equity", "crypto": "crypto"}


class Move(NamedTuple):
    """How far a price stands from the close before the current day, in 1e-4 dollars."""

    symbol: str
    before_e4: int
    price_e4: int

    @property
    def share(self) -> float:
        return (self.price_e4 - self.before_e4) / self.before_e4

    def row(self) -> Row:
        """A mover."""
        return {
            "symbol": self.symbol,
            "price": self.price_e4 / PRICE,
            "change": (self.price_e4 - self.before_e4) / PRICE,
            "percent_change": round(100 * self.share, 2),
        }


def _listed(market: Market, kind: str) -> Iterator[Asset]:
    return (asset for asset in market.assets() if asset.asset_class == kind and asset.tradable)


def _since(market: Market, kind: str, now: int) -> int:
    """An instant of the current day: stocks keep the day of the last session until the next one opens."""
    session = market.sessions.begun(now) if kind == "us_equity" else None
    return session.open if session is not None else now


def _moves(market: Market, kind: str, now: int) -> Iterator[Move]:
    today, since = new_york_date(now), _since(market, kind, now)
    for asset in _listed(market, kind):
        try:
            before = market.previous_close_e4(asset.symbol, since)
            price = market.trade(asset.symbol, now).price_e4
        except NoPrice:
            continue
        yield Move(name_on(market.script, asset.symbol, today), before, price)


def _days(market: Market, now: int) -> Iterator[tuple[str, Bar]]:
    """The current day of each stock, as far as it has come."""
    today = new_york_date(now)
    midnight = new_york_midnight(new_york_date(_since(market, "us_equity", now)))
    for asset in _listed(market, "us_equity"):
        for bar in market.bars(asset.symbol, "1Day", midnight, midnight, now):
            yield name_on(market.script, asset.symbol, today), bar


async def most_actives(request: web.Request) -> web.Response:
    """GET /v1beta1/screener/stocks/most-actives: by volume, or by the number of trades."""
    only_known(request, frozenset({"by", "top"}))
    by = choice(request, "by", ("volume", "trades"), "volume")
    top, floor = number_of(request, "top", TOP, ACTIVES_LIMIT), request.app[FLOOR]
    turns, found = Turns(), []
    for symbol, bar in _days(floor.market, floor.now):
        found.append((bar.volume if by == "volume" else bar.trades, symbol, bar))
        await turns.after()
    found.sort(key=lambda one: (-one[0], one[1]))
    rows = [
        {"symbol": symbol, "volume": int(bar.volume), "trade_count": bar.trades}
        for _, symbol, bar in found[:top]
    ]
    return json_answer({"most_actives": rows, "last_updated": rfc3339(floor.now)})


async def movers(request: web.Request) -> web.Response:
    """GET /v1beta1/screener/{stocks or crypto}/movers: what has risen and fallen most since the close before."""
    only_known(request, frozenset({"top"}))
    name = request.match_info["market_type"]
    if name not in CLASSES:
        raise bad_query(f"invalid market_type: {name[:16]}")
    top, floor = number_of(request, "top", TOP, MOVERS_LIMIT), request.app[FLOOR]
    turns, found = Turns(), []
    for move in _moves(floor.market, CLASSES[name], floor.now):
        found.append(move)
        await turns.after()
    ranked = sorted(found, key=lambda move: (move.share, move.symbol))
    losers = [move.row() for move in ranked if move.share < 0]
    gainers = [move.row() for move in reversed(ranked) if move.share > 0]
    return json_answer(
        {
            "gainers": gainers[:top],
            "losers": losers[:top],
            "market_type": name,
            "last_updated": rfc3339(floor.now),
        }
    )


def routes() -> list[web.RouteDef]:
    """Every route of the screener."""
    return [
        web.get("/v1beta1/screener/stocks/most-actives", most_actives),
        web.get("/v1beta1/screener/{market_type}/movers", movers),
    ]
