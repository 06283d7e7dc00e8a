"""Running exchanges for the tests of the wire."""

from collections.abc import Iterator

import pytest
from wire import WireExchange, exchange_in_thread


@pytest.fixture
def exchange() -> Iterator[WireExchange]:
    """An exchange of one's own, in lockstep at the opening of 2022-06-01."""
    with exchange_in_thread(requests_per_minute=0, data_requests_per_minute=0) as running:
        yield running


@pytest.fixture(scope="module")
def shared_exchange() -> Iterator[WireExchange]:
    """One exchange for a module of tests that do not change it, in lockstep at 10:30 in New York, 2022-06-01."""
    limits = {"requests_per_minute": 0, "data_requests_per_minute": 0}
    with exchange_in_thread(start="2022-06-01T14:30:00Z", **limits) as running:
        yield running
