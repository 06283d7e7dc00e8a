"""The session alpaca-py sends through: deadlines, a typed error per failure, pacing, request ids, no secrets in texts.

alpaca-py's own session has no time-outs, repeats order requests after a 504 and passes money through floats. Its
clients take any object with this `request`, so they are used with this one.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from the_alchemiser.broker import answers
from the_alchemiser.broker.credentials import Credentials
from the_alchemiser.broker.ratebudget import Lane, RateBudget
from the_alchemiser.broker.resilience import RetryPolicy, current_operation
from the_alchemiser.broker.wire import Answer, NotSentError, Request, UnreadableError, Wire
from the_alchemiser.domain.departure import departs
from the_alchemiser.domain.errors import (
    BrokerBusy,
    BrokerError,
    BrokerRefused,
    BrokerUnavailable,
    InvariantBroken,
)

log = logging.getLogger(__name__)

_OWN_RECORD = re.compile(r"^/v2/(orders|positions|account)\b")
"""Reads of what we ourselves have ordered, traded and own."""

ResponseObserver = Callable[[Mapping[str, str]], None]
"""Called with the headers (lower-case names) of every answer, refusals included; must not raise or wait."""


@dataclass(frozen=True)
class Reply:
    """A good answer in the shape alpaca-py reads."""

    status_code: int
    headers: Mapping[str, str]
    data: Any
    text: str
    """Empty exactly where the body is: alpaca-py asks nothing else of it."""

    def raise_for_status(self) -> None:
        """Nothing to raise: failures never become a Reply."""

    def json(self) -> Any:
        """The decoded body, with exact numbers."""
        return self.data


_last_request_id: ContextVar[str] = ContextVar("broker_request_id", default="")


def last_request_id() -> str:
    """The broker's id of the last request this thread sent, for failures found only in what was answered."""
    return _last_request_id.get()


class BrokerSession:
    """Sends requests to one host for one key pair. Thread-safe."""

    def __init__(
        self,
        origin: str,
        wire: Wire,
        credentials: Credentials,
        *,
        call_seconds: float,
        budget: RateBudget,
        retries: RetryPolicy,
    ) -> None:
        self._origin, self._wire, self._credentials = origin, wire, credentials
        self._call_seconds, self._budget, self._retries = call_seconds, budget, retries
        self.response_observers: list[ResponseObserver] = []

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        params: Mapping[str, Any] | str | None = None,
        json: Any = None,
        **_: Any,
    ) -> Reply:
        """Send one request; inside `alpaca_retry_context` a read is repeated when it may help. Raises BrokerError."""
        request = self._request(method.upper(), url, headers, params, json)
        lane = lane_of(request, json)
        retries_max = current_operation().max_retries if request.changes_nothing else 0
        retry = 0
        while True:
            try:
                return self._once(request, lane)
            except BrokerUnavailable as error:
                if retry >= retries_max:
                    raise
                log.info("broker: trying again", extra=self._context(request, error) | {"retry": retry + 1})
                self._retries.pause(
                    retry, error.retry_after_seconds if isinstance(error, BrokerBusy) else 0.0
                )
                retry += 1

    def close(self) -> None:
        """Close idle connections."""
        self._wire.close()

    def _request(self, method: str, url: str, headers: Mapping[str, str], params: Any, json: Any) -> Request:
        if not url.startswith(self._origin + "/"):
            raise InvariantBroken("a request for another host than the configured one; keys stay here")
        target = quote(url[len(self._origin) :], safe="/:%?=&,+~@!$'()*;")
        if params:
            target += "?" + (params if isinstance(params, str) else _query(params))
        body = None if json is None else msgspec.json.encode(json)
        sent = {**headers, "Accept": "application/json"}
        if body is not None:
            sent["Content-Type"] = "application/json"
        return Request(method, target, sent, body)

    def _once(self, request: Request, lane: Lane) -> Reply:
        self._budget.acquire(lane)
        if not request.changes_nothing:
            departs()
        _last_request_id.set("")
        started = time.perf_counter()
        try:
            answer = self._wire.exchange(request)
        except (NotSentError, UnreadableError, OSError, HTTPException) as lost:
            raise self._failed(request, answers.failure(request, lost, self._call_seconds)) from None
        self._hear(answer)
        if error := answers.refusal(request, answer):
            if isinstance(error, BrokerBusy):
                self._budget.refused(error.retry_after_seconds)
            raise self._failed(request, error)
        try:
            data = answers.decoded(request, answer)
        except BrokerUnavailable as unreadable:
            raise self._failed(request, unreadable) from None
        log.debug(
            "broker: answered",
            extra=self._context(request) | {"seconds": round(time.perf_counter() - started, 6)},
        )
        return Reply(answer.status, answer.headers, data, "json" if answer.body else "")

    def _hear(self, answer: Answer) -> None:
        _last_request_id.set(answers.request_id_of(answer))
        self._budget.learn(answer.headers)
        for observe in self.response_observers:
            observe(answer.headers)

    def _failed(self, request: Request, error: BrokerError) -> BrokerError:
        """The error with its operation in front and no secret in it, logged once."""
        text = self._credentials.masked(f"{current_operation().name}: {error}")
        error.args = (text,)
        # That something does not exist is an ordinary answer to a question.
        is_ordinary = request.changes_nothing and isinstance(error, BrokerRefused) and error.status == 404
        level = logging.INFO if is_ordinary else logging.WARNING
        log.log(level, "broker: %s", text, extra=self._context(request, error))
        return error

    def _context(self, request: Request, error: BrokerError | None = None) -> dict[str, Any]:
        return {
            "operation": current_operation().name,
            "method": request.method,
            "path": self._credentials.masked(request.target.split("?", 1)[0]),
            "request_id": (error.request_id if error else "") or last_request_id(),
        }


def _query(params: Mapping[str, Any]) -> str:
    given = {name: _query_text(value) for name, value in params.items() if value is not None}
    return urlencode(given, safe=",:")


def _query_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def lane_of(request: Request, body: Any) -> Lane:
    """How urgent a request is: by its method and path, and for an order by its side (we hold no short positions)."""
    if request.method == "DELETE":
        return Lane.SAFETY
    if request.method == "GET":
        return Lane.RECONCILE if _OWN_RECORD.search(request.target) else Lane.READ
    return Lane.EXIT if isinstance(body, Mapping) and body.get("side") == "sell" else Lane.ENTRY
