"""What the core needs from outside.

Each port has at least two real implementations: the Alpaca adapter, and the exchange core called directly.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Protocol

from the_alchemiser.domain.effects import RaiseAlert
from the_alchemiser.domain.events import OrderHeard
from the_alchemiser.domain.facts import Fact
from the_alchemiser.domain.hearing import Deaf, Garbled
from the_alchemiser.domain.instants import Nanos
from the_alchemiser.domain.intent import Signal
from the_alchemiser.domain.market import Asset, Bar, History, MarketSnapshot, Quote, Session, Symbol
from the_alchemiser.domain.money import Weight
from the_alchemiser.domain.orders import (
    BrokerOrderId,
    ClientOrderId,
    Execution,
    ItemOutcome,
    OrderReport,
    OrderRequest,
)
from the_alchemiser.domain.portfolio import Account, Activity, Holding


class TradingRepository(Protocol):
    """Orders. A definite refusal raises BrokerRefused; an unclear outcome raises OutcomeUnknown and is not re-sent."""

    def place_order(self, request: OrderRequest) -> OrderReport:
        """Send one order, once."""
        ...

    def cancel_order(self, broker_order_id: BrokerOrderId) -> None:
        """Ask for cancellation; the end of the order is reported separately."""
        ...

    def cancel_all_orders(self) -> Sequence[ItemOutcome]:
        """Ask for the cancellation of every open order; each has its own outcome, and none of them is its end."""
        ...

    def get_order_by_client_id(self, client_order_id: ClientOrderId) -> OrderReport | None:
        """The broker's record of one of our orders, or None where it has none."""
        ...

    def get_order_by_id(self, broker_order_id: BrokerOrderId) -> OrderReport | None:
        """The broker's record of any order by its own name for it, or None where it has none."""
        ...

    def get_open_orders(self) -> Sequence[OrderReport]:
        """Every open order of the account, whoever sent it."""
        ...

    def get_orders_since(self, after: Nanos) -> Sequence[OrderReport]:
        """Every order submitted after an instant, whoever sent it and whatever became of it, oldest first."""
        ...


class AccountRepository(Protocol):
    """Account, holdings, executions and the broker's calendar."""

    def get_account(self) -> Account:
        """The account now."""
        ...

    def get_positions(self) -> Sequence[Holding]:
        """Every holding now. A failure raises; an empty answer means the account is flat."""
        ...

    def get_executions(self, after: Nanos) -> Sequence[Execution]:
        """Executions after an instant, oldest first, complete."""
        ...

    def get_activities(self, after: Nanos) -> Sequence[Activity]:
        """What moved cash or shares other than by trading since an instant, oldest first, complete.

        Some of it is known by its date alone: all of the day of `after` is told.
        """
        ...

    def get_sessions(self, from_date: str, to_date: str) -> Sequence[Session]:
        """Trading sessions between two ISO dates, both included."""
        ...

    def get_time(self) -> Nanos:
        """The broker's clock."""
        ...


class MarketDataRepository(Protocol):
    """Prices. A symbol without data is absent from an answer, never invented."""

    def get_histories(
        self, symbols: Sequence[Symbol], sessions: int, before_date: str
    ) -> dict[Symbol, History]:
        """The last `sessions` daily closes before a date, per symbol."""
        ...

    def get_quotes(self, symbols: Sequence[Symbol]) -> dict[Symbol, Quote]:
        """The newest quote per symbol."""
        ...

    def get_bars(self, symbol: Symbol, timeframe: str, start: Nanos, end: Nanos) -> Sequence[Bar]:
        """Bars of one symbol, oldest first; timeframe as Alpaca writes it (1Min, 5Min, 1Hour, 1Day)."""
        ...

    def get_assets(self, symbols: Sequence[Symbol]) -> dict[Symbol, Asset]:
        """What the broker knows of these symbols; unknown ones are absent."""
        ...


class Broker(TradingRepository, AccountRepository, MarketDataRepository, Protocol):
    """The three request-and-answer ports together: one object that speaks for one account."""


class StreamingRepository(Protocol):
    """What the broker tells unasked."""

    @property
    def sequence(self) -> int:
        """The number of the last message handed on, where the broker numbers them; else 0."""
        ...

    @property
    def trouble(self) -> str:
        """Why it does not listen, in one line; empty while it does."""
        ...

    def order_updates(self) -> AsyncIterator[OrderHeard | Deaf | Garbled | None]:
        """Order events for ever, reconnecting by itself; None marks a (re)connection: read what the gap held.

        Deaf is said once when no connection could be had for some time, Garbled for what could not be understood.
        """
        ...

    def suspect(self, reason: str) -> None:
        """Connect again: it looks alive and did not tell what it should have."""
        ...


class Journal(Protocol):
    """The append-only record of facts."""

    def append(self, facts: Sequence[Fact]) -> None:
        """Make the facts durable together, in order: once this returns they survive power loss.

        Raises StoreUnavailable: they are written all or none, and the same call repeated writes them once. Raises
        LeaseLost, writing none of them, where the journal is leased and another engine took the lease.
        """
        ...

    def read(self) -> Iterator[Fact]:
        """Every fact so far, oldest first. Raises JournalCorrupt where the chain does not verify."""
        ...


class Lease(Protocol):
    """The right to write one account's journal and to send its orders. One engine has it at any moment.

    Every taking has a number of its own, the epoch, one higher than the last: what an engine of an older epoch
    still tries is refused by the store, and not sent.
    """

    @property
    def epoch(self) -> int:
        """The number of our taking; 0 before it."""
        ...

    def take(self) -> int:
        """Take it; the new epoch. Raises LeaseHeld, naming the owner, while another engine has it."""
        ...

    def renew(self) -> None:
        """Keep it for another while. Raises LeaseLost, then and ever after, where another engine took it."""
        ...

    def check(self) -> None:
        """Returns only where what we send now may be sent: to be called before each order and cancellation.

        What it knows is at most a second old; older knowledge is read again first. Raises LeaseLost, and
        StoreUnavailable where nobody can say.
        """
        ...

    def release(self) -> None:
        """Give it back, so that the next engine need not wait."""
        ...


class Alerts(Protocol):
    """Where a person is told."""

    def send(self, alerts: Iterable[RaiseAlert]) -> None:
        """Deliver; never blocks trading and never raises."""
        ...


class Strategy(Protocol):
    """A scheduled idea: looks at one snapshot and says what it would hold."""

    @property
    def name(self) -> str:
        """How it is called in settings, facts and reports."""
        ...

    @property
    def sessions_needed(self) -> int:
        """How many daily closes it must see."""
        ...

    def evaluate(self, snapshot: MarketSnapshot) -> Signal:
        """Its wish, from the snapshot alone."""
        ...


class BarStrategy(Protocol):
    """A reactive idea: told every bar of its symbols, it speaks only when it changes its mind."""

    @property
    def name(self) -> str:
        """How it is called in settings, facts and reports."""
        ...

    @property
    def symbols(self) -> Sequence[Symbol]:
        """The symbols whose bars it wants."""
        ...

    def on_bar(self, bar: Bar) -> Weight | None:
        """The weight of equity now wanted in the bar's symbol, or None for no change."""
        ...


class Clock(Protocol):
    """The broker's time, which may run faster than ours or stand still until it is asked to move."""

    def now(self) -> Nanos:
        """The instant now."""
        ...

    def seconds_until(self, at: Nanos) -> float:
        """How long, in our own seconds, until the broker's clock shows `at`."""
        ...
