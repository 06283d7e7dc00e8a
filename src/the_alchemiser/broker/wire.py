"""HTTP to one host: one request, one whole answer, by a deadline, or a failure that says whether anything was sent."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from the_alchemiser.broker.platform import SYSTEM, Platform
from the_alchemiser.broker.sockets import Deadline, HostConnection, tls_context
from the_alchemiser.domain.errors import ConfigurationError

ORDER_BODY_BYTES_MAX = 1024 * 1024
"""No answer to an order is near this; a longer one is not an answer."""
READ_BODY_BYTES_MAX = 32 * 1024 * 1024
"""The longest honest answer is the list of all assets, about 16 MB."""
IDLE_CONNECTIONS_MAX = 16
IDLE_SECONDS_MAX = 30.0
"""Load balancers close idle connections after a minute or more; one we closed ourselves cannot swallow an order."""


class NotSentError(Exception):
    """The request never left: no name, no connection, no TLS."""


class UnreadableError(Exception):
    """An answer came and cannot be used: cut short, too long, or in an encoding we did not ask for."""


@dataclass(frozen=True)
class Answer:
    """What the host said; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Request:
    """One request; `target` is the path with its query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None = None

    @property
    def changes_nothing(self) -> bool:
        """Whether it may be repeated without harm."""
        return self.method == "GET"

    @property
    def body_bytes_max(self) -> int:
        """The longest answer that is still believed."""
        return READ_BODY_BYTES_MAX if self.changes_nothing else ORDER_BODY_BYTES_MAX


class Wire:
    """A small pool of kept-alive connections to one origin (`scheme://host[:port]`). Thread-safe."""

    def __init__(
        self,
        origin: str,
        *,
        connect_seconds: float,
        call_seconds: float,
        ca_file: str,
        platform: Platform = SYSTEM,
    ) -> None:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(
                f"{origin!r} is not an address of a broker: http://host:port or https://host"
            )
        self._context: ssl.SSLContext | None = tls_context(ca_file) if parts.scheme == "https" else None
        self._host = parts.hostname
        self._authority = parts.netloc.rpartition("@")[2]
        self._port = parts.port or (443 if self._context else 80)
        self._connect_seconds, self._call_seconds = connect_seconds, call_seconds
        self._platform = platform
        self._idle: list[HostConnection] = []
        self._lock = threading.Lock()

    def exchange(self, request: Request) -> Answer:
        """Send once and read the whole answer. Raises NotSentError, UnreadableError, OSError or HTTPException."""
        call = Deadline(self._call_seconds, self._platform.monotonic)
        while True:
            connection, reused = self._open(call)
            try:
                return self._converse(connection, request)
            except (ConnectionError, http.client.RemoteDisconnected):
                # An idle connection the host has just closed: for a read a new one costs nothing.
                if not (reused and request.changes_nothing):
                    raise

    def close(self) -> None:
        """Close the idle connections; the wire opens new ones when used again."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _open(self, call: Deadline) -> tuple[HostConnection, bool]:
        connection = self._take()
        reused = connection is not None
        connection = connection or HostConnection(
            self._host, self._port, self._context, self._platform.network
        )
        try:
            connection.begin(Deadline(self._connect_seconds, self._platform.monotonic), call)
        except OSError as error:
            connection.close()
            raise NotSentError(f"no connection to {self._host}:{self._port}: {_words(error)}") from error
        return connection, reused

    def _converse(self, connection: HostConnection, request: Request) -> Answer:
        try:
            response = connection.ask(request.method, self._message(request))
            headers = {name.lower(): value for name, value in response.headers.items()}
            body = _whole_body(response, request.body_bytes_max)
        except BaseException:
            connection.close()
            raise
        self._give(connection, keep=not response.will_close)
        return Answer(response.status, headers, body)

    def _message(self, request: Request) -> bytes:
        lines = [f"{request.method} {request.target} HTTP/1.1", f"Host: {self._authority}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        if request.body is not None:
            lines.append(f"Content-Length: {len(request.body)}")
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a line break in a request line or header")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + (request.body or b"")

    def _take(self) -> HostConnection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            idle_seconds = self._platform.monotonic() - connection.idle_since
            if idle_seconds <= IDLE_SECONDS_MAX and connection.is_quiet:
                return connection
            connection.close()

    def _give(self, connection: HostConnection, *, keep: bool) -> None:
        connection.idle_since = self._platform.monotonic()
        with self._lock:
            if keep and len(self._idle) < IDLE_CONNECTIONS_MAX:
                self._idle.append(connection)
                return
        connection.close()


def _whole_body(response: http.client.HTTPResponse, bytes_max: int) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnreadableError("the answer came in an encoding we did not ask for")
    expected: int | None = response.length
    if expected is not None and expected > bytes_max:
        raise UnreadableError(f"the answer is longer than {bytes_max} bytes")
    body = response.read() if expected is not None else response.read(bytes_max + 1)
    if len(body) > bytes_max:
        raise UnreadableError(f"the answer is longer than {bytes_max} bytes")
    if expected is None:
        response.read(1)  # the end of a chunked body, so that the connection can be used again
    return body


def _words(error: OSError) -> str:
    return (
        "timed out"
        if isinstance(error, TimeoutError)
        else (error.strerror or str(error) or type(error).__name__)
    )
