"""Does the ledger agree with the broker? The broker's whole record: when it is read, and what comes of comparing."""

from __future__ import annotations

from the_alchemiser.domain.effects import SetTimer
from the_alchemiser.domain.errors import SafetyRefusal
from the_alchemiser.domain.events import BrokerRead, BrokerState
from the_alchemiser.domain.facts import AccountOpened, Reconciled
from the_alchemiser.domain.instants import SECOND
from the_alchemiser.domain.orders import OrderStatus
from the_alchemiser.pipeline.ledger import reconcile
from the_alchemiser.settlement import Settlement
from the_alchemiser.state import EngineState
from the_alchemiser.step import Step

RECHECK_SECONDS = 2
"""A difference must still be there after this long before it counts: two reads are never of one instant."""
READ_RETRY_SECONDS = 5
NOT_IN_FLIGHT = frozenset(OrderStatus) - {OrderStatus.INTENDED, OrderStatus.UNKNOWN}
"""Orders whose answer is not under way: only these can be expected on the broker's list."""
AGAIN = "again:"
"""Begins the purpose of a read that looks a second time at a difference."""


class Reconciliation:
    """Asks for the broker's record, takes it in and compares. `broker` is the newest one, None before the first."""

    def __init__(self, state: EngineState, settlement: Settlement, account_number: str = "") -> None:
        self.state = state
        self.broker: BrokerState | None = None
        self._settlement = settlement
        self._account_number = account_number

    def ask(self, step: Step, purpose: str) -> None:
        """Want the broker's record; `purpose` comes back with it."""
        step.ask(self.state.broker_read(purpose, step.at))

    def on_failed(self, step: Step, purpose: str, reason: str) -> None:
        """The record could not be read: tell, and try again."""
        step.alert("warning", f"the broker's record could not be read ({purpose}): {reason}")
        step.ask(SetTimer(step.at + READ_RETRY_SECONDS * SECOND, f"read:{purpose}"))

    def take(self, step: Step, event: BrokerRead) -> bool:
        """Take the record in; False where what it says must be looked at a second time.

        Raises SafetyRefusal for the record of another account.
        """
        self.broker = event.state
        self._pin_account(step, event.state)
        for report in event.state.orders:
            self._settlement.take_report(step, report)
        for execution in event.state.executions:
            name = self.state.names.get(execution.broker_order_id, "")
            self._settlement.book(step, execution, name)
        known = frozenset(report.client_order_id for report in event.state.orders)
        self._settlement.take_read(step, known, is_start=event.purpose == "start")
        return self._compare(step, event)

    def _pin_account(self, step: Step, read: BrokerState) -> None:
        expected = self.state.account_number or self._account_number
        if expected and expected != read.account.number:
            raise SafetyRefusal(
                f"these keys open account {read.account.number}, the journal is of {expected}"
            )
        if not self.state.account_number:
            if any(holding.shares < 0 for holding in read.holdings):
                raise SafetyRefusal("the account holds short positions, which this version does not trade")
            held = tuple(sorted(read.holdings, key=lambda holding: holding.symbol))
            step.record(AccountOpened(step.at, read.account.number, read.account.cash, held))

    def _compare(self, step: Step, event: BrokerRead) -> bool:
        read, purpose = event.state, event.purpose.removeprefix(AGAIN)
        live_at_broker = frozenset(
            report.client_order_id
            for report in read.orders
            if not report.status.is_done and report.client_order_id in self.state.orders
        )
        expected = [order for order in self.state.live.values() if order.status in NOT_IN_FLIGHT]
        differences = reconcile(self.state.ledger, expected, read.account, read.holdings, live_at_broker)
        if differences and purpose == event.purpose:
            step.ask(SetTimer(step.at + RECHECK_SECONDS * SECOND, f"{AGAIN}{purpose}"))
            return False
        step.record(Reconciled(step.at, purpose, differences, read.account.cash, read.account.equity))
        if differences:
            step.alert("critical", f"ledger and broker disagree: {'; '.join(differences)}")
        return True
