"""One account behaves the same alone as among many, however time is cut; limits and logs keep what they promise."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from the_alchemiser.exchange.commands import COMMANDS
from the_alchemiser.exchange.desk import AccountTerms
from the_alchemiser.exchange.errors import Refusal
from the_alchemiser.exchange.journal import CommandLog
from the_alchemiser.exchange.market.days import SimulatedDays
from the_alchemiser.exchange.ratelimit import RequestBudget
from the_alchemiser.exchange.setting import Setting
from the_alchemiser.exchange.timestamps import parse_instant
from the_alchemiser.exchange.units import MINUTE, QUANTITY, SECOND
from the_alchemiser.exchange.venue.core import Exchange
from the_alchemiser.exchange.venue.orders import OrderRequest
from the_alchemiser.exchange.world import Origin, World

START = parse_instant("2022-06-01T13:30:00Z")
SYMBOLS = ("KO", "PG", "AAPL")
DAYS_APART = 26 * 60 * MINUTE


@pytest.fixture(scope="module")
def market() -> SimulatedDays:
    return SimulatedDays(symbols=SYMBOLS)


def terms(number: int) -> AccountTerms:
    return AccountTerms(key=f"PK{number}", secret=f"s{number}", cash="1000000")


def world_of(market: SimulatedDays, accounts: int, log: CommandLog | None = None) -> World:
    setting = Setting(seed=7, cash="1000000", start="2022-06-01T13:30:00Z", data="")
    log = log or CommandLog.temporary()
    if log.header() is None:
        log.append(setting.header())
    return World(Origin(setting, market, tuple(map(terms, range(accounts)))), log)


def move(world: World, until: int) -> None:
    while world.now < until:
        world.move(until)


def place(desk: Any, dice: random.Random) -> None:
    """A limit, stop or market order somewhere near the market; or the end of all of them."""
    symbol = dice.choice(SYMBOLS)
    quote = desk.exchange.quote(symbol)
    assert quote is not None
    away = quote.bid_e4 * dice.randrange(-150, 50) // 10_000 // 100 * 100
    shapes: list[dict[str, Any]] = [
        {"type": "limit", "limit_price_e4": quote.bid_e4 + away},
        {"type": "limit", "limit_price_e4": quote.bid_e4 + away, "time_in_force": "gtc"},
        {"type": "stop", "stop_price_e4": quote.ask_e4 + abs(away) + 100},
        {"type": "market"},
    ]
    try:
        if dice.random() < 0.1:
            desk.run("cancel_all")
        else:
            shape = dice.choice(shapes)
            desk.run("submit", request=OrderRequest(symbol=symbol, side="buy", qty_e9=QUANTITY, **shape))
    except Refusal:
        pass


def story(world: World, number: int, pauses: Iterator[int]) -> list[tuple[Any, ...]]:
    """What the first account is told over two days, when every account does something now and then."""
    dice = {desk.number: random.Random(place) for place, desk in enumerate(world.desks.values())}
    for instant in range(START, START + DAYS_APART, 20 * MINUTE):
        for desk in list(world.desks.values()):
            place(desk, dice[desk.number])
        while world.now < instant + 20 * MINUTE:
            move(world, min(world.now + next(pauses), instant + 20 * MINUTE))
    desk = list(world.desks.values())[number]
    return [
        (told.at, told.id, told.update.event, told.update.order.id, told.update.price_e4)
        for told in desk.trade_updates.history.since(0)
    ]


class BareDesk:
    """An exchange that nobody looks ahead for: every tick is searched when time gets there."""

    def __init__(self, market: SimulatedDays) -> None:
        self.exchange = Exchange(market, seed=7, cash="1000000", start=START, multiplier=4)

    def run(self, name: str, **arguments: Any) -> Any:
        return COMMANDS[name](self.exchange, arguments)


def test_a_world_that_looks_ahead_tells_what_an_exchange_tells_that_does_not(market: SimulatedDays) -> None:
    desk, dice = BareDesk(market), random.Random(0)
    for instant in range(START, START + DAYS_APART, 20 * MINUTE):
        place(desk, dice)
        for at in range(instant, instant + 20 * MINUTE, MINUTE):
            desk.exchange.advance(at + MINUTE)
    bare = [(one.event, one.order.id, one.price_e4) for one in desk.exchange.take_updates()]
    assert [line[2:] for line in story(world_of(market, 1), 0, steps(3))] == bare


def steps(seed: int) -> Iterator[int]:
    dice = random.Random(seed)
    while True:
        yield dice.choice((SECOND, 7 * SECOND, MINUTE, 20 * MINUTE))


def test_an_account_is_told_the_same_alone_and_among_others_and_however_time_is_cut(
    market: SimulatedDays,
) -> None:
    alone = story(world_of(market, 1), 0, iter(lambda: 20 * MINUTE, None))
    assert len(alone) > 100
    assert {event for _, _, event, _, _ in alone} >= {"new", "fill", "canceled", "expired"}
    assert story(world_of(market, 4), 0, steps(1)) == alone


def test_a_log_of_several_accounts_gives_the_same_stories_again(
    market: SimulatedDays, tmp_path: Path
) -> None:
    world = world_of(market, 3, CommandLog.at(tmp_path / "log"))
    stories = [story(world, 2, steps(2))] + [
        [told.id for told in desk.trade_updates.history.since(0)] for desk in world.desks.values()
    ]
    reached = world.now
    world.close()
    again = world_of(market, 3, CommandLog.at(tmp_path / "log"))
    assert again.now == reached
    assert [told.id for told in list(again.desks.values())[2].trade_updates.history.since(0)] == [
        line[1] for line in stories[0]
    ]
    assert [
        [told.id for told in desk.trade_updates.history.since(0)] for desk in again.desks.values()
    ] == stories[1:]


def test_marks_of_time_take_each_others_place_and_a_long_log_stays_whole(tmp_path: Path) -> None:
    log = CommandLog.at(tmp_path / "log")
    log.append({"exchange_commands": 1})
    told = []
    for number in range(1_000):
        log.mark(START + number)
        log.mark(START + number + 1)
        if number % 3 == 0:
            told.append(number)
            log.append({"at": START + number + 1, "do": "cancel_all"})
    assert log.size < len(told) * 110
    commands = list(log.replayed())
    assert [line["at"] - START - 1 for line in commands if line["do"] == "cancel_all"] == told
    assert commands[-1]["do"] == "cancel_all"
    log.mark(START + 5_000)
    log.close()
    (tmp_path / "log").write_bytes((tmp_path / "log").read_bytes() + b'{"at":16540')
    torn = CommandLog.at(tmp_path / "log")
    assert [*torn.replayed()][-1] == {"at": START + 5_000, "do": "advance"}


def test_a_fixed_window_forgets_at_the_full_minute_and_a_rolling_one_after_sixty_seconds() -> None:
    fixed, rolling = RequestBudget(2), RequestBudget(2, rolling=True)
    late = START + 50 * SECOND
    for budget in (fixed, rolling):
        assert [budget.spend(late) for _ in range(3)] == [True, True, False]
    assert (fixed.seconds_until_reset(late), rolling.seconds_until_reset(late)) == (10, 60)
    assert (fixed.spend(START + MINUTE), rolling.spend(START + MINUTE)) == (True, False)
    assert rolling.spend(late + MINUTE)
    assert rolling.headers()["X-Ratelimit-Remaining"] == "1"


def test_a_budget_without_a_limit_is_never_spent() -> None:
    for budget in (RequestBudget(0), RequestBudget(0, rolling=True)):
        assert all(budget.spend(START) for _ in range(1_000))
