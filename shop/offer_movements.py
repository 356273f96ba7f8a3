"""Offer movements: why an offer's figures are what they are. Rows are added, never changed."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Id, Model, among, new_id, one_of, session


class OfferCause(StrEnum):
    """What happened to an offer."""

    ADD = "add"
    """The offer was opened with its pool and its price."""
    REPRICE = "reprice"
    STOP = "stop"
    REOPEN = "reopen"
    SOLD_OUT = "sold_out"
    """The host called it sold out: the pool ends at what is held and sold."""
    HOLD = "hold"
    """An order waits for its payment."""
    RELEASE = "release"
    """An order that was held ended unpaid."""
    SELL = "sell"
    """A held order was paid."""
    RETAKE = "retake"
    """An order was paid after its hold had ended, and there was still enough."""
    UNSELL = "unsell"
    """A paid order was cancelled before it left."""


class OfferMovement(Model):
    """One change of an offer's figures, in packs. Pool, held and sold are the sums of their movements."""

    __tablename__ = "offer_movements"
    __table_args__ = (CheckConstraint(among("cause", OfferCause), name="cause"),)

    id: Mapped[Id]
    offer_id: Mapped[UUID] = mapped_column(ForeignKey("live_offers.id"), index=True)
    cause: Mapped[OfferCause] = mapped_column(one_of(OfferCause))
    pool_delta: Mapped[int]
    held_delta: Mapped[int]
    sold_delta: Mapped[int]
    price_minor: Mapped[int | None]
    """The price from this moment on, where it was set."""
    reference: Mapped[str]
    """The order that asked for it."""
    at: Mapped[datetime]
    by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))


def record(
    offer_id: UUID, cause: OfferCause, *, pool_delta: int = 0, price_minor: int | None = None, by: UUID, now: datetime
) -> None:
    """Keep what a host did to an offer."""
    row = OfferMovement(
        id=new_id(now),
        offer_id=offer_id,
        cause=cause,
        pool_delta=pool_delta,
        held_delta=0,
        sold_delta=0,
        price_minor=price_minor,
        reference="",
        at=now,
        by=by,
    )
    session.add(row)
    session.flush()
