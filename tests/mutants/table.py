"""The mutants: bugs that systems like this one have had, each in the smallest change that makes it.

A rule of the product that is worked on moves its mutant with it: the suite says where `old` no longer occurs.
"""

from __future__ import annotations

from .planting import Mutant

MUTANTS = (
    # Sending
    Mutant(
        "new_id_on_retry",
        "an order without an answer is sent again under a new id",
        "arrival.py",
        "step.ask(SubmitOrder(order.request, self._wanted_until(order)))",
        'step.ask(SubmitOrder(msgspec.structs.replace(order.request, client_order_id=f"{name}r")))',
    ),
    Mutant(
        "timeout_is_rejected",
        "no answer in time is taken for a refusal",
        "runtime/perform.py",
        "return OrderUnheard(self.now(), name, str(failure))",
        "return OrderDenied(self.now(), name, str(failure))",
    ),
    Mutant(
        "absent_at_once",
        "a look-up that finds nothing at once is proof that the order never arrived",
        "arrival.py",
        "if absence.not_found_at < horizon or absence.list_reads < CLEAN_READS_MIN or order.broker_order_id:",
        "if not absence.not_found_at or order.broker_order_id:",
    ),
    Mutant(
        "forgotten_at_restart",
        "what was under way when the process ended is not looked for",
        "settlement.py",
        "self.arrivals.search_again(step, known)",
        "pass",
    ),
    Mutant(
        "sent_for_ever",
        "yesterday's decision is sent again today",
        "arrival.py",
        "return cycle is not None and cycle.cycle_id == order.cycle_id and at < cycle.closes_at",
        "return True",
    ),
    Mutant(
        "id_without_revision",
        "the second order of a trade has the name of the first",
        "pipeline/execution.py",
        "name = client_order_id(cycle_id, trade.symbol, trade.side, len(work.orders))",
        "name = client_order_id(cycle_id, trade.symbol, trade.side, 0)",
    ),
    Mutant(
        "refused_is_repeated",
        "what the broker refused is sent again and again",
        "pipeline/execution.py",
        "            OrderStatus.REJECTED,\n",
        "",
    ),
    # Cancelling
    Mutant(
        "cancel_answered_is_canceled",
        "the answer to a cancel is taken for the end of the order",
        "state.py",
        "order.cancel_intended, order.cancel_asked_at = True, fact.at",
        "order.status = OrderStatus.CANCELED\n        self._track(order)",
    ),
    Mutant(
        "stuck_cancel_is_an_end",
        "an order that waits for its cancellation counts as ended",
        "domain/orders.py",
        "        OrderStatus.CANCELED,\n        OrderStatus.EXPIRED,\n",
        "        OrderStatus.CANCELED,\n        OrderStatus.PENDING_CANCEL,\n        OrderStatus.EXPIRED,\n",
    ),
    Mutant(
        "order_that_came_back_is_left",
        "an order that was given up and turns up lives on beside its successor",
        "settlement.py",
        "if before in ABSENT and order.status is not before:",
        "if False:",
    ),
    # Merging
    # Risk
    Mutant(
        "released_while_unknown",
        "an order without an answer keeps no cash back",
        "pipeline/execution.py",
        "if order.request.side is Side.SELL or order.is_done:",
        "if order.request.side is Side.SELL or order.is_done or order.status is OrderStatus.UNKNOWN:",
    ),
    Mutant(
        "cash_not_reserved",
        "cash promised to open orders is spent once more",
        "cycle.py",
        "left = self.state.ledger.cash - promised",
        "left = self.state.ledger.cash",
    ),
    Mutant(
        "quote_age_ignored",
        "orders are priced by quotes of any age",
        "cycle.py",
        "return at - book.quotes[symbol].at > QUOTE_AGE_SECONDS_MAX * SECOND",
        "return False",
    ),
    Mutant(
        "side_slip",
        "what should be sold is bought",
        "pipeline/execution.py",
        "return OrderRequest(name, trade.symbol, trade.side, shares, kind, limit_price=limit)",
        "return OrderRequest(name, trade.symbol, Side.BUY, shares, kind, limit_price=limit)",
    ),
    Mutant(
        "unit_slip",
        "shares are sent in another unit than they were decided in",
        "runtime/direct.py",
        "qty_e9=int(request.shares * QUANTITY),",
        "qty_e9=int(request.shares * QUANTITY * 10),",
    ),
    Mutant(
        "part_is_all",
        "a trade that is filled in part counts as filled",
        "pipeline/execution.py",
        "if work.remaining <= 0:",
        "if work.filled > 0:",
    ),
    Mutant(
        "whole_trade_again",
        "after a part was filled the whole trade is sent again",
        "pipeline/execution.py",
        "trade, shares = work.trade, work.remaining",
        "trade, shares = work.trade, work.trade.shares",
    ),
    # Books
    Mutant(
        "float_money",
        "the ledger's cash goes through a binary fraction",
        "pipeline/ledger.py",
        "self.cash += fill.amount",
        "self.cash += Dollars(float(fill.amount) * 1.0000001)",
    ),
    Mutant(
        "external_ignored",
        "trades of somebody else on our account are in no book",
        "settlement.py",
        '        """A trade somebody else made on our account: adopted, and told."""\n',
        '        """A trade somebody else made on our account: adopted, and told."""\n        return\n',
    ),
    Mutant(
        "executions_from_now",
        "executions are read from the last agreement on, without looking back",
        "state.py",
        "READ_OVERLAP_SECONDS = 60",
        "READ_OVERLAP_SECONDS = -60",
    ),
    Mutant(
        "utc_day_roll",
        "the day ends at midnight in Greenwich",
        "engine.py",
        "closes_at = max(session.close + SETTLE_SECONDS * SECOND, closes_from)",
        "closes_at = max((session.close // (86400 * SECOND) + 1) * 86400 * SECOND, closes_from)",
    ),
    Mutant(
        "day_closed_twice",
        "the books of a day are closed as often as somebody asks",
        "engine.py",
        "return self.state.last_close is not None and self.state.last_close.session >= date",
        "return False",
    ),
    Mutant(
        "cycle_twice",
        "a second start on one day begins its cycle again",
        "state.py",
        'self.ended_cycles[fact.cycle_id] = "finished"',
        "pass",
    ),
    # Following the broker
    Mutant(
        "reconnect_without_read",
        "what a broken stream missed is not read",
        "engine.py",
        "def _stream_restored(self, step: Step, event: StreamRestored) -> None:\n        self",
        "def _stream_restored(self, step: Step, event: StreamRestored) -> None:\n        return\n        self",
    ),
    Mutant(
        "freeze_ignored",
        "a ledger that disagrees with the broker goes on buying",
        "state.py",
        'frozen = self.frozen.get("") or self.frozen.get(symbol)',
        "frozen = None",
    ),
    Mutant(
        "freeze_missing",
        "a difference is told to a person, and nothing is frozen",
        "reconciliation.py",
        "step.record(SymbolFrozen(step.at, symbol, first.text, cause, held + first.shares))",
        "pass",
    ),
    Mutant(
        "doubt_ignored",
        "a lost stream stops nobody from buying",
        "cycle.py",
        "is_active = state.trading is TradingState.ACTIVE",
        "is_active = True",
    ),
    Mutant(
        "replay_skips_last",
        "the last fact of the journal is not replayed",
        "engine.py",
        "        for fact in history:\n",
        "        for fact in tuple(history)[:-1]:\n",
    ),
    Mutant(
        "reads_without_watch",
        "orders given up are never asked for again",
        "state.py",
        "watch = (*ours, *absent, *(",
        "watch = (*ours, *(",
    ),
    # Two engines
    Mutant(
        "commit_without_epoch",
        "an engine that has lost the lease goes on writing",
        "store/memory.py",
        "    def _require_epoch(self) -> None:\n",
        "    def _require_epoch(self) -> None:\n        return\n",
    ),
    Mutant(
        "send_without_lease",
        "an engine that has lost the lease goes on sending",
        "runtime/perform.py",
        "            self._lease.check()",
        "            pass",
    ),
    # What is told twice, late or of something else
    Mutant(
        "older_word_counts",
        "a report that comes late takes an order back to where it was",
        "domain/orders.py",
        "            return _STAGE[told] > _STAGE[ours]",
        "            return True",
    ),
    Mutant(
        "record_not_booked",
        "only the stream's executions are booked",
        "reconciliation.py",
        'self._settlement.book(step, execution, self.state.names.get(execution.broker_order_id, ""))',
        "pass",
    ),
    Mutant(
        "next_before_the_last_fill",
        "the rest of a canceled order is sent before its last fill is booked",
        "domain/orders.py",
        "return self.status in DONE and self.booked >= self.reported_filled",
        "return self.status in DONE",
    ),
    Mutant(
        "empty_list_is_flat",
        "the account is opened with however many positions an answer happens to list",
        "reconciliation.py",
        "if value is not None and abs(value - stated) > max(ONE, OPENING_TOLERANCE * abs(value)):",
        "if False:",
    ),
    Mutant(
        "orders_of_others_ignored",
        "open orders of somebody else are not counted",
        "others.py",
        "        name = report.broker_order_id\n        known",
        "        return False\n        name = report.broker_order_id\n        known",
    ),
    Mutant(
        "cancel_not_written",
        "a cancel is sent that the journal does not know of",
        "cycle.py",
        "step.record(CancelIntended(step.at, request.client_order_id))",
        "pass",
    ),
    Mutant(
        "sent_too_late",
        "an order that had to wait is sent however late it is",
        "runtime/perform.py",
        "if effect.not_after and self.now() >= effect.not_after:",
        "if False:",
    ),
    Mutant(
        "reserved_at_the_middle",
        "an order keeps back what it would cost at the middle, not at its limit",
        "pipeline/execution.py",
        "each = order.request.limit_price or order.middle * (1 + self.policy.market_collar)",
        "each = order.middle",
    ),
    Mutant(
        "nobody_is_told",
        "an order without an answer is looked for in silence",
        "arrival.py",
        'step.alert("warning", f"no clear answer for order {name}: {reason}")',
        "pass",
    ),
    Mutant(
        "size_slip",
        "an order is written with one share more than was approved",
        "pipeline/execution.py",
        "return OrderRequest(name, trade.symbol, trade.side, shares, kind, limit_price=limit)",
        "return OrderRequest(name, trade.symbol, trade.side, shares + 1, kind, limit_price=limit)",
    ),
    Mutant(
        "symbol_slip",
        "an order is sent for the symbol of the one before it",
        "runtime/direct.py",
        "        symbol=request.symbol,\n        side=request.side.value,",
        "        symbol=_in_units.__dict__.setdefault('first', request.symbol),\n        side=request.side.value,",
    ),
    Mutant(
        "lists_prove_absence",
        "two lists without an order prove that it never arrived, however fresh it is",
        "arrival.py",
        "if absence.not_found_at < horizon or absence.list_reads < CLEAN_READS_MIN or order.broker_order_id:",
        "if absence.list_reads < CLEAN_READS_MIN or order.broker_order_id:",
    ),
    Mutant(
        "duplicates_booked",
        "an execution told twice is booked twice",
        "settlement.py",
        "        news = news_in(told, order.fills)\n",
        "        news = news_in(told, ())\n",
    ),
    Mutant(
        "poll_removed",
        "the stream's silence is taken for the rest of the orders",
        "inquiry.py",
        'step.ask(SetTimer(self._poll_at, "poll"))',
        "pass",
    ),
    Mutant(
        "price_rounded",
        "executions are booked at whole dollars",
        "domain/orders.py",
        "            self.price,\n            self.at,",
        "            Price(round(self.price)),\n            self.at,",
    ),
    Mutant(
        "fill_taken_from_status",
        "shares count as booked when a report says that they were filled",
        "domain/orders.py",
        "        self.reported_filled = max(self.reported_filled, report.filled)\n",
        "        self.reported_filled = self.booked = max(self.booked, report.filled)\n",
    ),
    Mutant(
        "lost_is_ended",
        "an order without an answer counts as one that is not there",
        "domain/orders.py",
        "        OrderStatus.DENIED,\n        OrderStatus.UNSENT,\n    }\n)\nLIVE",
        "        OrderStatus.DENIED,\n        OrderStatus.UNKNOWN,\n        OrderStatus.UNSENT,\n    }\n)\nLIVE",
    ),
)

AWAITED = frozenset(
    """
    empty_list_is_flat freeze_ignored order_that_came_back_is_left quote_age_ignored reads_without_watch
    send_without_lease sent_for_ever
    """.split()
)
"""Bugs that no seed tried so far has shown: what would show them happens too seldom in the worlds, or not yet."""
