"""Bracket, OTO and OCO: exits wait for their entry, share one hold, and end together."""

from trading_desk import Desk


def legs(desk: Desk, order_id: str) -> tuple[str, ...]:
    return tuple(leg.status for leg in desk.exchange.order(order_id).legs)


def test_legs_are_held_until_the_entry_fills(desk: Desk) -> None:
    entry = desk.bracket(qty="10", limit_price="9.90")
    assert [leg.status for leg in entry.legs] == ["held", "held"]
    assert (desk.status(entry), legs(desk, entry.id)) == ("new", ("held", "held"))
    desk.quote("9.88", "9.90")
    assert (desk.status(entry), legs(desk, entry.id)) == ("filled", ("new", "held"))
    assert (desk.shares(), desk.free_shares()) == ("10", "0")


def test_the_target_fills_and_the_stop_is_canceled(desk: Desk) -> None:
    entry = desk.bracket(qty="10")
    desk.news()
    desk.quote("11.00", "11.02")
    assert legs(desk, entry.id) == ("filled", "canceled")
    assert desk.news() == [("fill", "take_profit"), ("canceled", "stop_loss")]
    assert desk.shares() == "0"


def test_the_stop_triggers_and_the_target_is_canceled(desk: Desk) -> None:
    entry = desk.bracket(qty="10")
    desk.news()
    desk.quote("8.90", "8.92")
    assert legs(desk, entry.id) == ("canceled", "filled")
    assert desk.news() == [("new", "stop_loss"), ("canceled", "take_profit"), ("fill", "stop_loss")]
    assert (desk.shares(), desk.cash) == ("0", "988.8")


def test_a_stop_limit_leg_keeps_the_shares_held_when_the_market_jumps_past_it(desk: Desk) -> None:
    loss = {"stop_price": "9", "limit_price": "8.95"}
    entry = desk.buy("10", order_class="bracket", take_profit={"limit_price": "11"}, stop_loss=loss)
    desk.quote("8.50", "8.52")
    assert legs(desk, entry.id) == ("canceled", "new")
    assert desk.free_shares() == "0"
    desk.quote("8.95", "8.97")
    assert desk.shares() == "0"


def test_canceling_the_entry_cancels_its_legs(desk: Desk) -> None:
    entry = desk.bracket(qty="10", limit_price="9.90")
    desk.exchange.cancel(entry.id)
    assert (desk.status(entry), legs(desk, entry.id)) == ("canceled", ("canceled", "canceled"))
    assert desk.buying_power == "1000"


def test_canceling_one_exit_cancels_the_other_and_frees_the_shares(desk: Desk) -> None:
    entry = desk.bracket(qty="10")
    desk.exchange.cancel(entry.legs[1].id)
    assert legs(desk, entry.id) == ("canceled", "canceled")
    assert (desk.status(entry), desk.free_shares()) == ("filled", "10")


def test_a_refused_entry_leaves_no_leg(desk: Desk) -> None:
    desk.refused(desk.bracket, qty="1000")
    assert desk.exchange.orders() == []


def test_a_day_bracket_expires_with_all_its_orders(desk: Desk) -> None:
    entry = desk.bracket(loss="8", qty="10", limit_price="9")
    desk.after_the_close()
    assert (desk.status(entry), legs(desk, entry.id)) == ("expired", ("expired", "expired"))


def test_exits_good_till_canceled_protect_the_next_day_too(desk: Desk) -> None:
    entry = desk.bracket(qty="10", time_in_force="gtc")
    desk.after_the_close()
    assert legs(desk, entry.id) == ("new", "held")
    desk.next_day("8.50", "8.52")
    assert legs(desk, entry.id) == ("canceled", "filled")


def test_the_stop_of_a_bracket_can_be_moved_and_works_at_its_new_price(desk: Desk) -> None:
    entry = desk.bracket(qty="10")
    moved = desk.change(entry.legs[1], stop_price="9.80")
    assert legs(desk, entry.id) == ("new", "held")
    assert desk.exchange.order(entry.id).legs[1].id == moved.id
    desk.quote("9.79", "9.81")
    assert (legs(desk, entry.id), desk.shares()) == (("canceled", "filled"), "0")


def test_the_target_of_a_bracket_can_be_moved_and_still_ends_the_stop(desk: Desk) -> None:
    entry = desk.bracket(qty="10")
    desk.change(entry.legs[0], limit_price="10.50")
    assert desk.free_shares() == "0"
    desk.quote("10.50", "10.52")
    assert legs(desk, entry.id) == ("filled", "canceled")


def test_a_replaced_entry_takes_its_legs_along(desk: Desk) -> None:
    entry = desk.bracket(qty="10", limit_price="9.50")
    moved = desk.change(entry, limit_price="9.90")
    desk.quote("9.88", "9.90")
    assert (desk.status(entry), desk.status(moved)) == ("replaced", "filled")
    assert legs(desk, moved.id) == ("new", "held")
    desk.quote("11.00", "11.02")
    assert legs(desk, moved.id) == ("filled", "canceled")


def test_leg_quantities_and_waiting_legs_cannot_be_changed(desk: Desk) -> None:
    waiting = desk.bracket(qty="1", limit_price="9.50")
    assert desk.refused(desk.change, waiting.legs[1], stop_price="8").message == (
        "cannot replace order in held status"
    )
    entry = desk.bracket(qty="10")
    assert desk.refused(desk.change, entry.legs[0], qty="5").message == (
        "qty cannot be changed for advanced orders"
    )


def test_a_group_keeps_one_duration(desk: Desk) -> None:
    entry = desk.bracket(qty="10")
    assert desk.refused(desk.change, entry.legs[0], time_in_force="gtc").message == (
        "time_in_force cannot be changed for advanced orders"
    )


def test_one_triggers_other_with_a_stop_alone(desk: Desk) -> None:
    entry = desk.buy("10", order_class="oto", stop_loss={"stop_price": "9"})
    assert legs(desk, entry.id) == ("new",)
    desk.quote("8.90", "8.92")
    assert (legs(desk, entry.id), desk.shares()) == (("filled",), "0")


def oco(desk: Desk) -> str:
    desk.buy("10")
    exits = {"take_profit": {"limit_price": "11"}, "stop_loss": {"stop_price": "9"}}
    return desk.sell("10", order_class="oco", type="limit", **exits).id


def test_an_oco_protects_what_is_already_owned(desk: Desk) -> None:
    target = oco(desk)
    assert (desk.exchange.order(target).status, legs(desk, target)) == ("new", ("held",))
    assert desk.free_shares() == "0"
    desk.quote("8.90", "8.92")
    assert (desk.exchange.order(target).status, legs(desk, target)) == ("canceled", ("filled",))
    assert desk.shares() == "0"


def test_an_oco_whose_target_fills_drops_its_stop(desk: Desk) -> None:
    target = oco(desk)
    desk.quote("11.00", "11.02")
    assert (desk.exchange.order(target).status, legs(desk, target)) == ("filled", ("canceled",))


def test_a_second_exit_finds_no_free_shares(desk: Desk) -> None:
    desk.bracket(qty="10")
    assert desk.refused(desk.sell, "10", stop_price="9").code == 40310000
