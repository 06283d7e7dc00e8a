"""The flags of the exchange: one table, and two commands that offer the same."""

from __future__ import annotations

import argparse
import asyncio
import re
from dataclasses import fields

import pytest
from typer.main import get_command

from the_alchemiser.cli import app
from the_alchemiser.cli.exchange_flags import options_of
from the_alchemiser.exchange.errors import ConfigurationError
from the_alchemiser.exchange.flags import FLAGS, Flag
from the_alchemiser.exchange.options import ServerOptions, command_line
from the_alchemiser.exchange.server import running

BY_NAME = {flag.name: flag for flag in FLAGS}


def test_every_option_of_the_exchange_has_a_flag_with_its_default() -> None:
    assert {flag.name: flag.default for flag in FLAGS} == {
        one.name: one.default for one in fields(ServerOptions)
    }


def test_both_commands_offer_every_flag() -> None:
    typed = {flag.on_the_line for flag in FLAGS}
    own = {line for action in command_line()._actions for line in action.option_strings}
    ours = {line for one in get_command(app).commands["exchange"].params for line in one.opts}  # type: ignore[attr-defined]
    assert own - typed == {"-h", "--help", "--until-stdin-closes"}
    assert ours - typed == {"--json"}
    assert typed <= own & ours


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("speed", "60", 60.0),
        ("speed", "max", None),
        ("speed", "lockstep", None),
        ("symbols", "ko, pg,KO", ("KO", "PG")),
        ("multiplier", "2", 2),
        ("cancel_delay_seconds", "0.5", 0.5),
    ],
)
def test_what_was_typed_becomes_a_value(name: str, text: str, value: object) -> None:
    assert reading(BY_NAME[name], text) == value


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("speed", "nan", "nan is neither max nor a number above 0, at most 1,000,000"),
        ("symbols", ",", "',' names no symbols; write them as in KO,PG"),
        ("multiplier", "3", "'3' is none of 1, 2, 4"),
        ("data_plan", "gold", "'gold' is none of unlimited, basic"),
        ("port", "70000", "70000 is not a number from 0 to 65,535"),
        ("stream_symbols", "-1", "-1 is not a number of at least 0"),
        ("seed", "seven", "'seven' is not a whole number"),
        ("volatility", "nan", "nan is not a number from 0 to 10"),
        ("cash", "1.234", "'1.234' is not an amount in dollars and cents above 0, at most 1,000,000,000"),
    ],
)
def test_what_cannot_be_a_value_is_said_in_one_sentence(name: str, text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        reading(BY_NAME[name], text)


def reading(flag: Flag, text: str) -> object:
    assert flag.read is not None
    return flag.read(text)


def test_the_exchanges_own_command_says_the_same_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line().parse_args(["--data-plan", "gold"])
    assert ended.value.code == 2
    assert "argument --data-plan: 'gold' is none of unlimited, basic" in capsys.readouterr().err


def test_lockstep_is_not_taken_for_a_speed_that_was_not_given() -> None:
    command = get_command(app).commands["exchange"]  # type: ignore[attr-defined]
    given = command.make_context("exchange", ["--speed", "max", "--port", "0", "--no-compression"]).params
    assert options_of(given) == {
        **{flag.name: flag.default for flag in FLAGS if flag.read is None or flag.default},
        "speed": None,
        "port": 0,
        "compression": False,
    }


def test_both_ways_to_speak_tls_at_once_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="--tls-port leaves it plain: give one of them"):
        asyncio.run(started(ServerOptions(port=0, tls=True, tls_port=0)))


async def started(options: ServerOptions) -> None:
    async with running(options):
        pass


def test_switches_turn_on_and_off() -> None:
    given: argparse.Namespace = command_line().parse_args(["--regular-hours-only", "--text-frames"])
    assert (given.extended_hours, given.text_frames, given.compression) == (False, True, True)
