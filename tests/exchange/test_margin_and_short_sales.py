"""What an account that may borrow can buy and sell short, and what it may not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from trading_desk import Desk

from the_alchemiser.exchange import units
from the_alchemiser.exchange.market.prices import Asset, PushedMarket
from the_alchemiser.exchange.units import MONEY, PRICE, QUANTITY
from the_alchemiser.exchange.venue.account import AccountState
from the_alchemiser.exchange.venue.margin import Exposure, long_percent, short_percent, standing

ORDINARY = Asset(id="", symbol="HAT", name="", exchange="", marginable=True)


@pytest.fixture
def lender() -> Desk:
    """Ten thousand dollars of one's own, four times as much to trade with, HAT at 10.00 to 10.02."""
    return Desk(cash="10000", multiplier=4)


def dollars(count_e13: int) -> str:
    return units.format_money(count_e13)


def account(desk: Desk) -> AccountState:
    return desk.exchange.account()


def maintenance(price: float, shares: int = 100, **asset: Any) -> str:
    given = Asset(id="", symbol="HAT", name="", exchange="", **{"marginable": True, **asset})
    return dollars(Exposure(given, shares * QUANTITY, round(price * PRICE)).maintenance_e13)


def test_maintenance_of_a_long_position_follows_the_price_bands() -> None:
    assert maintenance(2.49) == "249"
    assert maintenance(2.50) == "125"
    assert maintenance(6.00) == "300"
    assert maintenance(6.01) == "180.3"
    assert maintenance(100) == "3000"


def test_leveraged_funds_and_what_cannot_be_borrowed_against_ask_for_more() -> None:
    assert maintenance(100, leverage=2) == "5000"
    assert maintenance(100, leverage=3) == "7500"
    assert maintenance(100, marginable=False) == "10000"


def test_maintenance_of_a_short_position_is_never_less_than_dollars_a_share() -> None:
    assert maintenance(1, -100) == "250"
    assert maintenance(4, -100) == "400"
    assert maintenance(10, -100) == "500"
    assert maintenance(100, -100) == "3000"


def test_a_position_that_is_nearly_all_of_a_large_debt_asks_for_half() -> None:
    whole = [Exposure(ORDINARY, 4000 * QUANTITY, 100 * PRICE)]
    assert standing(4, -100_000 * MONEY, 0, whole).maintenance_margin_e13 == 200_000 * MONEY
    assert standing(4, -99_999 * MONEY, 0, whole).maintenance_margin_e13 == 120_000 * MONEY


@pytest.mark.parametrize(("multiplier", "power"), [(1, "10000"), (2, "20000"), (4, "40000")])
def test_buying_power_is_a_multiple_of_equity(multiplier: int, power: str) -> None:
    desk = Desk(cash="10000", multiplier=multiplier)
    assert desk.buying_power == power
    assert account(desk).multiplier == multiplier


def test_a_margin_account_buys_for_more_than_its_cash_and_owes_the_rest(lender: Desk) -> None:
    lender.buy("3000")
    assert lender.cash == "-20060"
    state = account(lender)
    assert dollars(state.long_market_value_e13) == "30030"
    assert dollars(state.equity_e13) == "9970"
    assert dollars(state.maintenance_margin_e13) == "9009"
    assert dollars(state.buying_power_e13) == dollars(4 * state.equity_e13 - 30030 * MONEY)
    assert state.non_marginable_buying_power_e13 == 0


def test_what_the_account_cannot_carry_is_refused_with_the_power_and_the_cost(lender: Desk) -> None:
    refusal = lender.refused(lender.buy, "4000", limit_price="10.01")
    assert (refusal.http_status, refusal.code) == (403, 40310000)
    assert refusal.body()["message"] == "insufficient buying power"
    assert (refusal.extra["buying_power"], refusal.extra["cost_basis"]) == ("40000", "40040")


def test_open_orders_reserve_buying_power_and_give_it_back(lender: Desk) -> None:
    order = lender.buy("1000", limit_price="9")
    assert lender.buying_power == "31000"
    assert dollars(account(lender).regt_buying_power_e13) == "11000"
    lender.exchange.cancel(order.id)
    assert lender.buying_power == "40000"


def test_below_two_thousand_dollars_nothing_is_lent() -> None:
    desk = Desk(cash="1999", multiplier=4)
    assert (desk.buying_power, account(desk).multiplier) == ("1999", 1)
    assert not account(desk).shorting_enabled
    assert desk.refused(desk.sell, "1").message == "account is not allowed to short"


def test_selling_what_is_not_owned_opens_a_short_position(lender: Desk) -> None:
    order = lender.sell("100")
    assert order.position_intent == "sell_to_open"
    assert (lender.cash, lender.shares(), lender.free_shares()) == ("11000", "-100", "-100")
    position = lender.exchange.position("HAT")
    assert (position.side, dollars(position.cost_basis_e13)) == ("short", "-1000")
    state = account(lender)
    assert dollars(state.short_market_value_e13) == "-1001"
    assert dollars(state.equity_e13) == "9999"


def test_a_short_position_gains_when_the_price_falls(lender: Desk) -> None:
    lender.sell("100")
    lender.quote("8.00", "8.02")
    assert dollars(lender.exchange.position("HAT").unrealized_pl_e13) == "199"
    assert lender.equity == "10199"


def test_a_short_sale_reserves_three_per_cent_above_the_ask(lender: Desk) -> None:
    lender.sell("100", limit_price="10.30")
    assert lender.buying_power == dollars(40_000 * MONEY - 100 * 103_206 * QUANTITY)
    lender.exchange.cancel_all()
    lender.sell("100", limit_price="11")
    assert lender.buying_power == "38900"


def test_covering_reserves_shares_and_no_money(lender: Desk) -> None:
    lender.sell("100")
    before = lender.buying_power
    order = lender.buy("60", limit_price="9")
    assert order.position_intent == "buy_to_close"
    assert (lender.buying_power, lender.free_shares()) == (before, "-40")
    lender.quote("8.98", "9.00")
    assert lender.shares() == "-40"
    assert lender.cash == "10460"


def test_no_order_turns_a_position_over(lender: Desk) -> None:
    lender.sell("100")
    refusal = lender.refused(lender.buy, "101")
    assert refusal.message == "insufficient qty available for order (requested: 101, available: 100)"
    assert (refusal.extra["existing_qty"], refusal.extra["held_for_orders"]) == ("100", "0")
    lender.buy("100")
    lender.buy("5")
    assert lender.refused(lender.sell, "6").extra["available"] == "5"


def test_a_short_sale_and_a_long_buy_do_not_wait_side_by_side(lender: Desk) -> None:
    lender.buy("10", limit_price="9")
    refusal = lender.refused(lender.sell, "10", limit_price="11")
    assert refusal.message == "cannot open a short sell while a long buy order is open"
    lender.exchange.cancel_all()
    lender.sell("10", limit_price="11")
    refusal = lender.refused(lender.buy, "10", limit_price="9")
    assert refusal.message == "cannot open a long buy while a short sell order is open"


def test_only_whole_shares_are_sold_short(lender: Desk) -> None:
    assert lender.refused(lender.sell, "1.5").message == "fractional orders cannot be sold short"


def test_closing_a_short_position_buys_it_back(lender: Desk) -> None:
    lender.sell("100")
    order = lender.exchange.close_position("HAT")
    assert (order.side, order.position_intent) == ("buy", "buy_to_close")
    assert lender.shares() == "0"
    lender.sell("100")
    lender.exchange.close_position("HAT", percentage="25")
    assert lender.shares() == "-75"
    lender.exchange.close_all()
    assert lender.shares() == "0"


def test_a_short_bracket_takes_its_profit_below_and_stops_its_loss_above(lender: Desk) -> None:
    exits = {"take_profit": {"limit_price": "9"}, "stop_loss": {"stop_price": "11"}}
    order = lender.sell("10", order_class="bracket", **exits)
    assert [leg.side for leg in order.legs] == ["buy", "buy"]
    assert lender.shares() == "-10"
    assert lender.free_shares() == "0"
    lender.quote("8.98", "9.00")
    assert lender.shares() == "0"
    assert [lender.status(leg) for leg in order.legs] == ["filled", "canceled"]


def test_a_short_bracket_that_stands_on_its_head_is_refused(lender: Desk) -> None:
    exits = {"take_profit": {"limit_price": "11"}, "stop_loss": {"stop_price": "9"}}
    refusal = lender.refused(lender.sell, "10", order_class="bracket", **exits)
    assert refusal.message == "take_profit.limit_price must be < stop_loss.stop_price"
    exits = {"take_profit": {"limit_price": "9"}, "stop_loss": {"stop_price": "10"}}
    refusal = lender.refused(lender.sell, "10", order_class="bracket", **exits)
    assert refusal.message == "stop_loss.stop_price must be >= base_price + 0.01"


def test_a_bracket_of_the_wrong_account_has_no_money_and_no_right() -> None:
    desk = Desk()
    exits = {"take_profit": {"limit_price": "9"}, "stop_loss": {"stop_price": "11"}}
    refusal = desk.refused(desk.sell, "10", order_class="bracket", **exits)
    assert refusal.message == "account is not allowed to short"


class Fenced(PushedMarket):
    """HAT cannot be borrowed easily, SHOE not at all."""

    def asset(self, symbol: str) -> Asset | None:
        asset = super().asset(symbol)
        if asset is None:
            return None
        return Asset(
            id=asset.id,
            symbol=symbol,
            name="",
            exchange="",
            marginable=True,
            shortable=symbol == "HAT",
        )


def test_hard_to_borrow_assets_are_not_sold_short_and_their_sales_last_a_day(lender: Desk) -> None:
    market = lender.exchange.market
    fenced = Fenced(("HAT", "SHOE"), market.sessions)
    lender.exchange.market = fenced
    for symbol in ("HAT", "SHOE"):
        refusal = lender.refused(lender.sell, "1", symbol=symbol)
        assert refusal.message == f'asset "{symbol}" cannot be sold short'
    lender.buy("10")
    refusal = lender.refused(lender.sell, "10", stop_price="9", time_in_force="gtc")
    assert refusal.message == 'only day orders are allowed for hard-to-borrow asset "HAT"'


class Taxed(PushedMarket):
    """All of it partnerships whose sales are taxed at the source."""

    def asset(self, symbol: str) -> Asset | None:
        return Asset(id=symbol, symbol=symbol, name="", exchange="", attributes=("ptp_no_exception",))


def test_partnerships_without_exception_are_bought_only_by_who_asks_for_it(lender: Desk) -> None:
    lender.exchange.market = Taxed(("HAT",), lender.exchange.market.sessions)
    assert lender.refused(lender.buy, "1").http_status == 403
    lender.exchange.configure({"ptp_no_exception_entry": True})
    lender.buy("1")
    assert lender.shares() == "1"


def test_the_owner_may_suspend_trading_and_allow_it_again(lender: Desk) -> None:
    lender.exchange.configure({"suspend_trade": True, "no_shorting": None})
    assert account(lender).configuration.suspend_trade
    refusal = lender.refused(lender.buy)
    assert (refusal.http_status, refusal.message) == (403, "new orders are rejected by user request")
    lender.exchange.configure({"suspend_trade": False})
    lender.buy()
    assert lender.shares() == "10"


def test_the_owner_may_forbid_shorting_fractions_and_margin(lender: Desk) -> None:
    lender.exchange.configure({"no_shorting": True, "fractional_trading": False, "max_margin_multiplier": 2})
    assert lender.refused(lender.sell, "1").message == "account is not allowed to short"
    assert lender.refused(lender.buy, "1.5").message == "fractional trading is disabled for this account"
    assert lender.buying_power == "20000"
    lender.exchange.configure({"max_margin_multiplier": "1"})
    assert lender.buying_power == "10000"


@pytest.mark.parametrize(
    "change",
    [
        {"suspend_trade": "yes"},
        {"max_margin_multiplier": "3"},
        {"trade_confirm_email": "some"},
        {"max_options_trading_level": 4},
        {"no_shorting": True, "dtbp_check": "never"},
    ],
)
def test_settings_that_make_no_sense_change_nothing(lender: Desk, change: dict[str, Any]) -> None:
    before = lender.exchange.configuration
    assert lender.refused(lender.exchange.configure, change).code == 40010001
    assert lender.exchange.configuration == before


def test_prices_told_twice_at_one_instant_and_settings_changed_between_count_at_once(lender: Desk) -> None:
    lender.exchange.configure({"max_margin_multiplier": "2"})
    assert lender.buying_power == "20000"
    lender.exchange.configure({"max_margin_multiplier": "4"})
    assert lender.buying_power == "40000"
    lender.buy("1000")
    worth = [account(lender).equity_e13]
    for bid, ask in (("11.00", "11.02"), ("9.00", "9.02")):
        lender.quote(bid, ask, after_seconds=0)
        worth.append(account(lender).equity_e13)
    assert [dollars(equity - worth[0]) for equity in worth] == ["0", "1000", "-1000"]
    lender.exchange.configure({"max_margin_multiplier": "1"})
    assert account(lender).multiplier == 1


@pytest.mark.parametrize(
    ("price", "long", "short"),
    [("0.50", 100, 500), ("2.50", 50, 100), ("5.00", 50, 100), ("8.00", 30, 63), ("100", 30, 30)],
)
def test_cheap_shares_ask_for_more_margin(price: str, long: int, short: int) -> None:
    hat = msgspec.structs.replace(ORDINARY, shortable=True)
    assert long_percent(hat, units.price_e4(price)) == long
    assert short_percent(hat, units.price_e4(price)) == short
