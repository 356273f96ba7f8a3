"""What farms offer: farms, products, photos, packs, harvest lots, and every movement of their stock."""

import sqlalchemy as sa
from alembic import op

from core.db import append_only

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)
CAUSES = (
    "cause IN ('listed', 'estimate', 'weigh_in', 'write_off', 'hold', 'release', 'allocate', 'retake', 'unallocate', "
    "'ship')"
)


def upgrade() -> None:
    _farms()
    _products()
    _lots()
    _movements()


def _farms() -> None:
    op.create_table(
        "farms",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("station_id", sa.Uuid(), sa.ForeignKey("stations.id"), nullable=False),
        sa.Column("region_code", sa.Text(), sa.ForeignKey("regions.code"), nullable=False),
        sa.Column("household", sa.Boolean(), nullable=False),
        sa.Column("created_at", TIMESTAMP, nullable=False),
    )
    op.create_index("ix_farms_station_id", "farms", ["station_id"])
    op.create_table(
        "farm_members",
        sa.Column("farm_id", sa.Uuid(), sa.ForeignKey("farms.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("user_id", sa.Uuid(), sa.ForeignKey("users.id"), primary_key=True),
        sa.Column("since", TIMESTAMP, nullable=False),
    )
    op.create_index("ix_farm_members_user_id", "farm_members", ["user_id"])


def _products() -> None:
    op.create_table(
        "products",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("farm_id", sa.Uuid(), sa.ForeignKey("farms.id"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("variety", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("origin_region_code", sa.Text(), sa.ForeignKey("regions.code"), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("tokens", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.CheckConstraint("kind IN ('fresh', 'dry', 'craft', 'culture')", name="kind"),
        sa.CheckConstraint("status IN ('draft', 'listed', 'stopped')", name="status"),
    )
    op.create_index("ix_products_farm_id", "products", ["farm_id"])
    op.create_index("ix_products_origin_region_code", "products", ["origin_region_code"])
    op.create_index("ix_products_tokens", "products", ["tokens"], postgresql_using="gin")
    op.create_table(
        "product_photos",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("product_id", sa.Uuid(), sa.ForeignKey("products.id"), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", TIMESTAMP, nullable=False),
    )
    op.create_index("ix_product_photos_product_id", "product_photos", ["product_id"])
    op.create_table(
        "packs",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("product_id", sa.Uuid(), sa.ForeignKey("products.id"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("net_g", sa.Integer(), nullable=False),
        sa.Column("tare_g", sa.Integer(), nullable=False),
        sa.Column("price_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("per_buyer_limit", sa.Integer()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.CheckConstraint("net_g > 0 AND tare_g >= 0", name="weighs"),
        sa.CheckConstraint("price_minor > 0", name="priced"),
        sa.CheckConstraint("per_buyer_limit > 0", name="limit_positive"),
        sa.CheckConstraint("status IN ('listed', 'stopped')", name="status"),
    )
    op.create_index("ix_packs_product_id", "packs", ["product_id"])


def _lots() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("lot_numbers")))
    grams = ("ceiling_g", "on_hand_g", "allocated_g", "held_g", "short_g", "shipped_g", "lost_g")
    op.create_table(
        "harvest_lots",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("code", sa.Text(), nullable=False, unique=True),
        sa.Column("product_id", sa.Uuid(), sa.ForeignKey("products.id"), nullable=False),
        sa.Column("low_g", sa.Integer(), nullable=False),
        sa.Column("likely_g", sa.Integer(), nullable=False),
        sa.Column("high_g", sa.Integer(), nullable=False),
        sa.Column("sell_factor_bp", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in grams),
        sa.Column("weighed_at", TIMESTAMP),
        sa.Column("ready_on", sa.Date(), nullable=False),
        sa.Column("best_before", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.CheckConstraint("status IN ('open', 'closed')", name="status"),
        sa.CheckConstraint("0 < low_g AND low_g <= likely_g AND likely_g <= high_g", name="estimate_ordered"),
        sa.CheckConstraint("ready_on <= best_before", name="dates_ordered"),
        sa.CheckConstraint("sell_factor_bp BETWEEN 1 AND 10000", name="factor_bounded"),
        sa.CheckConstraint("held_g >= 0", name="held_not_negative"),
        sa.CheckConstraint("allocated_g >= 0", name="allocated_not_negative"),
        sa.CheckConstraint("on_hand_g >= 0 AND ceiling_g >= 0", name="on_hand_not_negative"),
        sa.CheckConstraint("shipped_g >= 0 AND lost_g >= 0", name="gone_not_negative"),
        sa.CheckConstraint("held_g + allocated_g <= ceiling_g + short_g", name="never_oversold"),
        sa.CheckConstraint("short_g = greatest(0, held_g + allocated_g - ceiling_g)", name="short_is_what_lacks"),
        sa.CheckConstraint("weighed_at IS NULL OR ceiling_g = on_hand_g", name="scale_is_the_ceiling"),
        postgresql_with={"fillfactor": 60},
    )
    op.create_index("ix_harvest_lots_choice", "harvest_lots", ["product_id", "status", "best_before"])
    op.create_index("ix_harvest_lots_short", "harvest_lots", ["id"], postgresql_where=sa.text("short_g > 0"))


def _movements() -> None:
    op.create_table(
        "stock_movements",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("lot_id", sa.Uuid(), sa.ForeignKey("harvest_lots.id"), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("on_hand_delta_g", sa.Integer(), nullable=False),
        sa.Column("allocated_delta_g", sa.Integer(), nullable=False),
        sa.Column("held_delta_g", sa.Integer(), nullable=False),
        sa.Column("ceiling_delta_g", sa.Integer(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("at", TIMESTAMP, nullable=False),
        sa.Column("by", sa.Uuid(), sa.ForeignKey("users.id")),
        sa.CheckConstraint(CAUSES, name="cause"),
    )
    op.create_index("ix_stock_movements_lot_id", "stock_movements", ["lot_id"])
    append_only(op, "stock_movements")
    op.create_table(
        "harvest_shortages",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("lot_id", sa.Uuid(), sa.ForeignKey("harvest_lots.id"), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("missing_g", sa.Integer(), nullable=False),
        sa.Column("at", TIMESTAMP, nullable=False),
        sa.Column("by", sa.Uuid(), sa.ForeignKey("users.id")),
        sa.CheckConstraint(CAUSES, name="cause"),
        sa.CheckConstraint("missing_g > 0", name="missing_positive"),
    )
    op.create_index("ix_harvest_shortages_lot_id", "harvest_shortages", ["lot_id"])
    append_only(op, "harvest_shortages")


def downgrade() -> None:
    for table in ("harvest_shortages", "stock_movements", "harvest_lots"):
        op.drop_table(table)
    op.execute(sa.schema.DropSequence(sa.Sequence("lot_numbers")))
    for table in ("packs", "product_photos", "products", "farm_members", "farms"):
        op.drop_table(table)
