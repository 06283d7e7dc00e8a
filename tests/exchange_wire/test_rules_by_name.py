"""What the venue does where Alpaca was seen to do one thing and another is chosen by name."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from wire import exchange_in_thread

from the_alchemiser.exchange.errors import ConfigurationError
from the_alchemiser.exchange.journal import JournalError
from the_alchemiser.exchange.venue.rules import VenueRules, named_rules, text_of_rules

OTHERWISE = VenueRules(
    expired_as="canceled",
    cls_cutoff_seconds=300,
    notional_market_only=True,
    overnight=False,
    crypto_fok=True,
    crypto_fee_basis_points=10,
    option_stops=True,
)
# These have flags of their own.
ELSEWHERE = {
    "partial_fills",
    "cancel_delay",
    "replace_delay",
    "pay_dividends",
    "hard_to_borrow",
    "restriction",
    "refused_classes",
}


def test_every_rule_without_a_flag_of_its_own_is_chosen_by_name() -> None:
    assert VenueRules(**named_rules(text_of_rules(OTHERWISE))) == OTHERWISE
    assert set(named_rules(text_of_rules(VenueRules()))) | ELSEWHERE == set(VenueRules.__struct_fields__)
    same = {
        name
        for name, value in msgspec.structs.asdict(OTHERWISE).items()
        if value == getattr(VenueRules(), name)
    }
    assert same == ELSEWHERE


def test_no_rules_named_are_the_usual_ones() -> None:
    assert VenueRules(**named_rules("")) == VenueRules()


@pytest.mark.parametrize(
    "text",
    [
        *("gravity=no", "crypto_fok", "crypto_fok=maybe", "cls_cutoff_seconds=x", "cls_cutoff_seconds=-1"),
        *("expired_as=gone", "crypto_fee_basis_points=10001"),
    ],
)
def test_rules_that_are_none_keep_an_exchange_from_starting(text: str) -> None:
    with pytest.raises(ConfigurationError), exchange_in_thread(rules=text):
        pass


def test_a_chosen_rule_is_kept_with_the_state(tmp_path: Path) -> None:
    chosen = {"state": tmp_path / "log", "rules": "expired_as=canceled"}
    with exchange_in_thread(**chosen) as exchange:
        order = exchange.submit(symbol="KO", qty="1", side="buy", type="limit", limit_price="10")
    with exchange_in_thread(**chosen) as exchange:
        exchange.advance_fully("2022-06-01T20:30:00Z")
        assert exchange.get(f"/v2/orders/{order['id']}")["status"] == "canceled"
    other = exchange_in_thread(state=tmp_path / "log")
    with pytest.raises(JournalError, match="was written with rules"), other:
        pass
