"""Openings of personal data, and the counters that slow down guessing."""

import sqlalchemy as sa
from alembic import op

from core.db import append_only

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "personal_accesses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_table", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("viewer_id", sa.Uuid(), nullable=False),
        sa.Column("at", TIMESTAMP, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_personal_accesses"),
        sa.ForeignKeyConstraint(["viewer_id"], ["users.id"], name="fk_personal_accesses_viewer_id"),
    )
    op.create_index("ix_personal_accesses_viewer_id_at", "personal_accesses", ["viewer_id", "at"])
    op.create_index("ix_personal_accesses_subject_id", "personal_accesses", ["subject_id"])
    append_only(op, "personal_accesses")
    for table, prefixes in (("throttles", ["UNLOGGED"]), ("kept_throttles", [])):
        op.create_table(
            table,
            sa.Column("key", sa.Text(), nullable=False),
            sa.Column("empty_at", TIMESTAMP, nullable=False),
            sa.PrimaryKeyConstraint("key", name=f"pk_{table}"),
            prefixes=prefixes,
        )
        op.create_index(f"ix_{table}_empty_at", table, ["empty_at"])


def downgrade() -> None:
    for name in ("kept_throttles", "throttles", "personal_accesses"):
        op.drop_table(name)
