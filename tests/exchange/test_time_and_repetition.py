"""Time moves as told, to the first thing that happens if asked; and the same run happens the same everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from trading_desk import session_of

from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.units import CENT_E4, DAY, MINUTE, SECOND, format_price
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.intake import parse_order_request
from the_alchemiser.exchange.venue.orders import Order

SESSION = session_of("2021-06-01")


def opened(days: SimulatedDays) -> Exchange:
    return Exchange(days, seed=7, start=SESSION.open)


def order(exchange: Exchange, symbol: str, side: str = "buy", **fields: str) -> Order:
    body = {"symbol": symbol, "side": side, "qty": "10", "type": "market", "time_in_force": "day", **fields}
    return exchange.submit(parse_order_request(body))


def price(exchange: Exchange, symbol: str, cents_away: int) -> str:
    trade = exchange.trade(symbol)
    assert trade is not None
    return format_price(trade.price_e4 + cents_away * CENT_E4)


def test_time_stops_at_the_first_fill_and_goes_on_from_there(days: SimulatedDays) -> None:
    exchange = opened(days)
    resting = [
        order(exchange, name, type="limit", limit_price=price(exchange, name, -4))
        for name in ("KO", "PFE", "XOM")
    ]
    exchange.take_updates()
    stops = []
    while exchange.now < SESSION.close:
        reached = exchange.advance(SESSION.close, stop_on_update=True)
        updates = exchange.take_updates()
        assert all(update.at == reached for update in updates)
        stops.append(len(updates))
    assert {exchange.order(one.id).status for one in resting} <= {"filled", "expired"}
    assert sum(stops) >= 3


def test_stopping_on_the_way_changes_nothing(days: SimulatedDays) -> None:
    def run(stride: int) -> list[tuple[str, int, int]]:
        exchange = opened(days)
        for name in ("KO", "PFE", "XOM", "AAPL"):
            order(exchange, name, type="limit", limit_price=price(exchange, name, -10))
        while exchange.now < SESSION.close:
            exchange.advance(min(SESSION.close, exchange.now + stride), stop_on_update=stride > MINUTE)
        return [(fill.symbol, fill.price_e4, fill.at) for fill in exchange.fills()]

    results = [run(stride) for stride in (7 * SECOND, 61 * MINUTE, 400 * MINUTE)]
    assert results[0] == results[1] == results[2]
    assert results[0]


def test_every_fill_is_the_first_tick_that_allowed_it(days: SimulatedDays) -> None:
    exchange = opened(days)
    limit = order(exchange, "KO", type="limit", limit_price=price(exchange, "KO", -10))
    exchange.advance(SESSION.close)
    (fill,) = exchange.fills()
    bound = limit.limit_price_e4 or 0
    tick = next(tick for tick in days.ticks("KO", SESSION.open, SESSION.close) if tick.ask_e4 <= bound)
    assert (fill.at, fill.price_e4) == (tick.at, tick.ask_e4)


def test_an_order_meets_no_tick_from_before_it_was_given(days: SimulatedDays) -> None:
    exchange = opened(days)
    path = days.path("KO", SESSION.index)
    place = int(path.ask[200:].argmin()) + 200
    first = order(exchange, "KO", type="limit", limit_price="1")
    exchange.cancel(first.id)
    exchange.advance(int(path.at[place]) + 10 * MINUTE)
    given = order(exchange, "KO", type="limit", limit_price=format_price(int(path.ask[place])))
    exchange.advance(SESSION.close)
    assert all(fill.at > given.submitted_at for fill in exchange.fills())
    assert exchange.order(given.id).status == "expired"


def test_orders_given_overnight_all_meet_the_opening_tick(days: SimulatedDays) -> None:
    exchange = Exchange(days, seed=7, start=SESSION.open - MINUTE)
    names = ("KO", "PFE", "XOM")
    for name in names:
        order(exchange, name)
    assert exchange.advance(SESSION.close, stop_on_update=True) == SESSION.open
    expected = [(name, days.quote(name, SESSION.open).ask_e4) for name in names]
    assert [(fill.symbol, fill.price_e4) for fill in exchange.fills()] == expected


def test_looking_at_the_market_changes_nothing(days: SimulatedDays) -> None:
    fresh = SimulatedDays(seed=7)
    curious = opened(fresh)
    for name in ("XOM", "KO", "AAPL"):
        curious.bars(name, "1Day", SESSION.open - 100 * DAY, SESSION.close)
        fresh.path(name, SESSION.index + 5)
        list(curious.trades(name, SESSION.open, SESSION.close))
    plain = opened(days)
    for exchange in (curious, plain):
        order(exchange, "KO", type="limit", limit_price=price(exchange, "KO", -5))
        exchange.advance(SESSION.close)
    assert curious.fills() == plain.fills()


PROGRAM = """
import hashlib, sys
import msgspec
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.venue.intake import parse_order_request
from the_alchemiser.exchange.units import format_price

exchange = Exchange(SimulatedDays(seed=11), seed=11, start=1_622_000_000_000_000_000)
digest = hashlib.sha256()
for hour in range(24 * 7):
    for asset in exchange.assets()[hour % 7 :: 7]:
        trade = exchange.trade(asset.symbol)
        body = {"symbol": asset.symbol, "qty": "3", "side": "buy", "type": "limit", "time_in_force": "gtc"}
        body["limit_price"] = format_price(trade.price_e4 // 100 * 100 - 100 * (hour % 5))
        if hour % 3 == 0:
            body["order_class"] = "bracket"
            body["take_profit"] = {"limit_price": format_price(trade.price_e4 // 100 * 100 + 3000)}
            body["stop_loss"] = {"stop_price": format_price(trade.price_e4 // 100 * 100 - 3000)}
        try:
            exchange.submit(parse_order_request(body))
        except Exception as refusal:
            digest.update(repr(refusal).encode())
    exchange.advance(exchange.now + 3_600_000_000_000)
    for update in exchange.take_updates():
        digest.update(msgspec.json.encode(update))
digest.update(msgspec.json.encode([exchange.account(), exchange.positions()]))
print(len(exchange.fills()), digest.hexdigest())
"""


@pytest.mark.slow
def test_the_same_run_in_other_processes_and_time_zones_is_the_same(tmp_path: Path) -> None:
    program = tmp_path / "week.py"
    program.write_text(PROGRAM, encoding="utf-8")
    answers = set()
    for hash_seed, zone in (("0", "UTC"), ("1", "Asia/Kolkata"), ("77", "America/Los_Angeles")):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone}
        done = subprocess.run(
            [sys.executable, str(program)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        answers.add(done.stdout)
    assert len(answers) == 1
    assert int(answers.pop().split()[0]) > 50
