"""Trading over the broker's real wire. asyncio waits; threads talk to the broker; the engine decides in between.

One inbox, one writer. Order updates, answers and timers become events; whatever is in the inbox is one turn: decided,
committed to the journal, and only then sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable, Sequence
from typing import Protocol

from the_alchemiser.domain.effects import CancelOrder, Effect, SubmitOrder
from the_alchemiser.domain.errors import BrokerUnavailable, StoreUnavailable
from the_alchemiser.domain.events import Event, JournalRestored, OrderHeard, Started
from the_alchemiser.domain.probes import probe
from the_alchemiser.ports import Clock, Lease
from the_alchemiser.runtime.clocks import LockstepClock
from the_alchemiser.runtime.ear import Ear
from the_alchemiser.runtime.outbox import Outbox
from the_alchemiser.runtime.patience import PatientCommit
from the_alchemiser.runtime.perform import Performer
from the_alchemiser.runtime.threads import DaemonThreads
from the_alchemiser.runtime.turn import Turn
from the_alchemiser.store.lease import RENEWAL_SECONDS

CONVERSATIONS_MAX = 4
"""Requests under way at once; the broker's rate limit makes more pointless."""
SAFETY_CONVERSATIONS = 2
"""As many again are kept for cancels: when orders and reads wait for the next minute, a way out does not."""
IDLE_SECONDS_MAX = 1.0
"""How long the driver sleeps at most before it looks at its timers and its stop flag again."""
DRAIN_SECONDS_MAX = 3.0
"""How long a stop waits for requests under way. With one try at the journal before and the files closed after it, a
stop takes five seconds at most."""
START_SECONDS_MAX = 30.0
"""How long the order stream may take to listen at the start: without it no order would be followed."""


class Pace(Protocol):
    """How effects are carried out and how time passes: concurrently in running time, one by one in lockstep."""

    async def carry_out(self, effects: Sequence[Effect]) -> None:
        """Take on the effects of one turn."""
        ...

    async def next_events(self) -> list[Event]:
        """The next turn's events; may be empty."""
        ...


class LiveDriver:
    """Runs one engine against one broker until told to stop or until `is_finished` says so."""

    def __init__(
        self,
        turn: Turn,
        pace: Pace,
        ear: Ear,
        now: Callable[[], int],
        *,
        start_seconds: float = START_SECONDS_MAX,
        has_process_alone: bool = True,
        lease: Lease | None = None,
        renewal_seconds: float = RENEWAL_SECONDS,
    ) -> None:
        self._turn, self._pace, self._ear, self._now = turn, pace, ear, now
        self._lease, self._renewal_seconds = lease, renewal_seconds
        self._start_seconds = start_seconds
        self.is_stopping = False
        self._commit = PatientCommit(turn, lambda: self.is_stopping).commit
        self._has_process_alone = has_process_alone

    def stop(self) -> None:
        """End after the turn under way; requests already out are waited for a few seconds."""
        self.is_stopping = True
        self._ear.arrival.set()

    async def run(
        self,
        is_finished: Callable[[], bool] = lambda: False,
        first: Sequence[Event] = (),
        trouble: str = "",
    ) -> None:
        """Start, recover and trade: all the same. `trouble` says why this start should be careful.

        Raises an ExceptionGroup of what makes going on unsafe, such as StoreUnavailable or LeaseLost, or starting
        impossible: BrokerUnavailable where the order stream does not listen.
        """
        if self._has_process_alone:
            # What start-up made stays; sweeping it again and again would pause decisions for tens of milliseconds.
            gc.collect()
            gc.freeze()
        async with asyncio.TaskGroup() as tasks:
            beside = [tasks.create_task(self._ear.hear()), tasks.create_task(self._keep_lease())]
            try:
                if await self._is_listening():
                    await self._loop(is_finished, [Started(self._now(), trouble), *first])
            finally:
                for task in beside:
                    task.cancel()

    async def _keep_lease(self) -> None:
        """Renew until cancelled. A store that does not answer ends nothing yet: without it nothing is sent anyway."""
        while self._lease is not None:
            await asyncio.sleep(self._renewal_seconds)
            try:
                await asyncio.to_thread(self._lease.renew)
            except StoreUnavailable:
                probe("live.lease_not_renewed")

    async def _is_listening(self) -> bool:
        """Wait for the order stream; False where we are told to stop first."""
        clock = asyncio.get_running_loop()
        until = clock.time() + self._start_seconds
        while (left := until - clock.time()) > 0:
            if self.is_stopping:
                return False
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, IDLE_SECONDS_MAX)):
                    await self._ear.connected()
                    return True
        raise BrokerUnavailable(f"the order stream does not listen: {self._ear.trouble or 'no answer'}")

    async def _loop(self, is_finished: Callable[[], bool], events: list[Event]) -> None:
        while True:
            facts, effects = self._turn.decide(events)
            trouble = await self._commit(facts) if facts else ""
            outside = self._turn.let_out(facts, effects)
            if self.is_stopping:
                return  # What is durable and was not begun, the next start begins.
            await self._pace.carry_out(outside)
            if is_finished():
                return
            events = await self._pace.next_events()
            if trouble:
                events.append(JournalRestored(self._now(), trouble))


class RunningPace:
    """Time passes by itself: effects go out at once, the urgent ones first, a few at a time."""

    def __init__(
        self,
        turn: Turn,
        performer: Performer,
        clock: Clock,
        ear: Ear,
        *,
        idle_seconds_max: float = IDLE_SECONDS_MAX,
    ) -> None:
        self._turn, self._performer, self._clock, self._ear = turn, performer, clock, ear
        self._idle_seconds_max = idle_seconds_max
        self._answers: list[Event] = []
        self._outbox = Outbox()
        self._under_way: dict[asyncio.Task[None], Effect] = {}
        self._failure: BaseException | None = None
        self._threads = DaemonThreads(CONVERSATIONS_MAX + SAFETY_CONVERSATIONS, "broker")

    async def carry_out(self, effects: Sequence[Effect]) -> None:
        under_way = list(self._under_way.values())
        # Cancelling what is being cancelled would take two of the few conversations kept for cancels.
        self._outbox.add(one for one in effects if not (type(one) is CancelOrder and one in under_way))
        self._start_waiting()

    async def next_events(self) -> list[Event]:
        await self._idle()
        if self._failure is not None:
            raise self._failure
        answers, self._answers = self._answers, []
        return [*self._ear.take(), *answers, *self._turn.timers.take_due(self._clock.now())]

    async def drained(self) -> None:
        """Wait for the requests under way, a few seconds at most, and begin no other.

        The next start recovers what was not begun or not answered.
        """
        self._outbox.clear()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=DRAIN_SECONDS_MAX)
        self._threads.shutdown()

    def _start_waiting(self) -> None:
        while self._outbox and len(self._under_way) < self._conversations_max:
            effect = self._outbox.take()
            task = asyncio.create_task(self._converse(effect))
            self._under_way[task] = effect
            task.add_done_callback(self._done)

    @property
    def _conversations_max(self) -> int:
        return CONVERSATIONS_MAX + SAFETY_CONVERSATIONS * self._outbox.begins_with_safety

    async def _converse(self, effect: Effect) -> None:
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._threads, self._performer.perform, effect)
        if answer is not None:
            self._answers.append(answer)
        if isinstance(effect, SubmitOrder) and isinstance(answer, OrderHeard):
            self._ear.expect(effect.request.client_order_id)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        if not task.cancelled():
            self._failure = self._failure or task.exception()
        self._ear.arrival.set()
        self._start_waiting()

    async def _idle(self) -> None:
        """Until something has arrived or a timer is due."""
        due_at, wait = self._turn.timers.next_at, self._idle_seconds_max
        if due_at is not None:
            wait = min(wait, self._clock.seconds_until(due_at))
        if self._answers or self._ear.arrival.is_set():
            return
        try:
            async with asyncio.timeout(wait):
                await self._ear.arrival.wait()
        except TimeoutError:
            return


class LockstepPace:
    """Time stands still while we act: one effect after the other, each with all it caused, then time moves."""

    def __init__(
        self, turn: Turn, performer: Performer, clock: LockstepClock, ear: Ear, sequence: Callable[[], int]
    ) -> None:
        self._turn, self._performer, self._clock, self._ear = turn, performer, clock, ear
        self._sequence = sequence
        self._following: list[Event] = []

    async def carry_out(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            answer = await asyncio.to_thread(self._performer.perform, effect)
            if answer is not None:
                self._following.append(answer)
            await self._ear.caught_up(self._sequence())
            self._following += self._ear.take()

    async def next_events(self) -> list[Event]:
        if self._following:
            following, self._following = self._following, []
            return following
        due_at = self._turn.timers.next_at
        if due_at is None:
            raise RuntimeError("nothing is waited for: time cannot move")
        target = self._clock.next_stop(due_at)
        await asyncio.sleep(self._clock.seconds_until(target))
        sequence = await asyncio.to_thread(self._clock.advance, target)
        await self._ear.caught_up(sequence)
        return [*self._ear.take(), *self._turn.timers.take_due(self._clock.now())]
