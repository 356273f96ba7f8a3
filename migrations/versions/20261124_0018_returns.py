"""Give a parcel that came back an end in money, and let a buyer ask for hers."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)
BEFORE = "reason IN ('request', 'cancelled', 'late', 'doubled', 'quality', 'shortage')"
AFTER = "reason IN ('request', 'cancelled', 'late', 'doubled', 'quality', 'returned', 'shortage')"


def upgrade() -> None:
    op.add_column("order_parcels", sa.Column("returned_at", TIMESTAMP))
    op.add_column("order_parcels", sa.Column("returned_because", sa.Text()))
    op.drop_constraint("reason", "refunds", type_="check")
    op.create_check_constraint("reason", "refunds", AFTER)
    op.create_table(
        "refund_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("asked_at", TIMESTAMP, nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_at", TIMESTAMP),
        sa.Column("answered_by", sa.Uuid()),
        sa.Column("refund_id", sa.Uuid()),
        sa.PrimaryKeyConstraint("id", name="pk_refund_requests"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_refund_requests_order_id"),
        sa.ForeignKeyConstraint(["asked_by"], ["users.id"], name="fk_refund_requests_asked_by"),
        sa.ForeignKeyConstraint(["answered_by"], ["users.id"], name="fk_refund_requests_answered_by"),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name="fk_refund_requests_refund_id"),
        sa.UniqueConstraint("refund_id", name="uq_refund_requests_refund_id"),
        sa.CheckConstraint("status IN ('open', 'agreed', 'declined')", name="status"),
        sa.CheckConstraint("(status = 'open') = (answered_at IS NULL)", name="answered"),
        sa.CheckConstraint("(status = 'agreed') = (refund_id IS NOT NULL)", name="agreed_with_refund"),
    )
    op.create_index("ix_refund_requests_order_id", "refund_requests", ["order_id"])
    op.create_index(
        "ix_refund_requests_open", "refund_requests", ["order_id"], unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("refund_requests")
    op.drop_constraint("reason", "refunds", type_="check")
    op.create_check_constraint("reason", "refunds", BEFORE)
    op.drop_column("order_parcels", "returned_because")
    op.drop_column("order_parcels", "returned_at")
