"""A client we did not write: alpaca-py's REST clients, used as its documentation shows, only the URL changed."""

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.requests import (
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockQuotesRequest,
    StockSnapshotRequest,
    StockTradesRequest,
)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import AssetClass, OrderClass, OrderSide, OrderStatus, QueryOrderStatus, TimeInForce
from alpaca.trading.requests import (
    ClosePositionRequest,
    GetAssetsRequest,
    GetCalendarRequest,
    GetOrderByIdRequest,
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLossRequest,
    StopOrderRequest,
    TakeProfitRequest,
)
from wire import WireExchange, exchange_in_thread

NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def trading(exchange: WireExchange) -> TradingClient:
    return TradingClient(exchange.key, exchange.secret, paper=True, url_override=exchange.rest)


@pytest.fixture(scope="module")
def data() -> Iterator[StockHistoricalDataClient]:
    with exchange_in_thread(start="2022-06-01T14:30:00Z", data_requests_per_minute=0) as exchange:
        yield StockHistoricalDataClient(exchange.key, exchange.secret, url_override=exchange.rest)


def limit_buy(**fields: object) -> LimitOrderRequest:
    order = {
        "symbol": "AAPL",
        "qty": 1,
        "side": OrderSide.BUY,
        "time_in_force": TimeInForce.DAY,
        "limit_price": 100,
    }
    return LimitOrderRequest(**{**order, **fields})


def test_market_order_position_and_its_close(trading: TradingClient) -> None:
    order = trading.submit_order(
        MarketOrderRequest(symbol="AAPL", qty=10, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
    )
    assert order.status == OrderStatus.PENDING_NEW
    assert trading.get_order_by_id(order.id).status == OrderStatus.FILLED
    assert [position.symbol for position in trading.get_all_positions()] == ["AAPL"]
    closing = trading.close_position("AAPL", ClosePositionRequest(percentage="50"))
    assert closing.side == OrderSide.SELL
    assert trading.get_open_position("AAPL").qty == "5"
    assert [item.status for item in trading.close_all_positions(cancel_orders=True)] == [200]
    assert trading.get_all_positions() == []


def test_limit_order_found_by_its_own_id_replaced_and_cancelled(trading: TradingClient) -> None:
    order = trading.submit_order(limit_buy(client_order_id="the-first"))
    assert trading.get_order_by_client_id("the-first").id == order.id
    assert [found.id for found in trading.get_orders()] == [order.id]
    changed = trading.replace_order_by_id(order.id, ReplaceOrderRequest(qty=2, limit_price=101.5))
    assert (changed.replaces, changed.qty, changed.limit_price) == (order.id, "2", "101.5")
    trading.cancel_order_by_id(changed.id)
    closed = trading.get_orders(GetOrdersRequest(status=QueryOrderStatus.CLOSED, symbols=["AAPL"]))
    assert [found.status for found in closed] == [OrderStatus.CANCELED, OrderStatus.REPLACED]


def test_stop_order_rests_and_cancel_all_ends_it(trading: TradingClient) -> None:
    trading.submit_order(
        MarketOrderRequest(symbol="KO", qty=10, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
    )
    stop = trading.submit_order(
        StopOrderRequest(
            symbol="KO", qty=10, side=OrderSide.SELL, time_in_force=TimeInForce.GTC, stop_price=20
        )
    )
    assert trading.get_order_by_id(stop.id).status == OrderStatus.NEW
    assert [(item.id, item.status) for item in trading.cancel_orders()] == [(stop.id, 200)]


def test_bracket_order_comes_back_with_its_legs(trading: TradingClient) -> None:
    bracket = trading.submit_order(
        limit_buy(
            qty=5,
            order_class=OrderClass.BRACKET,
            take_profit=TakeProfitRequest(limit_price=130),
            stop_loss=StopLossRequest(stop_price=90, limit_price=89.5),
        )
    )
    nested = trading.get_order_by_id(bracket.id, GetOrderByIdRequest(nested=True))
    assert nested.order_class == OrderClass.BRACKET
    assert {leg.status for leg in nested.legs or []} == {OrderStatus.HELD}
    assert len(trading.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL, nested=True))) == 1
    trading.cancel_order_by_id(bracket.id)
    ended = trading.get_order_by_id(bracket.id, GetOrderByIdRequest(nested=True))
    assert {leg.status for leg in ended.legs or []} == {OrderStatus.CANCELED}


def test_a_refusal_arrives_as_an_api_error_with_code_and_text(trading: TradingClient) -> None:
    with pytest.raises(APIError) as refusal:
        trading.submit_order(limit_buy(limit_price=3 * 33.1))
    assert refusal.value.code == 42210000
    assert "sub-penny increment does not fulfill minimum pricing criteria" in refusal.value.message
    with pytest.raises(APIError) as poor:
        trading.submit_order(limit_buy(qty=1_000_000))
    assert (poor.value.status_code, poor.value.message) == (403, "insufficient buying power")
    with pytest.raises(APIError) as missing:
        trading.get_open_position("MSFT")
    assert (missing.value.status_code, missing.value.code) == (404, 40410000)


def test_clock_calendar_account_and_assets_parse(trading: TradingClient) -> None:
    assert trading.get_clock().is_open
    assert trading.get_clock().timestamp == datetime(2022, 6, 1, 9, 30, tzinfo=NEW_YORK)
    days = trading.get_calendar(GetCalendarRequest(start=date(2022, 11, 25), end=date(2022, 11, 25)))
    assert [day.close.hour for day in days] == [13]
    assert trading.get_account().buying_power == "400000"
    assets = trading.get_all_assets(GetAssetsRequest(asset_class=AssetClass.US_EQUITY))
    assert "AAPL" in {asset.symbol for asset in assets}
    assert trading.get_asset("AAPL").tradable
    assert trading.get("/account/activities", {"activity_types": "FILL"}) == []


def test_daily_and_minute_bars(data: StockHistoricalDataClient) -> None:
    daily = data.get_stock_bars(
        StockBarsRequest(
            symbol_or_symbols=["AAPL", "MSFT"],
            timeframe=TimeFrame.Day,
            start=datetime(2021, 6, 1, tzinfo=NEW_YORK),
        )
    )
    assert [len(daily[symbol]) for symbol in ("AAPL", "MSFT")] == [254, 254]
    minutes = data.get_stock_bars(
        StockBarsRequest(
            symbol_or_symbols="AAPL",
            timeframe=TimeFrame(15, TimeFrameUnit.Minute),
            start=datetime(2022, 6, 1, 9, 30, tzinfo=NEW_YORK),
        )
    )
    assert [bar.timestamp.astimezone(NEW_YORK).minute for bar in minutes["AAPL"]] == [30, 45, 0, 15, 30]
    assert daily.df.loc["AAPL"].shape[0] == 254


def test_quotes_and_trades_over_several_pages(data: StockHistoricalDataClient) -> None:
    start = datetime(2022, 5, 23, tzinfo=NEW_YORK)
    quotes = data.get_stock_quotes(StockQuotesRequest(symbol_or_symbols=["AAPL", "KO"], start=start))
    trades = data.get_stock_trades(StockTradesRequest(symbol_or_symbols=["AAPL", "KO"], start=start))
    ticks = 6 * 2340 + 361
    assert {symbol: len(quotes[symbol]) for symbol in ("AAPL", "KO")} == {"AAPL": ticks, "KO": ticks}
    assert [trade.timestamp for trade in trades["KO"]] == [quote.timestamp for quote in quotes["KO"]]
    assert all(quote.bid_price < quote.ask_price for quote in quotes["AAPL"])


def test_latest_values_and_snapshots_agree(data: StockHistoricalDataClient) -> None:
    quote = data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=["AAPL", "KO"]))["AAPL"]
    trade = data.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols="AAPL"))["AAPL"]
    bar = data.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols="AAPL"))["AAPL"]
    snapshot = data.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols="AAPL"))["AAPL"]
    assert snapshot.latest_quote == quote
    assert snapshot.latest_trade == trade
    assert snapshot.minute_bar == bar
    assert quote.bid_price <= trade.price <= quote.ask_price
    assert bar.timestamp == datetime(2022, 6, 1, 10, 29, tzinfo=NEW_YORK)
    assert snapshot.daily_bar is not None
    assert snapshot.daily_bar.timestamp == datetime(2022, 6, 1, tzinfo=NEW_YORK)
    assert snapshot.previous_daily_bar is not None
    assert snapshot.daily_bar.open == snapshot.previous_daily_bar.close
