"""What happened, once and for ever: the only things the journal holds and the only things that change state.

Every fact is flat, immutable and complete in itself; the engine's state, every table and every report are folds
of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from .instants import Nanos
from .intent import PlannedTrade, RebalancePlan, Signal, TargetPortfolio, TradingState
from .market import Quote, Symbol
from .money import ZERO, Dollars, Price, Shares
from .orders import ClientOrderId, Evidence, Fill, OrderReport, OrderRequest, Relation
from .portfolio import Activity, Holding

# Facts of single orders say gc=False: they hold no container, so no cycle can ever pass through them, and a long
# backtest keeps hundreds of thousands of them that the collector need not visit.


class _Fact(msgspec.Struct, frozen=True, tag_field="kind"):
    at: Nanos


class AccountOpened(_Fact, frozen=True, tag="account_opened"):
    """The account behind the keys when we first met it: the ledger's opening balance, and its identity from now on."""

    number: str
    cash: Dollars
    holdings: tuple[Holding, ...]
    activities: tuple[str, ...] = ()
    """Ids of what had moved cash or shares shortly before: all that is in the opening balance."""


class CycleStarted(_Fact, frozen=True, tag="cycle_started"):
    """The day's cycle began; `session` is its date, `closes_at` the session's end."""

    cycle_id: str
    session: str
    closes_at: Nanos


class CycleRefused(_Fact, frozen=True, tag="cycle_refused"):
    """The cycle could not decide anything safely."""

    cycle_id: str
    reasons: tuple[str, ...]


class SnapshotTaken(_Fact, frozen=True, tag="snapshot_taken"):
    """What the decision saw: the quotes themselves, and a digest of the histories."""

    cycle_id: str
    quotes: Mapping[Symbol, Quote]
    histories_digest: str


class SignalFormed(_Fact, frozen=True, tag="signal_formed"):
    """One strategy's wish."""

    cycle_id: str
    signal: Signal


class TargetSet(_Fact, frozen=True, tag="target_set"):
    """The blended target."""

    cycle_id: str
    target: TargetPortfolio


class PlanBuilt(_Fact, frozen=True, tag="plan_built"):
    """The trades that would reach the target."""

    cycle_id: str
    plan: RebalancePlan


class TradeApproved(_Fact, frozen=True, gc=False, tag="trade_approved"):
    """Risk let a trade pass."""

    cycle_id: str
    trade: PlannedTrade


class TradeRefused(_Fact, frozen=True, tag="trade_refused"):
    """Risk stopped a trade."""

    cycle_id: str
    trade: PlannedTrade
    code: str
    text: str


class CycleStepped(_Fact, frozen=True, tag="cycle_stepped"):
    """The limit prices took their next step towards the far side; `quotes` are what they step by."""

    cycle_id: str
    step: int
    quotes: Mapping[Symbol, Quote]


class OrderIntended(_Fact, frozen=True, gc=False, tag="order_intended"):
    """We are about to send this order; its cash or shares are reserved from here on."""

    cycle_id: str
    request: OrderRequest
    middle: Price
    """The middle of the spread when it was decided: the reference for the spread paid."""
    not_after: Nanos = 0
    """From when on it is too late to send it; 0: never."""


class CancelIntended(_Fact, frozen=True, tag="cancel_intended"):
    """We are about to ask for the order's cancellation."""

    client_order_id: ClientOrderId


class OrderImported(_Fact, frozen=True, tag="order_imported"):
    """An order of ours was at the broker and not in the journal, which had lost it: from now on it is known again."""

    cycle_id: str
    report: OrderReport
    counted: Shares = ZERO
    """Filled shares that are part of the opening balance, and therefore not booked once more."""


class OrderFollowed(_Fact, frozen=True, tag="order_followed"):
    """An order at the broker came out of one of ours: it is ours, too, under the name in its report."""

    cycle_id: str
    of: ClientOrderId
    relation: Relation
    report: OrderReport
    counted: Shares = ZERO
    """Shares that the replaced order had filled: they are part of this one's quantity, and booked already."""


class OrderReported(_Fact, frozen=True, gc=False, tag="order_reported"):
    """The broker's word, or evidence that it has none, changed what we know of an order."""

    report: OrderReport
    evidence: Evidence | None = None
    """What an abandoned order was given up for."""


class OrderLost(_Fact, frozen=True, tag="order_lost"):
    """No clear answer came to an order that was sent."""

    client_order_id: ClientOrderId
    reason: str


class OrderSentAgain(_Fact, frozen=True, gc=False, tag="order_sent_again"):
    """No trace of an order was found for as long as it could be under way: the same request is sent once more."""

    client_order_id: ClientOrderId
    evidence: Evidence


class FillBooked(_Fact, frozen=True, gc=False, tag="fill_booked"):
    """An execution entered the ledger. `cycle_id` is empty for an order that was not ours."""

    cycle_id: str
    fill: Fill


class FillCorrected(_Fact, frozen=True, gc=False, tag="fill_corrected"):
    """Shares that are booked had another price: `fill` lies within one booked fill and now counts in its place."""

    cycle_id: str
    fill: Fill
    within: Shares
    """Where the booked fill begins."""
    price_before: Price

    @property
    def amount(self) -> Dollars:
        """The signed change in cash; what was earned in the symbol changes by as much."""
        return self.fill.side.sign * self.fill.shares * (self.price_before - self.fill.price)


class TradeEnded(_Fact, frozen=True, tag="trade_ended"):
    """Nothing more will be sent for a trade; `outcome` is "filled", or the reason it was given up."""

    cycle_id: str
    symbol: Symbol
    filled: Shares
    outcome: str


class CycleFinished(_Fact, frozen=True, tag="cycle_finished"):
    """Every trade of the cycle ended."""

    cycle_id: str
    trades: int
    trades_filled: int


class Reconciled(_Fact, frozen=True, tag="reconciled"):
    """Ledger and broker were compared; no differences means they agree on every share and cent."""

    purpose: str
    differences: tuple[str, ...]
    cash: Dollars
    equity: Dollars


class ExternalOrderSeen(_Fact, frozen=True, tag="external_order_seen"):
    """The broker's word on an order that is not ours: when first heard of, and whenever it has got further."""

    report: OrderReport


class ActivityBooked(_Fact, frozen=True, tag="activity_booked"):
    """Cash or shares moved other than by trading, and the ledger follows. For a rename `former` is the old symbol."""

    activity: Activity
    former: Symbol = ""


class SymbolFrozen(_Fact, frozen=True, tag="symbol_frozen"):
    """Ledger and broker disagree on a symbol, or (where empty) on cash: nothing is opened in it until they agree."""

    symbol: Symbol
    difference: str
    cause: str
    """What was searched for an explanation and what was found."""
    shares: Shares = ZERO
    """What the broker says is held: no more than that is ever sold."""


class SymbolReleased(_Fact, frozen=True, tag="symbol_released"):
    """They agree again."""

    symbol: Symbol


class LedgerAdjusted(_Fact, frozen=True, tag="ledger_adjusted"):
    """A person made the ledger follow the broker: signed changes; shares enter and leave at `price`, without profit."""

    symbol: Symbol
    shares: Shares
    price: Price
    cash: Dollars
    reason: str
    who: str


class TradingStateChanged(_Fact, frozen=True, tag="trading_state_changed"):
    """How far we may act from now on, and why."""

    state: TradingState
    reason: str


class DayClosed(_Fact, frozen=True, tag="day_closed"):
    """The books of one session at its close, at the broker's marks."""

    session: str
    cash: Dollars
    equity: Dollars
    realised: Dollars
    unrealised: Dollars
    marks: Mapping[Symbol, Price]


class JournalRebuilt(_Fact, frozen=True, tag="journal_rebuilt"):
    """The journal was damaged, cut or gone: the entries before this one are what could be trusted of it."""

    reason: str
    kept: int
    """How many entries those are."""
    evidence: str
    """The name the damaged file was given; empty where there was none."""


class AlertRaised(_Fact, frozen=True, tag="alert_raised"):
    """A person should know."""

    level: str
    text: str


Fact = (
    AccountOpened
    | CycleStarted
    | CycleRefused
    | SnapshotTaken
    | SignalFormed
    | TargetSet
    | PlanBuilt
    | TradeApproved
    | TradeRefused
    | CycleStepped
    | OrderIntended
    | CancelIntended
    | OrderImported
    | OrderFollowed
    | OrderReported
    | OrderLost
    | OrderSentAgain
    | FillBooked
    | FillCorrected
    | TradeEnded
    | CycleFinished
    | Reconciled
    | ExternalOrderSeen
    | ActivityBooked
    | SymbolFrozen
    | SymbolReleased
    | LedgerAdjusted
    | TradingStateChanged
    | DayClosed
    | JournalRebuilt
    | AlertRaised
)

_encoder = msgspec.json.Encoder(order="deterministic", decimal_format="string")
_decoder = msgspec.json.Decoder(Fact)


def encode(fact: Fact) -> bytes:
    """The fact as canonical JSON: the same fact always gives the same bytes (the journal's hash chain rests on it)."""
    return _encoder.encode(fact)


def decode(body: bytes | str) -> Fact:
    """The fact that `encode` wrote. Raises msgspec.DecodeError for anything else."""
    fact: Fact = _decoder.decode(body)
    return fact
