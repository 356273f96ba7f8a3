"""Weighings: every time a box stood on a scale. Rows are only added, so a weight cannot be talked away later."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Id, Model, new_id, session


class Weighing(Model):
    """One reading: gross, tare and net in grams, by whom, and the reason when it was below the promise."""

    __tablename__ = "weighings"
    __table_args__ = (CheckConstraint("net_g = gross_g - tare_g AND net_g > 0", name="net_is_gross_less_tare"),)

    id: Mapped[Id]
    parcel_id: Mapped[UUID] = mapped_column(ForeignKey("parcels.id"), index=True)
    gross_g: Mapped[int]
    tare_g: Mapped[int]
    net_g: Mapped[int]
    scale: Mapped[str] = mapped_column(default="")
    """Name of the scale as the station calls it; empty when the weight was typed."""
    reason: Mapped[str | None]
    at: Mapped[datetime]
    by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))


def keep(
    parcel_id: UUID,
    *,
    gross_g: int,
    tare_g: int,
    net_g: int,
    scale: str,
    reason: str | None,
    by: UUID | None,
    now: datetime,
) -> Weighing:
    """Write a reading down."""
    reading = Weighing(
        id=new_id(now),
        parcel_id=parcel_id,
        gross_g=gross_g,
        tare_g=tare_g,
        net_g=net_g,
        scale=scale,
        reason=reason,
        at=now,
        by=by,
    )
    session.add(reading)
    session.flush()
    return reading


def of_parcel(parcel_id: UUID) -> list[Weighing]:
    """All readings of a box, oldest first: the weigh slip."""
    query = select(Weighing).where(Weighing.parcel_id == parcel_id)
    return list(session.scalars(query.order_by(Weighing.at, Weighing.id)))
