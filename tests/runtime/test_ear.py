"""The ear keeps every update, groups what it could not understand, and notices an order nobody spoke of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import msgspec
import pytest
from hand import Hand, heard

from tests.broker.quiet_wire import QuietWire, stay
from the_alchemiser.domain.events import (
    OrderHeard,
    StreamGarbled,
    StreamLost,
    StreamRestored,
    StreamSuspected,
)
from the_alchemiser.domain.hearing import Deaf, Garbled
from the_alchemiser.runtime import ear
from the_alchemiser.runtime.ear import Ear

NOW = 77


class Telling:
    """An order stream that says what the test puts into it, when the test does."""

    def __init__(self) -> None:
        self.sequence, self.trouble = 0, ""
        self.suspicions: list[str] = []
        self._said: asyncio.Queue[Any] = asyncio.Queue()

    async def order_updates(self) -> AsyncIterator[OrderHeard | Deaf | Garbled | None]:
        while True:
            yield await self._said.get()

    def suspect(self, reason: str) -> None:
        self.suspicions.append(reason)

    async def say(self, *news: Any) -> None:
        for one in news:
            self._said.put_nowait(one)
        for _ in range(2 * len(news) + 2):
            await asyncio.sleep(0)


def update(name: str = "") -> OrderHeard:
    (request,) = Hand().begin()
    told = heard(request, "new")
    if not name:
        return told
    return msgspec.structs.replace(told, report=msgspec.structs.replace(told.report, client_order_id=name))


Story = Callable[[Ear, Telling], Coroutine[Any, Any, None]]


def listening(story: Story) -> None:
    """Tell a story to an ear that hears, in virtual time."""

    async def run() -> None:
        stream = Telling()
        listener = Ear(stream, lambda: NOW)
        hearing = asyncio.create_task(listener.hear())
        await story(listener, stream)
        hearing.cancel()

    wire = QuietWire(stay)
    telling = wire.begin(run())
    wire.pass_seconds(600)
    telling.result()
    wire.close()


def test_the_first_listening_is_no_restoration_and_each_later_one_is() -> None:
    async def story(listener: Ear, stream: Telling) -> None:
        await stream.say(None)
        await asyncio.wait_for(listener.connected(), 5)
        assert listener.take() == []
        await stream.say(None, update(), None)
        restored, _, again = listener.take()
        assert (restored, again) == (StreamRestored(NOW), StreamRestored(NOW))
        await stream.say(None, None, None)
        assert listener.take() == [StreamRestored(NOW)]

    listening(story)


def test_an_outage_is_told_only_where_there_was_something_to_lose() -> None:
    async def story(listener: Ear, stream: Telling) -> None:
        await stream.say(Deaf("refused"))
        assert listener.take() == []
        await stream.say(None, Deaf("refused"), None)
        assert listener.take() == [StreamLost(NOW, "refused"), StreamRestored(NOW)]

    listening(story)


@pytest.mark.spec("S0-26")
def test_a_flood_of_nonsense_is_told_at_once_then_together_and_costs_no_update() -> None:
    async def story(listener: Ear, stream: Telling) -> None:
        await stream.say(None)
        await stream.say(*[Garbled("a"), update()] * 50, Garbled("the last"))
        told = listener.take()
        assert sum(isinstance(one, OrderHeard) for one in told) == 50
        assert [one for one in told if isinstance(one, StreamGarbled)] == [StreamGarbled(NOW, "a", 1)]
        await asyncio.wait_for(listener.arrival.wait(), 15)
        assert listener.take() == [StreamGarbled(NOW, "the last", 50)]
        await asyncio.sleep(30)
        await stream.say(Garbled("much later"))
        assert listener.take() == [StreamGarbled(NOW, "much later", 1)]

    listening(story)


def test_an_order_that_was_answered_and_never_spoken_of_makes_the_stream_suspect() -> None:
    async def story(listener: Ear, stream: Telling) -> None:
        await stream.say(None)
        listener.take()
        listener.expect("mine")
        listener.expect("mine, too")
        await asyncio.wait_for(listener.arrival.wait(), 15)
        (told,) = listener.take()
        assert isinstance(told, StreamSuspected)
        assert "mine" in told.reason
        assert len(stream.suspicions) == 1
        await asyncio.sleep(30)
        assert listener.take() == []

    listening(story)


def test_orders_that_were_spoken_of_before_or_after_their_answer_are_no_reason_to_suspect() -> None:
    async def story(listener: Ear, stream: Telling) -> None:
        await stream.say(None, update("before"))
        listener.expect("before")
        listener.expect("after")
        await stream.say(update("after"))
        listener.take()
        await asyncio.sleep(30)
        assert listener.take() == []
        assert stream.suspicions == []

    listening(story)


def test_a_stream_that_is_down_anyway_is_not_suspected_of_silence() -> None:
    async def story(listener: Ear, stream: Telling) -> None:
        await stream.say(None)
        listener.expect("one")
        stream.trouble = "the connection ended"
        await asyncio.sleep(30)
        stream.trouble = ""
        listener.expect("two")
        await stream.say(None)  # the record is read, so nothing is to be expected any more
        listener.take()
        await asyncio.sleep(30)
        assert listener.take() == []
        assert stream.suspicions == []

    listening(story)


def test_names_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ear, "NAMES_MAX", 3)

    async def story(listener: Ear, stream: Telling) -> None:
        await stream.say(None, *(update(f"order {number}") for number in range(10)))
        assert len(listener._expected._told) == 3
        for number in range(20, 30):
            listener.expect(f"order {number}")
        assert len(listener._expected._due_at) == 3

    listening(story)
