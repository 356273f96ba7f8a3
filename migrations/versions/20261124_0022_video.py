"""Remember which push brings the live picture of a session, and how often its key was renewed."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "live_videos",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("push", sa.Text()),
        sa.Column("since", TIMESTAMP),
        sa.Column("seen_at", TIMESTAMP),
        sa.PrimaryKeyConstraint("session_id", name="pk_live_videos"),
        sa.ForeignKeyConstraint(["session_id"], ["live_sessions.id"], name="fk_live_videos_session_id"),
        sa.CheckConstraint("turn >= 0", name="turn"),
        sa.CheckConstraint("(push IS NULL) = (since IS NULL) AND (push IS NULL) = (seen_at IS NULL)", name="whole"),
    )


def downgrade() -> None:
    op.drop_table("live_videos")
