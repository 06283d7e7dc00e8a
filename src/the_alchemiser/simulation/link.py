"""The line to the broker: every conversation takes time, and at each end of it something may go wrong.

A request that has left arrives even where its sender has died meanwhile; an answer that nobody waits for is lost.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from the_alchemiser.domain.errors import (
    BrokerBusy,
    BrokerError,
    BrokerUnauthorized,
    BrokerUnavailable,
    OutcomeUnknown,
)
from the_alchemiser.domain.instants import SECOND, Nanos
from the_alchemiser.domain.market import Asset, Bar, History, Quote, Session, Symbol
from the_alchemiser.domain.orders import (
    BrokerOrderId,
    ClientOrderId,
    Execution,
    ItemOutcome,
    OrderReport,
    OrderRequest,
)
from the_alchemiser.domain.portfolio import Account, Activity, Holding
from the_alchemiser.runtime.direct import DirectBroker
from the_alchemiser.simulation.catalogue import CLOGGABLE
from the_alchemiser.simulation.chance import stream
from the_alchemiser.simulation.director import Director
from the_alchemiser.simulation.points import Points
from the_alchemiser.simulation.schedule import Fault
from the_alchemiser.simulation.threads import Crew, Deliver
from the_alchemiser.simulation.venue import Venue
from the_alchemiser.simulation.virtual import VirtualTime

ANSWER_SECONDS_MAX = 5.0
"""How long the client waits for an answer; the adapter's deadline."""
WAY_SECONDS = (0.001, 0.040)
"""How long one way usually takes."""
STALE_QUOTES_SECONDS_MAX = 900
"""A quote says itself how old it is, so nobody need be spared."""
STALE_SECONDS_MAX = 60
"""How old an answer may be that a cache on the way gives once more."""

CHANGING = frozenset({"submit", "cancel", "cancel_all", "replace"})
NEVER_ARRIVES = frozenset({"request_lost", "busy", "unavailable_before", "unauthorized", "stale"})
NEVER_HEARD = frozenset({"request_lost", "answer_lost"})

Answer = TypeVar("Answer")
Act = Callable[[], Any]
Arrived = Callable[[Nanos, str, object], None]
Answered = Callable[[str, object, object], None]
"""The site, the request or what was asked for, and the answer or failure."""


class Network:
    """What lies between all processes and the exchange: its speed, its cloggings, and the answers it remembers."""

    def __init__(self, time: VirtualTime, director: Director, venue: Venue, seed: int) -> None:
        self.time, self.director, self.venue = time, director, venue
        self.broker = DirectBroker(time.exchange)
        self.clogged: set[str] = set()
        self.last: dict[str, tuple[Nanos, Any]] = {}
        self.detained: set[str] = set()
        """Orders that are held up somewhere: what is sent after one under the same name does not pass it."""
        self.has_listed = False
        """Whether holdings were asked for before."""
        self.departed: Callable[[str, object], None] = lambda machine, request: None
        """Told every request that leaves a process."""
        self.asked: Callable[[str, object], None] = lambda site, about: None
        """Told everything that is asked, as it leaves a process."""
        self.answered: Answered = lambda site, about, answer: None
        """Told every answer that reaches a process."""
        self._seed = seed
        self._ways: dict[str, random.Random] = {}

    def clog(self, fault: Fault) -> None:
        """Requests of one kind, or of every kind one after another, get no answer for a while."""
        if fault.kind != "swizzled":
            self._clog(fault.about, 0.0, fault.amount)
            return
        sites = list(CLOGGABLE)
        chance = stream(self._seed, f"swizzle {fault.number}")
        chance.shuffle(sites)
        for site in sites:
            self._clog(site, chance.uniform(0, 0.4) * fault.amount, chance.uniform(0.6, 1) * fault.amount)

    def _clog(self, site: str, from_seconds: float, until_seconds: float) -> None:
        now = self.time.now
        self.time.at(now + round(from_seconds * SECOND), lambda: self.clogged.add(site))
        self.time.at(now + round(until_seconds * SECOND), lambda: self.clogged.discard(site))

    def way_seconds(self, site: str) -> float:
        """How long the next way of this kind takes."""
        chance = self._ways.get(site)
        if chance is None:
            chance = self._ways[site] = stream(self._seed, f"way {site}")
        low, high = WAY_SECONDS
        return low + (high - low) * chance.random() ** 3


class Failed:
    """An answer that is a failure."""

    __slots__ = ("error",)

    def __init__(self, error: BrokerError) -> None:
        self.error = error


class Conversation:
    """One request and its answer, on their way."""

    def __init__(self, network: Network, site: str, act: Act, fault: Fault | None, order: str = "") -> None:
        self._network, self._site, self._act, self._order = network, site, act, order
        self._kind = "" if fault is None else fault.kind
        self._amount = 0.0 if fault is None else fault.amount
        self.arrived: Callable[[], None] = lambda: None
        """Told once the exchange has done what was asked, before its answer leaves."""
        self._deliver: Deliver | None = None
        self._copies = 2 if self._kind == "request_doubled" else 1
        self._there, self._back = network.way_seconds(site), network.way_seconds(site)

    def begin(self, deliver: Deliver) -> None:
        """The request leaves."""
        self._deliver = deliver
        self._after(ANSWER_SECONDS_MAX, lambda: self._end(_unheard("no answer in time")))
        if self._site in self._network.clogged or self._order in self._network.detained:
            return
        if self._kind == "request_detained":
            self._network.detained.add(self._order)
        if self._kind in NEVER_ARRIVES:
            self._turn_back()
            return
        late = self._amount if self._kind in ("request_late", "request_detained") else 0.0
        self._after(self._there + late, self._arrive)
        if self._copies > 1:
            self._after(self._there + self._network.way_seconds(self._site), self._arrive)

    def _arrive(self) -> None:
        self._network.detained.discard(self._order)
        try:
            answer = self._act()
        except BrokerError as refusal:
            answer = Failed(refusal)
        self.arrived()
        network = self._network
        self._copies -= 1
        if self._copies:
            return  # What is answered to the first of two is lost; the second is told that there is one already.
        if self._site in network.clogged or self._kind in NEVER_HEARD:
            return
        spoiled = self._spoil(answer)
        if not isinstance(answer, Failed):
            network.last[self._site] = (network.time.now, answer)
        late = self._amount if self._kind == "answer_late" else 0.0
        self._after(self._back + late, lambda: self._end(spoiled))

    def _spoil(self, answer: Any) -> Any:
        kind = self._kind
        if kind == "unavailable_after":
            return _unheard("504 from the gateway")
        if kind == "answer_damaged":
            return _unheard("the answer could not be read")
        if isinstance(answer, Failed):
            return answer
        if kind == "empty":
            return None if self._site == "look_up" else type(answer)()
        if kind == "torn":
            return _torn(answer)
        if kind == "answer_of_another":
            known = self._network.last.get(self._site)
            return answer if known is None else known[1]
        return answer

    def _turn_back(self) -> None:
        answers: dict[str, Any] = {
            "busy": Failed(BrokerBusy("429: too many requests", retry_after_seconds=1.0)),
            "unavailable_before": _unheard("503 from the gateway"),
            "unauthorized": Failed(BrokerUnauthorized("401: these keys are not accepted")),
        }
        if self._kind == "stale":
            answers["stale"] = self._network.last[self._site][1]
        if self._kind in answers:
            self._after(self._there + self._back, lambda: self._end(answers[self._kind]))

    def _end(self, answer: Any) -> None:
        deliver, self._deliver = self._deliver, None
        if deliver is not None:
            deliver(answer)

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        time = self._network.time
        time.at(time.now + round(seconds * SECOND), action)


class Link:
    """Every broker port of one process."""

    def __init__(self, network: Network, crew: Crew, name: str, arrived: Arrived, points: Points) -> None:
        self._network, self._crew, self._name, self._arrived = network, crew, name, arrived
        self._points = points
        self._broker = network.broker

    def place_order(self, request: OrderRequest) -> OrderReport:
        venue = self._network.venue
        return self._change(
            "submit", request, lambda: venue.submitting(lambda: self._broker.place_order(request))
        )

    def cancel_order(self, broker_order_id: BrokerOrderId) -> None:
        venue, cancel = self._network.venue, lambda: self._broker.cancel_order(broker_order_id)
        return self._change("cancel", broker_order_id, lambda: venue.canceling(broker_order_id, cancel))

    def cancel_all_orders(self) -> Sequence[ItemOutcome]:
        return self._change("cancel_all", "all", self._broker.cancel_all_orders)

    def get_order_by_client_id(self, client_order_id: ClientOrderId) -> OrderReport | None:
        return self._ask(
            "look_up", lambda: self._broker.get_order_by_client_id(client_order_id), client_order_id
        )

    def get_order_by_id(self, broker_order_id: BrokerOrderId) -> OrderReport | None:
        return self._ask("look_up", lambda: self._broker.get_order_by_id(broker_order_id))

    def get_open_orders(self) -> Sequence[OrderReport]:
        return self._ask("open_orders", self._broker.get_open_orders)

    def get_orders_since(self, after: Nanos) -> Sequence[OrderReport]:
        return self._ask("orders_since", lambda: self._broker.get_orders_since(after))

    def get_account(self) -> Account:
        return self._ask("account", self._broker.get_account)

    def get_positions(self) -> Sequence[Holding]:
        return self._ask("positions", self._broker.get_positions)

    def get_executions(self, after: Nanos) -> Sequence[Execution]:
        return self._ask("executions", lambda: self._broker.get_executions(after))

    def get_activities(self, after: Nanos) -> Sequence[Activity]:
        return self._ask("activities", lambda: self._broker.get_activities(after))

    def get_sessions(self, from_date: str, to_date: str) -> Sequence[Session]:
        return self._ask("sessions", lambda: self._broker.get_sessions(from_date, to_date))

    def get_time(self) -> Nanos:
        return self._broker.get_time()

    def get_histories(
        self, symbols: Sequence[Symbol], sessions: int, before_date: str
    ) -> dict[Symbol, History]:
        return self._ask("histories", lambda: self._broker.get_histories(symbols, sessions, before_date))

    def get_quotes(self, symbols: Sequence[Symbol]) -> dict[Symbol, Quote]:
        return self._ask("quotes", lambda: self._broker.get_quotes(symbols))

    def get_bars(self, symbol: Symbol, timeframe: str, start: Nanos, end: Nanos) -> Sequence[Bar]:
        return self._ask("bars", lambda: self._broker.get_bars(symbol, timeframe, start, end))

    def get_assets(self, symbols: Sequence[Symbol]) -> dict[Symbol, Asset]:
        return self._ask("assets", lambda: self._broker.get_assets(symbols))

    def _change(self, site: str, request: object, act: Callable[[], Answer]) -> Answer:
        def arrive() -> Answer:
            self._arrived(self._network.time.now, self._name, request)
            return act()

        return self._ask(site, arrive, request)

    def _ask(self, site: str, act: Callable[[], Answer], about: object = None) -> Answer:
        points = self._points
        points.meet(f"{site}: before")
        if site in CHANGING:
            self._network.departed(self._name, about)
        self._network.asked(site, about)
        fault = self._network.director.strike(site, self._senseless(site)) or self._strike_seldom(site)
        order = about.client_order_id if isinstance(about, OrderRequest) else ""
        conversation = Conversation(self._network, site, act, fault, order)
        conversation.arrived = lambda: points.pass_by(f"{site}: arrived")

        def begin(deliver: Deliver) -> None:
            conversation.begin(deliver)
            points.pass_by(f"{site}: left")

        answer = self._crew.wait(begin)
        points.meet(f"{site}: answered")
        self._network.answered(site, about, answer.error if isinstance(answer, Failed) else answer)
        if isinstance(answer, Failed):
            raise _as_seen(site, answer.error)
        heard: Answer = answer
        return heard

    def _strike_seldom(self, site: str) -> Fault | None:
        """What meets only the first of these calls, or only those that nothing else met."""
        network = self._network
        if site == "positions" and not network.has_listed:
            network.has_listed = True
            return network.director.strike("opening")
        return network.director.strike("detour") if site == "submit" else None

    def _senseless(self, site: str) -> tuple[str, ...]:
        """What cannot happen here: an old answer where there is none."""
        known = self._network.last.get(site)
        if known is None:
            return ("stale", "answer_of_another")
        seconds = STALE_QUOTES_SECONDS_MAX if site == "quotes" else STALE_SECONDS_MAX
        is_fresh = self._network.time.now - known[0] <= seconds * SECOND
        return () if is_fresh else ("stale",)


def _unheard(text: str) -> Failed:
    return Failed(OutcomeUnknown(text))


def _as_seen(site: str, error: BrokerError) -> BrokerError:
    """A read without an answer has changed nothing."""
    if isinstance(error, OutcomeUnknown) and site not in CHANGING:
        return BrokerUnavailable(str(error))
    return error


def _torn(answer: Any) -> Any:
    """Only the first half of what there is."""
    if isinstance(answer, dict):
        return dict(list(answer.items())[: len(answer) // 2])
    return answer[: len(answer) // 2]
