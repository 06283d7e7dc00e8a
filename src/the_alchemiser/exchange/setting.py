"""What a world follows from, besides the commands of its accounts: the first line of every command log."""

from __future__ import annotations

from typing import Any

import msgspec

from the_alchemiser.exchange.desk import AccountTerms
from the_alchemiser.exchange.timestamps import parse_instant
from the_alchemiser.exchange.venue.rules import VenueRules

FORMAT = 1


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """`data` names the market data exactly. Without `accounts` there is one, with `cash`, whose keys the
    exchange chooses at each start.
    """

    seed: int
    cash: str
    start: str
    data: str
    multiplier: int = 1
    symbols: tuple[str, ...] | None = None
    volatility: float = 1.0
    rules: VenueRules = msgspec.field(default_factory=VenueRules)
    accounts: tuple[AccountTerms, ...] = ()

    @property
    def start_instant(self) -> int:
        return parse_instant(self.start)

    def header(self) -> dict[str, Any]:
        """As the first line of a log, without what is as usual."""
        usual = Setting(seed=0, cash="", start="", data="")
        named = {name: getattr(self, name) for name in self.__struct_fields__}
        required = ("seed", "cash", "start", "data")
        chosen = {
            name: value for name, value in named.items() if name in required or value != getattr(usual, name)
        }
        header: dict[str, Any] = msgspec.json.decode(
            msgspec.json.encode({"exchange_commands": FORMAT, **chosen})
        )
        return header
