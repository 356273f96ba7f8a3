"""Let a parcel go on from the branch to the station near its addressee, and back when nobody collects it there."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

STATUSES = (
    "registered", "packed", "weighed", "labelled", "staged", "loaded", "in_transit", "arrived", "out_for_delivery",
    "delivered", "returned", "cancelled",
)  # fmt: skip
CODES = (
    "REG", "PCK", "WGT", "LBL", "EMA", "LOD", "LFT", "EMC", "EMD", "EDH", "EDG", "EMH", "EMI", "RTN", "CAN",
)  # fmt: skip


def upgrade() -> None:
    _allow((*STATUSES, "forwarded", "going_back"), (*CODES, "FWD", "EMF"))


def downgrade() -> None:
    """What waits for a van has arrived again where it is; the house forgets that it was to go on."""
    op.execute("SET LOCAL xiaoxiang.repair = 'on'")
    op.execute("UPDATE parcels SET status = 'arrived', destination_station_id = NULL WHERE status = 'forwarded'")
    op.execute("UPDATE parcels SET status = 'arrived' WHERE status = 'going_back'")
    op.execute("UPDATE tracking_events SET code = 'EMC' WHERE code = 'EMF'")
    op.execute("DELETE FROM tracking_events WHERE code = 'FWD'")
    _allow(STATUSES, CODES)


def _allow(statuses: tuple[str, ...], codes: tuple[str, ...]) -> None:
    for table, name, column, known in (
        ("parcels", "status_known", "status", statuses),
        ("tracking_events", "code_known", "code", codes),
    ):
        words = ", ".join(f"'{word}'" for word in known)
        op.drop_constraint(name, table, type_="check")
        op.create_check_constraint(name, table, f"{column} IN ({words})")
