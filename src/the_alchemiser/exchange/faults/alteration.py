"""Values of an answer or a message that are not what they should be: set, or multiplied."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

Scalar = str | float | bool | None


def altered(value: Any, put: Mapping[str, Scalar], times: Mapping[str, float]) -> Any:
    """A decoded answer with the fields named in `put` set and those in `times` multiplied, wherever they stand."""
    if isinstance(value, list):
        return [altered(item, put, times) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: put[key]
        if key in put
        else _multiplied(item, times[key])
        if key in times
        else altered(item, put, times)
        for key, item in value.items()
    }


def _multiplied(value: Any, factor: float) -> Any:
    """A number multiplied; one that is written as text stays text, and what is no number stays as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    if not isinstance(value, str):
        return value * factor
    try:
        return format((Decimal(value) * Decimal(str(factor))).normalize(), "f")
    except InvalidOperation:
        return value


def check_alteration(put: Mapping[str, Scalar], times: Mapping[str, float]) -> None:
    """Raises ValueError when nothing would be altered."""
    if not put and not times:
        raise ValueError("alter names fields in put or times")
