"""The case before the judge: the broker's record, the journal's story and what was told, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from the_alchemiser.domain.facts import Fact
from the_alchemiser.pipeline.risk import RiskLimits
from the_alchemiser.simulation.judge.exact import MILLION, MINUTE, SECOND, money_e13
from the_alchemiser.simulation.judge.hearing import Glance, Hearing
from the_alchemiser.simulation.judge.record import Record
from the_alchemiser.simulation.judge.story import Story


class Rules(msgspec.Struct, frozen=True):
    """The limits that were configured, in integers: fractions in millionths (ppm)."""

    order_notional_max_e13: int = 25_000 * 10**13
    position_weight_max_ppm: int = 250_000
    gross_exposure_max_ppm: int = MILLION
    open_orders_max: int = 50
    orders_per_minute_max: int = 60
    price_collar_ppm: int = 50_000
    market_collar_ppm: int = 20_000
    restricted: frozenset[str] = frozenset()
    quote_age: int = 120 * SECOND
    in_flight: int = 60 * SECOND
    """How long an order without an answer counts as under way (reliability, 2.L)."""
    clean_lists_min: int = 2
    """How many complete lists of orders must have lacked it before it may be given up (2.L)."""
    external: int = SECOND
    """How soon a trade that was not ours is in our books once we could see it."""
    looking: int = 2 * MINUTE
    """How long what is open, lost or told in part may be left without anybody's asking for it: the longest pause after
    a read that failed, or that found the keys refused, is a minute, and such a read may take half of another."""
    looking_again: int = 480 * SECOND
    """The same of an order that was given up: the record is read every five minutes, and a read may fail."""
    reading_a_gap: int = 30 * SECOND
    """How soon after the stream is back the record is asked for: other requests may be on their way before."""
    bounds: dict[str, int] = {}


class Session(NamedTuple):
    """One session of the market: its date and when it runs."""

    date: str
    open: int
    close: int


class Case:
    """What the checks look at."""

    def __init__(self, record: Record, rules: Rules, sessions: Sequence[Session] = ()) -> None:
        self.record, self.rules = record, rules
        self.story, self.hearing = Story(), Hearing()
        self.sessions = {session.date: session for session in sessions}
        self.glances: dict[str, Glance] = {}
        """What each living machine has in its memory."""
        self.earlier: dict[str, Glance] = {}
        """The same one step before, of machines that have not been started anew since."""
        self.read_again: Callable[[], Sequence[Fact]] | None = None
        """The journal as the store gives it back, where there is a store."""
        self.started_anew: Callable[[], Glance] | None = None
        """What an engine that is given this journal has in its memory."""

    def is_ours(self, order_id: str) -> bool:
        """Whether an order of the broker came from one of our machines."""
        order = self.record.orders.get(order_id)
        while order is not None and (order.parent_id or order.replaces):
            order = self.record.orders.get(order.parent_id or order.replaces or "")
        return order is not None and order.client_order_id in self.hearing.names


Texts = Iterator[str]
Check = Callable[..., Texts]


class Checks:
    """The checks of one occasion, each with the invariant it belongs to."""

    def __init__(self) -> None:
        self.of: dict[Any, list[tuple[str, Check]]] = {}

    def on(self, occasion: Any, invariant: str) -> Callable[[Check], Check]:
        """Register a check for an occasion: a name, or the type of a fact."""

        def register(check: Check) -> Check:
            self.of.setdefault(occasion, []).append((invariant, check))
            return check

        return register


CHECKS = Checks()
DEPARTURE, ARRIVAL, COMMIT, FILL, STEP, REST = "departure", "arrival", "commit", "fill", "step", "rest"


def rules_of(limits: RiskLimits, **others: Any) -> Rules:
    """The product's limits as the judge counts them."""
    return Rules(
        order_notional_max_e13=money_e13(limits.order_notional_max),
        position_weight_max_ppm=int(limits.position_weight_max * MILLION),
        gross_exposure_max_ppm=int(limits.gross_exposure_max * MILLION),
        open_orders_max=limits.open_orders_max,
        orders_per_minute_max=limits.orders_per_minute_max,
        price_collar_ppm=int(limits.price_collar * MILLION),
        restricted=limits.restricted,
        quote_age=limits.quote_age_seconds_max * SECOND,
        **others,
    )
