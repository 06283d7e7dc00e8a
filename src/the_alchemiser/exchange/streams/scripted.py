"""What the market script says, as the data streams tell it: trading statuses, price bands, imbalances."""

from __future__ import annotations

from collections.abc import Iterator

from the_alchemiser.exchange.market.script import BAND, HALTED, RESUMED, Band, Halt, MarketScript
from the_alchemiser.exchange.streams.batch import Event
from the_alchemiser.exchange.streams.feeds import LULDS, STATUSES
from the_alchemiser.exchange.streams.messages import LuldMessage, StatusMessage
from the_alchemiser.exchange.units import PRICE

# Codes of the UTP tape (tape C), whose letter the exchange puts on everything it prints.
_STATUSES = {HALTED: ("H", "Trading Halt"), RESUMED: ("T", "Trading Resumption")}
_REASONS = {
    "T1": "Halt News Pending",
    "T2": "Halt News Dissemination",
    "T5": "Single Stock Trading Pause In Affect",
    "T6": "Regulatory Halt Extraordinary Market Activity",
    "T8": "Halt ETF",
    "T12": "Trading Halted; For Information Requested by Listing Market",
    "H4": "Halt Non Compliance",
    "H9": "Halt Filings Not Current",
    "H10": "Halt SEC Trading Suspension",
    "H11": "Halt Regulatory Concern",
    "O1": "Operations Halt, Contact Market Operations",
    "IPO1": "IPO Issue Not Yet Trading",
    "M1": "Corporate Action",
    "M2": "Quotation Not Available",
    "LUDP": "Volatility Trading Pause",
    "LUDS": "Volatility Trading Pause - Straddle Condition",
    "MWC1": "Market Wide Circuit Breaker Halt - Level 1",
    "MWC2": "Market Wide Circuit Breaker Halt - Level 2",
    "MWC3": "Market Wide Circuit Breaker Halt - Level 3",
}


def statuses(script: MarketScript, symbol: str, after: int, until: int) -> Iterator[Event]:
    """The beginnings and ends of halts with after < time <= until."""
    for happening in script.between(after, until):
        entry = happening.entry
        if isinstance(entry, Halt) and entry.symbol == symbol:
            code, text = _STATUSES[happening.kind]
            reason_code, reason = _reason(entry) if happening.kind == HALTED else ("", "")
            message = StatusMessage("s", symbol, None, code, text, reason_code, reason)
            yield Event(happening.at, STATUSES, symbol, happening.at, message)


def lulds(script: MarketScript, symbol: str, after: int, until: int) -> Iterator[Event]:
    """The price bands that came into force with after < time <= until."""
    for happening in script.between(after, until):
        entry = happening.entry
        if happening.kind == BAND and isinstance(entry, Band) and entry.symbol == symbol:
            message = LuldMessage("l", symbol, None, entry.up_e4 / PRICE, entry.down_e4 / PRICE)
            yield Event(happening.at, LULDS, symbol, happening.at, message)


def _reason(halt: Halt) -> tuple[str, str]:
    """The code and its meaning; a script may also say why in its own words."""
    code = halt.reason.upper()
    return (code, _REASONS[code]) if code in _REASONS else ("", halt.reason)
