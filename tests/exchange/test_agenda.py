"""What is due at instants of the exchange's time."""

import asyncio

import pytest

from the_alchemiser.exchange.agenda import Agenda
from the_alchemiser.exchange.units import NEVER


def test_entries_happen_in_the_order_of_their_instants_and_then_of_their_entering() -> None:
    agenda, done = Agenda(), []
    for name, at in (("c", 3), ("a", 1), ("b", 1)):
        agenda.enter(at, lambda name=name: done.append(name))
    assert agenda.upcoming == 1
    agenda.reach(2)
    assert (done, agenda.upcoming) == (["a", "b"], 3)
    agenda.reach(3)
    assert (done, agenda.upcoming) == (["a", "b", "c"], NEVER)


def test_a_full_agenda_does_at_once_what_it_cannot_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("the_alchemiser.exchange.agenda.ENTRIES_LIMIT", 1)
    agenda, done = Agenda(), []
    agenda.enter(5, lambda: done.append("kept"))
    agenda.enter(5, lambda: done.append("at once"))
    assert done == ["at once"]


async def test_another_world_lets_go_whoever_waits_and_does_nothing_else() -> None:
    agenda, done = Agenda(), []
    agenda.enter(7, lambda: done.append("never"))
    waiting = asyncio.create_task(agenda.until(9))
    await asyncio.sleep(0)
    agenda.clear()
    await asyncio.wait_for(waiting, 1)
    agenda.reach(NEVER)
    assert done == []
