"""The storefront: what is on sale, what is left of it, and from which village. Few queries, however long the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, Row, ScalarSelect, Select, exists, func, select

from core.auth import Who
from core.clock import local_day
from core.db import session
from core.money import CURRENCY
from core.paging import Page, page
from logistics.regions import Region
from shop import products
from shop.farms import Farm
from shop.lots import HarvestLot, LotStatus
from shop.packs import Pack, PackStatus
from shop.photos import ProductPhoto
from shop.products import Product, ProductStatus


@dataclass(frozen=True)
class Card:
    """A product as a list shows it."""

    id: UUID
    name: str
    variety: str
    kind: str
    farm_id: UUID
    farm_name: str
    station_id: UUID
    origin_region_code: str
    origin_name: str
    village: str
    """The last and smallest part of the origin."""
    status: str
    price_from_minor: int | None
    currency: str
    left_g: int
    photo_id: UUID | None
    presale_from: date | None = None
    """The first day on which a presale of it leaves, where one can be ordered now."""


@dataclass(frozen=True)
class Village:
    """A place that has something on sale."""

    code: str
    name: str
    full_name: str
    products: int


def search(
    words: str = "",
    *,
    who: Who | None = None,
    farm_id: UUID | None = None,
    village: str | None = None,
    on_sale: bool = False,
    after: UUID | str | None = None,
    limit: int = 20,
    now: datetime,
) -> Page[Card]:
    """A page of products, newest first, that a search text speaks of. Two queries.

    `village` narrows to a place of origin, `on_sale` to what has something left today.
    """
    query = products.about(products.visible_to(who), words)
    if farm_id is not None:
        query = query.where(Product.farm_id == farm_id)
    if village is not None:
        query = query.where(Product.origin_region_code.startswith(village, autoescape=True))
    if on_sale:
        query = query.where(_on_sale(local_day(now)))
    found = page(query, model=Product, after=after, limit=limit)
    return Page(cards([product.id for product in found.items], now=now), found.next)


def on_sale_today(*, now: datetime, limit: int = 12) -> list[Card]:
    """What was listed last and has something left."""
    return search(on_sale=True, limit=limit, now=now).items


def cards(product_ids: Sequence[UUID], *, now: datetime) -> list[Card]:
    """Cards of these products, in their order, in one query."""
    found = {row.Product.id: _card(row) for row in session.execute(_cards(product_ids, local_day(now)))}
    return [found[product_id] for product_id in product_ids]


def villages(*, now: datetime) -> list[Village]:
    """The places that have something on sale today, those with most products first. One query."""
    count = func.count()
    listed = Product.status == ProductStatus.LISTED
    rows = session.execute(
        select(Region.code, Region.name, Region.full_name, count)
        .select_from(Product)
        .join(Region, Region.code == Product.origin_region_code)
        .where(listed, _on_sale(local_day(now)))
        .group_by(Region.code)
        .order_by(count.desc(), Region.code)
    )
    return [Village(*row) for row in rows]


def for_sale(day: date | BindParameter[date]) -> ColumnElement[bool]:
    """A lot that may be sold on a day."""
    return (HarvestLot.status == LotStatus.OPEN) & (HarvestLot.ready_on <= day) & (HarvestLot.best_before >= day)


def for_presale(day: date | BindParameter[date]) -> ColumnElement[bool]:
    """A lot that a listed presale pack of the same product can be sold from on a day."""
    fits = (HarvestLot.ready_on <= Pack.ships_by) & (HarvestLot.best_before >= func.greatest(Pack.ships_from, day))
    return (HarvestLot.status == LotStatus.OPEN) & (Pack.ships_by > day) & fits


def left_of_lot() -> ColumnElement[int]:
    """What can still be promised of a lot, in grams."""
    return func.greatest(0, HarvestLot.ceiling_g - HarvestLot.held_g - HarvestLot.allocated_g)


def _of_listed_packs(column: Any) -> ScalarSelect[Any]:
    """The least of a column over the listed packs of the outer product."""
    listed = Pack.status == PackStatus.LISTED
    return select(func.min(column)).where(Pack.product_id == Product.id, listed).scalar_subquery()


def _on_sale(day: date) -> ColumnElement[bool]:
    """A product of which at least its smallest pack is left in one lot."""
    enough = left_of_lot() >= _of_listed_packs(Pack.net_g)
    return exists().where(HarvestLot.product_id == Product.id, for_sale(day), enough)


def _presale_from(day: date) -> ScalarSelect[Any]:
    """When the first presale of the outer product leaves that can be ordered on a day."""
    enough = left_of_lot() >= Pack.net_g
    sold = exists().where(HarvestLot.product_id == Pack.product_id, for_presale(day), enough).correlate(Pack)
    listed = Pack.status == PackStatus.LISTED
    query = select(func.min(Pack.ships_from)).where(Pack.product_id == Product.id, listed, Pack.ships_by > day, sold)
    return query.scalar_subquery()


def _cards(product_ids: Sequence[UUID], day: date) -> Select[Any]:
    left_g = select(func.coalesce(func.sum(left_of_lot()), 0)).where(HarvestLot.product_id == Product.id, for_sale(day))
    photo = (
        select(ProductPhoto.id).where(ProductPhoto.product_id == Product.id).order_by(ProductPhoto.position).limit(1)
    )
    return (
        select(
            Product,
            Farm.name.label("farm_name"),
            Farm.station_id,
            Region.name.label("village"),
            Region.full_name.label("origin_name"),
            _of_listed_packs(Pack.price_minor).label("price_from_minor"),
            left_g.scalar_subquery().label("left_g"),
            photo.scalar_subquery().label("photo_id"),
            _presale_from(day).label("presale_from"),
        )
        .join(Farm, Farm.id == Product.farm_id)
        .join(Region, Region.code == Product.origin_region_code)
        .where(Product.id.in_(product_ids))
    )


def _card(row: Row[Any]) -> Card:
    product: Product = row.Product
    return Card(
        id=product.id,
        name=product.name,
        variety=product.variety,
        kind=product.kind,
        farm_id=product.farm_id,
        farm_name=row.farm_name,
        station_id=row.station_id,
        origin_region_code=product.origin_region_code,
        origin_name=row.origin_name,
        village=row.village,
        status=product.status,
        price_from_minor=row.price_from_minor,
        currency=CURRENCY,
        left_g=int(row.left_g),
        photo_id=row.photo_id,
        presale_from=row.presale_from,
    )
