"""The journal, and the first tables for reading that are folded from it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table, in a database that has none."""
    _make_journal()
    _make_account()
    _make_orders()
    _make_fills()
    _make_cycles()
    _make_statements()


def downgrade() -> None:
    """There is no way back: an older program must not write what a newer one began."""
    raise NotImplementedError


def _make_journal() -> None:
    op.create_table(
        "journal",
        sa.Column("seq", SEQ, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_table(
        "projection",
        sa.Column("id", SEQ, primary_key=True, autoincrement=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )


def _make_account() -> None:
    op.create_table(
        "account",
        sa.Column("id", SEQ, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("opening_cash", sa.Text, nullable=False),
        sa.Column("cash", sa.Text, nullable=False),
    )
    op.create_table(
        "positions",
        sa.Column("symbol", sa.Text, primary_key=True),
        sa.Column("shares", sa.Text, nullable=False),
        sa.Column("cost", sa.Text, nullable=False),
        sa.Column("realised", sa.Text, nullable=False),
        sa.Column("lots", sa.Text, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _make_orders() -> None:
    op.create_table(
        "orders",
        sa.Column("client_order_id", sa.Text, primary_key=True),
        sa.Column("broker_order_id", sa.Text, nullable=False),
        sa.Column("cycle_id", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("shares", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=True),
        sa.Column("limit_price", sa.Text, nullable=True),
        sa.Column("stop_price", sa.Text, nullable=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("intended_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("middle", sa.Text, nullable=True),
        sa.Column("filled", sa.Text, nullable=False),
        sa.Column("filled_value", sa.Text, nullable=False),
        sa.Column("average_price", sa.Text, nullable=True),
        sa.Column("reason", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )


def _make_fills() -> None:
    op.create_table(
        "fills",
        sa.Column("client_order_id", sa.Text, primary_key=True),
        sa.Column("cum_before", sa.Text, primary_key=True),
        sa.Column("cum_after", sa.Text, nullable=False),
        sa.Column("cycle_id", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("shares", sa.Text, nullable=False),
        sa.Column("price", sa.Text, nullable=False),
        sa.Column("amount", sa.Text, nullable=False),
        sa.Column("realised", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _make_cycles() -> None:
    op.create_table(
        "cycles",
        sa.Column("cycle_id", sa.Text, primary_key=True),
        sa.Column("session", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=True),
        sa.Column("trades", sa.BigInteger, nullable=False),
        sa.Column("trades_filled", sa.BigInteger, nullable=False),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("equity", sa.Text, nullable=True),
        sa.Column("turnover", sa.Text, nullable=True),
        sa.Column("spread_cost", sa.Text, nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "trades",
        sa.Column("cycle_id", sa.Text, primary_key=True),
        sa.Column("symbol", sa.Text, primary_key=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("shares", sa.Text, nullable=False),
        sa.Column("arrival_price", sa.Text, nullable=False),
        sa.Column("far_price", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("filled", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )


def _make_statements() -> None:
    op.create_table(
        "days",
        sa.Column("session", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("cash", sa.Text, nullable=False),
        sa.Column("equity", sa.Text, nullable=False),
        sa.Column("realised", sa.Text, nullable=False),
        sa.Column("unrealised", sa.Text, nullable=False),
        sa.Column("marks", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reconciliations",
        sa.Column("seq", SEQ, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("differences", sa.Text, nullable=False),
        sa.Column("cash", sa.Text, nullable=False),
        sa.Column("equity", sa.Text, nullable=False),
    )
    op.create_table(
        "alerts",
        sa.Column("seq", SEQ, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
