"""One frame around every command: where its words go, and what its failures become.

Standard output carries the answer alone (with `--json` exactly one document), standard error everything else. A
failure is one clear line for each thing that is wrong, never a traceback; what nobody foresaw goes, whole, into a
file in the data folder.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from the_alchemiser.domain.errors import (
    AlchemiserError,
    BrokerError,
    ConfigurationError,
    JournalCorrupt,
    SafetyRefusal,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from the_alchemiser.settings import Settings

DONE: Final = 0
FAILED: Final = 1
MISUSED: Final = 2
REFUSED: Final = 3
INTERRUPTED: Final = 130
"""128 and the number of SIGINT, as shells have it."""

PROGRAM: Final = "alchemiser"
DATA_FOLDER: Final = Path("alchemiser-data")
"""Where the data is while the settings, which may say otherwise, could not be read."""
ERROR_FILE: Final = "unexpected-errors.log"
ERROR_FILE_BYTES_MAX: Final = 1_000_000
CHATTY_LIBRARIES: Final = ("alembic", "asyncio", "picows")
LINES_MAX: Final = 20
PIPE_WIDTH: Final = 160
"""Columns where there is no terminal to ask: wide enough that no table of ours is folded."""


class Frame:
    """What one invocation was asked for, and its voice."""

    def __init__(self) -> None:
        self.data_dir: Path | None = None
        self.is_json = False
        self._secrets: tuple[str, ...] = ()

    def settings(self, *, is_service: bool = False) -> Settings:
        """The settings, with `--data` on top; logging follows them.

        The service logs as LOG_LEVEL says. A command answers for itself: it logs errors, or asked for DEBUG all.
        """
        from the_alchemiser.logs import configure_logging
        from the_alchemiser.settings import load_settings

        settings = load_settings(overrides={"DATA_DIR": self.data_dir})
        level = settings.log_level if is_service or settings.log_level == "DEBUG" else "ERROR"
        configure_logging(level, settings.log_format, settings.secrets)
        _quieten_libraries(level)
        self.data_dir = settings.data_dir
        if self.data_dir.exists() and not self.data_dir.is_dir():
            raise ConfigurationError(f"DATA_DIR = {self.data_dir}: it exists and is no folder")
        self._secrets = settings.secrets
        return settings

    def log_errors(self) -> None:
        """Logging for a command that needs no settings."""
        from the_alchemiser.logs import configure_logging

        configure_logging("ERROR")

    def redact(self, text: str) -> str:
        """`text` with every secret in use hidden."""
        from the_alchemiser.logs import Redaction

        return Redaction((*self._secrets, *_secrets_in_environment())).text(text)

    def say(self, text: str) -> None:
        """Tell the person something that is not the answer. Where nobody can be told, the work goes on all the same."""
        with contextlib.suppress(OSError):
            sys.stderr.write(f"{self.redact(text)}\n")
            sys.stderr.flush()

    def answer(self, document: object, shown: Callable[[], RenderableType]) -> None:
        """Print what was asked for: the document with `--json`, else what `shown` makes for people."""
        if self.is_json:
            self._print_document(document)
        else:
            console().print(shown())

    def _print_document(self, document: object) -> None:
        from .documents import as_json

        sys.stdout.write(f"{as_json(document)}\n")

    def fail(self, error: BaseException) -> int:
        """Say what went wrong; the exit code that goes with it."""
        code, lines = self._meaning(error)
        for line in lines[:LINES_MAX]:
            self.say(line if "\n" in line else f"{PROGRAM}: {line}")
        if len(lines) > LINES_MAX:
            self.say(f"{PROGRAM}: and {len(lines) - LINES_MAX} more")
        if self.is_json:
            self._print_document(
                {
                    "success": False,
                    "error": {
                        "code": type(_leaves(error)[0]).__name__,
                        "message": self.redact("; ".join(lines)),
                    },
                }
            )
        return code

    def _meaning(self, error: BaseException) -> tuple[int, list[str]]:
        leaves = _leaves(error)
        codes, lines = [], []
        for leaf in leaves:
            code, said = self._meaning_of_one(leaf)
            codes.append(code)
            lines += [line for line in said if line not in lines]
        return max(codes), lines

    def _meaning_of_one(self, error: BaseException) -> tuple[int, list[str]]:
        match error:
            case typer.TyperException():
                return getattr(error, "exit_code", FAILED), [_usage_line(error)]
            case SafetyRefusal():
                return REFUSED, _lines(str(error))
            case ConfigurationError():
                return MISUSED, _lines(str(error))
            case BrokerError(request_id=request_id) if request_id:
                return FAILED, [f"{_one_line(str(error))} (request {request_id})"]
            case JournalCorrupt():
                return FAILED, [f"{_one_line(str(error))}; `{PROGRAM} db rebuild` restores it"]
            case AlchemiserError():
                return FAILED, [_one_line(str(error))]
            case OSError() if error.errno is not None:
                return FAILED, [_system_line(error)]
        return FAILED, [self._unforeseen(error)]

    def _unforeseen(self, error: BaseException) -> str:
        what = f"unexpected {type(error).__name__}"
        try:
            return f"{what}; the details are in {self._write_details(error)}"
        except OSError as failure:
            return f"{what}: {_one_line(str(error))} (the details could not be written: {failure.strerror})"

    def _write_details(self, error: BaseException) -> Path:
        folder = self.data_dir or DATA_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / ERROR_FILE
        is_full = path.exists() and path.stat().st_size > ERROR_FILE_BYTES_MAX
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        details = "".join(traceback.format_exception(error))
        with path.open("w" if is_full else "a", encoding="utf-8") as file:
            file.write(self.redact(f"{at} {PROGRAM} {' '.join(sys.argv[1:])}\n{details}\n"))
        return path


def run_framed(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Run the command line; the exit code. Nothing but the end of the process leaves it as an exception."""
    frame = Frame()
    frame.is_json = "--json" in arguments
    try:
        code = app(args=list(arguments), prog_name=PROGRAM, standalone_mode=False, obj=frame)
        sys.stdout.flush()
        return code if isinstance(code, int) else DONE
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        _let_go_of_the_pipe()
        return FAILED
    except Exception as error:  # noqa: BLE001 (the last one there is: it becomes a line and an exit code)
        return frame.fail(error)


def frame_of(context: typer.Context, as_json: bool = False, data_dir: Path | None = None) -> Frame:
    """The frame a command runs in. A data folder named behind the command wins over one named before it."""
    frame = context.find_object(Frame)
    assert frame is not None
    frame.data_dir = data_dir or frame.data_dir
    frame.is_json = frame.is_json or as_json
    return frame


def console(*, is_error: bool = False) -> Console:
    """Where people read: colours and widths as the terminal has them, plain and unfolded elsewhere."""
    from rich.console import Console

    file = sys.stderr if is_error else sys.stdout
    width = None if file.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(file=file, width=width, highlight=False)


def _leaves(error: BaseException) -> list[BaseException]:
    """The failures themselves: a task group wraps what went wrong in it."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]


def _usage_line(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    if "\n" in text:
        return text  # no command was named, and this is the help page
    words = f"{text[:1].lower()}{text[1:]}".rstrip(".")
    path = context.command_path if context is not None else PROGRAM
    return f"{words} (see `{path} --help`)"


def _system_line(error: OSError) -> str:
    reason = (
        "the disk is full"
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        else (error.strerror or str(error))
    )
    place = error.filename2 or error.filename
    return f"{place}: {reason}" if place else reason


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _secrets_in_environment() -> Iterator[str]:
    """Secrets known before the settings could be read: even the message of that failure must not show them."""
    from the_alchemiser.access import ALIASES, KEYS

    names = [*KEYS, *(alias for key in KEYS for alias in ALIASES[key]), "JWT_SECRET_KEY", "ALERTS__URLS"]
    return (os.environ[name] for name in names if os.environ.get(name))


def _quieten_libraries(level: str) -> None:
    """What a library calls information is noise between our own lines; whoever asks for DEBUG gets it all."""
    if level != "DEBUG":
        for library in CHATTY_LIBRARIES:
            logging.getLogger(library).setLevel(logging.WARNING)


def _let_go_of_the_pipe() -> None:
    """Whoever read our output has enough; the interpreter must not complain about it at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
