"""`Engine.step`: one event in, facts and effects out. No clock, no I/O, no chance: the same events, the same results.

Three kinds of things reach it: the broker's word on orders, the broker's whole record (to reconcile with), and time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any

import msgspec

from the_alchemiser.cycle import CycleConfig, TradingCycle, cycle_id_of
from the_alchemiser.domain.effects import SetTimer
from the_alchemiser.domain.errors import InvariantBroken
from the_alchemiser.domain.events import (
    AdjustmentAsked,
    BrokerRead,
    BrokerState,
    CancelDenied,
    CycleAsked,
    Event,
    JournalRestored,
    MarketRead,
    OrderDenied,
    OrderHeard,
    OrderNotFound,
    OrderNotSent,
    OrdersRead,
    OrderUnheard,
    QuotesRead,
    ReadFailed,
    Started,
    StreamGarbled,
    StreamLost,
    StreamRestored,
    StreamSuspected,
    TimerFired,
)
from the_alchemiser.domain.facts import DayClosed, Fact
from the_alchemiser.domain.hearing import KEEPS_SILENT, NOT_UNDERSTOOD
from the_alchemiser.domain.instants import SECOND, Nanos, rfc3339
from the_alchemiser.domain.market import Bar, Session, Symbol
from the_alchemiser.domain.money import ZERO, Price, plain
from the_alchemiser.domain.probes import probe
from the_alchemiser.inquiry import BOOKS, ORDERS, Inquiry, PollPolicy
from the_alchemiser.pipeline.ledger import EQUITY_TOLERANCE
from the_alchemiser.ports import BarStrategy
from the_alchemiser.reaction import Reactions
from the_alchemiser.reconciliation import Reconciliation
from the_alchemiser.settlement import FILL_GRACE_SECONDS, FILL_RETRY_SECONDS, Settlement
from the_alchemiser.stance import CRASHES, KEYS, START, STREAM, Stance
from the_alchemiser.state import AGAIN, EngineState
from the_alchemiser.step import NOTHING, Step, StepResult

SETTLE_SECONDS = 60
"""How long after the close the day's books are made up: the broker's last reports have come by then."""
CANCEL_RETRY_SECONDS = 30
CLOSE_RETRY_SECONDS = 300
"""How soon books that could not be closed are tried again."""
CALM_SECONDS = 300
"""How long a start after others that came to no good end must have lived before anything is opened again."""


class EngineConfig(msgspec.Struct, frozen=True):
    """The scheduled cycle, and the reactive strategies beside it."""

    cycle: CycleConfig = CycleConfig()
    bar_strategies: tuple[BarStrategy, ...] = ()
    account_number: str = ""
    """The account we must be talking to; empty: whichever the keys open first."""
    polls: PollPolicy | None = None
    """How often the broker is asked without a reason; None where nothing it says can be lost, as in a backtest."""


class Engine:
    """The deterministic core of one account. `history` is its journal so far: starting and recovering are the same."""

    def __init__(self, config: EngineConfig, history: Iterable[Fact] = ()) -> None:
        self.state = EngineState()
        self.cycle = TradingCycle(config.cycle, self.state)
        self.inquiry = Inquiry(self.state, config.polls)
        self.settlement = Settlement(self.state, self.inquiry)
        self.stance = Stance(self.state)
        self.reconciliation = Reconciliation(
            self.state, self.settlement, self.inquiry, self.stance, config.account_number
        )
        self.reactions = Reactions(config.bar_strategies, config.cycle, self.state)
        self._config = config
        self._sessions: tuple[Session, ...] = ()
        self._cancels_again_at: Nanos = 0
        self._told_open = ""
        for fact in history:
            self.state.apply(fact)

    def step(self, event: Event) -> StepResult:
        """Take in one event. Raises InvariantBroken for what must never be; nothing of that step may then be kept."""
        if type(event) is Bar:
            return self.reactions.on_bar(event)
        step = Step(self.state, event.at)
        _ROUTES[type(event)](self, step, event)
        self.inquiry.keep_time(step)
        return step if step.facts or step.effects else NOTHING

    # The whole record of the broker

    def _started(self, step: Step, event: Started) -> None:
        self.inquiry.ask(step, "start")
        self.settlement.arrivals.resume(step)
        if event.trouble:
            probe("engine.careful_start")
            self.stance.doubt(step, CRASHES, event.trouble, until=step.at + CALM_SECONDS * SECOND)

    def _stream_restored(self, step: Step, event: StreamRestored) -> None:
        self.stance.is_gone(step, STREAM)
        self.state.gap_at = step.at
        self.inquiry.ask(step, "restored")

    def _stream_lost(self, step: Step, event: StreamLost) -> None:
        self.stance.doubt(step, STREAM, f"the order stream is lost: {event.reason}")

    def _journal_restored(self, step: Step, event: JournalRestored) -> None:
        # What was decided before is old now, and what happened meanwhile waits unread: begin as after a lost stream.
        step.alert("critical", event.trouble)
        self.inquiry.ask(step, "restored")

    def _stream_garbled(self, step: Step, event: StreamGarbled) -> None:
        step.alert("warning", f"{NOT_UNDERSTOOD}: {event.reason}")
        self.inquiry.ask(step, "garbled")

    def _stream_suspected(self, step: Step, event: StreamSuspected) -> None:
        step.alert("warning", f"{KEEPS_SILENT}: {event.reason}")
        self.inquiry.ask(step, "suspected")

    def _broker_read(self, step: Step, event: BrokerRead) -> None:
        asked_at = self._answered(step, event.purpose)
        self._sessions = event.state.sessions
        purpose = event.purpose.removeprefix(AGAIN)
        is_settled = self.reconciliation.take(step, event, asked_at)
        if self.state.gap_at is not None and asked_at >= self.state.gap_at:
            self.state.gap_at = None
        if is_settled:
            self._continue(step, purpose)
        self.settlement.ask_for_fills(step, FILL_RETRY_SECONDS)
        # After a start the quotes we remember are old: the cycle goes on when it has read new ones.
        if purpose not in ("start", BOOKS):
            self._go_on(step)

    def _orders_read(self, step: Step, event: OrdersRead) -> None:
        asked_at = self._answered(step, event.purpose)
        self.reconciliation.take_orders(step, event, asked_at)
        self.settlement.ask_for_fills(step, FILL_GRACE_SECONDS)
        self._go_on(step)

    def _answered(self, step: Step, purpose: str) -> Nanos:
        asked_at = self.inquiry.answered(step, purpose)
        if self.stance.is_gone(step, KEYS):
            self.inquiry.ask(step, "keys")
        return asked_at

    def _adjustment_asked(self, step: Step, event: AdjustmentAsked) -> None:
        problem = self.reconciliation.adjust(step, event)
        if problem:
            step.alert("error", f"the ledger was not adjusted: {problem}")

    def _continue(self, step: Step, purpose: str) -> None:
        kind, _, name = purpose.partition(":")
        if kind == "start":
            self.cycle.resume(step)
            self._schedule(step)
        elif kind == "begin":
            self._begin_cycle(step, name)
        elif kind == "close":
            self._close_day(step, name)
            self._schedule(step, closes_from=step.at + CLOSE_RETRY_SECONDS * SECOND)

    def _close_day(self, step: Step, date: str) -> None:
        broker = self.reconciliation.broker
        if broker is None or self._is_closed(date):
            return
        marks = {held.symbol: held.price for held in broker.holdings}
        problem = self._why_open(broker, marks)
        if problem:
            probe("engine.books_stay_open")
            self._tell_open(step, f"the books of {date} stay open: {problem}")
            return
        account, ledger = broker.account, self.state.ledger
        step.record(
            DayClosed(
                step.at, date, account.cash, account.equity, ledger.realised, ledger.unrealised(marks), marks
            )
        )

    def _why_open(self, broker: BrokerState, marks: Mapping[Symbol, Price]) -> str:
        """Why a day cannot be closed by this record, which may be torn or old; empty where it can.

        Positions and account are two answers: only where they make the same equity are they of one moment.
        """
        unmarked = [symbol for symbol in self.state.ledger.shares() if symbol not in marks]
        if unmarked:
            return f"the broker marks no {', '.join(unmarked)}"
        account = broker.account
        worth = account.cash + sum((held.shares * held.price for held in broker.holdings), ZERO)
        if abs(worth - account.equity) >= EQUITY_TOLERANCE:
            return f"cash and positions make {plain(worth)}, the account says {plain(account.equity)}"
        compared = self.state.last_reconciliation
        return "; ".join(compared.differences) if compared is not None else "they were never compared"

    def _tell_open(self, step: Step, text: str) -> None:
        """Once, until it is another reason: it is tried again every few minutes, until the next session opens."""
        if text != self._told_open:
            self._told_open = text
            step.alert("critical", text)

    # Time

    def _schedule(self, step: Step, closes_from: Nanos = 0) -> None:
        """Set the timers of the first session whose books can still be closed: until the next one opens."""
        for session, following in pairwise(self._sessions):
            if self._is_closed(session.date) or following.open <= step.at:
                continue
            if session.close <= self.state.opened_at:
                continue
            if self._is_cycle_due(session) and step.at < session.close:
                lead = self._config.cycle.minutes_before_close * 60 * SECOND
                step.ask(SetTimer(max(session.close - lead, session.open), f"begin:{session.date}"))
            closes_at = max(session.close + SETTLE_SECONDS * SECOND, closes_from)
            step.ask(SetTimer(closes_at, f"close:{session.date}"))
            return

    def _is_cycle_due(self, session: Session) -> bool:
        running, cycle_id = self.state.cycle, cycle_id_of(session)
        is_running = running is not None and running.cycle_id == cycle_id
        has_ended = cycle_id in self.state.ended_cycles
        return bool(self._config.cycle.strategies) and not is_running and not has_ended

    def _is_closed(self, date: str) -> bool:
        return self.state.last_close is not None and self.state.last_close.session >= date

    def _timer_fired(self, step: Step, event: TimerFired) -> None:
        kind, _, rest = event.key.partition(":")
        if kind in ("begin", "close"):
            self.inquiry.ask(step, event.key)
        elif kind in ("again", "read"):
            self.inquiry.ask(step, event.key if kind == "again" else rest)
        elif kind == "step":
            # The stream only makes us faster: while orders are open, its silence is never taken for their rest.
            if self.state.live:
                self.inquiry.ask(step, "step")
            self.cycle.on_step_timer(step)
        elif kind == "poll":
            self.inquiry.poll(step)
        elif kind in ("retry", "pace"):
            self.cycle.on_retry_timer(step)
        elif kind == "fills":
            if self.settlement.fills_are_due():
                self.inquiry.ask(step, "fills")
        elif kind in ("lookup", "send"):
            self.settlement.arrivals.on_timer(step, kind, rest)

    def _cycle_asked(self, step: Step, event: CycleAsked) -> None:
        self.inquiry.ask(step, "begin:now")

    def _begin_cycle(self, step: Step, date: str) -> None:
        running = [one for one in self._sessions if one.date == date or one.open <= step.at < one.close]
        if date != "now":
            running = [one for one in running if one.date == date]
        if not running:
            opens = [one.open for one in self._sessions if one.open > step.at]
            until = f" until {rfc3339(min(opens))}" if opens else ""
            step.alert("warning", f"no cycle was started: the market is closed{until}")
            return
        self.cycle.begin(step, running[0])

    # The market

    def _market_read(self, step: Step, event: MarketRead) -> None:
        broker = self.reconciliation.broker
        if self.state.cycle is not None and broker is not None:
            session = self._session_of(self.state.cycle.session)
            self.cycle.on_market(step, event, session, self._date_before(session), broker.account)

    def _quotes_read(self, step: Step, event: QuotesRead) -> None:
        self.cycle.on_quotes(step, event.quotes)

    def _read_failed(self, step: Step, event: ReadFailed) -> None:
        kind, _, rest = event.subject.partition(":")
        if kind == "market":
            self.cycle.on_market_failed(step, event.reason)
        elif kind == "quotes":
            self.cycle.on_quotes(step, {})
        elif kind == "broker":
            self._broker_failed(step, rest, event)

    def _broker_failed(self, step: Step, purpose: str, event: ReadFailed) -> None:
        self.inquiry.failed(step, purpose, event.reason, is_unauthorized=event.is_unauthorized)
        if event.is_unauthorized:
            self.stance.doubt(step, KEYS, f"the broker does not accept our keys: {event.reason}")
        elif purpose.removeprefix(AGAIN) == "start":
            self.stance.doubt(
                step, START, f"the broker's record could not be read at the start: {event.reason}"
            )

    def _session_of(self, date: str) -> Session:
        for session in self._sessions:
            if session.date == date:
                return session
        raise InvariantBroken(f"the broker's calendar has no session of {date}")

    def _date_before(self, session: Session) -> str:
        earlier = [other.date for other in self._sessions if other.date < session.date]
        return max(earlier, default="")

    # Orders

    def _heard_of_others(self, step: Step, event: OrderHeard) -> None:
        """An order that is not ours: what it filled is read from the record, and one never met from the list, too."""
        others = self.reconciliation.others
        is_new = not others.knows(event.report)
        if others.take(step, event.report) or event.execution is not None:
            self.inquiry.ask(step, "external")
        elif is_new:
            self.inquiry.ask(step, ORDERS)

    def _order_heard(self, step: Step, event: OrderHeard) -> None:
        name = event.report.client_order_id
        if not self.settlement.take_report(step, event.report):
            self._heard_of_others(step, event)
        if event.execution is not None:
            self.settlement.book(step, event.execution, name)
        self.settlement.ask_for_fills(step, FILL_GRACE_SECONDS)
        self._go_on(step, event.report.symbol)

    def _order_unheard(self, step: Step, event: OrderUnheard) -> None:
        order = self.state.live.get(event.client_order_id)
        if order is not None:
            self.settlement.arrivals.lose(step, order, event.reason)
            self.inquiry.ask(step, ORDERS)

    def _order_not_found(self, step: Step, event: OrderNotFound) -> None:
        self.settlement.arrivals.not_found(step, event.client_order_id)
        self._go_on(step)

    def _order_not_sent(self, step: Step, event: OrderNotSent) -> None:
        self.settlement.arrivals.not_sent(step, event)
        self._go_on(step)

    def _order_denied(self, step: Step, event: OrderDenied) -> None:
        self.settlement.arrivals.deny(step, event.client_order_id, event.reason)
        self._go_on(step)

    def _cancel_denied(self, step: Step, event: CancelDenied) -> None:
        probe("engine.cancel_denied")
        # Usually it filled meanwhile; its true state comes with the broker's record.
        if event.client_order_id in self.state.live:
            self.inquiry.ask(step, "fills")
            # One timer for all of them: it asks for every cancel again, and each may be denied again.
            if step.at >= self._cancels_again_at:
                self._cancels_again_at = step.at + CANCEL_RETRY_SECONDS * SECOND
                step.ask(SetTimer(self._cancels_again_at, "step:after a denied cancel"))

    def _go_on(self, step: Step, heard_of: Symbol = "") -> None:
        """Let the cycle make its next moves, but never before the broker's record was compared once."""
        if self.state.is_compared:
            self.cycle.advance(step, heard_of)


_ROUTES: dict[type, Callable[[Engine, Step, Any], None]] = {
    Started: Engine._started,
    BrokerRead: Engine._broker_read,
    MarketRead: Engine._market_read,
    QuotesRead: Engine._quotes_read,
    ReadFailed: Engine._read_failed,
    TimerFired: Engine._timer_fired,
    OrderHeard: Engine._order_heard,
    OrderUnheard: Engine._order_unheard,
    OrderNotFound: Engine._order_not_found,
    OrderNotSent: Engine._order_not_sent,
    OrderDenied: Engine._order_denied,
    CancelDenied: Engine._cancel_denied,
    CycleAsked: Engine._cycle_asked,
    JournalRestored: Engine._journal_restored,
    StreamRestored: Engine._stream_restored,
    StreamLost: Engine._stream_lost,
    StreamGarbled: Engine._stream_garbled,
    StreamSuspected: Engine._stream_suspected,
    OrdersRead: Engine._orders_read,
    AdjustmentAsked: Engine._adjustment_asked,
}
