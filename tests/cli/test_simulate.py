"""`alchemiser simulate`: what it answers, and what it says where something broke."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from cli.command_line import CommandLine

from the_alchemiser.simulation import matrix
from the_alchemiser.simulation.schedule import Fault, Schedule


def test_the_answer_counts_what_was_lived_and_what_went_wrong(quickly: CommandLine) -> None:
    ran = quickly("simulate", "--seeds", "1..3", "--json")

    assert ran.code == 0
    found = ran.document
    assert (found["seeds"], found["days"], found["violations"]) == (3, 3, [])
    assert found["faults"] == sum(sum(kinds.values()) for kinds in found["faults_by_site"].values()) > 0
    assert found["events"] > 0


def test_without_faults_nothing_goes_wrong_for_days(quickly: CommandLine) -> None:
    found = quickly("simulate", "--seeds", "4..4", "--days", "3", "--faults", "none", "--json").document

    assert (found["seeds"], found["days"], found["faults"]) == (1, 3, 0)


@pytest.mark.parametrize("seeds", ["5..1", "a..b", "..", "-3..4"])
def test_a_range_that_is_none_is_wrong_usage(quickly: CommandLine, seeds: str) -> None:
    ran = quickly("simulate", f"--seeds={seeds}")

    assert ran.code == 2
    assert "--seeds" in ran.complaint


def test_an_intensity_nobody_knows_is_wrong_usage(quickly: CommandLine) -> None:
    ran = quickly("simulate", "--faults", "some")

    assert ran.code == 2
    assert "none, default, heavy" in ran.complaint


def test_a_life_without_trouble_is_nothing_to_shrink(quickly: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "life.json"
    Schedule(1, faults=(Fault("submit", 1, "answer_lost"),)).write(path)

    assert quickly("simulate", "--replay", path).code == 0
    ran = quickly("simulate", "--shrink", path)
    assert (ran.code, "nothing is violated" in ran.complaint) == (2, True)


def test_a_file_of_another_version_is_not_replayed(quickly: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "life.json"
    msgspec.structs.replace(Schedule(1), version=99).write(path)

    ran = quickly("simulate", "--replay", path)
    assert (ran.code, "version 99" in ran.complaint) == (2, True)


@pytest.mark.slow
def test_the_matrix_tells_of_each_scenario_how_often_a_process_died_in_it(
    quickly: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = next(scenario for scenario in matrix.SCENARIOS if scenario.name == "start")
    brief = msgspec.structs.replace(start, spans=((0, 0),))
    monkeypatch.setattr(matrix, "SCENARIOS", (brief,))

    found = quickly("simulate", "--matrix", "--json").document

    points = found["durable_points"] + found["network_points"]
    assert (found["runs"], found["lost"], found["doubled"]) == (2 * points, 0, 0)
    assert [row["scenario"] for row in found["scenarios"]] == ["start"]
    assert points > 0


@pytest.mark.parametrize("seeds", ["1..1000001", "1.." + "9" * 5000])
def test_more_seeds_than_anybody_can_live_are_wrong_usage(quickly: CommandLine, seeds: str) -> None:
    ran = quickly("simulate", "--seeds", seeds)

    assert (ran.code, "--seeds" in ran.complaint) == (2, True)


@pytest.mark.parametrize(
    "nonsense",
    [
        Schedule(1, days=0),
        Schedule(1, intensity="some"),
        Schedule(1, life={"symbols": 5}),
        Schedule(1, life={"cash": "much"}),
        Schedule(1, life={"first_day": "2020-03-01"}),
    ],
)
def test_a_file_with_a_life_that_cannot_be_lived_is_wrong_usage(
    quickly: CommandLine, tmp_path: Path, nonsense: Schedule
) -> None:
    path = tmp_path / "life.json"
    nonsense.write(path)

    ran = quickly("simulate", "--replay", path)
    assert (ran.code, str(path) in ran.complaint) == (2, True)


def test_faults_of_a_file_that_did_not_come_about_are_named(quickly: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "life.json"
    Schedule(1, faults=(Fault("submit", 9_999, "answer_lost"),)).write(path)

    ran = quickly("simulate", "--replay", path)
    assert (ran.code, "1 of 1 faults of the file did not come about" in ran.err) == (0, True)
    assert "submit, call 9999: answer_lost" in ran.err


def test_a_file_is_replayed_or_shrunk_not_both(quickly: CommandLine, tmp_path: Path) -> None:
    ran = quickly("simulate", "--replay", tmp_path / "a.json", "--shrink", tmp_path / "a.json")

    assert (ran.code, "exclude" in ran.complaint) == (2, True)
