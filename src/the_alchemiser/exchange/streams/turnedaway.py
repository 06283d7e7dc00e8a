"""New connections that faults turn away after their upgrade: by an error of the stream, or in silence."""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import WSMsgType, web

from the_alchemiser.exchange.credentials import AUTHENTICATION_SECONDS, presented_pair
from the_alchemiser.exchange.faults.messages import TRADE_UPDATES, Refuse
from the_alchemiser.exchange.streams.codec import codec_for
from the_alchemiser.exchange.streams.dataclient import ERRORS
from the_alchemiser.exchange.streams.frames import Framed, framed

SILENCE_SECONDS = 3600.0


async def turn_away(request: web.Request, rule: Refuse) -> web.StreamResponse:
    """Does the fault to one connection, from its upgrade to its end."""
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    if rule.error is None:
        await _say_nothing(socket)
    elif request.path == TRADE_UPDATES:
        await _refuse_trading(socket, rule.error)
    else:
        await _refuse_data(socket, request, rule.error)
    return socket


async def _say_nothing(socket: web.WebSocketResponse) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SILENCE_SECONDS):
            async for _ in socket:
                pass
    await socket.close(code=1011)


async def _hear_one(socket: web.WebSocketResponse) -> None:
    """Waits for the message that says who the client is."""
    with contextlib.suppress(TimeoutError):
        message = await socket.receive(AUTHENTICATION_SECONDS)
        while message.type not in (WSMsgType.TEXT, WSMsgType.BINARY) and not socket.closed:
            message = await socket.receive(AUTHENTICATION_SECONDS)


async def _refuse_trading(socket: web.WebSocketResponse, code: int) -> None:
    await _hear_one(socket)
    if code in (402, 404):
        text = '{"stream":"authorization","data":{"status":"unauthorized","action":"authenticate"}}'
    else:
        text = '{"action":"error","data":{"error_message":"%s"}}' % ERRORS[code]  # noqa: UP031  braces all over
    await _last_words(socket, framed(text.encode()))


async def _refuse_data(socket: web.WebSocketResponse, request: web.Request, code: int) -> None:
    codec = codec_for(request.headers)

    def frame(**message: object) -> Framed:
        return codec.array([codec.message(message)])

    await _send(socket, frame(T="success", msg="connected"))
    if code != 404 and presented_pair(request.headers) is None:
        await _hear_one(socket)
    await _last_words(socket, frame(T="error", code=code, msg=ERRORS[code]))


async def _last_words(socket: web.WebSocketResponse, frame: Framed) -> None:
    await _send(socket, frame)
    await socket.close(code=1008)


async def _send(socket: web.WebSocketResponse, frame: Framed) -> None:
    with contextlib.suppress(ConnectionError):
        await socket.send_frame(frame.payload, WSMsgType.TEXT if frame.is_text else WSMsgType.BINARY)
