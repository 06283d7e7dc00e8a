"""The account: money, positions, executions, and the broker's clock and calendar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from the_alchemiser.broker import convert
from the_alchemiser.broker.clients import Clients
from the_alchemiser.broker.order_desk import ANOTHER_ORDER, item_outcome
from the_alchemiser.broker.resilience import alpaca_retry_context
from the_alchemiser.domain.errors import BrokerRefused, BrokerUnavailable
from the_alchemiser.domain.instants import DAY, SECOND, Nanos, parse_rfc3339, rfc3339
from the_alchemiser.domain.market import Session, Symbol
from the_alchemiser.domain.money import Dollars
from the_alchemiser.domain.orders import Execution, ItemOutcome, OrderReport
from the_alchemiser.domain.portfolio import Account, Activity, Holding

Row = TypeVar("Row")

ACTIVITIES_PER_PAGE = 100
PAGES_MAX = 2_000


class AccountDesk:
    """The account service."""

    _clients: Clients

    def get_account(self) -> Account:
        """The account now."""
        with alpaca_retry_context(operation_name="read account"), self._clients.reading():
            raw: Any = self._clients.trading.get_account()
            return convert.account(raw)

    def get_buying_power(self) -> Dollars:
        """What new orders may cost."""
        return self.get_account().buying_power

    def get_positions(self) -> Sequence[Holding]:
        """Every holding now. A failure raises; an empty answer means the account is flat."""
        with alpaca_retry_context(operation_name="read positions"), self._clients.reading():
            rows: Any = self._clients.trading.get_all_positions()
            return [convert.holding(raw) for raw in _rows(rows)]

    def get_position(self, symbol: Symbol) -> Holding | None:
        """The holding of one symbol, or None where there is none."""
        with alpaca_retry_context(operation_name="read position"), self._clients.reading():
            try:
                raw: Any = self._clients.trading.get(_position_path(symbol))
            except BrokerRefused as refused:
                if refused.status == 404:
                    return None
                raise
            return convert.holding(raw)

    def close_position(self, symbol: Symbol) -> OrderReport:
        """Ask the broker to sell (or buy back) all of one symbol at the market. Raises as place_order does."""
        with alpaca_retry_context(0, "close position"), self._clients.sending():
            raw: Any = self._clients.trading.delete(_position_path(symbol))
            report = convert.order_report(raw)
            if report.symbol.replace("/", "") != symbol.replace("/", ""):
                raise ValueError(ANOTHER_ORDER)
            return report

    def close_all_positions(self) -> tuple[ItemOutcome, ...]:
        """Ask the broker to cancel all orders and close all positions; each position has its own outcome."""
        with alpaca_retry_context(0, "close all positions"), self._clients.sending():
            rows: Any = self._clients.trading.close_all_positions(cancel_orders=True)
            return tuple(item_outcome(item, "symbol") for item in _rows(rows))

    def get_executions(self, after: Nanos) -> Sequence[Execution]:
        """Executions after an instant, oldest first. Complete, or it raises."""
        # Alpaca does not say how finely it compares, so a second more is asked for and ours is compared here.
        query = {"after": rfc3339(after - SECOND)}
        found = self._activities(
            "read executions", "/account/activities/FILL", query, convert.activity_execution
        )
        return [execution for execution in found if execution.at > after]

    def get_activities(self, after: Nanos) -> Sequence[Activity]:
        """What moved cash or shares other than by trading, from the day of an instant on, oldest first."""
        # They are sorted by the midnight that begins their day, and `after` is exclusive.
        query = {"after": rfc3339(after - DAY)[:10], "category": "non_trade_activity"}
        found = self._activities("read activities", "/account/activities", query, convert.activity)
        return [one for one in found if one is not None]

    def _activities(
        self, operation: str, path: str, wanted: dict[str, str], meaning: Callable[[Any], Row]
    ) -> list[Row]:
        """Every page of them. Complete, or it raises."""
        query: dict[str, Any] = {**wanted, "direction": "asc", "page_size": ACTIVITIES_PER_PAGE}
        found: list[Row] = []
        with alpaca_retry_context(operation_name=operation), self._clients.reading():
            for _ in range(PAGES_MAX):
                page = _rows(self._clients.trading.get(path, query))
                found += [meaning(raw) for raw in page]
                if len(page) < ACTIVITIES_PER_PAGE:
                    return found
                query = query | {"page_token": page[-1]["id"]}
        raise BrokerUnavailable(f"{operation}: more than {PAGES_MAX * ACTIVITIES_PER_PAGE} of them")

    def get_sessions(self, from_date: str, to_date: str) -> Sequence[Session]:
        """Trading sessions between two ISO dates, both included."""
        with alpaca_retry_context(operation_name="read calendar"), self._clients.reading():
            rows = self._clients.trading.get("/calendar", {"start": from_date, "end": to_date})
            return [convert.session(raw) for raw in _rows(rows)]

    def get_time(self) -> Nanos:
        """The broker's clock."""
        with alpaca_retry_context(operation_name="read clock"), self._clients.reading():
            raw: Any = self._clients.trading.get_clock()
            return parse_rfc3339(raw["timestamp"])

    def get_portfolio_history(self, period: str = "1M", timeframe: str = "1D") -> dict[str, Any]:
        """Equity over time as Alpaca tells it, numbers exact: parallel lists `timestamp`, `equity`, `profit_loss`, …"""
        with alpaca_retry_context(operation_name="read portfolio history"), self._clients.reading():
            query = {"period": period, "timeframe": timeframe}
            raw: Any = self._clients.trading.get("/account/portfolio/history", query)
            return dict(raw)


def _rows(answer: Any) -> list[Any]:
    """A list answer. Anything else raises: an empty body must not read as a flat account."""
    if not isinstance(answer, list):
        raise TypeError("a list was expected")
    return answer


def _position_path(symbol: Symbol) -> str:
    return f"/positions/{quote(symbol, safe='')}"
