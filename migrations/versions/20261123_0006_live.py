"""Live sale: sessions, pins, offers and every movement of their pools."""

import sqlalchemy as sa
from alembic import op

from core.db import append_only

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)
CAUSES = "cause IN ('add', 'reprice', 'stop', 'reopen', 'hold', 'release', 'sell', 'retake', 'unsell')"


def upgrade() -> None:
    _sessions()
    _offers()
    op.create_foreign_key(
        "fk_live_sessions_pinned_offer_id", "live_sessions", "live_offers", ["pinned_offer_id"], ["id"]
    )
    _pins()
    _movements()


def _sessions() -> None:
    op.create_table(
        "live_sessions",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("station_id", sa.Uuid(), sa.ForeignKey("stations.id"), nullable=False),
        sa.Column("host_id", sa.Uuid(), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("pinned_offer_id", sa.Uuid()),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.Column("started_at", TIMESTAMP),
        sa.Column("ended_at", TIMESTAMP),
        sa.CheckConstraint("status IN ('planned', 'on_air', 'ended')", name="status"),
        sa.CheckConstraint("(status = 'planned') = (started_at IS NULL) OR status = 'ended'", name="started"),
        sa.CheckConstraint("(status = 'ended') = (ended_at IS NOT NULL)", name="ended"),
    )
    op.create_index("ix_live_sessions_station_id", "live_sessions", ["station_id"])
    op.create_index("ix_live_sessions_host_id", "live_sessions", ["host_id"])
    op.create_index(
        "uq_live_sessions_host_id_on_air",
        "live_sessions",
        ["host_id"],
        unique=True,
        postgresql_where=sa.text("status = 'on_air'"),
    )


def _offers() -> None:
    op.create_table(
        "live_offers",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("session_id", sa.Uuid(), sa.ForeignKey("live_sessions.id"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("pack_id", sa.Uuid(), sa.ForeignKey("packs.id"), nullable=False),
        sa.Column("price_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("pool", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("sold", sa.Integer(), nullable=False),
        sa.Column("per_buyer_limit", sa.Integer()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.UniqueConstraint("session_id", "number", name="uq_live_offers_session_id_number"),
        sa.CheckConstraint("number BETWEEN 1 AND 99", name="number"),
        sa.CheckConstraint("price_minor >= 0", name="price"),
        sa.CheckConstraint("per_buyer_limit >= 1", name="per_buyer_limit"),
        sa.CheckConstraint("held >= 0 AND sold >= 0 AND held + sold <= pool", name="never_oversold"),
        sa.CheckConstraint("status IN ('open', 'stopped')", name="status"),
        postgresql_with={"fillfactor": 60},
    )
    op.create_index("ix_live_offers_pack_id", "live_offers", ["pack_id"])


def _pins() -> None:
    op.create_table(
        "live_pins",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("session_id", sa.Uuid(), sa.ForeignKey("live_sessions.id"), nullable=False),
        sa.Column("offer_id", sa.Uuid(), sa.ForeignKey("live_offers.id")),
        sa.Column("at", TIMESTAMP, nullable=False),
        sa.Column("by", sa.Uuid(), sa.ForeignKey("users.id"), nullable=False),
    )
    op.create_index("ix_live_pins_session_id_at", "live_pins", ["session_id", "at"])
    append_only(op, "live_pins")


def _movements() -> None:
    op.create_table(
        "offer_movements",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("offer_id", sa.Uuid(), sa.ForeignKey("live_offers.id"), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("pool_delta", sa.Integer(), nullable=False),
        sa.Column("held_delta", sa.Integer(), nullable=False),
        sa.Column("sold_delta", sa.Integer(), nullable=False),
        sa.Column("price_minor", sa.Integer()),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("at", TIMESTAMP, nullable=False),
        sa.Column("by", sa.Uuid(), sa.ForeignKey("users.id")),
        sa.CheckConstraint(CAUSES, name="cause"),
    )
    op.create_index("ix_offer_movements_offer_id", "offer_movements", ["offer_id"])
    append_only(op, "offer_movements")


def downgrade() -> None:
    op.drop_constraint("fk_live_sessions_pinned_offer_id", "live_sessions", type_="foreignkey")
    for name in ("offer_movements", "live_pins", "live_offers", "live_sessions"):
        op.drop_table(name)
