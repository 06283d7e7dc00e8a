"""Facts: what is written is what is read, in one spelling only."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from the_alchemiser.domain import facts
from the_alchemiser.domain.facts import AlertRaised, DayClosed, Fact, decode, encode

FACT_TYPES = typing.get_args(Fact)
AMOUNTS = st.decimals("-1e14", "1e14", places=9) | st.integers(-(10**14), 10**14).map(Decimal)


def anything(kind: Any) -> st.SearchStrategy[Any]:
    """Every value that a field of this type may hold."""
    plain = {
        Decimal: AMOUNTS,
        int: st.integers(-(2**62), 2**62),
        str: st.text(max_size=8),
        bool: st.booleans(),
    }
    if kind in plain:
        return plain[kind]
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return st.lists(anything(inner[0]), max_size=3).map(tuple)
    if origin is Mapping:
        return st.dictionaries(anything(inner[0]), anything(inner[1]), max_size=3)
    if origin in (types.UnionType, typing.Union):
        return st.one_of(*map(anything, inner))
    if kind is type(None):
        return st.none()
    if issubclass(kind, enum.Enum):
        return st.sampled_from(kind)
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{name: anything(hints[name]) for name in kind.__struct_fields__})


@pytest.mark.parametrize("kind", FACT_TYPES, ids=lambda kind: kind.__name__)
def test_a_fact_reads_back_equal_and_is_written_the_same_again(kind: type[Fact]) -> None:
    @given(anything(kind))
    def check(fact: Fact) -> None:
        body = encode(fact)
        again = decode(body)
        assert again == fact
        assert type(again) is kind
        assert encode(again) == body

    check()


@given(
    st.dictionaries(st.text(max_size=4), AMOUNTS, min_size=2, max_size=6), st.randoms(use_true_random=False)
)
def test_the_order_in_which_a_mapping_was_filled_leaves_no_trace(
    marks: dict[str, Decimal], random: Any
) -> None:
    shuffled = list(marks.items())
    random.shuffle(shuffled)
    zero = Decimal(0)
    assert encode(DayClosed(1, "d", zero, zero, zero, zero, marks)) == encode(
        DayClosed(1, "d", zero, zero, zero, zero, dict(shuffled))
    )


def test_every_kind_of_fact_has_its_own_tag_and_none_is_missing_from_the_union() -> None:
    declared = {
        kind
        for kind in vars(facts).values()
        if isinstance(kind, type) and issubclass(kind, facts._Fact) and kind is not facts._Fact
    }
    assert declared == set(FACT_TYPES)
    assert len({kind.__struct_config__.tag for kind in FACT_TYPES}) == len(FACT_TYPES)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"kind":"rumour","at":1}', b'{"kind":"alert_raised","at":"one"}']
)
def test_what_is_no_fact_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(body)


def test_amounts_are_written_as_text_so_that_no_reader_makes_floats_of_them() -> None:
    body = encode(DayClosed(1, "2021-01-04", *[Decimal("0.1")] * 4, {"AAPL": Decimal("129.41")}))
    assert b'"cash":"0.1"' in body
    assert b'"AAPL":"129.41"' in body
    assert (
        encode(AlertRaised(1, "error", "ü")).decode()
        == '{"kind":"alert_raised","at":1,"level":"error","text":"ü"}'
    )
