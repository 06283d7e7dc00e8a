"""The running service and single cycles: a system built from settings, started, and ended in good order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from the_alchemiser.domain.effects import ReadBroker, ReadMarket
from the_alchemiser.domain.errors import AlchemiserError, BrokerUnavailable
from the_alchemiser.domain.events import CycleAsked, Event, ReadFailed, Started
from the_alchemiser.domain.facts import (
    AlertRaised,
    CycleFinished,
    CycleRefused,
    Fact,
    FillBooked,
    PlanBuilt,
    Reconciled,
    TradeApproved,
    TradeRefused,
)
from the_alchemiser.domain.instants import rfc3339
from the_alchemiser.domain.money import cents, plain
from the_alchemiser.inquiry import RECORD
from the_alchemiser.runtime.embedded import EmbeddedExchange, EmbeddedOptions
from the_alchemiser.runtime.starts import Starts
from the_alchemiser.settings import Settings

if TYPE_CHECKING:
    from the_alchemiser.bootstrap import Connection, System
    from the_alchemiser.state import EngineState

Notice = Callable[[str], None]

STARTS_FILE = "starts.json"
SIGNALLED = 128
"""The exit code of a process that a signal ended is this and the signal's number."""
EMBEDDED_SPEED = 60.0
"""Without keys the exchange's day takes six and a half minutes: slow enough to watch, fast enough to see it end."""
EMBEDDED_START = "2021-01-04"


class CycleNotRun(AlchemiserError):
    """No cycle could be run now; the text says why."""


@dataclass(frozen=True)
class CycleOutcome:
    """What a cycle decided and did; of a preview, what it would do."""

    facts: tuple[Fact, ...]
    is_preview: bool

    def as_json(self) -> dict[str, Any]:
        """Plan, verdicts and fills as one JSON-ready object; money as Decimal."""
        plan = next((fact.plan for fact in self.facts if isinstance(fact, PlanBuilt)), None)
        refused_cycle = next((fact.reasons for fact in self.facts if isinstance(fact, CycleRefused)), ())
        last = [fact for fact in self.facts if isinstance(fact, Reconciled)][-1:]
        return {
            "sent": not self.is_preview,
            "cycle": plan.cycle_id if plan else "",
            "equity": cents(plan.equity) if plan else None,
            "turnover": plan.turnover if plan else None,
            "spread_cost": cents(plan.spread_cost) if plan else None,
            "dust": list(plan.dust) if plan else [],
            "trades": [
                _trade_row(fact) for fact in self.facts if isinstance(fact, TradeApproved | TradeRefused)
            ],
            "fills": sum(isinstance(fact, FillBooked) for fact in self.facts),
            "refused": list(refused_cycle),
            "reconciled": bool(last) and not last[0].differences,
            "differences": list(last[0].differences) if last else [],
        }


def run_service(settings: Settings, *, on_notice: Notice) -> None:
    """Trade by the settings until SIGINT or SIGTERM. Raises what makes trading impossible or unsafe."""
    for notice in settings.notices:
        on_notice(notice)
    starts = Starts(settings.data_dir / STARTS_FILE)
    trouble = starts.begin()
    with (
        connected(settings, on_notice) as connection,
        system_of(settings, connection, [_teller(on_notice)]) as system,
    ):
        on_notice(f"trading account {system.account_number} at {connection.endpoints.trading}")
        system.turn.watch(_foreteller(system, on_notice))
        asyncio.run(_until_signalled(system, trouble))
    starts.end()


def run_cycle(settings: Settings, on_notice: Notice) -> CycleOutcome:
    """Run today's cycle now and wait for its end. A cycle that ran already is not run again."""
    seen: list[Fact] = []
    with (
        connected(settings, on_notice) as connection,
        system_of(settings, connection, [seen.extend]) as system,
    ):
        first = [CycleAsked(system.clock.now())]
        asyncio.run(system.run(lambda: is_cycle_over(seen, system.engine.state), first))
    return _outcome(seen, is_preview=False)


def preview_cycle(settings: Settings, on_notice: Notice) -> CycleOutcome:
    """What today's cycle would do now. Reads only: nothing is sent and nothing is written. Raises CycleNotRun."""
    from the_alchemiser.bootstrap import build
    from the_alchemiser.store.memory import MemoryJournal

    with connected(settings, on_notice) as connection:
        journal = MemoryJournal()
        journal.append(_known_facts(settings))
        known = len(journal.facts)
        system = build(settings, connection, journal)
        system.engine.state.forget_cycles()
        now = system.clock.now()
        events: Sequence[Event] = [Started(now), CycleAsked(now)]
        while events:
            events = _answers_to_reads(system, events)
        system.close()
    return _outcome(journal.facts[known:], is_preview=True)


def _outcome(facts: Sequence[Fact], *, is_preview: bool) -> CycleOutcome:
    for fact in facts:
        if isinstance(fact, AlertRaised) and "market is closed" in fact.text:
            raise CycleNotRun(fact.text)
    return CycleOutcome(tuple(facts), is_preview)


def _answers_to_reads(system: System, events: Sequence[Event]) -> list[Event]:
    answers: list[Event] = []
    for effect in system.turn.take(events):
        if isinstance(effect, ReadBroker | ReadMarket):
            answer = system.performer.perform(effect)
            if isinstance(answer, ReadFailed):
                raise BrokerUnavailable(answer.reason)
            if answer is not None:
                answers.append(answer)
    return answers


def _known_facts(settings: Settings) -> list[Fact]:
    from the_alchemiser.store.databases import database_of
    from the_alchemiser.store.reading import Reading

    if not database_of(settings.store_url).exists():
        return []
    with Reading(settings.store_url) as reading:
        return list(reading.facts())


@contextlib.contextmanager
def connected(settings: Settings, on_notice: Notice) -> Iterator[Connection]:
    """The broker of the settings, or an embedded exchange for as long as it is needed."""
    from the_alchemiser.bootstrap import Connection

    if not settings.uses_embedded_exchange:
        yield Connection.of(settings)
        return
    from the_alchemiser.store.databases import database_of
    from the_alchemiser.store.leasing import require_free

    # Its exchange is another engine's as well; that one should be named, not the file the exchange is kept in.
    require_free(database_of(settings.store_url))
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    options = EmbeddedOptions(
        speed=EMBEDDED_SPEED, start=EMBEDDED_START, state=settings.data_dir / "exchange.log"
    )
    with EmbeddedExchange(options) as exchange:
        ready = exchange.ready()
        on_notice(
            f"an embedded exchange with simulated prices serves at {ready['rest']}, "
            f"{EMBEDDED_SPEED:.0f} times faster than life"
        )
        yield Connection.embedded(ready)


@contextlib.contextmanager
def system_of(
    settings: Settings, connection: Connection, watchers: Sequence[Callable[[Sequence[Fact]], None]]
) -> Iterator[System]:
    """A system that holds the journal's lock and the lease for as long as it is needed."""
    from the_alchemiser.bootstrap import build
    from the_alchemiser.store.anchor import Anchor, AnchoredJournal
    from the_alchemiser.store.journal import SqlJournal
    from the_alchemiser.store.leasing import Holder

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as given_back:
        holder = Holder(version("the-alchemiser"), settings.digest)
        anchor, journal = Anchor(settings.anchor_path), SqlJournal(settings.store_url, holder=holder)
        given_back.callback(anchor.close)
        given_back.callback(journal.close)
        journal.require_sound(anchor.read())
        system = build(settings, connection, AnchoredJournal(journal, anchor), watchers, lease=journal.lease)
        given_back.callback(system.close)
        yield system


async def _until_signalled(system: System, trouble: str) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop, system, number)
    await system.run(trouble=trouble)


def _stop(system: System, number: int) -> None:
    """The first signal ends in good order, within five seconds; another one at once, as kill -9 does."""
    if system.driver.is_stopping:
        os._exit(SIGNALLED + number)
    system.stop()


def is_cycle_over(facts: Sequence[Fact], state: EngineState) -> bool:
    """No cycle runs any more, one that was taken up again included, and its reconciliation is in."""
    if state.cycle is not None:
        return False
    if any(isinstance(fact, CycleRefused) for fact in facts):
        return True
    purposes = [fact.purpose for fact in facts if isinstance(fact, Reconciled)]
    ended = any(isinstance(fact, CycleFinished) for fact in facts)
    # Where the day's cycle was done before, or the market is closed, the reconciliation is the whole answer.
    return any(purpose.startswith("cycle:" if ended else "begin:") for purpose in purposes)


def _teller(on_notice: Notice) -> Callable[[Sequence[Fact]], None]:
    def tell(facts: Sequence[Fact]) -> None:
        for fact in facts:
            line = _line(fact)
            if line:
                on_notice(line)

    return tell


def _foreteller(system: System, on_notice: Notice) -> Callable[[Sequence[Fact]], None]:
    """Says when the next cycle is, whenever that has been settled: hours may pass without another word."""

    def tell(facts: Sequence[Fact]) -> None:
        if any(
            isinstance(fact, Reconciled) and fact.purpose.startswith(("start", "close")) for fact in facts
        ):
            due_at = system.turn.timers.next_of("begin:")
            if due_at is not None:
                on_notice(f"the next cycle begins at {rfc3339(due_at)}")

    return tell


def _line(fact: Fact) -> str:
    match fact:
        case FillBooked():
            fill = fact.fill
            verb = "bought" if fill.side.sign > 0 else "sold"
            return f"{verb} {plain(fill.shares)} {fill.symbol} at {plain(fill.price)}"
        case PlanBuilt():
            return f"cycle {fact.cycle_id}: {len(fact.plan.trades)} trades planned"
        case CycleFinished():
            return f"cycle {fact.cycle_id}: {fact.trades_filled} of {fact.trades} trades filled"
        case Reconciled() if not fact.differences and fact.purpose != RECORD:
            return f"reconciled ({fact.purpose}): ledger and broker agree, equity {plain(cents(fact.equity))}"
        case AlertRaised():
            return f"{fact.level}: {fact.text}"
    return ""


def _trade_row(fact: TradeApproved | TradeRefused) -> dict[str, Any]:
    trade = fact.trade
    return {
        "symbol": trade.symbol,
        "side": trade.side.value,
        "shares": trade.shares,
        "price": trade.arrival_price,
        "notional": cents(trade.notional),
        "verdict": "approved" if isinstance(fact, TradeApproved) else "refused",
        "code": fact.code if isinstance(fact, TradeRefused) else "",
        "text": fact.text if isinstance(fact, TradeRefused) else "",
    }
