"""The list of what happened: every page once, both ways, and what a filter asks for."""

from __future__ import annotations

from datetime import date

import pytest
from trading_desk import Desk

from the_alchemiser.exchange.market.sessions import new_york_midnight
from the_alchemiser.exchange.rest.account_rows import activity_id
from the_alchemiser.exchange.units import DAY, HOUR, MONEY
from the_alchemiser.exchange.venue.account import Account, Fee, FillRecord, OtherActivity
from the_alchemiser.exchange.venue.activities import (
    Activity,
    ActivityFilter,
    crypto_fee,
    identity,
    page,
)

MORNING = new_york_midnight(date(2022, 11, 3)) + 10 * HOUR


def execution(number: int, at: int, **fields: object) -> FillRecord:
    whole: dict[str, object] = {
        "sequence": number,
        "execution_id": f"fill-{number}",
        "order_id": f"order-{number % 7}",
        "client_order_id": "c",
        "symbol": "HAT",
        "side": "buy",
        "price_e4": 100_000,
        "qty_e9": 10**9,
        "cum_qty_e9": 10**9,
        "leaves_qty_e9": 0,
        "order_status": "filled",
        "at": at,
    }
    return FillRecord(**(whole | fields))  # type: ignore[arg-type]


def payment(number: int, day: date, kind: str = "DIV", seen_from: int = 0) -> OtherActivity:
    return OtherActivity(
        id=f"other-{number}", type=kind, day=day, booked_at=0, seen_from=seen_from, net_amount_e13=MONEY
    )


@pytest.fixture(scope="module")
def busy() -> Account:
    """Five thousand executions over a week in which New York's clocks were set back, and six payments."""
    account = Account(0)
    step = 7 * DAY // 5000
    account.fills = [execution(number, MORNING + number * step) for number in range(5000)]
    account.others = [payment(number, date(2022, 11, 4 + number)) for number in range(6)]
    return account


def walked(account: Account, *, newest_first: bool, size: int) -> list[Activity]:
    found: list[Activity] = []
    token = ""
    while True:
        wanted = ActivityFilter(newest_first=newest_first, page_size=size, page_token=token)
        taken = page(account, wanted, MORNING + 30 * DAY)
        found += taken
        if len(taken) < size:
            return found
        token = activity_id(taken[-1])


@pytest.mark.parametrize("newest_first", [True, False])
def test_walking_the_pages_meets_every_activity_once_and_in_order(busy: Account, newest_first: bool) -> None:
    found = walked(busy, newest_first=newest_first, size=100)
    assert len({identity(activity) for activity in found}) == len(found) == 5006
    instants = [activity.at for activity in found]
    assert instants == sorted(instants, reverse=newest_first)


def test_ids_begin_with_the_clock_of_new_york_and_sort_by_time(busy: Account) -> None:
    assert activity_id(busy.fills[0]) == "20221103100000000::fill-0"
    assert activity_id(busy.others[0]) == "20221104000000000::other-0"
    ids = [activity_id(fill) for fill in busy.fills if fill.at < new_york_midnight(date(2022, 11, 6))]
    assert [name.partition("::")[0] for name in ids] == sorted(name.partition("::")[0] for name in ids)


def test_a_token_that_names_nothing_is_an_error(busy: Account) -> None:
    for token in ("20221103100000000::nobody", "rubbish", "::"):
        with pytest.raises(LookupError):
            page(busy, ActivityFilter(page_token=token), MORNING + 30 * DAY)


def test_filters_by_type_order_and_time(busy: Account) -> None:
    now = MORNING + 30 * DAY
    dividends = page(busy, ActivityFilter(types=frozenset({"DIV"})), now)
    assert {identity(activity) for activity in dividends} == {f"other-{number}" for number in range(6)}
    mine = page(busy, ActivityFilter(order_id="order-3"), now)
    assert {activity.order_id for activity in mine if isinstance(activity, FillRecord)} == {"order-3"}
    assert len(mine) == 100
    bounds = ActivityFilter(after=busy.fills[10].at, until=busy.fills[13].at, newest_first=False)
    assert [identity(activity) for activity in page(busy, bounds, now)] == ["fill-11", "fill-12"]


def test_groups_of_types_stand_for_their_members() -> None:
    account = Account(0)
    kinds = ("CSD", "CSW", "DIVNRA", "SPLIT", "FEE")
    account.others = [payment(number, date(2022, 11, 4), kind) for number, kind in enumerate(kinds)]

    def among(*types: str) -> set[str]:
        found = page(account, ActivityFilter(types=frozenset(types)), MORNING + DAY)
        return {activity.type for activity in found}

    assert among("TRANS") == {"CSD", "CSW"}
    assert among("DIV") == {"DIVNRA"}
    assert among("MISC") == {"SPLIT", "FEE"}
    assert among("SPLIT", "CSD") == {"SPLIT", "CSD"}


def test_the_fee_of_a_crypto_trade_comes_up_when_its_day_is_over() -> None:
    fill = execution(1, MORNING, symbol="BTC/USD", fee_qty_e9=195_000)
    account = Account(0)
    account.others = [crypto_fee(fill, "fee")]
    assert page(account, ActivityFilter(), MORNING + HOUR) == []
    (row,) = page(account, ActivityFilter(), MORNING + 14 * HOUR)
    assert isinstance(row, OtherActivity)
    assert (row.type, row.qty_e9, row.net_amount_e13) == ("CFEE", -195_000, 0)
    assert row.description == "Coin Pair Transaction Fee (Non USD)"


def test_an_execution_with_a_fee_writes_the_row_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    monkeypatch.setattr(desk.exchange, "_fee", lambda order, qty, price: Fee(qty_e9=qty // 400))
    desk.buy("10")
    assert desk.shares() == "9.975"
    desk.exchange.advance(desk.exchange.now + 20 * HOUR)
    (row,) = desk.exchange.activities(ActivityFilter(types=frozenset({"CFEE"})))
    assert isinstance(row, OtherActivity)
    assert row.qty_e9 == -25_000_000


def test_a_short_sale_is_told_as_one() -> None:
    desk = Desk(cash="10000", multiplier=2)
    desk.sell("10")
    (fill,) = desk.exchange.activities(ActivityFilter(types=frozenset({"FILL"})))
    assert isinstance(fill, FillRecord)
    assert fill.position_intent == "sell_to_open"
