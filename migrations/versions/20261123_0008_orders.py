"""Orders, their lines and moves; limits of buyers; split rules and shares; the parcels of orders; the ledger."""

import uuid

import sqlalchemy as sa
from alembic import op

from core.db import append_only

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)
STATUSES = (
    "('awaiting_payment', 'paid', 'packing', 'shipped', 'delivered', 'completed', 'cancelled', 'expired', 'refunded')"
)
CHANNELS = "('web', 'live', 'counter', 'tmall-report', 'kuaishou', 'douyin')"
PARTIES = "('farm', 'station', 'host', 'branch', 'freight', 'platform')"

DEFAULT_RULES = (
    (10, "freight", None, "each_minor", 600),
    (20, "platform", None, "rate_bp", 100),
    (30, "branch", None, "rate_bp", 100),
    (40, "host", None, "rate_bp", 800),
    (50, "station", "live", "rate_bp", 300),
    (60, "station", None, "rate_bp", 500),
)
"""Position, party, channel, kind, value. The farm takes what is left: 87 to 93 percent of the price after freight."""


def upgrade() -> None:
    op.execute("CREATE SEQUENCE order_serials INCREMENT BY 50")
    _orders()
    _lines()
    _moves()
    _splits()
    _parcels()
    _ledger()


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("buyer_id", sa.Uuid(), sa.ForeignKey("users.id")),
        sa.Column("station_id", sa.Uuid(), sa.ForeignKey("stations.id")),
        sa.Column("session_id", sa.Uuid(), sa.ForeignKey("live_sessions.id")),
        sa.Column("total_minor", sa.Integer(), nullable=False),
        sa.Column("refunded_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("placed_at", TIMESTAMP, nullable=False),
        sa.Column("pay_by", TIMESTAMP),
        sa.Column("paid_at", TIMESTAMP),
        sa.Column("completed_at", TIMESTAMP),
        sa.Column("region_code", sa.Text(), sa.ForeignKey("regions.code")),
        sa.Column("name_sealed", sa.LargeBinary()),
        sa.Column("phone_sealed", sa.LargeBinary()),
        sa.Column("phone_index", sa.LargeBinary()),
        sa.Column("phone_tail", sa.Text()),
        sa.Column("detail_sealed", sa.LargeBinary()),
        sa.Column("external_number", sa.Text()),
        sa.UniqueConstraint("number", name="uq_orders_number"),
        sa.UniqueConstraint("channel", "external_number", name="uq_orders_channel_external_number"),
        sa.CheckConstraint(f"status IN {STATUSES}", name="status"),
        sa.CheckConstraint(f"channel IN {CHANNELS}", name="channel"),
        sa.CheckConstraint("total_minor >= 0", name="total_not_negative"),
        sa.CheckConstraint("refunded_minor BETWEEN 0 AND total_minor", name="refunded_within_total"),
    )
    op.create_index("ix_orders_buyer_id_id", "orders", ["buyer_id", "id"])
    op.create_index("ix_orders_station_id_id", "orders", ["station_id", "id"])
    op.create_index("ix_orders_session_id", "orders", ["session_id"])
    op.create_index("ix_orders_phone_index", "orders", ["phone_index"])
    op.create_index("ix_orders_pay_by", "orders", ["pay_by"], postgresql_where="status = 'awaiting_payment'")


def _lines() -> None:
    op.create_table(
        "order_lines",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("order_id", sa.Uuid(), sa.ForeignKey("orders.id"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("pack_id", sa.Uuid(), sa.ForeignKey("packs.id"), nullable=False),
        sa.Column("offer_id", sa.Uuid(), sa.ForeignKey("live_offers.id")),
        sa.Column("lot_id", sa.Uuid(), sa.ForeignKey("harvest_lots.id"), nullable=False),
        sa.Column("farm_id", sa.Uuid(), sa.ForeignKey("farms.id"), nullable=False),
        sa.Column("product_name", sa.Text(), nullable=False),
        sa.Column("pack_name", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("net_g", sa.Integer(), nullable=False),
        sa.Column("price_minor", sa.Integer(), nullable=False),
        sa.Column("total_minor", sa.Integer(), nullable=False),
        sa.Column("refunded_minor", sa.Integer(), nullable=False),
        sa.Column("limited", sa.Boolean(), nullable=False),
        sa.UniqueConstraint("order_id", "position", name="uq_order_lines_order_id_position"),
        sa.CheckConstraint("quantity > 0", name="quantity_positive"),
        sa.CheckConstraint("net_g > 0", name="net_positive"),
        sa.CheckConstraint("price_minor >= 0 AND total_minor = price_minor * quantity", name="total_is_the_product"),
        sa.CheckConstraint("refunded_minor BETWEEN 0 AND total_minor", name="refunded_within_total"),
    )
    op.create_index("ix_order_lines_farm_id_order_id", "order_lines", ["farm_id", "order_id"])
    op.create_index("ix_order_lines_lot_id", "order_lines", ["lot_id"])
    op.create_index("ix_order_lines_offer_id", "order_lines", ["offer_id"])
    op.create_table(
        "buyer_takes",
        sa.Column("buyer_id", sa.Uuid(), sa.ForeignKey("users.id"), primary_key=True),
        sa.Column("subject_id", sa.Uuid(), primary_key=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity >= 0", name="quantity_not_negative"),
    )


def _moves() -> None:
    op.create_table(
        "order_moves",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("order_id", sa.Uuid(), sa.ForeignKey("orders.id"), nullable=False),
        sa.Column("was", sa.Text()),
        sa.Column("became", sa.Text(), nullable=False),
        sa.Column("at", TIMESTAMP, nullable=False),
        sa.Column("by", sa.Uuid(), sa.ForeignKey("users.id")),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(f"was IN {STATUSES}", name="was"),
        sa.CheckConstraint(f"became IN {STATUSES}", name="became"),
    )
    op.create_index("ix_order_moves_order_id", "order_moves", ["order_id"])
    append_only(op, "order_moves")


def _splits() -> None:
    rules = op.create_table(
        "split_rules",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text()),
        sa.Column("product_kind", sa.Text()),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.UniqueConstraint("position", name="uq_split_rules_position"),
        sa.CheckConstraint(f"party IN {PARTIES}", name="party"),
        sa.CheckConstraint("kind IN ('rate_bp', 'each_minor')", name="kind"),
        sa.CheckConstraint("value >= 0 AND (kind <> 'rate_bp' OR value <= 10000)", name="value_bounded"),
        sa.CheckConstraint("party <> 'farm'", name="farm_takes_the_rest"),
        sa.CheckConstraint("(party = 'freight') = (kind = 'each_minor')", name="freight_is_fixed"),
    )
    columns = ("position", "party", "channel", "kind", "value")
    op.bulk_insert(rules, [{"id": uuid.uuid4()} | dict(zip(columns, row, strict=True)) for row in DEFAULT_RULES])
    op.create_table(
        "line_splits",
        sa.Column("line_id", sa.Uuid(), sa.ForeignKey("order_lines.id"), primary_key=True),
        sa.Column("party", sa.Text(), primary_key=True),
        sa.Column("owner_id", sa.Uuid()),
        sa.Column("amount_minor", sa.Integer(), nullable=False),
        sa.CheckConstraint(f"party IN {PARTIES}", name="party"),
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
    )
    append_only(op, "line_splits")


def _parcels() -> None:
    op.create_table(
        "order_parcels",
        sa.Column("parcel_id", sa.Uuid(), sa.ForeignKey("parcels.id"), primary_key=True),
        sa.Column("order_id", sa.Uuid(), sa.ForeignKey("orders.id"), nullable=False),
        sa.Column("line_id", sa.Uuid(), sa.ForeignKey("order_lines.id"), nullable=False),
        sa.Column("left_at", TIMESTAMP),
        sa.Column("delivered_at", TIMESTAMP),
        sa.Column("withdrawn_at", TIMESTAMP),
    )
    op.create_index("ix_order_parcels_order_id", "order_parcels", ["order_id"])
    op.create_index("ix_order_parcels_line_id", "order_parcels", ["line_id"])


def _ledger() -> None:
    op.create_table(
        "ledger_accounts",
        sa.Column("code", sa.Text(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid()),
        sa.CheckConstraint("kind IN ('asset', 'liability', 'income')", name="kind"),
    )
    op.create_index("ix_ledger_accounts_owner_id", "ledger_accounts", ["owner_id"])
    op.create_table(
        "ledger_transactions",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("at", TIMESTAMP, nullable=False),
        sa.Column("by", sa.Uuid(), sa.ForeignKey("users.id")),
        sa.UniqueConstraint("key", name="uq_ledger_transactions_key"),
    )
    op.create_index("ix_ledger_transactions_reference", "ledger_transactions", ["reference"])
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("transaction_id", sa.Uuid(), sa.ForeignKey("ledger_transactions.id"), nullable=False),
        sa.Column("account", sa.Text(), sa.ForeignKey("ledger_accounts.code"), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("at", TIMESTAMP, nullable=False),
        sa.CheckConstraint("amount_minor <> 0", name="amount_not_zero"),
    )
    op.create_index("ix_ledger_entries_transaction_id", "ledger_entries", ["transaction_id"])
    op.create_index("ix_ledger_entries_account_id", "ledger_entries", ["account", "id"])
    op.create_index(
        "ix_ledger_entries_account_at", "ledger_entries", ["account", "at"],
        postgresql_include=["amount_minor", "currency"],
    )  # fmt: skip
    op.execute(
        "CREATE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF EXISTS (SELECT FROM fresh GROUP BY transaction_id, currency HAVING sum(amount_minor) <> 0) THEN "
        "RAISE EXCEPTION 'entries of a posting do not add up to zero' USING ERRCODE = 'check_violation'; END IF; "
        "RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER balanced AFTER INSERT ON ledger_entries REFERENCING NEW TABLE AS fresh "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_unbalanced()"
    )
    append_only(op, "ledger_transactions")
    append_only(op, "ledger_entries")


def downgrade() -> None:
    for name in (
        "ledger_entries", "ledger_transactions", "ledger_accounts", "order_parcels", "line_splits", "split_rules",
        "order_moves", "buyer_takes", "order_lines", "orders",
    ):  # fmt: skip
        op.drop_table(name)
    op.execute("DROP FUNCTION refuse_unbalanced()")
    op.execute("DROP SEQUENCE order_serials")
