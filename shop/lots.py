"""Harvest lots: one pick of one product, in grams, sold until it is gone or past its date.

Every pack and every channel draws on the same lot. Until the weigh-in a lot may promise its low bound times a factor,
afterwards what was weighed and is still there. This page opens a lot; `shop.harvest` weighs it in and writes off,
`shop.stock` holds, allocates and ships.
"""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Row, Select, Sequence, select, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.auth import Who
from core.clock import local_day
from core.db import Id, Model, new_id, one_of, session
from core.errors import Conflict, Malformed, NotFound
from core.i18n import _
from core.jobs import periodic
from core.money import FULL_RATE_BP
from logistics.stations import Branch, Station
from shop import movements, products
from shop.movements import Cause
from shop.presale import Days
from shop.products import Product

LOT_NUMBERS = Sequence("lot_numbers", metadata=Model.metadata)
GRAMS_MAX = 1_000_000_000
"""A thousand tonnes: no lot of a village is larger, and sums stay inside 32 bits."""
REMEMBERED = timedelta(days=30)
"""How long a lot past its date still explains why there is nothing."""


class LotUnknown(NotFound):
    """There is no such lot, or the caller may not see it."""

    message = _("没有找到这一批。")


class LotSoldOut(Conflict):
    """There is less left than was asked for. Facts: `left_g`, and `lot_id` where a lot was chosen."""

    message = _("不够了，这一批只剩 {left_jin} 斤。")

    def __init__(self, *, left_g: int, lot_id: UUID | None = None) -> None:
        super().__init__(left_g=left_g, left_jin=f"{left_g / 500:.1f}".removesuffix(".0"), lot_id=lot_id)


class LotPastDate(Conflict):
    """The lot is past its best-before date."""

    message = _("这一批的最佳食用期到 {best_before}，已经过了。")


class LotNotReady(Conflict):
    """The lot is not picked yet."""

    message = _("这一批要到 {ready_on} 才能采。")


class LotClosed(Conflict):
    """The lot is not sold any more."""

    message = _("这一批已经收摊，不再卖了。")


class EstimateDisordered(Malformed):
    """The bounds of an estimate, or the dates of a lot, stand in the wrong order."""

    message = _("估产要从低到高，日期要从先到后。")


class LotStatus(StrEnum):
    """An open lot is sold while it has something left; a closed one is not."""

    OPEN = "open"
    CLOSED = "closed"


class HarvestLot(Model):
    """What one pick gives. Three figures tell where it is: on hand, allocated (paid), held (waiting for payment)."""

    __tablename__ = "harvest_lots"
    __table_args__ = (
        CheckConstraint("0 < low_g AND low_g <= likely_g AND likely_g <= high_g", name="estimate_ordered"),
        CheckConstraint("ready_on <= best_before", name="dates_ordered"),
        CheckConstraint("sell_factor_bp BETWEEN 1 AND 10000", name="factor_bounded"),
        CheckConstraint("held_g >= 0", name="held_not_negative"),
        CheckConstraint("allocated_g >= 0", name="allocated_not_negative"),
        CheckConstraint("on_hand_g >= 0 AND ceiling_g >= 0", name="on_hand_not_negative"),
        CheckConstraint("shipped_g >= 0 AND lost_g >= 0", name="gone_not_negative"),
        CheckConstraint("held_g + allocated_g <= ceiling_g + short_g", name="never_oversold"),
        CheckConstraint("short_g = greatest(0, held_g + allocated_g - ceiling_g)", name="short_is_what_lacks"),
        CheckConstraint("weighed_at IS NULL OR ceiling_g = on_hand_g", name="scale_is_the_ceiling"),
        Index("ix_harvest_lots_choice", "product_id", "status", "best_before"),
        Index("ix_harvest_lots_short", "id", postgresql_where="short_g > 0"),
        {"postgresql_with": {"fillfactor": 60}},
    )

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(unique=True)
    """Branch, day of the pick, number: on the label and in the after-sale, so that a complaint finds the tree."""
    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.id"))
    low_g: Mapped[int] = mapped_column(BigInteger)
    likely_g: Mapped[int] = mapped_column(BigInteger)
    high_g: Mapped[int] = mapped_column(BigInteger)
    sell_factor_bp: Mapped[int] = mapped_column(default=FULL_RATE_BP)
    ceiling_g: Mapped[int] = mapped_column(BigInteger)
    """What may be promised in all: the low bound times the factor, from the weigh-in on what is on hand."""
    on_hand_g: Mapped[int] = mapped_column(BigInteger, default=0)
    allocated_g: Mapped[int] = mapped_column(BigInteger, default=0)
    held_g: Mapped[int] = mapped_column(BigInteger, default=0)
    short_g: Mapped[int] = mapped_column(BigInteger, default=0)
    """What is promised beyond the ceiling, because the harvest fell short afterwards."""
    shipped_g: Mapped[int] = mapped_column(BigInteger, default=0)
    lost_g: Mapped[int] = mapped_column(BigInteger, default=0)
    """Written off since the weigh-in."""
    weighed_at: Mapped[datetime | None]
    ready_on: Mapped[date]
    best_before: Mapped[date]
    status: Mapped[LotStatus] = mapped_column(one_of(LotStatus), default=LotStatus.OPEN)
    created_at: Mapped[datetime]
    product: Mapped[Product] = relationship()

    @property
    def left_g(self) -> int:
        """What can still be promised."""
        return max(0, self.ceiling_g - self.held_g - self.allocated_g)


def unfit(lot: HarvestLot | Row[Any], days: Days) -> Conflict | None:
    """Why nothing of a lot may be sold for these days, or None."""
    if lot.status != LotStatus.OPEN:
        return LotClosed()
    if days.last < lot.ready_on:
        return LotNotReady(ready_on=lot.ready_on)
    if days.first > lot.best_before:
        return LotPastDate(best_before=lot.best_before)
    return None


def add(
    product: Product,
    *,
    low_g: int,
    likely_g: int,
    high_g: int,
    ready_on: date,
    best_before: date,
    sell_factor_bp: int = FULL_RATE_BP,
    by: UUID | None,
    now: datetime,
) -> HarvestLot:
    """Open a lot on its low bound. Raises EstimateDisordered, LotPastDate."""
    if not low_g <= likely_g <= high_g or ready_on > best_before:
        raise EstimateDisordered()
    if best_before < local_day(now):
        raise LotPastDate(best_before=best_before)
    lot = HarvestLot(
        id=new_id(now),
        code=_next_code(product, ready_on),
        product=product,
        low_g=low_g,
        likely_g=likely_g,
        high_g=high_g,
        sell_factor_bp=sell_factor_bp,
        ceiling_g=promise(low_g, sell_factor_bp),
        ready_on=ready_on,
        best_before=best_before,
        created_at=now,
    )
    session.add(lot)
    session.flush()
    movements.record(lot.id, Cause.LISTED, ceiling_delta_g=lot.ceiling_g, by=by, now=now)
    session.flush()
    return lot


def promise(low_g: int, sell_factor_bp: int) -> int:
    """What may be promised of a low bound, in grams, rounded down."""
    return low_g * sell_factor_bp // FULL_RATE_BP


def lock(lot: HarvestLot) -> HarvestLot:
    """The lot as it is now, ours alone until the transaction ends."""
    session.refresh(lot, with_for_update={"key_share": True})
    return lot


def visible_to(who: Who) -> Select[HarvestLot]:
    """The lots of the farms that a person looks after."""
    return select(HarvestLot).where(HarvestLot.product_id.in_(products.kept_by(who).with_only_columns(Product.id)))


def narrowed(query: Select[HarvestLot], *, product_id: UUID | None = None, short: bool = False) -> Select[HarvestLot]:
    """The lots of a query that are of one product, or that have promised more than they can give."""
    if product_id is not None:
        query = query.where(HarvestLot.product_id == product_id)
    return query.where(HarvestLot.short_g > 0) if short else query


def find(lot_id: UUID, *, who: Who) -> HarvestLot:
    """A lot of the farms that the caller looks after. Raises LotUnknown."""
    lot = session.scalar(visible_to(who).where(HarvestLot.id == lot_id))
    if lot is None:
        raise LotUnknown()
    return lot


@periodic("10 16 * * *")
def close_old(timestamp: int) -> None:
    """Close lots that ended a month ago: so long they explain why there is nothing, then they are only in the way."""
    last = local_day(datetime.fromtimestamp(timestamp, UTC)) - REMEMBERED
    old = (HarvestLot.status == LotStatus.OPEN) & (HarvestLot.best_before < last)
    session.execute(update(HarvestLot).where(old).values(status=LotStatus.CLOSED))


def _next_code(product: Product, ready_on: date) -> str:
    branch = session.scalar(
        select(Branch.code).join(Station, Station.branch_id == Branch.id).where(Station.id == product.farm.station_id)
    )
    return f"{branch}-{ready_on:%y%m%d}-{session.scalar(LOT_NUMBERS.next_value()):05d}"
