"""When is the broker asked for its record? At once on suspicion, by the clock otherwise, never twice for one thing."""

from __future__ import annotations

import msgspec

from the_alchemiser.domain.effects import ReadBroker, SetTimer
from the_alchemiser.domain.instants import SECOND, Nanos
from the_alchemiser.domain.orders import OrderStatus
from the_alchemiser.domain.probes import probe
from the_alchemiser.state import EngineState
from the_alchemiser.step import Step

ORDERS = "orders"
"""The purpose of a read of the open orders alone."""
RECORD = "record"
"""The purpose of the read of the whole record that the clock asks for."""
SUSPICION = "suspicion"
"""The purpose of a read that something in the open orders called for."""
BOOKS = "books"
"""The purpose of a read by which a person compares the books: nothing is traded on it."""
RETRY_SECONDS = (5, 10, 20, 40, 60)
"""The pauses after failed reads of one purpose; the last one repeats for ever."""
UNAUTHORIZED_RETRY_SECONDS = 60
"""How often refused keys are tried again: what ails them is not mended in seconds."""
FAILURES_TOLD_EVERY = 10
ANSWER_SECONDS_MAX = 300
"""A read without an answer for so long is taken for lost: it is asked for again."""


class PollPolicy(msgspec.Struct, frozen=True):
    """How often the broker is asked without a reason. One request a poll of the orders, four for the whole record."""

    orders_seconds: int = 15
    """The list of open orders is read so long after an order was decided, and again as often while one is open."""
    record_seconds: int = 300


class Inquiry:
    """Asks for reads of the broker. Coalesces: while one is under way, another of its purpose waits and is one."""

    def __init__(self, state: EngineState, polls: PollPolicy | None) -> None:
        self.state = state
        self._polls = polls
        self._asked: dict[str, Nanos] = {}
        self._again: set[str] = set()
        self._failures: dict[str, int] = {}
        self._record_at: Nanos = 0
        self._orders_at: Nanos = 0
        self._poll_at: Nanos = 0

    def ask(self, step: Step, purpose: str) -> None:
        """Want the broker's record (for ORDERS just the open orders); `purpose` comes back with it."""
        since = self._asked.get(purpose)
        if since is not None and step.at < since + ANSWER_SECONDS_MAX * SECOND:
            probe("inquiry.read_is_under_way")
            self._again.add(purpose)
            return
        self._asked[purpose] = self._orders_at = step.at
        if purpose != ORDERS:
            self._record_at = step.at
        step.ask(self._read(purpose, step.at))

    def answered(self, step: Step, purpose: str) -> Nanos:
        """An answer has come: when it was asked for. What was wanted meanwhile is asked for now."""
        self._failures.pop(purpose, None)
        return self._ended(step, purpose)

    def failed(self, step: Step, purpose: str, reason: str, *, is_unauthorized: bool) -> None:
        """No usable answer: tell (but not every time), and try again after a pause that grows."""
        self._again.discard(purpose)
        self._ended(step, purpose)
        count = self._failures[purpose] = self._failures.get(purpose, 0) + 1
        if count % FAILURES_TOLD_EVERY == 1:
            step.alert("warning", f"the broker's record could not be read ({purpose}): {reason}")
        if purpose == ORDERS and self._polls is not None:
            return  # The next poll is timed already.
        seconds = RETRY_SECONDS[min(count, len(RETRY_SECONDS)) - 1]
        if is_unauthorized:
            seconds = max(seconds, UNAUTHORIZED_RETRY_SECONDS)
        step.ask(SetTimer(step.at + seconds * SECOND, f"read:{purpose}"))

    def poll(self, step: Step) -> None:
        """The time of a poll may have come."""
        if self._polls is None or not self._record_at:
            return
        if step.at >= self._record_due(self._polls):
            self.ask(step, RECORD)
        elif self._has_open_orders and step.at >= self._orders_due(self._polls):
            self.ask(step, ORDERS)

    def keep_time(self, step: Step) -> None:
        """Make sure that a timer stands for the next poll. Cheap: called after every event."""
        if self._polls is None or not self._record_at:
            return
        due = self._record_due(self._polls)
        if self._has_open_orders:
            due = min(due, self._orders_due(self._polls))
        # What is overdue waits for an answer that is under way: a timer for every event would help nobody.
        wanted = max(due, step.at + SECOND)
        if self._poll_at <= step.at or wanted < self._poll_at:
            self._poll_at = wanted
            step.ask(SetTimer(self._poll_at, "poll"))

    @property
    def _has_open_orders(self) -> bool:
        # What waits for its own answer is not on the broker's list yet, or no longer.
        is_any_sent = any(order.status is not OrderStatus.INTENDED for order in self.state.live.values())
        return is_any_sent or bool(self.state.others)

    def _record_due(self, polls: PollPolicy) -> Nanos:
        return self._record_at + polls.record_seconds * SECOND

    def _orders_due(self, polls: PollPolicy) -> Nanos:
        since = self._orders_at
        if not self.state.others:
            # The oldest comes first: orders that end at once need no poll, however many there are.
            sent = (order for order in self.state.live.values() if order.status is not OrderStatus.INTENDED)
            oldest = next(sent, None)
            since = since if oldest is None else max(since, oldest.intended_at)
        return since + polls.orders_seconds * SECOND

    def _read(self, purpose: str, at: Nanos) -> ReadBroker:
        read = self.state.broker_read(purpose, at)
        return msgspec.structs.replace(read, is_orders_only=True) if purpose == ORDERS else read

    def _ended(self, step: Step, purpose: str) -> Nanos:
        asked_at = self._asked.pop(purpose, step.at)
        if purpose in self._again:
            self._again.remove(purpose)
            self.ask(step, purpose)
        return asked_at
