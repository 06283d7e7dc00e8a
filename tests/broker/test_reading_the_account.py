"""Reads are complete and exact, are repeated when that can help, and fail rather than invent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.broker.alpaca_rows import ACCOUNT_ROW, ORDER_ID, POSITION_ROW, fill_row, order_row
from tests.broker.speaking_broker import (
    Answer,
    Heard,
    SpeakingBroker,
    answer,
    cut_short,
    hang_up,
    refusal,
    stay_silent,
)
from the_alchemiser.broker import AlpacaManager, alpaca_retry_context
from the_alchemiser.domain.errors import BrokerError, BrokerRefused, BrokerUnauthorized, BrokerUnavailable
from the_alchemiser.domain.instants import parse_rfc3339
from the_alchemiser.domain.money import Side
from the_alchemiser.domain.orders import Kin, OrderStatus


@pytest.mark.spec("S0-05", "S0-08", "S4-07")
def test_the_account_is_read_exactly(broker: SpeakingBroker, manager: AlpacaManager) -> None:
    broker.script = [answer(ACCOUNT_ROW)]
    account = manager.get_account()
    assert (account.number, account.cash, account.equity) == (
        "PA3TESTNUMBER",
        Decimal("100000.12"),
        Decimal("123456.78"),
    )
    assert not account.is_blocked
    assert manager.get_buying_power() == Decimal("200000.24")


@pytest.mark.parametrize(
    "change",
    [
        {"trading_blocked": True},
        {"account_blocked": True},
        {"trade_suspended_by_user": True},
        {"status": "REJECTED"},
    ],
)
def test_a_blocked_account_is_seen_as_such(
    broker: SpeakingBroker, manager: AlpacaManager, change: dict[str, Any]
) -> None:
    broker.script = [answer(ACCOUNT_ROW | change)]
    assert manager.get_account().is_blocked


def test_an_account_without_its_cash_is_no_account(broker: SpeakingBroker, manager: AlpacaManager) -> None:
    broker.script = [answer({name: value for name, value in ACCOUNT_ROW.items() if name != "cash"})]
    with pytest.raises(BrokerUnavailable, match="no cash"):
        manager.get_account()


@pytest.mark.spec("S0-08", "S4-07")
def test_positions_keep_their_sign(broker: SpeakingBroker, manager: AlpacaManager) -> None:
    short = POSITION_ROW | {"symbol": "MSFT", "qty": "7", "side": "short", "current_price": None}
    broker.script = [answer([POSITION_ROW, short])]
    apple, microsoft = manager.get_positions()
    assert (apple.shares, apple.price, apple.cost) == (10, Decimal("151.5"), Decimal("1502.5"))
    assert (microsoft.shares, microsoft.price) == (-7, 0)


@pytest.mark.parametrize(
    "said", [answer(None), answer({}), answer("none")], ids=["nothing", "an object", "a text"]
)
def test_only_an_empty_list_means_a_flat_account(
    broker: SpeakingBroker, manager: AlpacaManager, said: bytes
) -> None:
    broker.script = [said]
    with pytest.raises(BrokerUnavailable):
        manager.get_positions()
    broker.script = [answer([])]
    assert manager.get_positions() == []


@pytest.mark.spec("S0-08", "S4-07")
def test_one_position_may_be_asked_for(broker: SpeakingBroker, manager: AlpacaManager) -> None:
    broker.script = [answer(POSITION_ROW), refusal(404, 40410000, "position does not exist")]
    held = manager.get_position("AAPL")
    assert held is not None
    assert held.shares == 10
    assert manager.get_position("MSFT") is None


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(refusal(429, 42910000, "rate limit exceeded"), id="429"),
        pytest.param(refusal(500, 50010000, "internal server error occurred"), id="500"),
        pytest.param(answer(raw=b"<html>bad gateway</html>", status=502), id="502"),
        pytest.param(refusal(503, 50310000, "service unavailable"), id="503"),
        pytest.param(answer(raw=b"", status=504), id="504"),
        pytest.param(hang_up, id="reset"),
        pytest.param(cut_short(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n["), id="cut short"),
        pytest.param(answer(raw=b"<html>"), id="a page"),
        pytest.param(stay_silent, id="silence"),
    ],
)
@pytest.mark.spec("S0-12", "S0-13", "S0-30", "S1-03", "S2-06", "S4-15", "C1")
def test_a_read_that_fails_once_is_tried_again_once(
    broker: SpeakingBroker, manager_of: Callable[..., AlpacaManager], waits: list[float], trouble: Answer
) -> None:
    broker.script = [trouble, answer([])]
    assert manager_of(broker.url, call_seconds=0.5).get_positions() == []
    assert len(broker.heard) == 2
    assert waits == [1.125]


@pytest.mark.spec("S0-13", "C1")
def test_a_read_is_given_up_after_three_retries_of_growing_waits(
    broker: SpeakingBroker, manager: AlpacaManager, waits: list[float]
) -> None:
    broker.script = [refusal(503, 50310000, "service unavailable")]
    with pytest.raises(BrokerUnavailable, match="service unavailable"):
        manager.get_positions()
    assert len(broker.heard) == 4
    assert waits == [1.125, 2.25, 4.5]


@pytest.mark.spec("S0-16", "S2-08")
def test_a_rate_limit_is_waited_out_as_long_as_the_broker_asks_within_a_minute(
    broker: SpeakingBroker, manager: AlpacaManager, waits: list[float]
) -> None:
    def limited(seconds: str) -> bytes:
        return refusal(429, 42910000, "rate limit exceeded", **{"Retry-After": seconds})

    broker.script = [limited("9"), limited("99999"), answer([])]
    manager.get_positions()
    assert waits == [9.0, 60.0]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (refusal(401, 0, "unauthorized."), BrokerUnauthorized),
        (refusal(403, 40310000, "no"), BrokerRefused),
        (refusal(404, 40410000, "no"), BrokerRefused),
        (refusal(422, 40010001, "no"), BrokerRefused),
    ],
    ids=["401", "403", "404", "422"],
)
@pytest.mark.spec("S0-14", "S2-08", "S4-14")
def test_a_permanent_refusal_is_not_tried_again(
    broker: SpeakingBroker, manager: AlpacaManager, waits: list[float], said: bytes, kind: type[BrokerError]
) -> None:
    broker.script = [said]
    with pytest.raises(kind, match="read positions"):
        manager.get_positions()
    assert (len(broker.heard), waits) == (1, [])


@pytest.mark.spec("S0-11")
def test_the_retry_context_decides_how_often_and_names_what_failed(
    broker: SpeakingBroker, manager: AlpacaManager, waits: list[float]
) -> None:
    broker.script = [refusal(503, 50310000, "service unavailable")]
    with (
        pytest.raises(BrokerUnavailable, match="Fetch positions: service unavailable"),
        alpaca_retry_context(max_retries=1, operation_name="Fetch positions"),
    ):
        manager._clients.trading.get_all_positions()
    assert len(broker.heard) == 2


def test_a_redirect_is_refused_and_the_keys_go_nowhere(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    elsewhere = SpeakingBroker(script=[answer([])])
    broker.script = [answer(None, 302, headers={"Location": f"{elsewhere.url}/v2/positions"})]
    with pytest.raises(BrokerRefused, match="redirects elsewhere"):
        manager.get_positions()
    elsewhere.close()
    assert elsewhere.heard == []


def test_an_idle_connection_the_broker_closed_costs_a_read_nothing(
    broker: SpeakingBroker, manager: AlpacaManager, waits: list[float]
) -> None:
    broker.script = [cut_short(answer([])), answer([])]
    manager.get_positions()
    manager.get_positions()
    assert waits == []


@pytest.mark.spec("S0-05", "S4-12")
def test_an_order_is_found_by_our_own_id_or_not_at_all(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    broker.script = [answer(order_row(status="canceled")), refusal(404, 40410000, "order not found")]
    found = manager.get_order_by_client_id("alc-1")
    assert found is not None
    assert found.status is OrderStatus.CANCELED
    assert manager.get_order_by_client_id("alc-1") is None


def test_a_lookup_answered_by_another_order_is_no_answer(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    broker.script = [answer(order_row(client_order_id="alc-2"))]
    with pytest.raises(BrokerUnavailable, match="another order"):
        manager.get_order_by_client_id("alc-1")


@pytest.mark.parametrize(
    "status", ["invented_later", "", "done_for_day", "calculated", "held", "pending_replace", None]
)
def test_a_status_we_do_not_know_is_taken_for_a_live_order(
    broker: SpeakingBroker, manager: AlpacaManager, status: str | None
) -> None:
    broker.script = [answer(order_row(status=status, a_new_field={"deep": 1}))]
    report = manager.get_order(ORDER_ID)
    assert not report.status.is_done


def test_absent_fields_do_not_hide_an_order(broker: SpeakingBroker, manager: AlpacaManager) -> None:
    broker.script = [
        answer([{"id": ORDER_ID, "side": "sell", "symbol": "AAPL", "qty": None, "status": "new"}])
    ]
    [report] = manager.get_open_orders()
    assert (report.broker_order_id, report.client_order_id, report.shares, report.at) == (ORDER_ID, "", 0, 0)


def test_open_orders_include_the_exits_of_brackets(broker: SpeakingBroker, manager: AlpacaManager) -> None:
    target = order_row(id="target", side="sell", status="new")
    stop = order_row(id="stop", side="sell", status="held")
    parent = order_row(id="parent", status="filled", legs=[target, stop])
    options = order_row(
        id="spread", side="", symbol="", legs=[order_row(id="leg", symbol="AAPL260116C00150000")]
    )
    broker.script = [answer([parent, options])]
    reports = manager.get_open_orders()
    assert [report.broker_order_id for report in reports] == ["target", "stop", "leg"]
    assert [report.kin and report.kin.leg_of for report in reports] == ["parent", "parent", "spread"]


def test_an_order_names_what_it_belongs_with(broker: SpeakingBroker, manager: AlpacaManager) -> None:
    legs = [order_row(id="target", side="sell"), order_row(id="stop", side="sell")]
    broker.script = [answer(order_row(id="new", replaces="old", replaced_by="newer", legs=legs))]
    report = manager.get_order_by_id("new")
    assert report is not None
    assert report.kin == Kin("old", "newer", ("target", "stop"))
    broker.script = [answer(order_row(), 200), answer({"code": 40410000, "message": "order not found"}, 404)]
    assert manager.get_order_by_id(ORDER_ID).kin is None  # type: ignore[union-attr]
    assert manager.get_order_by_id(ORDER_ID) is None


def test_the_answer_about_another_order_is_no_answer(broker: SpeakingBroker, manager: AlpacaManager) -> None:
    broker.script = [answer(order_row(id="other"))]
    with pytest.raises(BrokerUnavailable, match="another order"):
        manager.get_order_by_id("this")


def test_a_status_alpaca_invents_later_is_unknown_and_not_an_end(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    broker.script = [answer([order_row(status="held_for_moonlight")])]
    (report,) = manager.get_open_orders()
    assert report.status is OrderStatus.UNKNOWN


class OrderList:
    """Answers `GET /v2/orders` as Alpaca does: `after` is exclusive, pages hold 500."""

    def __init__(self, rows: list[dict[str, Any]], *, knows_order_cursor: bool = True) -> None:
        self.rows, self._knows_order_cursor = rows, knows_order_cursor

    def __call__(self, heard: Heard, connection: Any) -> None:
        rows, query = self.rows, heard.query
        if "after" in query:
            rows = [row for row in rows if parse_rfc3339(row["submitted_at"]) > parse_rfc3339(query["after"])]
        if "after_order_id" in query and self._knows_order_cursor:
            place = [row["id"] for row in rows].index(query["after_order_id"])
            rows = rows[place + 1 :]
        connection.sendall(answer(rows[: int(query["limit"])]))


def _orders(count: int, per_instant: int) -> list[dict[str, Any]]:
    return [
        order_row(id=f"order-{number}", submitted_at=f"2026-01-02T15:00:00.{number // per_instant:09d}Z")
        for number in range(count)
    ]


@pytest.mark.parametrize("per_instant", [1, 7, 499, 500, 501, 2_000], ids=lambda count: f"{count} at once")
def test_every_open_order_is_listed_whatever_instants_they_share(
    broker: SpeakingBroker, manager: AlpacaManager, per_instant: int
) -> None:
    rows = _orders(1_700, per_instant)
    broker.script = [OrderList(rows)]
    listed = [report.broker_order_id for report in manager.get_open_orders()]
    assert listed == [row["id"] for row in rows]


def test_a_list_that_cannot_be_completed_is_not_given_out(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    broker.script = [OrderList(_orders(1_000, 1_000), knows_order_cursor=False)]
    with pytest.raises(BrokerUnavailable, match="do not continue"):
        manager.get_open_orders()


@pytest.mark.spec("S0-05", "S0-09")
def test_the_order_history_reaches_back_as_many_days_as_asked(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    broker.routes["GET /v2/clock"] = answer({"timestamp": "2026-01-31T12:00:00-05:00", "is_open": False})
    broker.script = [refusal(503, 50310000, "once"), answer([order_row(status="filled", filled_qty="10")])]
    [report] = manager.get_order_history(days=30)
    assert report.status is OrderStatus.FILLED
    assert broker.heard[-1].query["after"] == "2026-01-01T17:00:00Z"
    assert broker.heard[-1].query["status"] == "all"


def test_executions_are_read_page_by_page_as_intervals(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    rows = [fill_row(number) for number in range(1, 251)]

    def pages(heard: Heard, connection: Any) -> None:
        ids = [row["id"] for row in rows]
        start = ids.index(heard.query["page_token"]) + 1 if "page_token" in heard.query else 0
        connection.sendall(answer(rows[start : start + int(heard.query["page_size"])]))

    broker.script = [pages]
    executions = manager.get_executions(parse_rfc3339("2026-01-02T15:00:00Z"))
    assert [(done.cum_before, done.cum_after) for done in executions] == [(n - 1, n) for n in range(1, 251)]
    assert broker.heard[0].path == "/v2/account/activities/FILL"
    assert broker.heard[0].query["direction"] == "asc"


def test_executions_up_to_the_instant_are_left_out(broker: SpeakingBroker, manager: AlpacaManager) -> None:
    broker.script = [answer([fill_row(1), fill_row(2, side="sell_short", price="9.87", qty="0.5")])]
    [second] = manager.get_executions(parse_rfc3339("2026-01-02T15:00:00.000000001Z"))
    assert (second.side, second.price) == (Side.SELL, Decimal("9.87"))
    assert (second.cum_before, second.cum_after) == (Decimal("1.5"), 2)


def test_sessions_are_instants_of_new_york_summer_and_winter(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    broker.script = [
        answer(
            [
                {"date": "2026-07-02", "open": "09:30", "close": "16:00", "session_open": "0400"},
                {"date": "2026-11-27", "open": "09:30", "close": "13:00"},
            ]
        )
    ]
    summer, half_day = manager.get_sessions("2026-07-02", "2026-11-27")
    assert summer.open == parse_rfc3339("2026-07-02T13:30:00Z")
    assert half_day.close == parse_rfc3339("2026-11-27T18:00:00Z")
    assert broker.heard[0].query == {"start": "2026-07-02", "end": "2026-11-27"}


def test_the_brokers_clock_keeps_its_nanoseconds(broker: SpeakingBroker, manager: AlpacaManager) -> None:
    broker.script = [answer({"timestamp": "2026-01-02T10:00:00.123456789-05:00"})]
    assert manager.get_time() == parse_rfc3339("2026-01-02T15:00:00.123456789Z")


@pytest.mark.spec("S0-06")
def test_many_threads_share_one_manager(broker: SpeakingBroker, manager: AlpacaManager) -> None:
    def echo(heard: Heard, connection: Any) -> None:
        connection.sendall(answer(order_row(client_order_id=heard.query["client_order_id"])))

    broker.script = [echo]
    seen: dict[str, str] = {}

    def ask(name: str) -> None:
        for number in range(20):
            report = manager.get_order_by_client_id(f"{name}-{number}")
            seen[f"{name}-{number}"] = report.client_order_id if report else ""

    threads = [threading.Thread(target=ask, args=(f"thread-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 160
    assert all(asked == told for asked, told in seen.items())


def test_the_exchanges_count_of_updates_is_kept_with_every_answer(
    broker: SpeakingBroker, manager: AlpacaManager
) -> None:
    broker.script = [
        answer([], headers={"X-Stream-Sequence": "41"}),
        refusal(404, 0, "no", **{"X-Stream-Sequence": "42"}),
    ]
    manager.get_positions()
    assert manager.stream_sequence == 41
    manager.get_order_by_client_id("alc-1")
    assert manager.stream_sequence == 42
