"""An engine driven by hand: every event is told by the test, every wish of the engine is kept for it to see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from fakes import Wanting
from language import NOON, TODAY, YESTERDAY, account, assets, history, quotes, weights
from msgspec.structs import replace

from the_alchemiser.cycle import CycleConfig
from the_alchemiser.domain.effects import Effect, SetTimer, SubmitOrder
from the_alchemiser.domain.events import (
    BrokerRead,
    BrokerState,
    Event,
    MarketRead,
    OrderHeard,
    QuotesRead,
    Started,
    TimerFired,
)
from the_alchemiser.domain.facts import Fact
from the_alchemiser.domain.instants import DAY, MINUTE, Nanos
from the_alchemiser.domain.market import Session
from the_alchemiser.domain.money import ONE, Side
from the_alchemiser.domain.orders import Execution, OrderReport, OrderRequest, OrderStatus
from the_alchemiser.domain.portfolio import Holding
from the_alchemiser.engine import Engine, EngineConfig
from the_alchemiser.pipeline.risk import RiskLimits
from the_alchemiser.step import Step

SESSIONS = (
    Session(YESTERDAY, TODAY.open - 4 * DAY, TODAY.close - 4 * DAY),
    TODAY,
    Session("2021-01-05", TODAY.open + DAY, TODAY.close + DAY),
    Session("2021-01-06", TODAY.open + 2 * DAY, TODAY.close + 2 * DAY),
)
HALF_PAST_THREE = TODAY.close - 30 * MINUTE
LIMITS = RiskLimits(order_notional_max=Decimal(90_000), position_weight_max=ONE)


def setting(wanted: str = "AAPL 50%", universe: Sequence[str] = ("AAPL",), **more: Any) -> EngineConfig:
    """One strategy that always wants the same."""
    chosen = {"limits": LIMITS, **more}
    cycle = CycleConfig(tuple(universe), (Wanting(weights(wanted)),), {"wanting": ONE}, **chosen)
    return EngineConfig(cycle)


class Hand:
    """Tells an engine what happened. `facts` and `effects` keep all it answered; `last` only the newest effects."""

    sessions = SESSIONS

    def __init__(self, config: EngineConfig | None = None, history_: Iterable[Fact] = ()) -> None:
        self.config = config or setting()
        self.engine = Engine(self.config, history_)
        self.facts: list[Fact] = list(history_)
        self.effects: list[Effect] = []
        self.last: list[Effect] = []
        self.at: Nanos = NOON

    def tell(self, event: Event) -> list[Effect]:
        """One step; time stands where the event happened."""
        self.at = event.at  # type: ignore[union-attr]
        result = self.engine.step(event)
        self.facts += result.facts
        self.last = list(result.effects)
        self.effects += self.last
        return self.last

    # What the broker says

    def start(self, cash: str = "100000", held: Sequence[Holding] = (), at: Nanos = NOON) -> None:
        self.tell(Started(at))
        self.read("start", cash, held, at=at)

    def read(
        self,
        purpose: str,
        cash: str,
        held: Sequence[Holding] = (),
        *,
        orders: Sequence[OrderReport] = (),
        executions: Sequence[Execution] = (),
        number: str = "PA3TEST00001",
        equity: str | None = None,
        value: str | None = None,
        at: Nanos | None = None,
    ) -> list[Effect]:
        """The broker's whole record. `value`: what all holdings are worth as the account states it."""
        total = equity or str(Decimal(cash) + sum(one.shares * one.price for one in held))
        state = BrokerState(
            replace(account(cash, total, number), holdings_value=Decimal(value) if value else None),
            tuple(held),
            tuple(orders),
            tuple(executions),
            self.sessions,
        )
        return self.tell(BrokerRead(self.at if at is None else at, purpose, state))

    def step(self) -> Step:
        """A step under construction, to call a part of the core with."""
        return Step(self.engine.state, self.at)

    def fire(self, key: str, at: Nanos | None = None) -> list[Effect]:
        return self.tell(TimerFired(self.at if at is None else at, key))

    def market(self, market: str = "AAPL 100/100", **more: Any) -> list[Effect]:
        """Histories, assets and quotes, complete unless told otherwise."""
        found = {"quotes": quotes(market, self.at), **more}
        symbols = list(found["quotes"])
        known = {
            "histories": {symbol: history(symbol, [98, 99, 100]) for symbol in symbols},
            "assets": dict(assets(*symbols)),
            **found,
        }
        return self.tell(
            MarketRead(self.at, "20210104", known["histories"], known["quotes"], known["assets"])
        )

    def quotes(self, market: str, at: Nanos | None = None) -> list[Effect]:
        when = self.at if at is None else at
        return self.tell(QuotesRead(when, "20210104", quotes(market, when)))

    def hear(
        self,
        request: OrderRequest,
        status: str,
        filled: int = 0,
        execution: tuple[int, int] | None = None,
        **more: Any,
    ) -> list[Effect]:
        return self.tell(heard(request, status, filled, execution, at=self.at, **more))

    def begin(
        self, cash: str = "100000", held: Sequence[Holding] = (), market: str = "AAPL 100/100"
    ) -> list[OrderRequest]:
        """From the morning to the first orders of the day's cycle."""
        self.start(cash, held)
        self.fire("begin:2021-01-04", HALF_PAST_THREE)
        self.read("begin:2021-01-04", cash, held)
        self.market(market)
        return self.submitted()

    # What the engine wanted

    def submitted(self) -> list[OrderRequest]:
        """The orders the last step wanted sent."""
        return [effect.request for effect in self.last if isinstance(effect, SubmitOrder)]

    def timers(self) -> dict[str, Nanos]:
        """The timers the last step set."""
        return {effect.key: effect.at for effect in self.last if isinstance(effect, SetTimer)}

    def wants(self, kind: type) -> list[Any]:
        return [effect for effect in self.last if isinstance(effect, kind)]

    def kinds(self, kind: type) -> list[Any]:
        return [fact for fact in self.facts if isinstance(fact, kind)]


def report_of(
    request: OrderRequest, status: str, filled: int = 0, *, reason: str = "", at: Nanos = NOON
) -> OrderReport:
    name = request.client_order_id
    return OrderReport(
        name,
        f"b-{name}",
        request.symbol,
        request.side,
        request.shares,
        OrderStatus(status),
        Decimal(filled),
        at,
        reason,
    )


def execution_of(
    request: OrderRequest, before: int, after: int, price: str = "100", at: Nanos = NOON
) -> Execution:
    return Execution(
        f"b-{request.client_order_id}",
        request.symbol,
        request.side,
        Decimal(before),
        Decimal(after),
        Decimal(price),
        at,
    )


def heard(
    request: OrderRequest,
    status: str,
    filled: int = 0,
    execution: tuple[int, int] | None = None,
    *,
    reason: str = "",
    price: str = "100",
    at: Nanos = NOON,
) -> OrderHeard:
    """heard(request, "partially_filled", 3, (0, 3)): the broker's word, with the execution (0, 3] in it."""
    made = None if execution is None else execution_of(request, *execution, price, at)
    return OrderHeard(at, report_of(request, status, filled, reason=reason, at=at), made)


def somebody_elses(side: str, shares: int, symbol: str, name: str = "manual") -> OrderRequest:
    """An order that did not come from us."""
    return OrderRequest(name, symbol, Side(side), Decimal(shares))
