"""Which world this database belongs to."""

import sqlalchemy as sa
from alembic import op

from core.db import among

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "worlds",
        sa.Column("single", sa.Boolean(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("single", name="pk_worlds"),
        sa.CheckConstraint("single", name="ck_worlds_one_row"),
        sa.CheckConstraint(among("name", ["demo", "live"]), name="ck_worlds_known"),
    )


def downgrade() -> None:
    op.drop_table("worlds")
