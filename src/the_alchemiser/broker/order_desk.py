"""Orders: sent once, replaced, cancelled, looked up and listed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from the_alchemiser.broker import convert
from the_alchemiser.broker.clients import Clients
from the_alchemiser.broker.order_shape import body_of, problem_of
from the_alchemiser.broker.resilience import alpaca_retry_context
from the_alchemiser.domain.errors import BrokerError, BrokerRefused, BrokerUnavailable, OutcomeUnknown
from the_alchemiser.domain.instants import DAY, Nanos, parse_rfc3339, rfc3339
from the_alchemiser.domain.money import Price, Shares, plain
from the_alchemiser.domain.orders import (
    BrokerOrderId,
    ClientOrderId,
    ItemOutcome,
    OrderReport,
    OrderRequest,
)

ORDERS_PER_PAGE = 500
PAGES_MAX = 200
"""100,000 orders in one list; more is a defect of ours or theirs."""
_OVERLAP: Nanos = 1_000
"""Pages overlap by a microsecond: `after` is exclusive, and orders may share an instant."""
DUPLICATE_ID_STATUS = 422
ANOTHER_ORDER = "it belongs to another order"

Query = dict[str, Any]


class OrderDesk:
    """The trading service."""

    _clients: Clients

    def place_order(self, request: OrderRequest) -> OrderReport:
        """Send one order, once.

        Raises BrokerRefused (also for a shape Alpaca cannot accept, before anything is sent), BrokerBusy where nothing
        was accepted, and OutcomeUnknown where the order may exist. An id the broker already knows means that an
        earlier sending arrived: its report is returned.
        """
        if problem := problem_of(request):
            raise BrokerRefused(f"place order: {problem}", status=DUPLICATE_ID_STATUS)
        with alpaca_retry_context(0, "place order"), self._clients.sending():
            try:
                raw: Any = self._clients.trading.post("/orders", body_of(request))
            except BrokerRefused as refused:
                if not _is_duplicate_id(refused):
                    raise
                return self._adopted(request)
            return _answer_to(request, convert.order_report(raw))

    def replace_order(
        self,
        broker_order_id: BrokerOrderId,
        client_order_id: ClientOrderId,
        *,
        limit_price: Price | None = None,
        shares: Shares | None = None,
    ) -> OrderReport:
        """Ask for a new order, named `client_order_id`, in place of a working one; the report is the new order's.

        `shares` is the total of the chain, what is already filled included. The answer is not the end: the old order
        may fill first, and then the new one is rejected. Raises as place_order does.
        """
        changes = {
            "client_order_id": client_order_id,
            "limit_price": None if limit_price is None else plain(limit_price),
            "qty": None if shares is None else plain(shares),
        }
        with alpaca_retry_context(0, "replace order"), self._clients.sending():
            given = {name: value for name, value in changes.items() if value is not None}
            raw = self._clients.trading.patch(f"/orders/{broker_order_id}", given)
            report = convert.order_report(raw)
            if (
                report.client_order_id != client_order_id
                or raw.get("replaces", broker_order_id) != broker_order_id
            ):
                raise ValueError(ANOTHER_ORDER)
            return report

    def cancel_order(self, broker_order_id: BrokerOrderId) -> None:
        """Ask for cancellation; the order's end is reported separately. Raises BrokerRefused where it has ended."""
        with alpaca_retry_context(0, "cancel order"):
            self._clients.trading.delete(f"/orders/{broker_order_id}")

    def cancel_all_orders(self) -> tuple[ItemOutcome, ...]:
        """Ask for the cancellation of every open order; each has its own outcome."""
        with alpaca_retry_context(0, "cancel all orders"), self._clients.sending():
            rows: Any = self._clients.trading.delete("/orders")
            if not isinstance(rows, list):
                raise ValueError("the answer names no orders")  # An empty body is not "nothing was open".
            return tuple(item_outcome(item, "id") for item in rows)

    def get_order_by_client_id(self, client_order_id: ClientOrderId) -> OrderReport | None:
        """The broker's record of one of our orders, or None where it has none."""
        with alpaca_retry_context(operation_name="look up order"), self._clients.reading():
            try:
                raw: Any = self._clients.trading.get_order_by_client_id(client_order_id)
            except BrokerRefused as refused:
                if refused.status == 404:
                    return None
                raise
            report = convert.order_report(raw)
            if report.client_order_id != client_order_id:
                raise ValueError(ANOTHER_ORDER)
            return report

    def get_order(self, broker_order_id: BrokerOrderId) -> OrderReport:
        """One order by the broker's id. Raises BrokerRefused (404) where there is none."""
        with alpaca_retry_context(operation_name="read order"), self._clients.reading():
            raw: Any = self._clients.trading.get(f"/orders/{broker_order_id}", {"nested": True})
            return convert.order_report(raw)

    def get_order_by_id(self, broker_order_id: BrokerOrderId) -> OrderReport | None:
        """Any order by the broker's id, or None where there is none."""
        try:
            with self._clients.reading():
                report = self.get_order(broker_order_id)
                if report.broker_order_id != broker_order_id:
                    raise ValueError(ANOTHER_ORDER)
                return report
        except BrokerRefused as refused:
            if refused.status == 404:
                return None
            raise

    def get_open_orders(self) -> Sequence[OrderReport]:
        """Every open order of the account, whoever sent it, exits of brackets included. Complete, or it raises."""
        with alpaca_retry_context(operation_name="list open orders"), self._clients.reading():
            reports = convert.order_reports(self._pages({"status": "open"}))
            return [report for report in reports if not report.status.is_done]

    def get_orders_since(self, after: Nanos) -> Sequence[OrderReport]:
        """Every order submitted after an instant, whoever sent it, bracket exits included. Complete, or it raises."""
        with alpaca_retry_context(operation_name="list orders"), self._clients.reading():
            window = {"status": "all", "after": rfc3339(after)}
            return list(convert.order_reports(self._pages(window)))

    def get_order_history(self, days: int = 30) -> Sequence[OrderReport]:
        """Every order submitted in the last `days` days of the broker's clock, oldest first. Complete, or it raises."""
        with alpaca_retry_context(operation_name="list orders"), self._clients.reading():
            clock: Any = self._clients.trading.get_clock()
            until = parse_rfc3339(clock["timestamp"])
            window = {"status": "all", "after": rfc3339(until - days * DAY)}
            return list(convert.order_reports(self._pages(window)))

    def _pages(self, wanted: Query) -> Iterable[convert.Raw]:
        rows: dict[str, convert.Raw] = {}
        cursor = dict(wanted)
        for _ in range(PAGES_MAX):
            query = cursor | {"limit": ORDERS_PER_PAGE, "direction": "asc", "nested": True}
            page: Any = self._clients.trading.get("/orders", query)
            known = len(rows)
            rows.update((raw["id"], raw) for raw in page)
            if len(page) < ORDERS_PER_PAGE:
                return rows.values()
            cursor = _next_cursor(wanted, cursor, page[-1], is_stuck=len(rows) == known)
        raise BrokerUnavailable(f"list orders: more than {PAGES_MAX * ORDERS_PER_PAGE} orders")

    def _adopted(self, request: OrderRequest) -> OrderReport:
        """The order an earlier sending of this id made."""
        try:
            report = self.get_order_by_client_id(request.client_order_id)
        except BrokerError as error:
            raise OutcomeUnknown(f"place order: known to the broker, and cannot be read: {error}") from error
        if report is None:
            raise OutcomeUnknown("place order: the broker knows this id and does not find it")
        return _answer_to(request, report)


def item_outcome(item: convert.Raw, name: str) -> ItemOutcome:
    """One row of a multi-status answer. One that cannot be read is no success, and hides no other."""
    try:
        body, is_accepted = item.get("body") or {}, 200 <= int(item["status"]) < 300
        report = convert.order_report(body) if is_accepted and body.get("id") else None
        reason = "" if is_accepted else str(body.get("message", "refused"))
        return ItemOutcome(str(item[name]), is_accepted, report, reason)
    except (ValueError, TypeError, KeyError, AttributeError):
        subject = item.get(name, "") if isinstance(item, dict) else ""
        return ItemOutcome(str(subject), False, None, "its outcome cannot be read")


def _next_cursor(wanted: Query, cursor: Query, last: convert.Raw, *, is_stuck: bool) -> Query:
    """Where the next page begins: by time, or by order where more orders share an instant than a page holds."""
    if not is_stuck and "after_order_id" not in cursor:
        return wanted | {"after": rfc3339(parse_rfc3339(last["submitted_at"]) - _OVERLAP)}
    if is_stuck and cursor.get("after_order_id"):
        raise BrokerUnavailable("list orders: the broker's pages do not continue")
    return {"status": wanted["status"], "after_order_id": last["id"]}


def _is_duplicate_id(refused: BrokerRefused) -> bool:
    """Alpaca has one code for all errors of shape, so its words must tell."""
    return refused.status == DUPLICATE_ID_STATUS and "client_order_id must be unique" in str(refused)


def _answer_to(request: OrderRequest, report: OrderReport) -> OrderReport:
    """The report, if it is of the order we sent. Raises ValueError where it is somebody else's."""
    asked = (request.client_order_id, request.symbol, request.side, request.shares)
    told = (report.client_order_id, report.symbol, report.side, report.shares)
    if asked != told:
        raise ValueError(ANOTHER_ORDER)
    return report
