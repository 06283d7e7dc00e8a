"""Figures as people read them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from the_alchemiser.report import wording


@pytest.mark.parametrize(
    ("amount", "text", "signed"),
    [
        (Decimal("1234.565"), "$1,234.56", "+$1,234.56"),
        (Decimal("-0.005"), "$0.00", "$0.00"),
        (Decimal("-1234567.891"), "−$1,234,567.89", "−$1,234,567.89"),
        (None, "–", "–"),
    ],
)
def test_dollars_have_cents_and_a_true_minus(amount: Decimal | None, text: str, signed: str) -> None:
    assert wording.dollars(amount) == text
    assert wording.signed_dollars(amount) == signed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("101.5", "101.50"),
        ("0.1234", "0.1234"),
        ("1234.5678", "1,234.5678"),
        ("33.3333333333", "33.3333"),
        ("5E+3", "5,000.00"),
    ],
)
def test_prices_keep_the_decimals_they_have(value: str, text: str) -> None:
    assert wording.price(Decimal(value)) == text


@pytest.mark.parametrize(
    ("quantity", "text"), [("1200", "1,200"), ("0.500000000", "0.5"), ("-1234.25", "−1,234.25")]
)
def test_shares_have_no_padding(quantity: str, text: str) -> None:
    assert wording.shares(Decimal(quantity)) == text


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0.1234, "+12.34%"), (-0.05, "−5.00%"), (0.00001, "0.00%"), (-0.00001, "0.00%"), (None, "too few days")],
)
def test_percents_are_signed_only_where_there_is_something(fraction: float | None, text: str) -> None:
    assert wording.signed_percent(fraction) == text


def test_times_are_new_yorks_in_winter_and_in_summer() -> None:
    assert wording.clock(1_614_717_900_000_000_000) == "2021-03-02 15:45:00"
    assert wording.clock(1_625_168_700_000_000_000) == "2021-07-01 15:45:00"


def test_a_day_is_written_out_and_other_text_is_left_alone() -> None:
    assert wording.day("2021-03-01") == "1 Mar 2021"
    assert wording.day("start") == "start"


def test_one_is_not_a_plural() -> None:
    assert (wording.count(1, "fill"), wording.count(1200, "fill")) == ("1 fill", "1,200 fills")
