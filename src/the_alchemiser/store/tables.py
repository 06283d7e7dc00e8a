"""The tables as SQLAlchemy sees them: plain integers and text, which SQLite and PostgreSQL store alike.

`journal` is the truth, `lease` says who may write it; `projection` says up to which entry the others have been folded;
the others are `records`, one table each. A change here needs a migration and a new REVISION; a change in how facts are
folded a new PROJECTION_VERSION.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text

from .records import (
    AccountRecord,
    AlertRecord,
    ConditionRecord,
    CycleRecord,
    DayRecord,
    FillRecord,
    OrderRecord,
    PositionRecord,
    ReconciliationRecord,
    Record,
    TradeRecord,
)

REVISION = "0003"
"""The migration this code is written for."""
SQLITE_DECLARATIONS = "04c90830e053ca944ebfd4decca0540db756006d2fb114c5511c30e1b574ad51"
"""What a SQLite file of this revision declares, as one hash (`verification.declarations_digest`)."""
PROJECTION_VERSION = 2
"""Tables folded by another version are made again when the journal is opened for writing."""

metadata = MetaData()

# In SQLite only a column declared INTEGER is the row's own address; any other key costs a second tree.
_SEQ = BigInteger().with_variant(Integer(), "sqlite")

journal = Table(
    "journal",
    metadata,
    Column("seq", _SEQ, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

projection = Table(
    "projection",
    metadata,
    Column("id", _SEQ, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)

lease = Table(
    "lease",
    metadata,
    Column("id", _SEQ, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("owner", Text, nullable=False),
    Column("process", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("version", Text, nullable=False),
    Column("config_hash", Text, nullable=False),
)


def _instant(name: str, *, is_optional: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=is_optional)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _text(name: str, *, is_optional: bool = False) -> Column[str]:
    return Column(name, Text, nullable=is_optional)


def _key(name: str) -> Column[str]:
    return Column(name, Text, primary_key=True)


def _address(name: str) -> Column[int]:
    return Column(name, _SEQ, primary_key=True, autoincrement=False)


# A text key without a row id keeps the row in its key's own tree: half the pages to write in every commit.
_accounts = Table(
    "account",
    metadata,
    _address("id"),
    _text("number"),
    _instant("opened_at"),
    _text("opening_cash"),
    _text("cash"),
)

_orders = Table(
    "orders",
    metadata,
    _key("client_order_id"),
    _text("broker_order_id"),
    _text("cycle_id"),
    _text("symbol"),
    _text("side"),
    _text("shares"),
    _text("type", is_optional=True),
    _text("limit_price", is_optional=True),
    _text("stop_price", is_optional=True),
    _text("status"),
    _instant("intended_at"),
    _instant("updated_at"),
    _number("seq"),
    _text("middle", is_optional=True),
    _text("filled"),
    _text("filled_value"),
    _text("average_price", is_optional=True),
    _text("reason"),
    sqlite_with_rowid=False,
)

_fills = Table(
    "fills",
    metadata,
    _key("client_order_id"),
    _key("cum_before"),
    _text("cum_after"),
    _text("cycle_id"),
    _text("symbol"),
    _text("side"),
    _text("shares"),
    _text("price"),
    _text("amount"),
    _text("realised"),
    _instant("at"),
    _number("seq"),
    sqlite_with_rowid=False,
)

_positions = Table(
    "positions",
    metadata,
    _key("symbol"),
    _text("shares"),
    _text("cost"),
    _text("realised"),
    _text("lots"),
    _instant("updated_at"),
    sqlite_with_rowid=False,
)

_cycles = Table(
    "cycles",
    metadata,
    _key("cycle_id"),
    _text("session"),
    _text("status"),
    _instant("started_at"),
    _number("seq"),
    _instant("ended_at", is_optional=True),
    _number("trades"),
    _number("trades_filled"),
    _text("reasons"),
    _text("equity", is_optional=True),
    _text("turnover", is_optional=True),
    _text("spread_cost", is_optional=True),
    sqlite_with_rowid=False,
)

_trades = Table(
    "trades",
    metadata,
    _key("cycle_id"),
    _key("symbol"),
    _text("status"),
    _text("side"),
    _text("shares"),
    _text("arrival_price"),
    _text("far_price"),
    _number("seq"),
    _text("filled"),
    _text("outcome"),
    _text("code"),
    _text("text"),
    sqlite_with_rowid=False,
)

_days = Table(
    "days",
    metadata,
    _key("session"),
    _instant("at"),
    _text("cash"),
    _text("equity"),
    _text("realised"),
    _text("unrealised"),
    _text("marks"),
    _number("seq"),
    sqlite_with_rowid=False,
)

_reconciliations = Table(
    "reconciliations",
    metadata,
    _address("seq"),
    _instant("at"),
    _text("purpose"),
    _text("differences"),
    _text("cash"),
    _text("equity"),
)

_alerts = Table("alerts", metadata, _address("seq"), _instant("at"), _text("level"), _text("text"))

_conditions = Table(
    "conditions",
    metadata,
    _key("name"),
    _text("value"),
    _text("text"),
    _instant("at"),
    _number("seq"),
    sqlite_with_rowid=False,
)

DERIVED: dict[type[Record], Table] = {
    AccountRecord: _accounts,
    OrderRecord: _orders,
    FillRecord: _fills,
    PositionRecord: _positions,
    CycleRecord: _cycles,
    TradeRecord: _trades,
    DayRecord: _days,
    ReconciliationRecord: _reconciliations,
    AlertRecord: _alerts,
    ConditionRecord: _conditions,
}
"""Where the records of each kind are kept."""
