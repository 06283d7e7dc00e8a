"""Historical market data in pages: rows by symbol, then time, a limit over all symbols, and a token to go on with."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from aiohttp import web

from the_alchemiser.exchange.errors import Refusal
from the_alchemiser.exchange.rows import Row
from the_alchemiser.exchange.timestamps import parse_instant

ROWS_PER_PAGE, ROWS_PER_PAGE_LIMIT = 1000, 10_000
SYMBOLS_LIMIT = 1000


class Reader(NamedTuple):
    """How rows of a kind are read: (symbol, first, last instant) -> rows with their instants; `piece` ns at a time.

    `mark` stands in the page token between the symbol and the instant.
    """

    read: Callable[[str, int, int], Iterable[tuple[int, Row]]]
    piece: int
    mark: str


class Page(NamedTuple):
    """What a historical request asks for; `resume` is where the page before it ended (symbol, instant)."""

    start: int
    end: int
    limit: int
    ascending: bool
    resume: tuple[str, int] | None


def bad_query(message: str) -> Refusal:
    """How the market data API refuses a parameter."""
    return Refusal(400, 40010001, message)


def listed_symbols(request: web.Request) -> list[str]:
    """The comma list `symbols`, sorted, each once. Raises Refusal when there is none, or too many."""
    words = (word.strip() for word in request.query.get("symbols", "").split(","))
    symbols = sorted({word for word in words if word})
    if not symbols:
        raise bad_query("symbols is required")
    if len(symbols) > SYMBOLS_LIMIT:
        raise bad_query(f"too many symbols: at most {SYMBOLS_LIMIT}")
    return symbols


def instant_of(
    request: web.Request, name: str, default: int, parse: Callable[[str], int] = parse_instant
) -> int:
    """A time stamp of the query. Raises Refusal."""
    text = request.query.get(name, "")
    try:
        return parse(text) if text else default
    except ValueError:
        raise bad_query(f"invalid {name}: {text[:64]}") from None


def page_of(request: web.Request, span: tuple[int, int], parse: Callable[[str], int] = parse_instant) -> Page:
    """The page a request asks for; `span` holds its default start and now, after which nothing is shown."""
    first, now = span
    start, end = instant_of(request, "start", first, parse), instant_of(request, "end", now, parse)
    if end < start:
        raise bad_query("end should not be before start")
    sort = request.query.get("sort") or "asc"
    if sort not in ("asc", "desc"):
        raise bad_query(f"invalid sort: {sort[:32]}")
    resume = _read_token(request.query.get("page_token", ""))
    return Page(start, min(end, now), page_limit(request), sort == "asc", resume)


def page_limit(request: web.Request, default: int = ROWS_PER_PAGE, most: int = ROWS_PER_PAGE_LIMIT) -> int:
    """`limit`, from 1 to `most`. Raises Refusal."""
    text = request.query.get("limit", "") or str(default)
    if not text.isascii() or not text.isdigit() or int(text[:9]) < 1:
        raise bad_query("invalid limit: must be a positive number")
    if len(text) > 9 or int(text) > most:
        raise bad_query(f"invalid limit: larger than the allowed maximum of {most}")
    return int(text)


def _read_token(token: str) -> tuple[str, int] | None:
    if not token:
        return None
    try:
        symbol, _, at = base64.urlsafe_b64decode(token).decode().split("|")
        return symbol, int(at[:20])
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise bad_query("invalid page_token") from None


def page_token(symbol: str, mark: str, at: int) -> str:
    """The token of the page that begins with the row of `symbol` at `at`."""
    return base64.urlsafe_b64encode(f"{symbol}|{mark}|{at}".encode()).decode()


def _pieces(ascending: bool, start: int, end: int, piece: int) -> Iterator[tuple[int, int]]:
    """The range in pieces, in the direction of the page."""
    if ascending:
        for low in range(start, end + 1, piece):
            yield low, min(low + piece - 1, end)
        return
    for high in range(end, start - 1, -piece):
        yield max(high - piece + 1, start), high


def _rows(reader: Reader, page: Page, symbol: str, resume_at: int | None) -> Iterator[tuple[int, Row]]:
    start, end = page.start, page.end
    if resume_at is not None:
        start, end = (max(start, resume_at), end) if page.ascending else (start, min(end, resume_at))
    for low, high in _pieces(page.ascending, start, end, reader.piece):
        rows = reader.read(symbol, low, high)
        yield from rows if page.ascending else reversed(list(rows))


def collect(reader: Reader, page: Page, symbols: list[str]) -> tuple[dict[str, list[Row]], str | None]:
    """One page: rows by symbol, then time; and the token of the next page, None when this is the last."""
    found: dict[str, list[Row]] = {}
    left = page.limit
    for symbol in symbols:
        resume_at = page.resume[1] if page.resume and page.resume[0] == symbol else None
        if page.resume and symbol < page.resume[0]:
            continue
        for at, row in _rows(reader, page, symbol, resume_at):
            if not left:
                return found, page_token(symbol, reader.mark, at)
            found.setdefault(symbol, []).append(row)
            left -= 1
    return found, None
