"""What the letters in stock data mean: conditions of trades and quotes by tape, and exchanges."""

from __future__ import annotations

from aiohttp import web

from the_alchemiser.exchange.rest.door import json_answer
from the_alchemiser.exchange.rest.paging import bad_query, only_known, required

EXCHANGES = {
    "A": "NYSE American (AMEX)",
    "B": "NASDAQ OMX BX",
    "C": "National Stock Exchange",
    "D": "FINRA ADF",
    "E": "Market Independent",
    "G": "24X National Exchange",
    "H": "MIAX",
    "I": "International Securities Exchange",
    "J": "Cboe EDGA",
    "K": "Cboe EDGX",
    "L": "Long Term Stock Exchange",
    "M": "Chicago Stock Exchange",
    "N": "New York Stock Exchange",
    "P": "NYSE Arca",
    "Q": "NASDAQ OMX",
    "S": "NASDAQ Small Cap",
    "T": "NASDAQ Int",
    "U": "Members Exchange",
    "V": "IEX",
    "W": "CBOE",
    "X": "NASDAQ OMX PSX",
    "Y": "Cboe BYX",
    "Z": "Cboe BZX",
}

# Tapes A and B follow the Consolidated Tape Association, tape C the UTP plan.
_TRADES_AB = {
    " ": "Regular Sale",
    "4": "Derivatively Priced",
    "5": "Market Center Reopening Trade",
    "6": "Market Center Closing Trade",
    "7": "Qualified Contingent Trade",
    "9": "Corrected Consolidated Close Price as per Listing Market",
    "B": "Average Price Trade",
    "C": "Cash Trade (Same Day Clearing)",
    "E": "Automatic Execution",
    "F": "Intermarket Sweep Order",
    "H": "Price Variation Trade",
    "I": "Odd Lot Trade",
    "K": "Rule 127 (NYSE only) or Rule 155 (NYSE MKT only)",
    "L": "Sold Last (Late Reporting)",
    "M": "Market Center Official Close",
    "N": "Next Day Trade (Next Day Clearing)",
    "O": "Market Center Opening Trade",
    "P": "Prior Reference Price",
    "Q": "Market Center Official Open",
    "R": "Seller",
    "T": "Extended Hours Trade",
    "U": "Extended Hours Sold (Out Of Sequence)",
    "V": "Contingent Trade",
    "X": "Cross Trade",
    "Z": "Sold (Out Of Sequence)",
}
_TRADES_C = {
    "@": "Regular Sale",
    "1": "Stopped Stock (Regular Trade)",
    "4": "Derivatively Priced",
    "5": "Re-Opening Prints",
    "6": "Closing Prints",
    "7": "Qualified Contingent Trade",
    "8": "Placeholder For 611 Exempt",
    "9": "Corrected Consolidated Close (per listing market)",
    "A": "Acquisition",
    "B": "Bunched Trade",
    "C": "Cash Sale",
    "D": "Distribution",
    "E": "Placeholder",
    "F": "Intermarket Sweep",
    "G": "Bunched Sold Trade",
    "H": "Price Variation Trade",
    "I": "Odd Lot Trade",
    "K": "Rule 155 Trade (AMEX)",
    "L": "Sold Last",
    "M": "Market Center Official Close",
    "N": "Next Day",
    "O": "Opening Prints",
    "P": "Prior Reference Price",
    "Q": "Market Center Official Open",
    "R": "Seller",
    "S": "Split Trade",
    "T": "Form T",
    "U": "Extended Trading Hours (Sold Out Of Sequence)",
    "V": "Contingent Trade",
    "W": "Average Price Trade",
    "X": "Cross Trade",
    "Y": "Yellow Flag Regular Trade",
    "Z": "Sold (Out Of Sequence)",
}
_QUOTES_AB = {
    "A": "Slow Quote Offer Side",
    "B": "Slow Quote Bid Side",
    "C": "Closing",
    "E": "Slow Quote LRP Bid Side",
    "F": "Slow Quote LRP Offer Side",
    "H": "Slow Quote Bid And Offer Side",
    "O": "Opening Quote",
    "R": "Regular Market Maker Open",
    "U": "Slow Quote LRP Bid And Offer Side",
    "W": "Slow Quote Set Slow List",
    "4": "On Demand Intraday Auction",
}
_QUOTES_C = {
    "4": "On Demand Intraday Auction",
    "A": "Manual Ask Automated Bid",
    "B": "Manual Bid Automated Ask",
    "F": "Fast Trading",
    "H": "Manual Bid And Ask",
    "I": "Order Imbalance",
    "L": "Closed Quote",
    "N": "Non Firm Quote",
    "O": "Opening Quote Automated",
    "R": "Regular Two Sided Open",
    "U": "Manual Bid And Ask Non Firm",
    "X": "Order Influx",
    "Y": "No Offer No Bid One Sided Open",
    "Z": "No Open No Resume",
}
_CONDITIONS = {
    "trade": {"A": _TRADES_AB, "B": _TRADES_AB, "C": _TRADES_C},
    "quote": {"A": _QUOTES_AB, "B": _QUOTES_AB, "C": _QUOTES_C},
}


async def exchanges(request: web.Request) -> web.Response:
    """GET /v2/stocks/meta/exchanges."""
    only_known(request, frozenset())
    return json_answer(EXCHANGES)


async def conditions(request: web.Request) -> web.Response:
    """GET /v2/stocks/meta/conditions/{trade or quote}?tape=."""
    only_known(request, frozenset({"tape"}))
    kind = request.match_info["ticktype"]
    if kind not in _CONDITIONS:
        raise bad_query(f"invalid ticktype: {kind[:16]}")
    tape = required(request, "tape")
    if tape not in _CONDITIONS[kind]:
        raise bad_query(f"invalid tape: {tape[:16]}")
    return json_answer(_CONDITIONS[kind][tape])
