"""Give offers a window in which they sell, and packs a floor below which a host has to say the price twice."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("packs", sa.Column("floor_minor", sa.Integer()))
    op.create_check_constraint("floor_positive", "packs", "floor_minor > 0")
    op.add_column("live_offers", sa.Column("opens_at", sa.DateTime(timezone=True)))
    op.add_column("live_offers", sa.Column("closes_at", sa.DateTime(timezone=True)))
    op.create_check_constraint("window", "live_offers", "closes_at > opens_at")


def downgrade() -> None:
    op.drop_constraint("window", "live_offers", type_="check")
    op.drop_column("live_offers", "closes_at")
    op.drop_column("live_offers", "opens_at")
    op.drop_constraint("floor_positive", "packs", type_="check")
    op.drop_column("packs", "floor_minor")
