"""Scans: what was seen of a parcel, when, where and by whom, in the codes of the world's posts. Only ever added."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, select, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Id, Model, among, new_id, one_of, session


class Code(StrEnum):
    """What a scan says. Codes with E are those of UPU M40 (EMSEVT V3); the others stay inside the house."""

    REGISTERED = "REG"
    PACKED = "PCK"
    WEIGHED = "WGT"
    LABELLED = "LBL"
    ACCEPTED = "EMA"
    """Posting: the station has taken the box in for the van."""
    LOADED = "LOD"
    LEFT_BEHIND = "LFT"
    """Expected on the van, not on it when it left."""
    DEPARTED = "EMC"
    AT_BRANCH = "EMD"
    FORWARDED = "FWD"
    """At the branch, in the bag for the station near the addressee."""
    DEPARTED_OUTWARD = "EMF"
    AT_STATION = "EDH"
    OUT_FOR_DELIVERY = "EDG"
    ATTEMPTED = "EMH"
    """Not delivered; the note says why and what happens next."""
    DELIVERED = "EMI"
    RETURNED = "RTN"
    CANCELLED = "CAN"


class TrackingEvent(Model):
    """One scan. `occurred_at` is when the hand did it, `received_at` when the house heard of it."""

    __tablename__ = "tracking_events"
    __table_args__ = (CheckConstraint(among("code", Code), name="code_known"),)

    id: Mapped[Id]
    parcel_id: Mapped[UUID] = mapped_column(ForeignKey("parcels.id"), index=True)
    code: Mapped[Code] = mapped_column(one_of(Code))
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branches.id"))
    station_id: Mapped[UUID | None] = mapped_column(ForeignKey("stations.id"))
    actor_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str] = mapped_column(default="")


@dataclass(frozen=True)
class Place:
    """Where a scan happened: at a station, or at the branch itself."""

    branch_id: UUID
    station_id: UUID | None = None


_JOURNEY = {code: place for place, code in enumerate(Code)}
_RECORD = text(
    "INSERT INTO tracking_events"
    " (id, parcel_id, code, occurred_at, received_at, branch_id, station_id, actor_id, note)"
    " SELECT fresh.id, parcels.id, :code, :occurred_at, :received_at, coalesce(:branch_id, parcels.branch_id),"
    " CASE WHEN CAST(:branch_id AS uuid) IS NULL THEN parcels.station_id ELSE CAST(:station_id AS uuid) END,"
    " :actor_id, :note"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:parcel_ids AS uuid[])) AS fresh (id, parcel_id)"
    " JOIN parcels ON parcels.id = fresh.parcel_id"
)


def record(
    parcel_ids: Sequence[UUID],
    code: Code,
    *,
    at: Place | None = None,
    by: UUID | None,
    now: datetime,
    occurred_at: datetime | None = None,
    note: str = "",
) -> None:
    """Leave one scan on each parcel, in one statement. Without a place it happened where the parcel came from."""
    facts = {
        "ids": [new_id(now) for _parcel in parcel_ids],
        "parcel_ids": list(parcel_ids),
        "code": code.value,
        "occurred_at": occurred_at or now,
        "received_at": now,
        "branch_id": at and at.branch_id,
        "station_id": at and at.station_id,
        "actor_id": by,
        "note": note,
    }
    session.execute(_RECORD, facts)


def of_parcel(parcel_id: UUID) -> list[TrackingEvent]:
    """All scans of a parcel in the order in which they happened; of the same moment, in the order of the journey."""
    found = session.scalars(select(TrackingEvent).where(TrackingEvent.parcel_id == parcel_id))
    return sorted(found, key=lambda scan: (scan.occurred_at, _JOURNEY[scan.code], scan.id))
