"""Pages of rows that share an instant: none is lost, none told twice, whatever the page's size."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from the_alchemiser.exchange.rest.paging import SLICE_SECONDS, Page, Reader, collect, read_token
from the_alchemiser.exchange.rows import Row

INSTANTS = (1, 2, 2, 2, 3, 7, 7, 9)


def rows(symbol: str, low: int, high: int) -> Iterator[tuple[int, Row]]:
    for place, at in enumerate(INSTANTS):
        if low <= at <= high:
            yield at, {"place": place, "of": symbol}


async def walk(limit: int, piece: int, *, ascending: bool) -> list[tuple[str, int]]:
    """What all pages together tell, in their order."""
    found: list[tuple[str, int]] = []
    resume = None
    for _ in range(2 * len(INSTANTS) + 1):
        page = Page(0, 10, limit, ascending, resume)
        told, token = await collect(Reader(rows, piece, "T"), page, ["A", "B"])
        assert sum(map(len, told.values())) <= limit
        found += [(symbol, row["place"]) for symbol, listed in told.items() for row in listed]
        if token is None:
            return found
        resume = read_token(token)
    raise AssertionError("the pages never end")


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("piece", [1, 3, 100])
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
async def test_rows_of_one_instant_are_told_once_over_any_pages(
    limit: int, piece: int, ascending: bool
) -> None:
    places = list(range(len(INSTANTS)))
    order = places if ascending else places[::-1]
    expected = [(symbol, place) for symbol in "AB" for place in order]
    assert await walk(limit, piece, ascending=ascending) == expected


async def test_others_get_their_turn_while_a_long_page_is_read() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def slow(symbol: str, low: int, high: int) -> Iterator[tuple[int, Row]]:
        time.sleep(SLICE_SECONDS)
        yield low, {}

    waiting = asyncio.create_task(other())
    await collect(Reader(slow, 1, "T"), Page(0, 9, 100, True, None), ["A"])
    waiting.cancel()
    assert turns >= 5
