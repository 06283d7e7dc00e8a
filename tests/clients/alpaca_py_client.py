"""alpaca-py: every public method of its trading, data and stream clients."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from typing import Any

from alpaca.common.exceptions import APIError
from alpaca.common.rest import RESTClient
from alpaca.data import requests as data_requests
from alpaca.data.enums import MarketType, MostActivesBy
from alpaca.data.historical import (
    CryptoHistoricalDataClient,
    NewsClient,
    OptionHistoricalDataClient,
    ScreenerClient,
    StockHistoricalDataClient,
)
from alpaca.data.historical.corporate_actions import CorporateActionsClient
from alpaca.data.live import CryptoDataStream, NewsDataStream, OptionDataStream, StockDataStream
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit
from alpaca.trading import requests as trading_requests
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import (
    AssetClass,
    ContractType,
    CorporateActionType,
    OrderClass,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionIntent,
    QueryOrderStatus,
    TimeInForce,
)
from alpaca.trading.stream import TradingStream
from alpaca_py_streaming import closed, streamed, until
from ledger import WAIT_SECONDS, Ledger, hurry
from recipes.alpaca_py import crypto, keys, options, rest, stocks, streams, trading, web

TRANSPORT = {name for name in vars(RESTClient) if not name.startswith("_")}
REST_CLASSES = (
    *(TradingClient, StockHistoricalDataClient, CryptoHistoricalDataClient, OptionHistoricalDataClient),
    *(NewsClient, ScreenerClient, CorporateActionsClient),
)
STREAM_CLASSES = (TradingStream, StockDataStream, CryptoDataStream, OptionDataStream, NewsDataStream)

ledger = Ledger("alpaca-py", version("alpaca-py"))
for owner in REST_CLASSES:
    ledger.watch(owner, without=TRANSPORT)
for owner in STREAM_CLASSES:
    ledger.watch(owner)

news = NewsClient(*keys, url_override=rest)
screener = ScreenerClient(*keys, url_override=rest)
corporate = CorporateActionsClient(*keys, url_override=rest)

BUY, SELL, DAY, GTC = OrderSide.BUY, OrderSide.SELL, TimeInForce.DAY, TimeInForce.GTC


def now() -> datetime:
    return trading.get_clock().timestamp.astimezone(UTC)


def order(kind: str, **fields: Any) -> Any:
    made = getattr(trading_requests, f"{kind}OrderRequest")
    return trading.submit_order(made(**{"time_in_force": DAY, "side": BUY, "qty": 1, **fields}))


def filled(one: Any) -> Any:
    return until(
        lambda: (found := trading.get_order_by_id(one.id)).status == OrderStatus.FILLED and found, "a fill"
    )


@ledger.shows("account")
def account() -> None:
    assert trading.get_account().status.value == "ACTIVE"
    assert float(trading.get_account().buying_power) > 0


@ledger.shows("account configurations")
def configurations() -> None:
    found = trading.get_account_configurations()
    found.no_shorting = True
    assert trading.set_account_configurations(found).no_shorting
    found.no_shorting = False
    assert not trading.set_account_configurations(found).no_shorting


@ledger.shows("clock, calendar")
def clock() -> None:
    assert trading.get_clock().is_open
    days = trading.get_calendar(
        trading_requests.GetCalendarRequest(start=date(2022, 11, 25), end=date(2022, 11, 25))
    )
    assert [day.close.hour for day in days] == [13]


@ledger.shows("assets")
def assets() -> None:
    assert len(trading.get_all_assets()) > 10
    wanted = trading_requests.GetAssetsRequest(asset_class=AssetClass.CRYPTO)
    assert "BTC/USD" in {asset.symbol for asset in trading.get_all_assets(wanted)}
    assert trading.get_asset("BTC/USD").fractionable
    assert trading.get_asset(trading.get_asset("AAPL").id).symbol == "AAPL"


@ledger.shows("orders: market, limit, stop")
def plain_orders() -> None:
    filled(order("Market", symbol="AAPL", qty=40))
    order("Limit", symbol="KO", limit_price=40, client_order_id="of-my-own")
    order("Stop", symbol="AAPL", side=SELL, stop_price=90, time_in_force=GTC)
    order("StopLimit", symbol="KO", stop_price=99, limit_price=99.5)


@ledger.shows("orders: trailing stop")
def trailing_stop() -> None:
    one = order("TrailingStop", symbol="AAPL", side=SELL, trail_percent=10, time_in_force=GTC)
    other = order("TrailingStop", symbol="AAPL", side=SELL, trail_price=9.5)
    until(lambda: trading.get_order_by_id(one.id).hwm, "a high-water mark")
    trading.cancel_order_by_id(other.id)


@ledger.shows("orders: bracket, OCO, OTO")
def several_legs() -> None:
    target = trading_requests.TakeProfitRequest(limit_price=400)
    loss = trading_requests.StopLossRequest(stop_price=60, limit_price=59.5)
    entry = order(
        "Market", symbol="PEP", qty=2, order_class=OrderClass.BRACKET, take_profit=target, stop_loss=loss
    )
    filled(entry)
    nested = trading.get_order_by_id(entry.id, trading_requests.GetOrderByIdRequest(nested=True))
    assert len(nested.legs or []) == 2
    order("Market", symbol="PG", order_class=OrderClass.OTO, stop_loss=loss)
    order(
        "Limit", symbol="AAPL", side=SELL, limit_price=400, order_class=OrderClass.OCO, take_profit=target,
        stop_loss=loss, time_in_force=GTC,
    )  # fmt: skip


@ledger.shows("orders: fractional")
def fractional() -> None:
    assert filled(order("Market", symbol="MSFT", qty=None, notional=1500.55)).notional == "1500.55"
    assert filled(order("Market", symbol="MSFT", qty=0.123456789)).filled_qty == "0.123456789"


@ledger.shows("orders: extended hours, opg, cls, ioc, fok")
def special_times() -> None:
    order("Limit", symbol="KO", limit_price=40, extended_hours=True)
    for soon in (TimeInForce.IOC, TimeInForce.FOK):
        one = order("Limit", symbol="JNJ", limit_price=20, time_in_force=soon)
        until(lambda one=one: trading.get_order_by_id(one.id).status == OrderStatus.CANCELED, "its end")
    order("Market", symbol="JNJ", time_in_force=TimeInForce.CLS)
    try:
        order("Market", symbol="JNJ", time_in_force=TimeInForce.OPG)
    except APIError as refusal:
        assert refusal.status_code == 403


@ledger.shows("orders: found, listed, paged")
def listed() -> None:
    assert trading.get_order_by_client_id("of-my-own").symbol == "KO"
    every = trading_requests.GetOrdersRequest(status=QueryOrderStatus.ALL, nested=True, limit=5)
    page = trading.get_orders(every)
    assert len(page) == 5
    older = trading_requests.GetOrdersRequest(
        status=QueryOrderStatus.ALL, nested=True, limit=5, until=page[-1].submitted_at
    )
    assert not {one.id for one in page} & {one.id for one in trading.get_orders(older)}


@ledger.shows("orders: replace, cancel")
def changed() -> None:
    one = trading.get_order_by_client_id("of-my-own")
    two = trading.replace_order_by_id(one.id, trading_requests.ReplaceOrderRequest(qty=2, limit_price=40.5))
    assert two.replaces == one.id
    trading.cancel_order_by_id(two.id)
    until(lambda: trading.get_order_by_id(two.id).status == OrderStatus.CANCELED, "a cancel")


@ledger.shows("orders: short")
def short() -> None:
    filled(order("Market", symbol="PFE", qty=5, side=SELL))
    assert float(trading.get_open_position("PFE").qty) == -5


@ledger.shows("orders: crypto")
def coins() -> None:
    filled(order("Market", symbol="BTC/USD", qty=0.05, time_in_force=GTC))
    assert float(trading.get_open_position("BTCUSD").qty) > 0


def chain(kind: ContractType = ContractType.CALL) -> list[Any]:
    day = now().date()
    wanted = trading_requests.GetOptionContractsRequest(
        underlying_symbols=["AAPL"], type=kind, expiration_date_gte=day, limit=50,
        expiration_date_lte=day + timedelta(days=30),
    )  # fmt: skip
    return list(trading.get_option_contracts(wanted).option_contracts)


@ledger.shows("option contracts")
def contracts() -> None:
    found = chain()
    assert found
    assert trading.get_option_contract(found[0].symbol).id == found[0].id


@ledger.shows("orders: options, multi-leg")
def option_orders() -> None:
    first, *_, last = [one for one in chain() if one.expiration_date == chain()[-1].expiration_date]
    filled(order("Market", symbol=first.symbol, qty=2))
    legs = [
        trading_requests.OptionLegRequest(
            symbol=first.symbol, ratio_qty=1, side=BUY, position_intent=PositionIntent.BUY_TO_OPEN
        ),
        trading_requests.OptionLegRequest(
            symbol=last.symbol, ratio_qty=1, side=SELL, position_intent=PositionIntent.SELL_TO_OPEN
        ),
    ]
    spread = trading_requests.MarketOrderRequest(
        order_class=OrderClass.MLEG, qty=1, time_in_force=DAY, legs=legs, type=OrderType.MARKET
    )
    nested = trading_requests.GetOrderByIdRequest(nested=True)
    assert len(trading.get_order_by_id(filled(trading.submit_order(spread)).id, nested).legs or []) == 2


@ledger.shows("option exercise")
def exercised() -> None:
    held = [one for one in trading.get_all_positions() if one.asset_class == AssetClass.US_OPTION]
    trading.exercise_options_position(next(one.symbol for one in held if float(one.qty) > 0))


@ledger.shows("refusals with code and text")
def refused() -> None:
    for fields, code in (({"qty": 10_000_000}, 40310000), ({"limit_price": 3 * 33.1}, 42210000)):
        try:
            order("Limit", **{"symbol": "AAPL", "limit_price": 100, **fields})
        except APIError as refusal:
            assert refusal.code == code, refusal
            assert refusal.message
        else:
            raise AssertionError(f"{fields} was accepted")


@ledger.shows("activities")
def activities() -> None:
    fills = trading.get("/account/activities", {"activity_types": "FILL", "page_size": 2})
    assert [fill["activity_type"] for fill in fills] == ["FILL", "FILL"]


@ledger.shows("portfolio history")
def portfolio_history() -> None:
    history = trading.get_portfolio_history()
    assert len(history.timestamp) == len(history.equity)
    day = trading_requests.GetPortfolioHistoryRequest(period="1D", timeframe="5Min")
    assert trading.get_portfolio_history(day).timeframe == "5Min"


@ledger.shows("watchlists")
def watchlists() -> None:
    made = trading.create_watchlist(
        trading_requests.CreateWatchlistRequest(name="growth", symbols=["AAPL", "MSFT"])
    )
    assert made.id in {one.id for one in trading.get_watchlists()}
    assert len(trading.add_asset_to_watchlist_by_id(made.id, "KO").assets) == 3
    assert len(trading.remove_asset_from_watchlist_by_id(made.id, "AAPL").assets) == 2
    renamed = trading_requests.UpdateWatchlistRequest(name="slow growth")
    assert trading.update_watchlist_by_id(made.id, renamed).name == "slow growth"
    assert len(trading.get_watchlist_by_id(made.id).assets) == 2
    trading.delete_watchlist_by_id(made.id)


@ledger.shows("corporate actions")
def corporate_actions() -> None:
    day = now().date()
    wanted = trading_requests.GetCorporateAnnouncementsRequest(
        ca_types=[CorporateActionType.DIVIDEND, CorporateActionType.SPLIT],
        since=day - timedelta(days=40),
        until=day + timedelta(days=40),
    )
    found = trading.get_corporate_announcements(wanted)
    assert trading.get_corporate_announcement_by_id(found[0].id).id == found[0].id
    since = data_requests.CorporateActionsRequest(
        start=day - timedelta(days=40), end=day + timedelta(days=40)
    )
    assert corporate.get_corporate_actions(since).data


@ledger.shows("stock bars, quotes, trades")
def stock_history() -> None:
    start = now() - timedelta(minutes=30)
    wanted = {"symbol_or_symbols": ["AAPL", "KO"], "start": start}
    minutes = TimeFrame(5, TimeFrameUnit.Minute)
    bars = stocks.get_stock_bars(data_requests.StockBarsRequest(timeframe=minutes, **wanted))
    assert {len(bars["AAPL"]), len(bars["KO"])} <= {5, 6, 7}
    assert not bars.df.empty
    assert stocks.get_stock_quotes(data_requests.StockQuotesRequest(limit=10, **wanted)).data
    assert stocks.get_stock_trades(data_requests.StockTradesRequest(limit=10, **wanted)).data


@ledger.shows("stock latest, snapshots")
def stock_latest() -> None:
    wanted = {"symbol_or_symbols": ["AAPL", "KO"]}
    assert stocks.get_stock_latest_bar(data_requests.StockLatestBarRequest(**wanted))["AAPL"].close
    assert stocks.get_stock_latest_quote(data_requests.StockLatestQuoteRequest(**wanted))["AAPL"].bid_price
    assert stocks.get_stock_latest_trade(data_requests.StockLatestTradeRequest(**wanted))["AAPL"].price
    assert stocks.get_stock_snapshot(data_requests.StockSnapshotRequest(**wanted))["KO"].daily_bar


@ledger.shows("crypto data")
def crypto_data() -> None:
    wanted: dict[str, Any] = {"symbol_or_symbols": ["BTC/USD", "ETH/USD"]}
    assert crypto.get_crypto_latest_bar(data_requests.CryptoLatestBarRequest(**wanted))["BTC/USD"].close
    assert crypto.get_crypto_latest_quote(data_requests.CryptoLatestQuoteRequest(**wanted))[
        "BTC/USD"
    ].ask_price
    assert crypto.get_crypto_latest_trade(data_requests.CryptoLatestTradeRequest(**wanted))["ETH/USD"].price
    book = crypto.get_crypto_latest_orderbook(data_requests.CryptoLatestOrderbookRequest(**wanted))["BTC/USD"]
    assert book.bids[0].price < book.asks[0].price
    assert crypto.get_crypto_snapshot(data_requests.CryptoSnapshotRequest(**wanted))["BTC/USD"].latest_quote
    wanted["start"] = now() - timedelta(minutes=30)
    assert crypto.get_crypto_bars(data_requests.CryptoBarsRequest(timeframe=TimeFrame.Minute, **wanted)).data
    assert crypto.get_crypto_quotes(data_requests.CryptoQuoteRequest(limit=10, **wanted)).data
    assert crypto.get_crypto_trades(data_requests.CryptoTradesRequest(limit=10, **wanted)).data


@ledger.shows("option data")
def option_data() -> None:
    price = stocks.get_stock_latest_trade(data_requests.StockLatestTradeRequest(symbol_or_symbols="AAPL"))[
        "AAPL"
    ].price
    symbol = min(chain(), key=lambda one: (one.expiration_date, abs(one.strike_price - price))).symbol
    wanted: dict[str, Any] = {"symbol_or_symbols": [symbol]}
    assert options.get_option_chain(data_requests.OptionChainRequest(underlying_symbol="AAPL"))
    assert options.get_option_exchange_codes()
    assert options.get_option_latest_quote(data_requests.OptionLatestQuoteRequest(**wanted))[symbol].ask_price
    assert options.get_option_latest_trade(data_requests.OptionLatestTradeRequest(**wanted))[symbol].price
    assert options.get_option_snapshot(data_requests.OptionSnapshotRequest(**wanted))[symbol].latest_quote
    wanted["start"] = now() - timedelta(days=1)
    frame = {"timeframe": TimeFrame.Minute, "limit": 20}
    assert options.get_option_bars(data_requests.OptionBarsRequest(**frame, **wanted)).data
    assert options.get_option_trades(data_requests.OptionTradesRequest(limit=20, **wanted)).data


@ledger.shows("news")
def articles() -> None:
    found = news.get_news(
        data_requests.NewsRequest(symbols="AAPL", limit=5, start=now() - timedelta(days=30))
    )
    assert found.data["news"]


@ledger.shows("screener")
def screened() -> None:
    wanted = data_requests.MostActivesRequest(by=MostActivesBy.VOLUME, top=5)
    assert len(screener.get_most_actives(wanted).most_actives) == 5
    assert screener.get_market_movers(
        data_requests.MarketMoversRequest(market_type=MarketType.STOCKS)
    ).gainers


@ledger.shows("order updates")
def order_updates() -> None:
    def deal() -> None:
        order("Market", symbol="WMT")

    def made() -> Any:
        return streams()["updates"]

    heard: list[Any] = []

    async def listen(update: Any) -> None:
        heard.append(update)

    stream = made()
    stream.subscribe_trade_updates(listen)
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    until(lambda: stream._running, "the stream to begin")
    deal()
    until(lambda: "fill" in {getattr(one.event, "value", one.event) for one in heard}, "a fill")
    stream.stop()
    until(lambda: not stream._should_run, "the wish to stop")
    deal()  # it looks for it after each message, or after five silent seconds
    thread.join(WAIT_SECONDS)
    closed(made(), "trade_updates", prompt=deal)


@ledger.shows("stock stream")
def stock_stream() -> None:
    def made() -> Any:
        return streams()["stocks"]

    async def listen(message: Any) -> None:
        return None

    stream = made()
    stream.register_trade_cancels(listen)
    stream.register_trade_corrections(listen)
    loud = dict.fromkeys(("trades", "quotes", "bars", "daily_bars"), "speaks")
    streamed(stream, {**loud, "updated_bars": "may", "trading_statuses": "may"}, ("AAPL", "KO"))
    closed(made(), "trades", "AAPL")


@ledger.shows("crypto stream")
def crypto_stream() -> None:
    def made() -> Any:
        return streams()["crypto"]

    loud = dict.fromkeys(("quotes", "trades", "bars", "daily_bars", "orderbooks"), "speaks")
    streamed(made(), {**loud, "updated_bars": "may"}, ("BTC/USD", "ETH/USD"))
    closed(made(), "quotes", "BTC/USD")


@ledger.shows("option stream")
def option_stream() -> None:
    def made() -> Any:
        return streams()["options"]

    symbols = tuple(one.symbol for one in chain()[:5])
    streamed(made(), {"quotes": "speaks", "trades": "may"}, symbols)
    closed(made(), "quotes", *symbols)


@ledger.shows("positions, closing them")
def positions() -> None:
    trading.cancel_orders()
    until(lambda: not trading.get_orders(), "the cancels")
    half = trading.close_position("AAPL", trading_requests.ClosePositionRequest(percentage="50"))
    filled(half)
    # The long leg of a spread can go when the short one has gone.
    until(
        lambda: not (trading.close_all_positions(cancel_orders=True) and trading.get_all_positions()),
        "an empty book",
    )


@ledger.shows("news stream")
def news_stream() -> None:
    def made() -> Any:
        return NewsDataStream(*keys, url_override=f"{web}/v1beta1/news")

    streamed(made(), {"news": "speaks"}, ("*",), prompt=hurry)
    closed(made(), "news", "*")


if __name__ == "__main__":
    ledger.run()
