"""The ledger is a fold of fills; reconciling says every difference and nothing else."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from language import account, filled, fills, holding, ledger, order, report
from msgspec.structs import replace

from the_alchemiser.domain.orders import Order
from the_alchemiser.pipeline.ledger import Ledger, reconcile

D = Decimal


def test_fills_move_cash_and_shares() -> None:
    book = ledger("5000 USD", "buy 10 AAPL @ 190; sell 4 AAPL @ 200")
    assert (book.cash, book.shares(), book.realised) == (3900, {"AAPL": 6}, 40)
    assert book.unrealised({"AAPL": D(210)}) == 6 * 20


def test_what_was_held_at_the_start_has_the_brokers_cost() -> None:
    book = Ledger()
    book.open(D(0), [holding("10 AAPL @ 190", cost="150"), holding("0 MSFT @ 1")])
    for fill in fills("sell 10 AAPL @ 200"):
        book.post(fill)
    assert (book.cash, book.shares(), book.realised) == (2000, {}, 500)


def test_a_holding_without_a_stated_cost_counts_from_its_price() -> None:
    book = Ledger()
    book.open(D(0), [holding("10 AAPL @ 190", cost="0")])
    assert book.unrealised({"AAPL": D(190)}) == 0


def test_a_closed_position_is_not_held_but_its_profit_stays() -> None:
    book = ledger("1000 USD", "buy 1 AAPL @ 100; sell 1 AAPL @ 130")
    assert book.portfolio().shares == {}
    assert (book.realised, book.unrealised({})) == (30, 0)


def test_a_sale_told_before_its_buy_shows_until_the_buy_is_told() -> None:
    early = ledger("0 USD", "sell 11 AAPL @ 100")
    assert (early.cash, early.shares()) == (1100, {"AAPL": -11})
    whole = ledger("0 USD", "sell 11 AAPL @ 100; buy 11 AAPL @ 90")
    assert (whole.cash, whole.shares(), whole.realised) == (110, {}, 110)


@pytest.mark.spec("S4-46")
@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(1, 9999)), min_size=1, max_size=15),
    st.integers(1, 9999),
)
def test_equity_is_the_opening_balance_and_all_profit(made: list[tuple[int, int]], mark: int) -> None:
    """Cash and holdings at any mark equal the start, plus what was earned, plus what is on paper."""
    text, held = [], 0
    for number, (shares, cents) in enumerate(made):
        side = "sell" if held >= shares and number % 2 else "buy"
        held += shares if side == "buy" else -shares
        text.append(f"{side} {shares} AAPL @ {D(cents) / 100}")
    book, price = ledger("5000 USD", "; ".join(text)), D(mark) / 100
    equity = book.portfolio().equity({"AAPL": price})
    assert equity == 5000 + book.realised + book.unrealised({"AAPL": price})


def differences(
    book: Ledger,
    stated: str,
    cash: str,
    equity: str,
    orders: tuple[Order, ...] = (),
    open_at_broker: frozenset[str] = frozenset(),
) -> tuple[str, ...]:
    holdings = [holding(part.strip()) for part in stated.split(",") if part.strip()]
    open_orders = dict.fromkeys(open_at_broker, "AAPL")
    found = reconcile(book, orders, account(cash, equity), holdings, open_orders)
    return tuple(difference.text for difference in found)


def test_agreement_is_silence() -> None:
    book = ledger("5000 USD", "buy 10 AAPL @ 190")
    assert differences(book, "10 AAPL @ 200, 0 MSFT @ 5", "3100", "5100") == ()


@pytest.mark.parametrize(
    ("stated", "equity", "difference"),
    [
        ("9 AAPL @ 190", "4810", "AAPL: ledger holds 10, broker says 9"),
        ("10.000000001 AAPL @ 190", "5000", "AAPL: ledger holds 10, broker says 10.000000001"),
        ("", "3100", "AAPL: ledger holds 10, broker says 0"),
        ("10 AAPL @ 190, 3 MSFT @ 100", "5300", "MSFT: ledger holds 0, broker says 3"),
        ("-10 AAPL @ 190", "1200", "AAPL: ledger holds 10, broker says -10"),
    ],
)
def test_every_share_that_differs_is_named(stated: str, equity: str, difference: str) -> None:
    book = ledger("5000 USD", "buy 10 AAPL @ 190")
    assert differences(book, stated, "3100", equity) == (difference,)


def test_cash_may_differ_by_less_than_a_cent_because_brokers_show_cents() -> None:
    book = ledger("5000 USD")
    assert differences(book, "", "5000.0099", "5000.0099") == ()
    assert differences(book, "", "4999.99", "4999.99") == ("cash: ledger has 5000, broker says 4999.99",)


def test_an_equity_that_is_not_cash_and_holdings_is_named() -> None:
    book = ledger("5000 USD", "buy 10 AAPL @ 190")
    found = differences(book, "10 AAPL @ 190", "3100", "5000.02")
    assert found == ("equity: cash and holdings make 5000, broker says 5000.02",)


def test_equity_is_judged_by_the_answer_that_states_it_for_marks_move_between_two_answers() -> None:
    book = ledger("5000 USD", "buy 10 AAPL @ 190")
    stated = replace(account("3100", "5050"), holdings_value=D(1950))
    assert reconcile(book, (), stated, [holding("10 AAPL @ 190")], {}) == ()
    torn = replace(stated, holdings_value=D(1900))
    assert [one.text for one in reconcile(book, (), torn, [holding("10 AAPL @ 190")], {})] == [
        "equity: cash and holdings make 5000, broker says 5050"
    ]


def test_an_order_alive_on_one_side_only_is_named() -> None:
    book, ours = ledger("5000 USD"), order("buy 10 AAPL @ 190", "ours")
    ours.merge(report(ours, "new"))
    assert differences(book, "", "5000", "5000", (ours,), frozenset({"ours"})) == ()
    assert differences(book, "", "5000", "5000", (ours,)) == (
        "order ours: live here, not open at the broker",
    )
    assert differences(book, "", "5000", "5000", (), frozenset({"theirs"})) == (
        "order theirs: open at the broker, ended here",
    )


def test_an_ended_order_is_expected_at_neither_side() -> None:
    done = order("buy 10 AAPL @ 190", "done")
    done.merge(report(done, "filled", "10"))
    done.book(filled(done, "10", "190"))
    book = ledger("5000 USD", "buy 10 AAPL @ 190")
    assert differences(book, "10 AAPL @ 190", "3100", "5000", (done,)) == ()


def test_all_differences_are_said_at_once_in_one_order() -> None:
    book = ledger("5000 USD", "buy 10 AAPL @ 190; buy 1 BAC @ 20")
    found = differences(book, "1 MSFT @ 100", "0", "0", (), frozenset({"b", "a"}))
    assert [text.split(":")[0] for text in found] == [
        "AAPL",
        "BAC",
        "MSFT",
        "cash",
        "equity",
        "order a",
        "order b",
    ]
