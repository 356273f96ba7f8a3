"""Know an order by the key it was asked with, hand numbers out in larger blocks, and let a lot be of any size."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

LOT_GRAMS = ("low", "likely", "high", "ceiling", "on_hand", "allocated", "held", "short", "shipped", "lost")
MOVED_GRAMS = ("on_hand_delta", "allocated_delta", "held_delta", "ceiling_delta")


def upgrade() -> None:
    op.add_column("orders", sa.Column("placing_key", sa.LargeBinary()))
    op.add_column("orders", sa.Column("placing_print", sa.LargeBinary()))
    op.create_unique_constraint("uq_orders_buyer_id_placing_key", "orders", ["buyer_id", "placing_key"])
    op.execute("ALTER SEQUENCE order_serials INCREMENT BY 500")
    _grams("bigint")


def downgrade() -> None:
    _grams("integer")
    op.execute("ALTER SEQUENCE order_serials INCREMENT BY 50")
    op.drop_constraint("uq_orders_buyer_id_placing_key", "orders")
    op.drop_column("orders", "placing_print")
    op.drop_column("orders", "placing_key")


def _grams(kind: str) -> None:
    """One rewrite a table: a lot of ten million boxes has more grams than four bytes hold."""
    for table, names in (("harvest_lots", LOT_GRAMS), ("stock_movements", MOVED_GRAMS)):
        op.execute(f"ALTER TABLE {table} " + ", ".join(f"ALTER {name}_g TYPE {kind}" for name in names))
