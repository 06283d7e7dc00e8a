"""One effect becomes one conversation with the broker, its answer one event. The same for every driver and broker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil

from the_alchemiser.domain.departure import unless
from the_alchemiser.domain.effects import (
    CancelOrder,
    Effect,
    LookUpOrder,
    RaiseAlert,
    ReadBroker,
    ReadMarket,
    ReadQuotes,
    SubmitOrder,
)
from the_alchemiser.domain.errors import (
    BrokerBusy,
    BrokerError,
    BrokerRefused,
    BrokerUnauthorized,
    BrokerUnavailable,
    TooLate,
)
from the_alchemiser.domain.events import (
    BrokerRead,
    BrokerState,
    CancelDenied,
    Event,
    MarketRead,
    OrderDenied,
    OrderHeard,
    OrderNotFound,
    OrderNotSent,
    OrdersRead,
    OrderUnheard,
    QuotesRead,
    ReadFailed,
)
from the_alchemiser.domain.instants import DAY, Nanos, rfc3339
from the_alchemiser.domain.market import Session
from the_alchemiser.domain.orders import ClientOrderId, OrderReport, is_ours
from the_alchemiser.domain.probes import probe
from the_alchemiser.ports import Alerts, Broker, Lease

ID_IS_KNOWN = "client_order_id must be unique"
"""In the broker's refusal of an order: an earlier sending of it has arrived."""
UNREAD_MAX = 3
"""Once so many look-ups within a read of the broker's record have failed, no more are tried in it: each takes time."""
CALENDAR_DAYS = 14
"""How far the calendar is read to both sides of today: more than any closure, so there is always a next session."""


class Performer:
    """Carries effects out against one broker. Failures of the broker become events.

    With a lease nothing that changes an order is sent but by its holder, exits no more than entries: they are the
    next holder's. Then LeaseLost is raised, or StoreUnavailable where nobody can say who holds it, and nothing was
    sent.
    """

    def __init__(
        self,
        broker: Broker,
        now: Callable[[], Nanos],
        alerts: Alerts | None = None,
        lease: Lease | None = None,
    ) -> None:
        self.broker, self.now, self.alerts, self._lease = broker, now, alerts, lease
        self._sessions: tuple[Session, ...] = ()
        self._sessions_of = ""

    def perform(self, effect: Effect) -> Event | None:
        """Do it and say what came of it; None where the answer comes by another way."""
        match effect:
            case SubmitOrder():
                with unless(lambda: self._require_time(effect)):
                    return self._submit(effect)
            case CancelOrder():
                with unless(self._require_lease):
                    return self._cancel(effect)
            case LookUpOrder():
                return self._look_up(effect)
            case ReadBroker():
                return self._reading(f"broker:{effect.purpose}", lambda: self._read_broker(effect))
            case ReadMarket():
                return self._reading(f"market:{effect.cycle_id}", lambda: self._read_market(effect))
            case ReadQuotes():
                return self._reading(f"quotes:{effect.cycle_id}", lambda: self._read_quotes(effect))
            case RaiseAlert() if self.alerts is not None:
                self.alerts.send([effect])
        return None

    def _require_lease(self) -> None:
        if self._lease is not None:
            self._lease.check()

    def _require_time(self, effect: SubmitOrder) -> None:
        self._require_lease()
        if effect.not_after and self.now() >= effect.not_after:
            raise TooLate("it had waited too long to be sent")

    def _submit(self, effect: SubmitOrder) -> Event:
        name = effect.request.client_order_id
        try:
            # Asked here, too: what needs not wait for the wire to be refused shall not.
            self._require_time(effect)
            report = self.broker.place_order(effect.request)
        except (BrokerRefused, BrokerUnauthorized) as refusal:
            return self._refused(name, refusal)
        except TooLate as late:
            return OrderNotSent(self.now(), name, str(late), is_too_late=True)
        except BrokerBusy as busy:
            return OrderNotSent(self.now(), name, str(busy), ceil(busy.retry_after_seconds))
        except BrokerError as failure:
            return OrderUnheard(self.now(), name, str(failure))
        return self._answer(name, report)

    def _refused(self, name: ClientOrderId, refusal: BrokerRefused | BrokerUnauthorized) -> Event:
        """A refusal means nothing exists, unless the order was sent before: then the repeat is what was refused."""
        try:
            report = self.broker.get_order_by_client_id(name)
        except BrokerError as failure:
            probe("perform.refusal_not_looked_up")
            return OrderUnheard(self.now(), name, f"{refusal}; and it could not be looked up: {failure}")
        if report is not None:
            return self._answer(name, report)
        if ID_IS_KNOWN in str(refusal):
            return OrderUnheard(self.now(), name, "its id is known to the broker, and not found there")
        return OrderDenied(self.now(), name, str(refusal))

    def _answer(self, name: ClientOrderId, report: OrderReport) -> Event:
        if report.client_order_id != name:
            probe("perform.answer_about_another_order")
            return OrderUnheard(self.now(), name, f"the answer was about {report.client_order_id!r}")
        return OrderHeard(self.now(), report)

    def _cancel(self, effect: CancelOrder) -> Event | None:
        self._require_lease()
        try:
            self.broker.cancel_order(effect.broker_order_id)
        except BrokerError as failure:
            return CancelDenied(self.now(), effect.client_order_id, str(failure))
        return None

    def _look_up(self, effect: LookUpOrder) -> Event | None:
        try:
            report = self.broker.get_order_by_client_id(effect.client_order_id)
        except BrokerError:
            return None  # The next look-up is already timed.
        if report is None:
            return OrderNotFound(self.now(), effect.client_order_id)
        if report.client_order_id != effect.client_order_id:
            return None  # An answer to another question is none to this one.
        return OrderHeard(self.now(), report)

    def _reading(self, subject: str, read: Callable[[], Event]) -> Event:
        try:
            return read()
        except BrokerError as failure:
            is_unauthorized = isinstance(failure, BrokerUnauthorized)
            return ReadFailed(self.now(), subject, str(failure), is_unauthorized)

    def _read_broker(self, effect: ReadBroker) -> Event:
        broker = self.broker
        orders, unread = self._orders(self._listed(effect), effect)
        if effect.is_orders_only:
            return OrdersRead(self.now(), effect.purpose, orders, unread)
        executions = tuple(broker.get_executions(effect.executions_after))
        holdings = tuple(broker.get_positions())
        account = broker.get_account()
        since = effect.activities_after
        activities = () if since is None else tuple(broker.get_activities(since))
        state = BrokerState(account, holdings, orders, executions, self._calendar(), activities, unread)
        return BrokerRead(self.now(), effect.purpose, state)

    def _listed(self, effect: ReadBroker) -> Sequence[OrderReport]:
        """The open orders and, where asked for, those of ours that have ended."""
        listed = self.broker.get_open_orders()
        if effect.orders_after is None:
            return listed
        names = {report.client_order_id for report in listed}
        since = self.broker.get_orders_since(effect.orders_after)
        lost = [one for one in since if is_ours(one.client_order_id) and one.client_order_id not in names]
        return [*listed, *lost]

    def _orders(
        self, listed: Sequence[OrderReport], effect: ReadBroker
    ) -> tuple[tuple[OrderReport, ...], tuple[ClientOrderId, ...]]:
        """The open orders, and each wanted one that is not among them; and the names that got no usable answer."""
        names = {report.client_order_id for report in listed}
        ids = {report.broker_order_id for report in listed}
        unread: list[ClientOrderId] = []
        missing = [self._watched(name, unread) for name in effect.watch if name not in names]
        missing += [self.broker.get_order_by_id(one) for one in effect.relatives if one not in ids]
        return (*listed, *(report for report in missing if report is not None)), tuple(unread)

    def _watched(self, name: ClientOrderId, unread: list[ClientOrderId]) -> OrderReport | None:
        """One order by its name. That it cannot be had now must not keep us from the rest of the record."""
        if len(unread) >= UNREAD_MAX:
            unread.append(name)
            return None
        try:
            return self._named(name)
        except BrokerBusy:
            raise  # More requests would only make it worse.
        except BrokerUnavailable:
            probe("perform.order_left_unread")
            unread.append(name)
            return None

    def _named(self, name: ClientOrderId) -> OrderReport | None:
        report = self.broker.get_order_by_client_id(name)
        if report is not None and report.client_order_id != name:
            raise BrokerUnavailable(f"asked for {name}, the answer was about {report.client_order_id!r}")
        return report

    def _calendar(self) -> tuple[Session, ...]:
        today = rfc3339(self.now())[:10]
        if today != self._sessions_of:
            around = self.now()
            first, last = around - CALENDAR_DAYS * DAY, around + CALENDAR_DAYS * DAY
            self._sessions = tuple(self.broker.get_sessions(rfc3339(first)[:10], rfc3339(last)[:10]))
            self._sessions_of = today
        return self._sessions

    def _read_market(self, effect: ReadMarket) -> Event:
        broker, symbols = self.broker, effect.symbols
        assets = broker.get_assets(symbols)
        known = [symbol for symbol in symbols if symbol in assets]
        histories = broker.get_histories(known, effect.sessions, effect.before_date)
        quotes = broker.get_quotes(known)
        return MarketRead(self.now(), effect.cycle_id, histories, quotes, assets)

    def _read_quotes(self, effect: ReadQuotes) -> Event:
        return QuotesRead(self.now(), effect.cycle_id, self.broker.get_quotes(effect.symbols))
