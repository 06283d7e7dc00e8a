"""What stands between a network and an exchange, and goes wrong there: the link's faults, done to real requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware

from the_alchemiser.domain.errors import BrokerBusy, BrokerRefused, BrokerUnauthorized, OutcomeUnknown
from the_alchemiser.domain.instants import SECOND, Nanos
from the_alchemiser.domain.money import Side, decimal
from the_alchemiser.domain.orders import OrderRequest, OrderType, TimeInForce
from the_alchemiser.simulation.link import NEVER_HEARD, STALE_SECONDS_MAX, Answered, Arrived
from the_alchemiser.simulation.schedule import Fault
from the_alchemiser.simulation.shell.network import Network

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SITES = {
    ("POST", "/v2/orders"): "submit",
    ("DELETE", "/v2/orders"): "cancel_all",
    ("GET", "/v2/orders"): "open_orders",
    ("GET", "/v2/orders:by_client_order_id"): "look_up",
    ("GET", "/v2/account"): "account",
    ("GET", "/v2/positions"): "positions",
    ("GET", "/v2/account/activities/FILL"): "executions",
    ("GET", "/v2/account/activities"): "activities",
    ("GET", "/v2/calendar"): "sessions",
    ("GET", "/v2/stocks/bars"): "histories",
    ("GET", "/v2/stocks/quotes/latest"): "quotes",
    ("GET", "/v2/assets"): "assets",
}
REFUSALS = {
    "busy": (429, 42910000, "rate limit exceeded"),
    "unavailable_before": (503, 50310000, "service unavailable"),
    "unavailable_after": (504, 50410000, "gateway time-out"),
    "unauthorized": (401, 40110000, "request is not authorized"),
}
FOR_EVER_SECONDS = 3600.0
"""Nobody waits that long for an answer."""


def site_of(request: web.Request) -> str:
    """Which of the link's sites a request belongs to; empty for others."""
    path = request.path
    if path.startswith("/v2/orders/"):
        return "cancel" if request.method == "DELETE" else ""
    if path.startswith("/v2/assets/"):
        path = "/v2/assets"
    if path == "/v2/orders" and request.method == "GET" and request.query.get("status") != "open":
        return "orders_since"
    return SITES.get((request.method, path), "")


class Gateway:
    """Stands before the front door of the exchange.

    `arrived` is told what changes something, as it gets there, `answered` every answer, as it leaves.
    """

    def __init__(self, network: Network, arrived: Arrived, answered: Answered) -> None:
        self._network, self._arrived, self._answered = network, arrived, answered
        self._last: dict[str, tuple[Nanos, bytes]] = {}

    def middleware(self) -> Middleware:
        """As aiohttp wants it."""

        @web.middleware
        async def stand(request: web.Request, handler: Handler) -> web.StreamResponse:
            site = site_of(request)
            if not site:
                return await handler(request)
            answer = await self._serve(site, request, handler)
            about = request.query.get("client_order_id") or _changes(request, await request.read())
            self._answered(site, about, _meaning(answer.status))
            return answer

        return stand

    async def _serve(self, site: str, request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = self._network.director.strike(site, self._senseless(site))
        kind = "" if fault is None else fault.kind
        await request.read()
        if kind in ("busy", "unavailable_before", "unauthorized"):
            return _refused(kind)
        if kind == "request_lost":
            return await _never()
        if kind == "stale":
            return _json(self._last[site][1])
        if kind == "request_late":
            await asyncio.sleep(_amount(fault))
        answer = await self._act(site, request, handler)
        if kind == "request_doubled":
            answer = await self._act(site, request, handler)
        return await self._spoil(site, answer, fault)

    async def _act(self, site: str, request: web.Request, handler: Handler) -> web.StreamResponse:
        asked = _changes(request, await request.read())
        if asked is not None:
            self._arrived(self._network.time.now, machine_of(request), asked)
        return await handler(request)

    async def _spoil(self, site: str, answer: web.StreamResponse, fault: Fault | None) -> web.StreamResponse:
        kind = "" if fault is None else fault.kind
        if kind in NEVER_HEARD:
            return await _never()
        if kind == "answer_late":
            await asyncio.sleep(_amount(fault))
        if kind == "unavailable_after":
            return _refused(kind)
        body = answer.body if isinstance(answer, web.Response) else None
        if not isinstance(body, bytes) or answer.status != 200:
            return answer
        before = self._last.get(site)
        self._last[site] = (self._network.time.now, body)
        if kind == "answer_damaged":
            return _json(body[: len(body) // 2])
        if kind == "answer_of_another" and before is not None:
            return _json(before[1])
        if kind in ("empty", "torn"):
            return _less(body, kind)
        return answer

    def _senseless(self, site: str) -> tuple[str, ...]:
        """What cannot happen here: an old answer where there is none."""
        known = self._last.get(site)
        if known is None:
            return ("stale", "answer_of_another")
        is_fresh = self._network.time.now - known[0] <= STALE_SECONDS_MAX * SECOND
        return () if is_fresh else ("stale",)


def _meaning(status: int) -> object:
    """What a process may conclude from an answer: nothing there, a failure, or something."""
    if status == 404:
        return None
    if status == 401:
        return BrokerUnauthorized("not authorized")
    if status == 429:
        return BrokerBusy("rate limit exceeded")
    if status >= 500:
        return OutcomeUnknown("no clear answer")
    return BrokerRefused("refused", status=status) if status >= 400 else status


def machine_of(request: web.Request) -> str:
    """Which process is at the other end."""
    name = request.transport.get_extra_info("peername")[0] if request.transport is not None else ""
    return str(name).split(">", 1)[0]


def _changes(request: web.Request, body: bytes) -> object:
    """The order asked for, or the broker's id of the one to be canceled; None for what changes nothing."""
    if request.method == "DELETE":
        return request.path.rpartition("/")[2] if request.path != "/v2/orders" else "all"
    if request.method != "POST":
        return None
    asked: dict[str, Any] = msgspec.json.decode(body)
    return OrderRequest(
        client_order_id=asked["client_order_id"],
        symbol=asked["symbol"],
        side=Side(asked["side"]),
        shares=decimal(str(asked["qty"])),
        type=OrderType(asked["type"]),
        time_in_force=TimeInForce(asked["time_in_force"]),
        limit_price=decimal(str(asked["limit_price"])) if asked.get("limit_price") else None,
    )


def _amount(fault: Fault | None) -> float:
    return 0.0 if fault is None else fault.amount


def _json(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")


def _refused(kind: str) -> web.Response:
    status, code, message = REFUSALS[kind]
    answer = _json(msgspec.json.encode({"code": code, "message": message}), status)
    if status == 429:
        answer.headers["Retry-After"] = "1"
    return answer


async def _never() -> web.StreamResponse:
    await asyncio.sleep(FOR_EVER_SECONDS)
    return _refused("unavailable_after")


def _less(body: bytes, kind: str) -> web.Response:
    """Nothing, or only the first half, of what there is; an order that is looked up is not found."""
    value = msgspec.json.decode(body)
    if isinstance(value, list):
        return _json(msgspec.json.encode([] if kind == "empty" else value[: len(value) // 2]))
    if "client_order_id" in value:
        return _json(b'{"code":40410000,"message":"order not found"}', 404)
    inner = {name: _less_of(part, kind) for name, part in value.items()}
    return _json(msgspec.json.encode(inner))


def _less_of(part: Any, kind: str) -> Any:
    if isinstance(part, dict):
        return {} if kind == "empty" else dict(list(part.items())[: len(part) // 2])
    return part
