"""Lumibot: a strategy on its Alpaca broker, live, from one hour after the opening until the market has closed."""

from __future__ import annotations

import datetime
import os
import threading
from importlib.metadata import version
from typing import Any, ClassVar

from ledger import WAIT_SECONDS, Ledger
from recipes.lumibot_alpaca import ALPACA_CONFIG

os.environ.update({"IS_BACKTESTING": "False", "LUMIBOT_DISABLE_DOTENV": "1"})

from lumibot.brokers import Alpaca
from lumibot.entities import Asset, Order
from lumibot.strategies import Strategy
from lumibot.traders import Trader

DAY_SECONDS = float(os.environ.get("CLIENT_DAY_SECONDS", "150"))
ledger = Ledger("Lumibot", version("lumibot"))


class Diary:
    """What the strategy saw, for the steps to judge."""

    filled: ClassVar[list[str]] = []
    canceled: ClassVar[list[str]] = []
    notes: ClassVar[dict[str, Any]] = {}
    over = threading.Event()


class Rotation(Strategy):  # type: ignore[misc]
    """Looks at five days, buys, rests, cancels, and is flat before the close.

    No bracket: Lumibot 4.6.30 cannot read back its own bracket orders from any Alpaca account.
    """

    def initialize(self) -> None:
        self.sleeptime = "1S"
        self.iterations = 0

    def on_trading_iteration(self) -> None:
        self.iterations += 1
        Diary.notes["iterations"] = self.iterations
        clock = self.broker.api.get_clock()
        if not clock.is_open:
            Diary.notes["closed"] = clock.timestamp
            Diary.over.set()
        elif self.iterations == 1:
            self.open_positions(clock.timestamp)
        elif self.iterations == 2:
            coin = Asset("BTC", Asset.AssetType.CRYPTO)
            self.submit_order(self.create_order(coin, 0.05, "buy", quote=Asset("USD", Asset.AssetType.FOREX)))
        elif self.iterations == 4:
            self.look_around()
        elif self.broker.get_time_to_close() < 3600 and "sold" not in Diary.notes:
            Diary.notes["sold"] = [position.symbol for position in self.get_positions()]
            self.sell_all()

    def open_positions(self, now: datetime.datetime) -> None:
        # The exchange is in another year than the computer.
        ago = datetime.datetime.now(now.tzinfo) - now
        closes = {}
        for symbol in ("AAPL", "MSFT", "KO"):
            bars = self.get_historical_prices(symbol, 5, "day", timeshift=ago)
            closes[symbol] = float(bars.df["close"].iloc[-1] / bars.df["close"].iloc[0])
        Diary.notes["closes"] = closes
        for symbol in closes:
            price = self.get_last_price(symbol)
            self.submit_order(self.create_order(symbol, int(20_000 // price), Order.OrderSide.BUY))
        low = round(self.get_last_price("PEP") * 0.8, 2)
        Diary.notes["resting"] = self.submit_order(self.create_order("PEP", 5, "buy", limit_price=low))

    def look_around(self) -> None:
        Diary.notes["cash"] = self.get_cash()
        Diary.notes["value"] = self.get_portfolio_value()
        Diary.notes["held"] = {position.symbol for position in self.get_positions()}
        Diary.notes["quote"] = self.get_quote(Asset("AAPL"))
        self.cancel_order(Diary.notes["resting"])

    def on_filled_order(
        self, position: Any, order: Any, price: float, quantity: float, multiplier: float
    ) -> None:
        Diary.filled.append(order.symbol)

    def on_canceled_order(self, order: Any) -> None:
        Diary.canceled.append(order.symbol)


def trade() -> None:
    broker = Alpaca(ALPACA_CONFIG)
    trader = Trader(quiet_logs=True)
    trader.add_strategy(Rotation(broker=broker))
    Diary.notes["broker"] = broker
    trader.run_all_async()


@ledger.shows("order updates")
def a_whole_day() -> None:
    trade()
    assert Diary.over.wait(DAY_SECONDS), f"the market did not close: {Diary.notes}"
    assert Diary.notes["closed"].hour == 16
    # A fill that comes before the answer to its order is not the strategy's for Lumibot; a cancel always is.
    assert "PEP" in Diary.canceled, Diary.canceled


@ledger.shows("account")
def account() -> None:
    assert 0 < Diary.notes["cash"] < Diary.notes["value"]


@ledger.shows("stock bars, quotes, trades")
def history() -> None:
    assert set(Diary.notes["closes"]) == {"AAPL", "MSFT", "KO"}


@ledger.shows("stock latest, snapshots")
def quote() -> None:
    assert Diary.notes["quote"].bid < Diary.notes["quote"].ask


@ledger.shows("clock, calendar")
def clock() -> None:
    assert Diary.notes["iterations"] > 5


@ledger.shows("orders: market, limit, stop")
def market_orders() -> None:
    assert {"AAPL", "MSFT", "KO"} <= Diary.notes["held"]


@ledger.shows("orders: crypto")
def coins() -> None:
    assert {"BTC", "BTC/USD"} & Diary.notes["held"], Diary.notes["held"]


@ledger.shows("orders: replace, cancel")
def cancel() -> None:
    assert "PEP" in Diary.canceled, Diary.canceled


@ledger.shows("positions, closing them")
def positions() -> None:
    assert {"AAPL", "MSFT", "KO"} <= Diary.notes["held"]
    assert {"AAPL", "MSFT", "KO"} <= set(Diary.notes["sold"])
    left = {one.symbol for one in Diary.notes["broker"].api.get_all_positions()}
    assert not {"AAPL", "MSFT", "KO"} & left, left


if __name__ == "__main__":
    assert WAIT_SECONDS
    ledger.run()
