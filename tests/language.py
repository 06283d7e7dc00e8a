"""The domain's language as people write it: portfolio("100 AAPL, 5000 USD"), fills("buy 10 AAPL @ 190")."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np

from the_alchemiser.domain.instants import MINUTE, Nanos, parse_rfc3339
from the_alchemiser.domain.intent import PlannedTrade, RebalancePlan, TargetPortfolio
from the_alchemiser.domain.market import Asset, History, Quote, Session, Symbol
from the_alchemiser.domain.money import ZERO, Side, Weight
from the_alchemiser.domain.orders import (
    Fill,
    Order,
    OrderReport,
    OrderRequest,
    OrderStatus,
    OrderType,
)
from the_alchemiser.domain.portfolio import Account, Holding, Portfolio
from the_alchemiser.pipeline.execution import Work
from the_alchemiser.pipeline.ledger import Ledger

NOON = parse_rfc3339("2021-01-04T17:00:00Z")
"""Noon in New York on an ordinary Monday: the instant of everything that names no other."""
TODAY = Session("2021-01-04", NOON - 150 * MINUTE, NOON + 240 * MINUTE)
YESTERDAY = "2020-12-31"
TRADE = re.compile(r"(buy|sell) ([\d.]+) (\w+) @ ([\d.]+)(?: / ([\d.]+))?")
QUOTE = re.compile(r"(\w+) ([\d.-]+)/([\d.-]+)")


def _parts(text: str, separator: str) -> list[str]:
    return [part.strip() for part in text.split(separator) if part.strip()]


def portfolio(text: str) -> Portfolio:
    """`portfolio("100 AAPL, 5000 USD")`."""
    held = {name: Decimal(number) for number, name in map(str.split, _parts(text, ","))}
    return Portfolio(held.pop("USD", ZERO), held)


def quote(text: str, at: Nanos = NOON) -> Quote:
    """`quote("AAPL 99.98/100.02")`."""
    match = QUOTE.fullmatch(text)
    assert match, text
    return Quote(match[1], at, Decimal(match[2]), Decimal(match[3]))


def quotes(text: str, at: Nanos = NOON) -> dict[Symbol, Quote]:
    """`quotes("AAPL 99.98/100.02; MSFT 200/200.10")`."""
    return {one.symbol: one for one in (quote(part, at) for part in _parts(text, ";"))}


def weights(text: str) -> dict[Symbol, Weight]:
    """`weights("AAPL 50%, MSFT 12.5%")`."""
    pairs = map(str.split, _parts(text, ","))
    return {name: Decimal(number.removesuffix("%")) / 100 for name, number in pairs}


def target(text: str) -> TargetPortfolio:
    """What one strategy alone wants."""
    return TargetPortfolio(weights(text), {"only": weights(text)})


def trade(text: str) -> PlannedTrade:
    """`trade("buy 10 AAPL @ 190")`, or with the far side of the spread: "buy 10 AAPL @ 190 / 190.02"."""
    match = TRADE.fullmatch(text)
    assert match, text
    side, shares, symbol, arrival, far = match.groups()
    return PlannedTrade(symbol, Side(side), Decimal(shares), Decimal(arrival), Decimal(far or arrival))


def plan(text: str, equity: str = "100000") -> RebalancePlan:
    """`plan("sell 5 AAPL @ 100; buy 2 MSFT @ 200")`."""
    trades = tuple(trade(part) for part in _parts(text, ";"))
    return RebalancePlan("20210104", Decimal(equity), trades, ZERO, ZERO, ())


def said(some: PlannedTrade) -> str:
    """A trade as one would say it: `buy 10 AAPL`."""
    return f"{some.side.value} {some.shares.normalize():f} {some.symbol}"


def fills(text: str) -> list[Fill]:
    """`fills("buy 10 AAPL @ 190; sell 4 AAPL @ 200")`: each the whole of an order of its own."""
    found = []
    for number, part in enumerate(_parts(text, ";")):
        one = trade(part)
        name = f"order-{number}"
        found.append(Fill(name, one.symbol, one.side, ZERO, one.shares, one.far_price, NOON + number))
    return found


def ledger(opening: str, booked: str = "") -> Ledger:
    """`ledger("5000 USD", "buy 10 AAPL @ 190")`; what is held from the start cost 100 a share."""
    start, book = portfolio(opening), Ledger()
    holdings = [holding(f"{shares} {symbol} @ 100") for symbol, shares in start.shares.items()]
    book.open(start.cash, holdings)
    for fill in fills(booked):
        book.post(fill)
    return book


def holding(text: str, cost: str | None = None) -> Holding:
    """`holding("10 AAPL @ 190")`, marked at 190; `cost` is what was paid a share, if something else."""
    shares, symbol, _, price = text.split()
    return Holding(
        symbol,
        Decimal(shares),
        Decimal(price),
        Decimal(shares) * Decimal(cost if cost is not None else price),
    )


def account(cash: str, equity: str | None = None, number: str = "PA3TEST00001") -> Account:
    """What the broker states."""
    return Account(number, Decimal(cash), Decimal(equity or cash), Decimal(cash))


def order(text: str, name: str = "order-0", *, limit: bool = True) -> Order:
    """`order("buy 10 AAPL @ 190")`: a limit order at 190 (or a market order, 190 being the middle), intended."""
    one = trade(text)
    kind, price = (OrderType.LIMIT, one.far_price) if limit else (OrderType.MARKET, None)
    asked = OrderRequest(name, one.symbol, one.side, one.shares, kind, limit_price=price)
    return Order(asked, "20210104", NOON, one.arrival_price)


def report(some: Order, status: str, filled: str = "0", reason: str = "") -> OrderReport:
    """`report(order, "partially_filled", "3")`."""
    asked = some.request
    return OrderReport(
        asked.client_order_id,
        f"broker-{asked.client_order_id}",
        asked.symbol,
        asked.side,
        asked.shares,
        OrderStatus(status),
        Decimal(filled),
        NOON,
        reason,
    )


def filled(some: Order, shares: str, price: str = "100", *, after: str = "0") -> Fill:
    """`filled(order, "3", "100", after="2")`: the interval (2, 5] of the order, booked by nobody yet."""
    asked, start = some.request, Decimal(after)
    return Fill(
        asked.client_order_id,
        asked.symbol,
        asked.side,
        start,
        start + Decimal(shares),
        Decimal(price),
        NOON,
    )


def work(text: str, *orders: Order) -> Work:
    """An approved trade and the orders sent for it so far."""
    return Work(trade(text), list(orders))


def history(symbol: Symbol, closes: Sequence[float], last_date: str = YESTERDAY) -> History:
    """Daily closes, oldest first."""
    return History(symbol, last_date, np.array(closes, dtype=np.float64))


def assets(*symbols: Symbol, fractionable: bool = False) -> Mapping[Symbol, Asset]:
    """Tradable assets."""
    return {symbol: Asset(symbol, True, fractionable) for symbol in symbols}
