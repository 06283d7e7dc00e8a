"""The exchange as the world's processes reach it: its real server, under the names of Alpaca's paper environment.

It is a process of its own, which nothing befalls; its time is the world's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Middleware

from the_alchemiser.domain.instants import Nanos
from the_alchemiser.endpoints import PAPER_URL, Endpoints, endpoints_of
from the_alchemiser.exchange.desk import AccountTerms, Desk
from the_alchemiser.exchange.floor import Floor
from the_alchemiser.exchange.journal import CommandLog
from the_alchemiser.exchange.market.board import Board
from the_alchemiser.exchange.market.crypto import SimulatedCrypto
from the_alchemiser.exchange.market.options import OptionMarket
from the_alchemiser.exchange.market.prices import Market
from the_alchemiser.exchange.market.sessions import Session
from the_alchemiser.exchange.server import LINE_BYTES_LIMIT, application
from the_alchemiser.exchange.setting import Setting
from the_alchemiser.exchange.timestamps import rfc3339
from the_alchemiser.exchange.world import Origin
from the_alchemiser.exchange.world import World as TradingWorld
from the_alchemiser.simulation.life import MARKET_SEED, Life, buy_holdings, eve_of, market
from the_alchemiser.simulation.shell.loop import VirtualLoop
from the_alchemiser.simulation.shell.network import Network
from the_alchemiser.simulation.threads import Crew
from the_alchemiser.simulation.venue import OwnScript
from the_alchemiser.simulation.virtual import VirtualTime

KEY, SECRET = "PKSIMULATEDWORLD", "SimulatedSecretThatOpensAToy"
ENDPOINTS: Endpoints = endpoints_of(PAPER_URL)
PORT = 443


def open_floor(life: Life, seed: int, sessions: tuple[Session, ...], begins_at: Nanos) -> Floor:
    """A trading floor with one account, as it is when a world begins."""
    terms = AccountTerms(key=KEY, secret=SECRET, cash=life.cash, multiplier=life.multiplier)
    setting = Setting(
        seed=seed,
        cash=life.cash,
        start=rfc3339(eve_of(sessions)),
        data="simulated",
        multiplier=life.multiplier,
    )
    # Halts of one world must not halt another's; everything else of the market is shared.
    origin = Origin(setting, cast("Market", OwnScript(_board())), (terms,))
    floor = Floor(
        TradingWorld(origin, CommandLog.temporary()), asked=setting, speed=None, origin_of=lambda _: origin
    )
    desk = only_desk(floor)
    buy_holdings(desk.exchange, life)
    desk.look_again()
    while floor.now < begins_at:
        floor.move(begins_at)
    return floor


def only_desk(floor: Floor) -> Desk:
    """The account of the world."""
    return next(iter(floor.desks.values()))


class FloorTime(VirtualTime):
    """Virtual time where the exchange is a floor: it tells its updates to its own streams."""

    def __init__(self, floor: Floor, *, latest_first: bool = False) -> None:
        self._floor, self._now = floor, floor.now
        self._desk = only_desk(floor)
        super().__init__(self._desk.exchange, latest_first=latest_first)

    @property
    def now(self) -> Nanos:
        return self._now

    def _move(self, until: Nanos, *, stop_on_update: bool = False) -> bool:
        floor = self._floor
        while self._now < until:
            count = floor.move(until)
            self._now = floor.now
            if count and stop_on_update:
                break
        self._desk.keep_time(self._now)
        return bool(self._now < until)

    def _tell(self) -> bool:
        """What somebody did at the exchange past its floor."""
        if self.exchange.update_count != self._desk.told:
            self._desk.look_again()
        return False


class Venue:
    """The server of a floor."""

    def __init__(self, floor: Floor, network: Network) -> None:
        self.floor = floor
        self.loop = VirtualLoop(network.time, Crew(network.time, _fail), network.host("exchange"))

    def open(self, *before: Middleware) -> None:
        """Listen. `before` stands before everything else that looks at a request."""
        self.loop.create_task(self._serve(before))

    async def _serve(self, before: Sequence[Middleware]) -> None:
        app = application(self.floor)
        app.middlewares[:0] = before
        runner = web.AppRunner(app, access_log=None, max_line_size=LINE_BYTES_LIMIT)
        await runner.setup()
        for name in dict.fromkeys((ENDPOINTS.trading, ENDPOINTS.data)):
            await web.TCPSite(runner, name.removeprefix("https://"), PORT).start()

    def close(self) -> None:
        """The world is over."""
        self.loop.bury()
        self.floor.close()


def _fail(error: Exception) -> None:
    raise error


@cache
def _board() -> Board:
    """The one market of all worlds of a process."""
    stocks = market()
    crypto = SimulatedCrypto(stocks.first_day, stocks.last_day, seed=MARKET_SEED)
    return Board(stocks, crypto, OptionMarket(stocks, seed=MARKET_SEED))
