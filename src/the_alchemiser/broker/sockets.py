"""Connections whose every operation ends by a deadline: name lookup, connect, TLS, each received byte together.

A time-out per operation is not enough: a peer that drips one byte a second never trips it.
"""

from __future__ import annotations

import functools
import http.client
import os
import queue
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol


class Deadline:
    """An instant after which nothing of a call may continue."""

    __slots__ = ("_at", "_monotonic")

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._at = monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left. Raises TimeoutError when there are none."""
        left = self._at - self._monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


class _PlainSocket(socket.socket):
    """Allows each receive only what is left of the call."""

    deadline: Deadline | None = None

    def recv_into(self, *arguments: Any) -> int:
        if self.deadline is not None:
            self.settimeout(self.deadline.remaining())
        return super().recv_into(*arguments)


class _TLSSocket(ssl.SSLSocket):
    """The same over TLS."""

    deadline: Deadline | None = None

    def recv_into(self, *arguments: Any) -> int:
        if self.deadline is not None:
            self.settimeout(self.deadline.remaining())
        return super().recv_into(*arguments)


@functools.cache
def tls_context(ca_file: str) -> ssl.SSLContext:
    """A verifying TLS context that trusts the authorities in `ca_file` and makes sockets with deadlines.

    Kept: reading the authorities takes longer than everything else about a reconnection.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.sslsocket_class = _TLSSocket
    return context


def trusted_authorities(ca_file: str) -> str:
    """The certificate authorities to trust: those given, else the file that `SSL_CERT_FILE` names for all programs
    that use OpenSSL, else the ones that come with alpaca-py.
    """
    import certifi

    return ca_file or os.environ.get("SSL_CERT_FILE") or certifi.where()


class Network(Protocol):
    """How a thread reaches a host."""

    def open(self, host: str, port: int, context: ssl.SSLContext | None, deadline: Deadline) -> Any:
        """A connected socket that `http.client` can read from, with a `deadline` of its own. Raises OSError."""
        ...

    def is_silent(self, connected: Any) -> bool:
        """Whether nothing has come unasked on an idle connection: neither bytes nor its end."""
        ...


class HostConnection:
    """One kept-alive connection to one host; `begin` must be called before each request."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None, network: Network) -> None:
        self._host, self._port, self._context, self._network = host, port, context, network
        self._socket: Any = None
        self.idle_since = 0.0

    def begin(self, connect: Deadline, call: Deadline) -> None:
        """Open if need be and set the deadline of the call. Any failure here means that nothing was sent."""
        if self._socket is None:
            self._socket = self._network.open(self._host, self._port, self._context, connect)
        self._socket.deadline = call
        self._socket.settimeout(call.remaining())

    def ask(self, method: str, message: bytes) -> http.client.HTTPResponse:
        """Send a whole request as one piece and read the head of its answer."""
        self._socket.sendall(message)
        response = http.client.HTTPResponse(self._socket, method=method)
        try:
            response.begin()
        except BaseException:
            response.close()
            raise
        return response

    def close(self) -> None:
        """Close it; unlike the call it served, this cannot fail."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    @property
    def is_quiet(self) -> bool:
        """Whether an idle connection still looks alive: a server that closed it, or spoke unasked, was heard."""
        return self._socket is not None and self._network.is_silent(self._socket)


class SystemNetwork:
    """The operating system's sockets."""

    def open(self, host: str, port: int, context: ssl.SSLContext | None, deadline: Deadline) -> Any:
        """The first of the host's addresses that accepts. Raises OSError."""
        failure: OSError = OSError("no address")
        for family, kind, protocol, _, address in _addresses(host, port, deadline):
            plain = _PlainSocket(family, kind, protocol)
            try:
                return _connected(plain, address, (host, context), deadline)
            except BaseException as error:
                plain.close()
                if not isinstance(error, OSError):
                    raise
                failure = error
        raise failure

    def is_silent(self, connected: Any) -> bool:
        """Whether an idle connection is as it was left: a server that closed it, or spoke unasked, made it readable."""
        # poll, because select() knows no descriptor above 1023
        poll = select.poll()
        poll.register(connected, select.POLLIN)
        return not poll.poll(0)


def _connected(
    plain: socket.socket, address: Any, tls: tuple[str, ssl.SSLContext | None], deadline: Deadline
) -> socket.socket:
    plain.settimeout(deadline.remaining())
    plain.connect(address)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    host, context = tls
    if context is None:
        return plain
    plain.settimeout(deadline.remaining())
    return context.wrap_socket(plain, server_hostname=host)


def _addresses(host: str, port: int, deadline: Deadline) -> Any:
    """The addresses of a host. The system's lookup cannot be given a time-out, so a thread of its own waits for it."""
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(
        target=_look_up, args=(host, port, answers), name="broker-name-lookup", daemon=True
    ).start()
    try:
        answer = answers.get(timeout=deadline.remaining())
    except queue.Empty:
        raise TimeoutError(f"name lookup of {host} timed out") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _look_up(host: str, port: int, answers: queue.SimpleQueue[Any]) -> None:
    try:
        answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except OSError as error:
        answers.put(error)
    except UnicodeError:
        answers.put(OSError(f"{host!r} is not a host name"))
