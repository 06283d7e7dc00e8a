"""What the journal tells: its facts folded once more, in the exchange's integers, by none of the engine's code."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import msgspec

from the_alchemiser.domain import facts as told
from the_alchemiser.domain.facts import Fact
from the_alchemiser.domain.market import Quote
from the_alchemiser.domain.orders import OrderRequest
from the_alchemiser.simulation.judge.exact import cost_e13, fraction, money_e13, price_e4, shares_e9

ENDED = frozenset({"filled", "canceled", "expired", "rejected", "replaced", "abandoned", "denied", "unsent"})
BELIEVED = frozenset({"abandoned", "denied", "unsent"})
"""Ends that are a belief: the broker has not said so."""
LIVE = frozenset({"accepted", "new", "partially_filled", "pending_cancel"})
EXTERNAL = "external-"


class Interval(msgspec.Struct, frozen=True):
    """Booked shares of one order: (before, after] of its filled quantity, and what they cost."""

    before_e9: int
    after_e9: int
    cost_e13: int


class Intent(msgspec.Struct):
    """One order we said we would send, and everything the journal says of it since."""

    request: OrderRequest
    cycle_id: str
    at: int
    middle_e5: int
    qty_e9: int
    limit_e4: int | None
    status: str = "intended"
    reported_e9: int = 0
    booked: list[Interval] = []
    not_after: int = 0
    """From when on it is too late to send it; 0: never."""
    lacking_since: int = 0
    """Since when more shares are reported as filled than are booked; 0: they are not."""
    lost_at: int = 0
    """When the journal last said that no clear answer had come; 0: never."""
    returned_at: int = 0
    """When it was found to be open after it had been taken for ended; 0: it was not."""
    given_up_at: int = 0
    """When it was given up; 0: it was not."""

    @property
    def name(self) -> str:
        return self.request.client_order_id

    @property
    def symbol(self) -> str:
        return self.request.symbol

    @property
    def decision(self) -> tuple[str, str, str]:
        """What it is an order of: cycle, symbol and side."""
        return self.cycle_id, self.symbol, self.request.side.value

    @property
    def is_buy(self) -> bool:
        return self.request.side.value == "buy"

    @property
    def has_ended(self) -> bool:
        """Whether, by the journal, nothing more can come of it."""
        return self.status in ENDED and self.booked_e9 >= self.reported_e9

    @property
    def booked_e9(self) -> int:
        return sum(one.after_e9 - one.before_e9 for one in self.booked)


class Story:
    """Everything the durable facts say. `take` is told each of them once, in order."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.intents: dict[str, Intent] = {}
        self.live: dict[str, Intent] = {}
        """Intents that the journal does not know to have ended."""
        self.given_up: dict[str, Intent] = {}
        """Orders of this day that were given up and have not turned up."""
        self.cancels: set[str] = set()
        self.approved: dict[tuple[str, str, str], told.TradeApproved] = {}
        """Approved trades by cycle, symbol and side."""
        self.external: dict[str, list[Interval]] = {}
        """Booked executions of orders that were not ours, by the broker's order id."""
        self.cash_e13 = 0
        self.opening_equity_e13 = 0
        self.positions_e9: dict[str, int] = {}
        self.lots: dict[str, list[tuple[int, Fraction]]] = {}
        """Shares held, oldest first: how many (e9) and at which price (e4)."""
        self.realised_e13 = Fraction(0)
        self.account = ""
        self.opened_at = 0
        self.transferred_e13 = 0
        """Money that came or went without a trade."""
        self.cycles: dict[str, int] = {}
        """Sessions whose cycle began: how often."""
        self.closes_at: dict[str, int] = {}
        """When the session of a cycle ends."""
        self.closed: list[told.DayClosed] = []
        self.quotes: dict[str, Quote] = {}
        """The newest quote that a decision was told of, by symbol."""
        self.alerts: list[told.AlertRaised] = []
        self.alarming: list[tuple[int, str]] = []
        """What a person has to be told of and was not yet: when it was written, and what it is."""
        self.trading = "active"
        self.differences: tuple[str, ...] = ()
        """What ledger and broker differed in when they were compared last."""
        self.frozen: set[str] = set()
        """Symbols in which nothing is opened; empty text: in none."""
        self.others: dict[str, told.ExternalOrderSeen] = {}
        """Open orders of somebody else that are counted, by the broker's id."""

    def take(self, fact: Fact) -> None:
        """One more durable fact."""
        self.facts.append(fact)
        alarm = alarm_of(fact) or self._turned_up(fact)
        if alarm and not self._is_known(fact):
            self.alarming.append((fact.at, alarm))
        change = CHANGES.get(type(fact))
        if change is not None:
            change(self, fact)

    def _is_known(self, fact: Fact) -> bool:
        """Whether it was told of before: an order that is sent again is no news."""
        return type(fact) is told.OrderLost and self.intents[fact.client_order_id].status != "intended"

    def _turned_up(self, fact: Fact) -> str:
        """Whether it tells of an order that was taken for absent and is not."""
        if type(fact) is not told.OrderReported:
            return ""
        name, status = fact.report.client_order_id, fact.report.status.value
        believed = self.intents[name].status
        if believed not in BELIEVED or RANKS[status] <= RANKS["abandoned"]:
            return ""
        return f"{name}, {believed} before, is {status}"

    def intervals_of(self, client_order_id: str) -> list[Interval]:
        """What is booked of an order, ours or not."""
        intent = self.intents.get(client_order_id)
        if intent is not None:
            return intent.booked
        return self.external.setdefault(client_order_id.removeprefix(EXTERNAL), [])

    def _account_opened(self, fact: told.AccountOpened) -> None:
        self.account, self.opened_at = fact.number, fact.at
        self.cash_e13 = self.opening_equity_e13 = money_e13(fact.cash)
        for held in fact.holdings:
            shares = shares_e9(held.shares)
            cost = held.cost or held.shares * held.price
            # At cost, as the profits are told: what was gained on it before we came is realised when it is sold.
            self.opening_equity_e13 += money_e13(cost)
            if shares:
                self.positions_e9[held.symbol] = shares
                self.lots[held.symbol] = [(shares, fraction(cost) / fraction(held.shares) * 10_000)]

    def _order_intended(self, fact: told.OrderIntended) -> None:
        request = fact.request
        limit = None if request.limit_price is None else price_e4(request.limit_price)
        middle = int(fact.middle * 10**5)
        shares = shares_e9(request.shares)
        intent = Intent(request, fact.cycle_id, fact.at, middle, shares, limit, not_after=fact.not_after)
        self.intents[request.client_order_id] = self.live[request.client_order_id] = intent

    def _order_imported(self, fact: told.OrderImported) -> None:
        report = fact.report
        request = OrderRequest(report.client_order_id, report.symbol, report.side, report.shares)
        intent = Intent(request, fact.cycle_id, fact.at, 0, shares_e9(report.shares), None)
        self.intents[report.client_order_id] = self.live[report.client_order_id] = intent

    def _order_followed(self, fact: told.OrderFollowed) -> None:
        report, ancestor = fact.report, self.intents[fact.of]
        request = OrderRequest(report.client_order_id, report.symbol, report.side, report.shares)
        qty = shares_e9(report.shares)
        intent = Intent(request, fact.cycle_id, fact.at, ancestor.middle_e5, qty, None)
        self.intents[report.client_order_id] = self.live[report.client_order_id] = intent

    def _cancel_intended(self, fact: told.CancelIntended) -> None:
        self.cancels.add(fact.client_order_id)

    def _order_reported(self, fact: told.OrderReported) -> None:
        report = fact.report
        intent = self.intents[report.client_order_id]
        status = report.status.value
        # Among live words any may follow any: a cancel can be turned down.
        if RANKS[status] > RANKS[intent.status] or {status, intent.status} <= LIVE:
            intent.status = status
        self._watch(intent, fact.at)
        intent.reported_e9 = max(intent.reported_e9, shares_e9(report.filled))
        self._follow(intent, fact.at)

    def _watch(self, intent: Intent, at: int) -> None:
        """What was given up is watched until it turns up, or its day is over."""
        if intent.status == "abandoned":
            self.given_up[intent.name] = intent
            intent.given_up_at = intent.given_up_at or at
        elif self.given_up:
            self.given_up.pop(intent.name, None)

    def _order_lost(self, fact: told.OrderLost) -> None:
        intent = self.intents[fact.client_order_id]
        if intent.status == "intended":
            intent.status = "unknown"
        intent.lost_at = fact.at

    def _order_sent_again(self, fact: told.OrderSentAgain) -> None:
        self.intents[fact.client_order_id].lost_at = fact.at

    def _fill_booked(self, fact: told.FillBooked) -> None:
        fill = fact.fill
        before, after = shares_e9(fill.cum_before), shares_e9(fill.cum_after)
        shares = after - before
        cost = cost_e13(shares, fill.price)
        self.intervals_of(fill.client_order_id).append(Interval(before, after, cost))
        sign = 1 if fill.side.value == "buy" else -1
        self.cash_e13 -= sign * cost
        self._move(fill.symbol, sign * shares, fraction(fill.price) * 10_000)
        intent = self.intents.get(fill.client_order_id)
        if intent is not None:
            intent.reported_e9 = max(intent.reported_e9, after)
            self._follow(intent, fact.at)

    def _fill_corrected(self, fact: told.FillCorrected) -> None:
        fill = fact.fill
        shares = shares_e9(fill.cum_after) - shares_e9(fill.cum_before)
        change = cost_e13(shares, fill.price) - cost_e13(shares, fact.price_before)
        booked = self.intervals_of(fill.client_order_id)
        for number, one in enumerate(booked):
            if one.before_e9 <= shares_e9(fill.cum_before) and shares_e9(fill.cum_after) <= one.after_e9:
                booked[number] = Interval(one.before_e9, one.after_e9, one.cost_e13 + change)
        sign = 1 if fill.side.value == "buy" else -1
        self.cash_e13 -= sign * change
        self.realised_e13 -= sign * change

    def _activity_booked(self, fact: told.ActivityBooked) -> None:
        activity = fact.activity
        shares, price = shares_e9(activity.shares), price_e4(activity.price)
        self.cash_e13 += money_e13(activity.cash)
        kind = activity.kind.value
        if kind == "rename":
            self.positions_e9[activity.symbol] = self.positions_e9.pop(fact.former)
            self.lots[activity.symbol] = self.lots.pop(fact.former)
        elif kind == "split":
            self._restate(activity.symbol, shares)
        elif kind == "fraction":
            # The money for it is the price of a sale, already in cash.
            self._move(activity.symbol, shares, Fraction(-money_e13(activity.cash), shares))
        else:
            self.transferred_e13 += money_e13(activity.cash) + shares * price
            self._move(activity.symbol, shares, Fraction(price))

    def _restate(self, symbol: str, by_e9: int) -> None:
        """The same cost in another number of shares."""
        before, lots = self.positions_e9[symbol], self.lots[symbol]
        after = before + by_e9
        cost = sum(shares * price for shares, price in lots)
        self.positions_e9[symbol], self.lots[symbol] = after, [(after, Fraction(cost) / after)]

    def _ledger_adjusted(self, fact: told.LedgerAdjusted) -> None:
        shares, price = shares_e9(fact.shares), price_e4(fact.price)
        self.cash_e13 += money_e13(fact.cash)
        self.transferred_e13 += money_e13(fact.cash) + shares * price
        self._move(fact.symbol, shares, Fraction(price))

    def _follow(self, intent: Intent, at: int) -> None:
        is_lacking = intent.reported_e9 > intent.booked_e9
        intent.lacking_since = (intent.lacking_since or at) if is_lacking else 0
        if intent.has_ended:
            self.live.pop(intent.name, None)
            intent.returned_at = 0
        elif intent.name not in self.live:
            self.live[intent.name] = intent
            intent.returned_at = at

    def _move(self, symbol: str, by_e9: int, price: Fraction) -> None:
        if not by_e9:
            return
        held = self.positions_e9.get(symbol, 0) + by_e9
        if held:
            self.positions_e9[symbol] = held
        else:
            self.positions_e9.pop(symbol, None)
        lots = self.lots.setdefault(symbol, [])
        while by_e9 and lots and lots[0][0] * by_e9 < 0:
            by_e9 = self._close_oldest(lots, by_e9, price)
        if by_e9:
            lots.append((by_e9, price))  # Owed, where a sale is told before its buy.

    def _close_oldest(self, lots: list[tuple[int, Fraction]], by_e9: int, price: Fraction) -> int:
        """Set shares against the oldest ones of the other sign; how many are left of them."""
        shares, cost = lots.pop(0)
        closed = min(shares, -by_e9) if shares > 0 else max(shares, -by_e9)
        self.realised_e13 += closed * (price - cost)
        if shares != closed:
            lots.insert(0, (shares - closed, cost))
        return by_e9 + closed

    def _trade_approved(self, fact: told.TradeApproved) -> None:
        self.approved[fact.cycle_id, fact.trade.symbol, fact.trade.side.value] = fact

    def _cycle_started(self, fact: told.CycleStarted) -> None:
        self.cycles[fact.session] = self.cycles.get(fact.session, 0) + 1
        self.closes_at[fact.cycle_id] = fact.closes_at

    def _trading_state_changed(self, fact: told.TradingStateChanged) -> None:
        self.trading = fact.state.value

    def _reconciled(self, fact: told.Reconciled) -> None:
        self.differences = fact.differences

    def _symbol_frozen(self, fact: told.SymbolFrozen) -> None:
        self.frozen.add(fact.symbol)

    def _symbol_released(self, fact: told.SymbolReleased) -> None:
        self.frozen.discard(fact.symbol)

    def _external_order_seen(self, fact: told.ExternalOrderSeen) -> None:
        if fact.report.status.value in ENDED:
            self.others.pop(fact.report.broker_order_id, None)
        else:
            self.others[fact.report.broker_order_id] = fact

    def _saw_quotes(self, fact: told.SnapshotTaken | told.CycleStepped) -> None:
        self.quotes.update(fact.quotes)

    def _day_closed(self, fact: told.DayClosed) -> None:
        self.closed.append(fact)
        self.given_up.clear()

    def _alert_raised(self, fact: told.AlertRaised) -> None:
        self.alerts.append(fact)


def alarm_of(fact: Fact) -> str:
    """What makes a fact one that a person must be told of; empty for one that need not be."""
    match fact:
        case told.OrderLost():
            return f"{fact.client_order_id} got no clear answer"
        case told.OrderReported() if fact.report.status.value in ("abandoned", "denied"):
            return f"{fact.report.client_order_id} is {fact.report.status.value}"
        case told.SymbolFrozen():
            return f"{fact.symbol or 'cash'} was frozen"
        case told.TradingStateChanged() if fact.state.value != "active":
            return f"trading is {fact.state.value}"
        case told.FillBooked() if fact.fill.client_order_id.startswith(EXTERNAL):
            return f"somebody else traded {fact.fill.symbol}"
        case told.FillBooked() if fact.fill.source.value == "synthetic":
            return f"a fill of {fact.fill.client_order_id} was reckoned"
        case told.FillCorrected() | told.LedgerAdjusted():
            return "the books were corrected"
        case told.CycleRefused():
            return f"cycle {fact.cycle_id} was refused"
    return ""


# An order moves up and never back; what is only our belief (unsent, denied, abandoned) gives way to any word of the
# broker. Whether it is new, part filled or about to be cancelled is one stage: a cancel can be turned down.
_ORDER_OF_STATES = (
    "intended unknown unsent denied abandoned accepted rejected expired canceled replaced filled"
)
RANKS = {name: rank for rank, name in enumerate(_ORDER_OF_STATES.split())}
RANKS |= dict.fromkeys(LIVE, RANKS["accepted"])

CHANGES: dict[type, Callable[[Story, Any], None]] = {
    told.AccountOpened: Story._account_opened,
    told.OrderIntended: Story._order_intended,
    told.OrderImported: Story._order_imported,
    told.OrderFollowed: Story._order_followed,
    told.CancelIntended: Story._cancel_intended,
    told.OrderReported: Story._order_reported,
    told.OrderLost: Story._order_lost,
    told.OrderSentAgain: Story._order_sent_again,
    told.FillBooked: Story._fill_booked,
    told.FillCorrected: Story._fill_corrected,
    told.ActivityBooked: Story._activity_booked,
    told.LedgerAdjusted: Story._ledger_adjusted,
    told.Reconciled: Story._reconciled,
    told.TradingStateChanged: Story._trading_state_changed,
    told.SymbolFrozen: Story._symbol_frozen,
    told.SymbolReleased: Story._symbol_released,
    told.ExternalOrderSeen: Story._external_order_seen,
    told.TradeApproved: Story._trade_approved,
    told.CycleStarted: Story._cycle_started,
    told.SnapshotTaken: Story._saw_quotes,
    told.CycleStepped: Story._saw_quotes,
    told.DayClosed: Story._day_closed,
    told.AlertRaised: Story._alert_raised,
}

EXPLAINING = frozenset(
    {
        told.CycleRefused,
        told.JournalRebuilt,
        told.SignalFormed,
        told.TargetSet,
        told.PlanBuilt,
        told.TradeRefused,
        told.TradeEnded,
        told.CycleFinished,
    }
)
"""Facts that move neither an order, nor a share, nor a cent: a test sees that every other fact is taken in above."""
