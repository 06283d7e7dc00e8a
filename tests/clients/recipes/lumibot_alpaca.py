"""Lumibot has no address to set. Import this before its broker is built: alpaca-py's addresses are the exchange's."""

import importlib
import os
from enum import StrEnum

rest = os.environ.get("EXCHANGE_REST", "http://127.0.0.1:8900")
web = rest.replace("http", "ws", 1)


class BaseURL(StrEnum):
    TRADING_PAPER = TRADING_LIVE = DATA = DATA_SANDBOX = rest
    TRADING_STREAM_PAPER = TRADING_STREAM_LIVE = f"{web}/stream"
    MARKET_DATA_STREAM = OPTION_DATA_STREAM = CRYPTO_DATA_STREAM = web


for module in (
    *("trading.client", "trading.stream", "data.live.stock", "data.live.crypto", "data.live.option"),
    *(
        f"data.historical.{kind}"
        for kind in ("stock", "crypto", "option", "news", "screener", "corporate_actions")
    ),
):
    importlib.import_module(f"alpaca.{module}").BaseURL = BaseURL

# Lumibot asks the computer's clock whether the market is open: "24/7" leaves that to the strategy.
ALPACA_CONFIG = {
    "API_KEY": os.environ["EXCHANGE_KEY"],
    "API_SECRET": os.environ["EXCHANGE_SECRET"],
    "PAPER": True,
    "MARKET": "24/7",
}
