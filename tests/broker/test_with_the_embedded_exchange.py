"""Manager and stream trade together with the real exchange over the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.wire import WireExchange, exchange_in_thread
from the_alchemiser.broker import (
    AlpacaManager,
    AlpacaStream,
    BrokerOptions,
    Credentials,
    RateBudget,
)
from the_alchemiser.broker.market_messages import MinuteBar, StockQuote
from the_alchemiser.broker.market_stream import StockStream
from the_alchemiser.domain.errors import BrokerBusy, BrokerRefused, BrokerUnauthorized
from the_alchemiser.domain.events import OrderHeard
from the_alchemiser.domain.instants import parse_rfc3339
from the_alchemiser.domain.money import Side, round_to_tick
from the_alchemiser.domain.orders import FillSource, OrderRequest, OrderStatus, OrderType, TimeInForce
from the_alchemiser.endpoints import endpoints_of

OPENING = "2022-06-01T13:30:00Z"


@pytest.fixture
def exchange() -> Iterator[WireExchange]:
    with exchange_in_thread(start="2022-06-01T14:00:00Z", requests_per_minute=0) as running:
        yield running


def manager_of(exchange: WireExchange, **options: object) -> AlpacaManager:
    return AlpacaManager(
        exchange.key,
        exchange.secret,
        endpoints=endpoints_of(exchange.rest),
        options=BrokerOptions(**options),  # type: ignore[arg-type]
    )


@pytest.fixture
def manager(exchange: WireExchange) -> Iterator[AlpacaManager]:
    speaking = manager_of(exchange)
    yield speaking
    speaking.close()


@pytest.fixture
async def stream(exchange: WireExchange) -> AsyncIterator[tuple[AlpacaStream, list[OrderHeard | None]]]:
    """A listening stream and everything it has heard."""
    listening = AlpacaStream(Credentials(exchange.key, exchange.secret), exchange.trading_stream)
    heard: list[OrderHeard | None] = []

    async def listen() -> None:
        async for one in listening.order_updates():
            heard.append(one)  # noqa: PERF401 - it is looked at meanwhile

    task = asyncio.create_task(listen())
    await until(lambda: heard)
    yield listening, heard
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the exchange sets no event of ours
            await asyncio.sleep(0.01)


async def caught_up(stream: AlpacaStream, manager: AlpacaManager) -> None:
    """Wait until the stream has told everything the exchange had sent by its last answer."""
    await until(lambda: stream.sequence >= manager.stream_sequence)


async def test_a_day_of_trading_from_the_first_quote_to_the_last_execution(
    exchange: WireExchange, manager: AlpacaManager, stream: tuple[AlpacaStream, list[OrderHeard | None]]
) -> None:
    listening, heard = stream
    assert manager.get_account().cash == 100_000
    assert manager.get_assets(["AAPL", "NOSUCH"]).keys() == {"AAPL"}

    bought = manager.place_order(OrderRequest("alc-buy", "AAPL", Side.BUY, Decimal(10)))
    assert bought.client_order_id == "alc-buy"
    resting_price = round_to_tick(manager.get_quote("AAPL").bid / 2, Side.BUY)
    rest = OrderRequest("alc-rest", "AAPL", Side.BUY, Decimal(1), OrderType.LIMIT, limit_price=resting_price)
    resting = manager.place_order(rest)
    exchange.advance_fully("2022-06-01T14:05:00Z")

    [held] = manager.get_positions()
    assert (held.symbol, held.shares) == ("AAPL", 10)
    assert [report.client_order_id for report in manager.get_open_orders()] == ["alc-rest"]
    manager.cancel_order(resting.broker_order_id)
    exchange.advance_fully("2022-06-01T14:06:00Z")
    ended = manager.get_order_by_client_id("alc-rest")
    assert ended is not None
    assert ended.status is OrderStatus.CANCELED

    sold = manager.close_position("AAPL")
    exchange.advance_fully("2022-06-01T14:10:00Z")
    assert manager.get_positions() == []
    executions = manager.get_executions(parse_rfc3339(OPENING))
    assert {execution.broker_order_id for execution in executions} == {
        bought.broker_order_id,
        sold.broker_order_id,
    }
    moved = sum((one.cum_after - one.cum_before) * one.price * -one.side.sign for one in executions)
    assert manager.get_account().cash == 100_000 + moved

    await caught_up(listening, manager)
    told = [one.execution for one in heard if one is not None and one.execution is not None]
    assert [replace(one, source=FillSource.RECORD) for one in told] == list(executions)
    assert heard.count(None) == 1


async def test_a_bracket_protects_a_position_and_both_exits_are_listed(
    exchange: WireExchange, manager: AlpacaManager
) -> None:
    middle = manager.get_quote("MSFT").middle
    manager.place_order(
        OrderRequest(
            "alc-bracket",
            "MSFT",
            Side.BUY,
            Decimal(5),
            time_in_force=TimeInForce.GTC,
            take_profit_price=round_to_tick(middle * 2, Side.SELL),
            stop_loss_price=round_to_tick(middle / 2, Side.SELL),
        )
    )
    exchange.advance_fully("2022-06-01T14:05:00Z")
    exits = manager.get_open_orders()
    assert [(report.side, report.shares, report.filled) for report in exits] == [(Side.SELL, 5, 0)] * 2
    outcomes = manager.close_all_positions()
    assert [(one.subject, one.is_accepted) for one in outcomes] == [("MSFT", True)]
    exchange.advance_fully("2022-06-01T14:10:00Z")
    assert manager.get_positions() == []
    assert manager.get_open_orders() == []


def test_a_replaced_order_goes_on_under_its_new_name(exchange: WireExchange, manager: AlpacaManager) -> None:
    price = round_to_tick(manager.get_quote("AAPL").bid / 2, Side.BUY)
    old = manager.place_order(
        OrderRequest("alc-1", "AAPL", Side.BUY, Decimal(3), OrderType.LIMIT, limit_price=price)
    )
    exchange.advance_fully("2022-06-01T14:01:00Z")
    new = manager.replace_order(old.broker_order_id, "alc-2", limit_price=price + 1)
    exchange.advance_fully("2022-06-01T14:02:00Z")
    replaced = manager.get_order(old.broker_order_id)
    assert replaced.status is OrderStatus.REPLACED
    assert [report.broker_order_id for report in manager.get_open_orders()] == [new.broker_order_id]
    assert [report.client_order_id for report in manager.get_order_history(days=1)] == ["alc-1", "alc-2"]


def test_a_second_sending_of_an_order_finds_the_first(exchange: WireExchange, manager: AlpacaManager) -> None:
    request = OrderRequest("alc-once", "AAPL", Side.BUY, Decimal(1))
    first = manager.place_order(request)
    assert manager.place_order(request).broker_order_id == first.broker_order_id
    assert len(manager.get_order_history(days=1)) == 1


def test_calendar_clock_and_prices_agree(exchange: WireExchange, manager: AlpacaManager) -> None:
    sessions = manager.get_sessions("2022-05-27", "2022-06-02")
    assert [session.date for session in sessions] == ["2022-05-27", "2022-05-31", "2022-06-01", "2022-06-02"]
    assert manager.get_time() == parse_rfc3339("2022-06-01T14:00:00Z")
    histories = manager.get_histories(["AAPL", "MSFT", "NOSUCH"], 250, "2022-06-01")
    assert set(histories) == {"AAPL", "MSFT"}
    assert {history.last_date for history in histories.values()} == {"2022-05-31"}
    assert {len(history.closes) for history in histories.values()} == {250}
    minutes = manager.get_bars("AAPL", "1Min", parse_rfc3339(OPENING), parse_rfc3339("2022-06-01T13:59:00Z"))
    assert len(minutes) == 30
    quote = manager.get_quote("AAPL")
    assert quote.is_two_sided
    assert abs(manager.get_price("AAPL") / quote.middle - 1) < Decimal("0.02")


def test_a_refusal_of_the_exchange_is_told_with_its_code(
    exchange: WireExchange, manager: AlpacaManager
) -> None:
    with pytest.raises(BrokerRefused, match="buying power") as caught:
        manager.place_order(OrderRequest("alc-much", "AAPL", Side.BUY, Decimal(1_000_000)))
    assert (caught.value.status, caught.value.code) == (403, 40310000)
    assert caught.value.request_id


def test_wrong_keys_are_refused_at_once(exchange: WireExchange) -> None:
    stranger = AlpacaManager("wrong", "keys", endpoints=endpoints_of(exchange.rest))
    with pytest.raises(BrokerUnauthorized):
        stranger.get_account()
    stranger.close()


def test_the_exchanges_limit_is_learnt_before_it_is_reached() -> None:
    with exchange_in_thread(start="2022-06-01T14:00:00Z", requests_per_minute=50) as exchange:
        slept: list[float] = []
        budget = RateBudget(now=lambda: 0.0 + sum(slept), sleep=slept.append)
        manager = manager_of(exchange, trading_budget=budget)
        for _ in range(40):
            manager.get_time()
        assert slept == []
        with pytest.raises(BrokerBusy, match="not sent"):
            manager.place_order(OrderRequest("alc-1", "AAPL", Side.BUY, Decimal(1)))
        for _ in range(10):
            manager.cancel_all_orders()
        assert slept == []
        manager.close()


def test_thirty_two_callers_at_once_are_all_answered(exchange: WireExchange, manager: AlpacaManager) -> None:
    def place(number: int) -> str:
        request = OrderRequest(f"alc-{number}", "AAPL", Side.BUY, Decimal(1))
        return manager.place_order(request).client_order_id

    with ThreadPoolExecutor(32) as threads:
        placed = list(threads.map(place, range(96)))
    assert placed == [f"alc-{number}" for number in range(96)]
    assert len(manager.get_order_history(days=1)) == 96


async def test_market_data_streams_in_while_the_exchange_moves_on(exchange: WireExchange) -> None:
    seen: list[object] = []
    stream = StockStream(Credentials(exchange.key, exchange.secret), exchange.data_stream, seen.extend)
    stream.subscribe(quotes=["AAPL"], bars=["AAPL", "MSFT"])
    task = asyncio.create_task(stream.run())
    await until(lambda: stream.subscribed)
    await asyncio.to_thread(exchange.advance_fully, "2022-06-01T14:03:00Z")
    await until(lambda: sum(isinstance(one, MinuteBar) for one in seen) >= 4)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    bars = [one.as_bar() for one in seen if isinstance(one, MinuteBar)]
    assert {bar.symbol for bar in bars} == {"AAPL", "MSFT"}
    assert any(isinstance(one, StockQuote) and one.symbol == "AAPL" for one in seen)
    assert stream.quarantine.count == 0


def test_what_moved_other_than_by_trading_is_read_page_by_page_and_exactly(
    exchange: WireExchange, manager: AlpacaManager
) -> None:
    number = manager.get_account().number
    for _ in range(101):
        paid = {"amount": "12.34", "direction": "INCOMING"}
        assert exchange.request("POST", f"/v1/control/accounts/{number}/transfers", paid).status == 200
    found = manager.get_activities(parse_rfc3339(OPENING))
    deposits = [one for one in found if one.cash == Decimal("12.34")]
    assert len({one.id for one in deposits}) == 101
    assert {(one.kind.value, one.name, one.date, one.shares) for one in deposits} == {
        ("transfer", "CSD", "2022-06-01", 0)
    }
    tomorrow = parse_rfc3339("2022-06-02T13:30:00Z")
    assert manager.get_activities(tomorrow) == []
    stated = manager.get_account()
    assert (stated.cash, stated.holdings_value) == (100_000 + 101 * Decimal("12.34"), 0)
