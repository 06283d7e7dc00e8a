"""The flags of `alchemiser exchange`, one name each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Host = Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65_535, metavar="N", help="0 lets the system choose.")]
Speed = Annotated[
    str, typer.Option(metavar="X|max", help="Exchange seconds per second; max: lockstep, see above.")
]
Start = Annotated[
    str | None,
    typer.Option(metavar="YYYY-MM-DD", help="The first market day.", show_default="a year before prices end"),
]
Bars = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="A folder of CSV or Parquet bars to replay instead."),
]
SpreadBasisPoints = Annotated[
    float, typer.Option(min=0, max=1_000, metavar="X", help="Between bid and ask, around bars of --data.")
]
Multiplier = Annotated[
    int,
    typer.Option(
        min=1, max=4, metavar="1|2|4", help="1: a cash account; 2, 4: it may borrow and sell short."
    ),
]
PayDividends = Annotated[bool, typer.Option(help="Pay the dividends of the script; paper does not.")]
HardToBorrow = Annotated[
    str | None,
    typer.Option(metavar="A,B,...", help="Stocks that cannot be sold short, and sold for the day only."),
]
PartialFills = Annotated[
    str,
    typer.Option(
        metavar="off|random|displayed",
        help="random: one fill in ten is a part, as on paper; displayed: no more than the quote shows.",
    ),
]
State = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Command log: a killed exchange continues from it.")
]
Script = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="TOML or JSON: halts, price bands, splits, dividends, half days."),
]
DataPlan = Annotated[
    str, typer.Option(metavar="unlimited|basic", help="basic: consolidated (sip) data 15 minutes late.")
]
Faults = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A schedule of what is to go wrong, TOML or JSON.")
]
TLS = Annotated[bool, typer.Option("--tls", help="Speak TLS; `ca` in the first line is the CA to trust.")]
TLSPort = Annotated[
    int | None,
    typer.Option(min=0, max=65_535, metavar="N", help="Speak TLS on this port, plain HTTP on --port."),
]
TLSDir = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Where the private CA is kept.", show_default="user data")
]
Load = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Begin with this saved state, whatever the other flags say."),
]
Accounts = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="TOML or JSON: several isolated accounts, each with its keys."),
]
Symbols = Annotated[
    str | None,
    typer.Option(metavar="A,B,…", help="Only these of the shipped stocks.", show_default="all twenty"),
]
Volatility = Annotated[
    float, typer.Option(min=0, max=10, metavar="X", help="Factor on how far simulated hours stray.")
]
StreamSymbols = Annotated[
    int,
    typer.Option(min=0, metavar="N", help="Symbols of trades and quotes a stream connection; 0: no limit."),
]
StreamConnections = Annotated[
    int, typer.Option(min=0, metavar="N", help="Connections to each data stream; 0: no limit.")
]
TradingConnections = Annotated[
    int, typer.Option(min=0, metavar="N", help="Connections to the trading stream; Alpaca allows 1.")
]
RefusedFeeds = Annotated[
    str, typer.Option(metavar="NAMES", help="Feeds not subscribed to: sip,opra=411 (else error 409).")
]
PrintErrors = Annotated[
    float,
    typer.Option(
        min=0, max=100, metavar="PERCENT", help="Share of prints that are corrected, cancelled or late."
    ),
]
