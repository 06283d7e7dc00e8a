"""A broker that says exactly what a test tells it to say, byte for byte, over a real socket."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Answer = bytes | Callable[["Heard", socket.socket], None]


@dataclass(frozen=True)
class Heard:
    """One request as it arrived."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def answer(
    body: Any = None, status: int = 200, *, headers: Mapping[str, str] | None = None, raw: bytes | None = None
) -> bytes:
    """A well-formed HTTP answer; `raw` replaces the JSON body."""
    content = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


def refusal(status: int, code: int, message: str, **headers: str) -> bytes:
    return answer({"code": code, "message": message}, status, headers=headers)


def hang_up(heard: Heard, connection: socket.socket) -> None:
    """Close the connection with a reset, without a word."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ConnectionAbortedError


def cut_short(said: bytes) -> Answer:
    """Say `said` and close the connection."""

    def say(heard: Heard, connection: socket.socket) -> None:
        connection.sendall(said)
        raise ConnectionAbortedError

    return say


def stay_silent(heard: Heard, connection: socket.socket) -> None:
    """Never answer; return when the other side has given up."""
    connection.settimeout(20)
    connection.recv(1)


def drip(heard: Heard, connection: socket.socket) -> None:
    """Send one byte at a time, too slowly to ever be done, but never silent for long."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.05)


@dataclass
class SpeakingBroker:
    """Serves its script, one answer per request, and repeats the last; `routes` (by path) come before the script."""

    script: list[Answer] = field(default_factory=list)
    routes: dict[str, Answer] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                with connection.makefile("rb") as stream:
                    while (heard := _read(stream)) is not None:
                        self._answer(heard, connection)
            except OSError:
                return

    def _answer(self, heard: Heard, connection: socket.socket) -> None:
        with self._lock:
            self.heard.append(heard)
            said = self.routes.get(f"{heard.method} {heard.path}") or self._next()
        if callable(said):
            said(heard, connection)
        else:
            connection.sendall(said)

    def _next(self) -> Answer:
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


def _read(stream: Any) -> Heard | None:
    first = stream.readline()
    if not first:
        return None
    method, target, _ = first.decode().split(" ", 2)
    headers = {}
    while line := stream.readline().strip():
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", 0)))
    return Heard(method, target, headers, body)
