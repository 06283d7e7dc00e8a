"""Whether an order may enter: shape, price rules, complex-order rules, wash trades, money and shares.

Each check raises the Refusal the real API answers with. Order of checks: shape first, then the
asset, prices, complex orders, and last the account.
"""

from __future__ import annotations

from collections.abc import Iterable

from the_alchemiser.exchange.errors import (
    Refusal,
    bad_parameter,
    forbidden,
    unprocessable,
)
from the_alchemiser.exchange.market.contracts import parse_contract
from the_alchemiser.exchange.market.prices import Asset, Quote
from the_alchemiser.exchange.market.trails import Trail
from the_alchemiser.exchange.units import (
    CENT_E4,
    CENT_E13,
    QUANTITY,
    format_money,
    format_price,
    format_quantity,
    tick_e4,
)
from the_alchemiser.exchange.venue import crypto_rules, option_rules
from the_alchemiser.exchange.venue import orders as o
from the_alchemiser.exchange.venue.account import Account
from the_alchemiser.exchange.venue.books import collar_e4
from the_alchemiser.exchange.venue.configuration import Configuration
from the_alchemiser.exchange.venue.margin import Exposure, Standing
from the_alchemiser.exchange.venue.presence import CRYPTO
from the_alchemiser.exchange.venue.rules import BLOCKED, DEFAULT_RULES, LIQUIDATION, VenueRules

SIDES = (o.BUY, o.SELL)
TYPES = (o.MARKET, o.LIMIT, o.STOP, o.STOP_LIMIT, o.TRAILING_STOP)
TIMES_IN_FORCE = (o.DAY, o.GTC, o.OPG, o.CLS, o.IOC, o.FOK)
LEAST_TRAIL_PERCENT_E4 = 1_000
CLASSES = (o.SIMPLE, o.BRACKET, o.OCO, o.OTO)
CLIENT_ORDER_ID_LENGTH = 128
SHORT_PERCENT = 103  # a short sale is reckoned at this part of the ask at least


def check_shape(request: o.OrderRequest) -> None:
    """The parameters fit together (422 / 40010001 where they do not)."""
    _check_words(request)
    _check_quantity(request)
    if request.order_class != o.OCO:
        _check_prices_present(request)
    _check_trail(request)
    _check_legs_present(request)
    client_order_id = request.client_order_id
    if client_order_id is not None and len(client_order_id) > CLIENT_ORDER_ID_LENGTH:
        raise bad_parameter("client_order_id must be no more than 128 characters")


def _check_words(request: o.OrderRequest) -> None:
    if request.side not in SIDES:
        raise bad_parameter("invalid side")
    if request.type not in TYPES:
        raise bad_parameter("invalid order type")
    if request.time_in_force not in TIMES_IN_FORCE:
        raise bad_parameter("invalid time_in_force")
    if request.order_class not in CLASSES:
        raise bad_parameter("invalid order_class")


def _check_quantity(request: o.OrderRequest) -> None:
    if request.qty_e9 is None and request.notional_e13 is None:
        raise bad_parameter("qty or notional is required")
    if request.qty_e9 is not None and request.notional_e13 is not None:
        raise bad_parameter("only one of qty or notional is accepted")
    if request.qty_e9 is not None and request.qty_e9 <= 0:
        raise bad_parameter("qty must be > 0")
    if request.notional_e13 is not None and request.notional_e13 < 100 * CENT_E13:
        raise bad_parameter("notional must be >= 1.00")
    if request.notional_e13 is not None and request.notional_e13 % CENT_E13:
        raise bad_parameter("notional value must be limited to 2 decimal places")


_WANTED = {
    o.MARKET: (False, False),
    o.LIMIT: (True, False),
    o.STOP: (False, True),
    o.STOP_LIMIT: (True, True),
    o.TRAILING_STOP: (False, False),
}
_MISSING = {
    o.LIMIT: "limit orders require a limit price",
    o.STOP: "stop orders require a stop price",
    o.STOP_LIMIT: "stop limit orders require both stop and limit price",
}


def _check_prices_present(request: o.OrderRequest) -> None:
    given = (request.limit_price_e4 is not None, request.stop_price_e4 is not None)
    wanted = _WANTED[request.type]
    if given != wanted:
        if any(want and not have for want, have in zip(wanted, given, strict=True)):
            raise bad_parameter(_MISSING[request.type])
        if request.type == o.MARKET:
            raise bad_parameter("market orders require no stop or limit price")
        stray = "stop" if given[1] and not wanted[1] else "limit"
        raise bad_parameter(f"{request.type} orders require no {stray} price")


def _check_trail(request: o.OrderRequest) -> None:
    price, percent = request.trail_price_e4, request.trail_percent_e4
    if request.type != o.TRAILING_STOP:
        if price is not None or percent is not None:
            raise bad_parameter(f"{request.type} orders require no trail_price or trail_percent")
        return
    if (price is None) == (percent is None):
        raise bad_parameter("trailing stop orders must specify one of trail_price or trail_percent")
    if percent is not None and percent < LEAST_TRAIL_PERCENT_E4:
        raise bad_parameter("trail_percent must be greater than or equal to 0.1")
    if price is not None and price <= 0:
        raise bad_parameter("trail_price must be > 0")
    if request.order_class:
        raise bad_parameter("trailing stop orders must be simple orders")


def _check_legs_present(request: o.OrderRequest) -> None:
    kind = request.order_class
    if kind == o.SIMPLE:
        return
    if kind in (o.BRACKET, o.OCO) and request.take_profit_limit_e4 is None:
        raise bad_parameter(f"{kind} orders require take_profit.limit_price")
    if kind in (o.BRACKET, o.OCO) and request.stop_loss_stop_e4 is None:
        raise bad_parameter(f"{kind} orders require stop_loss.stop_price")
    if kind == o.OTO and request.take_profit_limit_e4 is None and request.stop_loss_stop_e4 is None:
        raise bad_parameter("oto orders require stop_loss.stop_price")
    if kind == o.OTO and request.take_profit_limit_e4 is not None and request.stop_loss_stop_e4 is not None:
        raise bad_parameter("oto orders require either take_profit.limit_price or stop_loss.stop_price")
    if kind == o.OCO and request.type != o.LIMIT:
        raise bad_parameter("oco orders must be limit orders")
    if request.time_in_force not in (o.DAY, o.GTC):
        raise bad_parameter(f'{kind} orders support only "day" or "gtc" time_in_force')


def check_asset(request: o.OrderRequest, asset: Asset | None, rules: VenueRules = DEFAULT_RULES) -> Asset:
    """The asset, if it can be traded in this manner."""
    if asset is None:
        kind = "asset" if parse_contract(request.symbol) is None else "contract"
        raise unprocessable(f'{kind} "{request.symbol}" not found')
    if asset.status != "active":
        raise unprocessable(f'asset "{asset.symbol}" is not active')
    if not asset.tradable:
        raise unprocessable(f'asset "{asset.symbol}" is not tradable')
    if asset.asset_class == CRYPTO:
        crypto_rules.check_kind(request, asset, rules)
    if asset.asset_class == option_rules.OPTION:
        option_rules.check_kind(request, rules)
    if request.extended_hours and request.order_class:
        raise forbidden(f"{request.order_class} orders do not support extended hours trading")
    _check_time_in_force(request)
    if request.notional_e13 is not None or (request.qty_e9 or 0) % QUANTITY:
        _check_fractional(request, asset)
    return asset


def _check_time_in_force(request: o.OrderRequest) -> None:
    lasting = request.time_in_force in (o.DAY, o.GTC)
    if request.extended_hours and not (lasting and request.type == o.LIMIT):
        raise unprocessable("extended hours order must be DAY or GTC limit orders")
    if not lasting and request.type not in (o.MARKET, o.LIMIT):
        raise unprocessable(f"{request.time_in_force} orders must be market or limit orders")


def _check_fractional(request: o.OrderRequest, asset: Asset) -> None:
    if not asset.fractionable:
        raise unprocessable(f'asset "{asset.symbol}" is not fractionable')
    if asset.asset_class != "us_equity":
        return
    if request.time_in_force != o.DAY:
        raise unprocessable("fractional orders must be DAY orders")
    if request.order_class:
        raise unprocessable("fractional orders must be simple orders")
    if request.type == o.TRAILING_STOP:
        raise unprocessable("fractional orders must be market, limit, stop or stop_limit orders")


def check_prices(request: o.OrderRequest, market_price_e4: int) -> None:
    """Positive prices on the tick grid; stops on the far side of the market."""
    for name, price in (
        ("limit_price", request.limit_price_e4),
        ("stop_price", request.stop_price_e4),
        ("take_profit.limit_price", request.take_profit_limit_e4),
        ("stop_loss.stop_price", request.stop_loss_stop_e4),
        ("stop_loss.limit_price", request.stop_loss_limit_e4),
    ):
        if price is not None:
            check_price(name, price)
    if request.stop_price_e4 is not None:
        check_stop(request.side, request.stop_price_e4, market_price_e4)


def check_price(name: str, price_e4: int) -> None:
    if price_e4 <= 0:
        said = name if "." in name else name.replace("_", " ")
        raise bad_parameter(f"{said} must be > 0")
    if price_e4 % tick_e4(price_e4):
        raise sub_penny(name, format_price(price_e4))


def sub_penny(name: str, price: str) -> Refusal:
    return unprocessable(
        f"invalid {name} {price}. sub-penny increment does not fulfill minimum pricing criteria"
    )


def check_stop(side: str, stop_price_e4: int, market_price_e4: int) -> None:
    wrong = stop_price_e4 <= market_price_e4 if side == o.BUY else stop_price_e4 >= market_price_e4
    if wrong:
        raise unprocessable(
            f"stop price must be {'greater' if side == o.BUY else 'less'} than current price",
            market_price=format_price(market_price_e4),
            stop_price=format_price(stop_price_e4),
        )


def check_complex(request: o.OrderRequest, market_price_e4: int, position_e9: int) -> None:
    """A bracket or OTO opens a position, an OCO closes one, and the exits lie around the base price."""
    kind = request.order_class
    if not kind:
        return
    exits = o.intent_of(request.side, position_e9).endswith("_to_close")
    if exits != (kind == o.OCO):
        raise unprocessable(f"{kind} orders must be {'exit' if kind == o.OCO else 'entry'} orders")
    if kind == o.OCO:
        base = request.take_profit_limit_e4 or 0
    else:
        base = request.limit_price_e4 if request.limit_price_e4 is not None else market_price_e4
    # The exits of a long position lie above and below it; those of a short one the other way round.
    is_long = (request.side == o.BUY) != exits
    if kind != o.OCO:
        _check_profit(request, base, is_long)
    _check_loss(request, base, is_long)


def _check_profit(request: o.OrderRequest, base_e4: int, is_long: bool) -> None:
    profit, loss = request.take_profit_limit_e4, request.stop_loss_stop_e4
    if profit is None:
        return
    if loss is not None and (profit <= loss if is_long else profit >= loss):
        sign = ">" if is_long else "<"
        raise unprocessable(f"take_profit.limit_price must be {sign} stop_loss.stop_price")
    if profit < base_e4 + CENT_E4 if is_long else profit > base_e4 - CENT_E4:
        raise unprocessable(
            f"take_profit.limit_price must be {'>= base_price + 0.01' if is_long else '<= base_price - 0.01'}",
            base_price=format_price(base_e4),
        )


def _check_loss(request: o.OrderRequest, base_e4: int, is_long: bool) -> None:
    loss = request.stop_loss_stop_e4
    if loss is None:
        return
    if loss > base_e4 - CENT_E4 if is_long else loss < base_e4 + CENT_E4:
        raise unprocessable(
            f"stop_loss.stop_price must be {'<= base_price - 0.01' if is_long else '>= base_price + 0.01'}",
            base_price=format_price(base_e4),
        )


def check_intent(request: o.OrderRequest, position_e9: int) -> str:
    """What the order does to the position of this (signed) size; a contradicting `position_intent` is refused."""
    inferred = o.intent_of(request.side, position_e9)
    if request.position_intent not in (None, inferred):
        raise unprocessable(
            f"position intent mismatch, inferred: {inferred}, specified: {request.position_intent}"
        )
    return inferred


def entry_price_e4(request: o.OrderRequest, ask_e4: int) -> int:
    """The price at which an opening order is reckoned: its limit, its stop's collar, or the ask; a short
    sale at 3 % above the ask, or its limit if that is more.
    """
    if request.side == o.SELL:
        return max(request.limit_price_e4 or 0, -(-ask_e4 * SHORT_PERCENT // 100))
    if request.limit_price_e4 is not None:
        return request.limit_price_e4
    stop = request.stop_price_e4
    if request.type == o.TRAILING_STOP:
        stop = Trail(False, ask_e4, request.trail_price_e4 or 0, request.trail_percent_e4 or 0).stop_e4
    return ask_e4 if stop is None else collar_e4(stop)


def shares_e9(request: o.OrderRequest, quote: Quote) -> int:
    """What a closing order reserves: its shares, or those its dollars are worth now."""
    if request.notional_e13 is None:
        return request.qty_e9 or 0
    price = request.limit_price_e4 or request.stop_price_e4
    return request.notional_e13 // (price or (quote.bid_e4 if request.side == o.SELL else quote.ask_e4))


def required_power_e13(exposure: Exposure, multiplier: int, notional_e13: int | None = None) -> int:
    """What an order that opens `exposure` reserves of the buying power; an order in dollars gives its value."""
    if exposure.qty_e9 < 0 and exposure.asset.asset_class == "us_equity":
        # Documented as the value alone; twice the maintenance keeps cheap shares from asking for too little.
        return max(exposure.value_e13, 2 * exposure.maintenance_e13)
    if notional_e13 is None:
        return exposure.power_e13(multiplier)
    share = Exposure(exposure.asset, QUANTITY, exposure.price_e4)
    return -(-notional_e13 * share.power_e13(multiplier) // max(1, share.value_e13))


def check_power(means: Standing, asset: Asset, required_e13: int, cost_e13: int) -> None:
    """The account can afford an opening order that costs `cost_e13` and reserves `required_e13`."""
    free = means.buying_power_e13
    if asset.asset_class != "us_equity":
        own = means.non_marginable_buying_power_e13
        if required_e13 <= free and cost_e13 <= own:
            return
        raise _beyond_own_money(asset, own // CENT_E13 * CENT_E13, cost_e13)
    if required_e13 > free:
        raise forbidden(
            "insufficient buying power",
            buying_power=format_money(free // CENT_E13 * CENT_E13),
            cost_basis=format_money(cost_e13),
        )


def _beyond_own_money(asset: Asset, own_e13: int, cost_e13: int) -> Refusal:
    own, cost = format_money(own_e13), format_money(cost_e13)
    if asset.asset_class == "crypto":
        return forbidden(f"insufficient balance for USD (requested: {cost}, available: {own})")
    return forbidden("insufficient options buying power", options_buying_power=own, cost_basis=cost)


def check_permission(request: o.OrderRequest, asset: Asset, configuration: Configuration) -> None:
    """What the owner has switched off."""
    if configuration.suspend_trade:
        raise forbidden("new orders are rejected by user request")
    is_fraction = request.notional_e13 is not None or (request.qty_e9 or 0) % QUANTITY
    if is_fraction and asset.asset_class == "us_equity" and not configuration.fractional_trading:
        raise forbidden("fractional trading is disabled for this account")
    taxed = "ptp_no_exception" in asset.attributes and request.side == o.BUY
    if taxed and not configuration.ptp_no_exception_entry:  # the status is documented, the text is ours
        raise forbidden(f'asset "{asset.symbol}" is a PTP without exception, which the account does not buy')


def check_rights(rules: VenueRules, asset_class: str, *, opens: bool) -> None:
    """What the broker has taken from the account."""
    if rules.restriction == BLOCKED:
        raise forbidden("account is not authorized to trade")
    if rules.restriction == LIQUIDATION and opens:
        raise forbidden("account is restricted to liquidation only")
    if asset_class in rules.refused_classes:
        raise bad_parameter(f"{asset_class} orders not allowed for account")


def check_short(request: o.OrderRequest, asset: Asset, *, allowed: bool) -> None:
    """A sale that opens a position: never of crypto, of whole shares only, of what can be borrowed."""
    if asset.asset_class == "crypto":
        coin, requested = asset.symbol.partition("/")[0], format_quantity(request.qty_e9 or 0)
        raise forbidden(f"insufficient balance for {coin} (requested: {requested}, available: 0)")
    if not allowed:
        raise forbidden("account is not allowed to short")
    if not asset.shortable or not asset.easy_to_borrow:
        raise unprocessable(f'asset "{asset.symbol}" cannot be sold short')
    if request.notional_e13 is not None or (request.qty_e9 or 0) % QUANTITY:
        raise unprocessable("fractional orders cannot be sold short")


def check_one_direction(request: o.OrderRequest, resting: Iterable[o.Order]) -> None:
    """No order opens a position on one side while another waits to open one on the other."""
    for other in resting:
        if other.side != request.side and not other.closes:
            if request.side == o.SELL:
                raise forbidden("cannot open a short sell while a long buy order is open")
            raise forbidden("cannot open a long buy while a short sell order is open")


def check_shares(account: Account, asset: Asset, qty_e9: int, released_e9: int = 0) -> None:
    """A closing order finds what it closes; none turns a position over."""
    existing = abs(account.quantity_e9(asset.symbol))
    available = account.available_e9(asset.symbol) + released_e9
    if qty_e9 <= available:
        return
    requested, free = format_quantity(qty_e9), format_quantity(available)
    if asset.asset_class == "crypto":
        coin = asset.symbol.partition("/")[0]
        raise forbidden(f"insufficient balance for {coin} (requested: {requested}, available: {free})")
    raise forbidden(
        f"insufficient qty available for order (requested: {requested}, available: {free})",
        available=free,
        existing_qty=format_quantity(existing),
        held_for_orders=format_quantity(existing - available),
        symbol=asset.symbol,
    )
