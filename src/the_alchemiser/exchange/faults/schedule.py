"""A schedule of faults as a file: TOML or JSON with a `seed` and `rule` entries, and errors that say where."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from the_alchemiser.exchange.faults.happenings import AnyCommandFault, AnyHappening
from the_alchemiser.exchange.faults.messages import AnyStreamFault
from the_alchemiser.exchange.faults.requests import AnyRequestFault
from the_alchemiser.exchange.faults.rules import Rule

FILE_BYTES_LIMIT = 16 * 1024 * 1024
RULES_LIMIT = 1000
SEED_LIMIT = 2**63 - 1

_UNIONS: tuple[Any, ...] = (AnyRequestFault, AnyStreamFault, AnyCommandFault | AnyHappening)
_PLACES = (
    "of requests (it has a route)",
    "of streams (it has a stream)",
    "of the venue (no route, no stream)",
)


class InvalidSchedule(ValueError):
    """A schedule or a rule that cannot be used; the text names the entry and the field."""


class Schedule(msgspec.Struct, frozen=True):
    """What is to go wrong. `seed` decides every draw."""

    seed: int = 0
    rules: tuple[Rule, ...] = ()


def read_schedule(path: Path) -> Schedule:
    """The schedule in a `.json` or else TOML file. Raises OSError, InvalidSchedule."""
    if path.stat().st_size > FILE_BYTES_LIMIT:
        raise InvalidSchedule(f"{path}: larger than {FILE_BYTES_LIMIT} bytes")
    text = path.read_bytes()
    try:
        document = json.loads(text) if path.suffix == ".json" else tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidSchedule(f"{path}: {error}") from error
    try:
        return schedule_of(document)
    except InvalidSchedule as error:
        raise InvalidSchedule(f"{path}: {error}") from error


def schedule_of(document: object) -> Schedule:
    """The schedule that a decoded file holds. Raises InvalidSchedule."""
    if not isinstance(document, dict):
        raise InvalidSchedule("a schedule is a table with seed and rule")
    if unknown := sorted(document.keys() - {"seed", "rule"}):
        raise InvalidSchedule(f"unknown field {unknown[0]!r}; there are seed and rule")
    seed, entries = document.get("seed", 0), document.get("rule", [])
    if type(seed) is not int or abs(seed) > SEED_LIMIT:
        raise InvalidSchedule("seed must be a whole number")
    if not isinstance(entries, list) or len(entries) > RULES_LIMIT:
        raise InvalidSchedule(f"rule must be a list of at most {RULES_LIMIT} tables")
    return Schedule(seed, tuple(_entry(number, entry) for number, entry in enumerate(entries, start=1)))


def _entry(number: int, entry: object) -> Rule:
    try:
        return rule_of(entry)
    except InvalidSchedule as error:
        name = entry.get("name") if isinstance(entry, dict) else None
        raise InvalidSchedule(f"rule {number}{f' ({name})' if name else ''}: {error}") from None


def rule_of(entry: object) -> Rule:
    """One rule: `route` makes it one of requests, `stream` one of streams, neither one of the venue.

    Raises InvalidSchedule.
    """
    if not isinstance(entry, dict):
        raise InvalidSchedule("a rule is a table")
    if "route" in entry and "stream" in entry:
        raise InvalidSchedule("a rule has either route or stream")
    place = 0 if "route" in entry else 1 if "stream" in entry else 2
    union = _UNIONS[place]
    kinds = _kinds(union)
    if entry.get("fault") not in kinds:
        raise InvalidSchedule(
            f"fault: must be one of {', '.join(kinds)} in a rule {_PLACES[place]}, not {entry.get('fault')!r}"
        )
    try:
        rule: Rule = msgspec.convert(_plain(entry), union)
    except msgspec.ValidationError as error:
        raise InvalidSchedule(_located(error)) from None
    return rule


def _kinds(union: Any) -> list[str]:
    return [str(kind.__struct_config__.tag) for kind in union.__args__]


def _plain(value: Any) -> Any:
    """TOML's own dates as the text they were."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date | datetime) else value


def _located(error: msgspec.ValidationError) -> str:
    """The field first, then what is wrong with it."""
    what, _, where = str(error).partition(" - at `$")
    field = where.strip("`").lstrip(".")
    what = what.replace("Object contains unknown", "unknown")
    what = what[:1].lower() + what[1:]
    return f"{field}: {what}" if field else what


def document_of(schedule: Schedule) -> dict[str, Any]:
    """The schedule as a file would hold it in JSON."""
    return {"seed": schedule.seed, "rule": [msgspec.to_builtins(rule) for rule in schedule.rules]}
