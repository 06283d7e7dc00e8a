"""Historical market data in pages: rows by symbol, then time, a limit over all symbols, and a token to go on with.

A page costs about what it returns, and however long that takes, other clients are served meanwhile.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from aiohttp import web

from the_alchemiser.exchange.errors import Refusal
from the_alchemiser.exchange.rows import Row
from the_alchemiser.exchange.timestamps import parse_instant

ROWS_PER_PAGE, ROWS_PER_PAGE_LIMIT = 1000, 10_000
SYMBOLS_LIMIT = 1000
SLICE_SECONDS = 0.005  # of work, before others get their turn
_SLICE_ROWS = 128  # between two looks at the clock
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_ZONED = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})")


class Reader(NamedTuple):
    """How rows of a kind are read: (symbol, first, last instant) -> rows with their instants; `piece` ns at a time.

    `mark` stands in the page token between the symbol and the instant. `prepare` does in small steps what would make
    the reading of a piece long.
    """

    read: Callable[[str, int, int], Iterable[tuple[int, Row]]]
    piece: int
    mark: str
    prepare: Callable[[str, int, int], Iterable[object]] = lambda symbol, low, high: ()


class Resume(NamedTuple):
    """Where the page before ended: the next row's symbol and instant, and how many rows of that instant are told."""

    symbol: str
    at: int
    told: int


class Page(NamedTuple):
    """What a historical request asks for; `resume` is where the page before it ended."""

    start: int
    end: int
    limit: int
    ascending: bool
    resume: Resume | None


def bad_query(message: str) -> Refusal:
    """How the market data API refuses a parameter."""
    return Refusal(400, 40010001, message)


def bad_format(name: str, reason: str) -> Refusal:
    """How it refuses a parameter of the wrong type."""
    return bad_query(f"Invalid format for parameter {name}: {reason}")


def only_known(request: web.Request, known: frozenset[str]) -> None:
    """Refuses parameters that the route does not have."""
    unknown = ", ".join(name[:32] for name in request.query if name not in known)
    if unknown:
        raise bad_query(f"unexpected query parameter(s): {unknown}")


def required(request: web.Request, name: str) -> str:
    """A parameter that must be there. Raises Refusal."""
    text = request.query.get(name, "")
    if not text:
        raise bad_format(name, f"query parameter '{name}' is required")
    return text


def listed_symbols(request: web.Request) -> list[str]:
    """The comma list `symbols`, sorted, each once. Raises Refusal when there is none, or too many."""
    words = (word.strip() for word in required(request, "symbols").split(","))
    symbols = sorted({word for word in words if word})
    if not symbols:
        raise bad_format("symbols", "query parameter 'symbols' is required")
    if len(symbols) > SYMBOLS_LIMIT:
        raise bad_query(f"too many symbols: at most {SYMBOLS_LIMIT}")
    return symbols


def choice(request: web.Request, name: str, choices: Iterable[str], default: str) -> str:
    """One word of several. Raises Refusal."""
    word = request.query.get(name, "") or default
    if word not in choices:
        raise bad_query(f"invalid {name}: {word[:32]}")
    return word


def instant_of(
    request: web.Request, name: str, default: int, parse: Callable[[str], int] = parse_instant
) -> int:
    """A date, or RFC 3339 with its offset. Raises Refusal."""
    text = request.query.get(name, "")
    if not text:
        return default
    if _DATE.fullmatch(text) or _ZONED.fullmatch(text):
        with contextlib.suppress(ValueError):
            return parse(text)
    raise bad_format(name, _parsing_failure(text[:64]))


def _parsing_failure(text: str) -> str:
    """The reason in the words of the real API's language: the second of two formats it tried."""
    rest = f'extra text: "{text[10:]}"' if _DATE.match(text) else f'cannot parse "{text}" as "2006"'
    return f'error parsing \'{text}\' as RFC3339 or 2006-01-02 time: parsing time "{text}" as "2006-01-02": {rest}'


def page_of(request: web.Request, span: tuple[int, int], parse: Callable[[str], int] = parse_instant) -> Page:
    """The page a request asks for; `span` holds its default start and now, after which nothing is shown."""
    first, now = span
    start, end = instant_of(request, "start", first, parse), instant_of(request, "end", now, parse)
    if end < start:
        raise bad_query("end should not be before start")
    ascending = choice(request, "sort", ("asc", "desc"), "asc") == "asc"
    resume = read_token(request.query.get("page_token", ""))
    return Page(start, min(end, now), page_limit(request), ascending, resume)


def page_limit(request: web.Request, default: int = ROWS_PER_PAGE, most: int = ROWS_PER_PAGE_LIMIT) -> int:
    """`limit`, from 1 to `most`. Raises Refusal."""
    return number_of(request, "limit", default, most)


def number_of(request: web.Request, name: str, default: int, most: int) -> int:
    """A whole number from 1 to `most`. Raises Refusal."""
    text = request.query.get(name, "") or str(default)
    if not re.fullmatch(r"-?[0-9]{1,400}", text):
        raise bad_format(name, f'error binding string parameter: strconv.ParseInt: parsing "{text[:32]}"')
    if text.startswith("-") or not text.strip("0"):
        raise bad_query(f"invalid {name}: smaller than the allowed minimum of 1")
    if len(text.lstrip("0")) > 9 or int(text) > most:
        raise bad_query(f"invalid {name}: larger than the allowed maximum of {most}")
    return int(text)


def read_token(token: str) -> Resume | None:
    """Where the page before ended. Raises Refusal."""
    if not token:
        return None
    try:
        symbol, _, at, *told = base64.b64decode(token, altchars=b"-_").decode().split("|")
        return Resume(symbol, int(at[:20]), int(told[0][:6]) if told else 0)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise bad_query("invalid page_token") from None


def page_token(symbol: str, mark: str, at: int, told: int = 0) -> str:
    """The token of the page that begins with the row of `symbol` at `at`, or after `told` rows of that instant."""
    text = f"{symbol}|{mark}|{at}" + (f"|{told}" if told else "")
    return base64.b64encode(text.encode(), altchars=b"-_").decode()


def _pieces(ascending: bool, start: int, end: int, piece: int) -> Iterator[tuple[int, int]]:
    """The range in pieces, in the direction of the page."""
    if ascending:
        for low in range(start, end + 1, piece):
            yield low, min(low + piece - 1, end)
        return
    for high in range(end, start - 1, -piece):
        yield max(high - piece + 1, start), high


def _rows(reader: Reader, page: Page, symbol: str) -> Iterator[tuple[int, Row] | None]:
    """The rows of a symbol from where the page before ended; None after each piece of work that gave no row."""
    start, end, told = page.start, page.end, 0
    if page.resume is not None and page.resume.symbol == symbol:
        at, told = page.resume.at, page.resume.told
        start, end = (max(start, at), end) if page.ascending else (start, min(end, at))
    for low, high in _pieces(page.ascending, start, end, reader.piece):
        for _ in reader.prepare(symbol, low, high):
            yield None
        rows = reader.read(symbol, low, high)
        for item in rows if page.ascending else reversed(list(rows)):
            if told and page.resume is not None and item[0] == page.resume.at:
                told -= 1
            else:
                yield item
        yield None


class Turns:
    """Says when work has gone on for long enough that others should get their turn."""

    def __init__(self) -> None:
        # The loop's own time, so that where it is simulated the slices are always the same: whole.
        self._now = asyncio.get_running_loop().time
        self._began = self._now()
        self._count = 0

    async def after(self, count: int = _SLICE_ROWS) -> None:
        """After `count` more rows of work: lets others run if a slice of time is over."""
        self._count += count
        if self._count >= _SLICE_ROWS:
            self._count = 0
            if self._now() - self._began > SLICE_SECONDS:
                await asyncio.sleep(0)
                self._began = self._now()


async def collect(reader: Reader, page: Page, symbols: list[str]) -> tuple[dict[str, list[Row]], str | None]:
    """One page: rows by symbol, then time; and the token of the next page, None when this is the last."""
    found: dict[str, list[Row]] = {}
    left, turns = page.limit, Turns()
    for symbol in symbols:
        if page.resume and symbol < page.resume.symbol:
            continue
        latest, told = -1, 0
        if page.resume and symbol == page.resume.symbol:
            latest, told = page.resume.at, page.resume.told
        for item in _rows(reader, page, symbol):
            if item is None:
                await turns.after()
                continue
            at, row = item
            if not left:
                return found, page_token(symbol, reader.mark, at, told if at == latest else 0)
            found.setdefault(symbol, []).append(row)
            latest, told = at, told + 1 if at == latest else 1
            left -= 1
            await turns.after(1)
    return found, None
