"""Answers that are not what they should be: cut short, dripping, in other words, from another time."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import struct
from email.utils import formatdate
from typing import Any

from aiohttp import hdrs, web

from the_alchemiser.exchange.faults.director import Strike
from the_alchemiser.exchange.faults.draws import noise
from the_alchemiser.exchange.faults.requests import Error, Garbage, Items
from the_alchemiser.exchange.rest.door import json_answer
from the_alchemiser.exchange.timestamps import NANOS_PER_SECOND, parse_instant, rfc3339, rfc3339_new_york

TRICKLE_SECONDS = 0.01  # between two pieces of a slow answer, at least

_WORDS = (
    "status",
    "side",
    "type",
    "order_type",
    "class",
    "exchange",
    "order_class",
    "time_in_force",
    "event",
)
_CREATED = ("created_at", "submitted_at", "transaction_time")
_ERRORS: dict[int, tuple[int, str]] = {
    401: (40110000, "request is not authorized"),
    403: (40310000, "forbidden."),
    404: (40410000, "not found"),
    429: (42910000, "rate limit exceeded"),
    500: (50010000, "internal server error occurred"),
    502: (50210000, "bad gateway"),
    503: (50310000, "service unavailable"),
    504: (50410000, "gateway timeout"),
}
_PAGES = {
    401: "401 Authorization Required",
    404: "404 Not Found",
    429: "429 Too Many Requests",
    500: "500 Internal Server Error",
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}


def error_answer(rule: Error, now: int) -> web.Response:
    """The error of a rule, in Alpaca's JSON, as the page of the proxy in front of it, or without a body."""
    if rule.format == "html":
        response = _page(rule.status)
    elif rule.format == "empty":
        response = web.Response(status=rule.status)
    else:
        code, message = _ERRORS.get(rule.status, (rule.status * 100_000, "error"))
        response = json_answer({"code": rule.code or code, "message": rule.message or message}, rule.status)
    if rule.location:
        response.headers[hdrs.LOCATION] = rule.location
    if rule.rate_headers and rule.format != "html":
        response.headers.update(_rate_headers(rule, now))
    if rule.retry_after_seconds is not None:
        response.headers[hdrs.RETRY_AFTER] = str(rule.retry_after_seconds)
    return response


def _page(status: int) -> web.Response:
    title = _PAGES.get(status, f"{status} Error")
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
    return web.Response(
        status=status,
        text=f"{page}<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
        content_type="text/html",
        headers={hdrs.SERVER: "nginx"},
    )


def _rate_headers(rule: Error, now: int) -> dict[str, str]:
    second = now // NANOS_PER_SECOND
    headers = {"X-Ratelimit-Limit": "200", "X-Ratelimit-Reset": str(second // 60 * 60 + 60)}
    headers["X-Ratelimit-Remaining"] = "0" if rule.status == 429 else "100"
    return headers


def body_of(response: web.StreamResponse) -> bytes | None:
    """The whole body of an answer that has one; None for a stream, or when there is nothing in it."""
    body = response.body if isinstance(response, web.Response) else None
    return body if isinstance(body, bytes) and body else None


def with_body(response: web.StreamResponse, body: bytes, **headers: str) -> web.Response:
    """The answer with another body."""
    spoiled = web.Response(status=response.status, body=body, headers=response.headers)
    for name, value in headers.items():
        spoiled.headers[name.replace("_", "-")] = value
    spoiled.headers[hdrs.CONTENT_LENGTH] = str(len(body))
    return spoiled


def garbage(rule: Garbage, strike: Strike, body: bytes) -> tuple[bytes, dict[str, str]]:
    """The body that takes the place of `body`, and the headers that go with it."""
    size = rule.size_bytes
    if rule.form == "noise":
        return noise(size, *strike.parts("noise")), {}
    if rule.form == "html":
        return b"<html><body><h1>We will be back soon</h1></body></html>", {"Content_Type": "text/html"}
    if rule.form == "text":
        return rule.body.encode(), {}
    if rule.form == "huge":
        return b'"' + b"x" * size + b'"', {}
    if rule.form == "gzip_bomb":
        return gzip.compress(b'"' + b"x" * size + b'"', 1), {"Content_Encoding": "gzip"}
    value = json.loads(body)
    if rule.form == "unknown_words":
        return json.dumps(_in_other_words(value)).encode(), {}
    return json.dumps({"items": value} if isinstance(value, list) else [value]).encode(), {}


def _in_other_words(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_other_words(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: f"unheard_of_{key}" if key in _WORDS and isinstance(item, str) else _in_other_words(item)
        for key, item in value.items()
    }


def with_failures(items: list[Any], rule: Items, strike: Strike) -> tuple[list[Any], int]:
    """The items of a 207 answer with some that failed, and how many these are."""
    code, message = _ERRORS.get(rule.status, (rule.status * 100_000, "error"))
    failed = [strike.fraction(f"item {number}") < rule.part for number in range(len(items))]
    told = []
    for item, is_failed in zip(items, failed, strict=True):
        body = {"body": {"code": code, "message": message}} if "body" in item else {}
        told.append({**item, "status": rule.status, **body} if is_failed else item)
    return told, sum(failed)


def younger(value: Any, than: int) -> bool:
    """Whether a record was created after the instant `than`; what does not say when is old."""
    if not isinstance(value, dict):
        return False
    created = next((value[name] for name in _CREATED if value.get(name)), None)
    return created is not None and parse_instant(created) > than


def shifted(value: Any, fields: tuple[str, ...], seconds: float) -> Any:
    """A decoded answer with these timestamps wrong by so many seconds."""
    if isinstance(value, list):
        return [shifted(item, fields, seconds) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _shifted(item, seconds)
        if key in fields and isinstance(item, str)
        else shifted(item, fields, seconds)
        for key, item in value.items()
    }


def _shifted(text: str, seconds: float) -> str:
    try:
        at = parse_instant(text) + round(seconds * NANOS_PER_SECOND)
    except ValueError:
        return text
    return rfc3339(at) if text.endswith("Z") else rfc3339_new_york(at)


def skewed_date(wall_seconds: float) -> str:
    """A `Date` header."""
    return formatdate(wall_seconds, usegmt=True)


async def send_part(
    request: web.Request, response: web.StreamResponse, body: bytes, promised: int
) -> web.StreamResponse:
    """Sends an answer that promises `promised` bytes, then `body`, then nothing."""
    cut = await _begun(request, response, promised)
    await cut.write(body)
    return cut


async def send_slowly(
    request: web.Request, response: web.StreamResponse, body: bytes, bytes_per_second: float
) -> web.StreamResponse:
    """Sends an answer at a pace."""
    slow = await _begun(request, response, len(body))
    pause = max(TRICKLE_SECONDS, 1 / bytes_per_second)
    piece = max(1, round(bytes_per_second * pause))
    for start in range(0, len(body), piece):
        await slow.write(body[start : start + piece])
        await asyncio.sleep(pause)
    return slow


async def _begun(request: web.Request, response: web.StreamResponse, promised: int) -> web.StreamResponse:
    begun = web.StreamResponse(status=response.status, headers=response.headers)
    begun.content_length = promised
    await begun.prepare(request)
    return begun


def hang_up(request: web.Request, *, politely: bool = False) -> web.Response:
    """Ends the connection without an answer: closes it, or resets it. Returns what nobody will get."""
    transport = request.transport
    if transport is not None and politely:
        transport.close()
    elif transport is not None:
        raw = transport.get_extra_info("socket")
        if raw is not None:
            # No lingering: the peer sees a reset, as from a machine that went away.
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=204)
