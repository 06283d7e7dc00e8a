"""${message}"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """${message}"""
    ${upgrades if upgrades else "raise NotImplementedError"}


def downgrade() -> None:
    """There is no way back: an older program must not write what a newer one began."""
    raise NotImplementedError
