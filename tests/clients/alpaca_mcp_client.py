"""alpaca-mcp-server, started over stdio as an assistant starts it: every tool that maps to a route we have."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from fastmcp.exceptions import ToolError
from ledger import WAIT_SECONDS, Ledger

# Tools of routes the exchange leaves out, and those that read Alpaca's documentation on the internet.
ELSEWHERE = {
    *("get_locates", "create_locate", "get_locate", "get_locate_quotes", "get_fixed_income_latest_quotes"),
    *("search_alpaca_docs", "fetch_alpaca_doc", "search_alpaca_api_specs", "list_alpaca_api_endpoints"),
    "get_alpaca_endpoint_docs",
}
RECIPE = Path(__file__).parent / "recipes" / "alpaca_mcp.py"

ledger = Ledger("alpaca-mcp-server", version("alpaca-mcp-server"))
loop = asyncio.new_event_loop()
client = Client(StdioTransport(sys.executable, [str(RECIPE)], env=dict(os.environ)))
called: set[str] = set()


async def ask(tool: str, **arguments: Any) -> Any:
    """What a tool answers, out of its envelope."""
    answer = await client.call_tool(tool, arguments)
    called.add(tool)
    content = answer.structured_content or {}
    found = next(
        (value for name, value in content.items() if not name.startswith("_") and name != "security"), content
    )
    if isinstance(found, dict) and "error" in found:
        raise AssertionError(f"{tool}: {found['error']}")
    return found["result"] if isinstance(found, dict) and set(found) == {"result"} else found


async def until(question: Callable[[], Coroutine[Any, Any, Any]], what: str) -> Any:
    for _ in range(int(WAIT_SECONDS / 0.1)):
        found = await question()
        if found:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"waited in vain for {what}")


def shows(capability: str) -> Callable[[Callable[[], Coroutine[Any, Any, None]]], None]:
    def keep(step: Callable[[], Coroutine[Any, Any, None]]) -> None:
        def whole() -> None:
            loop.run_until_complete(step())

        whole.__name__ = step.__name__
        ledger.shows(capability)(whole)

    return keep


async def now() -> datetime:
    return datetime.fromisoformat((await ask("get_clock"))["timestamp"][:19] + "-04:00")


async def status(order: str) -> str:
    return str((await ask("get_order_by_id", order_id=order))["status"])


@shows("account")
async def account() -> None:
    assert float((await ask("get_account_info"))["cash"]) > 0


@shows("account configurations")
async def configurations() -> None:
    await ask("get_account_config")
    assert (await ask("update_account_config", no_shorting=True))["no_shorting"] is True
    assert (await ask("update_account_config", no_shorting=False))["no_shorting"] is False


@shows("orders: market, limit, stop")
async def plain_orders() -> None:
    bought = await ask("place_stock_order", symbol="AAPL", side="buy", qty="10")

    async def done() -> bool:
        return await status(bought["id"]) == "filled"

    await until(done, "a fill")
    await ask(
        "place_stock_order", symbol="KO", side="buy", qty="1", type="limit", limit_price="40",
        client_order_id="of-my-own",
    )  # fmt: skip
    await ask(
        "place_stock_order",
        symbol="AAPL",
        side="sell",
        qty="1",
        type="stop",
        stop_price="90",
        time_in_force="gtc",
    )


@shows("orders: trailing stop")
async def trailing() -> None:
    await ask(
        "place_stock_order", symbol="AAPL", side="sell", qty="1", type="trailing_stop", trail_percent="5"
    )


@shows("orders: bracket, OCO, OTO")
async def bracket() -> None:
    made = await ask(
        "place_stock_order", symbol="PEP", side="buy", qty="1", order_class="bracket", time_in_force="day",
        take_profit_limit_price="400", stop_loss_stop_price="60",
    )  # fmt: skip
    assert len(made["legs"]) == 2


@shows("orders: fractional")
async def fractional() -> None:
    await ask("place_stock_order", symbol="MSFT", side="buy", notional="150.5", time_in_force="day")


@shows("orders: extended hours, opg, cls, ioc, fok")
async def special_times() -> None:
    await ask(
        "place_stock_order",
        symbol="KO",
        side="buy",
        qty="1",
        type="limit",
        limit_price="40",
        extended_hours=True,
    )
    await ask("place_stock_order", symbol="JNJ", side="buy", qty="1", time_in_force="cls")


@shows("orders: found, listed, paged")
async def listed() -> None:
    assert (await ask("get_order_by_client_id", client_order_id="of-my-own"))["symbol"] == "KO"
    assert len(await ask("get_orders", status="all", limit=2, nested=True)) == 2


@shows("orders: replace, cancel")
async def changed() -> None:
    found = await ask("get_order_by_client_id", client_order_id="of-my-own")
    other = await ask("replace_order_by_id", order_id=found["id"], limit_price="40.5")
    assert other["replaces"] == found["id"]
    await ask("cancel_order_by_id", order_id=other["id"])


@shows("orders: crypto")
async def coins() -> None:
    await ask("place_crypto_order", symbol="BTC/USD", side="buy", qty="0.05")


@shows("option contracts")
async def contracts() -> None:
    symbol = (await chain())[0]["symbol"]
    assert (await ask("get_option_contract", symbol_or_id=symbol))["symbol"] == symbol


async def chain() -> list[dict[str, Any]]:
    found = await ask("get_option_contracts", underlying_symbols="AAPL", type="call", limit=20)
    return list(found["option_contracts"])


@shows("orders: options, multi-leg")
async def option_orders() -> None:
    contracts = await chain()
    same = [one for one in contracts if one["expiration_date"] == contracts[-1]["expiration_date"]]
    await ask("place_option_order", symbol=same[0]["symbol"], side="buy", qty="2", type="market")
    legs = [
        {"symbol": same[0]["symbol"], "ratio_qty": "1", "side": "buy", "position_intent": "buy_to_open"},
        {"symbol": same[-1]["symbol"], "ratio_qty": "1", "side": "sell", "position_intent": "sell_to_open"},
    ]
    await ask("place_option_order", qty="1", type="market", order_class="mleg", legs=legs)


@shows("option exercise")
async def exercised() -> None:
    async def held() -> list[str]:
        positions = await ask("get_all_positions")
        return [
            one["symbol"] for one in positions if one["asset_class"] == "us_option" and one["side"] == "long"
        ]

    symbol = (await until(held, "an option"))[0]
    await ask("do_not_exercise_options_position", symbol_or_contract_id=symbol)
    await ask("exercise_options_position", symbol_or_contract_id=symbol)


@shows("refusals with code and text")
async def refused() -> None:
    try:
        text = str(await ask("place_stock_order", symbol="AAPL", side="buy", qty="10000000"))
    except (ToolError, AssertionError) as error:
        text = str(error)
    assert "40310000" in text or "insufficient buying power" in text, text


@shows("activities")
async def activities() -> None:
    assert await ask("get_account_activities", activity_types=["FILL"], page_size=2)
    assert await ask("get_account_activities_by_type", activity_type="FILL", page_size=2)


@shows("portfolio history")
async def portfolio_history() -> None:
    assert (await ask("get_portfolio_history", period="1W", timeframe="1H"))["timestamp"]


@shows("assets")
async def assets() -> None:
    assert len(await ask("get_all_assets", asset_class="us_equity", status="active")) > 10
    assert (await ask("get_asset", symbol_or_asset_id="AAPL"))["tradable"]


@shows("clock, calendar")
async def clock() -> None:
    assert (await ask("get_clock"))["is_open"]
    assert len(await ask("get_calendar", start="2022-06-01", end="2022-06-08")) == 6


@shows("watchlists")
async def watchlists() -> None:
    made = await ask("create_watchlist", name="growth", symbols=["AAPL", "MSFT"])
    place = {"watchlist_id": made["id"]}
    assert await ask("get_watchlists")
    assert len((await ask("add_asset_to_watchlist_by_id", symbol="KO", **place))["assets"]) == 3
    assert len((await ask("remove_asset_from_watchlist_by_id", symbol="AAPL", **place))["assets"]) == 2
    await ask("update_watchlist_by_id", name="slow growth", symbols=["KO"], **place)
    assert (await ask("get_watchlist_by_id", **place))["name"] == "slow growth"
    await ask("delete_watchlist_by_id", **place)


@shows("corporate actions")
async def corporate_actions() -> None:
    day = (await now()).date()
    span = {"since": str(day - timedelta(days=40)), "until": str(day + timedelta(days=40))}
    found = await ask("get_corporate_action_announcements", ca_types="dividend,split", **span)
    await ask("get_corporate_action_announcement", id=found[0]["id"])
    assert await ask("get_corporate_actions", start=span["since"], end=span["until"])


@shows("stock bars, quotes, trades")
async def stock_history() -> None:
    window = {"symbols": "AAPL,KO", "start": (await now() - timedelta(minutes=30)).isoformat(), "limit": 20}
    assert (await ask("get_stock_bars", timeframe="5Min", **window))["bars"]
    assert (await ask("get_stock_quotes", **window))["quotes"]
    assert (await ask("get_stock_trades", **window))["trades"]


@shows("stock latest, snapshots")
async def stock_latest() -> None:
    for kind in ("bar", "quote", "trade"):
        assert "AAPL" in (await ask(f"get_stock_latest_{kind}", symbols="AAPL,KO"))[f"{kind}s"]
    assert "AAPL" in await ask("get_stock_snapshot", symbols="AAPL,KO")


@shows("crypto data")
async def crypto_data() -> None:
    wanted = {"loc": "us", "symbols": "BTC/USD"}
    for kind in ("bar", "quote", "trade", "orderbook"):
        assert "BTC/USD" in (await ask(f"get_crypto_latest_{kind}", **wanted))[f"{kind}s"]
    assert (await ask("get_crypto_snapshot", **wanted))["snapshots"]
    window = {"symbols": "BTC/USD", "start": (await now() - timedelta(minutes=30)).isoformat(), "limit": 20}
    for kind in ("bars", "quotes", "trades"):
        assert await ask(f"get_crypto_{kind}", **window)


@shows("option data")
async def option_data() -> None:
    symbol = (await chain())[0]["symbol"]
    assert (await ask("get_option_chain", underlying_symbol="AAPL", limit=5))["snapshots"]
    assert await ask("get_option_exchange_codes")
    assert (await ask("get_option_latest_quote", symbols=symbol))["quotes"]
    assert "trades" in await ask("get_option_latest_trade", symbols=symbol)
    assert (await ask("get_option_snapshot", symbols=symbol))["snapshots"]
    start = (await now() - timedelta(days=1)).isoformat()
    assert "bars" in await ask("get_option_bars", symbols=symbol, timeframe="1Min", start=start, limit=20)
    assert "trades" in await ask("get_option_trades", symbols=symbol, start=start, limit=20)


@shows("news")
async def articles() -> None:
    assert (await ask("get_news", symbols="AAPL", limit=3))["news"]


@shows("screener")
async def screened() -> None:
    assert (await ask("get_market_movers", market_type="stocks", top=3))["gainers"]
    assert len((await ask("get_most_active_stocks", by="volume", top=3))["most_actives"]) == 3


@shows("positions, closing them")
async def positions() -> None:
    await ask("cancel_all_orders")

    async def none() -> bool:
        return not await ask("get_orders", status="open")

    await until(none, "the cancels")
    assert (await ask("get_open_position", symbol_or_asset_id="AAPL"))["symbol"] == "AAPL"
    await ask("close_position", symbol_or_asset_id="AAPL", percentage="50")
    await ask("close_all_positions", cancel_orders=True)


async def begin() -> set[str]:
    await client.__aenter__()
    return {tool.name for tool in await client.list_tools()}


if __name__ == "__main__":
    known = loop.run_until_complete(begin())
    ledger.run(lambda: sorted(known - ELSEWHERE - called))
