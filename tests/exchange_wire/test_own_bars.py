"""An exchange that trades the user's own bars."""

import json
from pathlib import Path

from websockets.sync.client import connect
from wire import exchange_in_thread

MINUTES = """timestamp,open,high,low,close,volume
2024-03-04T14:30:00Z,10.00,10.20,9.90,10.10,400
2024-03-04T14:31:00Z,10.10,10.40,10.00,10.30,800
2024-03-04T14:32:00Z,10.30,10.30,10.10,10.20,400
"""


def test_the_wire_serves_the_bars_of_the_folder_and_fills_at_their_prices(tmp_path: Path) -> None:
    (tmp_path / "MINE.csv").write_text(MINUTES)
    with exchange_in_thread(data=tmp_path, start="2024-03-04") as exchange:
        assert [asset["symbol"] for asset in exchange.get("/v2/assets")] == ["MINE"]
        order = exchange.submit(symbol="MINE", qty="1", side="buy", type="limit", limit_price="9.95")
        assert exchange.advance("2024-03-04T14:33:00Z")["updates"] == 1
        assert exchange.get(f"/v2/orders/{order['id']}")["status"] == "filled"
        exchange.advance_fully("2024-03-04T14:33:00Z")
        bars = exchange.get("/v2/stocks/MINE/bars", timeframe="1Min")["bars"]
        rows = [(bar["t"], bar["o"], bar["h"], bar["l"], bar["c"], bar["v"]) for bar in bars]
    assert rows == [
        ("2024-03-04T14:30:00Z", 10.0, 10.2, 9.9, 10.1, 400),
        ("2024-03-04T14:31:00Z", 10.1, 10.4, 10.0, 10.3, 800),
        ("2024-03-04T14:32:00Z", 10.3, 10.3, 10.1, 10.2, 400),
    ]


def test_without_a_start_it_begins_with_the_first_session_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "MINE.csv").write_text(MINUTES)
    with exchange_in_thread(data=tmp_path, start=None) as exchange:
        assert exchange.get("/v1/control/clock")["now"] == "2024-03-04T14:30:00Z"


def test_a_stream_for_which_the_folder_has_no_market_says_so_at_once(tmp_path: Path) -> None:
    (tmp_path / "MINE.csv").write_text(MINUTES)
    with exchange_in_thread(data=tmp_path, start=None) as exchange, connect(exchange.crypto_stream) as socket:
        assert json.loads(socket.recv()) == [{"T": "success", "msg": "connected"}]
        refusal = [{"T": "error", "code": 409, "msg": "insufficient subscription"}]
        assert json.loads(socket.recv()) == refusal
