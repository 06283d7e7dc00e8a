"""No bytes from a broker end a stream or cost another message: 100,000 damaged frames, and Hypothesis's own."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.broker.alpaca_rows import order_row
from tests.broker.conftest import KEY, SECRET
from tests.broker.quiet_wire import QuietWire, saying
from the_alchemiser.broker import AlpacaStream, Credentials
from the_alchemiser.broker.market_feed import Feed
from the_alchemiser.broker.market_messages import StockQuote
from the_alchemiser.broker.quarantine import EXCERPT_CHARACTERS, KEPT_BYTES_MAX, KEPT_MAX, Quarantine
from the_alchemiser.domain.events import OrderHeard
from the_alchemiser.domain.hearing import Garbled

FRAMES = 100_000
FILL: dict[str, Any] = {
    "stream": "trade_updates",
    "data": {
        "event": "fill",
        "execution_id": "e-1",
        "order": order_row(status="filled", filled_qty="10"),
        "timestamp": "2026-01-02T15:00:00.000000007Z",
        "price": "150.25",
        "qty": "10",
        "position_qty": "10",
    },
}
STRANGE_VALUES: list[Any] = [
    None,
    "",
    "NaN",
    "-1",
    "1e999",
    0,
    -7,
    1.5,
    True,
    [],
    {},
    [[]],
    "\x00",
    "\ud800",
    10**40,
]
QUOTE = {"T": "q", "S": "AAPL", "bp": 150.1, "bs": 3, "ap": 150.2, "as": 4}
GOOD_FRAME = msgspec.msgpack.encode([QUOTE])


def order_stream() -> AlpacaStream:
    return AlpacaStream(Credentials(KEY, SECRET), "ws://127.0.0.1:1/stream")


def damaged(text: bytes, chance: random.Random) -> bytes:
    """The same with something wrong in its bytes."""
    kind = chance.randrange(5)
    at = chance.randrange(len(text))
    if kind == 0:
        return text[:at]
    if kind == 1:
        return text[:at] + bytes([chance.randrange(256)]) + text[at + 1 :]
    if kind == 2:
        return text[:at] + text[at + chance.randrange(1, 20) :]
    if kind == 3:
        return chance.randbytes(chance.randrange(200))
    return text[:at] + text[chance.randrange(len(text)) :]


def changed(message: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The same with a field gone or of a strange value, at any depth."""
    copy = json.loads(json.dumps(message))
    place = chance.choice([copy, copy["data"], copy["data"]["order"]])
    name = chance.choice(sorted(place))
    if chance.random() < 0.3:
        del place[name]
    else:
        place[name] = chance.choice(STRANGE_VALUES)
    return copy


def poisoned_updates() -> Iterator[bytes]:
    chance, good = random.Random(1), json.dumps(FILL).encode()
    for _ in range(FRAMES // 2):
        yield damaged(good, chance)
        yield json.dumps(changed(FILL, chance)).encode()


def assert_sound(heard: Any) -> None:
    """Whatever is handed on is either said to be no message, or holds amounts the books can take."""
    if isinstance(heard, OrderHeard):
        assert heard.report.broker_order_id
        assert heard.report.filled.is_finite()
        if heard.execution is not None:
            assert 0 <= heard.execution.cum_before < heard.execution.cum_after
            assert heard.execution.price > 0
    else:
        assert isinstance(heard, Garbled)


@pytest.mark.slow
@pytest.mark.spec("S0-26")
def test_a_hundred_thousand_damaged_updates_are_each_understood_or_kept_and_the_next_good_one_is_heard() -> (
    None
):
    stream = order_stream()
    garbled = 0
    for text in poisoned_updates():
        for heard in stream._heard(text):
            assert_sound(heard)
            garbled += isinstance(heard, Garbled)
    assert stream.quarantine.count == garbled > FRAMES / 10
    assert len(stream.quarantine.kept) == KEPT_MAX
    [good] = stream._heard(json.dumps(FILL).encode())
    assert isinstance(good, OrderHeard)
    assert good.execution is not None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(data=json_values, text=st.binary(max_size=60))
def test_no_data_of_any_shape_raises(data: Any, text: bytes) -> None:
    stream = order_stream()
    message = json.dumps({"stream": "trade_updates", "data": data}).encode()
    for heard in [*stream._heard(message), *stream._heard(text)]:
        assert_sound(heard)


class Fed:
    """A feed without a wire, and what it handed on."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.quarantine = Quarantine("a feed")
        self.feed = Feed(self.seen.extend, lambda _: None, self.quarantine, 8.0)

    def give(self, payload: bytes, *, fin: bool = True) -> None:
        self.feed.on_ws_frame(None, Frame(payload, fin))  # type: ignore[arg-type]


class Frame:
    """A frame as the library shows it."""

    def __init__(self, payload: bytes, fin: bool = True) -> None:
        import picows

        self._payload, self.fin = payload, fin
        self.msg_type = picows.WSMsgType.BINARY

    def get_payload_as_bytes(self) -> bytes:
        return self._payload

    def get_payload_as_memoryview(self) -> memoryview:
        return memoryview(self._payload)


@pytest.mark.slow
def test_a_hundred_thousand_damaged_frames_cost_a_feed_nothing_but_themselves() -> None:
    chance, fed = random.Random(2), Fed()
    good = msgspec.msgpack.encode([QUOTE, {"T": "t", "S": "AAPL", "p": 1.0, "s": 1}, {**QUOTE, "S": "IBM"}])
    for _ in range(FRAMES):
        fed.give(damaged(good, chance))
    assert fed.quarantine.count > FRAMES / 10
    assert all(isinstance(one.symbol, str) for one in fed.seen if hasattr(one, "symbol"))
    fed.seen.clear()
    fed.give(GOOD_FRAME)
    assert fed.seen == [StockQuote("AAPL", 150.1, 150.2, 3, 4)]


@given(payload=st.binary(max_size=200))
def test_no_bytes_raise_in_a_feed(payload: bytes) -> None:
    fed = Fed()
    fed.give(payload)
    fed.give(GOOD_FRAME)
    assert StockQuote("AAPL", 150.1, 150.2, 3, 4) in fed.seen


@given(cut=st.integers(0, len(GOOD_FRAME)))
def test_a_message_in_pieces_is_one_message_wherever_it_was_cut(cut: int) -> None:
    wire = QuietWire(in_pieces(GOOD_FRAME[:cut], GOOD_FRAME[cut:]))
    seen: list[Any] = []
    stream = wire.stock_stream(seen.extend)
    wire.pass_seconds(5)
    wire.close()
    assert seen == [StockQuote("AAPL", 150.1, 150.2, 3, 4)]
    assert stream.quarantine.count == 0


def in_pieces(*pieces: bytes) -> Any:
    """Take the subscription and send one message in these fragments."""
    from aiohttp import web

    from tests.broker.quiet_wire import until_closed

    async def behave(socket: web.WebSocketResponse) -> None:
        for _ in range(2):
            asked = msgspec.msgpack.decode((await socket.receive()).data)
            is_login = asked.pop("action") == "auth"
            answer = {"T": "success", "msg": "authenticated"} if is_login else {"T": "subscription", **asked}
            await socket.send_bytes(msgspec.msgpack.encode([answer]))
        transport = socket._req.transport  # type: ignore[union-attr]
        for number, piece in enumerate(pieces):
            opcode, fin = (2 if number == 0 else 0), (0x80 if number == len(pieces) - 1 else 0)
            transport.write(bytes([fin | opcode, len(piece)]) + piece)  # type: ignore[union-attr]
        await until_closed(socket)

    return behave


def test_a_thousand_poisoned_messages_over_the_wire_leave_the_connection_alone() -> None:
    chance = random.Random(3)
    texts = [json.dumps(changed(FILL, chance)) for _ in range(1000)]
    wire = QuietWire(saying(*texts, FILL))
    heard = wire.listen()
    wire.pass_seconds(30)
    wire.close()
    assert len(wire.attempts) == 1
    assert isinstance(heard[-1][1], OrderHeard)


def test_what_is_kept_and_shown_of_a_bad_message_is_bounded_printable_and_without_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    keys = Credentials(KEY, SECRET)
    quarantine = Quarantine("a stream", keys.masked)
    for number in range(5_000):
        shown = quarantine.put(f"bad {number}", f"{SECRET}\n\x1b[31m".encode() + b"x" * 100_000)
    assert SECRET not in shown
    assert shown.isprintable()
    assert len(shown) < EXCERPT_CHARACTERS + 50
    assert sum(len(one.message) for one in quarantine.kept) == KEPT_MAX * KEPT_BYTES_MAX
    assert len(caplog.records) < 50
    assert SECRET not in caplog.text
