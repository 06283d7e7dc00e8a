"""Time that stands still until a client moves it, and what clients may rely on then."""

from typing import Any

import pytest
from wire import WireExchange, exchange_in_thread, running_exchange

CLOSE = "2022-06-01T20:00:00Z"


def test_time_stands_still_until_it_is_advanced(exchange: WireExchange) -> None:
    clock = {"now": "2022-06-01T13:30:00Z", "mode": "lockstep", "speed": None, "paused": False}
    assert exchange.get("/v1/control/clock") == clock
    assert exchange.get("/v1/control/clock") == clock
    assert exchange.advance("2022-06-01T09:45:00.000000001-04:00") == {
        "now": "2022-06-01T13:45:00.000000001Z",
        "updates": 0,
    }
    assert exchange.get("/v2/clock")["timestamp"] == "2022-06-01T09:45:00.000000001-04:00"


def test_an_advance_stops_at_the_first_fill(exchange: WireExchange) -> None:
    bid = exchange.get("/v2/stocks/AAPL/quotes/latest")["quote"]["bp"]
    resting = exchange.submit(
        symbol="AAPL", qty="5", side="buy", type="limit", limit_price=f"{bid - 0.2:.2f}"
    )
    assert exchange.get(f"/v2/orders/{resting['id']}")["status"] == "new"
    stopped = exchange.advance(CLOSE)
    filled = exchange.get(f"/v2/orders/{resting['id']}")
    assert (filled["status"], filled["filled_at"]) == ("filled", stopped["now"])
    assert stopped["updates"] == 1
    assert stopped["now"] < CLOSE
    assert exchange.advance(CLOSE) == {"now": CLOSE, "updates": 0}


def test_a_day_order_that_never_fills_stops_the_advance_at_the_close(exchange: WireExchange) -> None:
    order = exchange.submit(symbol="AAPL", qty="5", side="buy", type="limit", limit_price="1")
    assert exchange.advance("2022-06-02T14:00:00Z") == {"now": CLOSE, "updates": 1}
    assert exchange.get(f"/v2/orders/{order['id']}")["status"] == "expired"


@pytest.mark.parametrize(
    "body", [{"until": "2022-06-01T13:00:00Z"}, {"until": "2040-01-01"}, {"until": "later"}, {"until": 5}, {}]
)
def test_time_goes_neither_back_nor_beyond_the_data(
    shared_exchange: WireExchange, body: dict[str, Any]
) -> None:
    before = shared_exchange.get("/v1/control/clock")
    answer = shared_exchange.request("POST", "/v1/control/advance", body)
    assert (answer.status, answer.body["code"]) == (422, 40010001)
    assert shared_exchange.get("/v1/control/clock") == before


def test_an_exchange_that_runs_freely_cannot_be_advanced() -> None:
    with exchange_in_thread(speed=1000) as exchange:
        first = exchange.get("/v1/control/clock")
        assert (first["mode"], first["speed"]) == ("free", 1000.0)
        assert exchange.request("POST", "/v1/control/advance", {"until": CLOSE}).status == 409
        assert exchange.get("/v1/control/clock")["now"] > first["now"]


def test_nothing_after_the_present_is_shown(shared_exchange: WireExchange) -> None:
    now = "2022-06-01T14:30:00Z"
    late = {"start": "2022-06-01", "end": "2022-06-30", "limit": 10_000}
    for kind, last in (("quotes", now), ("trades", now), ("bars", "2022-06-01T14:30:00Z")):
        frame = {"timeframe": "1Min"} if kind == "bars" else {}
        rows = shared_exchange.get(f"/v2/stocks/AAPL/{kind}", **frame, **late)[kind]
        assert rows[-1]["t"] == last
    (today,) = shared_exchange.get("/v2/stocks/AAPL/bars", timeframe="1Day", **late)["bars"]
    trades = shared_exchange.get("/v2/stocks/AAPL/trades", **late)["trades"]
    assert (today["h"], today["c"]) == (max(trade["p"] for trade in trades), trades[-1]["p"])
    assert today["v"] == sum(trade["s"] for trade in trades)


def test_the_same_commands_give_the_same_answers_in_any_process() -> None:
    def story(environment: dict[str, str]) -> list[Any]:
        with running_exchange(environment, requests_per_minute=0) as exchange:
            answers: list[Any] = []
            for symbol in ("AAPL", "KO", "XOM"):
                bid = exchange.get(f"/v2/stocks/{symbol}/quotes/latest")["quote"]["bp"]
                order = {
                    "symbol": symbol,
                    "qty": "5",
                    "side": "buy",
                    "type": "limit",
                    "limit_price": f"{bid:.2f}",
                }
                answers.append(exchange.submit(**order))
            while not answers or answers[-1] != {"now": CLOSE, "updates": 0}:
                answers.append(exchange.advance(CLOSE))
                answers.append(exchange.get("/v2/account"))
                answers.append(exchange.get("/v2/orders", status="all"))
                answers.append(exchange.advance(CLOSE))
            return answers

    one = story({"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"})
    other = story({"PYTHONHASHSEED": "2", "TZ": "America/Los_Angeles"})
    assert one == other


def test_free_time_stops_where_the_data_end() -> None:
    with exchange_in_thread(speed=1_000_000, start="2022-12-28T21:00:00Z") as exchange:
        while (now := exchange.get("/v1/control/clock")["now"]) != "2022-12-29T05:00:00Z":
            assert now < "2022-12-29T05:00:00Z"
        assert exchange.get("/v2/stocks/AAPL/trades/latest")["trade"]["t"] == "2022-12-28T20:59:50Z"
