"""Money: one door for numbers, and rounding rules that never turn against us."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from the_alchemiser.domain.money import (
    CENT,
    FRACTION,
    SUB_DOLLAR_TICK,
    WHOLE_SHARE,
    Side,
    cents,
    decimal,
    floor_to_lot,
    from_measurement,
    plain,
    ratio,
    round_to_tick,
    tick_size,
)

prices = st.decimals("0.0001", "1000000", places=9)
quantities = st.decimals("0", "1000000000", places=12)
D = Decimal


@pytest.mark.spec("S0-21")
@pytest.mark.parametrize("number", [0.1, 1.0, float("nan"), float("inf"), True])
def test_a_float_is_not_an_amount_of_money(number: float) -> None:
    with pytest.raises(ValueError, match="not exact"):
        decimal(number)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "sNaN",
        "-NaN",
        "Infinity",
        "-inf",
        "1e15",
        "-1E+400",
        "1e999999",
        "1e-19",
        "1e-999999999",
        "",
        "ten",
    ],
)
def test_what_is_no_amount_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a number|not an amount"):
        decimal(text)


def test_only_numbers_enter() -> None:
    with pytest.raises(ValueError, match="not a number"):
        decimal(None)  # type: ignore[arg-type]


@given(st.decimals("-999999999999999", "999999999999999", places=9))
def test_text_comes_in_exactly(number: Decimal) -> None:
    assert decimal(str(number)) == number
    assert decimal(number) == number


@given(st.floats(0.0001, 1e9))
def test_a_measurement_becomes_the_decimal_that_reads_the_same_to_nine_places(measured: float) -> None:
    assert float(from_measurement(measured)) == round(measured, 9)


def test_the_noise_of_binary_fractions_does_not_enter() -> None:
    assert from_measurement(0.1 + 0.2) == D("0.3")
    assert from_measurement(0.00010000000000000002) == D("0.0001")


@pytest.mark.parametrize("measured", [float("nan"), float("inf"), 1e300])
def test_a_measurement_that_is_no_amount_is_refused(measured: float) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        from_measurement(measured)


@pytest.mark.parametrize(
    ("price", "side", "expected"),
    [
        ("100.009", Side.BUY, "100.00"),
        ("100.001", Side.SELL, "100.01"),
        ("1.00", Side.BUY, "1.00"),
        ("1.00009", Side.BUY, "1.00"),
        ("1.00001", Side.SELL, "1.01"),
        ("0.99999", Side.BUY, "0.9999"),
        ("0.99991", Side.SELL, "1.00"),
        ("0.9999", Side.SELL, "0.9999"),
        ("0.12341", Side.BUY, "0.1234"),
        ("0.12341", Side.SELL, "0.1235"),
    ],
)
def test_a_price_lies_on_the_grid_of_its_side_of_one_dollar(price: str, side: Side, expected: str) -> None:
    assert round_to_tick(D(price), side) == D(expected)


@given(prices)
def test_a_buy_never_pays_more_than_was_decided_and_a_sale_never_asks_less(price: Decimal) -> None:
    bought, sold = round_to_tick(price, Side.BUY), round_to_tick(price, Side.SELL)
    assert bought <= price <= sold
    assert price - bought < tick_size(price)
    assert sold - price < tick_size(sold)


@given(prices, st.sampled_from(Side))
def test_a_rounded_price_is_a_multiple_of_its_own_tick_and_stays_where_it_is(
    price: Decimal, side: Side
) -> None:
    rounded = round_to_tick(price, side)
    assert rounded % tick_size(rounded) == 0
    assert round_to_tick(rounded, side) == rounded


def test_the_tick_is_a_cent_from_one_dollar_and_a_hundredth_of_it_below() -> None:
    assert (tick_size(D("1")), tick_size(D("0.999999999"))) == (CENT, SUB_DOLLAR_TICK)


@given(quantities, st.sampled_from([WHOLE_SHARE, FRACTION]))
def test_a_quantity_never_grows_and_loses_less_than_a_lot(shares: Decimal, lot: Decimal) -> None:
    floored = floor_to_lot(shares, lot)
    assert shares - lot < floored <= shares
    assert floored % lot == 0


def test_cents_go_half_to_even() -> None:
    assert [cents(D(text)) for text in ("0.005", "0.015", "-0.005", "2.675")] == [
        D("0.00"),
        D("0.02"),
        D("0.00"),
        D("2.68"),
    ]


def test_a_part_of_nothing_is_nothing() -> None:
    assert ratio(D(5), D(0)) == 0
    assert ratio(D(1), D(3)) == D("0.333333333")


@given(st.decimals("-1000000000", "1000000000", places=9))
def test_plain_text_has_no_exponent_no_padding_and_reads_back_the_same(number: Decimal) -> None:
    text = plain(number)
    assert D(text) == number
    assert "E" not in text.upper()
    assert text != "-0"
    assert not ("." in text and text.endswith(("0", ".")))


@pytest.mark.parametrize(
    ("number", "text"), [("1E+3", "1000"), ("-0.00", "0"), ("100", "100"), ("1E-9", "0.000000001")]
)
def test_plain_text_is_what_a_broker_accepts(number: str, text: str) -> None:
    assert plain(D(number)) == text
