"""Rare branches say that they were reached, so that a green simulation can show that it went there.

Outside a simulation nobody listens and a probe costs one comparison. A gate's run counts every name and fails when one
of `PROBES` was reached too seldom: what was never reached was never tested.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str], None]

_listeners: list[Listener] = []


def probe(name: str) -> None:
    """Say that this branch was taken. `name` is one of the registry below, a literal where it is called."""
    if _listeners:
        for listener in _listeners:
            listener(name)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell `listener` every probe that is reached inside the block."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count by name the probes reached inside the block."""
    counts: Counter[str] = Counter()

    def count(name: str) -> None:
        counts[name] += 1

    with listening(count):
        yield counts


# The registry: MODULE.WHAT_HAPPENED, one a line and sorted, so that two changes beside each other merge by themselves.
# A test holds it against the sources both ways.

IN_THE_CORE = frozenset(
    {
        "arrival.absent_order_lives",
        "arrival.cancel_asked_again",
        "arrival.cancel_waits_for_a_name",
        "arrival.order_given_up",
        "arrival.order_held_back",
        "arrival.order_never_sent",
        "arrival.order_sent_again",
        "arrival.repeat_refused",
        "cycle.decision_resumed",
        "cycle.exit_clipped",
        "cycle.market_awaited",
        "cycle.order_waits_for_the_other_side",
        "cycle.purchase_awaits_agreement",
        "cycle.purchase_awaits_merge",
        "cycle.quote_too_old",
        "cycle.refused",
        "cycle.session_over",
        "cycle.trading_resumed",
        "engine.books_stay_open",
        "engine.cancel_denied",
        "execution.no_cash_left",
        "execution.purchase_awaits_cash",
        "execution.purchase_made_smaller",
        "inquiry.read_is_under_way",
        "execution.successor_awaited",
        "kinship.both_exits_filled",
        "kinship.order_followed",
        "kinship.same_request_taken_twice",
        "others.order_adopted",
        "others.order_vanished",
        "perform.answer_about_another_order",
        "perform.order_left_unread",
        "perform.refusal_not_looked_up",
        "reconciliation.activity_booked",
        "reconciliation.differs_each_time",
        "reconciliation.doubted_order_unread",
        "reconciliation.frozen",
        "reconciliation.poll_escalated",
        "reconciliation.released",
        "settlement.execution_awaits_its_order",
        "settlement.external_trade_adopted",
        "settlement.fill_synthesised",
        "settlement.more_filled_than_asked",
        "settlement.price_disputed",
        "settlement.status_not_known",
        "settlement.told_of_another_order",
        "stance.active_again",
        "stance.reducing",
        "state.doubted_symbol_stays_closed",
    }
)
"""Reached by engine, order manager, ledger, journal and core link: the gate's seeds must reach each of them."""

IN_THE_SHELL = frozenset(
    {
        "alpaca_stream.garbled",
        "alpaca_stream.suspected",
        "ear.order_never_told",
        "ratebudget.waited",
        "reconnecting.heard_again",
        "websocket.half_open",
    }
)
"""Only the live driver, the adapter or the stream client have these branches: the shell's seeds must reach them."""

IN_PROCESSES = frozenset(
    {
        "anchor.not_written",
        "anchor.unreadable",
        "cycle.entry_paced",
        "ear.full",
        "engine.careful_start",
        "handlers.resting",
        "journal.append_repeated",
        "leasing.lost",
        "leasing.not_given_back",
        "leasing.read_again_before_sending",
        "leasing.waited_for_expiry",
        "live.lease_not_renewed",
        "market_feed.mute",
        "market_stream.partly_accepted",
        "market_stream.too_slow",
        "patience.store_unavailable",
        "ratebudget.exceeded_for_safety",
        "recovery.cycle_closed",
        "recovery.order_imported",
        "session.writer_ended",
        "salvage.first_page_replaced",
        "starts.crash_loop",
        "websocket.reading_paused",
    }
)
"""Real disks, databases and processes only: tests of their own reach these, no seed can."""

PROBES = IN_THE_CORE | IN_THE_SHELL | IN_PROCESSES
