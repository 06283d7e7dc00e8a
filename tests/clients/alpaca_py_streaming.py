"""How the streams of alpaca-py are run and left: in a thread, from inside their loop, and by closing them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from ledger import WAIT_SECONDS


def until(condition: Callable[[], Any], what: str | Callable[[], str]) -> Any:
    """Waits for what the exchange does by itself as its time passes."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for {what() if callable(what) else what}")


def streamed(
    stream: Any,
    channels: dict[str, str],
    symbols: tuple[str, ...],
    *,
    prompt: Callable[[], Any] | None = None,
) -> None:
    """Runs a stream in a thread until each channel that must speak has spoken, unsubscribes, and stops it.

    alpaca-py looks whether it shall stop after each message, or after five silent seconds: so one channel is taken
    again before it is asked to.
    """
    heard: dict[str, Any] = {}

    def listener(name: str) -> Callable[[Any], Any]:
        async def listen(message: Any) -> None:
            heard[name] = message

        return listen

    for name in channels:
        getattr(stream, f"subscribe_{name}")(listener(name), *symbols)
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    until(lambda: stream._running, "the stream to begin")
    if prompt is not None:
        prompt()
    expected = {name for name, must in channels.items() if must == "speaks"}
    until(lambda: expected <= set(heard), lambda: f"{expected} (heard {set(heard)})")
    for name in channels:
        if hasattr(stream, f"unsubscribe_{name}"):
            getattr(stream, f"unsubscribe_{name}")(*symbols)
    first = next(iter(channels))
    getattr(stream, f"subscribe_{first}")(listener(first), *symbols)
    stream.stop()
    thread.join(WAIT_SECONDS)
    assert not thread.is_alive()


def closed(stream: Any, subscribe: str, *symbols: str, prompt: Callable[[], Any] | None = None) -> None:
    """The two other ways out: `stop_ws` from inside the loop, and `close`. `prompt` makes a silent stream speak."""

    async def quietly(message: Any) -> None:
        return None

    async def end() -> None:
        getattr(stream, f"subscribe_{subscribe}")(quietly, *symbols)
        task = asyncio.create_task(stream._run_forever())
        while not stream._running:
            await asyncio.sleep(0.02)
        await stream.stop_ws()
        if prompt is not None:
            await asyncio.to_thread(prompt)
        await asyncio.wait([task], timeout=WAIT_SECONDS)
        await stream.close()

    asyncio.run(end())
