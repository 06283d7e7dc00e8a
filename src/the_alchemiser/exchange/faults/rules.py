"""What every rule has in common: a name, whom it concerns, and when it strikes."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from the_alchemiser.exchange.timestamps import parse_instant
from the_alchemiser.exchange.units import NEVER

SECONDS_LIMIT = 30 * 86_400.0
COUNT_LIMIT = 1_000_000
ORDINALS_LIMIT = 100_000
_NANOS = {"s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86_400 * 10**9}
_SPAN = re.compile(r"\+(\d{1,9}(?:\.\d{1,9})?)([smhd])")

Seconds = float | tuple[float, float]
"""A length of time, or the two bounds it is drawn between."""


class Rule(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="fault"):
    """When something goes wrong. All conditions given must hold.

    A rule counts what it matches from 1 on, for each account by itself and only from `after` until before
    `until`; `every`, `first`, `ordinals` and `most` speak of those numbers. Instants are RFC 3339, or `+90m`
    after the rule was given (units s, m, h, d). `at` is short for the first match at or after an instant.
    """

    name: str = ""
    seed: int | None = None
    """What its draws depend on; the schedule's without."""
    account: str = ""
    probability: float | None = None
    every: int | None = None
    first: int | None = None
    ordinals: tuple[int, ...] | None = None
    most: int | None = None
    after: str | None = None
    until: str | None = None
    at: str | None = None

    def __post_init__(self) -> None:
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise ValueError("probability must lie between 0 and 1")
        for name in ("every", "first", "most"):
            number = getattr(self, name)
            if number is not None and not 1 <= number <= COUNT_LIMIT:
                raise ValueError(f"{name} must lie between 1 and {COUNT_LIMIT}")
        if len(self.ordinals or ()) > ORDINALS_LIMIT or any(number < 1 for number in self.ordinals or ()):
            raise ValueError(f"ordinals are at most {ORDINALS_LIMIT} numbers from 1 on")
        if self.at is not None and (self.after is not None or self.until is not None):
            raise ValueError("at stands alone: without after and until")
        for name in ("after", "until", "at"):
            _check_instant(name, getattr(self, name))
        self.check()

    def check(self) -> None:
        """What a kind asks of its own fields. Raises ValueError."""

    @property
    def kind(self) -> str:
        """The value of `fault`."""
        return str(self.__struct_config__.tag)

    @property
    def place(self) -> str:
        """Where it strikes, in a few words."""
        return ""


def window(rule: Rule, given_at: int) -> tuple[int, int]:
    """The instants from and until which a rule holds, if it was given at `given_at`."""
    begin = rule.at if rule.at is not None else rule.after
    after = 0 if begin is None else instant_of(begin, given_at)
    return after, NEVER if rule.until is None else instant_of(rule.until, given_at)


def instant_of(text: str, given_at: int) -> int:
    """An instant (ns UTC) from RFC 3339 or `+90m`. Raises ValueError."""
    span = _SPAN.fullmatch(text)
    if span is None:
        return parse_instant(text)
    return given_at + round(float(span[1]) * _NANOS[span[2]])


def _check_instant(name: str, text: str | None) -> None:
    try:
        instant_of(text or "+0s", 0)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def check_seconds(name: str, seconds: Seconds | None, limit: float = SECONDS_LIMIT) -> None:
    """Raises ValueError for a length of time that is negative, too long or has its bounds the wrong way round."""
    if seconds is None:
        return
    low, high = seconds if isinstance(seconds, tuple) else (seconds, seconds)
    if not 0 <= low <= high <= limit:
        raise ValueError(f"{name} must lie between 0 and {limit:.0f}, the smaller bound first")


@lru_cache(maxsize=1024)
def pattern(glob: str) -> re.Pattern[str]:
    """A pattern of a path or a name: `*` stands for anything, `{name}` for one part of a path."""
    parts = re.split(r"(\*|\{[a-z_]+\})", glob)
    return re.compile("".join(_piece(part) for part in parts))


def _piece(part: str) -> str:
    if part == "*":
        return ".*"
    return "[^/]+" if part.startswith("{") and part.endswith("}") else re.escape(part)
