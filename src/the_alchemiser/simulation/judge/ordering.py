"""Is every order sent once, from the journal, by whoever may send? I-ONE, I-JRN, I-EPOCH, I-UNK."""

from __future__ import annotations

from itertools import islice

from the_alchemiser.domain.facts import CancelIntended, OrderIntended, OrderReported, OrderSentAgain
from the_alchemiser.simulation.judge.case import ARRIVAL, CHECKS, COMMIT, DEPARTURE, REST, STEP, Case, Texts
from the_alchemiser.simulation.judge.exact import shares_e9
from the_alchemiser.simulation.judge.hearing import CANCEL, REPLACE, SUBMIT, Arrival, Departure
from the_alchemiser.simulation.judge.story import ENDED, Intent


@CHECKS.on(STEP, "I-ONE")
def one_order_per_intent(case: Case) -> Texts:
    """I-ONE: under one client order id the broker has one order, and each came from an intent of ours."""
    for name in case.hearing.fresh_names("one"):
        roots = [
            order for order in case.record.named.get(name, ()) if not order.replaces and not order.parent_id
        ]
        if len(roots) > 1:
            yield f"{name} is {len(roots)} orders at the broker"
        if roots and name not in case.story.intents:
            yield f"{name} is at the broker but no intent of ours"


@CHECKS.on(ARRIVAL, "I-ONE")
def one_order_per_decision(case: Case, arrival: Arrival) -> Texts:
    """I-ONE: whatever their names, the orders of one approved trade never come to more shares than were approved."""
    intent = case.story.intents.get(arrival.client_order_id)
    if arrival.kind != SUBMIT or intent is None or arrival.client_order_id in case.record.named:
        return  # A repeat of what the broker has already is refused there.
    approved = case.story.approved.get(intent.decision)
    if approved is None:
        yield f"{intent.name} belongs to no approved trade"
        return
    sent = arrival.qty_e9 + sum(_exposed_e9(case, other) for other in _siblings(case, intent))
    if sent > (limit := shares_e9(approved.trade.shares)):
        yield f"{intent.name} brings its trade to {sent} shares (e9), {limit} were approved"


@CHECKS.on(OrderIntended, "I-ONE")
def what_was_refused_is_not_repeated(case: Case, fact: OrderIntended) -> Texts:
    """I-ONE: of a trade of which the broker refused an order no other order is decided: it would be refused, too."""
    for other in case.story.intents.values():
        is_of_it = (other.cycle_id, other.symbol) == (fact.cycle_id, fact.request.symbol)
        if is_of_it and other.status in ("rejected", "denied"):
            yield f"{fact.request.client_order_id} follows {other.name}, which is {other.status}"


def _siblings(case: Case, intent: Intent) -> list[Intent]:
    """The other orders of the same approved trade."""
    return [
        other
        for other in case.story.intents.values()
        if other is not intent and other.decision == intent.decision
    ]


def _exposed_e9(case: Case, intent: Intent) -> int:
    """Shares of an order that were, or still can be, executed at the broker."""
    total = 0
    for order in case.record.named.get(intent.name, ()):
        open_e9 = (order.qty_e9 or 0) if case.record.is_open(order.id) else 0
        total += max(open_e9, case.record.filled_e9(order.id))
    return total


@CHECKS.on(ARRIVAL, "I-JRN")
def journal_before_send(case: Case, arrival: Arrival) -> Texts:
    """I-JRN: when a request arrives, what it asks for is durable already, and is what was written."""
    durable = list(islice(case.story.facts, arrival.durable))
    if arrival.kind == CANCEL:
        if not any(
            type(fact) is CancelIntended and fact.client_order_id == arrival.client_order_id
            for fact in durable
        ):
            yield f"the cancel of {arrival.client_order_id} was sent before it was written"
        return
    for fact in reversed(durable):
        if type(fact) is OrderIntended and fact.request.client_order_id == arrival.client_order_id:
            yield from _as_written(fact, arrival)
            return
    yield f"{arrival.client_order_id} was sent before it was written"


@CHECKS.on(DEPARTURE, "I-JRN")
def written_before_it_leaves(case: Case, departure: Departure) -> Texts:
    """I-JRN: an order is durable as it leaves, not only by the time it arrives."""
    if departure.is_submission and departure.name not in case.story.intents:
        yield f"{departure.name} left before it was written"


def _as_written(fact: OrderIntended, arrival: Arrival) -> Texts:
    request = fact.request
    written = (request.symbol, request.side.value, shares_e9(request.shares), request.type.value)
    sent = (arrival.symbol, arrival.side, arrival.qty_e9, arrival.type)
    if arrival.kind != REPLACE and written != sent:
        yield f"{arrival.client_order_id} was written as {written} and sent as {sent}"


@CHECKS.on(STEP, "I-JRN")
def the_broker_has_what_was_written(case: Case) -> Texts:
    """I-JRN: what the broker keeps under our name is what the journal says we asked for."""
    for name in case.hearing.fresh_names("written"):
        intent = case.story.intents.get(name)
        for order in case.record.named.get(name, ())[:1] if intent is not None else ():
            assert intent is not None
            written = (intent.symbol, intent.request.side.value, intent.qty_e9, intent.limit_e4)
            kept = (order.symbol, order.side, order.qty_e9, order.limit_price_e4)
            if written != kept:
                yield f"{name} was written as {written} and is {kept} at the broker"


@CHECKS.on(DEPARTURE, "I-EPOCH")
def no_send_by_a_stale_epoch(case: Case, departure: Departure) -> Texts:
    """I-EPOCH: nothing leaves under a lease that is not in force."""
    if departure.epoch != departure.in_force:
        yield f"{departure.name} left under epoch {departure.epoch}, {departure.in_force} was in force"


@CHECKS.on(COMMIT, "I-EPOCH")
def no_commit_by_a_stale_epoch(case: Case, epoch: int, in_force: int) -> Texts:
    """I-EPOCH: nothing becomes durable under a lease that is not in force."""
    if epoch != in_force:
        yield f"facts were written under epoch {epoch}, {in_force} was in force"


@CHECKS.on(OrderReported, "I-UNK")
def an_end_needs_evidence(case: Case, fact: OrderReported) -> Texts:
    """I-UNK: an order is given up only after its horizon and clean reads, and rejected only by the broker's word."""
    report = fact.report
    intent = case.story.intents.get(report.client_order_id)
    status = report.status.value
    if intent is None or intent.status in ENDED:
        return
    if status == "abandoned":
        yield from _given_up_with_reason(case, intent, fact.at)
    elif status in ("rejected", "denied") and not _was_refused(case, intent):
        yield f"{intent.name} was called {status} without the broker's word"


@CHECKS.on(OrderSentAgain, "I-UNK")
def a_repeat_needs_evidence(case: Case, fact: OrderSentAgain) -> Texts:
    """I-UNK: the same order is sent again only after its horizon, a look-up and clean lists."""
    intent = case.story.intents.get(fact.client_order_id)
    if intent is not None:
        yield from _given_up_with_reason(case, intent, fact.at)


def _was_refused(case: Case, intent: Intent) -> bool:
    """Whether the broker said no: in its answer, or in its record of the order."""
    orders = case.record.named.get(intent.name, ())
    return intent.name in case.hearing.denied or any(order.status == "rejected" for order in orders)


def _given_up_with_reason(case: Case, intent: Intent, at: int) -> Texts:
    since = max(intent.lost_at, intent.at)
    if at - since < case.rules.in_flight:
        yield f"{intent.name} was taken for absent {(at - since) / 1e9:.1f} s after it was sent"
    if not any(asked > since for asked in case.hearing.not_found.get(intent.name, ())):
        yield f"{intent.name} was taken for absent and never looked for"
    if sum(read > since for read in case.hearing.lists) < case.rules.clean_lists_min:
        yield f"{intent.name} was taken for absent after fewer than {case.rules.clean_lists_min} clean lists"


@CHECKS.on(REST, "I-UNK")
def every_order_is_settled(case: Case) -> Texts:
    """I-UNK: at rest no order waits for an answer."""
    for intent in case.story.live.values():
        if intent.status in ("intended", "unknown"):
            yield f"{intent.name} is still {intent.status}"
