"""The numbers of a run: `performance(facts, closes)` folds the journal into every figure a report shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import localcontext

import numpy as np

from the_alchemiser.domain.facts import Fact
from the_alchemiser.domain.market import Symbol
from the_alchemiser.domain.money import ZERO, Dollars

from .books import Books
from .figures import (
    Contribution,
    Cost,
    Curve,
    DayResult,
    Drawdown,
    OrderResult,
    Performance,
    Refusal,
    SymbolResult,
    Trade,
    YearlyMeasures,
)
from .measures import (
    Closing,
    drawdown_of,
    held_equally,
    returns_of,
    start_date,
    yearly_measures,
)

__all__ = [
    "Contribution",
    "Cost",
    "Curve",
    "DayResult",
    "Drawdown",
    "OrderResult",
    "Performance",
    "Refusal",
    "SymbolResult",
    "Trade",
    "YearlyMeasures",
    "performance",
]

HOLDING = "Equal-weight holding"
INDEX = "Index"
DIGITS = 60
"""Working digits: amounts are below 1e15 with at most 18 decimals, so products and their sums stay exact."""


def performance(
    facts: Iterable[Fact],
    closes: Mapping[Symbol, Sequence[Closing]],
    *,
    index: Sequence[Closing] = (),
    index_name: str = INDEX,
) -> Performance:
    """Every figure of a run. `closes` holds the universe's daily closes of the sessions traded and the one before.

    Figures of money count up to the newest DayClosed; orders and trades up to the newest fact. Raises
    InvariantBroken where the facts contradict themselves.
    """
    with localcontext() as context:
        context.prec = DIGITS
        books = Books()
        books.take(facts)
        return _assemble(books, closes, {index_name: index} if index else {})


def _assemble(
    books: Books, closes: Mapping[Symbol, Sequence[Closing]], index: Mapping[str, Sequence[Closing]]
) -> Performance:
    newest = books.days[-1] if books.days else None
    equity_end = newest.equity if newest else books.equity_start
    realised, unrealised = (newest.realised, newest.unrealised) if newest else (ZERO, ZERO)
    paid_in, earned = (newest.paid_in, newest.earned) if newest else (ZERO, ZERO)
    difference = equity_end - (books.equity_start + paid_in + earned + realised + unrealised)
    sessions = (_started(books, closes), *(day.session for day in books.days))
    # Money paid in is no return: the curve is of the account as if it had not come.
    equity = np.array([float(books.equity_start), *(float(day.equity - day.paid_in) for day in books.days)])
    traded = sum((day.traded for day in books.days), ZERO)
    symbols = books.symbol_results()
    return Performance(
        account=books.account,
        started=sessions[0],
        days=tuple(books.days),
        equity_start=books.equity_start,
        equity_end=equity_end,
        cash=books.cash,
        realised=realised,
        unrealised=unrealised,
        paid_in=paid_in,
        earned=earned,
        identity_difference=difference,
        returns=tuple(returns_of(equity).tolist()),
        drawdown=drawdown_of(equity, sessions),
        yearly=yearly_measures(equity),
        holding=held_equally(closes, sessions, float(books.equity_start), HOLDING),
        index=held_equally(index, sessions, float(books.equity_start), next(iter(index), "")),
        traded=traded,
        turnover=float(traded) / float(np.mean(equity[1:])) if newest else 0.0,
        cycles=books.cycles,
        orders=books.order_results(),
        trades=tuple(books.trades),
        refusals=tuple(books.refusals),
        spread_paid=_total(books.trades, lambda trade: trade.spread_paid),
        slippage=_total(books.trades, lambda trade: trade.slippage),
        contributions=tuple(
            books.attribution.lines(equity_end - books.equity_start - paid_in, difference + earned)
        ),
        symbols=symbols,
        reconciliations=len(books.reconciliations),
        differences=books.reconciliations[-1].differences if books.reconciliations else (),
        past_differences=tuple(text for one in books.reconciliations[:-1] for text in one.differences),
        alerts=tuple(books.alerts),
        prices={one.symbol: tuple(closes[one.symbol]) for one in symbols if one.symbol in closes},
    )


def _started(books: Books, closes: Mapping[Symbol, Sequence[Closing]]) -> str:
    before = start_date(closes, books.days[0].session) if books.days else ""
    return before or books.opened_on


def _total(trades: Sequence[Trade], cost: Callable[[Trade], Dollars | None]) -> Cost:
    amount, reference, unknown = ZERO, ZERO, 0
    for trade in trades:
        paid = cost(trade)
        if paid is None:
            unknown += 1
            continue
        amount += paid
        reference += trade.notional - trade.side.sign * paid
    return Cost(amount, reference, unknown)
