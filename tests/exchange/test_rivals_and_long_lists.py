"""Wash trades among many orders, and pages of long lists."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trading_desk import Desk

from the_alchemiser.exchange.units import SECOND
from the_alchemiser.exchange.venue.listing import listed
from the_alchemiser.exchange.venue.orders import Order, OrderFilter, OrderRequest
from the_alchemiser.exchange.venue.rivals import Rivals


def order(number: int, kind: str, limit_e4: int | None, side: str) -> Order:
    return Order(
        id=str(number),
        client_order_id=str(number),
        sequence=number,
        symbol="HAT",
        asset_id="",
        side=side,
        type=kind,
        time_in_force="day",
        status="new",
        created_at=0,
        submitted_at=0,
        updated_at=0,
        expires_at=0,
        limit_price_e4=limit_e4,
    )


kinds = st.sampled_from(("limit", "limit", "limit", "stop_limit", "stop", "trailing_stop"))
prices = st.integers(1, 30)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), kinds, prices), max_size=200),
    st.sampled_from(("buy", "sell")),
    prices,
    st.sampled_from(("limit", "market")),
)
def test_a_rival_is_found_exactly_when_one_stands_among_all(
    steps: list[tuple[bool, str, int]], side: str, price: int, kind: str
) -> None:
    other = "sell" if side == "buy" else "buy"
    rivals, standing = Rivals(other), dict[int, Order]()
    for number, (adds, rival_kind, rival_price) in enumerate(steps):
        if adds or not standing:
            limit = None if rival_kind in ("stop", "trailing_stop") else rival_price
            standing[number] = order(number, rival_kind, limit, other)
            rivals.add(standing[number])
        else:
            rivals.drop(standing.pop(sorted(standing)[rival_price % len(standing)]))
    request = OrderRequest(
        symbol="HAT", side=side, type=kind, limit_price_e4=price if kind == "limit" else None
    )
    met = rivals.met_by(request)
    sign = 1 if side == "buy" else -1
    expected = [
        one
        for one in standing.values()
        if one.type != "trailing_stop"
        and (kind == "market" or one.type == "stop" or sign * price >= sign * (one.limit_price_e4 or 0))
    ]
    assert (met is not None) == bool(expected)
    if met is not None:
        assert met[0] in expected


def test_trailing_stops_and_groups_are_exempt(desk: Desk) -> None:
    desk.buy("10")
    trailing = desk.sell("5", type="trailing_stop", trail_price="1")
    assert desk.status(desk.buy("1")) == "filled"
    desk.exchange.cancel(trailing.id)
    desk.sell("5", stop_price="9")
    buying = desk.refused(desk.buy, "1", limit_price="5")
    assert buying.extra["reject_reason"] == "opposite side market/stop order exists"
    assert desk.buy("1", type="trailing_stop", trail_price="1").status == "pending_new"


@pytest.fixture(scope="module")
def busy() -> Desk:
    """A desk with 5,200 orders, one a second, every fourth still open."""
    desk = Desk(cash="10000000")
    for number in range(5200):
        desk.exchange.advance(desk.exchange.now + SECOND)
        symbol = ("HAT", "SHOE")[number % 2]
        one = desk.buy("1", limit_price=str(9 - Decimal(number % 397) / 100), symbol=symbol)
        if number % 4:
            desk.exchange.cancel(one.id)
        desk.exchange.take_updates()
    return desk


def pages(desk: Desk, by: str, **fields: object) -> list[Order]:
    """All pages, the way a client asks for them."""
    found: list[Order] = []
    while True:
        chosen = OrderFilter(limit=500, **fields)  # type: ignore[arg-type]
        if found and by == "until":
            chosen.until = found[-1].submitted_at
        elif found:
            setattr(chosen, by, found[-1].id)
        page = desk.exchange.orders(chosen)
        found += page
        if len(page) < 500:
            return found


@pytest.mark.parametrize(
    ("by", "direction"), [("until", "desc"), ("before_order_id", "desc"), ("after_order_id", "asc")]
)
@pytest.mark.parametrize(("status", "count"), [("all", 5200), ("closed", 3900), ("open", 1300)])
def test_every_order_is_on_one_page(busy: Desk, by: str, direction: str, status: str, count: int) -> None:
    found = pages(busy, by, status=status, direction=direction)
    assert len(found) == count == len({one.id for one in found})
    rising = direction == "asc"
    assert all((first.sequence < second.sequence) == rising for first, second in pairwise(found))


def test_filters_hold_on_every_page(busy: Desk) -> None:
    hats = pages(busy, "until", status="closed", symbols=frozenset({"HAT"}))
    assert len(hats) == 1300
    assert {one.symbol for one in hats} == {"HAT"}
    assert pages(busy, "until", status="all", side="sell") == []


class Watched(Sequence[Order]):
    """A list that counts how often it is looked into."""

    def __init__(self, orders: list[Order]) -> None:
        self.orders, self.looks = orders, 0

    def __len__(self) -> int:
        return len(self.orders)

    def __getitem__(self, place: Any) -> Any:
        self.looks += 1
        return self.orders[place]


def test_a_page_far_down_looks_at_few_orders(busy: Desk) -> None:
    every = pages(busy, "after_order_id", status="all", direction="asc")
    watched = Watched(every)
    found = listed(watched, OrderFilter(status="all", limit=10, until=every[20].submitted_at), {})
    assert [one.sequence for one in found] == list(range(19, 9, -1))
    assert watched.looks < 40


def test_held_legs_are_open_orders_of_their_own_unless_nested(desk: Desk) -> None:
    entry = desk.bracket(type="limit", limit_price="9.50", qty="10")
    flat = desk.exchange.orders(OrderFilter(status="open"))
    assert [one.status for one in flat] == ["held", "held", "new"]
    nested = desk.exchange.orders(OrderFilter(status="open", nested=True))
    assert [one.id for one in nested] == [entry.id]
    assert [leg.status for leg in nested[0].legs] == ["held", "held"]
