"""Instants: integers in UTC that survive being written down."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from the_alchemiser.domain.instants import DAY, MINUTE, SECOND, parse_rfc3339, rfc3339

instants = st.integers(-2_000_000_000 * SECOND, 10_000_000_000 * SECOND)


@given(instants)
def test_an_instant_reads_back_to_the_nanosecond(at: int) -> None:
    assert parse_rfc3339(rfc3339(at)) == at


@given(instants)
def test_the_text_is_the_one_python_writes_for_the_same_second(at: int) -> None:
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=at // SECOND)
    assert rfc3339(at)[:19] == moment.isoformat()[:19]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1970-01-02T00:00:00Z", DAY),
        ("1969-12-31T23:59:59.5Z", -SECOND // 2),
        ("1970-01-01T00:01:00.12+00:00", MINUTE + 120_000_000),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T19:00:00-05:00", 0),
        ("1970-01-01T00:00:00.1234567891234Z", 123_456_789),
    ],
)
def test_known_instants(text: str, at: int) -> None:
    assert parse_rfc3339(text) == at


@pytest.mark.parametrize(
    "text", ["2021-01-04T12:00:00", "2021-01-04", "yesterday", "", "2021-01-04T25:00:00Z"]
)
def test_text_without_an_offset_or_a_meaning_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the text is Python's for half of them
        parse_rfc3339(text)


def test_equal_instants_are_written_in_one_way_only() -> None:
    assert rfc3339(parse_rfc3339("2021-07-01T09:30:00.500-04:00")) == "2021-07-01T13:30:00.500000000Z"
