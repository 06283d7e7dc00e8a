"""What streams promise in seconds: dead and mute lines noticed, back-off for ever, one socket, few attempts."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.broker.alpaca_rows import order_row
from tests.broker.quiet_wire import QuietWire, attend, feeding, greet, saying, stay, until_closed
from the_alchemiser.broker.market_stream import Occasion
from the_alchemiser.domain.events import OrderHeard
from the_alchemiser.domain.hearing import Deaf
from the_alchemiser.simulation.schedule import Fault

HOUR = 3600.0
STAMP = "2026-01-02T15:00:00Z"
UPDATE = {"stream": "trade_updates", "data": {"event": "new", "order": order_row(), "timestamp": STAMP}}
QUOTE = {"T": "q", "S": "AAPL", "bp": 150.1, "bs": 3, "ap": 150.2, "as": 4}


WireOf = Callable[..., QuietWire]


@pytest.fixture
def wire_of() -> Iterator[WireOf]:
    wires: list[QuietWire] = []

    def build(*behaviours: Any, **options: Any) -> QuietWire:
        wires.append(QuietWire(*behaviours, **options))
        return wires[-1]

    yield build
    for wire in wires:
        wire.close()


def most_in_a_minute(instants: list[float]) -> int:
    return max(sum(at <= other < at + 60 for other in instants) for at in instants)


def kinds(heard: list[tuple[float, Any]]) -> list[type]:
    return [type(one) for _, one in heard]


@pytest.mark.spec("S0-26")
@pytest.mark.parametrize("piece", [4, 5])
def test_a_half_open_connection_is_noticed_and_replaced_within_twenty_seconds(
    wire_of: WireOf, piece: int
) -> None:
    # From this piece on nothing gets through either way, and nobody is told.
    wire = wire_of(saying(UPDATE, UPDATE, after_seconds=30), faults=(Fault("net:stream", piece, "dead"),))
    heard = wire.listen()
    wire.pass_seconds(120)
    listening = [at for at, one in heard if one is None]
    assert len(listening) == 2
    dead_since = 31 if piece == 4 else wire.attempts[0]
    assert listening[1] - dead_since < 20 + 30 * (piece == 5)


def test_a_silent_order_stream_that_answers_pings_is_left_in_peace_for_a_day(wire_of: WireOf) -> None:
    wire = wire_of(stay)
    heard = wire.listen()
    wire.pass_seconds(6.5 * HOUR)
    assert kinds(heard) == [type(None)]
    assert len(wire.attempts) == 1


@pytest.mark.spec("S0-26")
@pytest.mark.parametrize("status", [429, 406, 500, 503])
def test_an_hour_of_refusals_is_told_once_and_endured_with_few_attempts(wire_of: WireOf, status: int) -> None:
    wire = wire_of(*[status] * 140, stay)
    heard = wire.listen()
    wire.pass_seconds(HOUR)
    assert kinds(heard) == [Deaf, type(None)]
    assert str(status) in heard[0][1].reason
    assert heard[0][0] < 31
    assert most_in_a_minute(wire.attempts) <= 20
    waits = [after - before for before, after in itertools.pairwise(wire.attempts)]
    assert all(0.5 <= wait < 31 for wait in waits)
    assert len({round(wait, 3) for wait in waits}) > 100


@pytest.mark.parametrize("status", [401, 403])
def test_refused_keys_are_told_at_once_and_tried_slowly(wire_of: WireOf, status: int) -> None:
    wire = wire_of(status)
    heard = wire.listen()
    wire.pass_seconds(600)
    assert kinds(heard) == [Deaf]
    assert heard[0][0] < 5
    assert "refuses these keys" in heard[0][1].reason
    assert len(wire.attempts) <= 41


async def say_nothing(socket: web.WebSocketResponse) -> None:
    await asyncio.sleep(HOUR)


def test_a_broker_that_accepts_and_never_speaks_is_told_of_before_half_a_minute(wire_of: WireOf) -> None:
    wire = wire_of(say_nothing)
    heard = wire.listen()
    wire.pass_seconds(300)
    assert kinds(heard) == [Deaf]
    assert heard[0][0] < 31


def test_connections_that_hang_on_the_way_are_given_up_and_tried_again(wire_of: WireOf) -> None:
    hanging = tuple(Fault("net:connect", number, "hang") for number in range(1, 4))
    wire = wire_of(stay, faults=hanging)
    heard = wire.listen()
    wire.pass_seconds(120)
    assert kinds(heard) == [Deaf, type(None)]
    assert heard[0][0] < 31


def test_an_upgrade_that_is_never_answered_holds_no_second_socket_open(wire_of: WireOf) -> None:
    wire = wire_of(stay, faults=tuple(Fault("net:stream", number, "dead") for number in range(1, 6)))
    heard = wire.listen()
    wire.pass_seconds(180)
    assert heard[-1][1] is None
    # The dead ones the broker cannot know of; ours are gone before the next is asked for.
    assert all(
        after - before > 4 for before, after in zip(wire.attempts[:5], wire.attempts[1:6], strict=True)
    )


@settings(max_examples=25, deadline=None)
@given(lives=st.lists(st.floats(0, 30), min_size=1, max_size=60), seed=st.integers(0, 1000))
def test_however_often_the_line_drops_there_is_one_socket_and_at_most_twenty_attempts_a_minute(
    lives: list[float], seed: int
) -> None:
    most_open = 0

    def living(seconds: float) -> Any:
        async def behave(socket: web.WebSocketResponse) -> None:
            nonlocal most_open
            most_open = max(most_open, len(wire.open))
            await greet(socket)
            await attend(socket, seconds)

        return behave

    wire = QuietWire(*map(living, lives), stay, seed=seed)
    heard = wire.listen()
    wire.pass_seconds(len(lives) * 61 + 10)
    wire.close()
    assert most_in_a_minute(wire.attempts) <= 20
    assert most_open <= 1
    assert [one for _, one in heard if one is None] == [None] * (len(lives) + 1)


def test_a_connection_that_lives_again_and_again_for_long_never_alarms(wire_of: WireOf) -> None:
    wire = wire_of(*[saying(UPDATE, stays=15)] * 20, stay)
    heard = wire.listen()
    wire.pass_seconds(600)
    assert Deaf not in kinds(heard)
    assert sum(isinstance(one, OrderHeard) for _, one in heard) == 20


def test_a_reader_that_takes_its_time_is_not_taken_for_a_dead_broker(wire_of: WireOf) -> None:
    wire = wire_of(saying(*[UPDATE] * 100))
    stream = wire.order_stream(unread_max=10)
    taken: list[Any] = []

    async def read_slowly() -> None:
        async for one in stream.order_updates():
            taken.append(one)
            await asyncio.sleep(5)

    wire.begin(read_slowly())
    wire.pass_seconds(600)
    assert len(taken) == 101
    assert len(wire.attempts) == 1


# Market data


def test_a_mute_feed_is_noticed_within_five_seconds_and_replaced(wire_of: WireOf) -> None:
    wire = wire_of(feeding(QUOTE, 0.5, seconds=60), feeding(QUOTE, 0.5))
    seen: list[float] = []
    wire.stock_stream(lambda messages: seen.append(wire.seconds), expects_data=lambda: True)
    wire.pass_seconds(120)
    gap, last = max((after - before, before) for before, after in itertools.pairwise(seen))
    mute = [at for at, occasion in wire.news if occasion is Occasion.MUTE]
    assert len(mute) == 1
    assert mute[0] - last <= 5
    assert gap < 10
    assert [occasion for _, occasion in wire.news] == [Occasion.LISTENING, Occasion.MUTE, Occasion.LISTENING]


def test_a_feed_that_stays_mute_is_told_as_an_outage_and_tried_ever_more_slowly(wire_of: WireOf) -> None:
    wire = wire_of(feeding(QUOTE, 0.5, seconds=0))
    wire.stock_stream(lambda messages: None, expects_data=lambda: True)
    wire.pass_seconds(HOUR)
    assert Occasion.DEAF in [occasion for _, occasion in wire.news]
    assert len(wire.attempts) < 200


def test_without_a_session_silence_is_no_muteness(wire_of: WireOf) -> None:
    wire = wire_of(feeding(QUOTE, 0.5, seconds=60))
    wire.stock_stream(lambda messages: None)
    wire.pass_seconds(HOUR)
    assert len(wire.attempts) == 1


def test_a_half_open_feed_is_replaced_within_twenty_seconds(wire_of: WireOf) -> None:
    wire = wire_of(feeding(QUOTE, 1), faults=(Fault("net:answer", 60, "dead"),))
    seen: list[float] = []
    wire.stock_stream(lambda messages: seen.append(wire.seconds))
    wire.pass_seconds(180)
    assert len(wire.attempts) == 2
    assert max(after - before for before, after in itertools.pairwise(seen)) < 20


def refusing(code: int) -> Any:
    async def behave(socket: web.WebSocketResponse) -> None:
        import msgspec

        await socket.receive()
        await socket.send_bytes(msgspec.msgpack.encode([{"T": "error", "code": code, "msg": "no"}]))
        await until_closed(socket)

    return behave


def test_a_connection_limit_is_waited_out_with_few_attempts(wire_of: WireOf) -> None:
    wire = wire_of(*[refusing(406)] * 20, feeding(QUOTE, 1))
    stream = wire.stock_stream(lambda messages: None)
    wire.pass_seconds(900)
    assert [occasion for _, occasion in wire.news] == [Occasion.DEAF, Occasion.LISTENING]
    assert most_in_a_minute(wire.attempts) <= 20
    assert stream.trouble == ""
