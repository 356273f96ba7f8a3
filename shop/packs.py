"""Packs: the sizes in which a product is sold, each with its net weight and price."""

from collections.abc import Collection
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Select, select
from sqlalchemy.orm import Mapped, contains_eager, mapped_column, relationship

from core import audit
from core.auth import Who
from core.db import Id, Model, new_id, one_of, session
from core.errors import Conflict, NotFound
from core.i18n import _
from core.money import CURRENCY
from shop import farms, products
from shop.farms import Farm
from shop.presale import READY, ShipWindow, window_of
from shop.products import Product, ProductStatus


class PackUnknown(NotFound):
    """There is no such pack, or the caller may not see it."""

    message = _("没有找到这种规格。")


class PackStopped(Conflict):
    """The pack, or its product, is not on sale."""

    message = _("“{pack}”已经停售。")


class PackStatus(StrEnum):
    """Listed packs can be ordered as long as their product is listed."""

    LISTED = "listed"
    STOPPED = "stopped"


class Pack(Model):
    """A product in a box: 5斤装(净重) is 2,500 g net. The price holds for the net weight, freight included."""

    __tablename__ = "packs"
    __table_args__ = (
        CheckConstraint("net_g > 0 AND tare_g >= 0", name="weighs"),
        CheckConstraint("price_minor > 0", name="priced"),
        CheckConstraint("per_buyer_limit > 0", name="limit_positive"),
        CheckConstraint("floor_minor > 0", name="floor_positive"),
        CheckConstraint("(ships_from IS NULL) = (ships_by IS NULL) AND ships_from <= ships_by", name="ship_window"),
    )

    id: Mapped[Id]
    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.id"), index=True)
    name: Mapped[str]
    net_g: Mapped[int]
    tare_g: Mapped[int] = mapped_column(default=0)
    price_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(default=CURRENCY)
    floor_minor: Mapped[int | None]
    """Below this a live host has to say the price twice; where it is not set, half of the list price stands for it."""
    per_buyer_limit: Mapped[int | None]
    ships_from: Mapped[date | None]
    """A presale leaves in these days, and draws on what can be picked in them (`shop.presale`)."""
    ships_by: Mapped[date | None]
    status: Mapped[PackStatus] = mapped_column(one_of(PackStatus), default=PackStatus.LISTED)
    created_at: Mapped[datetime]
    product: Mapped[Product] = relationship()


def add(
    product: Product,
    *,
    name: str,
    net_g: int,
    price_minor: int,
    tare_g: int = 0,
    per_buyer_limit: int | None = None,
    floor_minor: int | None = None,
    ships: ShipWindow = READY,
    by: UUID | None,
    now: datetime,
) -> Pack:
    """A new pack, on sale as soon as its product is. Raises what `ShipWindow.check` raises."""
    ships.check(now=now)
    pack = Pack(
        id=new_id(now),
        product=product,
        name=name,
        net_g=net_g,
        tare_g=tare_g,
        price_minor=price_minor,
        currency=CURRENCY,
        floor_minor=floor_minor,
        per_buyer_limit=per_buyer_limit,
        **ships._asdict(),
        status=PackStatus.LISTED,
        created_at=now,
    )
    session.add(pack)
    session.flush()
    after = {"net_g": net_g, "price_minor": price_minor}
    audit.record("pack:add", f"packs:{pack.id}", by=by, now=now, after=after)
    return pack


def change(pack: Pack, changes: dict[str, Any], *, by: UUID, now: datetime) -> Pack:
    """Change name, price, limit, ship window or status. The net weight stays: another weight is another pack.

    Raises what `ShipWindow.check` raises; without days it is sold from what is ready.
    """
    if days := {name: changes[name] for name in ShipWindow._fields if name in changes}:
        window_of(pack)._replace(**days).check(now=now)
    before = {field: getattr(pack, field) for field in changes}
    for field, value in changes.items():
        setattr(pack, field, value)
    session.flush()
    audit.record("pack:change", f"packs:{pack.id}", by=by, now=now, before=before, after=dict(changes))
    return pack


def on_sale(pack_ids: Collection[UUID]) -> dict[UUID, Pack]:
    """Packs that can be ordered now, with product and farm, in one query. Raises PackUnknown, PackStopped."""
    joined = select(Pack).where(Pack.id.in_(pack_ids)).join(Pack.product).join(Product.farm)
    query = joined.options(contains_eager(Pack.product).contains_eager(Product.farm))
    found = {pack.id: pack for pack in session.scalars(query)}
    if len(found) < len(set(pack_ids)):
        raise PackUnknown()
    for pack in found.values():
        if pack.status is not PackStatus.LISTED or pack.product.status is not ProductStatus.LISTED:
            raise PackStopped(pack=pack.name)
    return found


def visible_to(who: Who | None) -> Select[Pack]:
    """Listed packs of listed products for everybody; all packs for those who look after their farm."""
    seen = products.visible_to(who).with_only_columns(Product.id)
    query = select(Pack).where(Pack.product_id.in_(seen))
    if who is None:
        return query.where(Pack.status == PackStatus.LISTED)
    kept = products.kept_by(who).with_only_columns(Product.id)
    return query.where((Pack.status == PackStatus.LISTED) | Pack.product_id.in_(kept))


def shown_to(who: Who | None) -> ColumnElement[bool]:
    """Which packs of a product that a person sees he sees with it: those of `visible_to`."""
    listed = Pack.status == PackStatus.LISTED
    if who is None:
        return listed
    return listed | Product.farm_id.in_(farms.visible_to(who).with_only_columns(Farm.id))


def kept_by(who: Who) -> Select[Pack]:
    """The packs that a person may change."""
    return select(Pack).where(Pack.product_id.in_(products.kept_by(who).with_only_columns(Product.id)))


def of_product(query: Select[Pack], product_id: UUID | None) -> Select[Pack]:
    """The packs of a query that belong to one product; without a product, all of them."""
    return query if product_id is None else query.where(Pack.product_id == product_id)


def find(pack_id: UUID, *, among: Select[Pack]) -> Pack:
    """One pack of those given. Raises PackUnknown."""
    pack = session.scalar(among.where(Pack.id == pack_id))
    if pack is None:
        raise PackUnknown()
    return pack
