"""How fast time can run with many accounts that all have orders resting, beside the same market without any.

Prints one JSON line. The accounts share one world; each rests limit buys over all symbols, a little below the market
and all at prices of their own, and the exchange is moved through a session in steps of one market tick, as a
free-running one is. `speed` is exchange seconds per second, the highest `--speed` that this machine holds; real time
is 1. `tick_us` is what one step of ten seconds costs.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from benchmarks.rounds import tell
from the_alchemiser.exchange.credentials import DEMO_KEY, DEMO_SECRET
from the_alchemiser.exchange.desk import AccountTerms, Desk
from the_alchemiser.exchange.journal import CommandLog
from the_alchemiser.exchange.options import ServerOptions
from the_alchemiser.exchange.origins import origin_asked
from the_alchemiser.exchange.statefile import begun
from the_alchemiser.exchange.units import QUANTITY, SECOND
from the_alchemiser.exchange.venue.orders import OrderRequest
from the_alchemiser.exchange.world import World

STEP = 10 * SECOND
SYMBOLS = ("AAPL", "AMD", "BAC", "CVX", "GE", "HD", "JNJ", "JPM", "KO", "MSFT")


def opened_world(accounts: int, start: str = "2022-06-01") -> World:
    """A world at an opening with so many accounts, which have no orders yet."""
    options = ServerOptions(start=start, cash="100000000", key=DEMO_KEY, secret=DEMO_SECRET)
    origin = origin_asked(options)
    log = CommandLog.temporary()
    world = begun(log, origin.setting, origin)
    for number in range(1, accounts):
        world.open_account(AccountTerms(key=f"PK{number}", secret=f"secret {number}", cash="100000000"))
    return world


def rest_orders(desk: Desk, account: int, orders: int) -> None:
    """Limit buys from a tenth of a per cent to a fifth below the market; accounts a cent apart or so."""
    for number in range(orders):
        symbol = SYMBOLS[number % len(SYMBOLS)]
        quote = desk.exchange.quote(symbol)
        assert quote is not None
        below = 10 + 1990 * number // orders + account % 40  # in 1/100 of a per cent
        price = quote.bid_e4 * (10_000 - below) // 1_000_000 * 100
        request = OrderRequest(symbol=symbol, side="buy", type="limit", limit_price_e4=price, qty_e9=QUANTITY)
        desk.run("submit", request=request)


def run_session(world: World) -> dict[str, Any]:
    """The rest of the session, tick by tick, up to where its orders expire."""
    session = world.market.sessions.next_close(world.now)
    assert session is not None
    began, started, news = time.process_time(), world.now, 0
    last = session.close - STEP
    while world.now < last:
        until = world.now + STEP
        while world.now < until:
            news += world.move(until)
    spent = time.process_time() - began
    steps = (last - started) // STEP
    return {
        "speed": round((last - started) / SECOND / spent),
        "tick_us": round(spent / steps * 1e6, 1),
        "fills": news,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--orders", type=int, default=100)
    sizes = parser.parse_args()
    quiet = run_session(opened_world(1))
    world = opened_world(sizes.accounts)
    began = time.process_time()
    for account, desk in enumerate(world.desks.values()):
        rest_orders(desk, account, sizes.orders)
    placed = sizes.accounts * sizes.orders
    figures = {
        "accounts": sizes.accounts,
        "orders_each": sizes.orders,
        "orders_per_s": round(placed / (time.process_time() - began)),
        **run_session(world),
        "one_account_without_orders": quiet,
    }
    tell("many_accounts", figures)


if __name__ == "__main__":
    main()
