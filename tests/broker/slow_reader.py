"""A process that reads a burst of market data far too slowly, and says what it cost: run by a test, prints JSON.

Arguments: the address of the stream, and how many messages to wait for.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from the_alchemiser.broker import Credentials, StockStream
from the_alchemiser.broker.latest_board import LatestBoard

WARM_MESSAGES = 20_000


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def read(url: str, messages: int) -> dict[str, int]:
    board, seen = LatestBoard(), 0

    def take(frame: list[Any]) -> None:
        nonlocal seen
        seen += len(frame)
        board.take(frame)

    stream = StockStream(Credentials("key", "secret"), url, take)
    stream.subscribe(quotes="*", trades="*", bars="*")
    running = asyncio.create_task(stream.run())
    taken, before, most = 0, 0, 0
    while seen < messages:
        taken += len(await board.changes())
        before = before or (seen > WARM_MESSAGES and resident_bytes())
        most = max(most, resident_bytes())
        await asyncio.sleep(0.2)
    running.cancel()
    return {
        "seen": seen,
        "taken": taken,
        "conflated": board.conflated,
        "grown_bytes": most - before,
        "bars_dropped": board.bars_dropped,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(read(sys.argv[1], int(sys.argv[2])))))
