"""A script of halts, bands and corporate actions: read exactly, or refused with the place of the fault."""

import re
from datetime import date
from pathlib import Path

import msgspec
import pytest

from the_alchemiser.exchange.market.script import Dividend, Halt, MarketScript, NameChange, Split
from the_alchemiser.exchange.market.scriptfile import BadScript, read_script
from the_alchemiser.exchange.market.sessions import new_york_midnight
from the_alchemiser.exchange.server import ConfigurationError, ServerOptions, build
from the_alchemiser.exchange.units import MINUTE, MONEY, SECOND

DOCUMENTATION = Path(__file__).parent.parent.parent / "docs" / "exchange-orders.md"
TEN_O_CLOCK = 1_654_092_000 * SECOND  # 2022-06-01T10:00:00-04:00


@pytest.fixture
def documented(tmp_path: Path) -> Path:
    """The example of the documentation as a file."""
    example = re.search(r"```toml\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    assert example is not None
    return written(tmp_path, example[1])


def written(folder: Path, text: str, name: str = "events.toml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_the_example_of_the_documentation_is_read_to_the_last_digit(documented: Path) -> None:
    script = read_script(documented)
    assert script.halts == (Halt("AAPL", TEN_O_CLOCK, TEN_O_CLOCK + 30 * MINUTE, "news pending"),)
    assert [(band.up_e4, band.down_e4) for band in script.bands] == [(1_602_500, 1_385_000)]
    assert script.splits == (Split("AAPL", date(2022, 6, 6), 1, 4),)
    days = (date(2022, 6, 14), date(2022, 6, 15), date(2022, 7, 1))
    assert script.dividends == (Dividend("KO", *days, 44 * MONEY // 100),)
    assert script.name_changes == (NameChange("GE", "GEA", date(2022, 6, 13)),)
    assert script.is_half_day(date(2022, 6, 17))
    assert not script.is_half_day(date(2022, 6, 16))


def test_a_halt_holds_from_its_start_until_just_before_its_end(documented: Path) -> None:
    script = read_script(documented)
    end = TEN_O_CLOCK + 30 * MINUTE
    instants = (TEN_O_CLOCK - 1, TEN_O_CLOCK, end - 1, end)
    assert [script.halted("AAPL", at) is not None for at in instants] == [False, True, True, False]
    assert script.halted("KO", TEN_O_CLOCK) is None


def test_a_band_is_in_force_from_its_instant_to_the_end_of_its_day(documented: Path) -> None:
    script = read_script(documented)
    (band,) = script.bands
    next_day = new_york_midnight(date(2022, 6, 2))
    instants = (band.at - 1, band.at, next_day - 1, next_day)
    assert [script.band("AAPL", at) is band for at in instants] == [False, True, True, False]


def test_what_takes_effect_comes_in_the_order_of_time_and_once(documented: Path) -> None:
    script = read_script(documented)
    happenings = script.between(0, 2**62)
    assert [happening.kind for happening in happenings] == [
        "band", "halted", "resumed", "split", "name_change", "dividend", "half_day", "payment",
    ]  # fmt: skip
    cut = happenings[3].at
    assert script.between(0, cut) + script.between(cut, 2**62) == happenings


def test_ids_and_fingerprint_depend_on_what_a_script_says_alone(documented: Path, tmp_path: Path) -> None:
    script, same = read_script(documented), read_script(documented)
    assert [entry.id for entry in script.entries] == [entry.id for entry in same.entries]
    assert len({entry.id for entry in script.entries}) == len(script.entries)
    other = read_script(written(tmp_path, documented.read_text().replace('"0.44"', '"0.45"'), "other.toml"))
    assert (script.fingerprint == same.fingerprint, script.fingerprint == other.fingerprint) == (True, False)
    assert MarketScript().fingerprint == ""


def test_json_says_the_same_as_toml(documented: Path, tmp_path: Path) -> None:
    dividend = {"symbol": "KO", "ex_date": "2022-06-14", "cash": 0.44}
    split = {"symbol": "AAPL", "ex_date": "2022-06-06", "old_rate": 1, "new_rate": 4}
    text = msgspec.json.encode({"dividend": [dividend], "split": [split]}).decode()
    script = read_script(written(tmp_path, text, "events.json"))
    assert script.splits == read_script(documented).splits
    assert [(entry.cash_e13, entry.payable_date) for entry in script.dividends] == [
        (44 * MONEY // 100, date(2022, 6, 14))
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[halts]]", "there is no kind of event 'halts'"),
        ("[halt]", "halt: not a list"),
        ("halt = [3]", "halt 1: not a table"),
        ('[[half_day]]\ndate = 2022-06-17\n[[half_day]]\nday = "x"', "half_day 2: unknown field 'day'"),
        ("[[half_day]]", "half_day 1: date: is missing"),
        ("[[half_day]]\ndate = 20220617", "half_day 1: date: not a date"),
        ('[[half_day]]\ndate = "2022-13-17"', "half_day 1: date: month must be"),
        (
            '[[halt]]\nsymbol = "AAPL"\nstart = 2022-06-01T10:00:00\nend = 2022-06-01T10:00:00Z',
            "halt 1: start: not a timestamp with its offset",
        ),
        (
            '[[halt]]\nsymbol = "AAPL"\nstart = 2022-06-01T10:00:00Z\nend = 2022-06-01T10:00:00Z',
            "halt 1: end: not after start",
        ),
        (
            '[[split]]\nsymbol = "aapl"\nex_date = 2022-06-06\nold_rate = 1\nnew_rate = 4',
            "split 1: symbol: not a symbol: 'aapl'",
        ),
        (
            '[[split]]\nsymbol = "AAPL"\nex_date = 2022-06-06\nold_rate = 1\nnew_rate = 0',
            "split 1: new_rate: not a whole number",
        ),
        (
            '[[dividend]]\nsymbol = "KO"\nex_date = 2022-06-06\ncash = "-1"',
            "dividend 1: cash: must be above 0",
        ),
        ('[[dividend]]\nsymbol = "KO"\nex_date = 2022-06-06\ncash = "x"', "dividend 1: cash: not a decimal"),
        (
            '[[band]]\nsymbol = "KO"\nat = 2022-06-01T10:00:00Z\nup = "5"\ndown = "5"',
            "band 1: up: not above down",
        ),
        ("[[halt", "Expected"),
    ],
)
def test_a_script_that_cannot_be_meant_is_refused_with_its_place(
    tmp_path: Path, text: str, complaint: str
) -> None:
    file = written(tmp_path, text)
    with pytest.raises(BadScript) as refusal:
        read_script(file)
    assert str(refusal.value).startswith(f"{file}: ")
    assert complaint in str(refusal.value)


def test_a_missing_file_and_a_damaged_one_are_refused_by_name(tmp_path: Path) -> None:
    for file in (
        tmp_path / "nowhere.toml",
        written(tmp_path, "{", "cut.json"),
        written(tmp_path, "[]", "list.json"),
    ):
        with pytest.raises(BadScript, match=file.name):
            read_script(file)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[[name_change]]\nsymbol = "HAT"\nnew_symbol = "CAP"\ndate = 2022-06-06', "no such symbol: HAT"),
        ("[[half_day]]\ndate = 2022-06-04", "the market is closed on 2022-06-04"),
    ],
)
def test_an_exchange_does_not_start_with_a_script_about_nothing(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        build(ServerOptions(script=written(tmp_path, text)))


def test_the_market_of_an_exchange_carries_its_script(documented: Path) -> None:
    floor, _ = build(ServerOptions(script=documented, start="2022-06-01"))
    assert floor.market.script.fingerprint == read_script(documented).fingerprint
    plain, _ = build(ServerOptions(start="2022-06-01"))
    assert not plain.market.script
