"""A conversation with a running exchange in which every answer is judged by Alpaca's documents."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from openapi import conforms, find
from wire import WireExchange

STREAM_SECONDS = 20.0


@dataclass(frozen=True)
class Heard:
    """One answer: to which operation, and what was wrong with it."""

    operation: str
    status: int
    request: str
    fault: str | None


@dataclass
class Conversation:
    """Asks and remembers. Nothing raises: a route that does not exist yet must not hide those after it."""

    exchange: WireExchange
    heard: list[Heard] = field(default_factory=list)

    def ask(
        self, method: str, path: str, body: Any = None, *, status: int | None = None, **query: Any
    ) -> Any:
        """The body of an answer, judged; it must have `status` if one is given. {} when there is none."""
        query = {name.removesuffix("_"): value for name, value in query.items()}
        answer = self.exchange.request(method, path, body, **query)
        fault = None
        try:
            conforms(method, path, answer.status, answer.body, query=query)
            assert status in (None, answer.status), f"{answer.status} instead of {status}: {answer.body}"
        except AssertionError as error:
            fault = str(error)
        self._note(method, path, answer.status, f"{query} {body}", fault)
        return answer.body if answer.body is not None else {}

    def _note(self, method: str, path: str, status: int, request: str, fault: str | None) -> None:
        operation = find(method, path)
        name = operation.name if operation else f"{method} {path}"
        self.heard.append(Heard(name, status, f"{method} {path} {request}", fault))

    def listen(self, path: str, **query: str) -> list[Any]:
        """The events of a server-sent stream that ends, judged as the list of them."""
        connection = http.client.HTTPConnection(urlsplit(self.exchange.rest).netloc, timeout=STREAM_SECONDS)
        connection.request("GET", f"{path}?{urlencode(query)}", headers=self.exchange.headers)
        answer = connection.getresponse()
        lines = answer.read().decode().splitlines()
        events = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
        fault = None
        try:
            conforms("GET", path, answer.status, events, query=query)
            assert events, "not one event"
        except AssertionError as error:
            fault = str(error)
        self._note("GET", path, answer.status, str(query), fault)
        return events

    def get(self, path: str, **query: Any) -> Any:
        """A GET that must succeed."""
        return self.ask("GET", path, status=200, **query)

    def order(self, *, status: int = 200, **fields: Any) -> dict[str, Any]:
        """An order, day market unless said otherwise."""
        order = {"type": "market", "time_in_force": "day", "side": "buy", **fields}
        return self.ask("POST", "/v2/orders", order, status=status)  # type: ignore[no-any-return]

    def faults(self, operation: str) -> list[str]:
        """What was wrong with the answers to an operation."""
        return [
            f"{one.request}: {one.fault}" for one in self.heard if one.operation == operation and one.fault
        ]

    def succeeded(self, operation: str) -> bool:
        """Whether an operation was answered well at least once."""
        return any(one.operation == operation and one.status < 300 and not one.fault for one in self.heard)
