"""alpaca-py's streams, run as its documentation shows: handlers that are coroutines, `run()` in a thread of its own."""

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alpaca.data.live import CryptoDataStream, NewsDataStream, OptionDataStream, StockDataStream
from alpaca.data.models import Bar, News, Orderbook, Quote, Trade, TradingStatus
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.models import TradeUpdate
from alpaca.trading.requests import MarketOrderRequest
from alpaca.trading.stream import TradingStream
from wire import WireExchange, running_exchange

PATIENCE_SECONDS = 60.0
pytestmark = pytest.mark.slow


class Collected:
    """What a stream's handler has been given, and a way to wait for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.items: list[Any] = []

    async def collect(self, item: Any) -> None:
        with self._changed:
            self.items.append(item)
            self._changed.notify_all()

    def wait_for(self, enough: Callable[[list[Any]], bool]) -> list[Any]:
        with self._changed:
            assert self._changed.wait_for(lambda: enough(self.items), PATIENCE_SECONDS), self.items
            return list(self.items)


@contextlib.contextmanager
def streaming(stream: Any, wake: Callable[[], object] | None = None) -> Iterator[None]:
    """Runs the stream in a thread until the block ends.

    alpaca-py looks whether it shall stop after each message, or after five silent seconds: `wake` causes a message.
    """
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stream.stop()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while wake is not None and thread.is_alive() and time.monotonic() < deadline:
            wake()
            thread.join(0.05)
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


@pytest.fixture
def moving() -> Iterator[WireExchange]:
    """An exchange whose time runs by itself, two minutes a second, from the opening on."""
    with running_exchange(speed=120, requests_per_minute=0, data_requests_per_minute=0) as exchange:
        yield exchange


def events(updates: list[TradeUpdate]) -> list[str]:
    return [str(getattr(update.event, "value", update.event)) for update in updates]


def wait_until_listening(exchange: WireExchange, trading: TradingClient) -> None:
    """Orders until the first one is told: alpaca-py does not say when its subscription stands."""
    while True:
        order = exchange.submit(symbol="KO", qty="1", side="buy", type="limit", limit_price="1")
        trading.cancel_order_by_id(order["id"])
        if exchange.request("GET", "/v2/clock").sequence:
            return


def test_order_updates_arrive_on_the_trading_stream(exchange: WireExchange) -> None:
    trading = TradingClient(exchange.key, exchange.secret, url_override=exchange.rest)
    stream = TradingStream(exchange.key, exchange.secret, url_override=exchange.trading_stream)
    updates = Collected()
    stream.subscribe_trade_updates(updates.collect)
    with streaming(stream, lambda: exchange.submit(symbol="KO", qty="1", side="buy")):
        wait_until_listening(exchange, trading)
        bought = trading.submit_order(
            MarketOrderRequest(symbol="AAPL", qty=3, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
        )
        seen = updates.wait_for(lambda items: "fill" in events(items))
    assert {update.order.id for update in seen[-2:]} == {bought.id}
    assert events(seen)[-2:] == ["new", "fill"]
    fill = seen[-1]
    assert (fill.qty, fill.position_qty, fill.order.filled_qty) == (3.0, 3.0, "3")
    assert fill.price == float(fill.order.filled_avg_price)
    assert fill.execution_id is not None


def test_quotes_trades_and_minute_bars_arrive_on_the_data_stream(moving: WireExchange) -> None:
    stream = StockDataStream(moving.key, moving.secret, url_override=moving.data_stream)
    quotes, trades, bars, days = Collected(), Collected(), Collected(), Collected()
    stream.subscribe_quotes(quotes.collect, "AAPL")
    stream.subscribe_trades(trades.collect, "AAPL", "KO")
    stream.subscribe_bars(bars.collect, "*")
    stream.subscribe_daily_bars(days.collect, "MSFT")
    with streaming(stream):
        seen_bars = bars.wait_for(lambda items: len({bar.symbol for bar in items}) > 20 and len(items) > 60)
        seen_trades = trades.wait_for(lambda items: {trade.symbol for trade in items} == {"AAPL", "KO"})
        seen_quotes = quotes.wait_for(lambda items: len(items) > 20)
        seen_days = days.wait_for(lambda items: len(items) > 2)
    assert all(isinstance(bar, Bar) and bar.timestamp.second == 0 for bar in seen_bars)
    assert all(isinstance(trade, Trade) and trade.price > 0 for trade in seen_trades)
    assert all(isinstance(quote, Quote) and quote.bid_price < quote.ask_price for quote in seen_quotes)
    assert {quote.symbol for quote in seen_quotes} == {"AAPL"}
    assert [quote.timestamp for quote in seen_quotes] == sorted(quote.timestamp for quote in seen_quotes)
    assert seen_days[0].volume < seen_days[-1].volume


def test_streamed_minute_bars_are_the_bars_of_the_history(moving: WireExchange) -> None:
    stream = StockDataStream(moving.key, moving.secret, url_override=moving.data_stream)
    bars = Collected()
    stream.subscribe_bars(bars.collect, "AAPL")
    with streaming(stream):
        seen = bars.wait_for(lambda items: len(items) > 5)
    history = moving.get("/v2/stocks/AAPL/bars", timeframe="1Min", start="2022-06-01")["bars"]
    by_start = {row["t"]: row for row in history}
    streamed = defaultdict(dict)
    for bar in seen:
        streamed[bar.timestamp.strftime("%Y-%m-%dT%H:%M:%SZ")] = {
            "o": bar.open,
            "h": bar.high,
            "c": bar.close,
        }
    assert all({key: by_start[start][key] for key in "ohc"} == bar for start, bar in streamed.items())


def test_a_long_subscription_sent_in_fragments_is_understood() -> None:
    symbols = [f"SYMBOL{number}" for number in range(5000)]
    with running_exchange(speed=120, stream_symbols=0) as exchange:
        stream = StockDataStream(exchange.key, exchange.secret, url_override=exchange.data_stream)
        bars = Collected()
        stream.subscribe_bars(bars.collect, "AAPL", *symbols)
        with streaming(stream):
            assert bars.wait_for(lambda items: len(items) > 2)[0].symbol == "AAPL"


def test_every_crypto_channel_arrives_on_the_crypto_stream(moving: WireExchange) -> None:
    stream = CryptoDataStream(moving.key, moving.secret, url_override=moving.crypto_stream)
    quotes, trades, bars, days, books = (Collected() for _ in range(5))
    stream.subscribe_quotes(quotes.collect, "BTC/USD")
    stream.subscribe_trades(trades.collect, "*")
    stream.subscribe_bars(bars.collect, "BTC/USD", "ETH/USD")
    stream.subscribe_daily_bars(days.collect, "BTC/USD")
    stream.subscribe_updated_bars(Collected().collect, "BTC/USD")
    stream.subscribe_orderbooks(books.collect, "ETH/USD")
    with streaming(stream):
        seen_quotes = quotes.wait_for(lambda items: len(items) > 5)
        seen_trades = trades.wait_for(lambda items: len({trade.symbol for trade in items}) > 3)
        seen_bars = bars.wait_for(lambda items: len({bar.symbol for bar in items}) == 2)
        seen_days = days.wait_for(lambda items: len(items) > 1)
        seen_books = books.wait_for(lambda items: len(items) > 3)
    assert all(isinstance(quote, Quote) and quote.symbol == "BTC/USD" for quote in seen_quotes)
    assert all(isinstance(trade, Trade) and trade.size > 0 for trade in seen_trades)
    assert all(isinstance(bar, Bar) for bar in [*seen_bars, *seen_days])
    assert all(isinstance(book, Orderbook) for book in seen_books)
    assert [book.reset for book in seen_books[:2]] == [True, False]


def test_option_quotes_and_trades_arrive_on_the_option_stream(moving: WireExchange) -> None:
    contracts = moving.get("/v2/options/contracts", underlying_symbols="AAPL", type="call")
    symbols = [contract["symbol"] for contract in contracts["option_contracts"]]
    address = moving.rest.replace("http", "ws") + "/v1beta1/indicative"
    stream = OptionDataStream(moving.key, moving.secret, url_override=address)
    quotes, trades = Collected(), Collected()
    stream.subscribe_quotes(quotes.collect, *symbols[:50])
    stream.subscribe_trades(trades.collect, "*")
    with streaming(stream):
        seen_quotes = quotes.wait_for(lambda items: len(items) > 100)
        seen_trades = trades.wait_for(lambda items: len(items) > 3)
    assert {quote.symbol for quote in seen_quotes} <= set(symbols)
    assert all(isinstance(quote, Quote) and quote.bid_price <= quote.ask_price for quote in seen_quotes)
    assert all(isinstance(trade, Trade) and trade.price > 0 for trade in seen_trades)


def test_statuses_updated_bars_corrections_and_cancels_arrive_on_the_stock_stream(tmp_path: Path) -> None:
    script = tmp_path / "script.toml"
    halt = 'symbol = "KO"\nstart = 2022-06-01T13:50:00Z\nend = 2022-06-01T13:52:00Z\nreason = "LUDP"\n'
    script.write_text(f"[[halt]]\n{halt}")
    with running_exchange(speed=30, script=script, print_errors=30) as exchange:
        stream = StockDataStream(exchange.key, exchange.secret, url_override=exchange.data_stream)
        statuses, updated, trades = Collected(), Collected(), Collected()
        corrections, cancels = Collected(), Collected()
        stream.subscribe_trading_statuses(statuses.collect, "*")
        stream.subscribe_updated_bars(updated.collect, "AAPL")
        stream.subscribe_trades(trades.collect, "AAPL")
        stream.register_trade_corrections(corrections.collect)
        stream.register_trade_cancels(cancels.collect)
        with streaming(stream):
            trades.wait_for(lambda items: len(items) > 0)  # it listens: now time may fly
            assert exchange.request("POST", "/v1/control/speed", {"speed": 400}).status == 200
            seen_statuses = statuses.wait_for(lambda items: len(items) == 2)
            seen_updated = updated.wait_for(lambda items: len(items) > 0)
            seen_corrections = corrections.wait_for(lambda items: len(items) > 2)
            seen_cancels = cancels.wait_for(lambda items: len(items) > 2)
            seen_trades = trades.wait_for(lambda items: len(items) > 20)
    assert all(isinstance(status, TradingStatus) for status in seen_statuses)
    assert [status.status_code for status in seen_statuses] == ["H", "T"]
    assert isinstance(seen_updated[0], Bar)
    told = {trade.id for trade in seen_trades}
    # The first notices may concern prints from just before the subscription.
    assert {cancel.id for cancel in seen_cancels} & told
    assert {correction.original_id for correction in seen_corrections} & told


def test_the_test_feed_arrives_whatever_the_hour() -> None:
    with running_exchange(speed=60, start="2022-06-02T06:00:00Z") as exchange:
        address = exchange.rest.replace("http", "ws") + "/v2/test"
        stream = StockDataStream(exchange.key, exchange.secret, url_override=address)
        quotes = Collected()
        stream.subscribe_quotes(quotes.collect, "FAKEPACA")
        with streaming(stream):
            assert quotes.wait_for(lambda items: len(items) > 20)[0].symbol == "FAKEPACA"


def test_news_arrive_on_the_news_stream() -> None:
    with running_exchange(speed=600, start="2022-06-01T19:55:00Z") as exchange:
        address = exchange.rest.replace("http", "ws") + "/v1beta1/news"
        stream = NewsDataStream(exchange.key, exchange.secret, url_override=address)
        articles = Collected()
        stream.subscribe_news(articles.collect, "*")
        with streaming(stream):
            seen = articles.wait_for(lambda items: len(items) > 2)
    assert all(isinstance(article, News) and article.symbols for article in seen)
