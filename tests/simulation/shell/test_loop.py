"""An event loop, a network and libraries' own servers and clients in virtual time."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import picows
import pytest
from aiohttp import web

from the_alchemiser.domain.instants import SECOND
from the_alchemiser.simulation.chance import stream
from the_alchemiser.simulation.director import Director
from the_alchemiser.simulation.schedule import Fault, Schedule
from the_alchemiser.simulation.shell.loop import LoopSpins, VirtualLoop
from the_alchemiser.simulation.shell.network import Host, Network
from the_alchemiser.simulation.threads import Crew
from the_alchemiser.simulation.virtual import VirtualTime

SERVER = "exchange.example"


class Sky:
    """All that virtual time needs of an exchange: an instant."""

    def __init__(self) -> None:
        self.now, self.update_count = 0, 0

    def advance(self, until: int, *, stop_on_update: bool = False) -> int:
        self.now = until
        return until


class Scene:
    """Two processes and what is between them."""

    def __init__(self, *faults: Fault, seed: int = 1) -> None:
        self.time = VirtualTime(Sky())  # type: ignore[arg-type]
        self.network = Network(self.time, Director(Schedule(seed, faults=faults)), stream(seed, "network"))
        self.server, self.client = self.process("server"), self.process("client")

    def process(self, name: str) -> VirtualLoop:
        return VirtualLoop(self.time, Crew(self.time, _raise), Host(self.network, name))

    def do(self, loop: VirtualLoop, work: Any, seconds: float = 60) -> Any:
        """Let a process do some work while the world goes on."""
        task = loop.create_task(work)
        self.time.run(self.time.now + int(seconds * SECOND))
        return task.result()


def _raise(error: Exception) -> None:
    raise error


async def echo(request: web.Request) -> web.StreamResponse:
    if request.path == "/stream":
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(f"heard {message.data}")
        return socket
    await asyncio.sleep(3)
    return web.json_response({"said": (await request.read()).decode()})


async def serve() -> None:
    application = web.Application()
    application.router.add_route("*", "/{anything}", echo)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, SERVER, 80).start()


class Hearing(picows.WSListener):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        self.heard.append(frame.get_payload_as_utf8_text())


async def ask() -> tuple[str, float]:
    began = asyncio.get_running_loop().time()
    transport, protocol = await asyncio.get_running_loop().create_connection(Collecting, SERVER, 80)
    transport.write(b"POST /say HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello")
    await protocol.ended
    return protocol.text.decode(), asyncio.get_running_loop().time() - began


class Collecting(asyncio.Protocol):
    def __init__(self) -> None:
        self.text, self.ended = b"", asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.text += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set_result(exc)


async def listen(words: int = 3) -> list[str]:
    transport, listener = await picows.ws_connect(Hearing, f"ws://{SERVER}:80/stream", use_aiofastnet=False)
    for number in range(words):
        transport.send(picows.WSMsgType.TEXT, f"word {number}".encode())
        await asyncio.sleep(1)
    transport.disconnect()
    return listener.heard


def test_three_seconds_of_a_real_http_server_take_three_virtual_seconds_and_no_real_ones() -> None:
    scene = Scene()
    scene.do(scene.server, serve())
    began = time.monotonic()
    text, seconds = scene.do(scene.client, ask())
    assert text.endswith('{"said": "hello"}')
    assert 3 < seconds < 3.1
    assert time.monotonic() - began < 1


def test_a_real_websocket_client_talks_with_a_real_websocket_server_without_a_socket() -> None:
    scene = Scene()
    scene.do(scene.server, serve())
    assert scene.do(scene.client, listen()) == ["heard word 0", "heard word 1", "heard word 2"]


def test_the_same_seed_takes_the_same_time_to_the_nanosecond_and_another_seed_another() -> None:
    def story(seed: int) -> list[tuple[str, float]]:
        scene = Scene(seed=seed)
        scene.do(scene.server, serve())
        return [scene.do(scene.client, ask()) for _ in range(3)]

    taken = [[seconds for _, seconds in story(seed)] for seed in (1, 1, 2)]
    assert taken[0] == taken[1] != taken[2]


def test_an_answer_that_is_lost_never_comes_and_nobody_is_told() -> None:
    scene = Scene(Fault("net:answer", 1, "lost"))
    scene.do(scene.server, serve())
    task = scene.client.create_task(ask())
    scene.time.run(scene.time.now + 600 * SECOND)
    assert not task.done()


def test_a_connection_cut_in_the_middle_of_an_answer_shows_what_came_and_that_it_broke() -> None:
    scene = Scene(Fault("net:answer", 1, "cut", 0.5))
    scene.do(scene.server, serve())
    text, _ = scene.do(scene.client, ask())
    assert text.startswith("HTTP/1.1 200")
    assert not text.endswith('{"said": "hello"}')


def test_a_killed_process_does_not_even_clean_up() -> None:
    scene, cleaned = Scene(), []

    async def live() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            cleaned.append("up")

    scene.client.create_task(live())
    scene.time.run(5 * SECOND)
    scene.client.kill()
    scene.time.run(60 * SECOND)
    assert cleaned == []
    scene.client.bury()


def test_a_stopped_process_notices_nothing_until_it_goes_on() -> None:
    scene = Scene()

    async def live() -> float:
        await asyncio.sleep(10)
        return asyncio.get_running_loop().time()

    task = scene.client.create_task(live())
    scene.time.run(5 * SECOND)
    scene.client.stop_process()
    scene.time.run(60 * SECOND)
    assert not task.done()
    scene.client.continue_process()
    scene.time.run(61 * SECOND)
    assert task.result() == 60


def test_a_process_that_never_waits_is_told_from_one_that_works() -> None:
    scene = Scene()

    async def spin() -> None:
        while True:  # noqa: ASYNC110 - this is what is wrong with it
            await asyncio.sleep(0)

    with pytest.raises(LoopSpins):
        scene.do(scene.client, spin())


def test_threads_of_a_process_run_blocking_code_in_virtual_time() -> None:
    scene = Scene()
    crew = scene.client._crew

    async def work() -> tuple[str, float]:
        loop = asyncio.get_running_loop()

        def slow() -> str:
            crew.sleep(30)
            return "done"

        return await asyncio.to_thread(slow), loop.time()

    assert scene.do(scene.client, work()) == ("done", 30)
