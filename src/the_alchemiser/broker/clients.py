"""alpaca-py's two clients, disciplined: our session under each, none of its own repetition."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from the_alchemiser.broker.credentials import Credentials
from the_alchemiser.broker.platform import SYSTEM, Platform
from the_alchemiser.broker.ratebudget import RateBudget
from the_alchemiser.broker.resilience import RetryPolicy, Waits, current_operation
from the_alchemiser.broker.sockets import trusted_authorities
from the_alchemiser.broker.transport import BrokerSession, last_request_id
from the_alchemiser.broker.wire import Wire
from the_alchemiser.domain.errors import BrokerUnavailable, OutcomeUnknown
from the_alchemiser.endpoints import Endpoints

log = logging.getLogger(__name__)

_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError)


@dataclass(frozen=True)
class BrokerOptions:
    """How patient we are and which prices we ask for."""

    connect_seconds: float = 2.0
    call_seconds: float = 5.0
    """A call ends after this long, whatever it is waiting for."""
    feed: str = "iex"
    """The data feed; `iex` is in every plan, `sip` needs a paid one."""
    ca_file: str = ""
    """Certificate authorities to trust; empty for those of `SSL_CERT_FILE` or, without it, certifi's."""
    trading_budget: RateBudget = field(default_factory=RateBudget)
    data_budget: RateBudget = field(default_factory=RateBudget)
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    waits: Waits = field(default_factory=Waits)
    """Where budgets and retries wait by these, `AlpacaManager.stop_waiting` ends their waiting."""
    platform: Platform = SYSTEM


class Clients:
    """Both clients for one account, and the sessions beneath them."""

    def __init__(self, credentials: Credentials, endpoints: Endpoints, options: BrokerOptions) -> None:
        # alpaca-py imports pandas, which takes a second: whoever only reads our types must not pay for it.
        from alpaca.data.historical.stock import StockHistoricalDataClient
        from alpaca.trading.client import TradingClient

        key, secret = credentials.api_key, credentials.secret_key
        self._credentials, self.options = credentials, options
        self.trading = TradingClient(key, secret, raw_data=True, url_override=endpoints.trading)
        self.data = StockHistoricalDataClient(key, secret, raw_data=True, url_override=endpoints.data)
        self.trading_session = _disciplined(
            self.trading, endpoints.trading, credentials, options, options.trading_budget
        )
        self.data_session = _disciplined(self.data, endpoints.data, credentials, options, options.data_budget)

    def close(self) -> None:
        """Close idle connections."""
        self.trading_session.close()
        self.data_session.close()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn what cannot be understood in the answer to a read into BrokerUnavailable."""
        try:
            yield
        except _UNREADABLE as error:
            raise BrokerUnavailable(self._unreadable(error), request_id=last_request_id()) from error

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Turn what cannot be understood in the answer to an order into OutcomeUnknown."""
        try:
            yield
        except _UNREADABLE as error:
            raise OutcomeUnknown(self._unreadable(error), request_id=last_request_id()) from error

    def _unreadable(self, error: Exception) -> str:
        operation = current_operation().name
        text = self._credentials.masked(f"{operation}: the broker's answer cannot be understood: {error}")
        log.error("broker: %s", text, extra={"operation": operation, "request_id": last_request_id()})
        return text


def _disciplined(
    client: Any, origin: str, credentials: Credentials, options: BrokerOptions, budget: RateBudget
) -> BrokerSession:
    wire = Wire(
        origin,
        connect_seconds=options.connect_seconds,
        call_seconds=options.call_seconds,
        ca_file=trusted_authorities(options.ca_file),
        platform=options.platform,
    )
    session = BrokerSession(
        origin, wire, credentials, call_seconds=options.call_seconds, budget=budget, retries=options.retries
    )
    client._session = session
    client._retry, client._retry_codes = 0, []
    return session
