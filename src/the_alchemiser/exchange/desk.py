"""One account at the trading floor: its books, its stream of updates, its limits. No account sees another."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Protocol

import msgspec

from the_alchemiser.exchange.commands import COMMANDS, Arguments
from the_alchemiser.exchange.credentials import Credentials
from the_alchemiser.exchange.flags import parse_dollars
from the_alchemiser.exchange.market.prices import Market
from the_alchemiser.exchange.market.script import Halt
from the_alchemiser.exchange.ratelimit import RequestBudget
from the_alchemiser.exchange.streams.seats import DataPlan, DataSeat
from the_alchemiser.exchange.streams.tradestream import ACCOUNT_CONNECTIONS, TradeUpdateHub
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.rules import VenueRules
from the_alchemiser.exchange.venue.setbacks import Setback

BASIC, UNLIMITED = DATA_PLANS = ("basic", "unlimited")
BASIC_PLAN_LACKS = {"sip": 409, "opra": 409, "boats": 409}


class AccountTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """On what terms an account is opened. Limits of 0 mean none."""

    key: str
    secret: str
    cash: str = "100000"
    multiplier: int = 4
    """1: a cash account; 2 or 4: a margin account, which may borrow and sell short."""
    live: bool = False
    """An account of the live environment, whose keys a paper exchange answers with 403."""
    requests_per_minute: int = 200
    data_requests_per_minute: int = 200
    rolling_limits: bool = False
    """Count requests in the 60 seconds before now instead of in the minute of the clock."""
    stream_symbols: int = 30
    stream_connections: int = 1
    data_plan: str = UNLIMITED
    """What market data may be asked for: `basic` plans see the consolidated feed (sip) 15 minutes late."""
    option_quotes: int = 200
    refused_feeds: dict[str, int] = {}
    """Feeds the account has not subscribed to, by name, with the error code that says so: 408, 409 or 411."""
    trading_connections: int = ACCOUNT_CONNECTIONS
    """Connections to the trading stream at a time; the real broker allows one."""
    rules: VenueRules = msgspec.field(default_factory=VenueRules)
    """How the venue behaves towards this account where Alpaca leaves a choice."""
    text_frames: bool = False
    """Tell trade updates in text frames, as the live environment does."""

    def __post_init__(self) -> None:
        parse_dollars(self.cash)
        if self.data_plan not in DATA_PLANS:
            raise ValueError(f"data_plan must be one of {', '.join(DATA_PLANS)}")

    @property
    def credentials(self) -> Credentials:
        return Credentials(self.key, self.secret)


class Hall(Protocol):
    """What a desk needs of the floor it stands on."""

    @property
    def market(self) -> Market: ...

    @property
    def now(self) -> int: ...

    def symbol_of(self, name: str) -> str: ...

    def write(self, account: str, name: str, arguments: Arguments) -> None: ...

    def setback(self, desk: Desk, name: str, arguments: Arguments) -> Setback | None: ...


class Desk:
    """What the routes of one account talk to."""

    def __init__(self, hall: Hall, terms: AccountTerms, exchange: Exchange) -> None:
        self.terms = terms
        self.number = exchange.account_number
        self.trade_updates = TradeUpdateHub(terms.trading_connections, text_frames=terms.text_frames)
        self.trading_budget = RequestBudget(terms.requests_per_minute, rolling=terms.rolling_limits)
        self.data_budget = RequestBudget(terms.data_requests_per_minute, rolling=terms.rolling_limits)
        self.seat = DataSeat(
            DataPlan(terms.stream_connections, terms.stream_symbols, terms.option_quotes, terms.refused_feeds)
        )
        self.trade_updates.account = self.seat.account = terms.key
        self._hall = hall
        self._exchange = exchange
        self._upcoming: int | None = None
        self.told = 0
        """How many updates there have been, whether anybody listened or not."""

    @property
    def exchange(self) -> Exchange:
        """The account's own exchange, at the time of the floor."""
        if self._exchange.now < self._hall.now:
            self.keep_time(self._hall.now)
        return self._exchange

    @property
    def upcoming(self) -> int:
        """The next instant at which time alone may bring this account news."""
        if self._upcoming is None:
            self._upcoming = self._exchange.next_instant()
        return self._upcoming

    def symbol_of(self, name: str) -> str:
        """The symbol that a path or body names, by symbol in any case or by asset id."""
        return self._hall.symbol_of(name)

    def run(self, name: str, **arguments: Any) -> Any:
        """Runs one command: logged first, then done, then told to the trading stream. Raises Refusal,
        OSError.
        """
        exchange = self.exchange
        setback = self._hall.setback(self, name, arguments)
        if setback is not None:
            arguments["setback"] = setback
        self._hall.write(self.number, name, arguments)
        try:
            return self.do(exchange, name, arguments)
        finally:
            self.tell()

    def do(self, exchange: Exchange, name: str, arguments: Arguments) -> Any:
        """A command that stands in the log already. KeyError, TypeError, ValueError: it is none; Refusal."""
        self._upcoming = None
        setback = arguments.get("setback")
        if setback is None:
            return COMMANDS[name](exchange, arguments)
        with exchange.suffering(msgspec.convert(setback, Setback)):
            return COMMANDS[name](exchange, arguments)

    def keep_time(self, until: int) -> bool:
        """Moves the account to `until`; whether that brought news."""
        if until < self.upcoming:
            self._exchange.pass_by(until)
            return False
        before = self._exchange.update_count
        self._exchange.advance(until)
        self._upcoming = None
        return self._exchange.update_count != before

    def halt(self, halt: Halt) -> None:
        """A symbol is halted from now on, as the market's script says from now on."""
        self.exchange.halt(halt)
        self._upcoming = None

    def look_again(self) -> int:
        """Somebody acted on the account past this desk: tells what came of it; how many updates there were."""
        self._upcoming = None
        return self.tell()

    def tell(self) -> int:
        """Tells the trading stream what has happened; how many updates there were."""
        updates = self._exchange.take_updates()
        self.trade_updates.publish(updates)
        self.told += len(updates)
        return len(updates)


def account_seed(seed: int, ordinal: int) -> int:
    """What the ids of the account number `ordinal` are drawn from; the first has the seed of the exchange."""
    if not ordinal:
        return seed
    return int.from_bytes(blake2b(f"account|{seed}|{ordinal}".encode(), digest_size=7).digest())
