"""Durable before visible: no effect is let out before the facts it rests on are kept."""

from __future__ import annotations

import pytest
from fakes import KeptJournal
from hypothesis import given
from hypothesis import strategies as st
from language import NOON
from world import World, config

from the_alchemiser.domain.effects import ReadBroker, SetTimer
from the_alchemiser.domain.errors import StoreUnavailable
from the_alchemiser.domain.events import Started, TimerFired
from the_alchemiser.domain.facts import Fact, OrderIntended
from the_alchemiser.domain.instants import DAY
from the_alchemiser.engine import Engine
from the_alchemiser.runtime.turn import Timers, Turn
from the_alchemiser.state import ACTIVITY_DAYS


class FullDisk(KeptJournal):
    """A journal that cannot be written any more."""

    def append(self, facts: object) -> None:
        raise StoreUnavailable("the disk is full")


def test_what_cannot_be_made_durable_leads_to_nothing_outside() -> None:
    world = World()
    world.start()
    world.turn.journal = FullDisk()
    with pytest.raises(StoreUnavailable):
        world.run_day()
    assert world.broker.sent == []
    assert world.exchange.orders() == []


def test_every_order_is_in_the_journal_when_it_leaves() -> None:
    world = World()
    world.start()
    send, unknown = world.broker.place_order, []

    def sent(request: object) -> object:
        if not any(isinstance(fact, OrderIntended) and fact.request == request for fact in world.facts):
            unknown.append(request)
        return send(request)  # type: ignore[arg-type]

    world.broker.place_order = sent  # type: ignore[assignment, method-assign]
    world.run_day("2021-01-05")
    assert unknown == []
    assert len(world.broker.sent) > 5


def test_watchers_are_told_of_what_is_durable_and_a_turn_without_facts_writes_nothing() -> None:
    told: list[Fact] = []
    journal = KeptJournal()
    turn = Turn(Engine(config()), journal, Timers(), [told.extend])
    outside = turn.take([Started(NOON)])
    (read,) = outside
    assert read == ReadBroker(
        "start", NOON, activities_after=NOON - ACTIVITY_DAYS * DAY, orders_after=NOON - DAY
    )
    assert (journal.commits, told) == ([], [])


def test_all_facts_of_a_turn_are_one_commit() -> None:
    world = World()
    world.start()
    world.run_day()
    assert len(world.journal.commits) < len(world.facts)
    first_order = next(number for number, fact in enumerate(world.facts) if isinstance(fact, OrderIntended))
    assert any(commit > first_order + 1 for commit in world.journal.commits)
    assert first_order + 1 not in world.journal.commits, "two orders of one decision become durable together"


@given(st.lists(st.integers(0, 20), max_size=30), st.integers(0, 25))
def test_timers_fire_soonest_first_ties_in_the_order_they_were_set_and_each_once(
    instants: list[int], now: int
) -> None:
    timers = Timers()
    for number, at in enumerate(instants):
        timers.set(SetTimer(at, f"timer-{number}"))
    expected = sorted((at, number) for number, at in enumerate(instants) if at <= now)
    assert timers.take_due(now) == [TimerFired(now, f"timer-{number}") for _, number in expected]
    assert timers.take_due(now) == []
    later = [at for at in instants if at > now]
    assert timers.next_at == (min(later) if later else None)
