"""The bounded queue between the exchange and one client."""

import asyncio

import msgpack
import pytest

from the_alchemiser.exchange.streams import outbox
from the_alchemiser.exchange.streams.codec import MsgpackCodec
from the_alchemiser.exchange.streams.frames import framed


class Client:
    """Stands for a WebSocket and its transport: full until its gate is open."""

    compress = 0
    closed = False

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.frames: list[bytes] = []
        self.closed_with: int | None = None
        self.aborted = asyncio.Event()

    def get_write_buffer_size(self) -> int:
        return 0 if self.gate.is_set() else 2**40

    def is_closing(self) -> bool:
        return False

    def write(self, frame: bytes) -> None:
        self.frames.append(frame)

    async def close(self, *, code: int, message: bytes) -> None:
        self.closed_with = code

    def abort(self) -> None:
        self.aborted.set()


async def test_frames_leave_in_order_and_whoever_waits_hears_when_all_are_gone() -> None:
    client = Client()
    box = outbox.Outbox(client, client)
    for content in (b"one", "two", b"three"):
        box.put(framed(content))
    waiting = asyncio.create_task(box.flushed(10))
    await asyncio.sleep(0)
    assert not waiting.done()
    client.gate.set()
    await waiting
    assert client.frames == [b"\x82\x03one", b"\x81\x03two", b"\x82\x05three"]


@pytest.mark.parametrize(("count", "size"), [(outbox.FRAMES_LIMIT + 2, 1), (18, 1024 * 1024)])
async def test_a_client_behind_by_more_than_the_limit_is_cut_off_with_a_farewell(
    count: int, size: int
) -> None:
    client = Client()
    box = outbox.Outbox(client, client, farewell=framed("slow client"))
    await asyncio.sleep(0)
    for _ in range(count):
        box.put(framed(b"x" * size))
    assert box.slow
    client.gate.set()
    await client.aborted.wait()
    assert client.frames[-1] == framed("slow client").wire
    assert len(client.frames) < 3
    assert client.closed_with == 1008


async def test_a_client_that_takes_nothing_at_all_is_cut_off_all_the_same() -> None:
    client = Client()
    box = outbox.Outbox(client, client, farewell=framed("slow client"))
    for _ in range(outbox.FRAMES_LIMIT // 2 + 1):
        box.put(framed(b"x"))
    await box.room(patience_seconds=0.01)
    assert box.slow
    box.put(framed(b"nothing more is kept"))
    await client.aborted.wait()
    assert client.frames == [framed("slow client").wire]


async def test_room_is_found_when_the_client_has_read_half() -> None:
    client = Client()
    box = outbox.Outbox(client, client)
    for _ in range(outbox.FRAMES_LIMIT // 2 + 1):
        box.put(framed(b"x"))
    waiting = asyncio.create_task(box.room(patience_seconds=10))
    client.gate.set()
    await waiting
    assert not box.slow


def test_msgpack_instants_keep_their_nanoseconds() -> None:
    instant = 1_654_090_210_123_456_789
    codec = MsgpackCodec()
    (message,) = msgpack.unpackb(codec.array([codec.message({"t": codec.stamp(instant)})]).payload)
    assert message["t"].to_unix_nano() == instant


@pytest.mark.parametrize("count", [1, 15, 16, 500, 65_535, 65_536])
def test_msgpack_arrays_of_any_length_can_be_read(count: int) -> None:
    codec = MsgpackCodec()
    assert msgpack.unpackb(codec.array([codec.message({"T": "t"})] * count).payload) == [{"T": "t"}] * count
