"""Instants as the broker writes them: RFC 3339 with up to nine fraction digits; New-York offset where it uses
one.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from the_alchemiser.exchange.market.sessions import NEW_YORK, new_york_midnight

NANOS_PER_SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,9})\d*)?(Z|z|[+\- ]\d{2}:?\d{2})?"
)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def datetime_of(at: int) -> datetime:
    """The instant as an aware UTC datetime, cut to the microsecond."""
    return _EPOCH + timedelta(microseconds=at // 1000)


@lru_cache(maxsize=4096)
def _utc_second(second: int) -> str:
    return datetime_of(second * NANOS_PER_SECOND).strftime("%Y-%m-%dT%H:%M:%S")


def _fraction(nanos: int) -> str:
    return f".{nanos:09d}".rstrip("0") if nanos else ""


def rfc3339(at: int) -> str:
    """`2026-01-02T15:00:00.123456789Z`: UTC, trailing zeros of the fraction left out."""
    second, nanos = divmod(at, NANOS_PER_SECOND)
    return f"{_utc_second(second)}{_fraction(nanos)}Z"


def rfc3339_new_york(at: int) -> str:
    """`2026-01-02T10:00:00.123456789-05:00`: the form of the clock endpoint."""
    second, nanos = divmod(at, NANOS_PER_SECOND)
    local = datetime_of(second * NANOS_PER_SECOND).astimezone(NEW_YORK)
    offset = local.strftime("%z")
    return f"{local.strftime('%Y-%m-%dT%H:%M:%S')}{_fraction(nanos)}{offset[:3]}:{offset[3:]}"


def nanos_of(moment: datetime) -> int:
    """Nanoseconds since the epoch of an aware datetime, exact to its microsecond."""
    distance = moment - _EPOCH
    return (distance.days * 86_400 + distance.seconds) * NANOS_PER_SECOND + distance.microseconds * 1000


def parse_day(text: str) -> date:
    """`YYYY-MM-DD`, also as the front of a longer timestamp. Raises ValueError."""
    if not _DAY.match(text):
        raise ValueError(f"not a date: {text!r}")
    return date.fromisoformat(text[:10])


def parse_instant(text: str) -> int:
    """A date, or RFC 3339 with any offset and up to nine fraction digits. Without an offset it is UTC.

    A blank where the sign of the offset belongs is read as `+`: clients forget to escape it in a query.
    Raises ValueError.
    """
    text = text.strip()
    if _DAY.fullmatch(text):
        return new_york_midnight(date.fromisoformat(text))
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise ValueError(f"not a timestamp: {text!r}")
    day, clock, fraction, offset = found.groups()
    whole = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=UTC)
    return nanos_of(whole) - _offset_nanos(offset) + int((fraction or "0").ljust(9, "0"))


def _offset_nanos(offset: str | None) -> int:
    if offset is None or offset in "Zz":
        return 0
    sign = -1 if offset[0] == "-" else 1
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    if hours > 23 or minutes > 59:
        raise ValueError(f"not an offset: {offset!r}")
    return sign * (hours * 3600 + minutes * 60) * NANOS_PER_SECOND
