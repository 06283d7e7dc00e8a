"""The daily trading cycle: snapshot, signals, target, plan, verdict, orders, end. Read `TradingCycle.decide` first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from the_alchemiser.domain.effects import CancelOrder, ReadMarket, ReadQuotes, SetTimer, SubmitOrder
from the_alchemiser.domain.events import MarketRead
from the_alchemiser.domain.facts import (
    CancelIntended,
    CycleFinished,
    CycleRefused,
    CycleStarted,
    CycleStepped,
    OrderIntended,
    PlanBuilt,
    SignalFormed,
    SnapshotTaken,
    TargetSet,
    TradeApproved,
    TradeEnded,
    TradeRefused,
)
from the_alchemiser.domain.instants import MINUTE, SECOND, Nanos
from the_alchemiser.domain.intent import (
    RebalancePlan,
    RiskVerdict,
    Signal,
    TargetPortfolio,
    TradingState,
)
from the_alchemiser.domain.market import Asset, MarketSnapshot, Quote, Session, Symbol
from the_alchemiser.domain.money import ZERO, Dollars, Side, Weight
from the_alchemiser.domain.orders import OrderRequest, OrderType, Relation
from the_alchemiser.domain.portfolio import Account, Portfolio
from the_alchemiser.domain.probes import probe
from the_alchemiser.pipeline.execution import Cancel, End, ExecutionPolicy, Move, OrderManager, Submit, Work
from the_alchemiser.pipeline.rebalance import RebalancePolicy, build_rebalance_plan
from the_alchemiser.pipeline.risk import RiskContext, RiskLimits, RiskManager
from the_alchemiser.pipeline.signals import blend
from the_alchemiser.pipeline.snapshot import (
    QUOTE_AGE_SECONDS_MAX,
    MarketFindings,
    Unusable,
    histories_digest,
    take_snapshot,
)
from the_alchemiser.ports import Strategy
from the_alchemiser.state import CycleBook, EngineState
from the_alchemiser.step import Step

MARKET_RETRY_SECONDS = 60
ENTRY_SECONDS_MIN = 60
"""How long an entry may wait to be sent, even where the walk moves on before."""


class CycleConfig(msgspec.Struct, frozen=True):
    """What to trade, by which ideas, when and how."""

    universe: tuple[Symbol, ...] = ()
    strategies: tuple[Strategy, ...] = ()
    allocations: Mapping[str, Weight] = {}
    minutes_before_close: int = 30
    rebalance: RebalancePolicy = RebalancePolicy()
    execution: ExecutionPolicy = ExecutionPolicy()
    limits: RiskLimits = RiskLimits()

    @property
    def sessions_needed(self) -> int:
        """How much history the most far-sighted strategy looks at."""
        return max((strategy.sessions_needed for strategy in self.strategies), default=1)


class Decision(msgspec.Struct, frozen=True):
    """Everything one cycle decided, from the wishes to the verdict; nothing of it has been sent."""

    signals: tuple[Signal, ...]
    target: TargetPortfolio
    plan: RebalancePlan
    verdict: RiskVerdict


def cycle_id_of(session: Session) -> str:
    """The name of a session's cycle, such as 20210104: one cycle a day, so a second start finds it done."""
    return session.date.replace("-", "")


class TradingCycle:
    """One run of the flow under one cycle id, resumable at any point from the facts it left."""

    def __init__(self, config: CycleConfig, state: EngineState) -> None:
        self.config, self.state = config, state
        self.risk = RiskManager(config.limits)
        self.orders = OrderManager(config.execution)
        self._is_reading_quotes = False
        self._counted_cash: Dollars | None = None
        self._goes_on_at: Nanos = 0
        """When entries that had to wait for the next minute go on; a timer stands for it."""

    def decide(
        self, snapshot: MarketSnapshot, assets: Mapping[Symbol, Asset], cycle_id: str, account: Account
    ) -> Decision:
        """The whole flow on one screen, without side effects: also what `cycle --dry-run` shows."""
        signals = tuple(strategy.evaluate(snapshot) for strategy in self.config.strategies)
        target = blend(self.config.allocations, signals)
        portfolio = self._portfolio(snapshot.symbols)
        plan = build_rebalance_plan(
            cycle_id, target, portfolio, snapshot.quotes, assets, self.config.rebalance
        )
        verdict = self.risk.review(plan, self._risk_context(snapshot, portfolio, account))
        return Decision(signals, target, plan, verdict)

    def begin(self, step: Step, session: Session) -> None:
        """Start the session's cycle, unless it was started before or the close is too near."""
        cycle_id = cycle_id_of(session)
        if cycle_id in self.state.ended_cycles or self.state.cycle is not None:
            return
        step.record(CycleStarted(step.at, cycle_id, session.date, session.close))
        problem = self._objection(step.at, session.close)
        if step.at < session.open:
            problem = "the session has not opened"
        if problem:
            self._refuse(step, cycle_id, (problem,))
        else:
            self._read_market(step, cycle_id, session.date)

    def resume(self, step: Step) -> None:
        """Take up an unfinished cycle after a restart: decide if nothing was decided, else go on trading."""
        book = self.state.cycle
        if book is None:
            return
        if book.is_planned:
            probe("cycle.trading_resumed")
            self._set_step_timers(step, book)
            self._read_quotes(step, book, book.open_works)
            return
        probe("cycle.decision_resumed")
        problem = self._objection(step.at, book.closes_at)
        if problem:
            self._refuse(step, book.cycle_id, (problem,))
        else:
            self._read_market(step, book.cycle_id, book.session)

    def on_market(
        self, step: Step, event: MarketRead, session: Session, previous_date: str, account: Account
    ) -> None:
        """Decide, once the market is known; refuse where it is incomplete."""
        book = self.state.cycle
        if book is None or book.cycle_id != event.cycle_id or book.is_planned:
            return
        found = MarketFindings(event.at, event.histories, event.quotes, event.assets)
        snapshot = take_snapshot(
            found, self.config.universe, session, previous_date, self.config.sessions_needed
        )
        if isinstance(snapshot, Unusable):
            self._wait_or_refuse(step, snapshot.reasons, is_passing=snapshot.is_passing)
            return
        self._record_decision(step, snapshot, self.decide(snapshot, event.assets, book.cycle_id, account))
        self._set_step_timers(step, book)
        self._take_step(step, book, {})
        self.advance(step)

    def on_market_failed(self, step: Step, reason: str) -> None:
        """The market could not be read; try again while there is time."""
        if self.state.cycle is not None and not self.state.cycle.is_planned:
            self._wait_or_refuse(step, (f"market data: {reason}",), is_passing=True)

    def on_step_timer(self, step: Step) -> None:
        """A step of the walk begins: look at the market first."""
        book = self.state.cycle
        if book is not None and book.is_planned:
            self._read_quotes(step, book, book.open_works)

    def on_retry_timer(self, step: Step) -> None:
        """Look at the market again for a decision; once there is one, go on with what had to wait for the minute."""
        book = self.state.cycle
        if book is not None and not book.is_planned:
            self._read_market(step, book.cycle_id, book.session)
        else:
            self.advance(step)

    def on_quotes(self, step: Step, quotes: Mapping[Symbol, Quote]) -> None:
        """Take the step that the time asks for, at these quotes (at the last known ones for symbols without)."""
        book = self.state.cycle
        if book is None or not book.is_planned:
            return
        self._take_step(step, book, {symbol: quote for symbol, quote in quotes.items() if quote.is_two_sided})
        self._is_reading_quotes = False
        self._advance(step, book, book.open_works, have_just_read=True)

    def advance(self, step: Step, heard_of: Symbol = "") -> None:
        """Make every move that can be made now; finish when nothing is left to do.

        After news of one symbol's order only that trade, and those that wait for cash, can have a new move.
        """
        book = self.state.cycle
        if book is None or not book.is_planned:
            return
        works = book.open_works
        if heard_of:
            works = [work for work in works if work.trade.symbol == heard_of or not work.is_under_way]
        self._advance(step, book, works, have_just_read=False)

    def _advance(self, step: Step, book: CycleBook, works: Sequence[Work], *, have_just_read: bool) -> None:
        self._counted_cash = None
        stale = [work for work in works if not self._move(step, book, work)]
        # Once per read: a quote that is old when it comes will not be newer for being asked for again.
        if stale and not have_just_read and not self._is_reading_quotes:
            self._is_reading_quotes = True
            self._read_quotes(step, book, stale)
        if not book.open_works:
            filled = sum(work.outcome == "filled" for work in book.works.values())
            step.record(CycleFinished(step.at, book.cycle_id, len(book.works), filled))
            step.ask(self.state.broker_read(f"cycle:{book.cycle_id}", step.at))

    def _cash_to_spend(self) -> Dollars:
        """Free cash, counted once for all trades that ask between two orders."""
        if self._counted_cash is None:
            self._counted_cash = self.free_cash()
        return self._counted_cash

    def free_cash(self) -> Dollars:
        """Cash that exists and is promised to no open order."""
        of_others = self.state.promised_to_others
        promised = sum((self.orders.reserved(order) for order in self.state.live.values()), ZERO)
        left = self.state.ledger.cash - promised
        if of_others is None:
            # An order of somebody else's may take any amount: nothing is sure to be left.
            return min(left, ZERO)
        return left - of_others

    def _move(self, step: Step, book: CycleBook, work: Work) -> bool:
        """Make the next move of one trade, if there is one; False where it takes a newer quote than we have."""
        if (waits := self._waits_at_the_door(step, book, work)) is not None:
            return waits
        walk = self.config.execution.walk(
            book.step, len(book.works), self.config.limits.orders_per_minute_max
        )
        move = self.orders.next_move(work, book.cycle_id, walk, book.quotes, self._cash_to_spend)
        if step.at >= book.closes_at and not isinstance(move, End):
            if work.is_under_way:
                return True  # The broker expires a day order at the close; its last report ends the trade.
            probe("cycle.session_over")
            move = End("the session is over")
        if isinstance(move, Submit):
            if self._is_too_soon(step, move.request.side):
                return True
            if self._is_stale(step.at, book, move.request):
                probe("cycle.quote_too_old")
                return False
            if self._must_wait(move.request):
                probe("cycle.purchase_awaits_agreement")
                return True
            if self._crosses(move.request):
                return True
            move = self._clipped(move)
        self._make(step, book, work, move)
        return True

    def _clipped(self, move: Submit) -> Submit:
        """The move with no more sold than both sides say is there and no other order takes."""
        request = move.request
        sellable = self.state.sellable(request.symbol)
        if request.side is Side.BUY or request.shares <= sellable:
            return move
        probe("cycle.exit_clipped")
        return replace(move, request=replace(request, shares=sellable))

    def _waits_at_the_door(self, step: Step, book: CycleBook, work: Work) -> bool | None:
        """What `_move` would answer for a purchase that cannot begin yet, None for any other trade.

        Asked before anything that costs time: after each event of a large plan hundreds of trades wait here.
        """
        if work.orders or work.trade.side is Side.SELL or step.at >= book.closes_at:
            return None
        if self._is_too_soon(step, Side.BUY):
            return True
        return False if self._is_old(step.at, book, work.trade.symbol) else None

    def _is_too_soon(self, step: Step, side: Side) -> bool:
        """Whether an entry has to wait until the minute has room for it; exits go at once, and count."""
        if side is Side.SELL:
            return False
        may_go_at = self.state.next_order_at(step.at, self.config.limits.orders_per_minute_max)
        if may_go_at <= step.at:
            return False
        probe("cycle.entry_paced")
        if self._goes_on_at <= step.at:
            self._goes_on_at = may_go_at
            step.ask(SetTimer(may_go_at, "pace"))
        return True

    def _crosses(self, request: OrderRequest) -> bool:
        """Whether an order of ours on the other side may still trade: the two would trade with each other."""
        is_crossed = any(
            order.request.side is not request.side
            and order.request.symbol == request.symbol
            and order.relation is not Relation.LEG  # The exits of a bracket wait for its entry by themselves.
            for order in self.state.live.values()
        )
        if is_crossed:
            probe("cycle.order_waits_for_the_other_side")
        return is_crossed

    def _not_after(self, at: Nanos, book: CycleBook, request: OrderRequest) -> Nanos:
        """From when on an order is too late: an exit at the close, an entry when the walk has moved on."""
        if request.side is Side.SELL:
            return book.closes_at
        moved_on = self.config.execution.step_starts(book.step + 1, book.walk_from, book.closes_at)
        return min(max(moved_on, at + ENTRY_SECONDS_MIN * SECOND), book.closes_at)

    def _is_stale(self, at: Nanos, book: CycleBook, request: OrderRequest) -> bool:
        """Whether the quote is too old to price this order by; an exit at the market needs none."""
        if request.side is Side.SELL and request.type is OrderType.MARKET:
            return False
        return self._is_old(at, book, request.symbol)

    def _is_old(self, at: Nanos, book: CycleBook, symbol: Symbol) -> bool:
        return at - book.quotes[symbol].at > QUOTE_AGE_SECONDS_MAX * SECOND

    def _make(self, step: Step, book: CycleBook, work: Work, move: Move) -> None:
        self._counted_cash = None
        if isinstance(move, Submit):
            not_after = self._not_after(step.at, book, move.request)
            step.record(OrderIntended(step.at, book.cycle_id, move.request, move.middle, not_after))
            step.ask(SubmitOrder(move.request, not_after))
        elif isinstance(move, Cancel):
            request = move.order.request
            step.record(CancelIntended(step.at, request.client_order_id))
            step.ask(CancelOrder(request.client_order_id, move.order.broker_order_id))
        elif isinstance(move, End):
            step.record(TradeEnded(step.at, book.cycle_id, work.trade.symbol, work.filled, move.outcome))

    def _must_wait(self, request: OrderRequest) -> bool:
        """Whether doubt forbids the order for now: nothing opens on it, and no sale takes what may not be there."""
        state = self.state
        if request.side is Side.SELL:
            return state.sellable(request.symbol) <= 0
        is_suspected = bool(state.suspects & {"", request.symbol})
        is_active = state.trading is TradingState.ACTIVE
        if state.gap_at is not None:
            probe("cycle.purchase_awaits_merge")
            return True
        return is_suspected or not is_active or bool(state.why_not_open(request.symbol))

    def _objection(self, at: Nanos, closes_at: Nanos) -> str:
        if not self.state.is_compared:
            return "the ledger was not compared with the broker since the start"
        left = closes_at - at
        if left <= self.config.execution.market_seconds_before_close * SECOND:
            return f"only {max(left, 0) // MINUTE} minutes to the close are left"
        return ""

    def _refuse(self, step: Step, cycle_id: str, reasons: Sequence[str]) -> None:
        probe("cycle.refused")
        step.record(CycleRefused(step.at, cycle_id, tuple(reasons)))
        step.alert("error", f"cycle {cycle_id} refused: {'; '.join(reasons)}")

    def _wait_or_refuse(self, step: Step, reasons: tuple[str, ...], *, is_passing: bool) -> None:
        book = self.state.cycle
        if book is None:
            return
        again = step.at + MARKET_RETRY_SECONDS * SECOND
        deadline = book.closes_at - self.config.execution.market_seconds_before_close * SECOND
        if is_passing and again < deadline:
            probe("cycle.market_awaited")
            step.ask(SetTimer(again, f"retry:{book.cycle_id}"))
        else:
            self._refuse(step, book.cycle_id, reasons)

    def _take_step(self, step: Step, book: CycleBook, quotes: dict[Symbol, Quote]) -> None:
        reached = self.config.execution.step_at(book.walk_from, book.closes_at, step.at)
        if reached != book.step or quotes:
            step.record(CycleStepped(step.at, book.cycle_id, reached, quotes))

    def _read_market(self, step: Step, cycle_id: str, session_date: str) -> None:
        step.ask(ReadMarket(cycle_id, self.config.universe, self.config.sessions_needed, session_date))

    def _read_quotes(self, step: Step, book: CycleBook, works: Sequence[Work]) -> None:
        symbols = tuple(work.trade.symbol for work in works)
        step.ask(ReadQuotes(book.cycle_id, symbols))

    def _set_step_timers(self, step: Step, book: CycleBook) -> None:
        policy = self.config.execution
        for number in range(1, policy.walk_steps + 3):
            starts = policy.step_starts(number, book.walk_from, book.closes_at)
            if starts > step.at:
                step.ask(SetTimer(starts, f"step:{book.cycle_id}:{number}"))

    def _record_decision(self, step: Step, snapshot: MarketSnapshot, decision: Decision) -> None:
        at, cycle_id = step.at, decision.plan.cycle_id
        step.record(SnapshotTaken(at, cycle_id, dict(snapshot.quotes), histories_digest(snapshot.histories)))
        for signal in decision.signals:
            step.record(SignalFormed(at, cycle_id, signal))
        step.record(TargetSet(at, cycle_id, decision.target))
        step.record(PlanBuilt(at, cycle_id, decision.plan))
        for refused in decision.verdict.refused:
            step.record(TradeRefused(at, cycle_id, refused.trade, refused.code, refused.text))
        for approved in decision.verdict.approved:
            step.record(TradeApproved(at, cycle_id, approved.trade))

    def _portfolio(self, universe: Sequence[Symbol]) -> Portfolio:
        # Holdings outside the universe are somebody else's business: neither traded nor counted as ours to invest.
        held = self.state.ledger.shares()
        for symbol, frozen in self.state.frozen.items():
            # An exit takes no more than both sides say is there; nothing is bought here anyway.
            if symbol in held:
                held[symbol] = max(min(held[symbol], frozen.shares), ZERO)
        return Portfolio(
            self.state.ledger.cash, {symbol: held[symbol] for symbol in universe if held.get(symbol)}
        )

    def _risk_context(self, snapshot: MarketSnapshot, portfolio: Portfolio, account: Account) -> RiskContext:
        state, last = self.state, self.state.last_close
        return RiskContext(
            at=snapshot.at,
            state=state.trading,
            equity=account.equity,
            cash=self.free_cash(),
            shares=portfolio.shares,
            quotes=snapshot.quotes,
            day_profit=account.equity
            - (last.equity if last is not None else state.opening_equity)
            - state.paid_in,
            open_orders=len(state.live) + len(state.others),
            is_account_blocked=account.is_blocked,
            frozen=state.frozen_of(snapshot.symbols),
            sellable={symbol: state.sellable(symbol) for symbol in portfolio.shares},
            wanted_by_others={symbol: state.wanted_by_others(symbol) for symbol in snapshot.symbols},
        )
