"""Events over server-sent events: what happened since an instant or an id, then what happens, as it happens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import msgspec
from aiohttp import web

from the_alchemiser.exchange.desk import Desk
from the_alchemiser.exchange.errors import bad_parameter
from the_alchemiser.exchange.ids import is_ulid, ulid_millisecond
from the_alchemiser.exchange.market.sessions import new_york_date
from the_alchemiser.exchange.rest.door import FLOOR, desk_of, query_instant
from the_alchemiser.exchange.rest.eventfaults import copies
from the_alchemiser.exchange.rows import Row
from the_alchemiser.exchange.streams.updates import Told
from the_alchemiser.exchange.timestamps import rfc3339
from the_alchemiser.exchange.units import format_money, format_price, format_quantity
from the_alchemiser.exchange.venue.orders import Order

KEEP_ALIVE_SECONDS = 10.0
END_POLL_SECONDS = 0.1  # how often a stream that is to end looks at the time
MILLISECOND = 10**6
_encode = msgspec.json.Encoder().encode

RowsOf = Callable[[Desk, Told], Iterable[Row]]


class Span(NamedTuple):
    """What a reader asks for. Both ends by time are inclusive; `since_id` is what was read last, `until_id` what is
    to be read last.
    """

    since: int | None
    until: int | None
    since_id: str
    until_id: str

    @property
    def ends(self) -> bool:
        return self.until is not None or bool(self.until_id)

    def holds(self, told: Told) -> bool:
        """Whether an event lies before the end."""
        if self.until is not None:
            return told.at <= self.until
        return not self.until_id or told.id <= self.until_id

    def reached_by(self, told: Told) -> bool:
        """Whether no later event lies before the end."""
        if self.until is not None:
            return told.at >= self.until
        return bool(self.until_id) and told.id >= self.until_id

    def is_over(self, now: int) -> bool:
        """Whether nothing that is still to come can lie before the end."""
        if self.until is not None:
            return now > self.until
        return bool(self.until_id) and now // MILLISECOND > ulid_millisecond(self.until_id)


async def order_events(request: web.Request) -> web.StreamResponse:
    """GET /v2/events/trades: the rows of the trading stream, without its wrapper."""
    return await _stream(request, lambda _, told: (told.row(),))


async def activity_events(request: web.Request) -> web.StreamResponse:
    """GET /v2beta1/events/activities: the executions of the account."""
    return await _stream(request, _activity_rows)


async def _stream(request: web.Request, rows_of: RowsOf) -> web.StreamResponse:
    span, desk, floor = _span(request), desk_of(request), request.app[FLOOR]
    past = _past(desk, span)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    with (
        desk.trade_updates.tap() as tap,
        contextlib.suppress(ConnectionError),
    ):  # a reader may leave at any time
        await response.prepare(request)
        await response.write(b": connected\n\n")
        await _send(request, response, rows_of, [told for told in past if span.holds(told)])
        is_over = any(map(span.reached_by, past))
        while not is_over and not tap.closed and not span.is_over(floor.now):
            news, dropped = await tap.take(END_POLL_SECONDS if span.ends else KEEP_ALIVE_SECONDS)
            await _comment(response, dropped, is_quiet=not news and not span.ends)
            await _send(request, response, rows_of, [told for told in news if span.holds(told)])
            is_over = any(map(span.reached_by, news))
        await response.write_eof()
    return response


async def _comment(response: web.StreamResponse, dropped: int, *, is_quiet: bool) -> None:
    if dropped:
        text = f": you are reading too slowly, dropped {dropped} messages\n\n"
        await response.write(text.encode())
    if is_quiet:
        await response.write(b": keep-alive\n\n")


async def _send(
    request: web.Request, response: web.StreamResponse, rows_of: RowsOf, news: list[Told]
) -> None:
    floor, desk = request.app[FLOOR], desk_of(request)
    for told in news:
        rows = list(rows_of(desk, told))
        times = await copies(request, floor, desk, told) if rows else 0
        for row in rows * times:
            # One event a write: each leaves at once. The id lets a client that reconnects say what it has read.
            await response.write(b"id: " + told.id.encode() + b"\ndata: " + _encode(row) + b"\n\n")


def _past(desk: Desk, span: Span) -> list[Told]:
    """What has happened already and is asked for; nothing unless a beginning is named. Raises Refusal."""
    history = desk.trade_updates.history
    forgotten = history.forgotten
    if span.since is not None:
        if forgotten is not None and span.since <= forgotten.at:
            raise bad_parameter(f"events up to {rfc3339(forgotten.at)} are no longer kept")
        return history.since(span.since)
    if span.since_id:
        if forgotten is not None and span.since_id < forgotten.id:
            raise bad_parameter(f"events up to {forgotten.id} are no longer kept")
        return history.after_id(span.since_id)
    return []


def _span(request: web.Request) -> Span:
    """The query, by the documented rules. Raises Refusal."""
    since, until = query_instant(request, "since"), query_instant(request, "until")
    since_id, until_id = _ulid(request, "since_id"), _ulid(request, "until_id")
    if (until is not None and since is None) or (until_id and not since_id):
        raise bad_parameter("invalid param: both since & until required")
    if since is not None and since_id:
        raise bad_parameter("invalid param: since and since_id cannot be used together")
    last_read = request.headers.get("Last-Event-ID", "")
    if since is None and not since_id and is_ulid(last_read):
        since_id = last_read
    return Span(since, until, since_id, until_id)


def _ulid(request: web.Request, name: str) -> str:
    text = request.query.get(name, "").upper()
    if text and not is_ulid(text):
        raise bad_parameter(f"invalid {name}: not a ULID")
    return text


def _activity_rows(desk: Desk, told: Told) -> Iterator[Row]:
    """The executions in an update: none, one, or that of each leg of a multi-leg order."""
    update, order = told.update, told.update.order
    if update.execution_id is not None and update.price_e4 is not None and update.qty_e9 is not None:
        yield _activity_row(desk, told, order, update.execution_id, (update.price_e4, update.qty_e9))
    legs = {leg.id: leg for leg in order.legs}
    for fill in update.legs:
        if fill.order_id in legs:
            amounts = (fill.price_e4, fill.qty_e9)
            yield _activity_row(desk, told, legs[fill.order_id], fill.execution_id, amounts)


def _activity_row(desk: Desk, told: Told, order: Order, execution_id: str, amounts: tuple[int, int]) -> Row:
    """One execution; `amounts` are its price and quantity."""
    price_e4, qty_e9 = amounts
    asset = desk.exchange.asset(order.symbol)
    value = price_e4 * qty_e9 * (asset.multiplier if asset else 1)
    return {
        "at": rfc3339(told.at),
        "event_id": told.id,
        "activity_type": "FILL",
        "executed_at": rfc3339(told.update.at),
        "status": "executed",
        "settle_date": _settlement(desk, order.asset_class, told.update.at),
        "currency": "USD",
        "ref_id": execution_id,
        "net_amount": format_money(-value if order.side == "buy" else value),
        "price": format_price(price_e4),
        "qty": format_quantity(qty_e9),
        "details": {
            "execution_type": "fill",
            "order_id": order.id,
            "client_order_id": order.client_order_id,
            "asset_id": order.asset_id,
            "symbol": order.symbol,
            "side": order.side,
            "cum_qty": format_quantity(order.filled_qty_e9),
            "leaves_qty": format_quantity(max(order.remaining_e9, 0)),
            "order_status": order.status,
        },
    }


def _settlement(desk: Desk, asset_class: str, at: int) -> str:
    """The next trading day (T+1); crypto settles at once."""
    following = None if asset_class == "crypto" else desk.exchange.market.sessions.next_open(at)
    return new_york_date(at if following is None else following.open).isoformat()


def routes() -> list[web.RouteDef]:
    """Both event routes."""
    return [
        web.get("/v2/events/trades", order_events),
        web.get("/v2beta1/events/activities", activity_events),
    ]
