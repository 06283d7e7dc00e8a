"""A handler that raises costs itself alone: what it missed is kept, and after many failures it is left in peace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.broker.quiet_wire import QuietWire, feeding
from the_alchemiser.broker import handlers
from the_alchemiser.broker.handlers import REST_SECONDS, Guard
from the_alchemiser.broker.market_stream import Occasion

QUOTE = {"T": "q", "S": "AAPL", "bp": 150.1, "bs": 3, "ap": 150.2, "as": 4}


class Moody:
    """A handler that fails while `is_well` is False."""

    def __init__(self) -> None:
        self.is_well = False
        self.seen: list[Any] = []

    def __call__(self, message: Any) -> None:
        if not self.is_well:
            raise RuntimeError("a defect of the user's")
        self.seen.append(message)


def guarded(handler: Callable[[Any], None]) -> tuple[Guard, list[Callable[[Any], None]], list[str]]:
    calls, told = [handler], []
    return Guard(handler, calls.append, told.append), calls, told


def give(guard: Guard, calls: list[Callable[[Any], None]], message: Any) -> None:
    """As a stream does it."""
    try:
        calls[-1](message)
    except RuntimeError as error:
        guard.failed(message, error)


async def test_a_handler_that_always_fails_is_given_a_rest_and_told_of_once() -> None:
    guard, calls, told = guarded(Moody())
    for number in range(50):
        give(guard, calls, number)
    assert guard.failures == 5
    assert guard.is_resting
    assert len(told) == 1
    assert guard.kept == tuple(range(50))


async def test_what_a_handler_missed_can_be_given_to_it_again_in_order() -> None:
    moody = Moody()
    guard, calls, _ = guarded(moody)
    for number in range(10):
        give(guard, calls, number)
    assert guard.replay() == 10
    moody.is_well = True
    assert guard.replay() == 0
    assert moody.seen == list(range(10))


async def test_only_so_much_is_kept_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "KEPT_MAX", 3)
    guard, calls, _ = guarded(Moody())
    for number in range(10):
        give(guard, calls, number)
    assert (guard.kept, guard.lost) == ((7, 8, 9), 7)


async def test_failures_far_apart_are_no_reason_for_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    guard, calls, told = guarded(Moody())
    loop, now = asyncio.get_running_loop(), 0.0
    monkeypatch.setattr(loop, "time", lambda: now)
    for _ in range(20):
        give(guard, calls, "once a minute")
        now += 60
    monkeypatch.undo()
    assert (guard.failures, told) == (20, [])


def test_in_a_stream_the_rest_ends_and_one_more_failure_begins_another() -> None:
    wire = QuietWire(feeding(QUOTE, 0.1))
    moody = Moody()
    stream = wire.stock_stream(moody)
    wire.pass_seconds(10)
    assert stream.handler_failures == 5
    assert [occasion for _, occasion in wire.news] == [Occasion.LISTENING, Occasion.HANDLER]
    wire.pass_seconds(REST_SECONDS)
    assert stream.handler_failures == 6
    moody.is_well = True
    wire.pass_seconds(REST_SECONDS)
    live = len(moody.seen)
    assert live > 0
    assert stream.replay() == 0
    assert len(moody.seen) > live + 500
    assert len(wire.attempts) == 1
    wire.close()
