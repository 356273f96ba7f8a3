"""Sell what is picked later: the days in which packs, offers and orders leave, and from when a parcel waits for hands.

The constraints are not checked against old rows, as nothing in a new column can break them: no table is read for it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0018"
branch_labels = None
depends_on = None

TABLES = ("packs", "live_offers", "orders")
RULE = "(ships_from IS NULL) = (ships_by IS NULL) AND ships_from <= ships_by"


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("ships_from", sa.Date()))
        op.add_column(table, sa.Column("ships_by", sa.Date()))
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_ship_window CHECK ({RULE}) NOT VALID")
    op.add_column("parcels", sa.Column("pack_from", sa.Date()))


def downgrade() -> None:
    op.drop_column("parcels", "pack_from")
    for table in reversed(TABLES):
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_ship_window")
        op.drop_column(table, "ships_by")
        op.drop_column(table, "ships_from")
