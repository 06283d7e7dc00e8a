"""Do the books say what happened? I-FILL, I-POS, I-CASH, I-EXT, I-AUD, I-DAY."""

from __future__ import annotations

from collections.abc import Mapping

from the_alchemiser.domain.facts import AccountOpened, CycleStarted, DayClosed, FillBooked, TradeEnded
from the_alchemiser.exchange.venue.orders import Order
from the_alchemiser.simulation.judge.case import CHECKS, REST, STEP, Case, Texts
from the_alchemiser.simulation.judge.exact import (
    CENT_E13,
    FINEST_E13,
    cost_e13,
    fraction,
    money_e13,
    price_e4,
    shares_e9,
)
from the_alchemiser.simulation.judge.story import EXTERNAL, RANKS


@CHECKS.on(FillBooked, "I-FILL")
def booked_as_executed(case: Case, fact: FillBooked) -> Texts:
    """I-FILL: a booked interval is new, lies inside what the broker filled, and cost what the broker says."""
    fill = fact.fill
    before, after = shares_e9(fill.cum_before), shares_e9(fill.cum_after)
    name = fill.client_order_id
    if not 0 <= before < after:
        yield f"{name}: ({before}, {after}] is no interval"
    for other in case.story.intervals_of(name):
        if before < other.after_e9 and other.before_e9 < after:
            yield f"{name}: ({before}, {after}] was booked already"
    order_id = _order_id(case, name)
    filled = case.record.filled_e9(order_id)
    if after > filled:
        yield f"{name}: booked up to {after}, the broker filled {filled}"
    elif fill.source.value != "synthetic":
        cost = cost_e13(after - before, fill.price)
        if cost != (told := case.record.cost_e13(order_id, before, after)):
            yield f"{name}: ({before}, {after}] booked at {cost} (e13), executed at {told}"


def _order_id(case: Case, name: str) -> str:
    if name.startswith(EXTERNAL):
        return name.removeprefix(EXTERNAL)
    orders = case.record.named.get(name, ())
    return orders[0].id if orders else ""


@CHECKS.on(TradeEnded, "I-FILL")
def an_end_tells_the_truth(case: Case, fact: TradeEnded) -> Texts:
    """I-FILL: a trade ends with the shares that were booked for it, and as filled only with all that were approved."""
    orders = [
        intent
        for intent in case.story.intents.values()
        if (intent.cycle_id, intent.symbol) == (fact.cycle_id, fact.symbol)
    ]
    booked, ended = sum(intent.booked_e9 for intent in orders), shares_e9(fact.filled)
    if booked != ended:
        yield f"{fact.symbol}: the trade ended with {ended} shares (e9), {booked} are booked"
    for intent in orders[:1]:
        wanted = shares_e9(case.story.approved[intent.decision].trade.shares)
        if fact.outcome == "filled" and ended < wanted:
            yield f"{fact.symbol}: the trade ended as filled with {ended} of {wanted} shares (e9)"


@CHECKS.on(REST, "I-FILL")
def everything_executed_is_booked(case: Case) -> Texts:
    """I-FILL: at rest the booked intervals cover all that was executed since the account was opened."""
    for order_id, fills in case.record.filled.items():
        order = case.record.orders[order_id]
        name = order.client_order_id if order.client_order_id in case.story.intents else EXTERNAL + order_id
        booked = case.story.intervals_of(name)
        told = [fill for fill in fills if fill.at > case.story.opened_at]
        shares, filled = (
            sum(one.after_e9 - one.before_e9 for one in booked),
            sum(fill.qty_e9 for fill in told),
        )
        if shares != filled:
            yield f"{name}: {shares} shares (e9) booked, {filled} filled"
        cost, paid = sum(one.cost_e13 for one in booked), sum(fill.qty_e9 * fill.price_e4 for fill in told)
        if abs(cost - paid) >= CENT_E13:
            yield f"{name}: booked at {cost} (e13), executed at {paid}"


@CHECKS.on(STEP, "I-FILL")
def no_order_goes_back(case: Case) -> Texts:
    """I-FILL: in no engine's memory does an order's rank or filled quantity fall, or exceed the broker's."""
    for machine, glance in case.glances.items():
        earlier = case.earlier.get(machine)
        for name, (status, reported, booked) in glance.orders.items():
            filled = sum(case.record.filled_e9(order.id) for order in case.record.named.get(name, ()))
            if max(reported, booked) > filled:
                yield f"{machine} takes {name} for filled by {max(reported, booked)}, the broker filled {filled}"
            if earlier is not None and name in earlier.orders:
                yield from _went_back(machine, name, earlier.orders[name], (status, reported, booked))


def _went_back(machine: str, name: str, was: tuple[str, int, int], now: tuple[str, int, int]) -> Texts:
    if RANKS[now[0]] < RANKS[was[0]] or now[1] < was[1] or now[2] < was[2]:
        yield f"{machine}: {name} went back from {was} to {now}"


@CHECKS.on(REST, "I-POS")
def everybody_holds_the_same(case: Case) -> Texts:
    """I-POS: at rest the journal's fills, every engine's ledger and the broker agree on each share."""
    told, record = case.story.positions_e9, case.record.positions_e9
    yield from _differences("the journal", told, "the broker", record)
    for machine, glance in case.glances.items():
        yield from _differences(machine, glance.positions_e9, "the journal", told)
    stated = {held.symbol: held.qty_e9 for held in case.record.source.positions()}
    yield from _differences("the broker's statement", stated, "its executions", record)


def _differences(one: str, ours: Mapping[str, int], other: str, theirs: Mapping[str, int]) -> Texts:
    for symbol in sorted({*ours, *theirs}):
        if ours.get(symbol, 0) != theirs.get(symbol, 0):
            yield f"{symbol}: {one} {ours.get(symbol, 0)}, {other} {theirs.get(symbol, 0)} (e9)"


@CHECKS.on(STEP, "I-CASH")
def every_cent_is_explained(case: Case) -> Texts:
    """I-CASH: opening cash plus every flow is the cash, in the exchange and in each engine's ledger."""
    if case.record.has_moved() and (stated := case.record.source.account().cash_e13) != case.record.cash_e13:
        yield f"the exchange states {stated} (e13), its flows make {case.record.cash_e13}"
    for machine, glance in case.glances.items():
        if abs(glance.cash_e13 - case.story.cash_e13) > FINEST_E13:
            yield f"{machine} has {glance.cash_e13} (e13), the journal's flows make {case.story.cash_e13}"
        if glance.positions_e9 != case.story.positions_e9:
            yield f"{machine} holds {glance.positions_e9} (e9), the journal's fills make {case.story.positions_e9}"


@CHECKS.on(REST, "I-CASH")
def both_sides_have_the_same_cash(case: Case) -> Texts:
    """I-CASH: at rest the ledger's cash is the broker's, to the cent."""
    if abs(case.story.cash_e13 - case.record.cash_e13) >= CENT_E13:
        yield f"the journal has {case.story.cash_e13} (e13), the broker {case.record.cash_e13}"


@CHECKS.on(DayClosed, "I-CASH")
def the_day_adds_up(case: Case, fact: DayClosed) -> Texts:
    """I-CASH: cash and marks make the equity; realised and unrealised profit are what the account has gained."""
    held, story = case.story.positions_e9, case.story
    marks = {symbol: price_e4(price) for symbol, price in fact.marks.items()}
    if not held.keys() <= marks.keys():
        yield f"{fact.session}: {sorted(held.keys() - marks.keys())} are held and not marked"
        return
    equity, cash = money_e13(fact.equity), money_e13(fact.cash)
    if abs(cash + sum(shares * marks[one] for one, shares in held.items()) - equity) >= CENT_E13:
        yield f"{fact.session}: cash and holdings do not make the equity of {fact.equity}"
    if abs(fraction(fact.realised) * 10**13 - story.realised_e13) >= CENT_E13:
        yield f"{fact.session}: realised {fact.realised}, the fills make {float(story.realised_e13) / 1e13:.4f}"
    gained = equity - story.opening_equity_e13 - story.transferred_e13
    if abs(money_e13(fact.realised) + money_e13(fact.unrealised) - gained) >= CENT_E13:
        yield f"{fact.session}: profits of {fact.realised} and {fact.unrealised}, the account gained {gained} (e13)"


@CHECKS.on(STEP, "I-EXT")
def what_others_did_is_known(case: Case) -> Texts:
    """I-EXT: a trade that was not ours is booked, or its symbol frozen, within a second of our seeing it."""
    for (order_id, after), seen in list(case.hearing.seen.items()):
        order = case.record.orders.get(order_id)
        fill = next((one for one in case.record.filled.get(order_id, ()) if one.cum_qty_e9 == after), None)
        is_booked = any(one.after_e9 == after for one in case.story.external.get(order_id, ()))
        if (
            order is None
            or fill is None
            or fill.at <= case.story.opened_at
            or is_booked
            or case.is_ours(order_id)
            or _may_be_ours(case, order)
        ):
            # What may be ours was not told as somebody else's: it is when it is told again, that doubt being over.
            case.hearing.seen.pop((order_id, after))
        elif _is_frozen(case, order.symbol):
            continue
        elif case.record.now - seen > case.rules.external:
            yield f"{order.symbol}: a trade of somebody else was seen at {seen} and is in no book"


def _may_be_ours(case: Case, order: Order) -> bool:
    """Whether an order of ours that nobody has answered for may be this one: then its worst case is counted already."""
    return any(
        (intent.symbol, intent.request.side.value) == (order.symbol, order.side)
        for intent in case.story.live.values()
        if intent.status in ("intended", "unknown")
    )


def _is_frozen(case: Case, symbol: str) -> bool:
    return bool({"", symbol} & case.story.frozen)


@CHECKS.on(STEP, "I-EXT")
def what_differs_is_frozen(case: Case) -> Texts:
    """I-EXT: what ledger and broker were found to differ in is frozen with the same facts."""
    if case.story.differences and not case.story.frozen:
        yield f"nothing is frozen, and yet: {'; '.join(case.story.differences)}"


@CHECKS.on(STEP, "I-EXT")
def what_others_want_is_counted(case: Case) -> Texts:
    """I-EXT: an open order of somebody else is in the risk totals within a second of our seeing it."""
    for order_id, seen in list(case.hearing.seen_orders.items()):
        is_known = order_id in case.story.others or not case.story.account
        if is_known or not case.record.is_open(order_id) or case.is_ours(order_id):
            case.hearing.seen_orders.pop(order_id)
        elif case.record.now - seen > case.rules.external:
            yield f"{case.record.orders[order_id].symbol}: somebody else's order was seen at {seen} and is not counted"


@CHECKS.on(DayClosed, "I-DAY")
def a_day_ends_once(case: Case, fact: DayClosed) -> Texts:
    """I-DAY: each session is closed once, in order, after its end."""
    earlier = [closed.session for closed in case.story.closed]
    if earlier and fact.session <= max(earlier):
        yield f"{fact.session} was closed after {max(earlier)}"
    session = case.sessions.get(fact.session)
    if case.sessions and (session is None or fact.at < session.close):
        yield f"{fact.session} was closed at {fact.at}, before its end"


@CHECKS.on(CycleStarted, "I-DAY")
def a_day_begins_once(case: Case, fact: CycleStarted) -> Texts:
    """I-DAY: one cycle for each session."""
    if fact.session in case.story.cycles:
        yield f"a second cycle for {fact.session}"


@CHECKS.on(AccountOpened, "I-DAY")
def the_baseline_is_set_once(case: Case, fact: AccountOpened) -> Texts:
    """I-DAY: the balance that profit and loss are counted from is stated once."""
    if case.story.account:
        yield f"the account was opened a second time, as {fact.number}"
