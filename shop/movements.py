"""Movements: why a lot's figures are what they are. Rows are added, never changed."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Id, Model, new_id, one_of, session


class Cause(StrEnum):
    """What moved a figure."""

    LISTED = "listed"
    """The lot was opened with its low bound."""
    ESTIMATE = "estimate"
    """The grower corrected the estimate before the weigh-in."""
    WEIGH_IN = "weigh_in"
    """The scale took the place of the estimate."""
    WRITE_OFF = "write_off"
    """Rotten, eaten by birds, given away."""
    HOLD = "hold"
    """An order waits for its payment."""
    RELEASE = "release"
    """An order that was held ended unpaid."""
    ALLOCATE = "allocate"
    """A held order was paid."""
    RETAKE = "retake"
    """An order was paid after its hold had ended, and there was still enough."""
    UNALLOCATE = "unallocate"
    """A paid order was cancelled before it left."""
    SHIP = "ship"
    """A paid order left the station."""


class StockMovement(Model):
    """One change of a lot's four figures, in grams. The figures are the sums of their movements."""

    __tablename__ = "stock_movements"

    id: Mapped[Id]
    lot_id: Mapped[UUID] = mapped_column(ForeignKey("harvest_lots.id"), index=True)
    cause: Mapped[Cause] = mapped_column(one_of(Cause))
    on_hand_delta_g: Mapped[int] = mapped_column(BigInteger)
    allocated_delta_g: Mapped[int] = mapped_column(BigInteger)
    held_delta_g: Mapped[int] = mapped_column(BigInteger)
    ceiling_delta_g: Mapped[int] = mapped_column(BigInteger)
    reference: Mapped[str]
    """What asked for it: an order's id, or the words of a write-off."""
    at: Mapped[datetime]
    by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))


class HarvestShortage(Model):
    """The harvest turned out smaller than what was promised: from this moment `missing_g` more lacks.

    The work list is the lots whose `short_g` is above zero; these rows tell how it came to that.
    """

    __tablename__ = "harvest_shortages"

    id: Mapped[Id]
    lot_id: Mapped[UUID] = mapped_column(ForeignKey("harvest_lots.id"), index=True)
    cause: Mapped[Cause] = mapped_column(one_of(Cause))
    missing_g: Mapped[int]
    at: Mapped[datetime]
    by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))


def record(
    lot_id: UUID,
    cause: Cause,
    *,
    on_hand_delta_g: int = 0,
    ceiling_delta_g: int = 0,
    reference: str = "",
    by: UUID | None,
    now: datetime,
) -> None:
    """Leave the row of a change that the grower or the scale made, with the next flush."""
    movement = StockMovement(
        id=new_id(now),
        lot_id=lot_id,
        cause=cause,
        on_hand_delta_g=on_hand_delta_g,
        allocated_delta_g=0,
        held_delta_g=0,
        ceiling_delta_g=ceiling_delta_g,
        reference=reference,
        at=now,
        by=by,
    )
    session.add(movement)
