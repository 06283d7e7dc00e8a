"""One object that speaks with Alpaca for one account: orders, account, prices and assets over one pair of clients."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Self, cast
from weakref import WeakValueDictionary

from the_alchemiser.broker.account_desk import AccountDesk
from the_alchemiser.broker.clients import BrokerOptions, Clients
from the_alchemiser.broker.credentials import Credentials
from the_alchemiser.broker.market_desk import MarketDesk
from the_alchemiser.broker.order_desk import OrderDesk
from the_alchemiser.broker.platform import SYSTEM, Platform
from the_alchemiser.broker.transport import ResponseObserver
from the_alchemiser.domain.errors import ConfigurationError
from the_alchemiser.endpoints import LIVE_URL, PAPER_URL, Endpoints, endpoints_of

# A second manager for the same account would have its own rate budget, and together they would exceed the broker's.
_managers: WeakValueDictionary[tuple[Credentials, Endpoints, Platform], AlpacaManager] = WeakValueDictionary()
_managers_lock = threading.Lock()


class AlpacaManager(OrderDesk, AccountDesk, MarketDesk):
    """The port `Broker` over Alpaca's REST interface.

    The same keys and endpoints always give the same object, which may be used from many threads. Every failure is a
    BrokerError, and the text of none contains a key. Raises ConfigurationError for missing keys or changed options.
    """

    def __new__(
        cls,
        api_key: str,
        secret_key: str,
        *,
        paper: bool = True,
        endpoints: Endpoints | None = None,
        options: BrokerOptions | None = None,
    ) -> Self:
        credentials = Credentials(api_key, secret_key)
        if credentials.problem:
            raise ConfigurationError(credentials.problem)
        places = endpoints or endpoints_of(PAPER_URL if paper else LIVE_URL)
        platform = options.platform if options is not None else SYSTEM
        with _managers_lock:
            manager = _managers.get((credentials, places, platform))
            if manager is None:
                manager = super().__new__(cls)
                manager._open(credentials, places, options or BrokerOptions())
                _managers[credentials, places, platform] = manager
        if options is not None and manager.options != options:
            raise ConfigurationError("this account already has a manager with other options")
        return cast("Self", manager)

    def _open(self, credentials: Credentials, endpoints: Endpoints, options: BrokerOptions) -> None:
        self.credentials, self.endpoints, self.options = credentials, endpoints, options
        self._clients = Clients(credentials, endpoints, options)
        self._assets = {}
        self.stream_sequence = 0
        """How many order updates our own exchange had sent by its last answer: a stream that has delivered as many has
        caught up. Stays 0 with Alpaca, which does not count them."""
        self.response_observers.append(self._hear_sequence)

    def __repr__(self) -> str:
        return f"AlpacaManager({self.credentials!r}, {self.endpoints.trading})"

    @property
    def response_observers(self) -> list[ResponseObserver]:
        """Called with the headers (lower-case names) of every answer of the trading service, in the calling thread."""
        return self._clients.trading_session.response_observers

    def stop_waiting(self) -> None:
        """From now on nothing is tried again and no wait is begun: the program is stopping."""
        self.options.waits.end()

    def close(self) -> None:
        """Close the connections and give the account free for another manager."""
        with _managers_lock:
            _managers.pop((self.credentials, self.endpoints, self.options.platform), None)
        self._clients.close()

    def _hear_sequence(self, headers: Mapping[str, str]) -> None:
        sequence = headers.get("x-stream-sequence", "")
        if sequence.isascii() and sequence.isdigit():
            self.stream_sequence = int(sequence)


def create_alpaca_manager(
    api_key: str,
    secret_key: str,
    paper: bool = True,
    *,
    endpoints: Endpoints | None = None,
    options: BrokerOptions | None = None,
) -> AlpacaManager:
    """The manager of an account; `endpoints` replaces Alpaca's own addresses. Raises ConfigurationError."""
    return AlpacaManager(api_key, secret_key, paper=paper, endpoints=endpoints, options=options)
