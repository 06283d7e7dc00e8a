"""What a file of market events must be, and what is said when it is not.

TOML or JSON: tables `halt`, `band`, `split`, `dividend`, `name_change` and `half_day`, each a list of entries.
Every field is required unless it says otherwise, and a field nobody knows is refused: a typing error must not
become an event that silently never happens.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from the_alchemiser.exchange.market.script import (
    AnyEntry,
    Band,
    Dividend,
    HalfDay,
    Halt,
    MarketScript,
    NameChange,
    Split,
)
from the_alchemiser.exchange.units import SECOND, money_e13, price_e4

ENTRIES_LIMIT = 10_000
FILE_BYTES_LIMIT = 4 * 1024 * 1024
_LARGEST_RATE = 1_000_000
_REASON_LIMIT = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9./-]{0,19}")


class BadScript(ValueError):
    """A script that cannot be used; the text names the file, and the entry and field where they are known."""


class Field:
    """How one field is read, and what it is when it is left out; required without a default."""

    def __init__(self, read: Callable[[Any], Any], default: Any = None) -> None:
        self.read = read
        self.default = default


def _symbol(value: Any) -> str:
    if not isinstance(value, str) or not _SYMBOL.fullmatch(value):
        raise ValueError(f"not a symbol: {value!r}")
    return value


def _instant(value: Any) -> int:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValueError(f"not a timestamp with its offset, such as 2022-06-01T10:00:00-04:00: {value!s}")
    passed = moment - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * SECOND + passed.microseconds * 1000


def _day(value: Any) -> date:
    if isinstance(value, str) and len(value) == len("YYYY-MM-DD"):
        return date.fromisoformat(value)
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError(f"not a date, such as 2022-06-01: {value!s}")
    return value


def _price(value: Any) -> int:
    price = price_e4(value)
    if price <= 0:
        raise ValueError(f"must be above 0: {value}")
    return price


def _cash(value: Any) -> int:
    cash = money_e13(value)
    if cash <= 0:
        raise ValueError(f"must be above 0: {value}")
    return cash


def _rate(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _LARGEST_RATE:
        raise ValueError(f"not a whole number from 1 to {_LARGEST_RATE}: {value!s}")
    return value


def _reason(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _REASON_LIMIT:
        raise ValueError(f"not a text of at most {_REASON_LIMIT} characters")
    return value


def _halt(given: dict[str, Any]) -> Halt:
    if given["end"] <= given["start"]:
        raise ValueError("end: not after start")
    return Halt(given["symbol"], given["start"], given["end"], given["reason"])


def _band(given: dict[str, Any]) -> Band:
    if given["up"] <= given["down"]:
        raise ValueError("up: not above down")
    return Band(given["symbol"], given["at"], given["up"], given["down"])


def _split(given: dict[str, Any]) -> Split:
    if given["old_rate"] == given["new_rate"]:
        raise ValueError("new_rate: the same as old_rate")
    return Split(**given)


def _dividend(given: dict[str, Any]) -> Dividend:
    ex_date = given["ex_date"]
    record = given["record_date"] or ex_date
    payable = given["payable_date"] or record
    if payable < ex_date:
        raise ValueError("payable_date: before ex_date")
    return Dividend(given["symbol"], ex_date, record, payable, given["cash"])


def _name_change(given: dict[str, Any]) -> NameChange:
    if given["symbol"] == given["new_symbol"]:
        raise ValueError("new_symbol: the same as symbol")
    return NameChange(**given)


_Shape = tuple[dict[str, Field], Callable[[dict[str, Any]], AnyEntry]]
_OPTIONAL_DAY = Field(_day, "")
_SHAPES: dict[str, _Shape] = {
    "halt": (
        {
            "symbol": Field(_symbol),
            "start": Field(_instant),
            "end": Field(_instant),
            "reason": Field(_reason, "trading halt"),
        },
        _halt,
    ),
    "band": (
        {"symbol": Field(_symbol), "at": Field(_instant), "up": Field(_price), "down": Field(_price)},
        _band,
    ),
    "split": (
        {
            "symbol": Field(_symbol),
            "ex_date": Field(_day),
            "old_rate": Field(_rate),
            "new_rate": Field(_rate),
        },
        _split,
    ),
    "dividend": (
        {
            "symbol": Field(_symbol),
            "ex_date": Field(_day),
            "record_date": _OPTIONAL_DAY,
            "payable_date": _OPTIONAL_DAY,
            "cash": Field(_cash),
        },
        _dividend,
    ),
    "name_change": (
        {"symbol": Field(_symbol), "new_symbol": Field(_symbol), "date": Field(_day)},
        _name_change,
    ),
    "half_day": ({"date": Field(_day)}, lambda given: HalfDay(**given)),
}


def read_script(file: Path) -> MarketScript:
    """The script in `file`. Raises BadScript."""
    tables = _tables(file)
    for name, entries in tables.items():
        if name not in _SHAPES:
            raise BadScript(f"{file}: there is no kind of event {name!r}; there are {', '.join(_SHAPES)}")
        if not isinstance(entries, list):
            raise BadScript(f"{file}: {name}: not a list of entries (in TOML: [[{name}]])")
    if sum(map(len, tables.values())) > ENTRIES_LIMIT:
        raise BadScript(f"{file}: more than {ENTRIES_LIMIT} entries")
    return MarketScript(
        _entry(f"{file}: {name} {number}", name, given)
        for name, entries in tables.items()
        for number, given in enumerate(entries, start=1)
    )


def _tables(file: Path) -> dict[str, Any]:
    try:
        raw = file.read_bytes()
        if len(raw) > FILE_BYTES_LIMIT:
            raise BadScript(f"{file}: larger than {FILE_BYTES_LIMIT // 1024**2} MB")
        if file.suffix.lower() == ".json":
            found = msgspec.json.Decoder(float_hook=Decimal).decode(raw)
        else:
            found = tomllib.loads(raw.decode(), parse_float=Decimal)
    except OSError as error:
        raise BadScript(f"{file}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadScript(f"{file}: {error}") from None
    if not isinstance(found, dict):
        raise BadScript(f"{file}: not an object of lists")
    return found


def _entry(place: str, name: str, given: Any) -> AnyEntry:
    known, build = _SHAPES[name]
    if not isinstance(given, dict):
        raise BadScript(f"{place}: not a table of fields")
    for field in given:
        if field not in known:
            raise BadScript(f"{place}: unknown field {field!r}; there is {', '.join(known)}")
    values = {field: _value(f"{place}: {field}", shape, given.get(field)) for field, shape in known.items()}
    try:
        return build(values)
    except ValueError as error:
        _refuse(place, error)


def _value(place: str, shape: Field, given: Any) -> Any:
    if given is None:
        if shape.default is None:
            raise BadScript(f"{place}: is missing")
        return shape.default
    try:
        return shape.read(given)
    except (ValueError, OverflowError) as error:
        _refuse(place, error)


def _refuse(place: str, error: Exception) -> NoReturn:
    raise BadScript(f"{place}: {error}") from None
