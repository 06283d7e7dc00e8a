"""Whatever is asked for, wherever prices go, whatever becomes of shares and contracts: two sets of books agree, and
balance.

Accounts in stocks, a coin and options live through two hundred steps each, 24,000 in all: orders of every kind and
class, exercise, expiry and assignment, splits, halts, early and late hours, orders that are rejected late or filled
out of turn, cancels and replacements that are delayed or refused. After every step the books are compared. A story
that fails is told again by its number.
"""

from __future__ import annotations

from collections import Counter

import pytest
from any_days import AnyDays

ACCOUNTS, STEPS = 120, 200
STRANGE = {"CFEE", "OPEXP", "OPEXC", "OPASN", "OPTRD", "SPLIT", "CIL", "DIV", "CSD", "CSW"}
ENDS = {"filled", "canceled", "expired", "rejected", "replaced"}


@pytest.mark.slow
def test_two_sets_of_books_agree_after_each_of_twenty_thousand_steps() -> None:
    seen: Counter[str] = Counter()
    for number in range(ACCOUNTS):
        days = AnyDays(number)
        try:
            for _ in range(STEPS):
                days.step()
            days.end()
        except AssertionError as error:
            last = " < ".join(reversed(days.story[-5:]))
            raise AssertionError(f"account {number}, step {len(days.story)}: {last}: {error}") from error
        seen.update(other.type for other in days.exchange.other_activities())
        seen.update(order.status for order in days.ended(limit=500))
        seen.update(order.order_class for order in days.ended(limit=500))
    # It is no proof if nothing happened.
    wanted = STRANGE | ENDS | {"mleg", "bracket", "oco"}
    assert {kind for kind in wanted if seen[kind] < 10} == set(), seen
