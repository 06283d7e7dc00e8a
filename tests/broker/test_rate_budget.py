"""A minute has only so many requests, and cancels never wait behind reads."""

from __future__ import annotations

import pytest

from the_alchemiser.broker.ratebudget import Lane, RateBudget
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


def test_an_order_that_would_wait_too_long_is_not_sent(budget: RateBudget, minute: Minute) -> None:
    send(budget, Lane.READ, 160)
    with pytest.raises(BrokerBusy, match="not sent"):
        budget.acquire(Lane.ORDER)
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
    budget.acquire(Lane.ORDER)
    assert minute.slept == 4
