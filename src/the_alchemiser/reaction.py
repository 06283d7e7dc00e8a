"""Strategies that answer every bar. A bar that changes nobody's mind costs a look-up and the strategy's own call."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from the_alchemiser.cycle import CycleConfig
from the_alchemiser.domain.effects import SubmitOrder
from the_alchemiser.domain.facts import OrderIntended, SignalFormed, TradeApproved, TradeRefused
from the_alchemiser.domain.instants import SECOND
from the_alchemiser.domain.intent import PlannedTrade, RebalancePlan, Signal
from the_alchemiser.domain.market import Bar, Quote, Symbol
from the_alchemiser.domain.money import (
    ONE,
    WHOLE_SHARE,
    ZERO,
    Dollars,
    Price,
    Shares,
    Side,
    Weight,
    floor_to_lot,
    from_measurement,
)
from the_alchemiser.domain.orders import OrderRequest, client_order_id
from the_alchemiser.pipeline.risk import RiskContext, RiskManager
from the_alchemiser.ports import BarStrategy
from the_alchemiser.state import EngineState
from the_alchemiser.step import NOTHING, Step, StepResult

NAME_LENGTH_MAX = 12
"""How much of a strategy's name goes into its order ids."""


class _Seen(msgspec.Struct, frozen=True, gc=False):
    """What one decision looks at."""

    symbol: Symbol
    price: Price
    held: Shares
    equity: Dollars


class Reactions:
    """Turns a bar strategy's new weight into a market order, through the same risk checks as everything else."""

    def __init__(self, strategies: Sequence[BarStrategy], config: CycleConfig, state: EngineState) -> None:
        self._listeners: dict[Symbol, list[BarStrategy]] = {}
        for strategy in strategies:
            for symbol in strategy.symbols:
                self._listeners.setdefault(symbol, []).append(strategy)
        self._investable: Weight = ONE - config.rebalance.cash_buffer
        self._risk = RiskManager(config.limits)
        self._state = state
        self._wanted: dict[Symbol, tuple[str, Weight]] = {}
        self._last_bars: dict[Symbol, Bar] = {}

    def on_bar(self, bar: Bar) -> StepResult:
        """Tell the bar to its strategies; act where one changed its mind and nothing is in flight."""
        listeners = self._listeners.get(bar.symbol)
        if listeners is None:
            return NOTHING
        self._last_bars[bar.symbol] = bar
        for strategy in listeners:
            weight = strategy.on_bar(bar)
            if weight is not None:
                self._wanted[bar.symbol] = (strategy.name, weight)
        return self._act(bar) if self._wanted else NOTHING

    def _act(self, bar: Bar) -> StepResult:
        state = self._state
        if bar.symbol not in self._wanted or any(
            order.request.symbol == bar.symbol for order in state.live.values()
        ):
            return NOTHING
        if bar.symbol in state.doubted:
            return NOTHING
        name, weight = self._wanted.pop(bar.symbol)
        step = Step(state, bar.end)
        seen = self._look(bar)
        trade = self._trade(seen, weight)
        if trade is not None:
            cycle_id = f"{name[:NAME_LENGTH_MAX]}-{bar.end // SECOND:x}"
            step.record(SignalFormed(step.at, cycle_id, Signal(name, step.at, {bar.symbol: weight})))
            self._send(step, cycle_id, trade, seen)
        return step

    def _look(self, bar: Bar) -> _Seen:
        """Price, holding and equity as this bar leaves them: measured once, used for size and limits alike."""
        ledger, price = self._state.ledger, from_measurement(bar.close)
        equity, held = ledger.cash, ZERO
        for symbol, position in ledger.positions.items():
            if symbol == bar.symbol:
                held = position.shares
                equity += held * price
            elif position.lots and symbol in self._last_bars:
                equity += position.shares * from_measurement(self._last_bars[symbol].close)
        return _Seen(bar.symbol, price, held, equity)

    def _trade(self, seen: _Seen, weight: Weight) -> PlannedTrade | None:
        wanted = floor_to_lot(weight * seen.equity * self._investable / seen.price, WHOLE_SHARE)
        difference = wanted - seen.held
        if not difference:
            return None
        side = Side.BUY if difference > 0 else Side.SELL
        return PlannedTrade(seen.symbol, side, abs(difference), seen.price, seen.price)

    def _send(self, step: Step, cycle_id: str, trade: PlannedTrade, seen: _Seen) -> None:
        plan = RebalancePlan(cycle_id, seen.equity, (trade,), ZERO, ZERO, ())
        verdict = self._risk.review(plan, self._context(step, seen))
        for refused in verdict.refused:
            step.record(TradeRefused(step.at, cycle_id, trade, refused.code, refused.text))
        for approved in verdict.approved:
            step.record(TradeApproved(step.at, cycle_id, approved.trade))
            name = client_order_id(cycle_id, trade.symbol, trade.side, 0)
            request = OrderRequest(name, trade.symbol, trade.side, trade.shares)
            step.record(OrderIntended(step.at, cycle_id, request, trade.arrival_price))
            step.ask(SubmitOrder(request))

    def _free_cash(self) -> Dollars:
        promised = self._state.promised_to_others
        return self._state.ledger.cash - promised if promised is not None else ZERO

    def _context(self, step: Step, seen: _Seen) -> RiskContext:
        state = self._state
        last = state.last_close
        return RiskContext(
            at=step.at,
            state=state.trading,
            equity=seen.equity,
            cash=self._free_cash(),
            shares={seen.symbol: seen.held},
            quotes={seen.symbol: Quote(seen.symbol, step.at, seen.price, seen.price)},
            day_profit=seen.equity
            - (last.equity if last is not None else state.opening_equity)
            - state.paid_in,
            open_orders=len(state.live) + len(state.others),
            orders_in_minute=state.orders_in_minute(step.at),
            frozen=state.frozen_of((seen.symbol,)),
            sellable={seen.symbol: state.sellable(seen.symbol)},
            wanted_by_others={seen.symbol: state.wanted_by_others(seen.symbol)},
        )
