"""Fills are intervals: however often, late and cut up they are told, what is booked is the same money."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from language import filled, order, report

from the_alchemiser.domain.intervals import corrected, holes, is_believed, news_in
from the_alchemiser.domain.money import ZERO
from the_alchemiser.domain.orders import Fill, FillSource, Order

D = Decimal
STREAM, RECORD, SYNTHETIC = FillSource.STREAM, FillSource.RECORD, FillSource.SYNTHETIC
PRICES = (101, 101, 102, 102, 102, 103, 101, 104, 104, 105)
"""The true price of each of ten shares."""


def told(start: int, end: int, price: int, source: FillSource = STREAM) -> Fill:
    some = filled(order("buy 10 AAPL @ 100"), str(end - start), str(price), after=str(start))
    return Fill(
        some.client_order_id,
        some.symbol,
        some.side,
        some.cum_before,
        some.cum_after,
        some.price,
        some.at,
        source,
    )


def booked(fills: Iterable[Fill]) -> Order:
    """The order after these were told, by the two rules settlement books with."""
    some = order("buy 10 AAPL @ 100")
    for fill in fills:
        news = news_in(fill, some.fills)
        for part in news.missing:
            some.book(part)
        for ours, part in news.disputed:
            if is_believed(part, ours):
                some.fills = corrected(some.fills, part)
    return some


def money(some: Order) -> dict[int, Decimal]:
    """The price booked for each single share."""
    return {
        share: one.price for one in some.fills for share in range(int(one.cum_before), int(one.cum_after))
    }


@st.composite
def true_fills(draw: st.DrawFn) -> list[Fill]:
    """Parts of the truth, overlapping, cut anywhere within shares of one price."""
    made = []
    for start in draw(st.lists(st.integers(0, 9), max_size=8)):
        longest = next((end for end in range(start, 10) if PRICES[end] != PRICES[start]), len(PRICES))
        made.append(told(start, draw(st.integers(start + 1, longest)), PRICES[start]))
    return made


@given(true_fills(), st.randoms(use_true_random=False))
def test_told_in_any_order_and_twice_the_same_shares_are_booked_at_the_same_prices(
    fills: list[Fill], chance: object
) -> None:
    once = booked(fills)
    shuffled = chance.sample([*fills, *fills], 2 * len(fills))  # type: ignore[attr-defined]
    again = booked(shuffled)
    assert money(again) == money(once)
    assert money(once) == {share: D(PRICES[share]) for share in money(once)}
    assert (again.booked, again.reported_filled) == (once.booked, once.reported_filled)
    assert once.booked == len(money(once))
    for first, second in itertools.pairwise(again.fills):
        assert first.cum_after <= second.cum_before


@given(true_fills(), true_fills())
def test_holes_are_what_is_not_booked(fills: list[Fill], more: list[Fill]) -> None:
    some = booked(fills)
    lacking = {share for start, end in holes(some.fills, D(10)) for share in range(int(start), int(end))}
    assert lacking == set(range(10)) - set(money(some))
    assert set(money(booked([*fills, *more]))) >= set(money(some))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 10), st.integers(1, 9)), max_size=6))
def test_whatever_the_stream_said_the_record_has_the_last_word_on_every_share(
    rumours: list[tuple[int, int, int]],
) -> None:
    said = [told(start, min(start + length, 10), price) for start, length, price in rumours]
    record = [told(share, share + 1, PRICES[share], RECORD) for share in range(10)]
    for order_of_telling in ([*said, *record], [*record, *said], [*said, *record, *said]):
        assert money(booked(order_of_telling)) == {share: D(price) for share, price in enumerate(PRICES)}


def test_the_stream_corrects_what_was_only_reckoned_and_never_the_record() -> None:
    assert is_believed(told(0, 1, 9), told(0, 1, 8, SYNTHETIC))
    assert not is_believed(told(0, 1, 9), told(0, 1, 8))
    assert not is_believed(told(0, 1, 9), told(0, 1, 8, RECORD))
    assert not is_believed(told(0, 1, 9, SYNTHETIC), told(0, 1, 8))
    assert is_believed(told(0, 1, 9, RECORD), told(0, 1, 8, RECORD)), "the record may be restated"


def test_a_correction_of_a_part_leaves_the_rest_as_it_was() -> None:
    parts = corrected((told(0, 10, 100),), told(3, 5, 90, RECORD))
    assert [(one.cum_before, one.cum_after, one.price) for one in parts] == [
        (0, 3, 100),
        (3, 5, 90),
        (5, 10, 100),
    ]


SCRIPT = (("new", "0", None), ("partially_filled", "3", (0, 3)), ("partially_filled", "5", (3, 5)))
SIX = (*SCRIPT, ("pending_cancel", "5", None), ("partially_filled", "8", (5, 8)), ("canceled", "8", None))


def test_all_720_orders_of_six_messages_about_an_order_leave_the_same_truth() -> None:
    def after(script: Iterable[tuple[str, str, tuple[int, int] | None]]) -> tuple[object, ...]:
        some = order("buy 10 AAPL @ 100")
        for status, amount, execution in script:
            some.merge(report(some, status, amount))
            for part in news_in(told(*execution, 100), some.fills).missing if execution else ():
                some.book(part)
        return some.status, some.reported_filled, some.booked, money(some), some.is_done, some.pending

    truths = [after(script) for script in itertools.permutations(SIX)]
    assert all(truth == truths[0] for truth in truths)
    assert truths[0][2:3] + truths[0][4:] == (D(8), True, ZERO)
