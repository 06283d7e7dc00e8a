"""Our streams against the embedded exchange doing its worst over the wire: every event there was is heard of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from wire import WireExchange, exchange_in_thread

from the_alchemiser.broker import AlpacaStream, Credentials, Occasion, StockStream, StreamOptions
from the_alchemiser.broker.market_messages import StockQuote, StockTrade
from the_alchemiser.broker.resilience import Backoff
from the_alchemiser.domain.events import OrderHeard
from the_alchemiser.domain.hearing import Deaf, Garbled
from the_alchemiser.domain.orders import OrderStatus

AT_ONCE = Backoff(first_seconds=0.01, last_seconds=0.02, random=lambda: 0.0)
OPEN = "2022-06-01T13:30:00Z"


@pytest.fixture
def exchange() -> Iterator[WireExchange]:
    """In lockstep at the opening of 2022-06-01."""
    with exchange_in_thread(requests_per_minute=0, data_requests_per_minute=0) as running:
        yield running


async def fault(exchange: WireExchange, kind: str, stream: str = "trade_updates", **rule: Any) -> None:
    answer = await asyncio.to_thread(
        exchange.request, "POST", "/v1/control/faults", {"stream": stream, "fault": kind, **rule}
    )
    assert answer.status == 201, answer


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - the exchange sets no event of ours
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(work: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def hearing(exchange: WireExchange, **options: Any) -> AsyncIterator[tuple[AlpacaStream, list[Any]]]:
    """Everything an order stream says, from its first listening on."""
    keys = Credentials(exchange.key, exchange.secret)
    stream = AlpacaStream(keys, exchange.trading_stream, backoff=AT_ONCE, **options)
    heard: list[Any] = []

    async def hear() -> None:
        async for one in stream.order_updates():
            heard.append(one)  # noqa: PERF401 - it is looked at meanwhile

    async with running(hear()):
        await until(lambda: heard)
        yield stream, heard


async def buy(exchange: WireExchange, *names: str) -> None:
    for name in names:
        await asyncio.to_thread(exchange.submit, symbol="AAPL", qty="1", side="buy", client_order_id=name)


def filled(heard: list[Any]) -> set[str]:
    return {
        one.report.client_order_id
        for one in heard
        if isinstance(one, OrderHeard) and one.report.status is OrderStatus.FILLED
    }


@pytest.mark.parametrize("form", ["noise", "broken", "null", "missing_fields", "unknown_event"])
@pytest.mark.parametrize("beside", [True, False])
async def test_garbage_is_said_and_kept_and_costs_no_other_event(
    exchange: WireExchange, form: str, beside: bool
) -> None:
    await fault(exchange, "garbage", form=form, beside=beside, event="new", every=2)
    async with hearing(exchange) as (stream, heard):
        names = [f"order-{number}" for number in range(6)]
        await buy(exchange, *names)
        await asyncio.to_thread(exchange.advance_fully, "2022-06-01T13:31:00Z")
        await until(lambda: filled(heard) == set(names))
        garbled = [one for one in heard if isinstance(one, Garbled)]
        assert len(garbled) == stream.quarantine.count == 3
        assert heard.count(None) == 1
        assert Deaf not in map(type, heard)


async def test_events_told_twice_under_other_ids_are_the_same_intervals(exchange: WireExchange) -> None:
    await fault(exchange, "duplicate", times=3, fresh_ids=True, event="fill")
    async with hearing(exchange) as (_, heard):
        await buy(exchange, "one", "two")
        await asyncio.to_thread(exchange.advance_fully, "2022-06-01T13:31:00Z")
        await until(lambda: sum(one is not None and one.execution is not None for one in heard) == 6)
        intervals = {
            (one.report.client_order_id, one.execution.cum_before, one.execution.cum_after)
            for one in heard
            if one is not None and one.execution is not None
        }
        assert intervals == {("one", 0, 1), ("two", 0, 1)}


async def test_a_line_that_is_cut_at_every_other_event_is_announced_each_time_it_is_back(
    exchange: WireExchange,
) -> None:
    await fault(exchange, "close", code=0, event="new", most=5)
    async with hearing(exchange) as (stream, heard):
        for number in range(8):
            listenings = heard.count(None)
            await buy(exchange, f"order-{number}")
            await until(lambda: stream.is_listening and heard.count(None) >= min(6, listenings + 1))  # noqa: B023
        await asyncio.to_thread(exchange.advance_fully, "2022-06-01T13:31:00Z")
        # What is not repeated is read: here only what came after the last cut.
        await until(lambda: {"order-6", "order-7"} <= filled(heard))
        assert heard.count(None) == 6
        assert stream.quarantine.count == 0


async def test_a_half_open_line_is_replaced(exchange: WireExchange) -> None:
    await fault(exchange, "half_open", event="new", most=1, seconds=3600)
    async with hearing(exchange, silence_seconds=0.5) as (_, heard):
        await buy(exchange, "unheard")
        await until(lambda: heard.count(None) == 2)
        await buy(exchange, "heard")
        await asyncio.to_thread(exchange.advance_fully, "2022-06-01T13:31:00Z")
        await until(lambda: filled(heard) == {"heard"})


@pytest.mark.parametrize("way", [{"status": 429}, {"status": 503}, {"error": 402}])
async def test_refused_connections_are_tried_until_one_is_taken(
    exchange: WireExchange, way: dict[str, int]
) -> None:
    await fault(exchange, "refuse", most=7, **way)
    async with hearing(exchange) as (_, heard):
        await until(lambda: None in heard)
        assert [type(one) for one in heard] == [Deaf, type(None)]


# Market data


@asynccontextmanager
async def watching(
    exchange: WireExchange, **options: Any
) -> AsyncIterator[tuple[StockStream, list[Any], list[Occasion]]]:
    """Quotes and trades of AAPL, each handed to a function."""
    seen: list[Any] = []
    news: list[Occasion] = []
    stream = StockStream(
        Credentials(exchange.key, exchange.secret),
        exchange.data_stream,
        tell=lambda occasion, _: news.append(occasion),
        options=StreamOptions(backoff=AT_ONCE, **options),
    )
    stream.subscribe_quotes(seen.append, "AAPL")
    stream.subscribe_trades(seen.append, "AAPL")
    async with running(stream.run()):
        await until(lambda: stream.subscribed)
        yield stream, seen, news


@pytest.mark.parametrize("form", ["noise", "broken", "null", "missing_fields", "unknown_event"])
async def test_garbage_between_quotes_costs_itself_alone(exchange: WireExchange, form: str) -> None:
    await fault(exchange, "garbage", stream="/v2/iex", form=form, beside=True, event="q", every=3)
    async with watching(exchange) as (stream, seen, news):
        await asyncio.to_thread(exchange.advance_fully, "2022-06-01T13:32:00Z")
        await until(
            lambda: stream.quarantine.count > 2 and {type(one) for one in seen} == {StockQuote, StockTrade}
        )
        assert news == [Occasion.LISTENING]
        assert all(isinstance(one.symbol, str) and one.at > 0 for one in seen)


async def test_a_feed_without_any_data_is_connected_again_and_said_to_be_mute(exchange: WireExchange) -> None:
    await fault(exchange, "lose", stream="/v2/iex", after=OPEN, until="2022-06-01T13:35:00Z")
    async with watching(exchange, expects_data=lambda: True, mute_seconds=0.4) as (_, seen, news):
        await asyncio.to_thread(exchange.advance_fully, "2022-06-01T13:34:00Z")
        await until(lambda: Occasion.MUTE in news and news[-1] is Occasion.LISTENING)
        assert seen == []
        await asyncio.to_thread(exchange.advance_fully, "2022-06-01T13:36:00Z")
        await until(lambda: seen)


@pytest.mark.parametrize("way", [{"status": 429}, {"error": 406}, {"error": 409}])
async def test_a_refused_feed_is_told_once_and_tried_until_it_is_there(
    exchange: WireExchange, way: dict[str, int]
) -> None:
    await fault(exchange, "refuse", stream="/v2/iex", most=7, **way)
    async with watching(exchange) as (stream, _, news):
        assert news == [Occasion.DEAF, Occasion.LISTENING]
        assert stream.trouble == ""
