"""Parcels on their way: numbers, sort codes, weighings, labels, dispatches, van runs, scans and proofs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from core.db import append_only

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)
TABLES = (
    "sort_tables",
    "sort_codes",
    "number_blocks",
    "runs",
    "dispatches",
    "parcels",
    "run_stops",
    "delivery_proofs",
    "discrepancies",
    "dispatch_items",
    "labels",
    "tracking_events",
    "weighings",
)
"""In the order in which they are made."""


def upgrade() -> None:
    _sort_tables()
    _sort_codes()
    _number_blocks()
    _runs()
    _dispatches()
    _parcels()
    _run_stops()
    _delivery_proofs()
    _discrepancies()
    _dispatch_items()
    _labels()
    _tracking_events()
    _weighings()
    for table in ("tracking_events", "weighings", "delivery_proofs"):
        append_only(op, table)
    _first_sort_table()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _sort_tables() -> None:
    op.create_table(
        "sort_tables",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("made_at", TIMESTAMP, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_sort_tables"),
    )


def _sort_codes() -> None:
    op.create_table(
        "sort_codes",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("marker", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["region_code"], ["regions.code"], name="fk_sort_codes_region_code"),
        sa.ForeignKeyConstraint(["version"], ["sort_tables.version"], name="fk_sort_codes_version"),
        sa.PrimaryKeyConstraint("version", "region_code", name="pk_sort_codes"),
    )


def _number_blocks() -> None:
    op.create_table(
        "number_blocks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Uuid(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.CheckConstraint("used BETWEEN 0 AND 10000", name="used_within"),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name="fk_number_blocks_branch_id"),
        sa.PrimaryKeyConstraint("id", name="pk_number_blocks"),
        sa.UniqueConstraint("series", "position", name="uq_number_blocks_series_position"),
    )
    op.create_index("ix_number_blocks_branch_id", "number_blocks", ["branch_id"])


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("branch_id", sa.Uuid(), nullable=False),
        sa.Column("driver_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.Column("departed_at", TIMESTAMP),
        sa.Column("arrived_at", TIMESTAMP),
        sa.CheckConstraint("status IN ('planned', 'loading', 'departed', 'arrived')", name="status_known"),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name="fk_runs_branch_id"),
        sa.ForeignKeyConstraint(["driver_id"], ["users.id"], name="fk_runs_driver_id"),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("number", name="uq_runs_number"),
    )
    op.create_index("ix_runs_branch_id_day", "runs", ["branch_id", "day"])
    op.create_index("ix_runs_driver_id_day", "runs", ["driver_id", "day"])


def _dispatches() -> None:
    op.create_table(
        "dispatches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("branch_id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Uuid()),
        sa.Column("opened_at", TIMESTAMP, nullable=False),
        sa.Column("closed_at", TIMESTAMP),
        sa.Column("closed_by", sa.Uuid()),
        sa.Column("departed_at", TIMESTAMP),
        sa.Column("received_at", TIMESTAMP),
        sa.Column("received_by", sa.Uuid()),
        sa.CheckConstraint("direction IN ('inward', 'outward')", name="direction_known"),
        sa.CheckConstraint("status IN ('open', 'closed', 'departed', 'received')", name="status_known"),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name="fk_dispatches_branch_id"),
        sa.ForeignKeyConstraint(["closed_by"], ["users.id"], name="fk_dispatches_closed_by"),
        sa.ForeignKeyConstraint(["received_by"], ["users.id"], name="fk_dispatches_received_by"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_dispatches_run_id"),
        sa.ForeignKeyConstraint(["station_id"], ["stations.id"], name="fk_dispatches_station_id"),
        sa.PrimaryKeyConstraint("id", name="pk_dispatches"),
        sa.UniqueConstraint("number", name="uq_dispatches_number"),
    )
    op.create_index("ix_dispatches_branch_id_status", "dispatches", ["branch_id", "status"])
    op.create_index("ix_dispatches_run_id", "dispatches", ["run_id"])
    op.create_index("ix_dispatches_station_id", "dispatches", ["station_id"])
    op.create_index(
        "uq_dispatches_open", "dispatches", ["station_id", "direction"], unique=True, postgresql_where="status = 'open'"
    )


def _parcels() -> None:
    op.create_table(
        "parcels",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text()),
        sa.Column("branch_id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid()),
        sa.Column("destination_station_id", sa.Uuid()),
        sa.Column("name_sealed", sa.LargeBinary()),
        sa.Column("phone_sealed", sa.LargeBinary()),
        sa.Column("phone_index", sa.LargeBinary()),
        sa.Column("phone_tail", sa.Text()),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("detail_sealed", sa.LargeBinary()),
        sa.Column("contents", sa.Text(), nullable=False),
        sa.Column("promised_net_g", sa.Integer()),
        sa.Column("tare_g", sa.Integer(), nullable=False),
        sa.Column("gross_g", sa.Integer()),
        sa.Column("net_g", sa.Integer()),
        sa.Column("weight_note", sa.Text()),
        sa.Column("quote", JSONB()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Uuid()),
        sa.Column("real_name_checked_at", TIMESTAMP),
        sa.Column("real_name_checked_by", sa.Uuid()),
        sa.Column("inspected_at", TIMESTAMP),
        sa.Column("inspected_by", sa.Uuid()),
        sa.Column("screened_at", TIMESTAMP),
        sa.Column("screened_by", sa.Uuid()),
        sa.Column("pack_by", TIMESTAMP),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.CheckConstraint(
            "NOT (status IN ('in_transit', 'arrived', 'out_for_delivery', 'delivered', 'returned')) OR "
            "(real_name_checked_at IS NOT NULL AND inspected_at IS NOT NULL AND screened_at IS NOT NULL)",
            name="no_departure_without_marks",
        ),
        sa.CheckConstraint("kind <> 'goods' OR destination_station_id IS NOT NULL", name="goods_have_a_shelf"),
        sa.CheckConstraint(
            "kind <> 'order' OR (station_id IS NOT NULL AND name_sealed IS NOT NULL)", name="order_has_ends"
        ),
        sa.CheckConstraint(
            "kind = 'goods' OR status IN ('registered', 'packed', 'cancelled') OR net_g IS NOT NULL AND "
            "(promised_net_g IS NULL OR net_g >= promised_net_g OR weight_note IS NOT NULL)",
            name="net_gate",
        ),
        sa.CheckConstraint("kind IN ('order', 'goods')", name="kind_known"),
        sa.CheckConstraint(
            "status IN ('registered', 'packed', 'weighed', 'labelled', 'staged', 'loaded', 'in_transit', "
            "'arrived', 'out_for_delivery', 'delivered', 'returned', 'cancelled')",
            name="status_known",
        ),
        sa.CheckConstraint("net_g = gross_g - tare_g AND net_g > 0", name="net_is_gross_less_tare"),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name="fk_parcels_branch_id"),
        sa.ForeignKeyConstraint(["destination_station_id"], ["stations.id"], name="fk_parcels_destination_station_id"),
        sa.ForeignKeyConstraint(["inspected_by"], ["users.id"], name="fk_parcels_inspected_by"),
        sa.ForeignKeyConstraint(["real_name_checked_by"], ["users.id"], name="fk_parcels_real_name_checked_by"),
        sa.ForeignKeyConstraint(["region_code"], ["regions.code"], name="fk_parcels_region_code"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_parcels_run_id"),
        sa.ForeignKeyConstraint(["screened_by"], ["users.id"], name="fk_parcels_screened_by"),
        sa.ForeignKeyConstraint(["station_id"], ["stations.id"], name="fk_parcels_station_id"),
        sa.PrimaryKeyConstraint("id", name="pk_parcels"),
        sa.UniqueConstraint("number", name="uq_parcels_number"),
    )
    op.create_index("ix_parcels_branch_id_status", "parcels", ["branch_id", "status"])
    op.create_index("ix_parcels_destination_station_id_status", "parcels", ["destination_station_id", "status"])
    op.create_index(
        "ix_parcels_open",
        "parcels",
        ["station_id", "status", "id"],
        postgresql_where="NOT (status IN ('delivered', 'returned', 'cancelled'))",
    )
    op.create_index("ix_parcels_phone_index", "parcels", ["phone_index"])
    op.create_index("ix_parcels_reference", "parcels", ["reference"])
    op.create_index("ix_parcels_run_id", "parcels", ["run_id"], postgresql_where="run_id IS NOT NULL")


def _run_stops() -> None:
    op.create_table(
        "run_stops",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("departed_at", TIMESTAMP),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_stops_run_id"),
        sa.ForeignKeyConstraint(["station_id"], ["stations.id"], name="fk_run_stops_station_id"),
        sa.PrimaryKeyConstraint("id", name="pk_run_stops"),
        sa.UniqueConstraint("run_id", "position", name="uq_run_stops_run_id_position"),
        sa.UniqueConstraint("run_id", "station_id", name="uq_run_stops_run_id_station_id"),
    )
    op.create_index("ix_run_stops_station_id", "run_stops", ["station_id"])


def _delivery_proofs() -> None:
    op.create_table(
        "delivery_proofs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("parcel_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("collector", sa.Text(), nullable=False),
        sa.Column("collector_sealed", sa.LargeBinary()),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", TIMESTAMP, nullable=False),
        sa.Column("by", sa.Uuid()),
        sa.CheckConstraint("collector IN ('self', 'family', 'neighbour', 'station')", name="collector_known"),
        sa.CheckConstraint("collector IN ('self', 'station') OR collector_sealed IS NOT NULL", name="proxy_named"),
        sa.CheckConstraint("kind IN ('signed', 'code', 'photo', 'counted')", name="kind_known"),
        sa.ForeignKeyConstraint(["by"], ["users.id"], name="fk_delivery_proofs_by"),
        sa.ForeignKeyConstraint(["parcel_id"], ["parcels.id"], name="fk_delivery_proofs_parcel_id"),
        sa.PrimaryKeyConstraint("id", name="pk_delivery_proofs"),
        sa.UniqueConstraint("parcel_id", name="uq_delivery_proofs_parcel_id"),
    )


def _discrepancies() -> None:
    op.create_table(
        "discrepancies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("dispatch_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("parcel_id", sa.Uuid()),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("found_at", TIMESTAMP, nullable=False),
        sa.Column("found_by", sa.Uuid()),
        sa.Column("closed_at", TIMESTAMP),
        sa.Column("closed_by", sa.Uuid()),
        sa.Column("cause", sa.Text()),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "cause IN ('found', 'left_behind', 'sent_on', 'not_announced', 'misread', 'lost')",
            name="cause_known",
        ),
        sa.CheckConstraint("kind IN ('short', 'over', 'missent')", name="kind_known"),
        sa.CheckConstraint("(closed_at IS NULL) = (cause IS NULL)", name="closed_with_cause"),
        sa.ForeignKeyConstraint(["closed_by"], ["users.id"], name="fk_discrepancies_closed_by"),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatches.id"], name="fk_discrepancies_dispatch_id"),
        sa.ForeignKeyConstraint(["found_by"], ["users.id"], name="fk_discrepancies_found_by"),
        sa.ForeignKeyConstraint(["parcel_id"], ["parcels.id"], name="fk_discrepancies_parcel_id"),
        sa.PrimaryKeyConstraint("id", name="pk_discrepancies"),
        sa.UniqueConstraint("dispatch_id", "number", name="uq_discrepancies_dispatch_id_number"),
    )
    op.create_index("ix_discrepancies_open", "discrepancies", ["dispatch_id"], postgresql_where="closed_at IS NULL")
    op.create_index("ix_discrepancies_parcel_id", "discrepancies", ["parcel_id"])


def _dispatch_items() -> None:
    op.create_table(
        "dispatch_items",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("dispatch_id", sa.Uuid(), nullable=False),
        sa.Column("parcel_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("added_at", TIMESTAMP, nullable=False),
        sa.Column("added_by", sa.Uuid()),
        sa.CheckConstraint("state IN ('declared', 'left_behind', 'received', 'settled')", name="state_known"),
        sa.ForeignKeyConstraint(["added_by"], ["users.id"], name="fk_dispatch_items_added_by"),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatches.id"], name="fk_dispatch_items_dispatch_id"),
        sa.ForeignKeyConstraint(["parcel_id"], ["parcels.id"], name="fk_dispatch_items_parcel_id"),
        sa.PrimaryKeyConstraint("id", name="pk_dispatch_items"),
    )
    op.create_index("ix_dispatch_items_dispatch_id_state", "dispatch_items", ["dispatch_id", "state"])
    op.create_index("ix_dispatch_items_parcel_id", "dispatch_items", ["parcel_id"])
    op.create_index(
        "uq_dispatch_items_declared",
        "dispatch_items",
        ["parcel_id"],
        unique=True,
        postgresql_where="state = 'declared'",
    )


def _labels() -> None:
    op.create_table(
        "labels",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("parcel_id", sa.Uuid(), nullable=False),
        sa.Column("sort_version", sa.Integer(), nullable=False),
        sa.Column("sort_code", sa.Text()),
        sa.Column("marker", sa.Text(), nullable=False),
        sa.Column("prints", sa.Integer(), nullable=False),
        sa.Column("issued_at", TIMESTAMP, nullable=False),
        sa.Column("issued_by", sa.Uuid()),
        sa.Column("voided_at", TIMESTAMP),
        sa.CheckConstraint("prints > 0", name="printed"),
        sa.ForeignKeyConstraint(["issued_by"], ["users.id"], name="fk_labels_issued_by"),
        sa.ForeignKeyConstraint(["parcel_id"], ["parcels.id"], name="fk_labels_parcel_id"),
        sa.PrimaryKeyConstraint("id", name="pk_labels"),
    )
    op.create_index("ix_labels_parcel_id", "labels", ["parcel_id"])
    op.create_index("uq_labels_active", "labels", ["parcel_id"], unique=True, postgresql_where="voided_at IS NULL")


def _tracking_events() -> None:
    op.create_table(
        "tracking_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("parcel_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("occurred_at", TIMESTAMP, nullable=False),
        sa.Column("received_at", TIMESTAMP, nullable=False),
        sa.Column("branch_id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid()),
        sa.Column("actor_id", sa.Uuid()),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "code IN ('REG', 'PCK', 'WGT', 'LBL', 'EMA', 'LOD', 'LFT', 'EMC', 'EMD', 'EDH', 'EDG', 'EMH', "
            "'EMI', 'RTN', 'CAN')",
            name="code_known",
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name="fk_tracking_events_actor_id"),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name="fk_tracking_events_branch_id"),
        sa.ForeignKeyConstraint(["parcel_id"], ["parcels.id"], name="fk_tracking_events_parcel_id"),
        sa.ForeignKeyConstraint(["station_id"], ["stations.id"], name="fk_tracking_events_station_id"),
        sa.PrimaryKeyConstraint("id", name="pk_tracking_events"),
    )
    op.create_index("ix_tracking_events_parcel_id", "tracking_events", ["parcel_id"])


def _weighings() -> None:
    op.create_table(
        "weighings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("parcel_id", sa.Uuid(), nullable=False),
        sa.Column("gross_g", sa.Integer(), nullable=False),
        sa.Column("tare_g", sa.Integer(), nullable=False),
        sa.Column("net_g", sa.Integer(), nullable=False),
        sa.Column("scale", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("at", TIMESTAMP, nullable=False),
        sa.Column("by", sa.Uuid()),
        sa.CheckConstraint("net_g = gross_g - tare_g AND net_g > 0", name="net_is_gross_less_tare"),
        sa.ForeignKeyConstraint(["by"], ["users.id"], name="fk_weighings_by"),
        sa.ForeignKeyConstraint(["parcel_id"], ["parcels.id"], name="fk_weighings_parcel_id"),
        sa.PrimaryKeyConstraint("id", name="pk_weighings"),
    )
    op.create_index("ix_weighings_parcel_id", "weighings", ["parcel_id"])


def _first_sort_table() -> None:
    """Cities and counties sort from the first day; stations join with the next version of the table."""
    op.execute("INSERT INTO sort_tables (version, made_at) VALUES (1, now())")
    op.execute(
        "INSERT INTO sort_codes (version, region_code, code, marker) "
        "SELECT 1, code, code, name FROM regions WHERE level = 'city' "
        "UNION ALL SELECT 1, county.code, city.code || '-' || right(county.code, 2), city.name || ' ' || county.name "
        "FROM regions county JOIN regions city ON city.code = left(county.code, 4) WHERE county.level = 'county'"
    )
