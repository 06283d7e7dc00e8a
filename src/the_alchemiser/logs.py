"""How the system speaks to its operator: one line an event, on standard error, with no secret in it.

Our own events and the standard library's (alpaca-py, aiohttp, SQLAlchemy) leave by the same door, so that redaction
cannot be forgotten: by name (anything called a key, secret, token or password) and by value (the very secrets in use,
wherever they turn up, exception texts included).
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final, TextIO
from urllib.parse import quote

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN: Final = "********"
SECRET_NAME: Final = re.compile(
    r"api[-_]?key|secret|token|passw|authorization|credential|private[-_]?key|signing[-_]?key", re.IGNORECASE
)
SECRET_LENGTH_MIN: Final = 4
"""Shorter values are hidden by name only: hiding every "a" would leave nothing to read."""
DEPTH_MAX: Final = 6
"""Deeper structures are logged as text; none of ours is."""


class Redaction:
    """A structlog processor that hides the given secrets, and every value whose name says it is one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {
            form
            for secret in secrets
            for form in (secret, quote(secret, safe=""))
            if len(secret) >= SECRET_LENGTH_MIN
        }
        # The longest first: one secret may be the beginning of another.
        alternatives = "|".join(
            re.escape(form) for form in sorted(forms, key=lambda form: (-len(form), form))
        )
        self._pattern = re.compile(alternatives) if forms else None

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """Replace what is secret in one event."""
        return {name: self._member(name, value, depth=0) for name, value in event.items()}

    def text(self, text: str) -> str:
        """`text` with the secrets hidden: for everything that is printed without being logged."""
        return self._pattern.sub(HIDDEN, text) if self._pattern else text

    def _member(self, name: object, value: object, depth: int) -> object:
        if value and SECRET_NAME.search(str(name)):
            return HIDDEN
        return self._value(value, depth)

    def _value(self, value: object, depth: int) -> object:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping) and depth < DEPTH_MAX:
            return {name: self._member(name, item, depth + 1) for name, item in value.items()}
        if isinstance(value, list | tuple) and depth < DEPTH_MAX:
            return [self._value(item, depth + 1) for item in value]
        return self.text(value if isinstance(value, str) else str(value))


def configure_logging(
    level: str = "INFO",
    log_format: str | None = None,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> Redaction:
    """Set up logging for the process; repeatable. Without a format it is text on a terminal, JSON elsewhere."""
    out = stream or sys.stderr
    redaction = Redaction(secrets)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        # Before redaction: an exception's text is where a key most often hides.
        structlog.processors.format_exc_info,
    ]
    last: list[Processor] = [redaction, _renderer(log_format, out)]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    _route_standard_logging(level, shared, last, out)
    return redaction


def logger_for(module: str, **context: object) -> Any:
    """A logger whose every line names its module, and whatever else is bound: symbol, order_id, cycle_id."""
    return structlog.get_logger(module=module, **context)


def _renderer(log_format: str | None, out: TextIO) -> Processor:
    is_terminal = out.isatty()
    if log_format == "json" or (log_format is None and not is_terminal):
        return structlog.processors.JSONRenderer(default=str)
    # Rich tracebacks print local variables, and with them keys.
    return structlog.dev.ConsoleRenderer(
        colors=is_terminal, exception_formatter=structlog.dev.plain_traceback
    )


def _route_standard_logging(level: str, shared: list[Processor], last: list[Processor], out: TextIO) -> None:
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
