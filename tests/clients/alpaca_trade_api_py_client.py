"""alpaca-trade-api for Python, the client before alpaca-py: every public method of its REST client and its streams."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any

from alpaca_trade_api.rest import REST, APIError, TimeFrame, TimeFrameUnit
from alpaca_trade_api.stream import Stream
from ledger import WAIT_SECONDS, Ledger, hurry
from recipes.alpaca_trade_api_py import api, stream

TRANSPORT = {"get", "post", "put", "patch", "delete", "data_get", "response_wrapper", "close"}

ledger = Ledger("alpaca-trade-api (Python)", version("alpaca-trade-api"))
ledger.watch(REST, without=TRANSPORT)
# Its crypto streams speak to /v1beta2/crypto, which Alpaca has taken away; decorators are the subscribe methods again.
streaming = {name for name in vars(Stream) if "crypto" in name or name.startswith("on_")}
ledger.watch(Stream, without=streaming)


def until(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for {what}")


def now() -> datetime:
    return api.get_clock().timestamp.to_pydatetime()


def ago(minutes: float) -> str:
    return (now() - timedelta(minutes=minutes)).isoformat()


def filled(one: Any) -> Any:
    return until(lambda: (found := api.get_order(one.id)).status == "filled" and found, "a fill")


@ledger.shows("account")
def account() -> None:
    assert float(api.get_account().cash) > 0


@ledger.shows("account configurations")
def configurations() -> None:
    assert api.get_account_configurations().no_shorting is False
    assert api.update_account_configurations(no_shorting=True).no_shorting
    api.update_account_configurations(no_shorting=False)


@ledger.shows("assets")
def assets() -> None:
    assert len(api.list_assets(status="active")) > 10
    assert api.get_asset("AAPL").easy_to_borrow


@ledger.shows("clock, calendar")
def clock() -> None:
    assert api.get_clock().is_open
    assert len(api.get_calendar("2022-06-01", "2022-06-08")) == 6


@ledger.shows("orders: market, limit, stop")
def plain_orders() -> None:
    filled(api.submit_order("AAPL", qty=20))
    api.submit_order("KO", qty=1, type="limit", limit_price="40", client_order_id="of-my-own")
    api.submit_order("AAPL", qty=1, side="sell", type="stop", stop_price="90", time_in_force="gtc")
    api.submit_order("KO", qty=1, type="stop_limit", stop_price="99", limit_price="99.5")


@ledger.shows("orders: trailing stop")
def trailing_stop() -> None:
    api.submit_order("AAPL", qty=1, side="sell", type="trailing_stop", trail_percent="5")


@ledger.shows("orders: bracket, OCO, OTO")
def bracket() -> None:
    legs = {"take_profit": {"limit_price": "400"}, "stop_loss": {"stop_price": "60"}}
    assert len(api.submit_order("PEP", qty=1, order_class="bracket", **legs).legs) == 2


@ledger.shows("orders: fractional")
def fractional() -> None:
    filled(api.submit_order("MSFT", notional=150.5))


@ledger.shows("orders: extended hours, opg, cls, ioc, fok")
def special_times() -> None:
    api.submit_order("KO", qty=1, type="limit", limit_price="40", extended_hours=True)
    one = api.submit_order("JNJ", qty=1, type="limit", limit_price="20", time_in_force="ioc")
    until(lambda: api.get_order(one.id).status == "canceled", "its end")
    api.submit_order("JNJ", qty=1, time_in_force="cls")


@ledger.shows("orders: found, listed, paged")
def listed() -> None:
    assert api.get_order_by_client_order_id("of-my-own").symbol == "KO"
    assert len(api.list_orders(status="all", limit=3, nested=True)) == 3


@ledger.shows("orders: replace, cancel")
def changed() -> None:
    one = api.get_order_by_client_order_id("of-my-own")
    two = api.replace_order(one.id, limit_price="40.5")
    assert two.replaces == one.id
    api.cancel_order(two.id)


@ledger.shows("orders: short")
def short() -> None:
    filled(api.submit_order("PFE", qty=5, side="sell"))
    assert api.get_position("PFE").side == "short"


@ledger.shows("orders: crypto")
def coins() -> None:
    filled(api.submit_order("BTC/USD", qty=0.05, time_in_force="gtc"))


@ledger.shows("refusals with code and text")
def refused() -> None:
    try:
        api.submit_order("UNH", qty=10_000_000)
    except APIError as refusal:
        assert (refusal.code, str(refusal)) == (40310000, "insufficient buying power"), (
            refusal.code,
            str(refusal),
        )
    else:
        raise AssertionError("it was accepted")


@ledger.shows("activities")
def activities() -> None:
    assert len(api.get_activities(activity_types="FILL", page_size=2)) == 2


@ledger.shows("portfolio history")
def portfolio_history() -> None:
    assert api.get_portfolio_history(period="1D", timeframe="5Min").timeframe == "5Min"


@ledger.shows("watchlists")
def watchlists() -> None:
    made = api.create_watchlist("growth", ["AAPL", "MSFT"])
    assert len(api.get_watchlists()) == 1
    api.add_to_watchlist(made.id, "KO")
    api.delete_from_watchlist(made.id, "AAPL")
    api.update_watchlist(made.id, name="slow growth", symbols=["KO", "PG"])
    assert len(api.get_watchlist_by_name("slow growth").assets) == 2
    assert api.get_watchlist(made.id).name == "slow growth"
    api.delete_watchlist(made.id)


@ledger.shows("stock bars, quotes, trades")
def stock_history() -> None:
    start = ago(30)
    minutes = TimeFrame(5, TimeFrameUnit.Minute)
    assert len(api.get_bars(["AAPL", "KO"], minutes, start)) > 8
    assert list(api.get_bars_iter("AAPL", minutes, start))
    assert len(api.get_trades("AAPL", start, limit=20)) == 20
    assert list(api.get_trades_iter("AAPL", start, limit=20))
    assert len(api.get_quotes("AAPL", start, limit=20)) == 20
    assert list(api.get_quotes_iter("AAPL", start, limit=20))
    assert not api.get_bars("AAPL", minutes, start).df.empty


@ledger.shows("stock latest, snapshots")
def stock_latest() -> None:
    assert api.get_latest_bar("AAPL").c
    assert api.get_latest_quote("AAPL").bp
    assert api.get_latest_trade("AAPL").p
    assert set(api.get_latest_bars(["AAPL", "KO"])) == {"AAPL", "KO"}
    assert set(api.get_latest_quotes(["AAPL", "KO"])) == {"AAPL", "KO"}
    assert set(api.get_latest_trades(["AAPL", "KO"])) == {"AAPL", "KO"}
    assert api.get_snapshot("AAPL").latest_trade
    assert set(api.get_snapshots(["AAPL", "KO"])) == {"AAPL", "KO"}


@ledger.shows("crypto data")
def crypto_data() -> None:
    start = ago(30)
    assert len(api.get_crypto_bars("BTC/USD", TimeFrame.Minute, start))
    assert list(api.get_crypto_bars_iter("BTC/USD", TimeFrame.Minute, start))
    assert len(api.get_crypto_trades("BTC/USD", start, limit=20))
    assert list(api.get_crypto_trades_iter("BTC/USD", start, limit=20))
    assert len(api.get_crypto_quotes("BTC/USD", start, limit=20))
    assert list(api.get_crypto_quotes_iter("BTC/USD", start, limit=20))
    assert api.get_latest_crypto_bars(["BTC/USD"])["BTC/USD"].c
    assert api.get_latest_crypto_quotes(["BTC/USD"])["BTC/USD"].bp
    assert api.get_latest_crypto_trades(["BTC/USD"])["BTC/USD"].p
    assert api.get_latest_crypto_orderbook("BTC/USD")
    assert api.get_latest_crypto_orderbooks(["BTC/USD"])["BTC/USD"]
    assert api.get_crypto_snapshot("BTC/USD")
    assert api.get_crypto_snapshots(["BTC/USD"])["BTC/USD"]


@ledger.shows("news")
def articles() -> None:
    assert api.get_news("AAPL", start=ago(60 * 24 * 30), limit=3)
    assert list(api.get_news_iter("AAPL", start=ago(60 * 24 * 30), limit=3))


def listening(
    stream_: Stream, begin: Callable[[Callable[[str], Any]], None], wanted: set[str], *, prompt: Any
) -> None:
    """Runs a stream in a thread until every wanted thing was heard."""
    heard: set[str] = set()

    def listener(name: str) -> Any:
        async def listen(message: Any) -> None:
            heard.add(name)
            if name == "updates":
                heard.add(message.event)

        return listen

    begin(listener)
    thread = threading.Thread(target=stream_.run, daemon=True)
    thread.start()
    # Its own is_open answers True before anything is.
    until(
        lambda: stream_._trading_ws._running or stream_._data_ws._running or stream_._news_ws._running,
        "a stream",
    )
    assert stream_.is_open()
    if prompt is not None:
        prompt()
    until(lambda: wanted <= heard, f"{wanted}")


@ledger.shows("order updates")
def order_updates() -> None:
    one = stream()
    listening(
        one,
        lambda listener: one.subscribe_trade_updates(listener("updates")),
        {"fill"},
        prompt=lambda: api.submit_order("WMT", qty=1),
    )
    one.stop()


@ledger.shows("stock stream")
def stock_stream() -> None:
    one = stream()

    def begin(listener: Callable[[str], Any]) -> None:
        for name in ("trades", "quotes", "bars", "daily_bars", "updated_bars", "statuses", "lulds"):
            getattr(one, f"subscribe_{name}")(listener(name), "AAPL", "KO")

    listening(one, begin, {"trades", "quotes", "bars", "daily_bars"}, prompt=None)
    for name in ("trades", "quotes", "bars", "daily_bars", "updated_bars", "statuses", "lulds"):
        getattr(one, f"unsubscribe_{name}")("AAPL", "KO")
    asyncio.run_coroutine_threadsafe(one.stop_ws(), one._data_ws._loop).result(WAIT_SECONDS)


@ledger.shows("positions, closing them")
def positions() -> None:
    api.cancel_all_orders()
    until(lambda: not api.list_orders(status="open"), "the cancels")
    assert len(api.list_positions()) > 1
    api.close_position("AAPL", qty=1)
    api.close_all_positions()


@ledger.shows("news stream")
def news_stream() -> None:
    one = stream()
    listening(one, lambda listener: one.subscribe_news(listener("news"), "*"), {"news"}, prompt=hurry)
    one.unsubscribe_news("*")
    one.stop()


if __name__ == "__main__":
    ledger.run()
