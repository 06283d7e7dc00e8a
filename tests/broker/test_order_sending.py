"""An order is sent once, and what came of it is refused, not accepted, reported or unknown: never guessed."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.broker.alpaca_rows import ORDER_ID, order_row
from tests.broker.speaking_broker import (
    SpeakingBroker,
    answer,
    cut_short,
    drip,
    hang_up,
    refusal,
    stay_silent,
)
from the_alchemiser.broker import AlpacaManager, RateBudget
from the_alchemiser.broker.ratebudget import Lane
from the_alchemiser.domain.departure import unless
from the_alchemiser.domain.errors import (
    BrokerBusy,
    BrokerRefused,
    BrokerUnauthorized,
    LeaseLost,
    OutcomeUnknown,
    TooLate,
)
from the_alchemiser.domain.money import Side
from the_alchemiser.domain.orders import OrderRequest, OrderStatus, OrderType, TimeInForce

REQUEST = OrderRequest("alc-1", "AAPL", Side.BUY, Decimal(10), OrderType.LIMIT, limit_price=Decimal("150.25"))


@pytest.mark.spec("S0-05", "S0-07")
def test_an_order_goes_out_as_exact_text_and_comes_back_as_a_report(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    broker.script = [answer(order_row())]
    report = manager.place_order(REQUEST)
    [heard] = broker.heard
    assert (heard.method, heard.path) == ("POST", "/v2/orders")
    assert heard.json == {
        "symbol": "AAPL",
        "qty": "10",
        "side": "buy",
        "type": "limit",
        "time_in_force": "day",
        "client_order_id": "alc-1",
        "limit_price": "150.25",
    }
    assert (report.client_order_id, report.broker_order_id) == ("alc-1", ORDER_ID)
    assert (report.status, report.shares, report.filled) == (OrderStatus.ACCEPTED, 10, 0)
    assert report.at == 1767366000_123456789


def test_a_bracket_travels_with_both_its_exits(broker: SpeakingBroker, manager: AlpacaManager) -> None:
    broker.script = [answer(order_row())]
    manager.place_order(
        OrderRequest(
            "alc-1",
            "AAPL",
            Side.BUY,
            Decimal(10),
            time_in_force=TimeInForce.GTC,
            take_profit_price=Decimal(160),
            stop_loss_price=Decimal("140.5"),
        )
    )
    body = broker.heard[0].json
    assert body["order_class"] == "bracket"
    assert body["take_profit"] == {"limit_price": "160"}
    assert body["stop_loss"] == {"stop_price": "140.5"}


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(refusal(500, 50010000, "internal server error occurred"), id="500"),
        pytest.param(answer(raw=b"<html>bad gateway</html>", status=502), id="502 as a page"),
        pytest.param(refusal(503, 50310000, "service unavailable"), id="503"),
        pytest.param(answer(raw=b"", status=504), id="504"),
        pytest.param(hang_up, id="reset"),
        pytest.param(answer(raw=b"<html>all fine</html>"), id="a page instead of JSON"),
        pytest.param(answer(None), id="an empty answer"),
        pytest.param(answer([1, 2]), id="a list"),
        pytest.param(answer({"id": 7}), id="fields of other types"),
        pytest.param(cut_short(b'HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{"id":'), id="cut short"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n{", id="a body of 100 MB"),
        pytest.param(b"garbage\r\n\r\n", id="not HTTP"),
        pytest.param(
            answer(order_row(), headers={"Content-Encoding": "gzip"}), id="an encoding nobody asked for"
        ),
        pytest.param(answer(raw=b"[" * 100_000), id="nested without end"),
        pytest.param(answer(order_row(client_order_id="alc-2")), id="the answer to another order"),
        pytest.param(answer(order_row(side="sell")), id="the other side"),
        pytest.param(answer(order_row(qty="100")), id="another quantity"),
        pytest.param(
            answer(raw=b"", status=307, headers={"Location": "http://127.0.0.1:1/"}), id="a redirect"
        ),
    ],
)
@pytest.mark.spec("S0-14", "S2-08", "S4-14", "C1")
def test_without_a_clear_answer_the_outcome_is_unknown_and_nothing_is_sent_again(
    broker: SpeakingBroker, manager: AlpacaManager, waits: list[float], said: bytes
) -> None:
    broker.script = [said]
    with pytest.raises(OutcomeUnknown):
        manager.place_order(REQUEST)
    assert len(broker.heard) == 1
    assert waits == []


CHUNK = b"40000\r\n" + b" " * 0x40000 + b"\r\n"


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNK * 5,
        b"HTTP/1.1 200 OK\r\n\r\n" + CHUNK * 5,
    ],
    ids=["by its own word", "in chunks", "until the end"],
)
def test_an_answer_to_an_order_is_never_longer_than_a_megabyte(
    broker: SpeakingBroker, manager: AlpacaManager, said: bytes
) -> None:
    broker.script = [said]
    with pytest.raises(OutcomeUnknown, match="longer than 1048576 bytes"):
        manager.place_order(REQUEST)


@pytest.mark.parametrize("said", [stay_silent, drip], ids=["silence", "one byte at a time"])
def test_a_call_ends_by_its_deadline_however_the_broker_stalls(
    broker: SpeakingBroker, manager_of: Callable[..., AlpacaManager], said: Callable[..., None]
) -> None:
    broker.script = [said]
    started = time.monotonic()
    with pytest.raises(OutcomeUnknown, match=r"no answer within 0\.3 s"):
        manager_of(broker.url, call_seconds=0.3).place_order(REQUEST)
    assert 0.3 <= time.monotonic() - started < 10
    assert len(broker.heard) == 1


def test_an_order_lost_on_an_old_connection_is_not_sent_on_a_new_one(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    broker.script = [answer(order_row()), hang_up]
    manager.place_order(REQUEST)
    with pytest.raises(OutcomeUnknown):
        manager.place_order(REQUEST)
    assert len(broker.heard) == 2


def test_a_rate_limited_order_was_certainly_not_accepted(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    broker.script = [
        refusal(429, 42910000, "rate limit exceeded", **{"Retry-After": "7", "X-Request-ID": "abc"})
    ]
    with pytest.raises(BrokerBusy) as caught:
        manager.place_order(REQUEST)
    assert caught.value.retry_after_seconds == 7
    assert caught.value.request_id == "abc"
    assert len(broker.heard) == 1


def test_an_order_that_reached_nobody_was_certainly_not_accepted(
    manager_of: Callable[..., AlpacaManager],
) -> None:
    gone = SpeakingBroker()
    gone.close()
    with pytest.raises(BrokerBusy, match="not sent"):
        manager_of(gone.url).place_order(REQUEST)


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (403, 40310000, "insufficient buying power"),
        (404, 40410000, "order not found"),
        (422, 42210000, "market is closed"),
        (400, 40010000, "request body format is invalid"),
    ],
)
@pytest.mark.spec("S0-14")
def test_a_refusal_keeps_status_code_words_and_request_id(
    broker: SpeakingBroker, manager: AlpacaManager, waits: list[float], status: int, code: int, text: str
) -> None:
    broker.script = [refusal(status, code, text, **{"X-Request-ID": "req-77"})]
    with pytest.raises(BrokerRefused, match=text) as caught:
        manager.place_order(REQUEST)
    assert (caught.value.status, caught.value.code, caught.value.request_id) == (status, code, "req-77")
    assert (len(broker.heard), waits) == (1, [])


@pytest.mark.parametrize(
    "said",
    [
        refusal(401, 0, "unauthorized."),
        answer(raw=b"<html><h1>401 Authorization Required</h1></html>", status=401),
        refusal(403, 0, "forbidden."),
        refusal(403, 40110000, "request is not authorized"),
    ],
    ids=["401", "401 as a page", "403 forbidden", "403 with the code of 401"],
)
@pytest.mark.spec("S0-14", "S2-08", "S4-14")
def test_refused_keys_are_told_apart_from_refused_orders(
    broker: SpeakingBroker, manager: AlpacaManager, said: bytes
) -> None:
    broker.script = [said]
    with pytest.raises(BrokerUnauthorized):
        manager.place_order(REQUEST)
    assert len(broker.heard) == 1


def test_an_id_the_broker_knows_means_the_order_arrived_earlier(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    broker.routes["GET /v2/orders:by_client_order_id"] = answer(order_row(status="filled", filled_qty="10"))
    broker.script = [refusal(422, 40010001, "client_order_id must be unique")]
    report = manager.place_order(REQUEST)
    assert (report.status, report.filled) == (OrderStatus.FILLED, 10)
    assert [heard.method for heard in broker.heard] == ["POST", "GET"]
    assert broker.heard[1].query == {"client_order_id": "alc-1"}


@pytest.mark.parametrize(
    "lookup",
    [
        refusal(404, 40410000, "order not found"),
        refusal(403, 40310000, "no"),
        answer(order_row(symbol="MSFT")),
    ],
    ids=["not found", "refused", "of another order"],
)
def test_a_known_id_that_cannot_be_read_stays_unknown(
    broker: SpeakingBroker, manager: AlpacaManager, lookup: bytes
) -> None:
    broker.routes["GET /v2/orders:by_client_order_id"] = lookup
    broker.script = [refusal(422, 40010001, "client_order_id must be unique")]
    with pytest.raises(OutcomeUnknown):
        manager.place_order(REQUEST)


@pytest.mark.parametrize(
    "changes",
    [
        {"shares": Decimal(0)},
        {"shares": Decimal(-1)},
        {"shares": Decimal("0.0000000001")},
        {"shares": Decimal("0.5"), "time_in_force": TimeInForce.GTC},
        {"shares": Decimal("0.5"), "take_profit_price": Decimal(200), "stop_loss_price": Decimal(100)},
        {"limit_price": Decimal("150.255")},
        {"limit_price": Decimal("0.12345")},
        {"limit_price": Decimal(0)},
        {"limit_price": None},
        {"type": OrderType.MARKET},
        {"type": OrderType.STOP_LIMIT},
        {"stop_price": Decimal(140)},
        {"stop_loss_price": Decimal(140)},
        {"take_profit_price": Decimal(140), "stop_loss_price": Decimal(160)},
        {"client_order_id": ""},
        {"client_order_id": "x" * 129},
        {"symbol": ""},
    ],
    ids=str,
)
@pytest.mark.spec("S0-07")
def test_an_order_that_cannot_be_accepted_is_never_sent(
    broker: SpeakingBroker, manager: AlpacaManager, changes: dict[str, object]
) -> None:
    import msgspec

    with pytest.raises(BrokerRefused):
        manager.place_order(msgspec.structs.replace(REQUEST, **changes))
    assert broker.heard == []


@pytest.mark.spec("S0-07")
def test_a_replacement_names_the_new_order_and_reports_it(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    new_id = "00000000-0000-4000-8000-000000000002"
    broker.script = [
        answer(order_row(id=new_id, client_order_id="alc-2", replaces=ORDER_ID, status="accepted"))
    ]
    report = manager.replace_order(ORDER_ID, "alc-2", limit_price=Decimal("151.10"))
    [heard] = broker.heard
    assert (heard.method, heard.path) == ("PATCH", f"/v2/orders/{ORDER_ID}")
    assert heard.json == {"client_order_id": "alc-2", "limit_price": "151.1"}
    assert (report.broker_order_id, report.client_order_id) == (new_id, "alc-2")


def test_the_answer_to_another_replacement_is_unknown(broker: SpeakingBroker, manager: AlpacaManager) -> None:
    broker.script = [answer(order_row(client_order_id="alc-2", replaces="another"))]
    with pytest.raises(OutcomeUnknown):
        manager.replace_order(ORDER_ID, "alc-2", shares=Decimal(12))


@pytest.mark.spec("S0-05", "S4-12")
def test_a_cancellation_is_asked_for_once(broker: SpeakingBroker, manager: AlpacaManager) -> None:
    broker.script = [answer(None, 204), refusal(503, 50310000, "service unavailable"), hang_up]
    manager.cancel_order(ORDER_ID)
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            manager.cancel_order(ORDER_ID)
    assert [(heard.method, heard.path) for heard in broker.heard] == [
        ("DELETE", f"/v2/orders/{ORDER_ID}")
    ] * 3


def test_cancelling_an_ended_order_is_refused(broker: SpeakingBroker, manager: AlpacaManager) -> None:
    broker.script = [refusal(422, 42210000, 'order is already in "filled" state')]
    with pytest.raises(BrokerRefused, match="already in"):
        manager.cancel_order(ORDER_ID)


@pytest.mark.spec("S4-13")
def test_closing_everything_tells_each_outcome_for_itself(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    refused = {"code": 40310000, "message": "insufficient qty available for order"}
    broker.script = [
        answer(
            [
                {"symbol": "AAPL", "status": 200, "body": order_row(side="sell")},
                {"symbol": "MSFT", "status": 403, "body": refused},
            ],
            207,
        )
    ]
    apple, microsoft = manager.close_all_positions()
    assert broker.heard[0].query == {"cancel_orders": "true"}
    assert (apple.subject, apple.is_accepted, apple.report and apple.report.side) == ("AAPL", True, Side.SELL)
    assert (microsoft.subject, microsoft.is_accepted, microsoft.report) == ("MSFT", False, None)
    assert "insufficient qty" in microsoft.reason


@pytest.mark.spec("S4-13")
def test_closing_one_position_reports_the_closing_order(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    broker.script = [answer(order_row(symbol="BTC/USD", side="sell"))]
    assert manager.close_position("BTC/USD").side is Side.SELL
    assert (broker.heard[0].method, broker.heard[0].target) == ("DELETE", "/v2/positions/BTC%2FUSD")


@pytest.mark.parametrize("item", [{"id": "a"}, {"id": "a", "status": "soon"}, "a", None])
def test_an_outcome_that_cannot_be_read_is_no_success_and_hides_no_other(
    broker: SpeakingBroker, manager: AlpacaManager, item: object
) -> None:
    broker.script = [answer([item, {"id": "b", "status": 200}], 207)]
    unread, read = manager.cancel_all_orders()
    assert (unread.is_accepted, unread.reason) == (False, "its outcome cannot be read")
    assert (read.subject, read.is_accepted) == ("b", True)


@pytest.mark.parametrize("body", [{}, {"message": "ok"}, None])
def test_an_answer_that_names_no_orders_is_no_cancellation_of_all(
    broker: SpeakingBroker, manager: AlpacaManager, body: object
) -> None:
    broker.script = [answer(body, 207)]
    with pytest.raises(OutcomeUnknown):
        manager.cancel_all_orders()


def test_cancelling_everything_tells_each_outcome_for_itself(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    broker.script = [
        answer([{"id": "a", "status": 200}, {"id": "b", "status": 500, "body": {"message": "no"}}], 207)
    ]
    assert [(item.subject, item.is_accepted) for item in manager.cancel_all_orders()] == [
        ("a", True),
        ("b", False),
    ]


@pytest.mark.parametrize("reason", [TooLate("the session is over"), LeaseLost("taken by another engine")])
def test_an_order_that_nobody_may_send_any_more_after_its_wait_does_not_leave(
    broker: SpeakingBroker, manager_of: Callable[..., AlpacaManager], reason: Exception
) -> None:
    waited = []

    class Crowded(RateBudget):
        def acquire(self, lane: Lane) -> None:
            waited.append(lane)

    def object_after_the_wait() -> None:
        if waited:
            raise reason

    manager = manager_of(broker.url, trading_budget=Crowded())
    with unless(object_after_the_wait), pytest.raises(type(reason)):
        manager.place_order(REQUEST)
    with unless(object_after_the_wait), pytest.raises(type(reason)):
        manager.cancel_order(ORDER_ID)
    assert broker.heard == []
    assert waited == [Lane.ENTRY, Lane.SAFETY]
