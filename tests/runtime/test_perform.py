"""One effect, one conversation, one event: failures become events, and what is unclear is never called a refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fakes import FaultyBroker, KeptAlerts
from language import NOON
from world import MARKET, MORNING

from the_alchemiser.domain.departure import departs
from the_alchemiser.domain.effects import (
    CancelOrder,
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
    LeaseLost,
    OutcomeUnknown,
)
from the_alchemiser.domain.events import (
    BrokerRead,
    CancelDenied,
    MarketRead,
    OrderDenied,
    OrderHeard,
    OrderNotFound,
    OrderNotSent,
    OrderUnheard,
    QuotesRead,
    ReadFailed,
)
from the_alchemiser.domain.instants import SECOND
from the_alchemiser.domain.money import Side, decimal
from the_alchemiser.domain.orders import OrderReport, OrderRequest, OrderStatus
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.runtime.perform import UNREAD_MAX, Performer
from the_alchemiser.store.lease import LEASE_SECONDS
from the_alchemiser.store.memory import MemoryStore

REQUEST = OrderRequest("alc-20210104-AAPL-b-0", "AAPL", Side.BUY, decimal(5))
FAULTS: list[BrokerError] = [
    OutcomeUnknown("timed out"),
    BrokerBusy("429"),
    BrokerUnavailable("503"),
]


class Line:
    """A performer whose next call of one kind meets a fault."""

    def __init__(self) -> None:
        self.fault: dict[str, tuple[str, BaseException]] = {}
        self.broker = FaultyBroker(
            Exchange(MARKET, seed=7, start=MORNING), lambda name: self.fault.pop(name, None)
        )
        self.alerts = KeptAlerts()
        self.performer = Performer(self.broker, self.broker.now, self.alerts)

    def perform(self, effect: Any, **faults: tuple[str, BaseException]) -> Any:
        self.fault = dict(faults)
        return self.performer.perform(effect)


@pytest.fixture
def line() -> Line:
    return Line()


def test_an_accepted_order_is_heard(line: Line) -> None:
    event = line.perform(SubmitOrder(REQUEST))
    assert isinstance(event, OrderHeard)
    assert (event.report.client_order_id, event.report.status) == (
        REQUEST.client_order_id,
        OrderStatus.ACCEPTED,
    )


@pytest.mark.parametrize("fault", [OutcomeUnknown("timed out"), BrokerUnavailable("503")], ids=repr)
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_order_without_a_clear_answer_is_unheard_whether_it_arrived_or_not(
    line: Line, fault: BrokerError, when: str
) -> None:
    event = line.perform(SubmitOrder(REQUEST), place_order=(when, fault))
    assert event == OrderUnheard(MORNING, REQUEST.client_order_id, str(fault))


def test_an_order_the_broker_was_too_busy_for_was_certainly_not_accepted(line: Line) -> None:
    busy = BrokerBusy("429", retry_after_seconds=1.2)
    event = line.perform(SubmitOrder(REQUEST), place_order=("before", busy))
    assert event == OrderNotSent(MORNING, REQUEST.client_order_id, "429", 2)


def test_an_order_that_waited_past_its_time_never_leaves(line: Line) -> None:
    event = line.perform(SubmitOrder(REQUEST, not_after=MORNING))
    assert isinstance(event, OrderNotSent)
    assert event.is_too_late
    assert line.broker.sent == []
    assert isinstance(line.perform(SubmitOrder(REQUEST, not_after=MORNING + 1)), OrderHeard)


def test_an_order_that_grows_too_late_while_it_waits_for_the_budget_never_leaves(line: Line) -> None:
    now = [MORNING]

    class Crowded:
        def place_order(self, request: OrderRequest) -> OrderReport:
            now[0] += 20 * SECOND
            departs()
            return line.broker.place_order(request)

    performer = Performer(Crowded(), lambda: now[0])  # type: ignore[arg-type]
    event = performer.perform(SubmitOrder(REQUEST, not_after=MORNING + 10 * SECOND))
    assert isinstance(event, OrderNotSent)
    assert event.is_too_late
    assert line.broker.sent == []


def test_an_id_that_is_known_and_not_found_has_arrived_and_is_looked_for(line: Line) -> None:
    refusal = BrokerRefused("client_order_id must be unique", status=422)
    event = line.perform(SubmitOrder(REQUEST), place_order=("before", refusal))
    assert isinstance(event, OrderUnheard)


def test_a_refused_order_that_the_broker_does_not_know_is_denied(line: Line) -> None:
    refusal = BrokerRefused("insufficient buying power", status=403)
    event = line.perform(SubmitOrder(REQUEST), place_order=("before", refusal))
    assert event == OrderDenied(MORNING, REQUEST.client_order_id, "insufficient buying power")


def test_a_repeat_that_is_refused_because_the_first_arrived_is_taken_as_the_first(line: Line) -> None:
    line.perform(SubmitOrder(REQUEST), place_order=("after", OutcomeUnknown("timed out")))
    event = line.perform(SubmitOrder(REQUEST))
    assert isinstance(event, OrderHeard)
    assert event.report.status is OrderStatus.ACCEPTED
    assert len(line.broker.get_open_orders()) == 1


def test_a_refusal_that_cannot_be_checked_is_no_answer(line: Line) -> None:
    refusal = BrokerRefused("client_order_id must be unique", status=422)
    event = line.perform(
        SubmitOrder(REQUEST), place_order=("before", refusal), look_up=("before", BrokerUnavailable("503"))
    )
    assert isinstance(event, OrderUnheard)


def test_refused_keys_mean_that_nothing_exists(line: Line) -> None:
    event = line.perform(SubmitOrder(REQUEST), place_order=("before", BrokerUnauthorized("401")))
    assert event == OrderDenied(MORNING, REQUEST.client_order_id, "401")


def test_an_answer_about_another_order_is_no_answer(line: Line) -> None:
    swapped = OrderReport("alc-other", "b-1", "AAPL", Side.BUY, decimal(5), OrderStatus.NEW)
    line.broker.place_order = lambda request: swapped  # type: ignore[method-assign]
    event = line.perform(SubmitOrder(REQUEST))
    assert event == OrderUnheard(MORNING, REQUEST.client_order_id, "the answer was about 'alc-other'")


def test_a_look_up_tells_found_from_not_found_and_neither_from_no_answer(line: Line) -> None:
    look_up = LookUpOrder(REQUEST.client_order_id)
    assert line.perform(look_up) == OrderNotFound(MORNING, REQUEST.client_order_id)
    assert line.perform(look_up, look_up=("before", BrokerUnavailable("503"))) is None
    line.perform(SubmitOrder(REQUEST))
    assert isinstance(line.perform(look_up), OrderHeard)
    swapped = OrderReport("alc-other", "b-1", "AAPL", Side.BUY, decimal(5), OrderStatus.NEW)
    line.broker.get_order_by_client_id = lambda name: swapped  # type: ignore[method-assign]
    assert line.perform(look_up) is None


def test_a_cancel_is_answered_by_the_orders_own_reports_or_denied(line: Line) -> None:
    report = line.perform(SubmitOrder(REQUEST)).report
    cancel = CancelOrder(REQUEST.client_order_id, report.broker_order_id)
    assert isinstance(line.perform(cancel, cancel_order=("before", BrokerUnavailable("503"))), CancelDenied)
    line.broker.take_heard()
    assert line.perform(cancel) is None
    assert [one.report.status for one in line.broker.take_heard()][-1] is OrderStatus.CANCELED
    unknown = CancelOrder(REQUEST.client_order_id, "no-such-order")
    assert isinstance(line.perform(unknown), CancelDenied)


READS: list[tuple[Any, str, str, Callable[[Any], Any], type]] = [
    (ReadBroker("start", 0), "get_account", "broker:start", lambda event: event.purpose, BrokerRead),
    (
        ReadMarket("20210104", ("AAPL",), 5, "2021-01-04"),
        "get_histories",
        "market:20210104",
        lambda event: event.cycle_id,
        MarketRead,
    ),
    (
        ReadQuotes("20210104", ("AAPL",)),
        "get_quotes",
        "quotes:20210104",
        lambda event: event.cycle_id,
        QuotesRead,
    ),
]


@pytest.mark.parametrize(
    ("effect", "call", "subject", "name_of", "kind"), READS, ids=[read[2] for read in READS]
)
def test_a_read_is_answered_under_its_own_name_or_fails_under_it(
    line: Line, effect: Any, call: str, subject: str, name_of: Callable[[Any], str], kind: type
) -> None:
    event = line.perform(effect)
    assert type(event) is kind
    assert name_of(event) == subject.partition(":")[2]
    fault = ("before", BrokerUnavailable("503"))
    assert line.perform(effect, **{call: fault}) == ReadFailed(MORNING, subject, "503")


def test_a_defect_is_not_dressed_up_as_a_failure_of_the_broker(line: Line) -> None:
    with pytest.raises(KeyError):
        line.perform(ReadBroker("start", 0), get_account=("before", KeyError("ours")))


def test_the_record_holds_the_open_orders_and_each_one_asked_about(line: Line) -> None:
    ended = line.perform(SubmitOrder(REQUEST)).report
    line.perform(CancelOrder(REQUEST.client_order_id, ended.broker_order_id))
    other = OrderRequest("alc-20210104-KO-b-0", "KO", Side.BUY, decimal(5))
    line.perform(SubmitOrder(other))
    state = line.perform(ReadBroker("start", 0, (REQUEST.client_order_id, "alc-unknown"))).state
    assert {one.client_order_id: one.status for one in state.orders} == {
        "alc-20210104-KO-b-0": OrderStatus.ACCEPTED,
        REQUEST.client_order_id: OrderStatus.CANCELED,
    }
    assert state.sessions[0].date < "2021-01-04" < state.sessions[-1].date


@pytest.mark.parametrize("is_orders_only", [False, True])
def test_an_order_that_cannot_be_looked_up_is_left_unread_and_the_rest_of_the_record_is_there(
    line: Line, is_orders_only: bool
) -> None:
    ended = line.perform(SubmitOrder(REQUEST)).report
    line.perform(CancelOrder(REQUEST.client_order_id, ended.broker_order_id))
    read = ReadBroker("start", 0, ("alc-unanswered", REQUEST.client_order_id), is_orders_only=is_orders_only)
    event = line.perform(read, look_up=("before", OutcomeUnknown("timed out")))
    record = event if is_orders_only else event.state
    assert record.unread == ("alc-unanswered",)
    assert [one.client_order_id for one in record.orders] == [REQUEST.client_order_id]


@pytest.mark.parametrize("fault", [BrokerBusy("429"), BrokerUnauthorized("401")])
def test_a_broker_that_wants_no_more_requests_gets_no_more_of_a_record(
    line: Line, fault: BrokerError
) -> None:
    event = line.perform(ReadBroker("start", 0, ("alc-a", "alc-b")), look_up=("before", fault))
    assert isinstance(event, ReadFailed)


def test_a_broker_that_can_look_up_no_order_is_soon_asked_for_the_rest_of_its_record(line: Line) -> None:
    asked: list[str] = []

    def never(name: str) -> OrderReport:
        asked.append(name)
        raise BrokerUnavailable("503")

    line.broker.get_order_by_client_id = never  # type: ignore[method-assign]
    watch = tuple(f"alc-{number}" for number in range(20))
    assert line.perform(ReadBroker("start", 0, watch)).state.unread == watch
    assert len(asked) == UNREAD_MAX


def test_the_market_of_an_unknown_symbol_is_absent_not_invented(line: Line) -> None:
    event = line.perform(ReadMarket("20210104", ("AAPL", "NOPE"), 5, "2021-01-04"))
    assert set(event.assets) == set(event.histories) == set(event.quotes) == {"AAPL"}
    assert (len(event.histories["AAPL"].closes), event.histories["AAPL"].last_date) == (5, "2020-12-31")


def test_an_alert_goes_to_a_person_and_is_answered_by_nothing(line: Line) -> None:
    assert line.perform(RaiseAlert("error", "look here")) is None
    assert line.alerts.told == [("error", "look here")]
    assert Performer(line.broker, lambda: NOON).perform(RaiseAlert("error", "nobody listens")) is None


def test_an_engine_whose_lease_was_taken_sends_no_order_and_no_cancellation_but_may_look(line: Line) -> None:
    now, store = [MORNING], MemoryStore()
    sleeper = store.journal("sleeper", lambda: now[0])
    sleeper.take()
    performer = Performer(line.broker, line.broker.now, lease=sleeper)
    assert isinstance(performer.perform(SubmitOrder(REQUEST)), OrderHeard)
    now[0] += LEASE_SECONDS * SECOND
    store.journal("awake", lambda: now[0]).take()
    exits = OrderRequest("alc-20210104-AAPL-s-1", "AAPL", Side.SELL, decimal(5))
    for effect in (SubmitOrder(exits), CancelOrder(REQUEST.client_order_id, "1")):
        with pytest.raises(LeaseLost, match="taken by awake"):
            performer.perform(effect)
    assert [request.client_order_id for request in line.broker.sent] == [REQUEST.client_order_id]
    assert isinstance(performer.perform(LookUpOrder(REQUEST.client_order_id)), OrderHeard)
