"""The flags of `alchemiser exchange`: those of the exchange itself, in the dress of this command line."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

import typer

from the_alchemiser.exchange.flags import FLAGS, Flag, Reading

Command = TypeVar("Command", bound=Callable[..., None])


def accepting_all(command: Command) -> Command:
    """The command with a parameter for each flag in the place of its `**given`, as Typer reads signatures."""
    own = inspect.signature(command, eval_str=True).parameters.values()
    named = [one for one in own if one.kind is not inspect.Parameter.VAR_KEYWORD]
    first, *others = named
    setattr(command, "__signature__", inspect.Signature([first, *map(_parameter, FLAGS), *others]))  # noqa: B010
    return command


def options_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given as options of the exchange; what was not is left to its defaults. None can be given, too: the
    speed of lockstep.
    """
    chosen = {}
    for flag in FLAGS:
        value = given[flag.name]
        if flag.read is None:
            chosen[flag.name] = flag.switched if value else flag.default
        elif value is not None or flag.default:
            chosen[flag.name] = value
    return chosen


def _parameter(flag: Flag) -> inspect.Parameter:
    kind: Any
    default: Any = False
    if flag.read is None:
        kind = Annotated[bool, typer.Option(flag.on_the_line, help=flag.help)]
    else:
        option = typer.Option(
            flag.on_the_line, metavar=flag.metavar, help=flag.help, parser=_reading(flag.read)
        )
        kind, default = Annotated[Any, option], flag.default or None
    return inspect.Parameter(
        flag.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=kind
    )


def _reading(read: Reading) -> Callable[[Any], Any]:
    """The same for Typer, which reads defaults, too, and forgets what a ValueError says."""

    def of_typer(typed: Any) -> Any:
        if not isinstance(typed, str):
            return typed
        try:
            return read(typed)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return of_typer
