"""Wholesale: suppliers, what they offer, what stations order, and what stands on their shelves."""

import sqlalchemy as sa
from alembic import op

from core.db import append_only

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)


def upgrade() -> None:
    _suppliers()
    _offers()
    _orders()
    _lines()
    _moves()
    _shelves()


def _suppliers() -> None:
    op.create_table(
        "suppliers",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.UniqueConstraint("name", name="uq_suppliers_name"),
        sa.CheckConstraint("name <> ''", name="named"),
    )
    op.create_table(
        "supplier_members",
        sa.Column("user_id", sa.Uuid(), sa.ForeignKey("users.id"), primary_key=True),
        sa.Column("supplier_id", sa.Uuid(), sa.ForeignKey("suppliers.id"), nullable=False),
        sa.Column("since", TIMESTAMP, nullable=False),
    )
    op.create_index("ix_supplier_members_supplier_id", "supplier_members", ["supplier_id"])


def _offers() -> None:
    op.create_table(
        "supply_offers",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("supplier_id", sa.Uuid(), sa.ForeignKey("suppliers.id"), nullable=False),
        sa.Column("barcode", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("case_factor", sa.Integer(), nullable=False),
        sa.Column("min_cases", sa.Integer(), nullable=False),
        sa.Column("delivery_weekday", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.UniqueConstraint("supplier_id", "barcode", name="uq_supply_offers_supplier_id_barcode"),
        sa.CheckConstraint("barcode ~ '^[0-9]{13}$'", name="barcode_thirteen_digits"),
        sa.CheckConstraint("case_factor >= 1 AND min_cases >= 1", name="case_possible"),
        sa.CheckConstraint("delivery_weekday BETWEEN 1 AND 7", name="weekday_known"),
        sa.CheckConstraint("status IN ('listed', 'stopped')", name="status_known"),
    )
    op.create_table(
        "supply_tiers",
        sa.Column("offer_id", sa.Uuid(), sa.ForeignKey("supply_offers.id"), primary_key=True),
        sa.Column("from_cases", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("price_minor", sa.Integer(), nullable=False),
        sa.CheckConstraint("from_cases >= 1 AND price_minor > 0", name="positive"),
    )


def _orders() -> None:
    op.execute("CREATE SEQUENCE wholesale_order_numbers")
    op.create_table(
        "wholesale_orders",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("station_id", sa.Uuid(), sa.ForeignKey("stations.id"), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), sa.ForeignKey("suppliers.id"), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("payable_minor", sa.BigInteger()),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("deliver_on", sa.Date(), nullable=False),
        sa.Column("placed_at", TIMESTAMP, nullable=False),
        sa.UniqueConstraint("number", name="uq_wholesale_orders_number"),
        sa.CheckConstraint(
            "status IN ('placed', 'confirmed', 'shipped', 'received', 'cancelled')", name="status_known"
        ),
        sa.CheckConstraint("payable_minor BETWEEN 0 AND total_minor", name="payable_within_total"),
        sa.CheckConstraint("(status = 'received') = (payable_minor IS NOT NULL)", name="payable_once_received"),
    )
    op.create_index("ix_wholesale_orders_station_id", "wholesale_orders", ["station_id"])
    op.create_index("ix_wholesale_orders_supplier_id", "wholesale_orders", ["supplier_id"])


def _lines() -> None:
    op.create_table(
        "wholesale_lines",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("order_id", sa.Uuid(), sa.ForeignKey("wholesale_orders.id"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), sa.ForeignKey("supply_offers.id"), nullable=False),
        sa.Column("barcode", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("case_factor", sa.Integer(), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("received_units", sa.Integer()),
        sa.Column("short_units", sa.Integer()),
        sa.Column("damaged_units", sa.Integer()),
        sa.UniqueConstraint("order_id", "position", name="uq_wholesale_lines_order_id_position"),
        sa.UniqueConstraint("order_id", "barcode", name="uq_wholesale_lines_order_id_barcode"),
        sa.CheckConstraint(
            "cases >= 1 AND case_factor >= 1 AND units = cases * case_factor", name="units_are_whole_cases"
        ),
        sa.CheckConstraint("price_minor > 0 AND total_minor = cases * price_minor", name="total_is_cases_by_price"),
        sa.CheckConstraint(
            "received_units >= 0 AND short_units >= 0 AND damaged_units >= 0"
            " AND received_units + short_units + damaged_units = units",
            name="nothing_lost_in_the_count",
        ),
        sa.CheckConstraint("num_nulls(received_units, short_units, damaged_units) IN (0, 3)", name="counted_whole"),
    )
    op.create_index("ix_wholesale_lines_offer_id", "wholesale_lines", ["offer_id"])


def _moves() -> None:
    op.create_table(
        "wholesale_moves",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("order_id", sa.Uuid(), sa.ForeignKey("wholesale_orders.id"), nullable=False),
        sa.Column("from_status", sa.Text()),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("at", TIMESTAMP, nullable=False),
        sa.Column("by", sa.Uuid(), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
    )
    op.create_index("ix_wholesale_moves_order_id", "wholesale_moves", ["order_id"])
    append_only(op, "wholesale_moves")


def _shelves() -> None:
    op.create_table(
        "shelf_stock",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("station_id", sa.Uuid(), sa.ForeignKey("stations.id"), nullable=False),
        sa.Column("barcode", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("on_hand_units", sa.Integer(), nullable=False),
        sa.CheckConstraint("on_hand_units >= 0", name="not_negative"),
    )
    op.create_index("uq_shelf_stock_station_id_barcode", "shelf_stock", ["station_id", "barcode"], unique=True)
    op.create_table(
        "shelf_movements",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("station_id", sa.Uuid(), sa.ForeignKey("stations.id"), nullable=False),
        sa.Column("barcode", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("delta_units", sa.Integer(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("at", TIMESTAMP, nullable=False),
        sa.Column("by", sa.Uuid(), sa.ForeignKey("users.id"), nullable=False),
        sa.CheckConstraint("cause IN ('received')", name="cause_known"),
    )
    op.create_index("ix_shelf_movements_station_id_barcode", "shelf_movements", ["station_id", "barcode"])
    append_only(op, "shelf_movements")


def downgrade() -> None:
    for name in ("shelf_movements", "shelf_stock", "wholesale_moves", "wholesale_lines", "wholesale_orders"):
        op.drop_table(name)
    op.execute("DROP SEQUENCE wholesale_order_numbers")
    for name in ("supply_tiers", "supply_offers", "supplier_members", "suppliers"):
        op.drop_table(name)
