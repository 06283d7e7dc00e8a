"""Option contracts are computed from their symbols, and their prices from those of their stocks."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from the_alchemiser.exchange.market import pricing
from the_alchemiser.exchange.market.contracts import CALL, PUT, Contract, parse_contract
from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.market.options import OptionMarket
from the_alchemiser.exchange.market.prices import HIGHEST, LOWEST, Levels, NoPrice, trade_price_e4
from the_alchemiser.exchange.timestamps import parse_instant
from the_alchemiser.exchange.units import DAY, PRICE

NOON = parse_instant("2022-06-01T16:00:07Z")
TODAY = date(2022, 6, 1)


@pytest.fixture(scope="module")
def options(days: SimulatedDays) -> OptionMarket:
    return OptionMarket(days, seed=7)


def chain(options: OptionMarket, expiry: str, underlying: str = "AAPL") -> list[Contract]:
    found = options.chains.expiry_on(date.fromisoformat(expiry))
    assert found is not None
    return list(options.chains.contracts(underlying, found, NOON))


def near_the_money(options: OptionMarket, expiry: str, kind: str = CALL) -> Contract:
    spot = options.stocks.trade("AAPL", NOON).price_e4
    contracts = [one for one in chain(options, expiry) if one.kind == kind]
    return min(contracts, key=lambda one: abs(one.strike_e4 - spot))


def test_a_symbol_says_all_about_its_contract() -> None:
    contract = Contract("AAPL", date(2022, 6, 17), CALL, 150 * PRICE)
    assert contract.symbol == "AAPL220617C00150000"
    assert parse_contract(contract.symbol) == contract
    assert parse_contract("AAPL221317C00150000") is None
    assert parse_contract("AAPL") is None


def test_there_are_eight_weeks_of_fridays_and_a_year_of_months(options: OptionMarket) -> None:
    expiries = [one.session.date for one in options.chains.expiries(TODAY, TODAY + timedelta(days=400), NOON)]
    weeks = [day for day in expiries if day <= TODAY + timedelta(days=56)]
    assert len(weeks) == 8
    assert all(day.weekday() == 4 for day in weeks)
    months = [day for day in expiries if day > TODAY + timedelta(days=56)]
    assert all(15 <= day.day <= 21 for day in months)
    assert 9 <= len(months) <= 11


def test_contracts_expire_on_thursday_where_friday_is_a_holiday(options: OptionMarket) -> None:
    assert options.chains.expiry_on(date(2022, 4, 14)) is not None  # Good Friday was the 15th
    assert options.chains.expiry_on(date(2022, 4, 15)) is None


def test_strikes_stand_as_of_the_listing_whatever_the_price_did_since(options: OptionMarket) -> None:
    found = options.chains.expiry_on(date(2022, 7, 22))
    assert found is not None
    assert found.near is not None
    at_listing = options.chains.strikes("AAPL", found, found.near.open)
    assert at_listing == options.chains.strikes("AAPL", found, NOON)
    assert options.chains.strikes("AAPL", found, found.near.open - 1) == []
    spot = options.stocks.previous_close_e4("AAPL", found.near.open)
    assert at_listing[0] < spot < at_listing[-1]


def test_no_price_is_shown_before_a_contract_is_listed(options: OptionMarket) -> None:
    contract = near_the_money(options, "2022-07-22")
    listing = options.chains.first_session(contract)
    assert listing is not None
    assert options.quote(contract.symbol, listing.open).ask_e4 > 0
    with pytest.raises(NoPrice):
        options.quote(contract.symbol, listing.open - 1)


@pytest.mark.parametrize("expiry", ["2022-06-03", "2022-07-15", "2023-01-20"])
def test_calls_and_puts_agree_about_the_stock(options: OptionMarket, expiry: str) -> None:
    """Put-call parity: a call less a put is worth the stock less the discounted strike."""
    call = near_the_money(options, expiry)
    put = call._replace(kind=PUT)
    spot = options.stocks.trade("AAPL", NOON).price_e4 / PRICE
    years = (options.expires_at(call) - NOON) / pricing.YEAR
    forward = spot - call.strike_e4 / PRICE * np.exp(-pricing.RATE * years)
    quotes = [options.quote(one.symbol, NOON) for one in (call, put)]
    middles = [(quote.bid_e4 + quote.ask_e4) / 2 / PRICE for quote in quotes]
    spread = sum(quote.ask_e4 - quote.bid_e4 for quote in quotes) / PRICE
    assert middles[0] - middles[1] == pytest.approx(forward, abs=spread)


def test_the_formula_gives_the_textbook_value() -> None:
    """Spot and strike 42, half a year, 20 % volatility, 2 % interest."""
    terms = pricing.Terms(
        np.array([42.0]), np.array([42.0]), np.array([0.5]), np.array([0.2]), np.array([True, False])
    )
    call, put = pricing.values(terms).tolist()
    assert call == pytest.approx(2.575, abs=0.01)
    assert call - put == pytest.approx(42 - 42 * np.exp(-0.01), abs=1e-4)


def test_greeks_are_the_slopes_of_the_value() -> None:
    def valued(spot: float, years: float = 0.5) -> float:
        flat = pricing.Terms(
            np.array([spot]), np.array([40.0]), np.array([years]), np.array([0.3]), np.array([True])
        )
        first, second = pricing._distances(flat, np.array([0.3]))
        discount = np.exp(-pricing.RATE * years)
        return float(spot * pricing._normal(first)[0] - 40 * discount * pricing._normal(second)[0])

    terms = pricing.Terms(
        np.array([40.0]), np.array([40.0]), np.array([0.5]), np.array([0.3]), np.array([True])
    )
    greeks = pricing.greeks(terms)
    assert greeks.delta[0] == pytest.approx((valued(40.01) - valued(39.99)) / 0.02, abs=1e-3)
    assert greeks.theta[0] == pytest.approx(valued(40, 0.5 - 1 / 365) - valued(40), abs=1e-3)


def test_an_expiring_contract_ends_at_what_exercising_is_worth(options: OptionMarket) -> None:
    contract = near_the_money(options, "2022-06-03")._replace(strike_e4=140 * PRICE)
    close = options.expires_at(contract)
    spot = options.stocks.trade("AAPL", close).price_e4
    quote = options.quote(contract.symbol, close)
    assert quote.bid_e4 <= contract.intrinsic_e4(spot) <= quote.ask_e4


def test_a_path_shows_what_quotes_and_trades_show(options: OptionMarket) -> None:
    symbol = near_the_money(options, "2022-06-17").symbol
    session = options.sessions.on(TODAY)
    assert session is not None
    quotes = list(options.quotes(symbol, NOON - 600 * 10**9, NOON, NOON))
    assert len(quotes) == 60
    assert quotes[-1] == options.quote(symbol, NOON)
    trades = list(options.trades(symbol, session.open, NOON, NOON))
    assert trades[-1] == options.trade(symbol, NOON)
    assert 0 < len(trades) < 200
    (bar,) = options.bars(symbol, "1Day", NOON - DAY, NOON, NOON)
    assert (bar.trades, bar.volume) == (len(trades), sum(trade.size for trade in trades))
    minutes = options.bars(symbol, "1Min", session.open, NOON, NOON)
    assert sum(minute.trades for minute in minutes) == len(trades)
    assert all(minute.volume for minute in minutes)


def test_a_search_finds_the_tick_that_reading_all_of_them_finds(options: OptionMarket) -> None:
    symbol = near_the_money(options, "2022-06-17").symbol
    levels = Levels(options.quote(symbol, NOON).ask_e4 * 9 // 10, HIGHEST, LOWEST, HIGHEST)
    found = options.next_cross(symbol, NOON, NOON + 2 * DAY, levels)
    ticks = options.ticks(symbol, NOON, NOON + 2 * DAY)
    assert found == next((tick for tick in ticks if tick.ask_e4 <= levels.buy_e4), None)


def test_quotes_lie_on_the_grid_of_cents_and_nickels(options: OptionMarket) -> None:
    contracts = chain(options, "2022-06-17")
    valued = options.value("AAPL", contracts, NOON)
    for bid, ask in zip(valued.bid.tolist(), valued.ask.tolist(), strict=True):
        assert 0 <= bid < ask
        assert ask % (500 if bid >= 3 * PRICE else 100) == 0
        assert trade_price_e4(bid, ask) >= bid


def test_yesterdays_price_is_that_of_its_close(options: OptionMarket) -> None:
    symbol = near_the_money(options, "2022-06-17").symbol
    closed = options.sessions.ended(NOON)
    assert closed is not None
    quote = options.quote(symbol, closed.close)
    assert options.previous_close_e4(symbol, NOON) == trade_price_e4(quote.bid_e4, quote.ask_e4)
