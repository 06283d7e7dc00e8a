"""While the journal cannot be written nothing leaves; when it can again, all is said once; when it cannot, we end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hand import setting

from the_alchemiser.domain.effects import Effect
from the_alchemiser.domain.errors import JournalCorrupt, StoreUnavailable
from the_alchemiser.domain.events import Event, JournalRestored, StreamLost
from the_alchemiser.domain.facts import AlertRaised, Fact
from the_alchemiser.engine import Engine
from the_alchemiser.runtime.live import Ear, LiveDriver
from the_alchemiser.runtime.patience import PatientCommit
from the_alchemiser.runtime.turn import Timers, Turn
from the_alchemiser.store.memory import MemoryJournal

FULL = StoreUnavailable("the journal x cannot be used: the disk is full")


class FailingJournal(MemoryJournal):
    """Refuses so many appends, then takes them."""

    def __init__(self, failures: int, error: Exception = FULL) -> None:
        super().__init__()
        self.failures, self.error, self.tries = failures, error, 0

    def append(self, facts: Sequence[Fact]) -> None:
        self.tries += 1
        if self.tries <= self.failures:
            raise self.error
        super().append(facts)


class Listening:
    """A stream that listens and says nothing."""

    sequence, trouble = 0, ""

    async def order_updates(self):  # type: ignore[no-untyped-def]
        yield None
        await asyncio.Event().wait()


class Watching:
    """A pace that hands in events one turn after the other, and sees what is let out and when."""

    def __init__(self, journal: FailingJournal, turns: Sequence[list[Event]]) -> None:
        self.journal, self.turns = journal, list(turns)
        self.out: list[tuple[int, Effect]] = []
        self.heard: list[Event] = []

    async def carry_out(self, effects: Sequence[Effect]) -> None:
        self.out += [(len(self.journal.facts), effect) for effect in effects]

    async def next_events(self) -> list[Event]:
        return self.turns.pop(0)


def turn_of(journal: FailingJournal) -> Turn:
    return Turn(Engine(setting()), journal, Timers())


def committed(journal: FailingJournal, patience: float, is_stopping: bool = False) -> str:
    turn = turn_of(journal)
    facts: list[Fact] = [AlertRaised(0, "info", "x")]
    return asyncio.run(PatientCommit(turn, lambda: is_stopping, patience_seconds=patience).commit(facts))


def test_a_journal_that_can_be_written_has_nothing_to_tell() -> None:
    assert committed(FailingJournal(0), 1) == ""


def test_facts_refused_for_a_while_are_written_once_and_the_reason_is_told() -> None:
    journal = FailingJournal(2)
    assert "the disk is full; nothing was sent for" in committed(journal, 30)
    assert len(journal.facts) == 1


@pytest.mark.parametrize("error", [FULL, JournalCorrupt("damaged")])
def test_with_no_patience_left_the_failure_is_the_end(error: Exception) -> None:
    journal = FailingJournal(10, error)
    with pytest.raises(type(error)):
        committed(journal, 0)
    assert journal.tries == 1


def test_damage_is_not_waited_for() -> None:
    journal = FailingJournal(10, JournalCorrupt("damaged"))
    with pytest.raises(JournalCorrupt):
        committed(journal, 30)
    assert journal.tries == 1


def test_a_stop_waits_for_no_disk() -> None:
    journal = FailingJournal(10)
    with pytest.raises(StoreUnavailable):
        committed(journal, 30, is_stopping=True)
    assert journal.tries == 1


def test_nothing_is_let_out_before_the_journal_has_it_and_then_the_engine_is_told() -> None:
    journal = FailingJournal(1)
    turns: list[list[Event]] = [[StreamLost(1, "x")], []]
    pace = Watching(journal, turns)
    driver = LiveDriver(turn_of(journal), pace, Ear(Listening(), lambda: 7), lambda: 7)
    asyncio.run(driver.run(is_finished=lambda: not pace.turns, first=[]))
    alerts = [fact.text for fact in journal.facts if isinstance(fact, AlertRaised)]
    assert any("the disk is full; nothing was sent for" in text for text in alerts)
    assert all(durable for durable, effect in pace.out if type(effect).__name__ == "RaiseAlert")


def test_a_driver_whose_journal_stays_full_ends_and_has_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("the_alchemiser.runtime.patience.TRY_AGAIN_SECONDS", 0.01)
    journal = FailingJournal(10**6)
    pace = Watching(journal, [])
    driver = LiveDriver(turn_of(journal), pace, Ear(Listening(), lambda: 7), lambda: 7)
    driver._commit = PatientCommit(turn_of(journal), lambda: False, patience_seconds=0.05).commit
    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(driver.run(first=[StreamLost(1, "x")]))
    assert caught.group_contains(StoreUnavailable, match="the disk is full")
    assert pace.out == []


def test_after_the_trouble_the_engine_reads_the_brokers_record() -> None:
    engine = Engine(setting())
    result = engine.step(JournalRestored(1, "the disk was full"))
    assert [type(effect).__name__ for effect in result.effects] == ["RaiseAlert", "ReadBroker"]
