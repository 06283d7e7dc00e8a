import os

rest = os.environ.get("EXCHANGE_REST", "http://127.0.0.1:8900")
os.environ["APCA_API_BASE_URL"] = rest
os.environ["APCA_API_DATA_URL"] = rest
os.environ["APCA_API_STREAM_URL"] = rest  # any client that reads these variables needs no more

from alpaca_trade_api import REST, Stream

keys = (os.environ["EXCHANGE_KEY"], os.environ["EXCHANGE_SECRET"])
api = REST(*keys)


def stream():
    return Stream(*keys, data_feed="iex")
