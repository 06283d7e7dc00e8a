"""Which request or message a rule strikes: by number, by chance from the seed, by time; and what a schedule may say."""

import json
from pathlib import Path
from typing import Any

import pytest

from the_alchemiser.exchange.faults.director import ActiveRule, FaultDirector
from the_alchemiser.exchange.faults.schedule import (
    InvalidSchedule,
    document_of,
    read_schedule,
    rule_of,
    schedule_of,
)
from the_alchemiser.exchange.timestamps import parse_instant

NOON = parse_instant("2022-06-01T16:00:00Z")
SECOND = 10**9


def given(seed: int = 0, **rule: Any) -> tuple[FaultDirector, ActiveRule]:
    director = FaultDirector()
    entry = {"route": "GET /v2/orders", "fault": "drop", **rule}
    return director, director.adopt(schedule_of({"seed": seed, "rule": [entry]}), NOON)[0]


def struck(active: ActiveRule, count: int = 20, account: str = "PK", at: int = NOON) -> list[int]:
    """The numbers of the matches that were struck."""
    strikes = [active.match(account, at) for _ in range(count)]
    return [strike.ordinal for strike in strikes if strike is not None]


@pytest.mark.parametrize(
    ("conditions", "numbers"),
    [
        ({}, list(range(1, 21))),
        ({"every": 7}, [7, 14]),
        ({"first": 3}, [1, 2, 3]),
        ({"ordinals": [2, 19]}, [2, 19]),
        ({"every": 5, "most": 2}, [5, 10]),
        ({"every": 2, "first": 6}, [2, 4, 6]),
        ({"probability": 0.0}, []),
        ({"probability": 1.0, "most": 1}, [1]),
    ],
)
def test_a_rule_strikes_by_the_number_of_the_match(conditions: dict[str, Any], numbers: list[int]) -> None:
    _, active = given(**conditions)
    assert struck(active) == numbers


def test_chance_depends_on_the_seed_the_rule_the_account_and_the_number_alone() -> None:
    chosen = struck(given(seed=1, probability=0.3)[1], 200)
    assert chosen == struck(given(seed=1, probability=0.3)[1], 200)
    assert 35 < len(chosen) < 85
    others = [
        struck(given(seed=2, probability=0.3)[1], 200),
        struck(given(seed=1, probability=0.3, name="another")[1], 200),
        struck(given(seed=1, probability=0.3)[1], 200, account="another"),
    ]
    assert all(other != chosen for other in others)


def test_each_account_is_counted_by_itself() -> None:
    _, active = given(first=1)
    assert (struck(active, 2, "one"), struck(active, 2, "other")) == ([1], [1])
    _, active = given(account="one")
    assert (struck(active, 2, "one"), struck(active, 2, "other")) == ([1, 2], [])


def test_a_rule_counts_from_its_first_instant_until_its_last() -> None:
    _, active = given(after="+1s", until="2022-06-01T16:00:03Z", first=2)
    assert struck(active, 5, at=NOON) == []
    assert struck(active, 1, at=NOON + SECOND) == [1]
    assert struck(active, 1, at=NOON + 3 * SECOND) == []
    assert struck(active, 5, at=NOON + 2 * SECOND) == [2]
    _, active = given(at="+1m")
    assert struck(active, 5, at=NOON) == []
    assert struck(active, 5, at=NOON + 61 * SECOND) == [1]


def test_a_length_of_time_is_drawn_between_its_bounds() -> None:
    _, active = given(fault="delay", seconds=[1, 3])
    drawn = [strike.seconds(strike.rule.seconds) for _ in range(50) if (strike := active.match("PK", NOON))]
    assert all(1 <= seconds <= 3 for seconds in drawn)
    assert len(set(drawn)) > 40


def test_a_log_becomes_a_schedule_of_exactly_these_faults() -> None:
    director, active = given(seed=5, probability=0.3, after="+0s", most=4, name="lost")
    for _ in range(40):
        strike = active.match("PK", NOON)
        if strike is not None:
            director.record(strike, "GET /v2/orders")
    numbers = [entry.ordinal for entry in director.log()]
    replayed = document_of(director.as_done())
    assert replayed == {
        "seed": 5,
        "rule": [
            {
                "fault": "drop",
                "name": "lost",
                "seed": 5,
                "account": "PK",
                "ordinals": tuple(numbers),
                "after": "2022-06-01T16:00:00Z",
                "route": "GET /v2/orders",
            }
        ],
    }
    again = FaultDirector()
    (repeated,) = again.adopt(schedule_of(json.loads(json.dumps(replayed))), NOON)
    assert struck(repeated, 40) == numbers


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"route": "GET /v2/orders", "fault": "drop", "probabilty": 0.1}, "unknown field `probabilty`"),
        ({"route": "GET /v2/orders", "fault": "drop", "probability": 1.1}, "probability must lie between"),
        ({"route": "GET /v2/orders", "fault": "drop", "every": "2"}, "every: expected `int | null`"),
        ({"route": "GET /v2/orders", "fault": "dorp"}, "fault: must be one of delay, drop, "),
        ({"route": "GET /v2/orders"}, "fault: must be one of"),
        ({"route": "orders", "fault": "drop"}, "route must read METHODS PATH"),
        ({"route": "GET /v2/orders", "stream": "*", "fault": "drop"}, "either route or stream"),
        ({"route": "GET /v2/orders", "fault": "delay"}, "either seconds or exchange_seconds"),
        ({"route": "GET /v2/orders", "fault": "delay", "seconds": [2, 1]}, "seconds must lie between"),
        ({"route": "GET /v2/orders", "fault": "drop", "after": "noon"}, "after: not a timestamp: 'noon'"),
        ({"stream": "*", "fault": "close", "code": 1006}, "code must be a WebSocket close code"),
        ({"fault": "reset"}, "at is missing"),
        ({"fault": "reset", "at": "+1m", "every": 2}, "knows no condition but at"),
        ("drop", "a rule is a table"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_with_its_field(entry: Any, complaint: str) -> None:
    with pytest.raises(InvalidSchedule, match=r"^rule 2") as refused:
        schedule_of({"rule": [{"route": "* *", "fault": "drop"}, entry]})
    assert complaint in str(refused.value)


def test_a_file_is_toml_or_json_and_errors_name_it(tmp_path: Path) -> None:
    toml, text = tmp_path / "bad day.toml", tmp_path / "bad day.json"
    toml.write_text('seed = 3\n[[rule]]\nroute = "* *"\nfault = "drop"\nafter = 2022-06-01T14:00:00Z\n')
    text.write_text(
        '{"seed": 3, "rule": [{"route": "* *", "fault": "drop", "after": "2022-06-01T14:00:00+00:00"}]}'
    )
    assert read_schedule(toml) == read_schedule(text)
    toml.write_text("[[rule]\n")
    with pytest.raises(InvalidSchedule, match=r"bad day\.toml: "):
        read_schedule(toml)
    text.write_text('{"rule": [{"route": "* *", "fault": "drop", "name": "mine", "first": 0}]}')
    with pytest.raises(InvalidSchedule, match=r"bad day\.json: rule 1 \(mine\): first must lie between"):
        read_schedule(text)
    text.write_text('{"rules": []}')
    with pytest.raises(InvalidSchedule, match="unknown field 'rules'; there are seed and rule"):
        read_schedule(text)


@pytest.mark.parametrize(
    ("route", "method", "path", "meant"),
    [
        ("POST /v2/orders", "POST", "/v2/orders", True),
        ("POST /v2/orders", "GET", "/v2/orders", False),
        ("POST /v2/orders", "POST", "/v2/orders/1", False),
        ("PATCH,DELETE /v2/orders/{order_id}", "DELETE", "/v2/orders/1", True),
        ("PATCH,DELETE /v2/orders/{order_id}", "DELETE", "/v2/orders/1/2", False),
        ("GET /v2/orders*", "GET", "/v2/orders:by_client_order_id", True),
        ("* *", "GET", "/v2/assets/BTC/USD", True),
    ],
)
def test_a_route_names_methods_and_a_pattern_of_paths(
    route: str, method: str, path: str, meant: bool
) -> None:
    rule: Any = rule_of({"route": route, "fault": "drop"})
    assert rule.matches(method, path) is meant


def test_a_full_log_does_not_pretend_to_be_a_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("the_alchemiser.exchange.faults.director.LOG_LIMIT", 3)
    director, active = given()
    for _ in range(5):
        strike = active.match("PK", NOON)
        assert strike is not None
        director.record(strike, "GET /v2/orders")
    assert [entry.number for entry in director.log()] == [3, 4, 5]
    assert director.counts() == ({"drop": 5}, {"f1": 5})
    with pytest.raises(InvalidSchedule, match="no longer holds the first 2 faults"):
        director.as_done()
