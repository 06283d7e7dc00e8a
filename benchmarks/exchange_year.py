"""How the memory of an exchange grows over a simulated year, without orders and with an account that trades.

Prints one JSON line. Both years run in a process of their own: each day reads prices, bars and the account, and the
trading one also sells what it has and places orders that fill, are cancelled and expire. `growth_mb` is from the end
of the first month, when the caches are full, to the end of the year; `bytes_per_order` is the growth shared out over
the orders placed meanwhile, with their updates and fills. `log_bytes_per_order` is what one takes on disk.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.many_accounts import SYMBOLS, opened_world
from benchmarks.rounds import tell
from the_alchemiser.exchange.desk import Desk
from the_alchemiser.exchange.units import HOUR, QUANTITY
from the_alchemiser.exchange.venue.orders import OrderRequest
from the_alchemiser.exchange.world import World

WARM_DAYS = 21


def resident_mb() -> float:
    """Of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def move(world: World, until: int) -> None:
    while world.now < until:
        world.move(until)


def look(world: World, desk: Desk) -> None:
    """What a program reads in a day."""
    for symbol in SYMBOLS:
        desk.exchange.quote(symbol)
        desk.exchange.bars(symbol, "1Day", world.now - 700 * HOUR, world.now)
    desk.exchange.account()
    desk.exchange.positions()


def trade(desk: Desk, orders: int) -> None:
    """Sells what it has; then thirds of the orders fill, are cancelled, and rest until they expire."""
    desk.run("close_all", cancel_orders=True)
    for number in range(orders):
        symbol = SYMBOLS[number % len(SYMBOLS)]
        quote = desk.exchange.quote(symbol)
        assert quote is not None
        price = quote.bid_e4 * 80 // 10_000 * 100 if number % 3 else quote.ask_e4
        request = OrderRequest(symbol=symbol, side="buy", type="limit", limit_price_e4=price, qty_e9=QUANTITY)
        order = desk.run("submit", request=request)
        if number % 3 == 1:
            desk.run("cancel", order_id=order.id)


def year(days: int, orders_a_day: int) -> dict[str, Any]:
    """One year, told in figures."""
    world = opened_world(1, "2020-06-01")
    (desk,) = world.desks.values()
    warm, log_bytes = 0.0, 0
    for day in range(days):
        opens = world.market.sessions.next_open(world.now)
        assert opens is not None
        move(world, opens.open + HOUR)
        look(world, desk)
        trade(desk, orders_a_day)
        if day == min(WARM_DAYS, days // 2):
            warm, log_bytes = resident_mb(), world.log.size
            counted = day
    growth = resident_mb() - warm
    placed = orders_a_day * (days - 1 - counted)
    told: dict[str, Any] = {
        "resident_mb": round(warm + growth, 1),
        "growth_mb": round(growth, 1),
        "orders": placed,
    }
    if placed:
        told["bytes_per_order"] = round(growth * 1e6 / placed)
        told["log_bytes_per_order"] = round((world.log.size - log_bytes) / placed)
    return told


def in_a_process(days: int, orders_a_day: int) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.exchange_year",
        "--days",
        str(days),
        "--only",
        str(orders_a_day),
    ]
    told: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=250)
    parser.add_argument("--orders", type=int, default=40, help="a day, in the year with orders")
    parser.add_argument("--only", type=int, help="run one year with so many orders a day, in this process")
    options = parser.parse_args()
    if options.only is not None:
        print(json.dumps(year(options.days, options.only)))
        return
    figures = {
        "days": options.days,
        "without_orders": in_a_process(options.days, 0),
        "trading": in_a_process(options.days, options.orders),
    }
    tell("exchange_year", figures)


if __name__ == "__main__":
    main()
