"""How a world and its log come together: begun anew, continued after a kill, or loaded from a saved state."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from the_alchemiser.exchange.journal import CommandLog, JournalError
from the_alchemiser.exchange.setting import FORMAT, Setting
from the_alchemiser.exchange.world import Origin, World

_READ_BYTES = 1 << 20


def begun(log: CommandLog, asked: Setting, origin: Origin) -> World:
    """A new world with an empty log. Raises JournalError, ValueError."""
    log.append(_header(origin.setting, asked))
    return World(origin, log)


def continued(path: Path, asked: Origin, origin_of: Callable[[Setting], Origin]) -> World:
    """The world of the log at `path`, which must have been started with the setting that is asked for now; a
    new one where there is none. Raises JournalError, ValueError, ConfigurationError.
    """
    log = CommandLog.at(path)
    try:
        header = log.header()
        if header is None:
            return begun(log, asked.setting, asked)
        _compare(path, header.get("asked", header), asked.setting.header())
        return World(_origin(header, origin_of) if "asked" in header else asked, log)
    except Exception:
        log.close()  # it is locked for as long as it is open
        raise


def relabelled(
    saved: CommandLog, log: CommandLog, asked: Setting, origin_of: Callable[[Setting], Origin]
) -> World:
    """The world of a saved log, which is copied into the empty `log`. Raises JournalError, ValueError,
    ConfigurationError, OSError.
    """
    header = saved.header()
    if header is None:
        raise JournalError("the state is empty")
    origin = _origin(header, origin_of)
    log.append(_header(origin.setting, asked))
    begins = saved.first_command
    while part := saved.read(begins, _READ_BYTES):
        log.extend(part)
        begins += len(part)
    return World(origin, log)


def copied(path: Path) -> CommandLog:
    """A temporary log with the text of the file, which stays as it is. Raises JournalError."""
    log = CommandLog.temporary()
    try:
        with path.open("rb") as file:
            while part := file.read(_READ_BYTES):
                log.extend(part)
    except OSError as error:
        log.close()
        raise JournalError(f"cannot read the state file {path}: {error.strerror}") from error
    return log


def scratch(path: Path | None) -> CommandLog:
    """An empty log that can take the place of the one at `path`."""
    if path is None:
        return CommandLog.temporary()
    beside = path.with_name(path.name + ".loading")
    with contextlib.suppress(FileNotFoundError):
        beside.unlink()
    return CommandLog.at(beside)


def put_away(before: CommandLog, after: CommandLog) -> None:
    """`after` takes the place of `before`, which is closed. Raises OSError."""
    if before.path is not None:
        after.move_to(before.path)
    before.close()


def _origin(header: dict[str, Any], origin_of: Callable[[Setting], Origin]) -> Origin:
    """Raises JournalError when the world cannot be made here: other market data."""
    if header.get("exchange_commands") != FORMAT:
        raise JournalError(f"line 1 of the state does not say exchange_commands {FORMAT}")
    found = {name: value for name, value in header.items() if name not in ("exchange_commands", "asked")}
    try:
        setting = msgspec.convert(found, Setting)
        origin = origin_of(setting)
    except msgspec.ValidationError as error:
        raise JournalError(f"line 1 of the state is no setting: {error}") from error
    if origin.setting.data != setting.data:
        raise JournalError(f"the state was written with data {setting.data!r}, not {origin.setting.data!r}")
    return Origin(setting, origin.market, origin.accounts)


def _header(setting: Setting, asked: Setting) -> dict[str, Any]:
    header = setting.header()
    return header if setting == asked else {**header, "asked": asked.header()}


def _compare(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name in {**wanted, **found}:
        if found.get(name) != wanted.get(name) and name != "asked":
            if name == "accounts":  # which hold secrets
                raise JournalError(f"the state file {path} was written with other accounts")
            raise JournalError(
                f"the state file {path} was written with {name} {found.get(name)!r}, not {wanted.get(name)!r}; "
                "give the same again, or another --state"
            )
