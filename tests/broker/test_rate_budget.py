"""A minute has only so many requests, and cancels never wait behind reads."""

from __future__ import annotations

import pytest

from the_alchemiser.broker.ratebudget import Lane, RateBudget
from the_alchemiser.broker.transport import lane_of
from the_alchemiser.broker.wire import Request
from the_alchemiser.domain.errors import BrokerBusy


class Minute:
    """A clock that moves only when someone sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


@pytest.fixture
def minute() -> Minute:
    return Minute()


@pytest.fixture
def budget(minute: Minute) -> RateBudget:
    return RateBudget(now=lambda: minute.now, sleep=minute.sleep)


def send(budget: RateBudget, lane: Lane, count: int) -> None:
    for _ in range(count):
        budget.acquire(lane)


@pytest.mark.spec("S0-16")
def test_reads_wait_once_four_fifths_of_the_minute_are_used(budget: RateBudget, minute: Minute) -> None:
    send(budget, Lane.READ, 160)
    assert minute.slept == 0
    budget.acquire(Lane.READ)
    assert minute.slept == 60


@pytest.mark.spec("S0-16")
def test_no_minute_ever_holds_more_requests_than_the_limit(budget: RateBudget, minute: Minute) -> None:
    sent = []
    for _ in range(1_000):
        budget.acquire(Lane.READ)
        sent.append(minute.now)
        minute.now += 0.1
    assert all(later - first > 59.999 for first, later in zip(sent, sent[160:], strict=False))


def test_a_fifth_is_kept_for_cancels_and_closes(budget: RateBudget, minute: Minute) -> None:
    send(budget, Lane.READ, 160)
    send(budget, Lane.SAFETY, 40)
    assert minute.slept == 0


def test_a_cancel_goes_out_even_when_nothing_is_left(budget: RateBudget, minute: Minute) -> None:
    send(budget, Lane.SAFETY, 200)
    budget.acquire(Lane.SAFETY)
    assert minute.slept <= 1


def test_who_waits_for_an_exit_is_not_overtaken_by_an_entry_or_a_read() -> None:
    clock, went = Minute(), []

    def go_on(seconds: float) -> None:
        # While the exit waits, the others ask, and find that it goes first even once there is room.
        clock.now += seconds
        if not went:
            went.append("exit waited")
            for lane in (Lane.ENTRY, Lane.RECONCILE, Lane.READ):
                assert budget._wait_seconds(lane) > 0

    budget = RateBudget(now=lambda: clock.now, sleep=go_on)
    clock.now = 45.0
    send(budget, Lane.READ, 1)
    clock.now = 50.0
    send(budget, Lane.READ, 159)
    clock.now = 90.0
    budget.acquire(Lane.EXIT)
    assert (went, clock.now) == (["exit waited"], 105.0)


@pytest.mark.parametrize(
    ("method", "target", "body", "lane"),
    [
        ("DELETE", "/v2/orders/1", None, Lane.SAFETY),
        ("DELETE", "/v2/positions", None, Lane.SAFETY),
        ("POST", "/v2/orders", {"side": "sell"}, Lane.EXIT),
        ("POST", "/v2/orders", {"side": "buy"}, Lane.ENTRY),
        ("PATCH", "/v2/orders/1", {"limit_price": "1"}, Lane.ENTRY),
        ("GET", "/v2/orders:by_client_order_id?client_order_id=a", None, Lane.RECONCILE),
        ("GET", "/v2/account/activities/FILL", None, Lane.RECONCILE),
        ("GET", "/v2/positions", None, Lane.RECONCILE),
        ("GET", "/v2/assets", None, Lane.READ),
        ("GET", "/v2/stocks/quotes/latest?symbols=SPY", None, Lane.READ),
    ],
)
def test_what_a_request_is_for_decides_who_goes_first(
    method: str, target: str, body: dict[str, str] | None, lane: Lane
) -> None:
    assert lane_of(Request(method, target, {}), body) is lane


def test_an_order_that_would_wait_too_long_is_not_sent(budget: RateBudget, minute: Minute) -> None:
    send(budget, Lane.READ, 160)
    with pytest.raises(BrokerBusy, match="not sent"):
        budget.acquire(Lane.ENTRY)
    assert minute.slept == 0


@pytest.mark.spec("S0-16")
def test_the_brokers_own_count_is_believed(budget: RateBudget, minute: Minute) -> None:
    budget.learn({"x-ratelimit-limit": "200", "x-ratelimit-remaining": "41"})
    budget.acquire(Lane.READ)
    assert minute.slept == 0
    budget.acquire(Lane.READ)
    assert minute.slept == 60


def test_a_larger_plan_is_learnt(budget: RateBudget, minute: Minute) -> None:
    budget.learn({"x-ratelimit-limit": "1000", "x-ratelimit-remaining": "999"})
    send(budget, Lane.READ, 799)
    assert minute.slept == 0


def test_a_broker_without_a_limit_is_never_waited_for(budget: RateBudget, minute: Minute) -> None:
    budget.learn({"x-ratelimit-limit": "1000000", "x-ratelimit-remaining": "1000000"})
    send(budget, Lane.READ, 5_000)
    assert minute.slept == 0


@pytest.mark.parametrize(
    "headers", [{}, {"x-ratelimit-limit": "many"}, {"x-ratelimit-remaining": "-1"}], ids=str
)
def test_headers_that_say_nothing_change_nothing(
    budget: RateBudget, minute: Minute, headers: dict[str, str]
) -> None:
    budget.learn(headers)
    send(budget, Lane.READ, 160)
    assert (budget.limit, minute.slept) == (200, 0)


@pytest.mark.spec("S0-16")
def test_after_a_429_reads_and_orders_stay_away_as_long_as_asked(budget: RateBudget, minute: Minute) -> None:
    budget.refused(4)
    budget.acquire(Lane.SAFETY)
    assert minute.slept == 0
    budget.acquire(Lane.ENTRY)
    assert minute.slept == 4
