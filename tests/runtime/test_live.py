"""The live driver's own promises: it starts only when it hears, stops when told, and grows no queue on a bad line."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hand import Hand, heard

from the_alchemiser.domain.effects import CancelOrder, Effect, LookUpOrder, ReadBroker
from the_alchemiser.domain.errors import BrokerUnavailable, LeaseLost, StoreUnavailable
from the_alchemiser.domain.events import Event, OrderHeard, Started
from the_alchemiser.engine import Engine, EngineConfig
from the_alchemiser.runtime.clocks import RunningClock
from the_alchemiser.runtime.ear import HEARD_MAX, Ear
from the_alchemiser.runtime.live import CONVERSATIONS_MAX, LiveDriver, RunningPace
from the_alchemiser.runtime.turn import Timers, Turn
from the_alchemiser.store.memory import MemoryJournal


class TellingStream:
    """An order stream that says what the test gives it; with nothing given it never connects."""

    sequence, trouble = 0, "the broker refuses these keys on the order stream"

    def __init__(self, news: Sequence[OrderHeard | None] = ()) -> None:
        self.news, self.told = news, 0

    async def order_updates(self) -> AsyncIterator[OrderHeard | None]:
        for one in self.news:
            self.told += 1
            yield one
        await asyncio.Event().wait()

    def suspect(self, reason: str) -> None:
        raise AssertionError(reason)


class SlowDesk:
    """A broker's desk where every conversation waits until the test lets it end."""

    def __init__(self) -> None:
        self.begun: list[Effect] = []
        self.may_end = threading.Event()
        self.is_busy = threading.Semaphore(0)

    def perform(self, effect: Effect) -> Event | None:
        self.begun.append(effect)
        self.is_busy.release()
        self.may_end.wait(timeout=30)
        return None


class FailingLease:
    """A lease whose renewals end as the test says, the last of them for ever."""

    epoch = 1

    def __init__(self, *outcomes: Exception | None) -> None:
        self.outcomes, self.renewals = list(outcomes), 0

    def renew(self) -> None:
        self.renewals += 1
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if outcome is not None:
            raise outcome


class Waiting:
    """A pace on which nothing ever happens."""

    async def carry_out(self, effects: Sequence[Effect]) -> None:
        pass

    async def next_events(self) -> list[Event]:
        await asyncio.Event().wait()
        return []


class Recording:
    """A pace without a broker."""

    async def carry_out(self, effects: Sequence[Effect]) -> None:
        pass

    async def next_events(self) -> list[Event]:
        raise AssertionError("nothing was to be waited for")


def turn() -> Turn:
    return Turn(Engine(EngineConfig()), MemoryJournal(), Timers())


def driver_of(stream: TellingStream, **more: Any) -> LiveDriver:
    return LiveDriver(turn(), Recording(), Ear(stream, lambda: 0), lambda: 0, **more)


def pace_of(desk: SlowDesk) -> RunningPace:
    return RunningPace(turn(), desk, RunningClock(0), Ear(TellingStream(), lambda: 0))  # type: ignore[arg-type]


def reads(*purposes: str, watch: Sequence[str] = ()) -> list[ReadBroker]:
    return [ReadBroker(purpose, 0, tuple(watch)) for purpose in purposes]


def test_without_an_order_stream_nothing_is_traded_and_the_reason_is_told() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(driver_of(TellingStream(), start_seconds=0.01).run())
    (failure,) = caught.value.exceptions
    assert isinstance(failure, BrokerUnavailable)
    assert "does not listen: the broker refuses these keys" in str(failure)


def test_a_stop_is_heard_while_the_order_stream_is_still_waited_for() -> None:
    driver = driver_of(TellingStream())
    driver.stop()
    asyncio.run(driver.run())


def test_with_the_stream_listening_the_first_turn_is_taken() -> None:
    driver = driver_of(TellingStream([None]))
    asyncio.run(driver.run(is_finished=lambda: True, first=[Started(0)]))


def test_a_stop_begins_nothing_that_was_still_waiting() -> None:
    desk = SlowDesk()

    async def stopped() -> None:
        pace = pace_of(desk)
        await pace.carry_out(reads(*(f"one of {number}" for number in range(3 * CONVERSATIONS_MAX))))
        for _ in range(CONVERSATIONS_MAX):
            await asyncio.to_thread(desk.is_busy.acquire)
        desk.may_end.set()
        await pace.drained()

    asyncio.run(stopped())
    assert len(desk.begun) == CONVERSATIONS_MAX


def test_a_cancel_does_not_wait_behind_reads_that_wait() -> None:
    async def busy_with_reads() -> list[Effect]:
        desk = SlowDesk()
        pace = pace_of(desk)
        await pace.carry_out([LookUpOrder(f"order-{number}") for number in range(CONVERSATIONS_MAX + 3)])
        await pace.carry_out([CancelOrder("the one", "at the broker")])
        for _ in range(CONVERSATIONS_MAX + 1):
            await asyncio.to_thread(desk.is_busy.acquire, timeout=5)
        begun = list(desk.begun)
        desk.may_end.set()
        await pace.drained()
        return begun

    begun = asyncio.run(busy_with_reads())
    assert len(begun) == CONVERSATIONS_MAX + 1
    assert begun[-1] == CancelOrder("the one", "at the broker")


def test_what_is_asked_again_before_it_was_begun_waits_once_and_knows_the_newest() -> None:
    desk = SlowDesk()

    async def asked() -> list[Effect]:
        pace = pace_of(desk)
        await pace.carry_out(reads(*(f"one of {number}" for number in range(CONVERSATIONS_MAX))))
        for _ in range(100):
            await pace.carry_out([CancelOrder("a", "b"), LookUpOrder("c"), *reads("fills")])
        await pace.carry_out([*reads("fills", watch=["new"]), LookUpOrder("d")])
        desk.may_end.set()
        for _ in range(CONVERSATIONS_MAX + 4):
            await asyncio.to_thread(desk.is_busy.acquire)
        await pace.drained()
        return desk.begun[CONVERSATIONS_MAX:]

    begun = asyncio.run(asyncio.wait_for(asked(), 30))
    assert len(begun) == 4
    assert CancelOrder("a", "b") in begun
    assert reads("fills", watch=["new"])[0] in begun


def test_an_ear_that_is_full_lets_the_stream_wait_and_loses_nothing() -> None:
    (request,) = Hand().begin()
    stream = TellingStream([None] + [heard(request, "new")] * (HEARD_MAX + 5))

    async def listened() -> tuple[int, int]:
        ear = Ear(stream, lambda: 0)
        hearing = asyncio.create_task(ear.hear())
        await ear.connected()
        for _ in range(3):
            await asyncio.sleep(0)
        told, first = stream.told, len(ear.take())
        for _ in range(3):
            await asyncio.sleep(0)
        hearing.cancel()
        assert told == HEARD_MAX + 1
        return first, len(ear.take())

    assert asyncio.run(listened()) == (HEARD_MAX, 5)


def test_the_lease_is_renewed_beside_the_trading_and_its_loss_ends_the_engine_even_when_nothing_happens() -> (
    None
):
    lease = FailingLease(
        None, None, StoreUnavailable("the database restarts"), None, LeaseLost("taken by two")
    )
    driver = LiveDriver(
        turn(),
        Waiting(),
        Ear(TellingStream([None]), lambda: 0),
        lambda: 0,
        lease=lease,  # type: ignore[arg-type]
        renewal_seconds=0.001,
    )
    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(asyncio.wait_for(driver.run(), 30))
    (failure,) = caught.value.exceptions
    assert isinstance(failure, LeaseLost)
    assert lease.renewals == 5
