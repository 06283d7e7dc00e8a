"""How fast the exchange core is alone: order operations a second, and market moves that concern no order.

Prints one JSON line. An order operation is a submission, a cancellation or a replacement, with all its
bookkeeping and trade updates; a third of the orders execute. `margin_orders_per_s` is the same for an account
that borrows on twenty positions, whose means depend on every price. Seconds are those of the processor. The host's
own speed stands beside it (`python_loops_per_s`), so that figures of two machines can be compared.
"""

from __future__ import annotations

import argparse
import time
from datetime import date

from benchmarks.rounds import tell
from the_alchemiser.exchange.market.prices import PushedMarket
from the_alchemiser.exchange.market.sessions import xnys_sessions
from the_alchemiser.exchange.units import QUANTITY
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.orders import OrderChanges, OrderRequest

SYMBOLS = tuple(f"S{number:02d}" for number in range(20))


def opened_exchange(multiplier: int = 1) -> tuple[Exchange, int]:
    sessions = xnys_sessions()
    session = sessions.on(date(2022, 3, 16))
    if session is None:
        raise SystemExit("the session table is broken")
    market = PushedMarket(SYMBOLS, sessions)
    exchange = Exchange(market, seed=1, cash="100000000", start=session.open, multiplier=multiplier)
    for symbol in SYMBOLS:
        exchange.move(symbol, 1_000_000, 1_000_400, session.open)
    return exchange, session.open


def limit_buy(symbol: str, price_e4: int) -> OrderRequest:
    return OrderRequest(
        symbol=symbol, side="buy", type="limit", limit_price_e4=price_e4, qty_e9=10 * QUANTITY
    )


def borrower() -> Exchange:
    """An account that may hold four times its equity, with a position in each symbol."""
    exchange, _ = opened_exchange(multiplier=4)
    for symbol in SYMBOLS:
        exchange.submit(limit_buy(symbol, 1_001_000))
    return exchange


def orders_per_second(exchange: Exchange, rounds: int) -> float:
    """Each round: a resting limit order, its replacement, its cancellation; every third round also a fill."""
    operations = 0
    began = time.process_time()
    for number in range(rounds):
        symbol = SYMBOLS[number % len(SYMBOLS)]
        resting = exchange.submit(limit_buy(symbol, 990_000))
        moved = exchange.replace(resting.id, OrderChanges(limit_price_e4=991_000))
        exchange.cancel(moved.id)
        operations += 3
        if number % 3 == 0:
            exchange.submit(limit_buy(symbol, 1_001_000))
            operations += 1
        if number % 100 == 0:
            exchange.take_updates()
    return operations / (time.process_time() - began)


def moves_per_second(count: int) -> float:
    exchange, opened = opened_exchange()
    move = exchange.move
    began = time.process_time()
    for at in range(opened, opened + count):
        move("S00", 1_000_000, 1_000_400, at)
    return count / (time.process_time() - began)


def python_loops_per_second(count: int) -> float:
    total = 0
    began = time.process_time()
    for number in range(count):
        total += number
    return count / (time.process_time() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5_000)
    rounds = parser.parse_args().rounds
    figures = {
        "orders_per_s": round(orders_per_second(opened_exchange()[0], rounds)),
        "margin_orders_per_s": round(orders_per_second(borrower(), rounds)),
        "moves_per_s": round(moves_per_second(rounds * 100)),
        "python_loops_per_s": round(python_loops_per_second(rounds * 400)),
    }
    tell("exchange_core", figures)


if __name__ == "__main__":
    main()
