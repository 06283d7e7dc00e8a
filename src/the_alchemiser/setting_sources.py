"""Where settings come from: the environment, `.env`, `alchemiser.toml`, and flags of the command line.

Every place is read into the same flat names (`RISK__DAILY_LOSS_LIMIT`), so that precedence, aliases, typing errors and
"where did this value come from" are decided once. Nothing here knows what a setting means.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream

ENVIRONMENT = "environment"
COMMAND_LINE = "command line"
DOTENV_FILE = ".env"
TOML_FILE = "alchemiser.toml"
SEPARATOR = "__"
FILE_BYTES_MAX = 1_000_000
"""A settings file is a page of text; anything larger is some other file."""


@dataclass(frozen=True, slots=True)
class Found:
    """One value as written somewhere; `name` is the name used there, which may be an alias."""

    name: str
    value: object
    origin: str

    @property
    def place(self) -> str:
        """`NAME (where)`: how messages point at it."""
        return f"{self.name} ({self.origin})"


class SourceError(ValueError):
    """A place that cannot be read, or holds what nobody knows. Carries one line for each fault."""

    def __init__(self, messages: Iterable[str]) -> None:
        self.messages = tuple(messages)
        super().__init__("\n".join(self.messages))


class Names:
    """The settings there are: canonical names, their aliases, and the groups whose every name must be known."""

    def __init__(self, canonical: Iterable[str], aliases: Mapping[str, tuple[str, ...]]) -> None:
        self._by_name = {name: name for name in canonical}
        for name, others in aliases.items():
            self._by_name.update(dict.fromkeys(others, name))
        self._groups = tuple(
            sorted({f"{name.split(SEPARATOR)[0]}{SEPARATOR}" for name in self._by_name if SEPARATOR in name})
        )

    def canonical(self, name: str) -> str | None:
        """The setting a name or alias stands for, or None."""
        return self._by_name.get(name.upper())

    def claims(self, name: str) -> bool:
        """Whether an environment variable is meant for us: known, or inside one of our groups."""
        return name.upper() in self._by_name or name.upper().startswith(self._groups)

    def unknown(self, found: Found) -> str:
        """The message for a name nobody knows, with the nearest one there is."""
        near = difflib.get_close_matches(found.name.upper(), self._by_name, n=1)
        return f"{found.place} is not a setting" + (f"; did you mean {near[0]}?" if near else "")


def read_environment(environ: Mapping[str, str], names: Names) -> list[Found]:
    """Our part of the environment. Other programs' variables are none of our business; a misspelt group member is."""
    return [
        Found(name.upper(), value.strip(), ENVIRONMENT)
        for name, value in environ.items()
        if names.claims(name)
    ]


def read_dotenv(path: Path) -> list[Found]:
    """Every line of a `.env` file, or nothing where there is no file. Raises SourceError."""
    text = _text_of(path)
    found = []
    for binding in parse_stream(StringIO(text)):
        where = f"{path.name}, line {binding.original.line}"
        if binding.error or (binding.key is not None and binding.value is None):
            raise SourceError([f"{where}: expected NAME=value"])
        if binding.key is not None:
            found.append(Found(binding.key.upper(), (binding.value or "").strip(), path.name))
    return found


def read_toml(path: Path, names: Names) -> list[Found]:
    """Every key of a TOML file under its flat name, or nothing where there is no file. Raises SourceError."""
    try:
        # Money must not pass through a float on its way in.
        tables = tomllib.loads(_text_of(path), parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise SourceError([f"{path.name}: {error}"]) from error
    return [Found(name, value, path.name) for name, value in _flat(tables, names, prefix="")]


def _flat(table: Mapping[str, object], names: Names, prefix: str) -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        name = f"{prefix}{key}".upper()
        if isinstance(value, dict) and names.canonical(name) is None:
            yield from _flat(value, names, prefix=f"{name}{SEPARATOR}")
        else:
            yield name, value.strip() if isinstance(value, str) else value


def _text_of(path: Path) -> str:
    try:
        if not path.exists():
            return ""
        if path.stat().st_size > FILE_BYTES_MAX:
            raise SourceError(
                [f"{path.name} is larger than {FILE_BYTES_MAX} bytes; that is no settings file"]
            )
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError([f"{path.name} is not UTF-8 text"]) from error
    except OSError as error:
        raise SourceError([f"{path.name} cannot be read: {error.strerror}"]) from error


def by_setting(found: Iterable[Found], names: Names) -> dict[str, list[Found]]:
    """What was found for each setting, at most one value a name: the first, so pass the strongest place first.

    Raises SourceError naming every value that belongs to no setting, or differs from another of its name and place.
    """
    strongest: dict[str, Found] = {}
    faults = []
    for item in found:
        if item.value == "":
            # Container files pass unset variables on as empty ones. An empty limit is not a missing one, though.
            faults += (
                [f"{item.place} is empty; remove it to use the default"] if SEPARATOR in item.name else []
            )
            continue
        chosen = strongest.setdefault(item.name, item)
        if names.canonical(item.name) is None:
            faults.append(names.unknown(item))
        elif chosen is not item and chosen.origin == item.origin and chosen.value != item.value:
            faults.append(f"{item.place} is set twice, to different values; keep one")
    if faults:
        raise SourceError(faults)
    settings: dict[str, list[Found]] = {}
    for item in strongest.values():
        settings.setdefault(names.canonical(item.name) or item.name, []).append(item)
    return settings
