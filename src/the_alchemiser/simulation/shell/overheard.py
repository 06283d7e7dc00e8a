"""The adapter as a process uses it, with the judge listening: what was asked, and what it took for the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from the_alchemiser.domain.departure import unless
from the_alchemiser.domain.errors import BrokerError
from the_alchemiser.domain.orders import BrokerOrderId, ClientOrderId, ItemOutcome, OrderReport, OrderRequest
from the_alchemiser.ports import Broker
from the_alchemiser.simulation.link import Network

Answer = TypeVar("Answer")

READS = {
    "get_orders_since": "orders_since",
    "get_account": "account",
    "get_positions": "positions",
    "get_executions": "executions",
    "get_activities": "activities",
    "get_sessions": "sessions",
    "get_histories": "histories",
    "get_quotes": "quotes",
    "get_assets": "assets",
}
"""What the link calls the reads that need no other word about them."""


class OverheardBroker:
    """Every port of the adapter; orders and what is read of them are told as the link tells them."""

    def __init__(self, broker: Broker, network: Network, name: str) -> None:
        self._broker, self._network, self._name = broker, network, name

    def place_order(self, request: OrderRequest) -> OrderReport:
        with self._departing(request):
            return self._tell("submit", request, lambda: self._broker.place_order(request))

    def cancel_order(self, broker_order_id: BrokerOrderId) -> None:
        with self._departing(broker_order_id):
            return self._tell("cancel", broker_order_id, lambda: self._broker.cancel_order(broker_order_id))

    def cancel_all_orders(self) -> Sequence[ItemOutcome]:
        with self._departing("all"):
            return self._tell("cancel_all", "all", self._broker.cancel_all_orders)

    def get_order_by_client_id(self, client_order_id: ClientOrderId) -> OrderReport | None:
        return self._tell(
            "look_up", client_order_id, lambda: self._broker.get_order_by_client_id(client_order_id)
        )

    def get_open_orders(self) -> Sequence[OrderReport]:
        return self._tell("open_orders", None, self._broker.get_open_orders)

    def __getattr__(self, name: str) -> Any:
        method, site = getattr(self._broker, name), READS.get(name)
        if site is None:
            return method
        return lambda *given, **named: self._tell(site, None, lambda: method(*given, **named))

    def _departing(self, request: object) -> AbstractContextManager[None]:
        """Told where the request leaves: before that it may wait for the rate budget."""
        return unless(lambda: self._network.departed(self._name, request))

    def _tell(self, site: str, about: object, ask: Callable[[], Answer]) -> Answer:
        self._network.asked(site, about)
        try:
            answer = ask()
        except BrokerError as error:
            self._network.answered(site, about, error)
            raise
        self._network.answered(site, about, answer)
        return answer
