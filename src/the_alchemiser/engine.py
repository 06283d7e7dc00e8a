"""`Engine.step`: one event in, facts and effects out. No clock, no I/O, no chance: the same events, the same results.

Three kinds of things reach it: the broker's word on orders, the broker's whole record (to reconcile with), and time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from the_alchemiser.cycle import CycleConfig, TradingCycle, cycle_id_of
from the_alchemiser.domain.effects import LookUpOrder, SetTimer, SubmitOrder
from the_alchemiser.domain.errors import InvariantBroken, SafetyRefusal
from the_alchemiser.domain.events import (
    BrokerRead,
    BrokerState,
    CancelDenied,
    CycleAsked,
    Event,
    MarketRead,
    OrderDenied,
    OrderHeard,
    OrderNotFound,
    OrderUnheard,
    QuotesRead,
    ReadFailed,
    Started,
    StreamRestored,
    TimerFired,
)
from the_alchemiser.domain.facts import (
    AccountOpened,
    DayClosed,
    Fact,
    FillBooked,
    OrderLost,
    OrderReported,
    Reconciled,
)
from the_alchemiser.domain.instants import SECOND
from the_alchemiser.domain.market import Bar, Session
from the_alchemiser.domain.money import ZERO
from the_alchemiser.domain.orders import RANK, Execution, Order, OrderReport, OrderStatus
from the_alchemiser.pipeline.ledger import reconcile
from the_alchemiser.ports import BarStrategy
from the_alchemiser.reaction import Reactions
from the_alchemiser.state import EngineState
from the_alchemiser.step import NOTHING, Step, StepResult

SETTLE_SECONDS = 60
"""How long after the close the day's books are made up: the broker's last reports have come by then."""
FILL_GRACE_SECONDS = 1
"""How long a fill that a report implies may take to arrive on the stream before it is asked for."""
RECHECK_SECONDS = 2
"""A difference must still be there after this long before it counts: two reads are never of one instant."""
LOOKUP_SECONDS = (1, 2, 4, 8, 16, 32)
"""When an order without an answer is looked up by its id; after the last, absence counts as proof."""
READ_RETRY_SECONDS = 5


class EngineConfig(msgspec.Struct, frozen=True):
    """The scheduled cycle, and the reactive strategies beside it."""

    cycle: CycleConfig = CycleConfig()
    bar_strategies: tuple[BarStrategy, ...] = ()
    account_number: str = ""
    """The account we must be talking to; empty: whichever the keys open first."""


class Engine:
    """The deterministic core of one account. `history` is its journal so far: starting and recovering are the same."""

    def __init__(self, config: EngineConfig, history: Iterable[Fact] = ()) -> None:
        self.state = EngineState()
        self.cycle = TradingCycle(config.cycle, self.state)
        self.reactions = Reactions(config.bar_strategies, config.cycle, self.state)
        self._config = config
        self._sessions: tuple[Session, ...] = ()
        self._broker: BrokerState | None = None
        for fact in history:
            self.state.apply(fact)

    def step(self, event: Event) -> StepResult:
        """Take in one event. Raises InvariantBroken for what must never be; nothing of that step may then be kept."""
        if type(event) is Bar:
            return self.reactions.on_bar(event)
        step = Step(self.state, event.at)
        _ROUTES[type(event)](self, step, event)
        return step if step.facts or step.effects else NOTHING

    # The whole record of the broker

    def _started(self, step: Step, event: Started) -> None:
        self._read_broker(step, "start")

    def _stream_restored(self, step: Step, event: StreamRestored) -> None:
        self._read_broker(step, "restored")

    def _read_broker(self, step: Step, purpose: str) -> None:
        step.ask(self.state.broker_read(purpose))

    def _broker_read(self, step: Step, event: BrokerRead) -> None:
        self._broker, self._sessions = event.state, event.state.sessions
        self._pin_account(step, event.state)
        for report in event.state.orders:
            self._take_report(step, report)
        for execution in event.state.executions:
            self._book(step, execution, self.state.names.get(execution.broker_order_id, ""))
        self._settle_missing(step, event.state)
        self._reconcile(step, event)
        self.cycle.advance(step)

    def _pin_account(self, step: Step, read: BrokerState) -> None:
        expected = self.state.account_number or self._config.account_number
        if expected and expected != read.account.number:
            raise SafetyRefusal(
                f"these keys open account {read.account.number}, the journal is of {expected}"
            )
        if not self.state.account_number:
            if any(holding.shares < 0 for holding in read.holdings):
                raise SafetyRefusal("the account holds short positions, which this version does not trade")
            held = tuple(sorted(read.holdings, key=lambda holding: holding.symbol))
            step.record(AccountOpened(step.at, read.account.number, read.account.cash, held))

    def _settle_missing(self, step: Step, read: BrokerState) -> None:
        known = {report.client_order_id for report in read.orders}
        for name, order in list(self.state.live.items()):
            if name not in known and order.status in (OrderStatus.INTENDED, OrderStatus.UNKNOWN):
                self._lose(step, order, "the broker's list does not show it")

    def _reconcile(self, step: Step, event: BrokerRead) -> None:
        read, purpose = event.state, event.purpose.removeprefix("again:")
        live_at_broker = frozenset(
            report.client_order_id
            for report in read.orders
            if not report.status.is_done and report.client_order_id in self.state.orders
        )
        expected = [order for order in self.state.live.values() if order.status is not OrderStatus.UNKNOWN]
        differences = reconcile(self.state.ledger, expected, read.account, read.holdings, live_at_broker)
        if differences and purpose == event.purpose:
            step.ask(SetTimer(step.at + RECHECK_SECONDS * SECOND, f"again:{purpose}"))
            return
        step.record(Reconciled(step.at, purpose, differences, read.account.cash, read.account.equity))
        if differences:
            step.alert("critical", f"ledger and broker disagree: {'; '.join(differences)}")
        self._continue(step, purpose)

    def _continue(self, step: Step, purpose: str) -> None:
        kind, _, name = purpose.partition(":")
        if kind == "start":
            self.cycle.resume(step)
            self._schedule(step)
        elif kind == "begin":
            self._begin_cycle(step, name)
        elif kind == "close":
            self._close_day(step, name)
            self._schedule(step)

    def _close_day(self, step: Step, date: str) -> None:
        if self._broker is None or self._is_closed(date):
            return
        marks = {held.symbol: held.price for held in self._broker.holdings}
        for symbol, shares in self.state.ledger.shares().items():
            if symbol not in marks:
                raise InvariantBroken(f"{shares} {symbol} held at the close of {date} without a mark")
        account, ledger = self._broker.account, self.state.ledger
        step.record(
            DayClosed(
                step.at, date, account.cash, account.equity, ledger.realised, ledger.unrealised(marks), marks
            )
        )

    # Time

    def _schedule(self, step: Step) -> None:
        """Set the timers of the first session whose books are still open."""
        for session in self._sessions:
            settles_at = session.close + SETTLE_SECONDS * SECOND
            if settles_at <= step.at or self._is_closed(session.date):
                continue
            if self._config.cycle.strategies and cycle_id_of(session) not in self.state.ended_cycles:
                lead = self._config.cycle.minutes_before_close * 60 * SECOND
                step.ask(SetTimer(max(session.close - lead, session.open), f"begin:{session.date}"))
            step.ask(SetTimer(settles_at, f"close:{session.date}"))
            return

    def _is_closed(self, date: str) -> bool:
        return self.state.last_close is not None and self.state.last_close.session >= date

    def _timer_fired(self, step: Step, event: TimerFired) -> None:
        kind, _, rest = event.key.partition(":")
        if kind in ("begin", "close"):
            self._read_broker(step, event.key)
        elif kind in ("again", "read"):
            self._read_broker(step, event.key if kind == "again" else rest)
        elif kind == "step":
            self.cycle.on_step_timer(step)
        elif kind == "retry":
            self.cycle.on_retry_timer(step)
        elif kind == "fills":
            if any(order.reported_filled > order.booked for order in self.state.live.values()):
                self._read_broker(step, "fills")
        elif kind == "lookup":
            self._look_up(step, rest.rpartition(":")[0])

    def _cycle_asked(self, step: Step, event: CycleAsked) -> None:
        self._read_broker(step, "begin:now")

    def _begin_cycle(self, step: Step, date: str) -> None:
        running = [one for one in self._sessions if one.date == date or one.open <= step.at < one.close]
        if date != "now":
            running = [one for one in running if one.date == date]
        if not running:
            step.alert("warning", "no cycle was started: the market is closed")
            return
        self.cycle.begin(step, running[0])

    # The market

    def _market_read(self, step: Step, event: MarketRead) -> None:
        if self.state.cycle is not None and self._broker is not None:
            session = self._session_of(self.state.cycle.session)
            self.cycle.on_market(step, event, session, self._date_before(session), self._broker.account)

    def _quotes_read(self, step: Step, event: QuotesRead) -> None:
        self.cycle.on_quotes(step, event.quotes)

    def _read_failed(self, step: Step, event: ReadFailed) -> None:
        kind, _, rest = event.subject.partition(":")
        if kind == "market":
            self.cycle.on_market_failed(step, event.reason)
        elif kind == "quotes":
            self.cycle.on_quotes(step, {})
        elif kind == "broker":
            step.alert("warning", f"the broker's record could not be read ({rest}): {event.reason}")
            step.ask(SetTimer(step.at + READ_RETRY_SECONDS * SECOND, f"read:{rest}"))

    def _session_of(self, date: str) -> Session:
        for session in self._sessions:
            if session.date == date:
                return session
        raise InvariantBroken(f"the broker's calendar has no session of {date}")

    def _date_before(self, session: Session) -> str:
        earlier = [other.date for other in self._sessions if other.date < session.date]
        return max(earlier, default="")

    # Orders

    def _order_heard(self, step: Step, event: OrderHeard) -> None:
        self._take_report(step, event.report)
        if event.execution is not None:
            self._book(step, event.execution, event.report.client_order_id)
        order = self.state.orders.get(event.report.client_order_id)
        if order is not None and order.reported_filled > order.booked:
            step.ask(SetTimer(step.at + FILL_GRACE_SECONDS * SECOND, "fills"))
        self.cycle.advance(step)

    def _take_report(self, step: Step, report: OrderReport) -> None:
        order = self.state.orders.get(report.client_order_id)
        if order is None:
            return
        is_news = RANK[report.status] > RANK[order.status] or report.filled > order.reported_filled
        if is_news or not order.broker_order_id:
            step.record(OrderReported(step.at, report))

    def _book(self, step: Step, execution: Execution, client_order_id: str) -> None:
        """Book an execution once, by whichever way and however often it is told."""
        order = self.state.orders.get(client_order_id)
        if order is None:
            self._book_external(step, execution)
            return
        if execution.cum_after <= order.booked:
            return
        if execution.cum_before != order.booked:
            # An earlier interval is missing or differs: the broker's list of executions has them all.
            step.ask(SetTimer(step.at + FILL_GRACE_SECONDS * SECOND, "fills"))
            return
        step.record(FillBooked(step.at, order.cycle_id, execution.as_fill(client_order_id)))

    def _book_external(self, step: Step, execution: Execution) -> None:
        name = f"external-{execution.broker_order_id}"
        if execution.cum_before != self.state.external.get(name, ZERO):
            return
        step.record(FillBooked(step.at, "", execution.as_fill(name)))
        side, shares = execution.side.value, execution.cum_after - execution.cum_before
        step.alert("warning", f"adopted a trade that was not ours: {side} {shares} {execution.symbol}")

    def _order_unheard(self, step: Step, event: OrderUnheard) -> None:
        order = self.state.live.get(event.client_order_id)
        if order is not None:
            self._lose(step, order, event.reason)

    def _lose(self, step: Step, order: Order, reason: str) -> None:
        name = order.request.client_order_id
        if order.status is not OrderStatus.UNKNOWN:
            step.record(OrderLost(step.at, name, reason))
            step.alert("warning", f"no clear answer for order {name}: {reason}")
        for number, seconds in enumerate(LOOKUP_SECONDS, start=1):
            step.ask(SetTimer(step.at + seconds * SECOND, f"lookup:{name}:{number}"))

    def _look_up(self, step: Step, client_order_id: str) -> None:
        order = self.state.live.get(client_order_id)
        if order is not None and order.status is OrderStatus.UNKNOWN:
            step.ask(LookUpOrder(client_order_id))

    def _order_not_found(self, step: Step, event: OrderNotFound) -> None:
        order = self.state.live.get(event.client_order_id)
        if order is None or order.status is not OrderStatus.UNKNOWN:
            return
        if step.at - order.lost_at >= LOOKUP_SECONDS[-1] * SECOND:
            # The same id again: were the first one still on its way, the broker would refuse the second.
            step.ask(SubmitOrder(order.request))

    def _order_denied(self, step: Step, event: OrderDenied) -> None:
        order = self.state.live.get(event.client_order_id)
        if order is None:
            return
        request = order.request
        step.record(
            OrderReported(
                step.at,
                OrderReport(
                    event.client_order_id,
                    order.broker_order_id,
                    request.symbol,
                    request.side,
                    request.shares,
                    OrderStatus.REJECTED,
                    order.reported_filled,
                    step.at,
                    event.reason,
                ),
            )
        )
        step.alert("warning", f"order {event.client_order_id} refused: {event.reason}")
        self.cycle.advance(step)

    def _cancel_denied(self, step: Step, event: CancelDenied) -> None:
        # Usually it filled meanwhile; its true state comes with the broker's record.
        if event.client_order_id in self.state.live:
            self._read_broker(step, "fills")


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
    OrderDenied: Engine._order_denied,
    CancelDenied: Engine._cancel_denied,
    CycleAsked: Engine._cycle_asked,
    StreamRestored: Engine._stream_restored,
}
