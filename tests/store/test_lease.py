"""One writer for each account: whoever has the lease writes and sends, and nobody else does either."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from the_alchemiser.domain.errors import LeaseHeld, LeaseLost
from the_alchemiser.domain.facts import AlertRaised, Fact
from the_alchemiser.domain.instants import SECOND, Nanos
from the_alchemiser.store.lease import LEASE_SECONDS, READING_SECONDS_MAX, RENEWAL_SECONDS
from the_alchemiser.store.memory import LeasedJournal, MemoryStore

LONG_AGO = 1_600_000_000 * SECOND


@dataclass
class Passing:
    """Time, moved by hand."""

    now: Nanos = LONG_AGO

    def __call__(self) -> Nanos:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)


@dataclass
class Shared:
    """A store in memory and the time everybody lives by."""

    time: Passing = field(default_factory=Passing)
    store: MemoryStore = field(default_factory=MemoryStore)

    def engine(self, owner: str) -> LeasedJournal:
        return self.store.journal(owner, self.time)


@pytest.fixture
def shared() -> Shared:
    return Shared()


def said(text: str) -> list[Fact]:
    return [AlertRaised(1, "info", text)]


def test_the_first_engine_gets_the_lease_and_writes(shared: Shared) -> None:
    first = shared.engine("one")
    assert first.take() == 1
    first.check()
    first.append(said("mine"))
    assert list(first.read()) == said("mine")


def test_a_second_engine_is_told_who_has_it_and_for_how_long(shared: Shared) -> None:
    shared.engine("one").take()
    shared.time.pass_seconds(4)
    with pytest.raises(
        LeaseHeld, match=rf"one holds its lease \(epoch 1\) for another {LEASE_SECONDS - 4}\.0 s"
    ):
        shared.engine("two").take()


def test_an_engine_that_never_took_it_can_do_nothing(shared: Shared) -> None:
    idle = shared.engine("idle")
    for attempt in (idle.check, idle.renew, lambda: idle.append(said("x"))):
        with pytest.raises(LeaseLost, match="no lease was taken"):
            attempt()
    assert shared.store.facts == []


def test_renewed_in_time_it_is_kept_for_ever(shared: Shared) -> None:
    first = shared.engine("one")
    first.take()
    for _ in range(50):
        shared.time.pass_seconds(RENEWAL_SECONDS)
        first.renew()
    with pytest.raises(LeaseHeld):
        shared.engine("two").take()


def test_once_it_has_expired_the_next_engine_takes_it_with_a_higher_epoch(shared: Shared) -> None:
    shared.engine("one").take()
    shared.time.pass_seconds(LEASE_SECONDS)
    assert shared.engine("two").take() == 2


def test_an_engine_that_slept_too_long_neither_writes_nor_sends_and_says_whose_turn_it_is(
    shared: Shared,
) -> None:
    sleeper = shared.engine("sleeper")
    sleeper.take()
    shared.time.pass_seconds(LEASE_SECONDS)
    awake = shared.engine("awake")
    awake.take()
    for attempt in (sleeper.check, sleeper.renew, lambda: sleeper.append(said("late"))):
        with pytest.raises(LeaseLost, match=r"\(epoch 1\) was taken by awake \(epoch 2\)"):
            attempt()
    awake.append(said("mine"))
    assert shared.store.facts == said("mine")


def test_a_lease_that_was_lost_stays_lost_even_when_the_new_holder_gives_it_back(shared: Shared) -> None:
    sleeper, awake = shared.engine("sleeper"), shared.engine("awake")
    sleeper.take()
    shared.time.pass_seconds(LEASE_SECONDS)
    awake.take()
    with pytest.raises(LeaseLost):
        sleeper.check()
    awake.release()
    with pytest.raises(LeaseLost, match="taken by awake"):
        sleeper.append(said("late"))


def test_an_engine_that_slept_through_its_expiry_goes_on_where_nobody_took_its_place(shared: Shared) -> None:
    sleeper = shared.engine("sleeper")
    sleeper.take()
    shared.time.pass_seconds(10 * LEASE_SECONDS)
    sleeper.check()
    with pytest.raises(LeaseHeld):
        shared.engine("other").take()


def test_given_back_or_known_dead_nobody_waits(shared: Shared) -> None:
    shared.engine("one").take()
    shared.store.died("one")
    second = shared.engine("two")
    assert second.take() == 2
    second.release()
    with pytest.raises(LeaseLost, match="given back"):
        second.check()
    assert shared.engine("three").take() == 3


def test_that_somebody_else_died_changes_nothing(shared: Shared) -> None:
    shared.engine("one").take()
    shared.store.died("two")
    with pytest.raises(LeaseHeld):
        shared.engine("three").take()


class AnyNumberOfEngines(RuleBasedStateMachine):
    """Engines come, sleep, wake and die at any moment; at each of them at most one may send, and it may also write."""

    @initialize()
    def begin(self) -> None:
        self.shared = Shared()
        self.engines: list[LeasedJournal] = []
        self.epochs_written: list[int] = []

    @rule()
    def come(self) -> None:
        engine = self.shared.engine(f"engine {len(self.engines)}")
        try:
            engine.take()
        except LeaseHeld:
            return
        self.engines.append(engine)

    @rule(seconds=st.floats(min_value=0, max_value=LEASE_SECONDS * 1.5))
    def wait(self, seconds: float) -> None:
        self.shared.time.pass_seconds(seconds)

    @precondition(lambda self: self.engines)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        self.tries(data, LeasedJournal.renew)

    @precondition(lambda self: self.engines)
    @rule(data=st.data())
    def check(self, data: st.DataObject) -> None:
        self.tries(data, LeasedJournal.check)

    @precondition(lambda self: self.engines)
    @rule(data=st.data())
    def write(self, data: st.DataObject) -> None:
        engine = self.tries(data, lambda engine: engine.append(said(str(engine.epoch))))
        if engine is not None:
            self.epochs_written.append(engine.epoch)

    @precondition(lambda self: self.engines)
    @rule()
    def die(self) -> None:
        # The store knows one holder; of an older one's death there is nothing to tell.
        self.shared.store.died(self.shared.store.lease.owner)
        self.engines = [engine for engine in self.engines if engine.epoch != self.shared.store.lease.epoch]

    def tries(self, data: st.DataObject, what: object) -> LeasedJournal | None:
        engine = data.draw(st.sampled_from(self.engines))
        try:
            what(engine)  # type: ignore[operator]
        except LeaseLost:
            assert engine.epoch < self.shared.store.lease.epoch
            return None
        assert engine.epoch == self.shared.store.lease.epoch
        return engine

    @invariant()
    def one_may_send(self) -> None:
        may_send = [engine for engine in self.engines if engine._hold.is_fresh]
        assert all(engine.epoch == self.shared.store.lease.epoch for engine in may_send)

    @invariant()
    def epochs_never_go_back_in_the_journal(self) -> None:
        assert self.epochs_written == sorted(self.epochs_written)


TestAnyNumberOfEngines = AnyNumberOfEngines.TestCase


def test_what_is_sent_by_is_never_older_than_a_second(shared: Shared) -> None:
    first = shared.engine("one")
    first.take()
    shared.time.pass_seconds(READING_SECONDS_MAX)
    assert first._hold.is_fresh
    shared.time.now += 1
    assert not first._hold.is_fresh
