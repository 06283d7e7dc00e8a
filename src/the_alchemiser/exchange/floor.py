"""The trading floor: one running exchange, the time that drives it, the log of its commands, the streams that
tell of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec

from the_alchemiser.exchange.clock import FreeClock
from the_alchemiser.exchange.errors import Refusal, bad_parameter
from the_alchemiser.exchange.journal import CommandLog, JournalError
from the_alchemiser.exchange.market.sessions import new_york_midnight
from the_alchemiser.exchange.streams.datastream import DataStreamHub
from the_alchemiser.exchange.streams.marketfeed import market_events
from the_alchemiser.exchange.streams.tradestream import TradeUpdateHub
from the_alchemiser.exchange.timestamps import rfc3339
from the_alchemiser.exchange.units import MINUTE
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.orders import OrderChanges, OrderRequest

FEED_STEP = 10 * MINUTE  # market time told in one go, so that a long advance leaves room for other clients
LISTENER_PATIENCE_SECONDS = 5.0
MARK_SECONDS = 1.0  # a free-running exchange writes down its time this often, in wall time

Arguments = Mapping[str, Any]

_logger = logging.getLogger(__name__)


def _submit(exchange: Exchange, arguments: Arguments) -> Any:
    return exchange.submit(msgspec.convert(arguments["request"], OrderRequest))


def _replace(exchange: Exchange, arguments: Arguments) -> Any:
    return exchange.replace(arguments["order_id"], msgspec.convert(arguments["changes"], OrderChanges))


def _close(exchange: Exchange, arguments: Arguments) -> Any:
    return exchange.close_position(arguments["symbol"], arguments.get("qty"), arguments.get("percentage"))


# Every command that can change the exchange. The same functions run for a client and for a line of the log.
COMMANDS: dict[str, Callable[[Exchange, Arguments], Any]] = {
    "submit": _submit,
    "replace": _replace,
    "cancel": lambda exchange, arguments: exchange.cancel(arguments["order_id"]),
    "cancel_all": lambda exchange, arguments: exchange.cancel_all(),
    "close": _close,
    "close_all": lambda exchange, arguments: exchange.close_all(arguments["cancel_orders"]),
    "advance": lambda exchange, arguments: None,
}


class Floor:
    """What the routes talk to. `speed` None means lockstep: time stands still until `advance`.

    A log that holds commands of an earlier run is replayed first. Raises JournalError.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        log: CommandLog | None,
        speed: float | None,
        trade_updates: TradeUpdateHub,
        data: DataStreamHub,
    ) -> None:
        self.exchange = exchange
        self.market = exchange.market
        self.trade_updates = trade_updates
        self.data = data
        self._log = log
        if log is not None:
            replay(exchange, log)
        self.horizon = new_york_midnight(self.market.last_day + timedelta(days=1))
        self.clock = None if speed is None else FreeClock(exchange.now, speed)
        self._symbols_by_id = {asset.id: asset.symbol for asset in self.market.assets()}
        self._fed_until = exchange.now
        self._marked = 0.0
        self._advancing = asyncio.Lock()

    @property
    def now(self) -> int:
        """Exchange time (ns UTC)."""
        return self.exchange.now

    def symbol_of(self, name: str) -> str:
        """The symbol that a path or body names, by symbol in any case or by asset id."""
        return self._symbols_by_id.get(name.lower(), name.upper())

    def catch_up(self) -> None:
        """In free mode: moves the exchange to where wall time says it should be. In lockstep: nothing."""
        if self.clock is not None:
            self._move(min(self.clock.now(), self.horizon))

    def run(self, name: str, **arguments: Any) -> Any:
        """Runs one command: logged first, then done, then told to the trading stream. Raises Refusal,
        OSError.
        """
        self._write(name, arguments)
        try:
            return COMMANDS[name](self.exchange, arguments)
        finally:
            self._tell()

    async def advance(self, until: int) -> int:
        """Lockstep: moves time to `until` or to the first instant with a trade update. Returns how many there
        were.

        Listeners of the data stream are told of all the time that passed, and waited for a little if they
        lag.
        """
        if self.clock is not None:
            raise Refusal(409, 40910000, "the exchange runs freely; only lockstep mode can be advanced")
        async with self._advancing:
            if not self.now <= until <= self.horizon:
                extent = f"{rfc3339(self.now)} (now) and {rfc3339(self.horizon)} (the end of the market data)"
                raise bad_parameter(f"until must lie between {extent}")
            before = self.now
            self.exchange.advance(until, stop_on_update=True)
            if self.now != before:
                self._write("advance", {})
            count = self._tell()
            while self._fed_until < self.now:
                self._feed()
                await self.data.room(LISTENER_PATIENCE_SECONDS)
            return count

    async def run_freely(self) -> None:
        """Free mode: keeps exchange time and the data stream up with wall time, until cancelled or out of data."""
        clock = self.clock
        while clock is not None and self.now < self.horizon:
            self.catch_up()
            self._mark()
            while self._fed_until < self.now:
                self._feed()
                await asyncio.sleep(0)
            await asyncio.sleep(clock.pump_seconds)
        _logger.warning("the market data ends here: time stands still at %s", rfc3339(self.now))
        await asyncio.Event().wait()

    def close(self) -> None:
        """Writes down the time reached, if it still can, and releases the log."""
        if self._log is not None:
            with contextlib.suppress(OSError):
                self._write("advance", {})
            self._log.close()

    def _move(self, until: int) -> None:
        """Moves time, stopping at each instant with news so that it is logged before it is told."""
        while self.now < until:
            count = self.exchange.update_count
            self.exchange.advance(until, stop_on_update=True)
            if self.exchange.update_count != count:
                self._write("advance", {})
                self._tell()

    def _mark(self) -> None:
        at = asyncio.get_running_loop().time()
        if self._log is not None and at - self._marked >= MARK_SECONDS:
            self._marked = at
            self._write("advance", {})

    def _write(self, name: str, arguments: Arguments) -> None:
        if self._log is not None:
            self._log.append({"at": self.now, "do": name, **arguments})

    def _tell(self) -> int:
        updates = self.exchange.take_updates()
        self.trade_updates.publish(updates)
        return len(updates)

    def _feed(self) -> None:
        """Tells the data stream of the next stretch of time that has passed."""
        wanted = self.data.wanted()
        until = min(self.now, self._fed_until + FEED_STEP) if wanted else self.now
        if wanted:
            self.data.publish(market_events(self.market, wanted, self._fed_until, until))
        self._fed_until = until


def replay(exchange: Exchange, log: CommandLog) -> None:
    """Runs the commands of earlier runs. What was refused then is refused again."""
    for number, command in enumerate(log.replayed(), start=2):
        try:
            exchange.advance(command["at"])
            COMMANDS[command["do"]](exchange, command)
        except Refusal:
            pass
        except (KeyError, TypeError, ValueError) as error:
            raise JournalError(
                f"line {number} of the state file is not a command that can be run here"
            ) from error
        exchange.take_updates()
