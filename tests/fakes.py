"""Ports kept in memory, written by hand: what the core needs from outside, with faults on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from the_alchemiser.domain.effects import RaiseAlert
from the_alchemiser.domain.errors import BrokerError
from the_alchemiser.domain.facts import Fact
from the_alchemiser.domain.intent import Signal
from the_alchemiser.domain.market import MarketSnapshot, Symbol
from the_alchemiser.domain.money import Weight
from the_alchemiser.domain.orders import OrderReport, OrderRequest
from the_alchemiser.runtime.direct import DirectBroker


class Killed(BaseException):
    """The process ends here, as kill -9 ends it: nothing after this line happens."""


class KeptJournal:
    """Keeps facts; with `facts_max` the process dies once so many are durable, and none of its effects leaves."""

    def __init__(self, facts: Iterable[Fact] = (), facts_max: int | None = None) -> None:
        self.facts, self.facts_max = list(facts), facts_max
        self.commits: list[int] = []

    def append(self, facts: Sequence[Fact]) -> None:
        self.facts += facts
        self.commits.append(len(self.facts))
        if self.facts_max is not None and len(self.facts) >= self.facts_max:
            del self.facts[self.facts_max :]
            raise Killed

    def read(self) -> Iterator[Fact]:
        return iter(self.facts)


class KeptAlerts:
    """Remembers what a person was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def send(self, alerts: Iterable[RaiseAlert]) -> None:
        self.told += [(alert.level, alert.text) for alert in alerts]


class Wanting:
    """A strategy that wants the same weights always, or those of the date."""

    sessions_needed = 1

    def __init__(self, weights: Mapping[Symbol, Weight] | Callable[[str], Mapping[Symbol, Weight]]) -> None:
        self.name, self._weights = "wanting", weights

    def evaluate(self, snapshot: MarketSnapshot) -> Signal:
        wanted = self._weights(snapshot.session.date) if callable(self._weights) else self._weights
        return Signal(self.name, snapshot.at, dict(wanted))


class FaultyBroker(DirectBroker):
    """The exchange in this process behind a bad line: `faults` says per call whether it, or its answer, is lost.

    A fault is an error raised before the call ("before", error) or after it took effect ("after", error).
    """

    def __init__(self, exchange: Any, faults: Callable[[str], tuple[str, BaseException] | None]) -> None:
        super().__init__(exchange)
        self.faults = faults
        self.sent: list[OrderRequest] = []

    def place_order(self, request: OrderRequest) -> OrderReport:
        self.sent.append(request)
        return self._over_the_line("place_order", lambda: DirectBroker.place_order(self, request))

    def cancel_order(self, broker_order_id: str) -> None:
        self._over_the_line("cancel_order", lambda: DirectBroker.cancel_order(self, broker_order_id))

    def get_order_by_client_id(self, client_order_id: str) -> OrderReport | None:
        return self._over_the_line(
            "look_up", lambda: DirectBroker.get_order_by_client_id(self, client_order_id)
        )

    def get_account(self) -> Any:
        return self._over_the_line("get_account", lambda: DirectBroker.get_account(self))

    def get_quotes(self, symbols: Sequence[Symbol]) -> Any:
        return self._over_the_line("get_quotes", lambda: DirectBroker.get_quotes(self, symbols))

    def get_histories(self, symbols: Sequence[Symbol], sessions: int, before_date: str) -> Any:
        return self._over_the_line(
            "get_histories", lambda: DirectBroker.get_histories(self, symbols, sessions, before_date)
        )

    def _over_the_line(self, name: str, call: Callable[[], Any]) -> Any:
        fault = self.faults(name)
        if fault is not None and fault[0] == "before":
            raise fault[1]
        answer = call()
        if fault is not None:
            raise fault[1]
        return answer


def no_faults(_: str) -> None:
    """The line works."""


class Schedule:
    """Faults by call and number: {"place_order": {1: ("after", error)}} loses the answer to the second order."""

    def __init__(self, planned: Mapping[str, Mapping[int, tuple[str, BrokerError | Killed]]]) -> None:
        self._planned = planned
        self.counts: dict[str, int] = {}

    def __call__(self, name: str) -> tuple[str, BaseException] | None:
        number = self.counts.get(name, 0)
        self.counts[name] = number + 1
        return self._planned.get(name, {}).get(number)
