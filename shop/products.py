"""Products: what a farm offers, with its origin, and the words by which it is found."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Select, or_, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core import audit
from core.auth import Who
from core.db import Id, Model, new_id, one_of, session
from core.errors import IllegalMove, NotFound
from core.i18n import _
from logistics import regions
from shop import events, farms
from shop.farms import Farm
from shop.search import matches, tokens


class ProductUnknown(NotFound):
    """There is no such product, or the caller may not see it."""

    message = _("没有找到这个商品。")


class ProductKind(StrEnum):
    """What it is, as far as the rules differ: fresh goods have no seven-day return, but owe quality."""

    FRESH = "fresh"
    DRY = "dry"
    CRAFT = "craft"
    CULTURE = "culture"


class ProductStatus(StrEnum):
    """Draft is being written, listed is on sale, stopped is not sold for now."""

    DRAFT = "draft"
    LISTED = "listed"
    STOPPED = "stopped"


NEXT: dict[ProductStatus, set[ProductStatus]] = {
    ProductStatus.DRAFT: {ProductStatus.LISTED, ProductStatus.STOPPED},
    ProductStatus.LISTED: {ProductStatus.STOPPED},
    ProductStatus.STOPPED: {ProductStatus.LISTED},
}


class Product(Model):
    """One thing that one farm sells, from one village."""

    __tablename__ = "products"
    __table_args__ = (Index("ix_products_tokens", "tokens", postgresql_using="gin"),)

    id: Mapped[Id]
    farm_id: Mapped[UUID] = mapped_column(ForeignKey("farms.id"), index=True)
    name: Mapped[str]
    variety: Mapped[str] = mapped_column(default="")
    kind: Mapped[ProductKind] = mapped_column(one_of(ProductKind))
    description: Mapped[str] = mapped_column(default="")
    origin_region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"), index=True)
    status: Mapped[ProductStatus] = mapped_column(one_of(ProductStatus), default=ProductStatus.DRAFT)
    tokens: Mapped[list[str]]
    """What search looks at: name, variety, farm and origin, cut by `shop.search`."""
    created_at: Mapped[datetime]
    farm: Mapped[Farm] = relationship()


def add(
    farm: Farm,
    *,
    name: str,
    kind: ProductKind,
    variety: str = "",
    description: str = "",
    origin_region_code: str | None = None,
    status: ProductStatus = ProductStatus.DRAFT,
    by: UUID | None,
    now: datetime,
) -> Product:
    """A new product; its origin is the farm's village unless said otherwise.

    Raises RegionUnknown, RegionTooCoarse.
    """
    product = Product(
        id=new_id(now),
        farm=farm,
        name=name,
        variety=variety,
        kind=kind,
        description=description,
        origin_region_code=origin_region_code or farm.region_code,
        status=ProductStatus.DRAFT,
        created_at=now,
    )
    _describe(product)
    session.add(product)
    session.flush()
    audit.record("product:add", f"products:{product.id}", by=by, now=now, after={"name": name})
    if status is not ProductStatus.DRAFT:
        move_to(product, status, by=by, now=now)
    return product


def change(product: Product, changes: dict[str, Any], *, by: UUID, now: datetime) -> Product:
    """Correct what is said about a product, or list and stop it by `status`.

    Raises RegionUnknown, RegionTooCoarse, IllegalMove.
    """
    status = changes.pop("status", product.status)
    before = {field: getattr(product, field) for field in changes}
    for field, value in changes.items():
        setattr(product, field, value)
    _describe(product)
    session.flush()
    if changes:
        audit.record("product:change", f"products:{product.id}", by=by, now=now, before=before, after=dict(changes))
    if status is not product.status:
        move_to(product, status, by=by, now=now)
    return product


def list_for_sale(product: Product, *, by: UUID | None, now: datetime) -> None:
    """Put a product on the storefront. Raises IllegalMove."""
    move_to(product, ProductStatus.LISTED, by=by, now=now)


def stop(product: Product, *, by: UUID | None, now: datetime) -> None:
    """Take a product off the storefront; orders already placed go on. Raises IllegalMove."""
    move_to(product, ProductStatus.STOPPED, by=by, now=now)


def move_to(product: Product, status: ProductStatus, *, by: UUID | None, now: datetime) -> None:
    """Take one legal step and leave its row. Raises IllegalMove."""
    session.refresh(product, ["status"], with_for_update=True)
    if status not in NEXT[product.status]:
        raise IllegalMove(current=product.status, wanted=status)
    audit.record(
        f"product:{status}", f"products:{product.id}", by=by, now=now, before={"status": product.status}, after={}
    )
    product.status = status
    session.flush()
    if status is ProductStatus.LISTED:
        events.product_listed.send(product)


def visible_to(who: Who | None) -> Select[Product]:
    """What is listed, for everybody; for those who look after a farm, its drafts and stopped products too."""
    listed = Product.status == ProductStatus.LISTED
    if who is None:
        return select(Product).where(listed)
    return select(Product).where(or_(listed, Product.farm_id.in_(farms.visible_to(who).with_only_columns(Farm.id))))


def kept_by(who: Who) -> Select[Product]:
    """The products that a person may change."""
    return select(Product).where(Product.farm_id.in_(farms.visible_to(who).with_only_columns(Farm.id)))


def find(product_id: UUID, *, among: Select[Product]) -> Product:
    """One product of those given. Raises ProductUnknown."""
    product = session.scalar(among.where(Product.id == product_id))
    if product is None:
        raise ProductUnknown()
    return product


def about(query: Select[Product], words: str) -> Select[Product]:
    """The products of a query that a search text speaks of; an empty text speaks of all."""
    return query.where(matches(Product.tokens, words)) if words.strip() else query


def _describe(product: Product) -> None:
    """Check where it comes from and write down by which words it is found."""
    origin = regions.check_deliverable(product.origin_region_code)
    product.tokens = tokens(f"{product.name} {product.variety} {product.farm.name} {origin.full_name}")
