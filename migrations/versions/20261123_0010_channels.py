"""Channels: imports of other platforms' files, and the rows that told something."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from core.db import append_only

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)
CHANNELS = "channel IN ('web', 'live', 'counter', 'tmall-report', 'kuaishou', 'douyin')"
OUTCOMES = "outcome IN ('accepted', 'updated', 'unchanged', 'held', 'rejected')"
COUNTS = ("rows", "accepted", "updated", "unchanged", "held", "rejected")


def upgrade() -> None:
    op.create_table(
        "import_runs",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("encoding", sa.Text(), nullable=False),
        sa.Column("at", TIMESTAMP, nullable=False),
        sa.Column("by", sa.Uuid(), sa.ForeignKey("users.id")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        sa.CheckConstraint(CHANNELS, name="channel"),
        sa.CheckConstraint("rows = accepted + updated + unchanged + held + rejected", name="every_row_counted"),
    )
    op.create_table(
        "import_rows",
        sa.Column("run_id", sa.Uuid(), sa.ForeignKey("import_runs.id"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), sa.ForeignKey("orders.id")),
        sa.Column("reason", sa.Text()),
        sa.Column("facts", JSONB(), nullable=False),
        sa.Column("cells", JSONB(), nullable=False),
        sa.CheckConstraint(OUTCOMES, name="outcome"),
    )
    op.create_index("ix_import_rows_order_id", "import_rows", ["order_id"])
    append_only(op, "import_rows")


def downgrade() -> None:
    op.drop_table("import_rows")
    op.drop_table("import_runs")
