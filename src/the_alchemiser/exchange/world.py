"""A world: one market from one start on, the accounts that trade on it, and the log of what they did.

Synchronous. It is moved from outside, and everything in it follows from its setting and its log.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

import msgspec

from the_alchemiser.exchange.commands import Arguments
from the_alchemiser.exchange.credentials import KeyRing
from the_alchemiser.exchange.desk import AccountTerms, Desk, account_seed
from the_alchemiser.exchange.errors import Refusal, bad_parameter, not_found
from the_alchemiser.exchange.ids import derived_uuid, spelled_in
from the_alchemiser.exchange.journal import Command, CommandLog, JournalError
from the_alchemiser.exchange.market.names import capitals, name_on
from the_alchemiser.exchange.market.news import Newsroom
from the_alchemiser.exchange.market.prices import Market, Tick
from the_alchemiser.exchange.market.script import Halt, MarketScript
from the_alchemiser.exchange.market.sessions import new_york_date, new_york_midnight
from the_alchemiser.exchange.setting import Setting
from the_alchemiser.exchange.units import DAY, HOUR, MINUTE
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.setbacks import Setback

ACCOUNTS_LIMIT = 10_000
_TICK_WITHIN = (MINUTE, HOUR, DAY, 5 * DAY)  # how far ahead the next tick is looked for, step by step


Fate = Callable[[Desk, str, Arguments], Setback | None]


class Origin(NamedTuple):
    """What a world begins with."""

    setting: Setting
    market: Market
    accounts: tuple[AccountTerms, ...]


class World:
    """A log that holds commands of an earlier run is replayed first. Raises JournalError; ValueError: an account
    that cannot be opened.
    """

    def __init__(self, origin: Origin, log: CommandLog) -> None:
        self.setting, self.market = origin.setting, origin.market
        self.newsroom = Newsroom(origin.market)
        self.accounts: KeyRing[Desk] = KeyRing()
        self.desks: dict[str, Desk] = {}
        self.now = self.setting.start_instant
        self.horizon = new_york_midnight(self.market.last_day + timedelta(days=1))
        self.log = log
        self.fate: Fate | None = None
        self._opened = 0
        self._symbols_by_id = {asset.id: asset.symbol for asset in self.market.assets()}
        for terms in origin.accounts:
            self._open(terms)
        self._replay()

    def symbol_of(self, name: str) -> str:
        """The symbol that a path or body names, by symbol in any case or by the id of an asset or contract."""
        symbol = self._symbols_by_id.get(name.lower())
        if symbol is None:
            return spelled_in(name) or capitals(name)
        return name_on(self.market.script, symbol, new_york_date(self.now))

    # -- accounts ---------------------------------------------------------------------------------

    def desk(self, number: str) -> Desk:
        """The account with this number. Raises Refusal."""
        try:
            return self.desks[number]
        except KeyError:
            raise not_found(f"account not found for {number[:64]}") from None

    def fresh_keys(self) -> tuple[str, str]:
        """A key and a secret for the next account: like everything here, they follow from the seed."""
        key, secret = (
            derived_uuid(word, self.setting.seed, self._opened).replace("-", "") for word in ("key", "secret")
        )
        return "PK" + key[:18].upper(), secret

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
        try:
            if cash is not None:
                terms = msgspec.structs.replace(terms, cash=cash)
            self._exchange(terms, self._opened)
        except ValueError as error:
            raise bad_parameter(str(error)) from None
        self.write(number, "reset_account", {"cash": terms.cash})
        return self._reset(number, terms)

    def _reset(self, number: str, terms: AccountTerms) -> Desk:
        self._close(number)
        return self._open(terms)

    def _open(self, terms: AccountTerms) -> Desk:
        ordinal = self._opened
        exchange = self._exchange(terms, ordinal)
        while exchange.account_number in self.desks:  # its few digits can meet by chance
            ordinal += 1
            exchange = self._exchange(terms, ordinal)
        desk = Desk(self, terms, exchange)
        self.accounts.add(terms.credentials, desk)
        self.desks[desk.number] = desk
        self._opened = ordinal + 1
        return desk

    def _exchange(self, terms: AccountTerms, ordinal: int) -> Exchange:
        seed = account_seed(self.setting.seed, ordinal)
        return Exchange(
            self.market,
            seed=seed,
            cash=terms.cash,
            start=self.now,
            multiplier=terms.multiplier,
            rules=terms.rules,
        )

    def _close(self, number: str) -> None:
        self.accounts.remove(self.desks.pop(number).terms.key)

    def setback(self, desk: Desk, name: str, arguments: Arguments) -> Setback | None:
        """What a command of an account meets on its way, where somebody decides that; None: nothing."""
        return None if self.fate is None else self.fate(desk, name, arguments)

    # -- the market -------------------------------------------------------------------------------

    def halt(self, halt: Halt) -> None:
        """Nothing trades in a symbol from now until the end of the halt. Raises Refusal, OSError."""
        if self.market.asset(halt.symbol) is None:
            raise not_found(f"asset not found for {halt.symbol}")
        self.write("", "halt", {"halt": halt})
        self._halt(halt)

    def _halt(self, halt: Halt) -> None:
        self.market.script = MarketScript((*self.market.script.entries, halt))
        for desk in self.desks.values():
            desk.halt(halt)

    # -- time -------------------------------------------------------------------------------------

    def move(self, until: int) -> int:
        """Moves time to the next instant at which an account may have news, at most to `until`; tells the
        news, which is logged first. Returns how many updates there were.
        """
        due = min(desk.upcoming for desk in self.desks.values())
        self.now = min(max(due, self.now), until)
        if due > until:
            return 0
        moved = [desk for desk in self.desks.values() if desk.upcoming <= due]
        has_news = [desk.keep_time(self.now) for desk in moved]
        if not any(has_news):
            return 0
        self.mark()
        return sum(desk.tell() for desk in moved)

    def next_tick(self) -> int:
        """The next instant at which a price of any symbol moves; now, when there is none for days."""
        for width in _TICK_WITHIN:
            until = min(self.now + width, self.horizon)
            ticks = [self._first_tick(asset.symbol, until) for asset in self.market.assets()]
            found = [tick.at for tick in ticks if tick is not None]
            if found:
                return min(found)
        return self.now

    def _first_tick(self, symbol: str, until: int) -> Tick | None:
        return next(iter(self.market.ticks(symbol, self.now, until)), None)

    # -- the log ----------------------------------------------------------------------------------

    def write(self, account: str, name: str, arguments: Arguments) -> None:
        """Writes one command of an account (empty: of the world) down before it is done. Raises OSError."""
        whose = {"account": account} if account else {}
        self.log.append({"at": self.now, "do": name, **whose, **arguments})

    def mark(self) -> None:
        """Writes down the time reached. Raises OSError."""
        self.log.mark(self.now)

    def close(self) -> None:
        """Writes down the time reached, if it still can, and releases the log."""
        with contextlib.suppress(OSError):
            self.mark()
        self.log.close()

    def _replay(self) -> None:
        """Runs the commands of earlier runs. What was refused then is refused again."""
        for number, command in enumerate(self.log.replayed(), start=2):
            try:
                self._repeat(command)
            except Refusal:
                pass
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise JournalError(
                    f"line {number} of the state file is not a command that can be run here"
                ) from error
        for desk in self.desks.values():
            desk.keep_time(self.now)  # to the end, whatever its own last command was
            desk.tell()

    def _repeat(self, command: Command) -> None:
        name, at = command["do"], command["at"]
        if at < self.now:
            raise ValueError(f"time goes back from {self.now} to {at}")
        self.now = at
        number = command.get("account") or next(iter(self.desks))
        if name == "open_account":
            self._open(msgspec.convert(command["terms"], AccountTerms))
        elif name == "close_account":
            self._close(number)
        elif name == "reset_account":
            self._reset(number, msgspec.structs.replace(self.desks[number].terms, cash=command["cash"]))
        elif name == "halt":
            self._halt(msgspec.convert(command["halt"], Halt))
        elif name != "advance":
            desk = self.desks[number]
            try:
                desk.do(desk.exchange, name, command)
            finally:
                desk.tell()
