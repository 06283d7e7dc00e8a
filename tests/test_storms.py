"""Storms: everything goes wrong at once, by the seed, for three days; then it must be as if nothing had."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from fakes import Killed
from world import World

from the_alchemiser.domain.errors import BrokerBusy, BrokerUnavailable, OutcomeUnknown
from the_alchemiser.domain.events import OrderHeard
from the_alchemiser.domain.facts import CycleStarted, DayClosed, OrderIntended, TradeApproved, TradeEnded
from the_alchemiser.domain.instants import SECOND, parse_rfc3339

THIRD_DAY = "2021-01-06"
LIVES_MAX = 60
DAWN = parse_rfc3339("2021-01-06T13:00:00Z")
"""An hour and a half before the third day's opening, when the storm is over."""


class Storm:
    """Loses requests and answers, doubles and shuffles the stream, kills the process and lets it sleep."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.is_over = False
        self.fault_rate = self.chance.choice([0.02, 0.1, 0.3])
        self.kill_rate = self.chance.choice([0.0, 0.01, 0.05])
        self.message_copies = self.chance.choice([[1], [0, 1, 2], [0, 0, 1], [1, 1, 3]])
        self.lives = 0

    def faults(self, name: str) -> tuple[str, BaseException] | None:
        if self.is_over:
            return None
        if self.lives < LIVES_MAX and self.chance.random() < self.kill_rate:
            return self.chance.choice(["before", "after"]), Killed()
        if self.chance.random() < self.fault_rate:
            errors = [OutcomeUnknown("timed out"), BrokerUnavailable("503"), BrokerBusy("429")]
            return self.chance.choice(["before", "after"]), self.chance.choice(errors)
        return None

    def hears(self, heard: Sequence[OrderHeard]) -> list[OrderHeard]:
        if self.is_over:
            return list(heard)
        arrived = [one for one in heard for _ in range(self.chance.choice(self.message_copies))]
        self.chance.shuffle(arrived)
        return arrived


def weather(seed: int) -> World:
    """Two days of storm, started again after every death, and a calm third."""
    storm = Storm(seed)
    world = World(storm.faults)
    world.hears = storm.hears
    while world.exchange.now < DAWN:
        storm.lives += 1
        try:
            world.start()
            world.run_to(DAWN)
        except Killed:
            asleep = storm.chance.choice([0, 1, 40, 700]) * SECOND
            world.exchange.advance(min(world.exchange.now + asleep, DAWN))
    storm.is_over = True
    world.start()
    world.run_day(THIRD_DAY)
    return world


@pytest.mark.parametrize("seed", range(40))
def test_after_any_storm_the_books_agree_and_nothing_was_doubled(seed: int) -> None:
    world = weather(seed)
    world.check()
    assert world.kinds(CycleStarted)[-1].session == THIRD_DAY
    assert [fact.session for fact in world.kinds(DayClosed)][-1] == THIRD_DAY
    sent = [request.client_order_id for request in world.broker.sent]
    intended = {fact.request.client_order_id for fact in world.kinds(OrderIntended)}
    assert set(sent) <= intended
    approved = {(fact.cycle_id, fact.trade.symbol): fact.trade.shares for fact in world.kinds(TradeApproved)}
    for ended in world.kinds(TradeEnded):
        assert ended.filled <= approved[ended.cycle_id, ended.symbol]
    assert world.broker.get_account().cash >= 0
