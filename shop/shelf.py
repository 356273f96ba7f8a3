"""Shelf stock: what stands on a station's shelf, in units, with a movement for every change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from core.auth import Who
from core.db import Id, Model, among, new_id, one_of, session
from logistics import stations


class ShelfCause(StrEnum):
    """What changed a shelf."""

    RECEIVED = "received"
    """Wholesale goods were counted in."""


class ShelfStock(Model):
    """So many units of one good at one station."""

    __tablename__ = "shelf_stock"
    __table_args__ = (
        CheckConstraint("on_hand_units >= 0", name="not_negative"),
        Index("uq_shelf_stock_station_id_barcode", "station_id", "barcode", unique=True),
    )

    id: Mapped[Id]
    station_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"))
    barcode: Mapped[str]
    name: Mapped[str]
    unit: Mapped[str]
    on_hand_units: Mapped[int]


class ShelfMovement(Model):
    """One change of one good at one station; the stock is the sum of its movements. Rows are added, never changed."""

    __tablename__ = "shelf_movements"
    __table_args__ = (
        CheckConstraint(among("cause", ShelfCause), name="cause_known"),
        Index("ix_shelf_movements_station_id_barcode", "station_id", "barcode"),
    )

    id: Mapped[Id]
    station_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"))
    barcode: Mapped[str]
    cause: Mapped[ShelfCause] = mapped_column(one_of(ShelfCause))
    delta_units: Mapped[int]
    reference: Mapped[str]
    """The number of the order that brought it."""
    at: Mapped[datetime]
    by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))


@dataclass(frozen=True)
class Goods:
    """So many units of one good."""

    barcode: str
    name: str
    unit: str
    units: int


def put(station_id: UUID, goods: Sequence[Goods], *, reference: str, by: UUID, now: datetime) -> None:
    """Put goods onto the shelf, in two statements however many there are; each barcode once.

    Rows are taken in the order of their barcodes, so that two receipts at one station never deadlock.
    """
    arrived = sorted((one for one in goods if one.units), key=lambda one: one.barcode)
    if not arrived:
        return
    where = {"station_id": station_id}
    stock = insert(ShelfStock).values(
        [
            where | {"id": new_id(now), "barcode": g.barcode, "name": g.name, "unit": g.unit, "on_hand_units": g.units}
            for g in arrived
        ]
    )
    session.execute(
        stock.on_conflict_do_update(
            index_elements=["station_id", "barcode"],
            set_={
                "on_hand_units": ShelfStock.on_hand_units + stock.excluded.on_hand_units,
                "name": stock.excluded.name,
                "unit": stock.excluded.unit,
            },
        )
    )
    why = where | {"cause": ShelfCause.RECEIVED, "reference": reference, "at": now, "by": by}
    session.execute(
        insert(ShelfMovement),
        [why | {"id": new_id(now), "barcode": g.barcode, "delta_units": g.units} for g in arrived],
    )


def visible_to(who: Who) -> Select[ShelfStock]:
    """The shelves of the stations that are the caller's business."""
    return select(ShelfStock).where(ShelfStock.station_id.in_(stations.managed_by(who)))
