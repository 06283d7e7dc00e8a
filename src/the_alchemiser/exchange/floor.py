"""The trading floor: one market and one clock, an isolated account per key, the log of all commands, the
streams.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec

from the_alchemiser.exchange.agenda import Agenda
from the_alchemiser.exchange.clock import FreeClock
from the_alchemiser.exchange.commands import Arguments
from the_alchemiser.exchange.credentials import KeyRing
from the_alchemiser.exchange.desk import AccountTerms, Desk, account_seed
from the_alchemiser.exchange.errors import Refusal, bad_parameter, not_found
from the_alchemiser.exchange.faults.director import FaultDirector
from the_alchemiser.exchange.journal import CommandLog, JournalError
from the_alchemiser.exchange.market.prices import Market
from the_alchemiser.exchange.market.sessions import new_york_midnight
from the_alchemiser.exchange.streams.datastream import DataStreamHub
from the_alchemiser.exchange.streams.seats import DataSeat
from the_alchemiser.exchange.streams.tradestream import TradeUpdateHub, TradingStream
from the_alchemiser.exchange.timestamps import rfc3339
from the_alchemiser.exchange.units import MINUTE
from the_alchemiser.exchange.venue.core import Exchange

FEED_STEP = 10 * MINUTE  # market time told in one go, so that a long advance leaves room for other clients
LISTENER_PATIENCE_SECONDS = 5.0
MARK_SECONDS = 1.0  # a free-running exchange writes down its time this often, in wall time
ACCOUNTS_LIMIT = 10_000

_logger = logging.getLogger(__name__)


class Floor:
    """What the routes talk to. `speed` None means lockstep: time stands still until `advance`.

    A log that holds commands of an earlier run is replayed first. Raises JournalError; ValueError: an account
    that cannot be opened.
    """

    def __init__(
        self,
        market: Market,
        accounts: Sequence[AccountTerms],
        *,
        seed: int,
        start: int,
        speed: float | None,
        log: CommandLog | None,
    ) -> None:
        self.market = market
        self.faults = FaultDirector()
        self.agenda = Agenda()
        self.accounts: KeyRing[Desk] = KeyRing()
        self.desks: dict[str, Desk] = {}
        self.trading_stream = TradingStream(
            self._hub_of, lambda: [desk.trade_updates for desk in self.desks.values()]
        )
        self.data = DataStreamHub(self._seat_of, market)
        self.horizon = new_york_midnight(market.last_day + timedelta(days=1))
        self._seed = seed
        self._now = start
        self._opened = 0
        self._symbols_by_id = {asset.id: asset.symbol for asset in market.assets()}
        for terms in accounts:
            self._open(terms)
        self._log = log
        if log is not None:
            self._replay(log)
        self.clock = None if speed is None else FreeClock(self._now, speed)
        self._fed_until = self._now
        self._marked = 0.0
        self._advancing = asyncio.Lock()

    @property
    def now(self) -> int:
        """Exchange time (ns UTC)."""
        return self._now

    def symbol_of(self, name: str) -> str:
        """The symbol that a path or body names, by symbol in any case or by asset id."""
        return self._symbols_by_id.get(name.lower(), name.upper())

    # -- accounts ---------------------------------------------------------------------------------

    def desk(self, number: str) -> Desk:
        """The account with this number. Raises Refusal."""
        try:
            return self.desks[number]
        except KeyError:
            raise not_found(f"account not found for {number[:64]}") from None

    def open_account(self, terms: AccountTerms) -> Desk:
        """A new account from now on. Raises Refusal, OSError."""
        if len(self.desks) >= ACCOUNTS_LIMIT:
            raise bad_parameter(f"there are {ACCOUNTS_LIMIT} accounts, and there can be no more")
        try:
            desk = self._open(terms)
        except ValueError as error:
            raise bad_parameter(str(error)) from None
        try:
            self.write("", "open_account", {"terms": terms})
        except OSError:
            self._close(desk.number)
            raise
        return desk

    def close_account(self, number: str) -> Desk:
        """The account is no more, nor are its orders. Its streams are the caller's to close. Raises Refusal,
        OSError.
        """
        desk = self.desk(number)
        if len(self.desks) == 1:
            raise bad_parameter("the last account cannot be deleted")
        self.write(number, "close_account", {})
        self._close(number)
        return desk

    def reset_account(self, number: str, cash: str | None) -> Desk:
        """A new account, with a new number and no past, takes over the keys of the old one. Raises as above."""
        terms = self.desk(number).terms
        if cash is not None:
            terms = msgspec.structs.replace(terms, cash=cash)
        try:
            self._exchange(terms)
        except ValueError as error:
            raise bad_parameter(str(error)) from None
        self.write(number, "reset_account", {"cash": terms.cash})
        return self._reset(number, terms)

    def _reset(self, number: str, terms: AccountTerms) -> Desk:
        self._close(number)
        return self._open(terms)

    def _open(self, terms: AccountTerms) -> Desk:
        desk = Desk(self, terms, self._exchange(terms))
        self.accounts.add(terms.credentials, desk)
        self.desks[desk.number] = desk
        self._opened += 1
        return desk

    def _exchange(self, terms: AccountTerms) -> Exchange:
        seed = account_seed(self._seed, self._opened)
        return Exchange(self.market, seed=seed, cash=terms.cash, start=self._now, multiplier=terms.multiplier)

    def _close(self, number: str) -> None:
        self.accounts.remove(self.desks.pop(number).terms.key)

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
            while self._now < until:
                self._move(until)

    async def advance(self, until: int) -> int:
        """Lockstep: moves time to `until` or to the first instant with a trade update of any account. Returns
        how many there were.

        Listeners of the data stream are told of all the time that passed, and waited for a little if they
        lag.
        """
        if self.clock is not None:
            raise Refusal(409, 40910000, "the exchange runs freely; only lockstep mode can be advanced")
        async with self._advancing:
            if not self.now <= until <= self.horizon:
                extent = f"{rfc3339(self.now)} (now) and {rfc3339(self.horizon)} (the end of the market data)"
                raise bad_parameter(f"until must lie between {extent}")
            count, before = 0, self._now
            while self._now < until and not count:
                count = await self._stride(until)
            if self._now != before and not count:
                self.write("", "advance", {})
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
                self.write("", "advance", {})
            self._log.close()

    async def _stride(self, until: int) -> int:
        """As `_move`; what waited for the instant reached is let go on before time does."""
        waiting = self.agenda.upcoming <= until
        before = sum(desk.told for desk in self.desks.values()) if waiting else 0
        count = self._move(until)
        if not waiting:
            return count
        await asyncio.sleep(0)
        return sum(desk.told for desk in self.desks.values()) - before

    def _move(self, until: int) -> int:
        """Moves time to the next instant at which an account may have news or the agenda has an entry, at most
        to `until`. Returns how many updates there were.
        """
        count = self._pass(min(until, max(self._now, self.agenda.upcoming)))
        self.agenda.reach(self._now)
        return count

    def _pass(self, until: int) -> int:
        """Time and nothing else goes by, until an account has news, which is logged and then told."""
        due = min(desk.upcoming for desk in self.desks.values())
        self._now = min(max(due, self._now), until)
        if due > until:
            return 0
        moved = [desk for desk in self.desks.values() if desk.upcoming <= due]
        has_news = [desk.keep_time(self._now) for desk in moved]
        if not any(has_news):
            return 0
        self.write("", "advance", {})
        return sum(desk.tell() for desk in moved)

    def _mark(self) -> None:
        at = asyncio.get_running_loop().time()
        if self._log is not None and at - self._marked >= MARK_SECONDS:
            self._marked = at
            self.write("", "advance", {})

    def write(self, account: str, name: str, arguments: Arguments) -> None:
        """Writes one command of an account (empty: of the floor) down before it is done. Raises OSError."""
        if self._log is not None:
            whose = {"account": account} if account else {}
            self._log.append({"at": self._now, "do": name, **whose, **arguments})

    def _feed(self) -> None:
        """Tells the data stream of the next stretch of time that has passed."""
        until = min(self.now, self._fed_until + FEED_STEP) if self.data.has_listeners else self.now
        self.data.tell(self._fed_until, until)
        self._fed_until = until

    # -- the log ----------------------------------------------------------------------------------

    def _replay(self, log: CommandLog) -> None:
        """Runs the commands of earlier runs. What was refused then is refused again."""
        for number, command in enumerate(log.replayed(), start=2):
            try:
                self._repeat(command)
            except Refusal:
                pass
            except (KeyError, TypeError, ValueError) as error:
                raise JournalError(
                    f"line {number} of the state file is not a command that can be run here"
                ) from error
        for desk in self.desks.values():
            desk.tell()

    def _repeat(self, command: dict[str, Any]) -> None:
        name, at = command["do"], command["at"]
        if at < self._now:
            raise ValueError(f"time goes back from {self._now} to {at}")
        self._now = at
        number = command.get("account") or next(iter(self.desks))
        if name == "open_account":
            self._open(msgspec.convert(command["terms"], AccountTerms))
        elif name == "close_account":
            self._close(number)
        elif name == "reset_account":
            self._reset(number, msgspec.structs.replace(self.desks[number].terms, cash=command["cash"]))
        elif name != "advance":
            desk = self.desks[number]
            desk.do(desk.exchange, name, command)
            desk.tell()
