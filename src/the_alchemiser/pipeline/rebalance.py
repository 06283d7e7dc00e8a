"""Which trades turn what we hold into what we want? Sells first; buys never need cash that is not there or coming."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from the_alchemiser.domain.intent import PlannedTrade, RebalancePlan, TargetPortfolio
from the_alchemiser.domain.market import Asset, Quote, Symbol
from the_alchemiser.domain.money import (
    FRACTION,
    ONE,
    WHOLE_SHARE,
    ZERO,
    Dollars,
    Shares,
    Side,
    Weight,
    decimal,
    floor_to_lot,
    ratio,
)
from the_alchemiser.domain.portfolio import Portfolio


class RebalancePolicy(msgspec.Struct, frozen=True):
    """How finely and how fully to trade."""

    cash_buffer: Weight = decimal("0.02")
    """The part of equity that stays in cash, so that a price move while we trade cannot overdraw it."""
    dust: Dollars = decimal(100)
    """Differences smaller than this are left alone: they cost more than they matter."""
    fractional: bool = False
    """Whether fractions of a share are traded where the asset allows it."""


def build_rebalance_plan(
    cycle_id: str,
    target: TargetPortfolio,
    portfolio: Portfolio,
    quotes: Mapping[Symbol, Quote],
    assets: Mapping[Symbol, Asset],
    policy: RebalancePolicy,
) -> RebalancePlan:
    """The trades from `portfolio` to `target` at these quotes.

    Holding 100,000 dollars and nothing else, a target of half AAPL quoted 99.98 / 100.02 and a buffer of two percent
    plans to buy floor(0.5 x 98,000 / 100) = 490 shares.
    """
    equity = portfolio.equity({symbol: quote.middle for symbol, quote in quotes.items()})
    investable = equity * (ONE - policy.cash_buffer)
    trades, dust = [], []
    for symbol in sorted(set(target.weights) | set(portfolio.shares)):
        quote, lot = quotes[symbol], _lot(assets.get(symbol), policy)
        wanted = floor_to_lot(target.weights.get(symbol, ZERO) * investable / quote.middle, lot)
        difference = _difference(portfolio.shares.get(symbol, ZERO), wanted, lot)
        if not difference:
            continue
        # A position nobody wants any more is closed to the last fraction, however small it is.
        if abs(difference) * quote.middle < policy.dust and wanted:
            dust.append(symbol)
        else:
            trades.append(_trade(quote, difference))
    ordered = _within_cash(_sells_first(trades), portfolio.cash, quotes, assets, policy)
    return _plan(cycle_id, equity, ordered, tuple(dust))


def _difference(held: Shares, wanted: Shares, lot: Shares) -> Shares:
    """What to trade, signed and in whole lots: only a position that is closed gives up its odd fraction too."""
    difference = wanted - held
    if not wanted:
        return difference
    lots = floor_to_lot(abs(difference), lot)
    return lots if difference > 0 else -lots


def _lot(asset: Asset | None, policy: RebalancePolicy) -> Shares:
    return FRACTION if policy.fractional and asset is not None and asset.fractionable else WHOLE_SHARE


def _trade(quote: Quote, difference: Shares) -> PlannedTrade:
    side = Side.BUY if difference > 0 else Side.SELL
    far = quote.ask if side is Side.BUY else quote.bid
    return PlannedTrade(quote.symbol, side, abs(difference), quote.middle, far)


def _sells_first(trades: list[PlannedTrade]) -> list[PlannedTrade]:
    return sorted(trades, key=lambda trade: (trade.side is Side.BUY, -trade.notional, trade.symbol))


def _within_cash(
    trades: list[PlannedTrade],
    cash: Dollars,
    quotes: Mapping[Symbol, Quote],
    assets: Mapping[Symbol, Asset],
    policy: RebalancePolicy,
) -> list[PlannedTrade]:
    """The same trades with buys cut, smallest last, to what cash and the sells' proceeds at the bid can pay."""
    left = cash + sum((t.shares * t.far_price for t in trades if t.side is Side.SELL), ZERO)
    kept = []
    for trade in trades:
        if trade.side is Side.BUY:
            lot = _lot(assets.get(trade.symbol), policy)
            affordable = min(trade.shares, floor_to_lot(max(left, ZERO) / trade.far_price, lot))
            left -= affordable * trade.far_price
            if not affordable:
                continue
            kept.append(msgspec.structs.replace(trade, shares=affordable))
        else:
            kept.append(trade)
    return kept


def _plan(
    cycle_id: str, equity: Dollars, trades: list[PlannedTrade], dust: tuple[Symbol, ...]
) -> RebalancePlan:
    notional = sum((trade.notional for trade in trades), ZERO)
    spread = sum((trade.shares * abs(trade.far_price - trade.arrival_price) for trade in trades), ZERO)
    return RebalancePlan(cycle_id, equity, tuple(trades), ratio(notional, equity), spread, dust)
