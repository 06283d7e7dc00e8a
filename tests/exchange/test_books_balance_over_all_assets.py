"""Whatever is ordered in stocks, coins and options, money and positions add up and promises are covered."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from the_alchemiser.exchange.errors import Refusal
from the_alchemiser.exchange.market.board import Board
from the_alchemiser.exchange.market.contracts import parse_contract
from the_alchemiser.exchange.market.crypto import SimulatedCrypto
from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.market.options import OptionMarket
from the_alchemiser.exchange.market.sessions import new_york_date
from the_alchemiser.exchange.timestamps import parse_instant
from the_alchemiser.exchange.units import HOUR, MINUTE, MONEY, format_price
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.coverage import requirement
from the_alchemiser.exchange.venue.intake import parse_order_changes, parse_order_request
from the_alchemiser.exchange.venue.orders import OrderFilter

START = parse_instant("2022-06-01T14:00:07Z")
STEPS = 60
STRIKES = range(130, 161, 5)


@pytest.fixture(scope="module")
def board(days: SimulatedDays) -> Board:
    crypto = SimulatedCrypto(days.first_day, days.last_day, seed=7)
    return Board(days, crypto, OptionMarket(days, seed=7))


class Trader:
    """Does something at random, again and again."""

    def __init__(self, board: Board, seed: int) -> None:
        self.dice = random.Random(seed)
        self.exchange = Exchange(board, seed=seed, start=START, multiplier=4, cash="60000")
        self.refusals: Counter[str] = Counter()

    def act(self) -> None:
        action = self.dice.choice(
            [self.trade_option] * 5
            + [self.combine] * 4
            + [self.trade_coins, self.trade_stock, self.cancel, self.replace, self.close, self.exercise]
            + [self.wait] * 3
        )
        try:
            action()
        except Refusal as refusal:
            self.refusals[refusal.message.partition("(")[0]] += 1

    def contract(self, expiry: str = "") -> str:
        expiry = expiry or self.dice.choice(["220603", "220610", "220617"])
        return f"AAPL{expiry}{self.dice.choice('CP')}{self.dice.choice(STRIKES) * 1000:08d}"

    def submit(self, **fields: Any) -> None:
        self.exchange.submit(parse_order_request({"type": "market", "time_in_force": "day", **fields}))

    def side(self) -> str:
        return self.dice.choice(["buy", "sell"])

    def limit(self, symbol: str) -> dict[str, str]:
        quote = self.exchange.quote(symbol)
        if quote is None or self.dice.random() < 0.5:
            return {}
        price = max(100, quote.ask_e4 * self.dice.randint(90, 110) // 100 // 100 * 100)
        return {"type": "limit", "limit_price": format_price(price)}

    def trade_option(self) -> None:
        symbol = self.contract()
        self.submit(symbol=symbol, side=self.side(), qty=str(self.dice.randint(1, 3)), **self.limit(symbol))

    def combine(self) -> None:
        expiry = self.dice.choice(["220603", "220610", "220617"])
        symbols = {self.contract(expiry) for _ in range(self.dice.randint(2, 4))}
        legs = [
            {"symbol": symbol, "ratio_qty": str(self.dice.choice([1, 1, 1, 2])), "side": self.side()}
            for symbol in sorted(symbols)
        ]
        prices = [{}, {"type": "limit", "limit_price": format_price(self.dice.randint(-50, 50) * 1000)}]
        self.submit(order_class="mleg", qty="1", legs=legs, **self.dice.choice(prices))

    def trade_coins(self) -> None:
        symbol = self.dice.choice(["ETH/USD", "DOGE/USD"])
        qty = self.dice.choice(["0.123456789", "1", "500"])
        self.submit(
            symbol=symbol, side=self.side(), qty=qty, **{**self.limit(symbol), "time_in_force": "gtc"}
        )

    def trade_stock(self) -> None:
        self.submit(
            symbol="AAPL", side=self.side(), qty=str(self.dice.choice([50, 100, 200])), **self.limit("AAPL")
        )

    def cancel(self) -> None:
        for order in self.exchange.orders()[:1]:
            self.exchange.cancel(order.id)

    def replace(self) -> None:
        for order in self.exchange.orders()[:1]:
            self.exchange.replace(order.id, parse_order_changes({"qty": "2", "limit_price": "3"}))

    def close(self) -> None:
        held = [state.symbol for state in self.exchange.positions()]
        if held:
            self.exchange.close_position(self.dice.choice(held))

    def exercise(self) -> None:
        held = [state.symbol for state in self.exchange.positions() if state.asset_class == "us_option"]
        if held:
            act = self.dice.choice([self.exchange.exercise, self.exchange.do_not_exercise])
            act(self.dice.choice(held))

    def wait(self) -> None:
        pause = self.dice.choice([MINUTE, 20 * MINUTE, 2 * HOUR, 19 * HOUR])
        self.exchange.advance(self.exchange.now + pause)


def check_sums(exchange: Exchange) -> None:
    account = exchange._account
    cash, quantities = 60_000 * MONEY, Counter[str]()
    for fill in account.fills:
        cash += (fill.value_e13 if fill.side == "sell" else -fill.value_e13) - fill.fee_e13
        quantities[fill.symbol] += fill.change_e9
    for other in account.others:
        cash += other.cash_e13
        quantities[other.symbol] += other.change_e9
    assert account.cash_e13 == cash
    assert {symbol: qty for symbol, qty in quantities.items() if qty} == {
        symbol: position.qty_e9 for symbol, position in account.positions.items()
    }


def check_promises(exchange: Exchange) -> None:
    account = exchange._account
    orders = exchange.orders(OrderFilter(status="open", limit=500))
    assert account.held_cash_e13 == sum(order.held_cash_e13 for order in orders)
    held = Counter[str]()
    for order in orders:
        held[order.symbol] += order.held_qty_e9
    for symbol, position in account.positions.items():
        assert position.held_qty_e9 == held[symbol]
        assert 0 <= position.held_qty_e9 + position.pledged_e9 <= abs(position.qty_e9)
    need = requirement(exchange._held_on("AAPL"))
    stock = account.positions.get("AAPL")
    assert need.shares_e9 <= (stock.pledged_e9 if stock else 0)
    assert need.money_e13 == sum(position.collateral_e13 for position in account.positions.values())
    assert exchange.account().non_marginable_buying_power_e13 >= 0


def check_ends(exchange: Exchange) -> None:
    today = new_york_date(exchange.now - 4 * HOUR)
    for symbol in exchange._account.positions:
        contract = parse_contract(symbol)
        assert contract is None or contract.expiry >= today


@pytest.mark.parametrize("seed", range(4))
def test_the_books_balance_whatever_is_done(board: Board, seed: int) -> None:
    trader = Trader(board, seed)
    for _ in range(STEPS):
        trader.act()
        check_sums(trader.exchange)
        check_promises(trader.exchange)
        check_ends(trader.exchange)
    kinds = {fill.asset_class for fill in trader.exchange.fills()}
    assert "us_option" in kinds
