"""Identifiers: the same run gives the same ones, and those of option contracts can be read back."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from the_alchemiser.exchange.ids import derived_uuid, spelled_in, spelled_uuid
from the_alchemiser.exchange.market.prices import asset_id

SYMBOLS = st.from_regex(r"[A-Z]{1,6}[0-9]{6}[CP][0-9]{8}", fullmatch=True)


@given(SYMBOLS)
def test_the_id_of_a_contract_spells_its_symbol(symbol: str) -> None:
    assert spelled_in(asset_id(symbol)) == symbol
    assert spelled_in(asset_id(symbol).upper()) == symbol
    assert UUID(asset_id(symbol)).version == 8


@given(st.uuids())
def test_no_other_id_spells_anything_by_chance_that_is_not_spelled_so(uuid: UUID) -> None:
    text = spelled_in(str(uuid))
    assert text is None or spelled_uuid(text) == str(uuid)


@pytest.mark.parametrize(
    "text", ["", "AAPL", "not-a-uuid", "٣" * 32, derived_uuid("asset", "AAPL"), "0" * 36]
)
def test_what_is_no_spelled_id_spells_nothing(text: str) -> None:
    assert spelled_in(text) is None
