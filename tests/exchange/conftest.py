"""What the tests of the exchange core share."""

import pytest
from trading_desk import Desk

from the_alchemiser.exchange.market.days import SimulatedDays


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture(scope="session")
def days() -> SimulatedDays:
    """The shipped history under seed 7; reading from it changes nothing, so that all tests may share it."""
    return SimulatedDays(seed=7)
