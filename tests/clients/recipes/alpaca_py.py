import os

from alpaca.data.historical import (
    CryptoHistoricalDataClient,
    OptionHistoricalDataClient,
    StockHistoricalDataClient,
)
from alpaca.data.live import CryptoDataStream, OptionDataStream, StockDataStream
from alpaca.trading.client import TradingClient
from alpaca.trading.stream import TradingStream

rest = os.environ.get("EXCHANGE_REST", "http://127.0.0.1:8900")
web = rest.replace("http", "ws", 1)
keys = (os.environ["EXCHANGE_KEY"], os.environ["EXCHANGE_SECRET"])

trading = TradingClient(*keys, url_override=rest)
stocks = StockHistoricalDataClient(*keys, url_override=rest)
crypto = CryptoHistoricalDataClient(*keys, url_override=rest)
options = OptionHistoricalDataClient(*keys, url_override=rest)


def streams():
    """The whole address: alpaca-py appends nothing to it."""
    return {
        "updates": TradingStream(*keys, url_override=f"{web}/stream"),
        "stocks": StockDataStream(*keys, url_override=f"{web}/v2/iex"),
        "crypto": CryptoDataStream(*keys, url_override=f"{web}/v1beta3/crypto/us"),
        "options": OptionDataStream(*keys, url_override=f"{web}/v1beta1/indicative"),
    }
