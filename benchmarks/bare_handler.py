"""The limit of `order_accept`: aiohttp decodes an order and answers with as much JSON as the exchange does.

Prints its address as the exchange does, and ends when its standard input closes.
"""

from __future__ import annotations

import asyncio
import json
import sys

import msgspec
from aiohttp import web

ANSWER = {"id": "8f2a", "client_order_id": "", "created_at": "2022-06-01T13:30:00.123456789Z", "qty": "1"} | {
    f"field_{number}": "2022-06-01T13:30:00.123456789Z" for number in range(30)
}


async def accept(request: web.Request) -> web.Response:
    """The order as it came, among fields that make the answer as long as a real one."""
    order = msgspec.json.decode(await request.read())
    return web.Response(body=msgspec.json.encode({**ANSWER, **order}), content_type="application/json")


async def serve() -> None:
    application = web.Application()
    application.router.add_post("/v2/orders", accept)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    print(json.dumps({"rest": f"http://{host}:{port}", "key": "x", "secret": "x"}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve())
