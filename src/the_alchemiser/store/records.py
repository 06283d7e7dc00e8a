"""The rows of the tables for reading, as values.

Each is a fold of facts and can be made again from the journal.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from the_alchemiser.domain.instants import Nanos
from the_alchemiser.domain.market import Symbol
from the_alchemiser.domain.money import ZERO, Dollars, Price, Shares, Side, Weight, plain
from the_alchemiser.domain.orders import BrokerOrderId, ClientOrderId, OrderStatus, OrderType
from the_alchemiser.domain.portfolio import Lot

Key = tuple[Any, ...]


class Record(msgspec.Struct, frozen=True):
    """One row.

    `KEY` names the fields that are its identity; `seq`, where a record has it, is the entry that began it.
    """

    KEY: ClassVar[tuple[str, ...]] = ()

    @property
    def key(self) -> Key:
        """Its identity within its table."""
        return tuple(getattr(self, name) for name in self.KEY)


class AccountRecord(Record, frozen=True):
    """The account and its cash by our own books. There is one, so its key is a constant."""

    KEY: ClassVar[tuple[str, ...]] = ("id",)
    number: str
    opened_at: Nanos
    opening_cash: Dollars
    cash: Dollars
    id: int = 1


class OrderRecord(Record, frozen=True):
    """One order and what became of it. Orders that were not ours have no cycle and no `type`."""

    KEY: ClassVar[tuple[str, ...]] = ("client_order_id",)
    client_order_id: ClientOrderId
    broker_order_id: BrokerOrderId
    cycle_id: str
    symbol: Symbol
    side: Side
    shares: Shares
    type: OrderType | None
    limit_price: Price | None
    stop_price: Price | None
    status: OrderStatus
    intended_at: Nanos
    updated_at: Nanos
    seq: int
    middle: Price | None = None
    """The middle of the spread when the order was decided."""
    filled: Shares = ZERO
    """Shares booked in the ledger; the broker may have reported more already."""
    filled_value: Dollars = ZERO
    """The sum of shares times price over its fills, exact."""
    average_price: Price | None = None
    """`filled_value / filled`, to nine decimals."""
    reason: str = ""


class FillRecord(Record, frozen=True):
    """One execution in the ledger."""

    KEY: ClassVar[tuple[str, ...]] = ("client_order_id", "cum_before")
    client_order_id: ClientOrderId
    cum_before: Shares
    cum_after: Shares
    cycle_id: str
    symbol: Symbol
    side: Side
    shares: Shares
    price: Price
    amount: Dollars
    """The signed change in cash."""
    realised: Dollars
    """What a sale earned over the cost of the lots it consumed."""
    at: Nanos
    seq: int


class PositionRecord(Record, frozen=True):
    """What is held of one symbol, and what was ever earned in it; stays, with no shares, once all is sold."""

    KEY: ClassVar[tuple[str, ...]] = ("symbol",)
    symbol: Symbol
    shares: Shares
    cost: Dollars
    realised: Dollars
    lots: tuple[Lot, ...]
    updated_at: Nanos


class CycleRecord(Record, frozen=True):
    """One trading cycle; `status` is started, refused or finished."""

    KEY: ClassVar[tuple[str, ...]] = ("cycle_id",)
    cycle_id: str
    session: str
    status: str
    started_at: Nanos
    seq: int
    ended_at: Nanos | None = None
    trades: int = 0
    trades_filled: int = 0
    reasons: tuple[str, ...] = ()
    equity: Dollars | None = None
    turnover: Weight | None = None
    spread_cost: Dollars | None = None


class TradeRecord(Record, frozen=True):
    """One trade of a plan: approved, refused or ended.

    `code` and `text` say why it was refused, `outcome` how it ended.
    """

    KEY: ClassVar[tuple[str, ...]] = ("cycle_id", "symbol")
    cycle_id: str
    symbol: Symbol
    status: str
    side: Side
    shares: Shares
    arrival_price: Price
    far_price: Price
    seq: int
    filled: Shares = ZERO
    outcome: str = ""
    code: str = ""
    text: str = ""


class DayRecord(Record, frozen=True):
    """The books of one session at its close."""

    KEY: ClassVar[tuple[str, ...]] = ("session",)
    session: str
    at: Nanos
    cash: Dollars
    equity: Dollars
    realised: Dollars
    unrealised: Dollars
    marks: Mapping[Symbol, Price]
    seq: int


class ReconciliationRecord(Record, frozen=True):
    """One comparison of ledger and broker."""

    KEY: ClassVar[tuple[str, ...]] = ("seq",)
    seq: int
    at: Nanos
    purpose: str
    differences: tuple[str, ...]
    cash: Dollars
    equity: Dollars

    @property
    def is_agreed(self) -> bool:
        """Whether ledger and broker agreed on every share and cent."""
        return not self.differences


class AlertRecord(Record, frozen=True):
    """Something a person should know."""

    KEY: ClassVar[tuple[str, ...]] = ("seq",)
    seq: int
    at: Nanos
    level: str
    text: str


class ConditionRecord(Record, frozen=True):
    """What restrains trading now. `value` is empty where it does no longer."""

    KEY: ClassVar[tuple[str, ...]] = ("name",)
    name: str
    """TRADING_STATE, or FROZEN followed by the symbol (by nothing where cash differs)."""
    value: str
    """The trading state, or the difference for which a symbol is frozen."""
    text: str
    """Why, or what was searched for a cause and found."""
    at: Nanos
    seq: int


TRADING_STATE = "trading"
FROZEN = "frozen:"

RECORDS: tuple[type[Record], ...] = (
    AccountRecord,
    OrderRecord,
    FillRecord,
    PositionRecord,
    CycleRecord,
    TradeRecord,
    DayRecord,
    ReconciliationRecord,
    AlertRecord,
    ConditionRecord,
)

R = TypeVar("R", bound=Record)

_json = msgspec.json.Encoder(order="deterministic", decimal_format="string")
_value = operator.attrgetter("value")


def _as_text(value: Any) -> str:
    return _json.encode(value).decode()


def _storable(text: str) -> str:
    """PostgreSQL keeps no NUL in a text, and a broker's words are not ours to choose; the journal keeps them whole."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in text else text


_PACKERS: dict[type, Any] = {
    str: _storable,
    Decimal: plain,
    Side: _value,
    OrderType: _value,
    OrderStatus: _value,
    tuple: _as_text,
    dict: _as_text,
}


def _structured_fields(kind: type[Record]) -> dict[str, Any]:
    """The fields kept as JSON text, because a column cannot hold them."""
    hints = get_type_hints(kind)
    types = {field.name: hints[field.name] for field in msgspec.structs.fields(kind)}
    return {
        name: hint for name, hint in types.items() if get_origin(hint) and type(None) not in get_args(hint)
    }


_STRUCTURED = {
    kind: {name: msgspec.json.Decoder(hint) for name, hint in _structured_fields(kind).items()}
    for kind in RECORDS
}


def pack_value(value: Any) -> Any:
    """One field as a database keeps it."""
    packer = _PACKERS.get(type(value))
    return packer(value) if packer else value


def pack(record: Record) -> dict[str, Any]:
    """The row as a database keeps it: integers and text only, decimals exact and without padding."""
    return {name: pack_value(value) for name, value in msgspec.structs.asdict(record).items()}


def unpack(kind: type[R], row: Mapping[str, Any]) -> R:
    """The record that `pack` made this row of.

    Raises msgspec.ValidationError or DecodeError for any other row.
    """
    values = {str(name): value for name, value in row.items()}
    for name, decoder in _STRUCTURED[kind].items():
        values[name] = decoder.decode(values[name])
    return msgspec.convert(values, kind)
