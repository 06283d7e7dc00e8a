"""The command line: `alchemiser COMMAND`. Importing it is cheap; each command imports what it needs when it runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from . import backtesting, keeping, looking, simulating, trading
from .frame import frame_of, run_framed

app = typer.Typer(
    name="alchemiser",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Begin with: alchemiser demo",
)


def _version(is_wanted: bool) -> None:
    if is_wanted:
        from importlib.metadata import version

        sys.stdout.write(f"alchemiser {version('the-alchemiser')}\n")
        raise typer.Exit


@app.callback()
def _about(
    context: typer.Context,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The data folder, whatever DATA_DIR says.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Trade a portfolio by your own strategies: on paper, live, or against the exchange that comes with it.

    Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 refused by a safety rule.
    """
    frame_of(context).data_dir = data


trading.register(app)
backtesting.register(app)
simulating.register(app)
looking.register(app)
keeping.register(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, by default the process's own; the exit code."""
    return run_framed(app, sys.argv[1:] if arguments is None else arguments)
