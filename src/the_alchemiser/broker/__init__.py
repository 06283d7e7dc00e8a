"""Alpaca, and the only importer of alpaca-py: requests by `AlpacaManager`, order updates by `AlpacaStream`, prices by
`StockStream`.
"""

from __future__ import annotations

from the_alchemiser.broker.alpaca_manager import AlpacaManager, create_alpaca_manager
from the_alchemiser.broker.alpaca_stream import AlpacaStream
from the_alchemiser.broker.clients import BrokerOptions
from the_alchemiser.broker.credentials import Credentials
from the_alchemiser.broker.market_stream import Occasion, StockStream, StreamOptions
from the_alchemiser.broker.platform import SYSTEM, Platform
from the_alchemiser.broker.ratebudget import RateBudget, Tally
from the_alchemiser.broker.resilience import RetryPolicy, Waits, alpaca_retry_context, is_transient_error
from the_alchemiser.broker.sharedtally import shared_tally
from the_alchemiser.endpoints import Endpoints

__all__ = [
    "SYSTEM",
    "AlpacaManager",
    "AlpacaStream",
    "BrokerOptions",
    "Credentials",
    "Endpoints",
    "Occasion",
    "Platform",
    "RateBudget",
    "RetryPolicy",
    "StockStream",
    "StreamOptions",
    "Tally",
    "Waits",
    "alpaca_retry_context",
    "create_alpaca_manager",
    "is_transient_error",
    "shared_tally",
]
