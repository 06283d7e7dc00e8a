"""Who may write the journal and trade its account: one row, from the first taking on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table, empty: nobody has taken the lease yet."""
    op.create_table(
        "lease",
        sa.Column("id", KEY, primary_key=True, autoincrement=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("process", sa.Text, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("config_hash", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """There is no way back: an older program would write without asking who may."""
    raise NotImplementedError
