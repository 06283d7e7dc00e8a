"""The engine's memory: a fold of facts and nothing else. Replaying a journal gives back exactly this."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from the_alchemiser.domain.effects import ReadBroker
from the_alchemiser.domain.facts import (
    AccountOpened,
    ActivityBooked,
    CancelIntended,
    CycleFinished,
    CycleRefused,
    CycleStarted,
    CycleStepped,
    DayClosed,
    ExternalOrderSeen,
    Fact,
    FillBooked,
    FillCorrected,
    LedgerAdjusted,
    OrderFollowed,
    OrderImported,
    OrderIntended,
    OrderLost,
    OrderReported,
    OrderSentAgain,
    PlanBuilt,
    Reconciled,
    SnapshotTaken,
    SymbolFrozen,
    SymbolReleased,
    TradeApproved,
    TradeEnded,
    TradingStateChanged,
)
from the_alchemiser.domain.instants import DAY, MINUTE, SECOND, Nanos
from the_alchemiser.domain.intent import TradingState
from the_alchemiser.domain.intervals import corrected
from the_alchemiser.domain.market import Quote, Symbol
from the_alchemiser.domain.money import ZERO, Dollars, Shares, Side
from the_alchemiser.domain.orders import (
    ABSENT,
    BrokerOrderId,
    ClientOrderId,
    Fill,
    Kin,
    Order,
    OrderReport,
    OrderRequest,
    OrderStatus,
    Relation,
    later,
)
from the_alchemiser.domain.probes import probe
from the_alchemiser.pipeline.execution import Work
from the_alchemiser.pipeline.ledger import Ledger

AGAIN = "again:"
"""Begins the purpose of a read that looks again at a difference, and at what else could have made it."""
ACTIVITY_DAYS = 7
"""How far such a look reaches back behind the last agreement: some activities are told days after their date."""
OTHERS_ENDED_MAX = 1_000
"""So many ended orders of others are remembered, lest an old list bring one back to life."""
FIRST_LOOK_BACK = DAY
"""How far a first start looks for orders of ours that an older journal knew: no id of today may be used again."""
READ_OVERLAP_SECONDS = 60
"""How far a read of executions reaches back behind the last agreement: a record is not read in one instant."""
WATCH_SECONDS = 120
"""How long an order that was refused or never accepted is looked for all the same: a copy of it may be on its way."""


class CycleBook(msgspec.Struct):
    """The cycle being traded: where its walk stands and what became of each trade so far."""

    cycle_id: str
    session: str
    started_at: Nanos
    closes_at: Nanos
    is_planned: bool = False
    walk_from: Nanos = 0
    """When the plan was made: its limit prices walk from then on."""
    step: int = 0
    quotes: dict[Symbol, Quote] = {}
    works: dict[Symbol, Work] = {}

    @property
    def open_works(self) -> list[Work]:
        """Trades with something left to do, in the order of the plan."""
        return [work for work in self.works.values() if not work.outcome]


class EngineState:
    """Everything the engine knows. `apply` is the only way to change it."""

    def __init__(self) -> None:
        self.account_number = ""
        self.opening_equity: Dollars = ZERO
        self.ledger = Ledger()
        self.trading = TradingState.ACTIVE
        self.trading_reason = ""
        self.orders: dict[ClientOrderId, Order] = {}
        self.live: dict[ClientOrderId, Order] = {}
        self.sent_lately: deque[Nanos] = deque()
        """When each order of the last minute was decided or sent again, as of the newest."""
        self.names: dict[str, ClientOrderId] = {}
        """Client order ids by broker order id."""
        self.absent: dict[ClientOrderId, Nanos] = {}
        """Orders taken for absent: until when each read of the broker's record asks for them, lest one arrive late."""
        self.doubted: set[Symbol] = set()
        """Symbols in which an order was given up: closed to opening until ledger and broker agree on everything."""
        self.external: dict[BrokerOrderId, tuple[Fill, ...]] = {}
        """What is booked of orders that were not ours, lowest first."""
        self.kin: dict[BrokerOrderId, tuple[ClientOrderId, Relation]] = {}
        """Orders that came out of ours, as the broker says, and that it has not told of yet: of which, and how."""
        self.others: dict[BrokerOrderId, OrderReport] = {}
        """Open orders that are not ours: they reserve cash and shares, and are never cancelled by us."""
        self.others_ended: dict[BrokerOrderId, OrderReport] = {}
        self.activities: set[str] = set()
        """Ids of what moved cash or shares other than by trading and is in the ledger."""
        self.paid_in: Dollars = ZERO
        """Paid in, less what was paid out, since the last close: no profit of the day."""
        self.unagreed: list[Fill] = []
        """Fills booked since ledger and broker last agreed: among them is the one that a difference is about."""
        self.frozen: dict[Symbol, SymbolFrozen] = {}
        """Where nothing may be opened; the empty symbol stands for cash, and so for everything."""
        self.is_compared = False
        """Whether ledger and broker were compared since this process began; what was agreed before may not hold now."""
        self.suspects: frozenset[Symbol] = frozenset()
        """Where a difference was seen that is being looked at again: no fact yet, so nothing remembers it."""
        self.gap_at: Nanos | None = None
        """When the order stream came back after a gap that was not read since: until it is, nothing is opened."""
        self.cycle: CycleBook | None = None
        self.ended_cycles: dict[str, str] = {}
        self.opened_at: Nanos = 0
        self.agreed_at: Nanos = 0
        """When ledger and broker last agreed on everything."""
        self.last_close: DayClosed | None = None
        self.last_reconciliation: Reconciled | None = None

    def apply(self, fact: Fact) -> None:
        """Take in one fact. Facts that only explain change nothing."""
        change = _CHANGES.get(type(fact))
        if change is not None:
            change(self, fact)

    def orders_in_minute(self, at: Nanos) -> int:
        """How many orders were decided within the minute up to `at`."""
        return sum(sent > at - MINUTE for sent in self.sent_lately)

    def next_order_at(self, at: Nanos, orders_per_minute: int) -> Nanos:
        """From when on one more order keeps to so many in any minute; `at` where it does now."""
        lately = self.sent_lately
        if len(lately) < orders_per_minute:
            return at
        return max(at, lately[-orders_per_minute] + MINUTE)

    def forget_cycles(self) -> None:
        """Behave as if no cycle had run: for previews, whose facts are never kept."""
        self.cycle = None
        self.ended_cycles.clear()

    def broker_read(self, purpose: str, at: Nanos) -> ReadBroker:
        """The request for the broker's record from where nothing can be missing: a fill told twice is booked once."""
        if not self.account_number:
            return ReadBroker(
                purpose, at, activities_after=at - ACTIVITY_DAYS * DAY, orders_after=at - FIRST_LOOK_BACK
            )
        after = max(self.agreed_at - READ_OVERLAP_SECONDS * SECOND, self.opened_at)
        # Two holes can cancel each other out of a comparison, so agreement does not close them.
        lacking = [order.intended_at for order in self.live.values() if order.booked < order.reported_filled]
        after = min([after, *lacking])
        absent = [name for name, until in self.absent.items() if at < until]
        twins = [name for name, order in self.live.items() if order.relation is Relation.TWIN]
        relatives = (*self.kin, *(self.live[name].broker_order_id for name in twins))
        is_start = purpose.removeprefix(AGAIN) == "start"
        ours = [
            name
            for name, order in self.live.items()
            if name not in twins and (is_start or not order.is_under_way_at(at))
        ]
        watch = (*ours, *absent, *(report.client_order_id for report in self.others.values()))
        since = self.agreed_at - ACTIVITY_DAYS * DAY if purpose.startswith(AGAIN) else None
        # A journal put back from a copy does not know what it has lost: at a start the broker is asked for it.
        orders_after = after if purpose == "start" else None
        return ReadBroker(purpose, after, watch, relatives, activities_after=since, orders_after=orders_after)

    def why_not_open(self, symbol: Symbol) -> str:
        """Why nothing may be opened in a symbol, as far as the books are concerned; empty where it may."""
        if not self.is_compared:
            return "the ledger was not compared with the broker since the start"
        if symbol in self.doubted:
            probe("state.doubted_symbol_stays_closed")
            return "an order was given up in it since the ledger and the broker last agreed"
        position = self.ledger.positions.get(symbol)
        if position is not None and position.lots and position.shares < 0:
            return "more of it was sold than was held"
        frozen = self.frozen.get("") or self.frozen.get(symbol)
        return f"the ledger does not agree with the broker: {frozen.difference}" if frozen else ""

    def frozen_of(self, symbols: Iterable[Symbol]) -> dict[Symbol, str]:
        """The symbols in which nothing may be opened, each with the reason."""
        found = {symbol: self.why_not_open(symbol) for symbol in symbols}
        return {symbol: reason for symbol, reason in found.items() if reason}

    def sellable(self, symbol: Symbol) -> Shares:
        """How much of a symbol a new sale may take: what both sides say is held, less what open orders sell."""
        position, frozen = self.ledger.positions.get(symbol), self.frozen.get(symbol)
        held = position.shares if position is not None else ZERO
        if frozen is not None:
            held = min(held, frozen.shares)
        return max(held - self.held_for_others(symbol) - self._promised(symbol), ZERO)

    def _promised(self, symbol: Symbol) -> Shares:
        """Shares that orders of ours may still sell; the exits of one bracket share theirs."""
        plain, legs = ZERO, dict[ClientOrderId, Shares]()
        for order in self.live.values():
            if order.request.symbol != symbol or order.request.side is not Side.SELL:
                continue
            if order.relation is Relation.LEG:
                legs[order.of] = max(legs.get(order.of, ZERO), order.pending)
            else:
                plain += order.pending
        return sum(legs.values(), plain)

    @property
    def promised_to_others(self) -> Dollars | None:
        """Cash that open orders of others may still spend; None where one does not say how much."""
        promised = ZERO
        for report in self.others.values():
            if report.side is Side.SELL:
                continue
            if report.notional is None and report.price is None:
                return None
            promised += report.notional or (report.shares - report.filled) * (report.price or ZERO)
        return promised

    def held_for_others(self, symbol: Symbol) -> Shares:
        """Shares of a symbol that open orders of others may still sell."""
        return self._open_of_others(symbol, Side.SELL)

    def wanted_by_others(self, symbol: Symbol) -> Shares:
        """Shares of a symbol that open orders of others may still buy."""
        return self._open_of_others(symbol, Side.BUY)

    def _open_of_others(self, symbol: Symbol, side: Side) -> Shares:
        if not self.others:
            return ZERO
        chosen = (one for one in self.others.values() if one.symbol == symbol and one.side is side)
        return sum((one.shares - one.filled for one in chosen), ZERO)

    def _account_opened(self, fact: AccountOpened) -> None:
        self.account_number = fact.number
        self.ledger.open(fact.cash, fact.holdings)
        self.opened_at = self.agreed_at = fact.at
        self.activities.update(fact.activities)
        self.opening_equity = fact.cash + sum((held.shares * held.price for held in fact.holdings), ZERO)

    def _cycle_started(self, fact: CycleStarted) -> None:
        self.cycle = CycleBook(fact.cycle_id, fact.session, fact.at, fact.closes_at)

    def _cycle_refused(self, fact: CycleRefused) -> None:
        self.ended_cycles[fact.cycle_id] = "refused"
        self.cycle = None

    def _cycle_finished(self, fact: CycleFinished) -> None:
        self.ended_cycles[fact.cycle_id] = "finished"
        self.cycle = None

    def _snapshot_taken(self, fact: SnapshotTaken) -> None:
        if self.cycle is not None:
            self.cycle.quotes = dict(fact.quotes)

    def _plan_built(self, fact: PlanBuilt) -> None:
        if self.cycle is not None and self.cycle.cycle_id == fact.cycle_id:
            self.cycle.is_planned = True
            self.cycle.walk_from = fact.at

    def _trade_approved(self, fact: TradeApproved) -> None:
        if self.cycle is not None and self.cycle.cycle_id == fact.cycle_id:
            self.cycle.works[fact.trade.symbol] = Work(fact.trade, [])

    def _cycle_stepped(self, fact: CycleStepped) -> None:
        if self.cycle is not None:
            self.cycle.step = fact.step
            self.cycle.quotes.update(fact.quotes)
            # A cancel that had no effect until now is asked for again.
            for work in self.cycle.open_works:
                for order in work.orders[-1:]:
                    order.cancel_intended = order.status is OrderStatus.PENDING_CANCEL

    def _trade_ended(self, fact: TradeEnded) -> None:
        if self.cycle is not None and self.cycle.cycle_id == fact.cycle_id:
            self.cycle.works[fact.symbol].outcome = fact.outcome

    def _order_intended(self, fact: OrderIntended) -> None:
        request = fact.request
        self._count_sending(fact.at)
        order = Order(request, fact.cycle_id, fact.at, fact.middle, not_after=fact.not_after)
        self.orders[request.client_order_id] = self.live[request.client_order_id] = order
        if self.cycle is not None and self.cycle.cycle_id == fact.cycle_id:
            self.cycle.works[request.symbol].orders.append(order)

    def _order_imported(self, fact: OrderImported) -> None:
        told = fact.report
        request = OrderRequest(told.client_order_id, told.symbol, told.side, told.shares)
        order = Order(request, fact.cycle_id, fact.at, ZERO)
        if fact.counted:
            price = told.average_price or ZERO
            order.book(Fill(told.client_order_id, told.symbol, told.side, ZERO, fact.counted, price, fact.at))
        self.orders[told.client_order_id] = order
        self._track(order)

    def _order_followed(self, fact: OrderFollowed) -> None:
        told, ancestor = fact.report, self.orders[fact.of]
        request = OrderRequest(told.client_order_id, told.symbol, told.side, told.shares)
        order = Order(request, fact.cycle_id, fact.at, ancestor.middle, of=fact.of, relation=fact.relation)
        if fact.counted:
            price = told.average_price or ancestor.middle
            order.book(Fill(told.client_order_id, told.symbol, told.side, ZERO, fact.counted, price, fact.at))
            order.counted = fact.counted
        for fill in self.external.pop(told.broker_order_id, ()):
            order.book(replace(fill, client_order_id=told.client_order_id))
        self.others.pop(told.broker_order_id, None)
        self.kin.pop(told.broker_order_id, None)
        self.orders[told.client_order_id] = order
        self.names[told.broker_order_id] = told.client_order_id
        self._track(order)
        works = self.cycle.works.values() if self.cycle is not None else ()
        for work in works:
            if fact.relation is not Relation.LEG and any(one is ancestor for one in work.orders):
                work.orders.append(order)

    def _cancel_intended(self, fact: CancelIntended) -> None:
        order = self.orders[fact.client_order_id]
        order.cancel_intended, order.cancel_asked_at = True, fact.at

    def _order_reported(self, fact: OrderReported) -> None:
        report = fact.report
        order = self.orders[report.client_order_id]
        order.merge(report)
        if report.broker_order_id:
            self.names[report.broker_order_id] = report.client_order_id
        if report.kin is not None:
            self._announce(report.client_order_id, report.kin)
        if report.status in ABSENT:
            self._miss(order, fact.at)
        elif self.absent:
            self.absent.pop(report.client_order_id, None)
        self._track(order)

    def _announce(self, name: ClientOrderId, kin: Kin) -> None:
        related = [(leg, Relation.LEG) for leg in kin.legs]
        for relative, relation in ((kin.replaced_by, Relation.REPLACEMENT), *related):
            if relative and relative not in self.names:
                self.kin[relative] = (name, relation)

    def _miss(self, order: Order, at: Nanos) -> None:
        """An order is taken for absent: one that was in doubt is watched for the rest of the day."""
        is_given_up = order.status is OrderStatus.ABANDONED
        self.absent[order.request.client_order_id] = at + (DAY if is_given_up else WATCH_SECONDS * SECOND)
        if is_given_up:
            self.doubted.add(order.request.symbol)

    def _order_lost(self, fact: OrderLost) -> None:
        order = self.orders[fact.client_order_id]
        order.status = later(order.status, OrderStatus.UNKNOWN)
        order.lost_at = fact.at
        order.losses += 1

    def _count_sending(self, at: Nanos) -> None:
        self.sent_lately.append(at)
        while self.sent_lately[0] <= at - MINUTE:
            self.sent_lately.popleft()

    def _order_sent_again(self, fact: OrderSentAgain) -> None:
        self._count_sending(fact.at)
        order = self.orders[fact.client_order_id]
        order.lost_at = fact.at
        order.losses += 1
        order.sends += 1

    def _fill_booked(self, fact: FillBooked) -> None:
        fill = fact.fill
        order = self.orders.get(fill.client_order_id)
        if order is None:
            name = fill.client_order_id.removeprefix("external-")
            known = (*self.external.get(name, ()), fill)
            self.external[name] = tuple(sorted(known, key=lambda one: one.cum_before))
        else:
            order.book(fill)
            self._track(order)
        self.unagreed.append(fill)
        self.ledger.post(fill)

    def _fill_corrected(self, fact: FillCorrected) -> None:
        order = self.orders[fact.fill.client_order_id]
        order.fills = corrected(order.fills, fact.fill)
        self.ledger.correct(fact.fill.symbol, fact.amount)

    def _track(self, order: Order) -> None:
        """Keep `live` the orders something can still come of; one that was thought ended may return to it."""
        name = order.request.client_order_id
        if order.is_done:
            self.live.pop(name, None)
        else:
            self.live[name] = order

    def _reconciled(self, fact: Reconciled) -> None:
        self.last_reconciliation = fact
        if not fact.differences:
            self.agreed_at = fact.at
            self.unagreed.clear()
            self.doubted.clear()

    def _external_order_seen(self, fact: ExternalOrderSeen) -> None:
        name = fact.report.broker_order_id
        if not fact.report.status.is_done:
            self.others[name] = fact.report
            return
        self.others.pop(name, None)
        self.others_ended[name] = fact.report
        if len(self.others_ended) > OTHERS_ENDED_MAX:
            del self.others_ended[next(iter(self.others_ended))]

    def _activity_booked(self, fact: ActivityBooked) -> None:
        self.activities.add(fact.activity.id)
        self.paid_in += fact.activity.paid_in
        self.ledger.move(fact.activity, fact.former)

    def _ledger_adjusted(self, fact: LedgerAdjusted) -> None:
        self.paid_in += fact.cash + fact.shares * fact.price
        self.ledger.adjust(fact.symbol, fact.shares, fact.price, fact.cash)

    def _symbol_frozen(self, fact: SymbolFrozen) -> None:
        self.frozen[fact.symbol] = fact

    def _symbol_released(self, fact: SymbolReleased) -> None:
        self.frozen.pop(fact.symbol, None)

    def _trading_state_changed(self, fact: TradingStateChanged) -> None:
        self.trading, self.trading_reason = fact.state, fact.reason

    def _day_closed(self, fact: DayClosed) -> None:
        self.last_close = fact
        self.paid_in = ZERO
        self.absent.clear()
        self.kin.clear()


_CHANGES: dict[type, Callable[[EngineState, Any], None]] = {
    AccountOpened: EngineState._account_opened,
    CycleStarted: EngineState._cycle_started,
    CycleRefused: EngineState._cycle_refused,
    CycleFinished: EngineState._cycle_finished,
    SnapshotTaken: EngineState._snapshot_taken,
    PlanBuilt: EngineState._plan_built,
    TradeApproved: EngineState._trade_approved,
    CycleStepped: EngineState._cycle_stepped,
    TradeEnded: EngineState._trade_ended,
    OrderIntended: EngineState._order_intended,
    OrderImported: EngineState._order_imported,
    OrderFollowed: EngineState._order_followed,
    CancelIntended: EngineState._cancel_intended,
    OrderReported: EngineState._order_reported,
    OrderLost: EngineState._order_lost,
    OrderSentAgain: EngineState._order_sent_again,
    FillBooked: EngineState._fill_booked,
    FillCorrected: EngineState._fill_corrected,
    Reconciled: EngineState._reconciled,
    ExternalOrderSeen: EngineState._external_order_seen,
    ActivityBooked: EngineState._activity_booked,
    LedgerAdjusted: EngineState._ledger_adjusted,
    SymbolFrozen: EngineState._symbol_frozen,
    SymbolReleased: EngineState._symbol_released,
    TradingStateChanged: EngineState._trading_state_changed,
    DayClosed: EngineState._day_closed,
}
