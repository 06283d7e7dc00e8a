"""`alchemiser reconcile`: ledger and broker side by side, and the one audited way to make the ledger follow.

Comparing only reads, beside a running engine, too. Adjusting writes the journal, so it needs the engine stopped; the
entry names who did it and why, and what is left different afterwards stays frozen.
"""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from the_alchemiser.domain.effects import CancelOrder
from the_alchemiser.domain.errors import BrokerUnavailable, ConfigurationError
from the_alchemiser.domain.events import AdjustmentAsked, BrokerRead, Event, ReadFailed
from the_alchemiser.domain.facts import Fact, LedgerAdjusted, Reconciled
from the_alchemiser.domain.market import Symbol
from the_alchemiser.domain.money import ZERO, Dollars, Shares
from the_alchemiser.inquiry import BOOKS
from the_alchemiser.service import Notice, connected, system_of
from the_alchemiser.settings import Settings
from the_alchemiser.state import AGAIN

if TYPE_CHECKING:
    from the_alchemiser.bootstrap import System

CASH = "CASH"
"""What is said where a symbol is expected, to mean cash."""
LOOKS_MAX = 10
"""Reads until the comparison stands; more means that somebody is trading meanwhile."""
LOOK_SECONDS = 2.0


class Line(msgspec.Struct, frozen=True):
    """One symbol by both accounts. What the ledger lacks is positive."""

    symbol: Symbol
    ledger: Shares
    broker: Shares
    difference: Shares
    frozen: str
    """Why nothing is opened in it; empty where it may be."""


class Adjustment(msgspec.Struct, frozen=True):
    """What was changed, by whom and why."""

    symbol: Symbol
    shares: Shares
    cash: Dollars
    reason: str
    who: str


class Comparison(msgspec.Struct, frozen=True):
    """Ledger and broker side by side."""

    account: str
    reconciled: bool
    cash_ledger: Dollars
    cash_broker: Dollars
    cash_difference: Dollars
    positions: tuple[Line, ...]
    orders_of_others: tuple[str, ...]
    """Open orders that are not ours, by the names their senders gave them."""
    differences: tuple[str, ...]
    causes: tuple[str, ...]
    """What was searched for an explanation of each new difference, and what was found."""
    adjusted: Adjustment | None = None


def compare(settings: Settings, on_notice: Notice) -> Comparison:
    """Read both and say where they differ; nothing is written.

    Raises StoreUnavailable where there is no journal, BrokerUnavailable where the broker cannot be read.
    """
    from the_alchemiser.bootstrap import build
    from the_alchemiser.store.memory import MemoryJournal
    from the_alchemiser.store.reading import Reading

    journal = MemoryJournal()
    with Reading(settings.store_url) as reading:
        journal.append(list(reading.facts()))
    with connected(settings, on_notice) as connection:
        system = build(settings, connection, journal)
        try:
            return _Comparing(system).run()
        finally:
            system.close()


def adjust(settings: Settings, on_notice: Notice, subject: str, reason: str) -> Comparison:
    """Make the ledger follow the broker in one symbol, or in CASH, as an entry that names who and why.

    Raises ConfigurationError where nothing differs there, StoreUnavailable while an engine writes the journal.
    """
    from the_alchemiser.store.reading import Reading

    with Reading(settings.store_url):
        pass  # A folder without a journal must not be given one here.
    symbol = "" if subject.upper() == CASH else subject.upper()
    with connected(settings, on_notice) as connection, system_of(settings, connection, ()) as system:
        return _Comparing(system).run(lambda at: AdjustmentAsked(at, symbol, reason, _user()))


class _Comparing:
    """Asks until the comparison stands. What else the engine would do is left to its next start."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._facts: list[Fact] = []
        system.turn.watch(self._facts.extend)

    def run(self, wish: Callable[[int], AdjustmentAsked] | None = None) -> Comparison:
        read = self._read()
        adjusted = None
        if wish is not None:
            self._take([wish(self._system.clock.now())])
            adjusted = self._adjustment()
            read = self._read()
        return self._result(read, adjusted)

    def _read(self) -> BrokerRead:
        purpose = BOOKS
        for _ in range(LOOKS_MAX):
            effect = self._system.engine.state.broker_read(purpose, self._system.clock.now())
            answer = self._system.performer.perform(effect)
            if not isinstance(answer, BrokerRead):
                raise BrokerUnavailable(answer.reason if isinstance(answer, ReadFailed) else "no answer")
            compared = len(self._facts)
            self._take([answer])
            if any(isinstance(fact, Reconciled) for fact in self._facts[compared:]):
                return answer
            purpose = f"{AGAIN}{BOOKS}"
            time.sleep(LOOK_SECONDS)
        raise BrokerUnavailable("the books change with every look: somebody is trading")

    def _take(self, events: list[Event]) -> None:
        for effect in self._system.turn.take(events):
            if isinstance(effect, CancelOrder):
                self._system.performer.perform(effect)

    def _adjustment(self) -> Adjustment:
        done = [fact for fact in self._facts if isinstance(fact, LedgerAdjusted)]
        if not done:
            raise ConfigurationError("ledger and broker agree there: there is nothing to adjust")
        fact = done[-1]
        return Adjustment(fact.symbol, fact.shares, fact.cash, fact.reason, fact.who)

    def _result(self, read: BrokerRead, adjusted: Adjustment | None) -> Comparison:
        state, account = self._system.engine.state, read.state.account
        ours = state.ledger.shares()
        theirs = {held.symbol: held.shares for held in read.state.holdings}
        last = state.last_reconciliation
        return Comparison(
            account=state.account_number,
            reconciled=last is not None and not last.differences,
            cash_ledger=state.ledger.cash,
            cash_broker=account.cash,
            cash_difference=account.cash - state.ledger.cash,
            positions=tuple(
                Line(
                    symbol,
                    ours.get(symbol, ZERO),
                    theirs.get(symbol, ZERO),
                    theirs.get(symbol, ZERO) - ours.get(symbol, ZERO),
                    state.frozen[symbol].difference if symbol in state.frozen else "",
                )
                for symbol in sorted(ours.keys() | theirs.keys())
            ),
            orders_of_others=tuple(one.client_order_id for one in state.others.values()),
            differences=last.differences if last is not None else (),
            causes=tuple(fact.cause for fact in state.frozen.values()),
            adjusted=adjusted,
        )


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # A process may have an id that no user has.
        return "unknown"
