"""The front door of the REST side: who may enter, how often, and JSON for every answer, errors included."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from the_alchemiser.exchange.credentials import presented_pair
from the_alchemiser.exchange.desk import Desk
from the_alchemiser.exchange.errors import Refusal, bad_parameter, malformed
from the_alchemiser.exchange.floor import Floor
from the_alchemiser.exchange.ratelimit import RequestBudget
from the_alchemiser.exchange.streams.feeds import FEEDS, NEWS, NEWS_FEED
from the_alchemiser.exchange.timestamps import parse_instant

BODY_BYTES_LIMIT = 1024 * 1024
FLOOR = web.AppKey("floor", Floor)
_DESK = web.RequestKey("desk", Desk)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(float_hook=Decimal).decode

_TRUE, _FALSE = ("true", "1", "t", "yes"), ("false", "0", "f", "no")
ANONYMOUS_REQUESTS_PER_MINUTE = 200
CONTROL_PATH = "/v1/control/"
PAGE_PATH = "/"  # for people: it shows nothing until it is given keys
_OPEN_TO_ALL = "/v1beta3/crypto/"
# What the real API serves from its data host: the same for accounts of both environments.
_DATA_PATHS = ("/v2/stocks", "/v1beta", "/v1/corporate-actions")
# With the slash too: the Python client before alpaca-py asks for it so.
STREAM_PATHS = frozenset({"/stream", "/stream/", *(feed.path for feed in FEEDS if feed.family != NEWS)})
_PLAIN_ERRORS: dict[int, tuple[int, str]] = {
    404: (40410000, "endpoint not found"),
    405: (40510000, "method not allowed"),
    413: (41310000, "request body is too large"),
    429: (42910000, "rate limit exceeded"),
}


def desk_of(request: web.Request) -> Desk:
    """The account whose keys the request presents."""
    return request[_DESK]


def json_answer(value: Any, status: int = 200) -> web.Response:
    """A JSON response."""
    return web.Response(
        body=_encode(value), status=status, headers={hdrs.CONTENT_TYPE: "application/json; charset=UTF-8"}
    )


def refused(refusal: Refusal) -> web.Response:
    """The body and status of a refusal."""
    return json_answer(refusal.body(), refusal.http_status)


async def json_body(request: web.Request) -> dict[str, Any]:
    """The body as an object, numbers with a fraction exact (Decimal, never float). Raises Refusal.

    Fields that are null or empty text are left out: some clients send every field they know.
    """
    try:
        body = _decode(await request.read() or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError) as error:
        raise malformed() from error
    if not isinstance(body, dict):
        raise malformed()
    return {name: value for name, value in body.items() if value is not None and value != ""}


def query_flag(request: web.Request, name: str, default: bool = False) -> bool:
    """A boolean of the query in any of the spellings clients use (`True` of Python included). Raises Refusal."""
    text = request.query.get(name, "").lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if text:
        raise bad_parameter(f"invalid {name}")
    return default


def query_number(request: web.Request, name: str, default: int, most: int) -> int:
    """A whole number from 1 to `most`. Raises Refusal."""
    text = request.query.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not 1 <= int(text) <= most:
        raise bad_parameter(f"invalid {name}: must be between 1 and {most}")
    return int(text)


def query_instant(request: web.Request, name: str) -> int | None:
    """A timestamp of the query, in any documented form. Raises Refusal."""
    text = request.query.get(name, "")
    try:
        return parse_instant(text) if text else None
    except ValueError:
        raise bad_parameter(f"invalid {name}: {text[:64]!r} is not a timestamp") from None


def query_words(request: web.Request, name: str) -> frozenset[str] | None:
    """A comma list, upper-cased; None when absent."""
    words = frozenset(word.strip().upper() for word in request.query.get(name, "").split(",") if word.strip())
    return words or None


class FrontDoor:
    """Authentication, the request budgets, request ids and the shape of errors, for every route."""

    def __init__(self) -> None:
        self._requests = 0
        # Crypto prices are open to everyone; those without keys share one budget.
        self._anonymous = RequestBudget(ANONYMOUS_REQUESTS_PER_MINUTE)

    def middleware(self) -> Middleware:
        """The aiohttp middleware (a function: aiohttp marks it with an attribute)."""

        @web.middleware
        async def enter(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._enter(request, handler)

        return enter

    async def _enter(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._requests += 1
        request_id = f"{self._requests:032x}"
        if request.path == NEWS_FEED.path and request.headers.get(hdrs.UPGRADE, "").lower() == "websocket":
            return await self._guarded(request, request.app[FLOOR].data.serve_news, request_id)
        if request.path in STREAM_PATHS:
            return await self._guarded(request, handler, request_id)
        response = await self._guarded(request, partial(self._admit, handler), request_id)
        headers = response.headers
        headers["X-Request-ID"] = request_id
        desk = request.get(_DESK)
        if desk is not None:
            headers["X-Stream-Sequence"] = str(desk.trade_updates.sequence)
            budget = _budget(request.path, desk)
            if budget is not None:
                headers.update(budget.headers())
        return response

    async def _admit(self, handler: Handler, request: web.Request) -> web.StreamResponse:
        floor, pair, path = request.app[FLOOR], presented_pair(request.headers), request.path
        floor.catch_up()
        if path == PAGE_PATH:
            return await handler(request)
        if pair is None and path.startswith(_OPEN_TO_ALL):
            return await _spending(self._anonymous, handler, request)
        desk = floor.accounts.find(*pair) if pair is not None else None
        if desk is None:
            return _unauthorized()
        if desk.terms.live and not path.startswith((*_DATA_PATHS, CONTROL_PATH)):
            return json_answer({"message": "forbidden."}, 403)
        request[_DESK] = desk
        return await _spending(_budget(path, desk), handler, request)

    async def _guarded(self, request: web.Request, handler: Handler, request_id: str) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refusal as refusal:
            return refused(refusal)
        except web.HTTPException as error:
            code, message = _PLAIN_ERRORS.get(error.status, (error.status * 100_000, error.reason.lower()))
            return json_answer({"code": code, "message": message}, error.status)
        except ConnectionError:
            raise
        except Exception:
            log.exception("request %s failed", request_id)
            return json_answer({"code": 50010000, "message": "internal server error occurred"}, 500)


def _budget(path: str, desk: Desk) -> RequestBudget | None:
    """Market data has a budget of its own; our own control routes are free."""
    if path.startswith(_DATA_PATHS):
        return desk.data_budget
    return None if path.startswith(CONTROL_PATH) else desk.trading_budget


async def _spending(
    budget: RequestBudget | None, handler: Handler, request: web.Request
) -> web.StreamResponse:
    floor = request.app[FLOOR]
    if budget is not None and not budget.spend(floor.now):
        return _too_many(budget, floor, data=request.path.startswith(_DATA_PATHS))
    return await handler(request)


def _unauthorized() -> web.Response:
    response = json_answer({"message": "unauthorized."}, 401)
    response.headers["WWW-Authenticate"] = 'Bearer, Basic realm="alpaca.markets"'
    return response


def _too_many(budget: RequestBudget, floor: Floor, *, data: bool) -> web.Response:
    text = "too many requests" if data else "rate limit exceeded"
    response = json_answer({"code": 42910000, "message": text}, 429)
    speed = floor.clock.speed if floor.clock is not None else 1.0
    response.headers["Retry-After"] = str(max(1, int(budget.seconds_until_reset(floor.now) / speed)))
    return response
