"""The trading floor: a world, the time that drives it, the streams that tell of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from functools import partial

from the_alchemiser.exchange.agenda import Agenda
from the_alchemiser.exchange.clock import FreeClock
from the_alchemiser.exchange.credentials import KeyRing
from the_alchemiser.exchange.desk import Desk
from the_alchemiser.exchange.errors import ConfigurationError, Refusal, bad_parameter
from the_alchemiser.exchange.fates import Fates
from the_alchemiser.exchange.faults.director import ActiveRule, FaultDirector
from the_alchemiser.exchange.faults.messages import Cut
from the_alchemiser.exchange.journal import CommandLog, JournalError
from the_alchemiser.exchange.market.prices import Market
from the_alchemiser.exchange.setting import Setting
from the_alchemiser.exchange.statefile import begun, put_away, relabelled, scratch
from the_alchemiser.exchange.streams.datastream import DataStreamHub
from the_alchemiser.exchange.streams.interference import StreamFaults
from the_alchemiser.exchange.streams.seats import DataSeat
from the_alchemiser.exchange.streams.tradestream import TradeUpdateHub, TradingStream
from the_alchemiser.exchange.timestamps import rfc3339
from the_alchemiser.exchange.units import MINUTE
from the_alchemiser.exchange.world import Origin, World

FEED_STEP = 10 * MINUTE  # market time told in one go, so that a long advance leaves room for other clients
LISTENER_PATIENCE_SECONDS = 5.0
MARK_SECONDS = 1.0  # a free-running exchange writes down its time this often, in wall time
STATE_BYTES_LIMIT = 1 << 30

_logger = logging.getLogger(__name__)


class Floor:
    """What the routes talk to. `speed` None means lockstep: time stands still until `advance`.

    `asked` is the setting it was started with, `origin_of` makes what another world begins with; it raises
    ConfigurationError.
    """

    def __init__(
        self,
        world: World,
        *,
        asked: Setting,
        speed: float | None,
        origin_of: Callable[[Setting], Origin],
    ) -> None:
        self.world = world
        self._asked = asked
        self.faults = FaultDirector()
        self.agenda = Agenda()
        self.stream_faults = StreamFaults(self.faults, self.agenda, lambda: self.now)
        self.faults.when_added = self._await_fault
        self.fates = Fates(self.faults, lambda: self.world)
        self._begin_agenda()
        self.trading_stream = TradingStream(
            self._hub_of, lambda: [desk.trade_updates for desk in self.desks.values()]
        )
        self.data = DataStreamHub(self._seat_of, world.market, world.now)
        self.clock = None if speed is None else FreeClock(world.now, speed)
        self._origin_of = origin_of
        self._fed_until = world.now
        self._marked = 0.0
        self._advancing = asyncio.Lock()
        self._changed = asyncio.Event()

    @property
    def market(self) -> Market:
        return self.world.market

    @property
    def now(self) -> int:
        """Exchange time (ns UTC)."""
        return self.world.now

    @property
    def horizon(self) -> int:
        """The instant at which the market data ends, and time with it."""
        return self.world.horizon

    @property
    def accounts(self) -> KeyRing[Desk]:
        """The accounts by their keys."""
        return self.world.accounts

    @property
    def desks(self) -> dict[str, Desk]:
        """The accounts by their numbers, oldest first."""
        return self.world.desks

    def symbol_of(self, name: str) -> str:
        """The symbol that a path or body names, by symbol in any case or by asset id."""
        return self.world.symbol_of(name)

    def _hub_of(self, key: object, secret: object) -> TradeUpdateHub | None:
        desk = self.accounts.find(key, secret)
        return None if desk is None or desk.terms.live else desk.trade_updates

    def _seat_of(self, key: object, secret: object) -> DataSeat | None:
        desk = self.accounts.find(key, secret)
        return None if desk is None else desk.seat

    # -- time -------------------------------------------------------------------------------------

    def catch_up(self) -> None:
        """In free mode: moves the exchange to where wall time says it should be. In lockstep: nothing."""
        if self.clock is not None:
            until = min(self.clock.now(), self.horizon)
            while self.now < until:
                self.move(until)

    async def advance(self, until: int) -> int:
        """Moves time, which must stand still, to `until` or to the first instant with a trade update of any
        account. Returns how many there were. Raises Refusal.

        Listeners of the data stream are told of all the time that passed, and waited for a little if they
        lag.
        """
        if self.clock is not None and not self.clock.paused:
            raise Refusal(409, 40910000, "the exchange runs freely; only lockstep mode can be advanced")
        async with self._advancing:
            self._check(until)
            return await self._travel(until, stops=True)

    async def step(self, until: int) -> int:
        """Moves time to `until`, however it is driven, past all that happens on the way. Returns how many trade
        updates there were. Raises Refusal.
        """
        async with self._advancing:
            self.catch_up()
            self._check(until)
            count = 0
            while self.now < until:
                count += await self._travel(until, stops=True)
            return count

    def _check(self, until: int) -> None:
        if not self.now <= until <= self.horizon:
            extent = f"{rfc3339(self.now)} (now) and {rfc3339(self.horizon)} (the end of the market data)"
            raise bad_parameter(f"the instant must lie between {extent}")

    async def _travel(self, until: int, *, stops: bool) -> int:
        world, count = self.world, 0
        if world.now == until:
            return 0
        while world.now < until and not (stops and count):
            count += await self._stride(until)
        if not count:
            world.mark()
        if self.clock is not None:
            self.clock.set(world.now)
        while self._fed_until < world.now:
            self._feed()
            await self.data.room(LISTENER_PATIENCE_SECONDS)
        return count

    def _begin_agenda(self) -> None:
        """A world begins: its accounts meet their fates, and the faults that strike at its instants are awaited."""
        self.world.fate = self.fates.setback
        self.agenda.clear()
        for active in self.faults.rules:
            self._await_fault(active)

    def _await_fault(self, active: ActiveRule) -> None:
        """A fault that strikes at an instant is due then; one whose instant has passed is not."""
        if active.instant is not None and active.instant >= self.now:
            self.agenda.enter(active.instant, partial(self._befall, active))

    def _befall(self, active: ActiveRule) -> None:
        if active not in self.faults.rules:
            return
        if isinstance(active.rule, Cut):
            self.stream_faults.end_connections(active)
        else:
            self.fates.befall(active)

    async def _stride(self, until: int) -> int:
        """As `move`; what waited for the instant reached is let go on before time does."""
        waiting = self.agenda.upcoming <= until
        before = sum(desk.told for desk in self.desks.values()) if waiting else 0
        count = self.move(until)
        if not waiting:
            return count
        await asyncio.sleep(0)
        return sum(desk.told for desk in self.desks.values()) - before

    def move(self, until: int) -> int:
        """Moves time to the next instant at which an account may have news or the agenda has an entry, at most
        to `until`. Returns how many updates there were.
        """
        count = self.world.move(min(until, max(self.now, self.agenda.upcoming)))
        self.agenda.reach(self.now)
        return count

    async def run_freely(self) -> None:
        """Keeps exchange time and the data stream up with wall time, whenever time runs, until cancelled."""
        while True:
            clock = self.clock
            if clock is None or clock.paused or self.now >= self.horizon:
                await self._until_changed(at_end=clock is not None and self.now >= self.horizon)
                continue
            self.catch_up()
            self._mark()
            while self._fed_until < self.now:
                self._feed()
                await asyncio.sleep(0)
            await asyncio.sleep(clock.pump_seconds)

    async def _until_changed(self, *, at_end: bool) -> None:
        if at_end:
            _logger.warning("the market data ends here: time stands still at %s", rfc3339(self.now))
        self._changed.clear()
        await self._changed.wait()

    def set_speed(self, speed: float | None) -> None:
        """From now on time runs this fast, or (None) stands in lockstep. A pause goes on."""
        self.catch_up()
        before, self.clock = self.clock, None if speed is None else FreeClock(self.now, speed)
        if self.clock is not None and before is not None and before.paused:
            self.clock.pause()
        self._changed.set()

    def pause(self) -> None:
        """Time stands still until `resume`. Raises Refusal in lockstep, where it does anyway."""
        clock = self._running_clock()
        self.catch_up()
        clock.pause()
        clock.set(self.now)

    def resume(self) -> None:
        """Time runs on. Raises Refusal in lockstep."""
        self._running_clock().resume()
        self._changed.set()

    def _running_clock(self) -> FreeClock:
        if self.clock is None:
            raise Refusal(409, 40910000, "the exchange is in lockstep: only a client's advance moves time")
        return self.clock

    def _mark(self) -> None:
        at = asyncio.get_running_loop().time()
        if at - self._marked >= MARK_SECONDS:
            self._marked = at
            self.world.mark()

    def _feed(self) -> None:
        """Tells the data stream of the next stretch of time that has passed."""
        until = min(self.now, self._fed_until + FEED_STEP) if self.data.has_listeners else self.now
        self.data.tell(self._fed_until, until)
        self._fed_until = until

    # -- other worlds -----------------------------------------------------------------------------

    async def begin(self, setting: Setting) -> None:
        """A new world takes the place of this one, with no past. Raises Refusal, OSError."""
        await self._enter(lambda log: begun(log, self._asked, self._origin_of(setting)))

    async def load(self, parts: AsyncIterator[bytes]) -> None:
        """The world of a saved command log takes the place of this one. Raises Refusal, OSError."""
        spool = CommandLog.temporary()
        try:
            async for part in parts:
                if spool.size + len(part) > STATE_BYTES_LIMIT:
                    raise bad_parameter(f"a state has at most {STATE_BYTES_LIMIT} bytes")
                spool.extend(part)
            await self._enter(lambda log: relabelled(spool, log, self._asked, self._origin_of))
        finally:
            spool.close()

    async def _enter(self, make: Callable[[CommandLog], World]) -> None:
        async with self._advancing:
            log = scratch(self.world.log.path)
            try:
                world = make(log)
            except (JournalError, ConfigurationError, ValueError) as error:
                log.discard()
                raise bad_parameter(str(error)) from error
            put_away(self.world.log, log)
            before, self.world, self._fed_until = self.world, world, world.now
            self.data.enter(world.market, world.now)
            self._begin_agenda()
            if self.clock is not None:
                self.clock.set(world.now)
            self._changed.set()
        for desk in before.desks.values():
            desk.trade_updates.close_taps()
        await asyncio.gather(self.trading_stream.close(), self.data.close())

    def close(self) -> None:
        """Writes down the time reached, if it still can, and releases the log."""
        self.world.close()
