"""What a person at a terminal reads when the exchange listens."""

from __future__ import annotations

from urllib.parse import quote

from the_alchemiser.exchange.floor import Floor
from the_alchemiser.exchange.timestamps import rfc3339


def greeting(floor: Floor, rest: str, key: str, secret: str) -> str:
    """Addresses, keys, time and how to stop, over a few lines."""
    clock, accounts = floor.clock, len(floor.desks)
    pace = (
        "in lockstep: only POST /v1/control/advance moves it"
        if clock is None
        else f"{clock.speed:g} x real time"
    )
    also = "" if accounts == 1 else f"  (the first of {accounts} accounts: GET /v1/control/accounts)"
    lines = (
        "An exchange with simulated money listens. Any Alpaca client can trade on it.",
        f"  Address  {rest}  (trading, data and streams)",
        f"  Key      {key}{also}",
        f"  Secret   {secret}",
        f"  Page     {rest}/#{quote(key)}:{quote(secret)}  (time, accounts and faults, in a browser)",
        f"  Time     {rfc3339(floor.now)}, {pace}",
        "  Stop     Ctrl-C",
    )
    return "\n".join(lines) + "\n"
