"""Start, restart and recovery are one path: killed anywhere, the day ends as it would have, nothing doubled."""

from __future__ import annotations

import pytest
from fakes import Killed
from world import FIRST, SECOND_DAY, World

from the_alchemiser.domain.facts import (
    CycleStarted,
    DayClosed,
    OrderIntended,
    PlanBuilt,
    TradeApproved,
    TradeEnded,
)
from the_alchemiser.domain.instants import DAY, MINUTE

LIVES_MAX = 1000


def two_days(world: World) -> World:
    world.start()
    world.run_day(SECOND_DAY)
    world.check()
    return world


@pytest.fixture(scope="module")
def calm() -> World:
    """The two days as they go when nothing happens: the second both sells and buys."""
    return two_days(World())


def trade_through(world: World, asleep_seconds: int = 0) -> World:
    assert world.run_through_death(SECOND_DAY, asleep_seconds=asleep_seconds)
    world.check()
    return world


def test_killed_after_any_fact_the_days_end_reconciled_and_nothing_is_doubled(calm: World) -> None:
    """Even between two facts that are always written together; then fewer trades may have been approved."""
    for facts in range(1, len(calm.facts)):
        world = trade_through(World(facts_max=facts))
        assert len(world.kinds(CycleStarted)) == 2
        assert [fact.session for fact in world.kinds(DayClosed)] == [FIRST, SECOND_DAY]
        trades = {(fact.cycle_id, fact.trade.symbol) for fact in world.kinds(TradeApproved)}
        assert {(fact.cycle_id, fact.symbol) for fact in world.kinds(TradeEnded)} == trades


def test_killed_with_facts_durable_and_no_effect_sent_every_trade_is_still_made(calm: World) -> None:
    for facts in calm.journal.commits[:-1]:
        world = trade_through(World(facts_max=facts))
        assert world.positions() == calm.positions()
        assert len(world.kinds(PlanBuilt)) == 2


def test_killed_after_an_effect_whose_answer_nobody_heard_every_trade_is_still_made_once(calm: World) -> None:
    for effects in range(1, calm.effects_done):
        world = trade_through(World(effects_max=effects))
        assert world.positions() == calm.positions()


@pytest.mark.parametrize("asleep_seconds", [10, 45, 200, 1000])
def test_asleep_for_a_while_it_catches_up_on_what_it_missed(calm: World, asleep_seconds: int) -> None:
    """Orders filled, expired or never arrived meanwhile: every one is known again and none is repeated."""
    for facts in calm.journal.commits[:-1:2]:
        trade_through(World(facts_max=facts), asleep_seconds)
    for effects in range(2, calm.effects_done, 2):
        trade_through(World(effects_max=effects), asleep_seconds)


def test_killed_and_asleep_until_the_next_morning_nothing_of_yesterday_is_sent(calm: World) -> None:
    sent = [number for number, fact in enumerate(calm.facts, start=1) if isinstance(fact, OrderIntended)]
    first_day = [number for number in sent if calm.facts[number - 1].cycle_id == "20210104"]
    for facts in first_day:
        world = World(facts_max=facts)
        with pytest.raises(Killed):
            two_days(world)
        before = len(world.broker.sent)
        world.journal.facts_max = None
        world.exchange.advance(world.exchange.now + 15 * 60 * MINUTE)
        world.start()
        world.run(lambda world=world: world.has_closed(SECOND_DAY))
        world.check()
        later = [request.client_order_id for request in world.broker.sent[before:]]
        assert all("20210105" in name for name in later)


@pytest.mark.parametrize("effects_a_life", [4, 5, 7, 11])
def test_killed_again_and_again_it_still_gets_there(calm: World, effects_a_life: int) -> None:
    world = World()
    for _ in range(LIVES_MAX):
        world.effects_max = world.effects_done + effects_a_life
        try:
            world.start()
            world.run_day(SECOND_DAY)
            break
        except Killed:
            continue
    world.check()
    assert world.positions() == calm.positions()


def test_started_again_on_the_same_day_it_does_nothing_twice(calm: World) -> None:
    world = World()
    world.start()
    world.run_day(FIRST)
    sent, facts = len(world.broker.sent), len(world.facts)
    world.start()
    world.start()
    assert len(world.broker.sent) == sent
    assert [type(fact).__name__ for fact in world.facts[facts:]] == ["Reconciled", "Reconciled"]
    world.run_day(SECOND_DAY)
    world.check()
    assert world.positions() == calm.positions()


def test_killed_after_the_close_it_makes_up_the_books_of_the_day_before_the_next_one_opens() -> None:
    world = World()
    world.start()
    session = world.engine._sessions
    close = next(one.close for one in session if one.date == FIRST)
    world.run_to(close + 30 * 10**9)
    world.exchange.advance(close + 6 * 60 * MINUTE)
    world.start()
    world.run(lambda: world.has_closed(FIRST))
    world.check()
    assert world.exchange.now < close + DAY // 2


@pytest.mark.spec("S1-14")
def test_the_engine_rebuilt_from_facts_knows_what_the_one_that_wrote_them_knew(calm: World) -> None:
    world = World()
    world.start()
    world.run_day(SECOND_DAY)
    lived = world.engine.state
    world.start()
    reborn = world.engine.state
    for name, value in vars(lived).items():
        if name not in ("ledger", "last_reconciliation", "agreed_at"):
            assert getattr(reborn, name) == value, name
    assert (reborn.ledger.cash, reborn.ledger.positions) == (lived.ledger.cash, lived.ledger.positions)
