"""What the flags shared by commands may say, and how long work shows that it goes on."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from the_alchemiser.domain.errors import ConfigurationError
from the_alchemiser.exchange.flags import parse_dollars, parse_speed

from .frame import console


def dollars(text: str) -> str:
    """An amount the exchange can begin with."""
    try:
        return parse_dollars(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def date_text(text: str) -> str:
    """An ISO date; empty and absent ones pass."""
    try:
        if text:
            dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date (YYYY-MM-DD)") from None
    return text


DataFolder = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="The data folder, whatever DATA_DIR says.")
]
"""People write it before the command or after it; `backtest` and `exchange` alone mean bars by `--data`."""
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
Seed = Annotated[int, typer.Option(metavar="N", help="Draws the simulated hours between the real closes.")]
Cash = Annotated[str, typer.Option(metavar="DOLLARS", callback=dollars, help="What the account begins with.")]
FirstDay = Annotated[
    str, typer.Option(metavar="YYYY-MM-DD", callback=date_text, help="The first market day.")
]


def pace_of(speed: str) -> float | None:
    """A speed in exchange seconds per second; None for `max`."""
    try:
        return parse_speed(speed)
    except ValueError as error:
        raise ConfigurationError(f"--speed {error}") from None


@contextmanager
def progress_bar(total: int, what: str) -> Iterator[Callable[..., None]]:
    """A progress bar on standard error: `advance(done, text, of)`. Without a terminal it stays silent."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    text = TextColumn("{task.fields[text]}")
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), text, TimeElapsedColumn())
    with Progress(
        *columns, console=console(is_error=True), transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        task = bar.add_task("", total=total, text="getting ready")

        def advance(done: int, text: str = "", of: int = total) -> None:
            bar.update(task, completed=done, text=text, total=of)

        yield advance
