"""A second set of books, kept from nothing but the rows a client is sent: activities, orders, quotes, the start.

It shares no code with the exchange's own. Decimals throughout; what is rounded there is compared within a
billionth of a dollar here.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal, getcontext
from typing import Any

getcontext().prec = 60
CLOSE_ENOUGH = Decimal("0.000000001")
FINAL = {"filled", "canceled", "expired", "rejected", "replaced"}
CRYPTO = {"BTCUSD"}
CRYPTO_FEE = Decimal("0.0025")
Row = dict[str, Any]


class SecondBooks:
    """Cash, positions and what open orders reserve, as a careful client would reckon them."""

    def __init__(self, cash: str, multiplier: int) -> None:
        self.cash = Decimal(cash)
        self.multiplier = multiplier
        self.own = self.cash
        self.quantity: dict[str, Decimal] = defaultdict(Decimal)
        self.basis: dict[str, Decimal] = defaultdict(Decimal)
        self.filled: dict[str, Decimal] = defaultdict(Decimal)
        self.spent: dict[str, Decimal] = defaultdict(Decimal)
        self.reckoned: dict[str, tuple[Decimal, Row]] = {}
        # What fees the executions must have cost, and what the rows of the fees told.
        self.fees_in_kind = self.fees_in_money = Decimal(0)
        self.told_in_kind = self.told_in_money = Decimal(0)

    # -- what happened ----------------------------------------------------------------------------

    def read(self, activity: Row) -> None:
        if activity["activity_type"] == "FILL":
            self._read_fill(activity)
        elif activity["activity_type"] == "CFEE":
            self.told_in_kind -= Decimal(activity.get("qty", "0"))
            self.told_in_money -= Decimal(activity["net_amount"])
        else:
            self.cash += Decimal(activity["net_amount"])
            if activity["activity_type"] == "CIL":
                self._move(activity["symbol"], Decimal(activity["qty"]), Decimal(activity["price"]))
            elif activity["activity_type"] == "SPLIT":
                self._split(activity["symbol"], Decimal(activity["qty"]))

    def _read_fill(self, fill: Row) -> None:
        quantity, price = Decimal(fill["qty"]), Decimal(fill["price"])
        symbol, value = fill["symbol"], quantity * price
        if fill["side"] == "buy":
            fee = _rounded_up(quantity * CRYPTO_FEE, 9) if "/" in symbol else Decimal(0)
            self.cash -= value
            self._move(symbol.replace("/", ""), quantity - fee, price)
            self.fees_in_kind += fee
        else:
            fee = _rounded_up(value * CRYPTO_FEE, 13) if "/" in symbol else Decimal(0)
            self.cash += value - fee
            self._move(symbol.replace("/", ""), -quantity, price)
            self.fees_in_money += fee
        self.filled[fill["order_id"]] += quantity
        self.spent[fill["order_id"]] += quantity * price

    def _move(self, symbol: str, by: Decimal, price: Decimal) -> None:
        before = self.quantity[symbol]
        if before * by < 0:
            assert abs(by) <= abs(before), f"a position in {symbol} was turned over in one go"
            self.basis[symbol] *= 1 + by / before
        else:
            self.basis[symbol] += by * price
        self.quantity[symbol] += by

    def _split(self, symbol: str, by: Decimal) -> None:
        self.quantity[symbol] += by
        if not self.quantity[symbol]:
            self.basis[symbol] = Decimal(0)

    # -- what is reserved -------------------------------------------------------------------------

    def asked(self, order: Row, ask: str) -> None:
        """An opening order that was just accepted, at this ask."""
        if order["position_intent"].endswith("_to_open"):
            self.reckoned[order["id"]] = (self._cost(order, Decimal(ask)), order)

    def _cost(self, order: Row, ask: Decimal) -> Decimal:
        weight = self._weight(order["symbol"])
        if order["notional"] is not None:
            return weight * Decimal(order["notional"])
        remaining = Decimal(order["qty"]) - Decimal(order["filled_qty"])
        return weight * remaining * self._price(order, ask)

    def _weight(self, symbol: str) -> int:
        """Nothing is lent on crypto: there a dollar uses as much buying power as it could have bought shares."""
        return self.lent if symbol in CRYPTO or "/" in symbol else 1

    @property
    def lent(self) -> int:
        return self.multiplier if self.own >= 2000 else 1

    def _price(self, order: Row, ask: Decimal) -> Decimal:
        limit, stop = order["limit_price"], order["stop_price"]
        if order["side"] == "sell":
            short = (ask * Decimal("1.03")).quantize(Decimal("0.0001"), rounding="ROUND_UP")
            return max(Decimal(limit or 0), short)
        if limit is not None:
            return Decimal(limit)
        if stop is None:
            return ask
        collar = Decimal("1.04") if Decimal(stop) < 50 else Decimal("1.025")
        return (Decimal(stop) * collar).quantize(Decimal("0.0001"), rounding="ROUND_DOWN")

    def reserved(self, open_orders: list[Row]) -> Decimal:
        return sum((self._reserved_by(order) for order in open_orders), Decimal(0))

    def _reserved_by(self, order: Row) -> Decimal:
        known = self.reckoned.get(order["id"])
        if known is None:
            assert order["position_intent"].endswith("_to_close"), f"nobody asked for {order}"
            return Decimal(0)
        cost, then = known
        if then["notional"] is not None:
            return max(Decimal(0), cost - self._weight(order["symbol"]) * self.spent[order["id"]])
        before = Decimal(then["qty"]) - Decimal(then["filled_qty"])
        if order["qty"] != then["qty"]:  # a split restated it
            cost *= self._restated(order, then)
            self.reckoned[order["id"]] = (cost, order)
            return cost
        return cost * (Decimal(order["qty"]) - Decimal(order["filled_qty"])) / before

    def _restated(self, order: Row, then: Row) -> Decimal:
        now, before = Decimal(order["qty"]), Decimal(then["qty"])
        if then["limit_price"] is None and then["stop_price"] is None:
            return Decimal(1)
        flat = Decimal(0)
        as_buy = {"side": "buy"}
        return now * self._price({**order, **as_buy}, flat) / (before * self._price({**then, **as_buy}, flat))

    # -- the comparison ---------------------------------------------------------------------------

    def compare(self, account: Row, positions: list[Row], open_orders: list[Row]) -> None:
        self._compare_positions(positions, open_orders)
        value = sum((Decimal(position["market_value"]) for position in positions), Decimal(0))
        same(account["cash"], self.cash)
        same(account["equity"], self.cash + value)
        same(account["portfolio_value"], self.cash + value)
        sizes = {row["symbol"]: abs(Decimal(row["market_value"])) for row in positions}
        same(account["position_market_value"], sum(sizes.values(), Decimal(0)))
        self.own = self.cash + value
        used = sum((self._weight(symbol) * size for symbol, size in sizes.items()), Decimal(0))
        free = self.own * self.lent - used - self.reserved(open_orders)
        same(account["buying_power"], max(Decimal(0), free))
        for name in ("buying_power", "regt_buying_power", "non_marginable_buying_power"):
            assert Decimal(account[name]) >= 0

    def _compare_positions(self, positions: list[Row], open_orders: list[Row]) -> None:
        shown = {position["symbol"]: position for position in positions}
        assert shown.keys() == {symbol for symbol, quantity in self.quantity.items() if quantity}
        for symbol, position in shown.items():
            quantity = self.quantity[symbol]
            assert Decimal(position["qty"]) == quantity
            same(position["cost_basis"], self.basis[symbol], Decimal("0.0000001"))
            same(position["market_value"], quantity * Decimal(position["current_price"]))
            assert position["side"] == ("long" if quantity > 0 else "short")
            free = Decimal(position["qty_available"])
            assert 0 <= free <= quantity or quantity <= free <= 0
            self._compare_available(quantity - free, symbol, quantity, open_orders)

    def _compare_available(self, held: Decimal, symbol: str, quantity: Decimal, orders: list[Row]) -> None:
        closing = "sell_to_close" if quantity > 0 else "buy_to_close"
        mine = [order for order in orders if order["symbol"].replace("/", "") == symbol]
        working = [order for order in mine if order["position_intent"] == closing]
        if any(order["qty"] is None for order in working):
            return  # an order in dollars does not say for how many shares
        most = sum((Decimal(order["qty"]) - Decimal(order["filled_qty"]) for order in working), Decimal(0))
        plain = [order for order in working if not order["order_class"]]
        least = sum((Decimal(order["qty"]) - Decimal(order["filled_qty"]) for order in plain), Decimal(0))
        assert least <= abs(held) <= most, (symbol, least, held, most)

    def compare_order(self, order: Row) -> None:
        """What an order says of itself is the sum of its executions."""
        chain = Decimal(order["filled_qty"])
        if order["replaces"] is None:
            assert chain == self.filled[order["id"]]
        if chain:
            average = Decimal(order["filled_avg_price"])
            if order["replaces"] is None:
                assert abs(average - self.spent[order["id"]] / chain) < Decimal("0.000001")


def _rounded_up(amount: Decimal, digits: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-digits), rounding="ROUND_UP")


def same(shown: str, reckoned: Decimal, tolerance: Decimal = CLOSE_ENOUGH) -> None:
    assert abs(Decimal(shown) - reckoned) <= tolerance, (shown, reckoned)
