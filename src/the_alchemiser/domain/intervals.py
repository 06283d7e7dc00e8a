"""What of a told execution is news? Fills are intervals: told twice they overlap, lost they are holes, late they fit.

Nothing here asks when or by which way something was told, so repetition and disorder cannot change what is booked.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from .money import ZERO, Shares
from .orders import Fill, FillSource

_BELIEF = {FillSource.SYNTHETIC: 0, FillSource.STREAM: 1, FillSource.RECORD: 2}


class News(msgspec.Struct, frozen=True):
    """`missing`: parts nobody has told before. `disputed`: a booked fill, and the part of it told at another price."""

    missing: tuple[Fill, ...]
    disputed: tuple[tuple[Fill, Fill], ...] = ()


def news_in(told: Fill, booked: Sequence[Fill]) -> News:
    """Compare what is told with what is booked (disjoint, lowest first)."""
    if not booked or told.cum_before >= booked[-1].cum_after:
        return News((told,))
    overlaps = [(fill, part) for fill in booked if (part := _part(told, fill.cum_before, fill.cum_after))]
    missing = [part for start, end in holes(booked, told.cum_after) if (part := _part(told, start, end))]
    disputed = [(fill, part) for fill, part in overlaps if part.price != fill.price]
    return News(tuple(missing), tuple(disputed))


def holes(booked: Sequence[Fill], until: Shares) -> list[tuple[Shares, Shares]]:
    """The intervals of (0, until] that are not booked, lowest first."""
    found, reached = [], ZERO
    for fill in booked:
        if reached < min(fill.cum_before, until):
            found.append((reached, min(fill.cum_before, until)))
        reached = max(reached, fill.cum_after)
    if reached < until:
        found.append((reached, until))
    return found


def is_believed(told: Fill, booked: Fill) -> bool:
    """Whether what is told corrects what is booked. The record may be restated: of its prices the newest counts."""
    ours, theirs = _BELIEF[booked.source], _BELIEF[told.source]
    return theirs > ours or told.source is FillSource.RECORD


def corrected(booked: Sequence[Fill], part: Fill) -> tuple[Fill, ...]:
    """The booked fills with `part`, which lies within one of them, in place of what was booked there."""
    fills: list[Fill] = []
    for fill in booked:
        if not (fill.cum_before <= part.cum_before and part.cum_after <= fill.cum_after):
            fills.append(fill)
            continue
        before = _part(fill, fill.cum_before, part.cum_before)
        after = _part(fill, part.cum_after, fill.cum_after)
        fills += [one for one in (before, part, after) if one is not None]
    return tuple(fills)


def _part(fill: Fill, start: Shares, end: Shares) -> Fill | None:
    """What of `fill` lies between two quantities."""
    start, end = max(start, fill.cum_before), min(end, fill.cum_after)
    return replace(fill, cum_before=start, cum_after=end) if start < end else None
