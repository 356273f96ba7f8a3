"""Payments, Stripe's events, refunds."""

import sqlalchemy as sa
from alembic import op

from core.db import append_only

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)
METHODS = "method IN ('card', 'alipay', 'wechat_pay', 'cash')"
STATUSES = "status IN ('preparing', 'pending', 'succeeded', 'failed', 'withdrawn')"
OUTCOMES = "outcome IN ('paid', 'retaken', 'late', 'cancelled', 'doubled')"
REASONS = "reason IN ('request', 'cancelled', 'late', 'doubled', 'quality', 'shortage')"
REFUND_STATUSES = "status IN ('requested', 'pending', 'succeeded', 'failed')"


def upgrade() -> None:
    _payments()
    _events()
    _refunds()
    for table in ("payment_moves", "refund_lines", "refund_moves"):
        append_only(op, table)


def _payments() -> None:
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("amount_minor", sa.Integer(), nullable=False),
        sa.Column("refunded_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("given_minor", sa.Integer()),
        sa.Column("intent_id", sa.Text()),
        sa.Column("stripe_session_id", sa.Text()),
        sa.Column("pay_url", sa.Text()),
        sa.Column("qr_text", sa.Text()),
        sa.Column("return_url", sa.Text()),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.Column("settled_at", TIMESTAMP),
        sa.Column("by", sa.Uuid()),
        sa.PrimaryKeyConstraint("id", name="pk_payments"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_payments_order_id"),
        sa.ForeignKeyConstraint(["by"], ["users.id"], name="fk_payments_by"),
        sa.UniqueConstraint("intent_id", name="uq_payments_intent_id"),
        sa.UniqueConstraint("stripe_session_id", name="uq_payments_stripe_session_id"),
        sa.CheckConstraint(METHODS, name="method"),
        sa.CheckConstraint(STATUSES, name="status"),
        sa.CheckConstraint(OUTCOMES, name="outcome"),
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
        sa.CheckConstraint("refunded_minor BETWEEN 0 AND amount_minor", name="refunded_within_amount"),
        sa.CheckConstraint("(status = 'succeeded') = (outcome IS NOT NULL)", name="outcome_of_success"),
        sa.CheckConstraint("refunded_minor = 0 OR status = 'succeeded'", name="refunded_when_paid"),
        sa.CheckConstraint("given_minor >= amount_minor", name="given_enough"),
    )
    op.create_index("ix_payments_order_id", "payments", ["order_id"])
    op.create_index(
        "uq_payments_order_id_open",
        "payments",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('preparing', 'pending')"),
    )
    op.create_index(
        "uq_payments_order_id_kept",
        "payments",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("outcome IN ('paid', 'retaken')"),
    )
    _moves("payment", STATUSES)


def _moves(of: str, statuses: str) -> None:
    """The table of steps of payments or refunds."""
    table = f"{of}_moves"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(f"{of}_id", sa.Uuid(), nullable=False),
        sa.Column("was", sa.Text()),
        sa.Column("became", sa.Text(), nullable=False),
        sa.Column("at", TIMESTAMP, nullable=False),
        sa.Column("by", sa.Uuid()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.ForeignKeyConstraint([f"{of}_id"], [f"{of}s.id"], name=f"fk_{table}_{of}_id"),
        sa.ForeignKeyConstraint(["by"], ["users.id"], name=f"fk_{table}_by"),
    )
    op.create_index(f"ix_{table}_{of}_id", table, [f"{of}_id"])


def _events() -> None:
    op.create_table(
        "stripe_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text()),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.Column("received_at", TIMESTAMP, nullable=False),
        sa.Column("worked_at", TIMESTAMP),
        sa.Column("outcome", sa.Text()),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stripe_events"),
        sa.UniqueConstraint("event_id", name="uq_stripe_events_event_id"),
        sa.CheckConstraint("outcome IN ('worked', 'ignored', 'refused')", name="outcome"),
    )
    op.create_index("ix_stripe_events_object_id", "stripe_events", ["object_id"])


def _refunds() -> None:
    op.create_table(
        "refunds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("stripe_id", sa.Text()),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("requested_at", TIMESTAMP, nullable=False),
        sa.Column("ended_at", TIMESTAMP),
        sa.Column("by", sa.Uuid()),
        sa.PrimaryKeyConstraint("id", name="pk_refunds"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_refunds_order_id"),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name="fk_refunds_payment_id"),
        sa.ForeignKeyConstraint(["by"], ["users.id"], name="fk_refunds_by"),
        sa.UniqueConstraint("key", name="uq_refunds_key"),
        sa.UniqueConstraint("stripe_id", name="uq_refunds_stripe_id"),
        sa.CheckConstraint(REASONS, name="reason"),
        sa.CheckConstraint(REFUND_STATUSES, name="status"),
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
        sa.CheckConstraint("attempt >= 1", name="attempt_positive"),
    )
    op.create_index("ix_refunds_order_id", "refunds", ["order_id"])
    op.create_index("ix_refunds_payment_id", "refunds", ["payment_id"])
    op.create_table(
        "refund_lines",
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("refund_id", "line_id", name="pk_refund_lines"),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name="fk_refund_lines_refund_id"),
        sa.ForeignKeyConstraint(["line_id"], ["order_lines.id"], name="fk_refund_lines_line_id"),
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
    )
    op.create_index("ix_refund_lines_line_id", "refund_lines", ["line_id"])
    _moves("refund", REFUND_STATUSES)


def downgrade() -> None:
    for table in (
        "refund_lines",
        "refund_moves",
        "refunds",
        "stripe_events",
        "payment_moves",
        "payments",
    ):
        op.drop_table(table)
