"""What may befall an account at the venue, without its owner's doing or against it."""

from __future__ import annotations

from typing import Literal

from the_alchemiser.exchange.errors import Refusal
from the_alchemiser.exchange.faults.rules import Rule, Seconds, check_seconds
from the_alchemiser.exchange.units import money_e13, price_e4, quantity_e9
from the_alchemiser.exchange.venue.admission import check_shape
from the_alchemiser.exchange.venue.intake import parse_order_request
from the_alchemiser.exchange.venue.orders import OrderRequest

WhichOrder = Literal["oldest", "newest", "all"]


class CommandFault(Rule, kw_only=True):
    """Strikes a command of an account's owner on its way to the venue; `symbol` narrows it."""

    symbol: str = ""

    @property
    def command(self) -> str:
        """The command it concerns."""
        return self.kind.rpartition("_")[2]

    @property
    def place(self) -> str:
        return self.command


class RejectCancel(CommandFault, kw_only=True, tag="reject_cancel"):
    """The cancel is accepted, and then turned down: `order_cancel_rejected`, and the order goes on."""

    exchange_seconds: Seconds = 0.0

    def check(self) -> None:
        check_seconds("exchange_seconds", self.exchange_seconds)


class DelayCancel(CommandFault, kw_only=True, tag="delay_cancel"):
    """The order stays `pending_cancel`, and may still fill, for so many exchange seconds."""

    exchange_seconds: Seconds

    def check(self) -> None:
        check_seconds("exchange_seconds", self.exchange_seconds)


class RejectReplace(CommandFault, kw_only=True, tag="reject_replace"):
    """The replacement is accepted, and then turned down: `order_replace_rejected`, and the old order goes on."""

    exchange_seconds: Seconds = 0.0

    def check(self) -> None:
        check_seconds("exchange_seconds", self.exchange_seconds)


class DelayReplace(CommandFault, kw_only=True, tag="delay_replace"):
    """The order stays `pending_replace`, and may still fill, for so many exchange seconds."""

    exchange_seconds: Seconds

    def check(self) -> None:
        check_seconds("exchange_seconds", self.exchange_seconds)


class RejectSubmit(CommandFault, kw_only=True, tag="reject_submit"):
    """The order is accepted, and `rejected` so many exchange seconds later, unless it is done by then."""

    exchange_seconds: Seconds = 0.0

    def check(self) -> None:
        check_seconds("exchange_seconds", self.exchange_seconds)


AnyCommandFault = RejectCancel | DelayCancel | RejectReplace | DelayReplace | RejectSubmit


class Happening(Rule, kw_only=True):
    """Happens at the instant `at` to the account named, or to every account."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.at is None:
            raise ValueError("at is missing: this happens at an instant")
        others = (self.probability, self.every, self.first, self.ordinals, self.most)
        if any(condition is not None for condition in others):
            raise ValueError("this happens at an instant: it knows no condition but at")

    @property
    def place(self) -> str:
        return "venue"


class ManualOrder(Happening, kw_only=True, tag="manual_order"):
    """Somebody else trades on the account, as by hand on the broker's site."""

    symbol: str
    side: Literal["buy", "sell"]
    qty: str
    type: Literal["market", "limit"] = "market"
    limit_price: str | None = None
    time_in_force: str = "day"

    @property
    def request(self) -> OrderRequest:
        """The order. Raises Refusal."""
        names = ("symbol", "side", "qty", "type", "limit_price", "time_in_force")
        body = {name: getattr(self, name) for name in names}
        return parse_order_request({name: value for name, value in body.items() if value is not None})

    def check(self) -> None:
        try:
            check_shape(self.request)
        except Refusal as refusal:
            raise ValueError(refusal.message) from None


class ManualCancel(Happening, kw_only=True, tag="manual_cancel"):
    """Somebody else cancels open orders of the account."""

    symbol: str = ""
    which: WhichOrder = "all"


class Fill(Happening, kw_only=True, tag="fill"):
    """An open order fills though the market did not reach it: `qty` of it (all without), at `price` or its own."""

    symbol: str = ""
    which: WhichOrder = "oldest"
    qty: str | None = None
    price: str | None = None

    def check(self) -> None:
        if self.qty is not None and quantity_e9(self.qty) <= 0:
            raise ValueError("qty must be above 0")
        if self.price is not None and price_e4(self.price) <= 0:
            raise ValueError("price must be above 0")


class BothLegs(Happening, kw_only=True, tag="both_legs"):
    """Both exits of a bracket or OCO fill, take profit and stop loss, as at a venue that was too slow to cancel."""

    symbol: str = ""


class Reject(Happening, kw_only=True, tag="reject"):
    """Open orders are rejected by the venue after they had been accepted."""

    symbol: str = ""
    which: WhichOrder = "oldest"


class Reset(Happening, kw_only=True, tag="reset"):
    """The account begins anew: no orders, no positions, this cash, and another account id."""

    cash: str = "100000"

    def check(self) -> None:
        if money_e13(self.cash) < 0:
            raise ValueError("cash must not be negative")


class Halted(Happening, kw_only=True, tag="halt"):
    """Nothing trades in `symbol` for so many exchange seconds, for any account; status messages tell of it."""

    symbol: str
    exchange_seconds: Seconds = 300.0
    reason: str = "LUDP"

    def check(self) -> None:
        check_seconds("exchange_seconds", self.exchange_seconds)
        if self.account:
            raise ValueError("a halt concerns every account")


AnyHappening = ManualOrder | ManualCancel | Fill | BothLegs | Reject | Reset | Halted
