"""A market data stream that costs nothing to serve: the other end of `stream_ingest`.

Greets, authenticates and confirms as Alpaca does, then writes the same frames again and again, encoded once at the
start, until the client goes away. Prints its port, and ends when its standard input closes.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import random
import socket
import string
import sys
import threading
from collections.abc import Iterator
from typing import Any

import msgspec

MESSAGES = 100_000
"""The corpus that is repeated; CI needs no other number."""
SYMBOLS = 200
QUOTES_SHARE, TRADES_SHARE = 0.75, 0.24
"""The rest are bars."""
START_SECONDS = 1_700_000_000
PIECE_BYTES = 256 * 1024
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

encode = msgspec.msgpack.Encoder().encode


def messages(count: int) -> Iterator[dict[str, Any]]:
    """Made-up quotes, trades and bars of made-up symbols, in the fields and types of the wire."""
    chance = random.Random(1)
    symbols = ["".join(chance.choices(string.ascii_uppercase, k=4)) for _ in range(SYMBOLS)]
    prices = {symbol: chance.uniform(10, 500) for symbol in symbols}
    nanos = 0
    for number in range(count):
        symbol = chance.choice(symbols)
        price = prices[symbol] = round(prices[symbol] * (1 + chance.gauss(0, 1e-4)), 2)
        nanos += chance.randrange(1, 200_000)
        yield {**message(chance, number, symbol, price), "t": stamp(nanos)}


def message(chance: random.Random, number: int, symbol: str, price: float) -> dict[str, Any]:
    kind = chance.random()
    if kind < QUOTES_SHARE:
        sizes = {"bs": chance.randrange(1, 20), "as": chance.randrange(1, 20)}
        sides = {"bx": "V", "bp": round(price - 0.01, 2), "ax": "K", "ap": round(price + 0.01, 2)}
        return {"T": "q", "S": symbol, **sides, **sizes, "c": ["R"], "z": "C"}
    if kind < QUOTES_SHARE + TRADES_SHARE:
        trade = {"i": 52_983_525_029_461 + number, "x": "D", "p": price, "s": chance.randrange(1, 500)}
        return {"T": "t", "S": symbol, **trade, "c": ["@", "I"], "z": "C"}
    volumes = {"v": chance.randrange(100, 10**6), "n": chance.randrange(1, 900), "vw": price}
    return {"T": "b", "S": symbol, "o": price, "h": price + 0.1, "l": price - 0.1, "c": price, **volumes}


def stamp(nanos: int) -> msgspec.msgpack.Ext:
    """A msgpack timestamp of eight bytes."""
    seconds, rest = divmod(nanos, 10**9)
    return msgspec.msgpack.Ext(-1, (rest << 34 | START_SECONDS + seconds).to_bytes(8, "big"))


def frames(most: int) -> Iterator[bytes]:
    """The corpus in arrays of one message to `most` of them, each evenly likely."""
    chance, all_of_them = random.Random(2), list(messages(MESSAGES))
    start = 0
    while start < len(all_of_them):
        end = start + chance.randint(1, most)
        yield encode(all_of_them[start:end])
        start = end


def framed(payload: bytes) -> bytes:
    """One binary frame as a server sends it: unmasked."""
    length = len(payload)
    if length < 126:
        return bytes([0x82, length]) + payload
    if length < 65_536:
        return bytes([0x82, 126]) + length.to_bytes(2, "big") + payload
    return bytes([0x82, 127]) + length.to_bytes(8, "big") + payload


class Reader:
    """What the client says."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._unread = connection, b""

    def take(self, count: int) -> bytes:
        while len(self._unread) < count:
            self._unread += self._receive()
        taken, self._unread = self._unread[:count], self._unread[count:]
        return taken

    def head(self) -> bytes:
        """The request for the upgrade."""
        while b"\r\n\r\n" not in self._unread:
            self._unread += self._receive()
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        return head

    def message(self) -> bytes:
        """The next message, put together from its fragments; pings and the like are passed over."""
        whole = b""
        while True:
            first, second = self.take(2)
            length = second & 127
            if length > 125:
                length = int.from_bytes(self.take(2 if length == 126 else 8), "big")
            mask = self.take(4)
            piece = bytes(byte ^ mask[index & 3] for index, byte in enumerate(self.take(length)))
            if first & 8:
                continue
            whole += piece
            if first & 128:
                return whole

    def _receive(self) -> bytes:
        received = self._connection.recv(65_536)
        if not received:
            raise ConnectionResetError
        return received


def serve(connection: socket.socket, corpus: memoryview) -> None:
    """One client, until it goes away."""
    try:
        greet(connection, Reader(connection))
        while True:
            for start in range(0, len(corpus), PIECE_BYTES):
                connection.sendall(corpus[start : start + PIECE_BYTES])
    except OSError:
        connection.close()


def greet(connection: socket.socket, reader: Reader) -> None:
    """Upgrade, authentication, subscription."""
    lines = reader.head().split(b"\r\n")
    (key,) = (
        line.partition(b":")[2].strip() for line in lines if line.lower().startswith(b"sec-websocket-key:")
    )
    accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    connection.sendall(framed(encode([{"T": "success", "msg": "connected"}])))
    reader.message()
    connection.sendall(framed(encode([{"T": "success", "msg": "authenticated"}])))
    wanted = msgspec.msgpack.decode(reader.message())
    del wanted["action"]
    connection.sendall(framed(encode([{"T": "subscription", **wanted}])))


def listen(most: int) -> None:
    corpus = memoryview(b"".join(map(framed, frames(most))))
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve, args=(connection, corpus), daemon=True).start()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--most", type=int, default=50, help="messages in the largest frame")
    threading.Thread(target=listen, args=(parser.parse_args().most,), daemon=True).start()
    sys.stdin.read()
    os._exit(0)
