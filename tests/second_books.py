"""A second set of books, kept from nothing but the rows a client is sent: activities, orders, quotes.

It shares no code with the exchange's own. Decimals throughout; what is rounded there is compared within a
billionth of a dollar here.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal, getcontext
from typing import Any, Protocol

from second_options import is_contract, size_of, terms, tied_up

getcontext().prec = 60
CLOSE_ENOUGH = Decimal("0.000000001")
FINAL = {"filled", "canceled", "expired", "rejected", "replaced"}
CRYPTO = {"BTCUSD"}
CRYPTO_FEE = Decimal("0.0025")
E4 = Decimal(10_000)
Row = dict[str, Any]


class Shown(Protocol):
    """A quote, in 1e-4 dollars."""

    @property
    def bid_e4(self) -> int: ...
    @property
    def ask_e4(self) -> int: ...


class SecondBooks:
    """Cash, positions and what open orders reserve, as a careful client would reckon them."""

    def __init__(self, multiplier: int) -> None:
        self.cash = Decimal(0)
        self.multiplier = multiplier
        self.own = self.cash
        self.quantity: dict[str, Decimal] = defaultdict(Decimal)
        self.basis: dict[str, Decimal] = defaultdict(Decimal)
        self.filled: dict[str, Decimal] = defaultdict(Decimal)
        self.spent: dict[str, Decimal] = defaultdict(Decimal)
        self.reckoned: dict[str, tuple[Decimal, Row]] = {}
        self.more: dict[str, Decimal] = {}
        self.ends: dict[str, str] = {}
        # What fees the executions must have cost, and what the rows of the fees told.
        self.fees_in_kind = self.fees_in_money = Decimal(0)
        self.told_in_kind = self.told_in_money = Decimal(0)
        # What was exercised, as the activities of the next day must tell it: by symbol, quantity.
        self.awaited: list[tuple[str, str, Decimal]] = []
        self.positions: list[Row] = []
        self.orders: list[Row] = []

    # -- what happened ----------------------------------------------------------------------------

    def read(self, activity: Row) -> None:
        if activity["activity_type"] == "FILL":
            self._read_fill(activity)
        elif activity["activity_type"] == "CFEE":
            self.told_in_kind -= Decimal(activity.get("qty", "0"))
            self.told_in_money -= Decimal(activity["net_amount"])
        elif activity["activity_type"] in ("OPEXC", "OPASN", "OPEXP", "OPTRD"):
            self._read_delivery(activity)
        else:
            self.cash += Decimal(activity["net_amount"])
            if activity["activity_type"] == "CIL":
                self._move(activity["symbol"], Decimal(activity["qty"]), Decimal(activity["price"]))
            elif activity["activity_type"] == "SPLIT":
                self._split(activity["symbol"], Decimal(activity["qty"]))

    def _read_delivery(self, activity: Row) -> None:
        """The end of a contract, and the shares it brought: booked already where the owner asked for it."""
        kind, symbol, quantity = activity["activity_type"], activity["symbol"], Decimal(activity["qty"])
        told = (kind, symbol, quantity)
        if told in self.awaited:
            self.awaited.remove(told)
            return
        price = Decimal(activity.get("price", "0"))
        if kind == "OPTRD":
            assert Decimal(activity["net_amount"]) == -quantity * price
            self.cash -= quantity * price
        else:
            assert Decimal(activity["net_amount"]) == 0
            assert (quantity > 0) == (self.quantity[symbol] < 0), "an end does not enlarge a position"
        self._move(symbol, quantity, price)

    def exercised(self, symbol: str) -> None:
        """The owner's wish was granted: everything of this contract that no order held."""
        free = next(Decimal(row["qty_available"]) for row in self.positions if row["symbol"] == symbol)
        contract = terms(symbol)
        shares = free * 100 if contract.is_call else -free * 100
        self._move(symbol, -free, Decimal(0))
        self._move(contract.stock, shares, contract.strike)
        self.cash -= shares * contract.strike
        self.awaited += [("OPEXC", symbol, -free), ("OPTRD", contract.stock, shares)]

    def _read_fill(self, fill: Row) -> None:
        quantity, price = Decimal(fill["qty"]), Decimal(fill["price"])
        symbol = fill["symbol"]
        value = quantity * price * size_of(symbol)
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
        if before * by < 0 and abs(by) <= abs(before):
            self.basis[symbol] *= 1 + by / before
        elif before * by < 0:  # a delivery, or a fill out of turn, turned the position over
            self.basis[symbol] = (before + by) * price * size_of(symbol)
        else:
            self.basis[symbol] += by * price * size_of(symbol)
        self.quantity[symbol] += by

    def _split(self, symbol: str, by: Decimal) -> None:
        self.quantity[symbol] += by
        if not self.quantity[symbol]:
            self.basis[symbol] = Decimal(0)

    # -- what is reserved -------------------------------------------------------------------------

    def asked(self, order: Row, quote: Shown) -> None:
        """An order that was just accepted, at this quote, on top of what was there at the last comparison."""
        ask = Decimal(quote.ask_e4) / E4
        if is_contract(order["symbol"]):
            price = Decimal(order["limit_price"] or 0) or Decimal(quote.bid_e4) / E4
            if order["side"] == "buy":
                price = Decimal(order["limit_price"] or 0) or ask
            sign = 1 if order["side"] == "buy" else -1
            count = sign * (Decimal(order["qty"]) - Decimal(order["filled_qty"]))
            cost = self._cost_of_writing({order["symbol"]: count}, count * price, order["replaces"])
        elif order["position_intent"].endswith("_to_open"):
            cost = self._cost(order, ask)
        else:
            return
        self._reckon(order, cost)

    def _reckon(self, order: Row, cost: Decimal) -> None:
        """While the replaced order still stands, its successor holds what it asks for more."""
        self.reckoned[order["id"]] = (cost, order)
        replaced = next((one for one in self.orders if one["id"] == order["replaces"]), None)
        if replaced is not None:
            self.more[order["id"]] = max(Decimal(0), cost - self._reserved_by(replaced))

    def asked_together(self, order: Row, quotes: dict[str, Shown]) -> None:
        """A combination that was just accepted, with its legs, at these quotes of theirs."""
        net, changes = Decimal(0), {}
        for leg in order["legs"]:
            quote, buys = quotes[leg["symbol"]], leg["side"] == "buy"
            ratio = Decimal(leg["ratio_qty"]) * (1 if buys else -1)
            net += ratio * (quote.ask_e4 if buys else quote.bid_e4) / E4
            changes[leg["symbol"]] = ratio * Decimal(order["qty"])
        if order["limit_price"] is not None:
            net = Decimal(order["limit_price"])
        cost = self._cost_of_writing(changes, net * Decimal(order["qty"]), None)
        self.reckoned[order["id"]] = (cost, order)

    def _cost_of_writing(self, changes: dict[str, Decimal], price: Decimal, without: str | None) -> Decimal:
        """The premium, and the money that is tied up more than before."""
        held: dict[str, Decimal] = defaultdict(Decimal)
        for row in self.positions:
            if is_contract(row["symbol"]):
                long = Decimal(row["qty"]) > 0
                held[row["symbol"]] += Decimal(row["qty_available" if long else "qty"])
        for row in self.orders:
            if _writes(row) and row["id"] != without:
                held[row["symbol"]] -= self._written(row, self.orders)
        before = tied_up(held)[0]
        for symbol, count in changes.items():
            held[symbol] += count
        required = tied_up(held)[0] - before + price * 100
        return max(Decimal(0), required) * self.lent

    def _cost(self, order: Row, ask: Decimal) -> Decimal:
        weight = self._weight(order["symbol"])
        if order["notional"] is not None:
            return weight * Decimal(order["notional"])
        remaining = Decimal(order["qty"]) - Decimal(order["filled_qty"])
        return weight * remaining * self._price(order, ask)

    def _weight(self, symbol: str) -> int:
        """Nothing is lent on crypto: there a dollar uses as much buying power as it could have bought shares."""
        return self.lent if symbol in CRYPTO or "/" in symbol or is_contract(symbol) else 1

    def _use(self, symbol: str, value: Decimal) -> Decimal:
        """What a position of this value takes of the buying power."""
        if is_contract(symbol):
            return self.lent * value  # what a written one would cost has left the account's own already
        if value < 0 and self.lent == 1:
            return -value / 2  # short, and nothing is lent any more
        return self._weight(symbol) * abs(value)

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

    def _waits(self, order: Row) -> bool:
        """Whether the order it is to replace has not given way yet."""
        return bool(order["replaces"]) and self.ends.get(order["replaces"]) != "replaced"

    def _written(self, order: Row, open_orders: list[Row]) -> Decimal:
        """How many contracts it writes beyond those of the order that it waits to replace."""
        left = Decimal(order["qty"]) - Decimal(order["filled_qty"])
        if not self._waits(order):
            return left
        for other in open_orders:
            if other["id"] == order["replaces"]:
                return max(Decimal(0), left - Decimal(other["qty"]) + Decimal(other["filled_qty"]))
        return Decimal(0)

    def reserved(self, open_orders: list[Row]) -> Decimal:
        return sum(map(self._reserved_by, open_orders), Decimal(0))

    def _reserved_by(self, order: Row) -> Decimal:
        if order["order_class"] == "mleg" and order["symbol"]:
            return Decimal(0)  # a leg: its order holds the money
        known = self.reckoned.get(order["id"])
        if known is None:
            assert order["position_intent"].endswith("_to_close"), f"nobody asked for {order}"
            return Decimal(0)
        if self._waits(order):
            return self.more[order["id"]]
        cost, then = known
        if then["notional"] is not None:
            return max(Decimal(0), cost - self._weight(order["symbol"]) * self.spent[order["id"]])
        before = Decimal(then["qty"]) - Decimal(then["filled_qty"])
        if _terms(order) != _terms(then):  # a split restated it
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
        sizes = {row["symbol"]: Decimal(row["market_value"]) for row in positions}
        same(account["position_market_value"], sum(map(abs, sizes.values()), Decimal(0)))
        self.own = self.cash + value
        used = sum((self._use(symbol, size) for symbol, size in sizes.items()), Decimal(0))
        secured = tied_up({row["symbol"]: Decimal(row["qty"]) for row in positions})[0]
        self.positions, self.orders = positions, open_orders
        free = self.own * self.lent - used - secured * self.lent - self.reserved(open_orders)
        same(account["buying_power"], max(Decimal(0), free))
        powers = ("buying_power", "regt_buying_power", "non_marginable_buying_power", "options_buying_power")
        for name in (*powers, "initial_margin", "maintenance_margin", "last_maintenance_margin", "sma"):
            assert Decimal(account[name]) >= 0

    def _compare_positions(self, positions: list[Row], open_orders: list[Row]) -> None:
        shown = {position["symbol"]: position for position in positions}
        assert shown.keys() == {symbol for symbol, quantity in self.quantity.items() if quantity}
        counts = {symbol: quantity for symbol, quantity in self.quantity.items() if is_contract(symbol)}
        for order in open_orders:
            if _writes(order):
                counts[order["symbol"]] = counts.get(order["symbol"], Decimal(0)) - self._written(
                    order, open_orders
                )
        promised = tied_up(counts)[1]
        for symbol, position in shown.items():
            quantity = self.quantity[symbol]
            assert Decimal(position["qty"]) == quantity
            same(position["cost_basis"], self.basis[symbol], Decimal("0.0000001"))
            same(position["market_value"], quantity * size_of(symbol) * Decimal(position["current_price"]))
            assert position["side"] == ("long" if quantity > 0 else "short")
            free = Decimal(position["qty_available"])
            assert 0 <= free <= quantity or quantity <= free <= 0
            pledged = promised.get(symbol, Decimal(0)) if quantity > 0 else Decimal(0)
            self._compare_available(quantity - free, (symbol, quantity, pledged), open_orders)

    def _compare_available(
        self, held: Decimal, position: tuple[str, Decimal, Decimal], orders: list[Row]
    ) -> None:
        symbol, quantity, pledged = position
        closing = "sell_to_close" if quantity > 0 else "buy_to_close"
        mine = [order for order in orders if order["symbol"].replace("/", "") == symbol]
        working = [order for order in mine if order["position_intent"] == closing]
        if any(order["qty"] is None for order in working):
            return  # an order in dollars does not say for how many shares
        most = sum((Decimal(order["qty"]) - Decimal(order["filled_qty"]) for order in working), Decimal(0))
        plain = [
            order for order in working if order["order_class"] in ("", "simple") and not self._waits(order)
        ]
        least = sum((Decimal(order["qty"]) - Decimal(order["filled_qty"]) for order in plain), Decimal(0))
        least, most = min(least + pledged, abs(quantity)), min(most + pledged, abs(quantity))
        assert least <= abs(held) <= most, (symbol, least, held, most)

    def ended(self, order: Row) -> None:
        """An order is not among the open ones any more."""
        assert order["status"] in FINAL, order["status"]
        self.ends[order["id"]] = order["status"]

    def compare_order(self, order: Row) -> None:
        """What an order says of itself is the sum of its executions."""
        chain = Decimal(order["filled_qty"])
        if order["order_class"] == "mleg" and not order["symbol"]:
            for leg in order["legs"] or ():
                assert self.filled[leg["id"]] == chain * Decimal(leg["ratio_qty"])
            return
        if order["replaces"] is None:
            assert chain == self.filled[order["id"]]
        if chain:
            average = Decimal(order["filled_avg_price"])
            if order["replaces"] is None:
                assert abs(average - self.spent[order["id"]] / chain) < Decimal("0.000001")


def _terms(order: Row) -> tuple[str | None, ...]:
    return order["qty"], order["limit_price"], order["stop_price"]


def _writes(order: Row) -> bool:
    """Whether an open order will write contracts if it fills."""
    single = is_contract(order["symbol"]) and order["order_class"] != "mleg"
    return single and order["position_intent"] == "sell_to_open"


def _rounded_up(amount: Decimal, digits: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-digits), rounding="ROUND_UP")


def same(shown: str, reckoned: Decimal, tolerance: Decimal = CLOSE_ENOUGH) -> None:
    assert abs(Decimal(shown) - reckoned) <= tolerance, (shown, reckoned)
