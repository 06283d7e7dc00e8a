"""May this trade be sent? Every planned trade leaves here approved or refused with a stable reason code.

Nothing else in the system builds an `ApprovedTrade`, and nothing else can be executed. A trade that reduces a position
always passes; what opens or enlarges one must pass every check, and an absent price is a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from the_alchemiser.domain.instants import SECOND, Nanos
from the_alchemiser.domain.intent import (
    ApprovedTrade,
    PlannedTrade,
    RebalancePlan,
    RefusedTrade,
    RiskVerdict,
    TradingState,
)
from the_alchemiser.domain.market import Quote, Symbol
from the_alchemiser.domain.money import ZERO, Dollars, Shares, Side, Weight, decimal, plain, ratio


class RiskLimits(msgspec.Struct, frozen=True):
    """Every limit, with its unit and default. The settings page gives the reason of each."""

    order_notional_max: Dollars = decimal(25_000)
    position_weight_max: Weight = decimal("0.25")
    gross_exposure_max: Weight = decimal("1.0")
    open_orders_max: int = 50
    orders_per_minute_max: int = 60
    daily_loss_max: Dollars = decimal(2_000)
    quote_age_seconds_max: int = 120
    price_collar: Weight = decimal("0.05")
    """How far the price of a trade may lie from the middle of a fresh quote."""
    restricted: frozenset[Symbol] = frozenset()


class RiskContext(msgspec.Struct, frozen=True):
    """What the checks look at: holdings, fresh quotes, and how the day has gone."""

    at: Nanos
    state: TradingState
    equity: Dollars
    cash: Dollars
    shares: Mapping[Symbol, Shares]
    quotes: Mapping[Symbol, Quote]
    day_profit: Dollars
    open_orders: int = 0
    orders_in_minute: int = 0
    """Orders of the last minute, for who sends at once; a cycle spreads its orders over the minutes instead."""
    is_account_blocked: bool = False
    frozen: Mapping[Symbol, str] = {}
    """Where the books forbid opening, and why."""
    sellable: Mapping[Symbol, Shares] = {}
    """How much a sale may take where that is less than what is held: others may be selling, too."""
    wanted_by_others: Mapping[Symbol, Shares] = {}
    """Shares that open orders of others may still buy."""

    def to_sell(self, symbol: Symbol) -> Shares:
        """How many shares of a symbol a sale may take."""
        held = self.shares.get(symbol, ZERO)
        return min(held, self.sellable.get(symbol, held))


class _Tally:
    """What the trades approved so far would add up to: reviewing and reserving are one step."""

    def __init__(self, context: RiskContext) -> None:
        self.cash = context.cash
        self.orders = 0
        held = sum((abs(held) * _middle(context, symbol) for symbol, held in context.shares.items()), ZERO)
        wanted = context.wanted_by_others.items()
        self.gross = held + sum((shares * _middle(context, symbol) for symbol, shares in wanted), ZERO)

    def reserve(self, trade: PlannedTrade) -> None:
        self.orders += 1
        if trade.side is Side.BUY:
            self.cash -= trade.shares * trade.far_price
            self.gross += trade.notional
        else:
            self.cash += trade.shares * trade.far_price
            self.gross -= trade.notional


Check = Callable[[PlannedTrade, RiskContext, RiskLimits, _Tally], str]


class RiskManager:
    """The pre-trade checks. Deterministic: the same plan and context always get the same verdict."""

    def __init__(self, limits: RiskLimits) -> None:
        self.limits = limits

    def review(self, plan: RebalancePlan, context: RiskContext) -> RiskVerdict:
        """Each trade of the plan, in its order, either approved or refused."""
        tally, approved, refused = _Tally(context), [], []
        for trade in plan.trades:
            refusal = self._refusal(trade, context, tally)
            if refusal is None:
                tally.reserve(trade)
                approved.append(ApprovedTrade(trade))
            else:
                refused.append(refusal)
        return RiskVerdict(tuple(approved), tuple(refused))

    def _refusal(self, trade: PlannedTrade, context: RiskContext, tally: _Tally) -> RefusedTrade | None:
        if _reduces(trade, context):
            return None
        for code, check in _CHECKS:
            text = check(trade, context, self.limits, tally)
            if text:
                return RefusedTrade(trade, code, text)
        return None


def _reduces(trade: PlannedTrade, context: RiskContext) -> bool:
    return trade.side is Side.SELL and trade.shares <= context.to_sell(trade.symbol)


def _middle(context: RiskContext, symbol: Symbol) -> Dollars:
    quote = context.quotes.get(symbol)
    return quote.middle if quote is not None else ZERO


def _trading_state(trade: PlannedTrade, context: RiskContext, limits: RiskLimits, tally: _Tally) -> str:
    return (
        "" if context.state is TradingState.ACTIVE else f"trading is {context.state.value}; only exits pass"
    )


def _account(trade: PlannedTrade, context: RiskContext, limits: RiskLimits, tally: _Tally) -> str:
    return "the broker has blocked this account" if context.is_account_blocked else ""


def _frozen(trade: PlannedTrade, context: RiskContext, limits: RiskLimits, tally: _Tally) -> str:
    return context.frozen.get(trade.symbol, "")


def _daily_loss(trade: PlannedTrade, context: RiskContext, limits: RiskLimits, tally: _Tally) -> str:
    if context.day_profit > -limits.daily_loss_max:
        return ""
    return f"the day's loss of ${plain(-context.day_profit)} reached the limit of ${plain(limits.daily_loss_max)}"


def _restricted(trade: PlannedTrade, context: RiskContext, limits: RiskLimits, tally: _Tally) -> str:
    return f"{trade.symbol} is on the restricted list" if trade.symbol in limits.restricted else ""


def _short_sale(trade: PlannedTrade, context: RiskContext, limits: RiskLimits, tally: _Tally) -> str:
    if trade.side is Side.BUY:
        return ""
    return (
        f"would sell {plain(trade.shares)} but only {plain(context.to_sell(trade.symbol))} are free to sell"
        if context.to_sell(trade.symbol) < context.shares.get(trade.symbol, ZERO)
        else f"would sell {plain(trade.shares)} but only {plain(context.to_sell(trade.symbol))} are held"
    )


def _fresh_quote(trade: PlannedTrade, context: RiskContext, limits: RiskLimits, tally: _Tally) -> str:
    quote = context.quotes.get(trade.symbol)
    if quote is None or not quote.is_two_sided:
        return "no usable quote"
    age_seconds = (context.at - quote.at) // SECOND
    if age_seconds > limits.quote_age_seconds_max:
        return f"the quote is {age_seconds} s old"
    return ""


def _collar(trade: PlannedTrade, context: RiskContext, limits: RiskLimits, tally: _Tally) -> str:
    middle = _middle(context, trade.symbol)
    distance = ratio(abs(trade.far_price - middle), middle)
    return f"priced {distance:.2%} from the market" if distance > limits.price_collar else ""


def _order_notional(trade: PlannedTrade, context: RiskContext, limits: RiskLimits, tally: _Tally) -> str:
    if trade.notional <= limits.order_notional_max:
        return ""
    return f"${trade.notional:.2f} is over the limit of ${plain(limits.order_notional_max)} an order"


def _position_weight(trade: PlannedTrade, context: RiskContext, limits: RiskLimits, tally: _Tally) -> str:
    held = context.shares.get(trade.symbol, ZERO) + context.wanted_by_others.get(trade.symbol, ZERO)
    after = (held + trade.shares) * trade.arrival_price
    if after <= limits.position_weight_max * context.equity:
        return ""
    return f"{trade.symbol} would be {ratio(after, context.equity):.1%} of equity"


def _gross_exposure(trade: PlannedTrade, context: RiskContext, limits: RiskLimits, tally: _Tally) -> str:
    after = tally.gross + trade.notional
    if after <= limits.gross_exposure_max * context.equity:
        return ""
    return f"holdings would be {ratio(after, context.equity):.1%} of equity"


def _cash(trade: PlannedTrade, context: RiskContext, limits: RiskLimits, tally: _Tally) -> str:
    cost = trade.shares * trade.far_price
    return "" if cost <= tally.cash else f"costs ${cost:.2f} but ${tally.cash:.2f} would be left"


def _open_orders(trade: PlannedTrade, context: RiskContext, limits: RiskLimits, tally: _Tally) -> str:
    count = context.open_orders + tally.orders
    return f"{count} orders are open already" if count >= limits.open_orders_max else ""


def _order_rate(trade: PlannedTrade, context: RiskContext, limits: RiskLimits, tally: _Tally) -> str:
    count = context.orders_in_minute
    return f"{count} orders in this minute already" if count >= limits.orders_per_minute_max else ""


# In the order of severity: the first that objects gives the reason.
_CHECKS: tuple[tuple[str, Check], ...] = (
    ("trading_state", _trading_state),
    ("account_blocked", _account),
    ("frozen", _frozen),
    ("daily_loss", _daily_loss),
    ("restricted", _restricted),
    ("short_sale", _short_sale),
    ("no_fresh_quote", _fresh_quote),
    ("price_collar", _collar),
    ("order_notional", _order_notional),
    ("position_weight", _position_weight),
    ("gross_exposure", _gross_exposure),
    ("cash", _cash),
    ("open_orders", _open_orders),
    ("order_rate", _order_rate),
)
