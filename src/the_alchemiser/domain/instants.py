"""Instants are integers: nanoseconds since the Unix epoch, UTC. Exact, ordered, and free of local time."""

from __future__ import annotations

import datetime as _dt

Nanos = int
"""An instant (or a span, where the name says so) in nanoseconds."""

MILLISECOND: Nanos = 1_000_000
SECOND: Nanos = 1_000_000_000
MINUTE: Nanos = 60 * SECOND
DAY: Nanos = 86_400 * SECOND

_EPOCH_ORDINAL = _dt.date(1970, 1, 1).toordinal()


def rfc3339(at: Nanos) -> str:
    """`at` as RFC 3339 text in UTC, with nine fraction digits only where they are needed."""
    seconds, nanos = divmod(at, SECOND)
    days, rest = divmod(seconds, 86_400)
    day = _dt.date.fromordinal(_EPOCH_ORDINAL + days).isoformat()
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{day}T{clock}.{nanos:09d}Z" if nanos else f"{day}T{clock}Z"


def parse_rfc3339(text: str) -> Nanos:
    """The instant an RFC 3339 text names; fractions keep nanoseconds. Raises ValueError for other text or no offset."""
    body, fraction = text, ""
    if "." in text:
        body, _, tail = text.partition(".")
        digits = len(tail) - len(tail.lstrip("0123456789"))
        fraction, body = tail[:digits], body + tail[digits:]
    moment = _dt.datetime.fromisoformat(body)
    if moment.tzinfo is None:
        raise ValueError(f"no UTC offset in {text!r}")
    whole = moment - _dt.datetime(1970, 1, 1, tzinfo=_dt.UTC)
    seconds = whole.days * 86_400 + whole.seconds
    return seconds * SECOND + int(fraction[:9].ljust(9, "0") or 0)
