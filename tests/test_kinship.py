"""What came out of our orders at the broker is ours, too: replacements, exits of brackets, a request taken twice."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest
from hand import HALF_PAST_THREE, Hand, execution_of, heard, report_of, setting
from language import holding
from msgspec.structs import replace
from world import World

from the_alchemiser.domain.effects import CancelOrder, ReadBroker
from the_alchemiser.domain.events import OrderHeard, OrdersRead
from the_alchemiser.domain.facts import AlertRaised, OrderFollowed, OrderIntended, Reconciled, TradeEnded
from the_alchemiser.domain.instants import MINUTE, SECOND
from the_alchemiser.domain.money import Side
from the_alchemiser.domain.orders import Kin, OrderReport, OrderRequest, OrderStatus, Relation
from the_alchemiser.exchange.venue.orders import OrderChanges

D = Decimal
STEPS = 5 * MINUTE


@pytest.fixture
def hand() -> Hand:
    return Hand()


def alerts(hand: Hand) -> list[str]:
    return [fact.text for fact in hand.kinds(AlertRaised)]


def shares(hand: Hand) -> dict[str, Decimal]:
    return hand.engine.state.ledger.shares()


def successor(request: OrderRequest, number: int, of_shares: int = 490) -> OrderRequest:
    """The order a replacement by hand makes: the broker names it."""
    return replace(request, client_order_id=f"uuid-{number}", shares=D(of_shares))


def tell(hand: Hand, event: OrderHeard, **kin: Any) -> list[Any]:
    return hand.tell(replace(event, report=replace(event.report, kin=Kin(**kin))))


def replaced(hand: Hand, old: OrderRequest, new: OrderRequest, filled: int = 0) -> None:
    """The broker's two messages of a replacement."""
    tell(hand, heard(old, "replaced", filled, at=hand.at), replaced_by=f"b-{new.client_order_id}")
    tell(hand, heard(new, "new", filled, at=hand.at), replaces=f"b-{old.client_order_id}")


# Replacements


def test_a_chain_of_five_replacements_by_hand_is_followed_and_all_its_fills_are_ours(hand: Hand) -> None:
    (request,) = hand.begin(market="AAPL 99/101")
    hand.hear(request, "new")
    chain = [request, *(successor(request, number) for number in range(5))]
    for number, (old, new) in enumerate(itertools.pairwise(chain)):
        filled = number * 50
        replaced(hand, old, new, filled)
        hand.tell(heard(new, "partially_filled", filled + 50, (filled, filled + 50), at=hand.at))
        live = [name for name, order in hand.engine.state.live.items() if not order.is_done]
        assert live == [new.client_order_id], "one live order"
    assert shares(hand) == {"AAPL": 250}
    hand.tell(heard(chain[-1], "filled", 490, (250, 490), at=hand.at))
    assert shares(hand) == {"AAPL": 490}
    assert [(fact.filled, fact.outcome) for fact in hand.kinds(TradeEnded)] == [(490, "filled")]
    assert len(hand.kinds(OrderIntended)) == 1
    assert not hand.engine.state.live


def test_while_the_successor_is_not_known_nothing_is_sent_in_its_place(hand: Hand) -> None:
    (request,) = hand.begin(market="AAPL 99/101")
    hand.hear(request, "new")
    wanted = tell(hand, heard(request, "replaced", 100, (0, 100), at=hand.at), replaced_by="b-uuid-0")
    assert hand.submitted() == []
    (read,) = [effect for effect in wanted if isinstance(effect, ReadBroker)]
    assert (read.is_orders_only, read.relatives) == (True, ("b-uuid-0",))
    hand.quotes("AAPL 99/101", HALF_PAST_THREE + STEPS)
    assert hand.submitted() == []
    new = successor(request, 0)
    answer = replace(report_of(new, "filled", 490), kin=Kin(replaces=f"b-{request.client_order_id}"))
    hand.tell(OrdersRead(hand.at, "orders", (answer,)))
    assert hand.submitted() == []
    hand.read(
        "fills",
        "51000",
        [holding("490 AAPL @ 100")],
        orders=[answer],
        executions=[execution_of(new, 100, 490, at=hand.at)],
    )
    assert hand.kinds(Reconciled)[-1].differences == ()
    assert hand.kinds(TradeEnded)[-1].filled == 490


def test_a_successor_heard_before_the_end_of_the_order_it_replaced_is_known_by_it(hand: Hand) -> None:
    (request,) = hand.begin(market="AAPL 99/101")
    hand.hear(request, "new")
    new = successor(request, 0)
    tell(hand, heard(new, "new", at=hand.at), replaces=f"b-{request.client_order_id}")
    tell(hand, heard(request, "replaced", at=hand.at), replaced_by="b-uuid-0")
    assert [fact.relation for fact in hand.kinds(OrderFollowed)] == [Relation.REPLACEMENT]
    assert hand.engine.state.kin == {}
    hand.quotes("AAPL 99/101", HALF_PAST_THREE + STEPS)
    assert hand.wants(CancelOrder) == [], "what a person changed is not undone"


def test_a_successor_that_counts_from_nothing_is_not_taken_for_filled(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "partially_filled", 100, (0, 100))
    new = successor(request, 0, 390)
    tell(hand, heard(request, "replaced", 100, at=hand.at), replaced_by="b-uuid-0")
    tell(hand, heard(new, "new", 0, at=hand.at), replaces=f"b-{request.client_order_id}")
    hand.tell(heard(new, "filled", 390, (0, 390), at=hand.at))
    assert shares(hand) == {"AAPL": 490}
    assert hand.kinds(TradeEnded)[-1].filled == 490


def test_a_replacement_that_ends_leaves_only_the_rest_to_be_sent(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "partially_filled", 100, (0, 100))
    new = successor(request, 0)
    replaced(hand, request, new, 100)
    hand.tell(heard(new, "partially_filled", 300, (100, 300), at=hand.at))
    hand.tell(heard(new, "canceled", 300, at=hand.at))
    (following,) = hand.submitted()
    assert following.shares == 190


def test_a_replacement_is_told_and_survives_a_restart(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "new")
    replaced(hand, request, successor(request, 0, 600))
    assert any("490 shares, now 600" in text for text in alerts(hand))
    again = Hand(hand.config, hand.facts)
    assert list(again.engine.state.live) == ["uuid-0"]
    assert [order.request.client_order_id for order in again.engine.state.cycle.works["AAPL"].orders] == [
        request.client_order_id,
        "uuid-0",
    ]


# The exits of a bracket


def bracket(hand: Hand) -> tuple[OrderRequest, OrderRequest, OrderRequest]:
    """A purchase with its two exits, filled."""
    (entry,) = hand.begin()
    gain, stop = (replace(entry, client_order_id=name, side=Side.SELL) for name in ("uuid-gain", "uuid-stop"))
    tell(hand, heard(entry, "filled", 490, (0, 490), at=hand.at), legs=("b-uuid-gain", "b-uuid-stop"))
    return entry, gain, stop


def test_the_exits_are_known_by_their_parent_and_their_fills_are_ours(hand: Hand) -> None:
    _, gain, stop = bracket(hand)
    hand.tell(heard(gain, "new", at=hand.at))
    hand.tell(heard(stop, "accepted", at=hand.at))
    orders = hand.engine.state.orders
    assert {orders[name].relation for name in ("uuid-gain", "uuid-stop")} == {Relation.LEG}
    assert hand.engine.state.others == {}
    assert hand.engine.state.sellable("AAPL") == 0, "both exits hold the same shares, once"
    hand.tell(heard(gain, "filled", 490, (0, 490), at=hand.at))
    hand.tell(heard(stop, "canceled", at=hand.at))
    assert shares(hand) == {}
    assert not hand.engine.state.live
    assert not any("more than it had opened" in text for text in alerts(hand))
    assert len(hand.kinds(TradeEnded)) == 1


def test_an_exit_nobody_reports_is_asked_for_by_the_brokers_name(hand: Hand) -> None:
    bracket(hand)
    (read,) = hand.wants(ReadBroker)[:1]
    assert set(read.relatives) == {"b-uuid-gain", "b-uuid-stop"}


def test_an_exit_that_names_its_parent_needs_no_word_of_the_parent(hand: Hand) -> None:
    (entry,) = hand.begin()
    hand.hear(entry, "filled", 490, (0, 490))
    stop = replace(entry, client_order_id="uuid-stop", side=Side.SELL)
    listed = replace(report_of(stop, "accepted"), kin=Kin(leg_of=f"b-{entry.client_order_id}"))
    hand.tell(OrdersRead(hand.at, "orders", (listed,)))
    assert hand.engine.state.orders["uuid-stop"].relation is Relation.LEG
    assert hand.engine.state.others == {}


def test_both_exits_filling_is_alarmed_and_closes_the_symbol(hand: Hand) -> None:
    _, gain, stop = bracket(hand)
    hand.tell(heard(gain, "filled", 490, (0, 490), at=hand.at))
    hand.tell(heard(stop, "filled", 200, (0, 200), at=hand.at))
    assert shares(hand) == {"AAPL": -200}
    (text,) = [text for text in alerts(hand) if "more than it had opened" in text]
    assert "200 shares of AAPL" in text
    assert hand.engine.state.why_not_open("AAPL") == "more of it was sold than was held"
    hand.tell(heard(stop, "filled", 200, (0, 200), at=hand.at))
    assert sum("more than it had opened" in text for text in alerts(hand)) == 1, "told twice, alarmed once"


def test_an_exit_replaced_by_hand_stays_an_exit_of_its_parent(hand: Hand) -> None:
    _, gain, _ = bracket(hand)
    hand.tell(heard(gain, "new", at=hand.at))
    moved = replace(gain, client_order_id="uuid-moved")
    replaced(hand, gain, moved)
    order = hand.engine.state.orders["uuid-moved"]
    assert (order.relation, order.of) == (Relation.LEG, "alc-20210104-AAPL-b-0")


# A request taken twice


def test_a_second_order_of_one_name_is_booked_for_itself_alarmed_and_cancelled(hand: Hand) -> None:
    (request,) = hand.begin()
    hand.hear(request, "filled", 490, (0, 490))
    second = replace(report_of(request, "partially_filled", 7), broker_order_id="b-second")
    made = replace(execution_of(request, 0, 7), broker_order_id="b-second")
    hand.tell(OrderHeard(hand.at, second, made))
    assert shares(hand) == {"AAPL": 497}
    assert [effect.broker_order_id for effect in hand.wants(CancelOrder)] == ["b-second"]
    assert any("a second time" in text for text in alerts(hand))
    hand.tell(OrderHeard(hand.at, replace(second, status=OrderStatus.CANCELED), None))
    assert not hand.engine.state.live


# Exits and what is there


def test_an_exit_sells_no_more_than_open_orders_leave() -> None:
    hand = Hand(setting("AAPL 0%"))
    hand.start("0", [holding("10 AAPL @ 100")])
    resting = OrderRequest("manual", "AAPL", Side.SELL, D(4))
    hand.tell(
        OrderHeard(hand.at, OrderReport("manual", "b-manual", "AAPL", Side.SELL, D(4), OrderStatus.NEW))
    )
    hand.fire("begin:2021-01-04", HALF_PAST_THREE)
    hand.read("begin:2021-01-04", "0", [holding("10 AAPL @ 100")], orders=[report_of(resting, "new")])
    hand.market()
    assert sum(request.shares for request in hand.submitted()) <= 6


def test_an_exit_is_clipped_to_what_somebody_elses_order_leaves_meanwhile() -> None:
    hand = Hand(setting("AAPL 0%"))
    (request,) = hand.begin("0", [holding("10 AAPL @ 100")])
    hand.hear(request, "new")
    others = OrderReport("manual", "b-manual", "AAPL", Side.SELL, D(4), OrderStatus.NEW, at=hand.at)
    hand.tell(OrderHeard(hand.at, others))
    hand.hear(request, "canceled")
    assert [one.shares for one in hand.submitted()] == [6]


def test_our_purchase_waits_until_our_sale_of_the_same_symbol_has_ended(hand: Hand) -> None:
    hand.start("100000", [holding("10 AAPL @ 100")])
    state = hand.engine.state
    sale = OrderRequest("alc-x-AAPL-s-0", "AAPL", Side.SELL, D(10))
    step = hand.step()
    step.record(OrderIntended(hand.at, "x", sale, D(100)))
    hand.hear(sale, "new")
    hand.fire("begin:2021-01-04", HALF_PAST_THREE)
    hand.read("begin:2021-01-04", "100000", [holding("10 AAPL @ 100")], orders=[report_of(sale, "new")])
    hand.market()
    assert hand.submitted() == []
    hand.hear(sale, "canceled")
    assert [request.side for request in hand.submitted()] == [Side.BUY]
    assert state.live.keys() == {"alc-20210104-AAPL-b-0"}


# With the exchange itself


def in_the_walk(world: World) -> OrderReport:
    """A world in which a limit order of ours rests."""
    world.start()
    world.run(lambda: any(one.status is OrderStatus.NEW for one in world.broker.get_open_orders()))
    return next(one for one in world.broker.get_open_orders() if one.status is OrderStatus.NEW)


def agrees(world: World) -> None:
    state, broker = world.engine.state, world.broker
    assert state.ledger.shares() == {held.symbol: held.shares for held in broker.get_positions()}
    assert state.ledger.cash == broker.get_account().cash
    assert not state.live
    assert world.kinds(Reconciled)[-1].differences == ()


@pytest.mark.parametrize("changes", [1, 5])
@pytest.mark.parametrize("is_deaf", [False, True])
def test_an_order_changed_by_hand_at_the_exchange_fills_once_and_no_more(changes: int, is_deaf: bool) -> None:
    world = World()
    resting = in_the_walk(world)
    if is_deaf:
        world.hears = lambda heard: []
    current = resting.broker_order_id
    for number in range(changes):
        price = world.exchange.quote(resting.symbol).bid_e4 // 100 * 100 - 100 * (number + 1)  # type: ignore[union-attr]
        current = world.exchange.replace(current, OrderChanges(limit_price_e4=price)).id
        world.run_to(world.exchange.now + SECOND)
    world.run_day()
    agrees(world)
    (work,) = [fact for fact in world.kinds(TradeEnded) if fact.symbol == resting.symbol]
    assert 0 <= work.filled <= resting.shares
    assert any(fact.relation is Relation.REPLACEMENT for fact in world.kinds(OrderFollowed))


def test_a_bracket_sent_in_place_of_an_order_is_followed_with_its_exits() -> None:
    world = World()
    plain_place = world.broker.place_order

    def with_exits(request: OrderRequest) -> OrderReport:
        if request.side is Side.BUY and request.limit_price is not None:
            far = (request.limit_price * D("1.2")).quantize(D("0.01"))
            near = (request.limit_price * D("0.8")).quantize(D("0.01"))
            request = replace(request, take_profit_price=far, stop_loss_price=near)
        return plain_place(request)

    world.broker.place_order = with_exits  # type: ignore[method-assign]
    world.start()
    world.run_day()
    legs = [fact for fact in world.kinds(OrderFollowed) if fact.relation is Relation.LEG]
    assert legs
    assert len({fact.report.broker_order_id for fact in legs}) == len(legs)
    assert not any("not ours" in text for text in (fact.text for fact in world.kinds(AlertRaised)))
    agrees(world)
