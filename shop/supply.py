"""Supply offers: goods by the case, with tier prices, a smallest order and the weekday on which they ride the van."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Select, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core import audit
from core.auth import Who
from core.clock import local_day
from core.db import Id, Model, among, new_id, one_of, session
from core.errors import Conflict, Malformed, NotFound
from core.i18n import _
from core.money import CURRENCY
from core.permissions import Permission
from shop import barcodes, suppliers
from shop.suppliers import Supplier

CASES_MAX = 1_000
CASE_FACTOR_MAX = 10_000
PRICE_MAX_MINOR = 100_000_000
TIERS_MAX = 10
LEAD_DAYS = 1
"""Goods ordered today ride tomorrow's van at the earliest."""


class SupplyOfferUnknown(NotFound):
    message = _("没有找到这种货。")


class SupplyStopped(Conflict):
    message = _("“{name}”已经停供。")


class BarcodeTaken(Conflict):
    """One barcode means one good of one supplier; another unit of it would be mistaken for a case sooner or later."""

    message = _("条码 {barcode} 已经有一条供货，请改那一条。")


class CaseImpossible(Malformed):
    message = _("箱规要 1 到 {most_units}，起订量要 1 到 {most_cases} 箱。")


class TiersDisordered(Malformed):
    """Tiers begin at the smallest order, climb in cases and never in price."""

    message = _("阶梯价要从起订量开始，箱数越多，单价不能越高。")


class SupplyStatus(StrEnum):
    """Listed goods can be ordered, stopped ones cannot."""

    LISTED = "listed"
    STOPPED = "stopped"


class SupplyOffer(Model):
    """One good of one supplier. A case holds `case_factor` units; the barcode is that of the unit on the shelf."""

    __tablename__ = "supply_offers"
    __table_args__ = (
        UniqueConstraint("supplier_id", "barcode"),
        CheckConstraint("barcode ~ '^[0-9]{13}$'", name="barcode_thirteen_digits"),
        CheckConstraint("case_factor >= 1 AND min_cases >= 1", name="case_possible"),
        CheckConstraint("delivery_weekday BETWEEN 1 AND 7", name="weekday_known"),
        CheckConstraint(among("status", SupplyStatus), name="status_known"),
    )

    id: Mapped[Id]
    supplier_id: Mapped[UUID] = mapped_column(ForeignKey("suppliers.id"))
    barcode: Mapped[str]
    name: Mapped[str]
    unit: Mapped[str]
    """The unit on the shelf: 瓶, 袋, 盒."""
    case_factor: Mapped[int]
    min_cases: Mapped[int]
    delivery_weekday: Mapped[int]
    """1 is Monday, 7 Sunday (ISO 8601)."""
    currency: Mapped[str] = mapped_column(default=CURRENCY)
    status: Mapped[SupplyStatus] = mapped_column(one_of(SupplyStatus), default=SupplyStatus.LISTED)
    created_at: Mapped[datetime]
    supplier: Mapped[Supplier] = relationship()
    tiers: Mapped[list["SupplyTier"]] = relationship(
        order_by="SupplyTier.from_cases", lazy="selectin", cascade="all, delete-orphan"
    )


class SupplyTier(Model):
    """From so many cases on, a case costs so much."""

    __tablename__ = "supply_tiers"
    __table_args__ = (CheckConstraint("from_cases >= 1 AND price_minor > 0", name="positive"),)

    offer_id: Mapped[UUID] = mapped_column(ForeignKey("supply_offers.id"), primary_key=True)
    from_cases: Mapped[int] = mapped_column(primary_key=True)
    price_minor: Mapped[int]


Tiers = Sequence[tuple[int, int]]
"""From so many cases, so many fen a case."""


def add(
    supplier: Supplier,
    *,
    barcode: str,
    name: str,
    unit: str,
    case_factor: int,
    min_cases: int,
    tiers: Tiers,
    delivery_weekday: int,
    by: UUID | None,
    now: datetime,
) -> SupplyOffer:
    """A new good, to be had at once. Raises BarcodeWrong, BarcodeTaken, CaseImpossible, TiersDisordered."""
    clean = barcodes.parse(barcode)
    if not (1 <= case_factor <= CASE_FACTOR_MAX and 1 <= min_cases <= CASES_MAX):
        raise CaseImpossible(most_units=CASE_FACTOR_MAX, most_cases=CASES_MAX)
    check_tiers(tiers, min_cases)
    session.execute(select(Supplier.id).where(Supplier.id == supplier.id).with_for_update(key_share=True))
    if session.scalar(select(SupplyOffer.id).filter_by(supplier_id=supplier.id, barcode=clean)):
        raise BarcodeTaken(barcode=clean)
    offer = SupplyOffer(
        id=new_id(now),
        supplier=supplier,
        barcode=clean,
        name=name.strip(),
        unit=unit.strip(),
        case_factor=case_factor,
        min_cases=min_cases,
        delivery_weekday=delivery_weekday,
        currency=CURRENCY,
        status=SupplyStatus.LISTED,
        created_at=now,
        tiers=_rows(tiers),
    )
    session.add(offer)
    session.flush()
    audit.record("supply:add", f"supply_offers:{offer.id}", by=by, now=now, after=_state(offer))
    return offer


def change(
    offer: SupplyOffer, *, tiers: Tiers | None = None, status: SupplyStatus | None = None, by: UUID, now: datetime
) -> SupplyOffer:
    """Ask other prices, stop a good or list it again; orders already placed keep theirs. Raises TiersDisordered."""
    before = _state(offer)
    if tiers is not None:
        check_tiers(tiers, offer.min_cases)
        offer.tiers = _rows(tiers)
    offer.status = status or offer.status
    session.flush()
    audit.record("supply:change", f"supply_offers:{offer.id}", by=by, now=now, before=before, after=_state(offer))
    return offer


def check_tiers(tiers: Tiers, min_cases: int) -> None:
    """Raises TiersDisordered unless tiers start at the smallest order and the price never rises with the quantity."""
    steps = sorted(tiers)
    begins = 0 < len(steps) <= TIERS_MAX and steps[0][0] == min_cases and steps[-1][0] <= CASES_MAX
    falls = all(low[0] < high[0] and low[1] >= high[1] for low, high in pairwise(steps))
    if not (begins and falls and all(0 < price <= PRICE_MAX_MINOR for _from, price in steps)):
        raise TiersDisordered()


def price_of(tiers: Sequence[SupplyTier], cases: int) -> int:
    """Fen a case when so many are ordered; `cases` is at least the smallest order."""
    return max((tier for tier in tiers if tier.from_cases <= cases), key=lambda tier: tier.from_cases).price_minor


def next_delivery(weekday: int, *, now: datetime) -> date:
    """The first such weekday from tomorrow on, by the trade's calendar."""
    earliest = local_day(now) + timedelta(days=LEAD_DAYS)
    return earliest + timedelta(days=(weekday - earliest.isoweekday()) % 7)


def visible_to(who: Who) -> Select[SupplyOffer]:
    """A supplier sees its own goods, those who order for a station see what is listed, the province sees all."""
    own = SupplyOffer.supplier_id.in_(suppliers.ids_of(who))
    if who.may(Permission.WHOLESALE_ORDER):
        return select(SupplyOffer).where(or_(own, SupplyOffer.status == SupplyStatus.LISTED))
    return select(SupplyOffer).where(own)


def kept_by(who: Who) -> Select[SupplyOffer]:
    """The goods of the caller's own supplier."""
    return select(SupplyOffer).where(SupplyOffer.supplier_id.in_(suppliers.ids_of(who)))


def find(offer_id: UUID, *, among: Select[SupplyOffer]) -> SupplyOffer:
    """One good of those given. Raises SupplyOfferUnknown."""
    offer = session.scalar(among.where(SupplyOffer.id == offer_id))
    if offer is None:
        raise SupplyOfferUnknown()
    return offer


def _rows(tiers: Tiers) -> list[SupplyTier]:
    return [SupplyTier(from_cases=cases, price_minor=price) for cases, price in sorted(tiers)]


def _state(offer: SupplyOffer) -> dict[str, Any]:
    tiers = {str(tier.from_cases): tier.price_minor for tier in offer.tiers}
    return {"status": offer.status, "tiers": tiers}
