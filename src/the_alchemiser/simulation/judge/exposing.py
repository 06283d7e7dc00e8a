"""Does any order risk more than it may? I-LIM, I-RES, I-CLOSE, I-STALE."""

from __future__ import annotations

from decimal import Decimal

from the_alchemiser.domain.facts import OrderIntended, OrderSentAgain, SnapshotTaken, TradeApproved
from the_alchemiser.exchange.venue.account import FillRecord
from the_alchemiser.simulation.judge.case import ARRIVAL, CHECKS, DEPARTURE, FILL, STEP, Case, Texts
from the_alchemiser.simulation.judge.exact import FINEST_E13, MILLION, MINUTE, price_e4, shares_e9
from the_alchemiser.simulation.judge.hearing import SUBMIT, Arrival, Departure
from the_alchemiser.simulation.judge.record import BUY, SELL
from the_alchemiser.simulation.judge.story import ENDED, Intent

BELIEVED = frozenset({"abandoned", "denied", "unsent", "replaced"})
_TICK = Decimal("0.0001")


@CHECKS.on(ARRIVAL, "I-LIM")
def no_order_over_its_limits(case: Case, arrival: Arrival) -> Texts:
    """I-LIM: an opening order is inside the limits of size, price, number and rate as it reaches the broker."""
    if arrival.kind != SUBMIT or arrival.client_order_id in case.record.named:
        return
    yield from _rate(case, arrival)
    if arrival.side != BUY:
        return
    yield from _count(case, arrival)
    if arrival.symbol in case.rules.restricted:
        yield f"{arrival.client_order_id} buys {arrival.symbol}, which is restricted"
    intent = case.story.intents.get(arrival.client_order_id)
    if intent is not None:
        yield from _notional(case, intent, arrival)


def _rate(case: Case, arrival: Arrival) -> Texts:
    minute = [
        other
        for other in case.hearing.recent(arrival.at - MINUTE)
        if other.kind == SUBMIT and other.machine == arrival.machine
    ]
    if len(minute) > case.rules.orders_per_minute_max:
        yield f"{len(minute)} orders of {arrival.machine} arrived within a minute"


def _count(case: Case, arrival: Arrival) -> Texts:
    ours = sum(case.is_ours(order_id) for order_id in case.record.open)
    if ours >= case.rules.open_orders_max:
        yield f"{arrival.client_order_id} comes beside {ours} open orders"


def _notional(case: Case, intent: Intent, arrival: Arrival) -> Texts:
    """At the price it was decided at; what the market did since is not the order's fault."""
    rules = case.rules
    decided_e14 = arrival.qty_e9 * intent.middle_e5
    if decided_e14 * MILLION > rules.order_notional_max_e13 * 10 * (MILLION + rules.price_collar_ppm):
        allowed = rules.order_notional_max_e13 / 1e13
        yield f"{intent.name} is of {decided_e14 / 1e14:.2f} dollars, {allowed:.2f} are allowed"
    if arrival.limit_e4 is not None:
        distance = abs(arrival.limit_e4 * 10 - intent.middle_e5)
        if distance * MILLION > intent.middle_e5 * rules.price_collar_ppm:
            yield f"{intent.name} is priced {arrival.limit_e4} (e4) at a market of {intent.middle_e5} (e5)"


@CHECKS.on(TradeApproved, "I-LIM")
def no_approval_over_the_limits(case: Case, fact: TradeApproved) -> Texts:
    """I-LIM: with this trade the position and all holdings stay inside their weights, by broker and journal both."""
    trade = fact.trade
    if trade.side.value != BUY or not case.story.positions_e9.keys() <= _marked(case).keys():
        return
    prices = _marked(case) | {trade.symbol: price_e4(trade.arrival_price.quantize(_TICK))}
    equity = case.story.cash_e13 + sum(held * prices[one] for one, held in case.story.positions_e9.items())
    bought = shares_e9(trade.shares) * prices[trade.symbol]
    after = _held_e9(case, trade.symbol) * prices[trade.symbol] + bought
    slack = MILLION + case.rules.price_collar_ppm
    if after * MILLION * MILLION > equity * case.rules.position_weight_max_ppm * slack:
        yield f"{trade.symbol} would be {after / equity:.1%} of equity"
    gross = bought + sum(_all_after_e9(case, fact.cycle_id, one) * price for one, price in prices.items())
    if gross * MILLION * MILLION > equity * case.rules.gross_exposure_max_ppm * slack:
        yield f"with {trade.symbol} holdings would be {gross / equity:.1%} of equity"


def _all_after_e9(case: Case, cycle_id: str, symbol: str) -> int:
    """What will be held of a symbol after the trades of a cycle that were approved so far."""
    held = _held_e9(case, symbol)
    for side, sign in (("buy", 1), ("sell", -1)):
        approved = case.story.approved.get((cycle_id, symbol, side))
        held += 0 if approved is None else sign * shares_e9(approved.trade.shares)
    return held


def _marked(case: Case) -> dict[str, int]:
    """The middles (e4, rounded) of the newest quotes a decision was told of."""
    return {
        symbol: price_e4(((quote.bid + quote.ask) / 2).quantize(_TICK))
        for symbol, quote in case.story.quotes.items()
    }


def _held_e9(case: Case, symbol: str) -> int:
    """The least of what broker and journal say is held: nobody can act on what he could not know."""
    return min(case.record.positions_e9.get(symbol, 0), case.story.positions_e9.get(symbol, 0))


@CHECKS.on(STEP, "I-RES")
def enough_is_kept_back(case: Case) -> Texts:
    """I-RES: every engine keeps back at least what its unfinished buys can cost; nothing where there are none."""
    story = case.story
    worst = sum(_worst_e13(case, intent) for intent in story.live.values())
    for machine, glance in case.glances.items():
        if (kept := glance.cash_e13 - glance.free_e13) < worst - FINEST_E13:
            yield f"{machine} keeps back {kept} (e13) for orders that may cost {worst}"
        if kept > FINEST_E13 and not story.live and not story.others:
            yield f"{machine} keeps back {kept} (e13) for no order"


def _worst_e13(case: Case, intent: Intent) -> int:
    if not intent.is_buy:
        return 0
    # Of an order that has ended only what it filled can still cost something: what was told and not booked.
    left = (intent.reported_e9 if intent.status in ENDED else intent.qty_e9) - intent.booked_e9
    if intent.limit_e4 is not None:
        return left * intent.limit_e4
    return left * intent.middle_e5 * (MILLION + case.rules.market_collar_ppm) // (10 * MILLION)


@CHECKS.on(STEP, "I-RES")
def nothing_is_released_while_it_lives(case: Case) -> Texts:
    """I-RES: what is open at the broker has not ended in our books (one taken for absent may turn up)."""
    for order in case.record.open.values():
        intent = case.story.intents.get(order.client_order_id)
        if intent is not None and intent.has_ended and intent.status not in BELIEVED:
            yield f"{intent.name} is {order.status} at the broker and {intent.status} here"


@CHECKS.on(FILL, "I-CLOSE")
def no_close_turns_a_position_over(case: Case, fill: FillRecord) -> Texts:
    """I-CLOSE: after an execution of a sale of ours nothing is owed that was not owed before."""
    held = case.record.positions_e9.get(fill.symbol, 0)
    if fill.side == SELL and held < 0 and case.is_ours(fill.order_id):
        yield f"{fill.client_order_id} sold {fill.qty_e9} {fill.symbol} (e9) and left {held}"


@CHECKS.on(OrderIntended, "I-LIM")
def nothing_opens_in_doubt(case: Case, fact: OrderIntended) -> Texts:
    """I-LIM: nothing is bought in a symbol on which ledger and broker disagree, nor while only exits may pass."""
    request, story = fact.request, case.story
    if request.side.value != BUY:
        return
    if {"", request.symbol} & story.frozen:
        yield f"{request.client_order_id} buys {request.symbol}, which is frozen"
    if story.trading != "active":
        yield f"{request.client_order_id} buys while trading is {story.trading}"


@CHECKS.on(DEPARTURE, "I-STALE")
def no_order_after_its_session(case: Case, departure: Departure) -> Texts:
    """I-STALE: an order leaves in the session it was decided in, and before it is too late by its intent."""
    name, now = departure.name, case.record.now
    intent = case.story.intents.get(name)
    if intent is None:
        return
    closes_at = case.story.closes_at.get(intent.cycle_id)
    if closes_at is not None and now >= closes_at:
        yield f"{name} left {(now - closes_at) / 1e9:.0f} s after its session ended"
    # Sent again in doubt, the same order is an old one: it is for its session, as its exit would be.
    if intent.status == "intended" and intent.not_after and now >= intent.not_after:
        yield f"{name} left {(now - intent.not_after) / 1e9:.0f} s after it was too late"


@CHECKS.on(OrderSentAgain, "I-STALE")
def no_repeat_after_its_session(case: Case, fact: OrderSentAgain) -> Texts:
    """I-STALE: what is looked for past the end of its session is not decided anew."""
    intent = case.story.intents.get(fact.client_order_id)
    closes_at = case.story.closes_at.get(intent.cycle_id, 0) if intent is not None else 0
    if closes_at and fact.at >= closes_at:
        yield f"{fact.client_order_id} is sent again {(fact.at - closes_at) / 1e9:.0f} s after its session ended"


@CHECKS.on(SnapshotTaken, "I-STALE")
def no_decision_on_bad_data(case: Case, fact: SnapshotTaken) -> Texts:
    """I-STALE: what a decision looks at is two-sided, not crossed and young."""
    for symbol, quote in fact.quotes.items():
        if not 0 < quote.bid <= quote.ask:
            yield f"{fact.cycle_id} was decided on {quote.bid} / {quote.ask} of {symbol}"
        if fact.at - quote.at > case.rules.quote_age:
            yield f"{fact.cycle_id} was decided on a quote of {symbol} {(fact.at - quote.at) / 1e9:.0f} s old"


@CHECKS.on(OrderIntended, "I-STALE")
def no_opening_on_bad_data(case: Case, fact: OrderIntended) -> Texts:
    """I-STALE: a purchase rests on a quote that is two-sided, not crossed and young, inside the session."""
    request = fact.request
    if request.side.value != BUY:
        return
    quote = case.story.quotes.get(request.symbol)
    if quote is None:
        yield f"{request.client_order_id} was decided without a quote"
        return
    if not 0 < quote.bid <= quote.ask:
        yield f"{request.client_order_id} was decided on {quote.bid} / {quote.ask}"
    if fact.at - quote.at > case.rules.quote_age:
        yield f"{request.client_order_id} was decided on a quote {(fact.at - quote.at) / 1e9:.0f} s old"
    if case.sessions and not any(one.open <= fact.at < one.close for one in case.sessions.values()):
        yield f"{request.client_order_id} was decided outside the session"
