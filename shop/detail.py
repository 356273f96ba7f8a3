"""A product with all that its page tells: packs, harvest, photos, farm, station. One query, however much there is."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    ScalarSelect,
    Select,
    Text,
    Uuid,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from core import db
from core.auth import Who
from core.clock import local_day
from core.money import CURRENCY
from logistics.branches import NETWORK_ROLES
from logistics.regions import Region
from logistics.stations import Station
from shop import packs, products
from shop.catalogue import Card, for_presale, for_sale, left_of_lot
from shop.farms import Farm
from shop.lots import HarvestLot
from shop.packs import Pack, PackStatus
from shop.photos import ProductPhoto
from shop.presale import Days, window_of
from shop.products import Product, ProductUnknown


@dataclass(frozen=True)
class PackFacts:
    """A pack as a buyer sees it."""

    id: UUID
    product_id: UUID
    name: str
    net_g: int
    tare_g: int
    price_minor: int
    currency: str
    per_buyer_limit: int | None
    ships_from: date | None
    ships_by: date | None
    status: PackStatus


@dataclass(frozen=True)
class PackOffer:
    """A pack of a product and how many boxes of it can still be sold."""

    pack: PackFacts
    left: int
    of: int
    """How many there were to sell in all."""


@dataclass(frozen=True)
class LotFacts:
    """A harvest that boxes can be sold from."""

    code: str
    ready_on: date
    best_before: date
    weighed_at: datetime | None
    weighed_g: int
    """What the scale showed, as far as it was not written off."""
    ceiling_g: int
    left_g: int


@dataclass(frozen=True)
class PhotoFacts:
    """A picture of a product."""

    id: UUID
    product_id: UUID
    width: int
    height: int
    position: int


@dataclass(frozen=True)
class Detail:
    """Everything the page of a product tells."""

    card: Card
    description: str
    station_name: str
    packs: Sequence[PackOffer]
    lots: Sequence[LotFacts]
    photos: Sequence[PhotoFacts]


class Told(NamedTuple):
    """What the database says of a product in one moment."""

    facts: str
    """`read` tells what they mean; equal texts make equal pages."""
    van_stop_time: time | None


def find(product_id: UUID, *, who: Who | None = None, now: datetime) -> Detail:
    """A product with its packs, the harvest it comes from, and its photos. One query. Raises ProductUnknown."""
    return read(told(product_id, who=who, now=now).facts)


def told(product_id: UUID, *, who: Who | None = None, now: datetime) -> Told:
    """The facts of a product, unread. One query. Raises ProductUnknown."""
    given: dict[str, Any] = {"product_id": product_id, "day": local_day(now)}
    if who is not None:
        given["who"] = who.user_id
    rows = db.read(_question(who is None, who is not None and bool(who.roles & NETWORK_ROLES)), given)
    if not rows:
        raise ProductUnknown()
    return Told(facts=rows[0][0], van_stop_time=rows[0][1])


def read(facts: str) -> Detail:
    """What the facts of `told` mean."""
    told = json.loads(facts)
    day = date.fromisoformat(told["day"])
    lots = [_lot(lot) for lot in told["lots"]]
    sold_as = [_offer(_pack(pack), lots, day) for pack in told["packs"]]
    photos = [_photo(photo) for photo in told["photos"]]
    return Detail(
        card=_card(told["card"], sold_as, [lot for lot in lots if Days(day, day).fits(lot)], photos),
        description=told["description"],
        station_name=told["station_name"],
        packs=sold_as,
        lots=lots,
        photos=photos,
    )


def _offer(pack: PackFacts, lots: list[LotFacts], day: date) -> PackOffer:
    """What one lot, of those that this pack draws on, can still give."""
    window = window_of(pack)
    days = None if window.is_over(day) else window.days(day)
    fit = [lot for lot in lots if days and days.fits(lot)]
    fullest_g, all_g = max((lot.left_g for lot in fit), default=0), sum(lot.ceiling_g for lot in fit)
    return PackOffer(pack, fullest_g // pack.net_g, all_g // pack.net_g)


def _card(facts: dict[str, Any], sold_as: list[PackOffer], lots: list[LotFacts], photos: list[PhotoFacts]) -> Card:
    listed = [one for one in sold_as if one.pack.status is PackStatus.LISTED]
    ids = {name: UUID(facts[name]) for name in ("id", "farm_id", "station_id")}
    return Card(
        **facts | ids,
        price_from_minor=min((one.pack.price_minor for one in listed), default=None),
        currency=CURRENCY,
        left_g=sum(lot.left_g for lot in lots),
        photo_id=photos[0].id if photos else None,
        presale_from=min((one.pack.ships_from for one in listed if one.left and one.pack.ships_from), default=None),
    )


def _pack(facts: dict[str, Any]) -> PackFacts:
    ids = {name: UUID(facts[name]) for name in ("id", "product_id")}
    days = {name: date.fromisoformat(facts[name]) for name in ("ships_from", "ships_by") if facts[name]}
    return PackFacts(**facts | ids | days | {"status": PackStatus(facts["status"])})


def _lot(facts: dict[str, Any]) -> LotFacts:
    days = {name: date.fromisoformat(facts[name]) for name in ("ready_on", "best_before")}
    weighed = datetime.fromisoformat(facts["weighed_at"]) if facts["weighed_at"] else None
    return LotFacts(**facts | days | {"weighed_at": weighed})


def _photo(facts: dict[str, Any]) -> PhotoFacts:
    return PhotoFacts(**facts | {name: UUID(facts[name]) for name in ("id", "product_id")})


@cache
def _question(stranger: bool, network: bool) -> Select[str, time | None]:
    """The one query, made once for each kind of caller: `product_id`, `day` and, but for strangers, `who`."""
    caller: Any = bindparam("who", type_=Uuid())
    roles = frozenset(NETWORK_ROLES) if network else frozenset()
    who = None if stranger else Who(caller, roles, "", "", elder=False, permissions=frozenset())
    facts = _object(
        card=_object(
            id=Product.id,
            name=Product.name,
            variety=Product.variety,
            kind=Product.kind,
            farm_id=Product.farm_id,
            farm_name=Farm.name,
            station_id=Farm.station_id,
            origin_region_code=Product.origin_region_code,
            origin_name=Region.full_name,
            village=Region.name,
            status=Product.status,
        ),
        day=bindparam("day"),
        description=Product.description,
        station_name=Station.name,
        packs=_packs(who),
        lots=_lots(),
        photos=_photos(),
    )
    return (
        products.visible_to(who)
        .where(Product.id == bindparam("product_id"))
        .join(Farm, Farm.id == Product.farm_id)
        .join(Station, Station.id == Farm.station_id)
        .join(Region, Region.code == Product.origin_region_code)
        .with_only_columns(cast(facts, Text), Station.van_stop_time, maintain_column_froms=True)
    )


def _packs(who: Who | None) -> ScalarSelect[Any]:
    columns = (Pack.id, Pack.product_id, Pack.name, Pack.net_g, Pack.tare_g, Pack.price_minor, Pack.currency)
    terms = (Pack.per_buyer_limit, Pack.ships_from, Pack.ships_by, Pack.status)
    facts = {column.key: column for column in (*columns, *terms)}
    shown = select(Pack).where(Pack.product_id == Product.id, packs.shown_to(who))
    return _array(shown, facts, Pack.net_g, Pack.id)


def _lots() -> ScalarSelect[Any]:
    facts = {
        "code": HarvestLot.code,
        "ready_on": HarvestLot.ready_on,
        "best_before": HarvestLot.best_before,
        "weighed_at": HarvestLot.weighed_at,
        "weighed_g": HarvestLot.on_hand_g + HarvestLot.shipped_g,
        "ceiling_g": HarvestLot.ceiling_g,
        "left_g": left_of_lot(),
    }
    day = bindparam("day", type_=Date())
    ahead = exists().where(Pack.product_id == HarvestLot.product_id, Pack.status == PackStatus.LISTED, for_presale(day))
    drawn_on = or_(for_sale(day), ahead.correlate(HarvestLot))
    fit = select(HarvestLot).where(HarvestLot.product_id == Product.id, drawn_on)
    return _array(fit, facts, HarvestLot.best_before, HarvestLot.id)


def _photos() -> ScalarSelect[Any]:
    columns = (ProductPhoto.id, ProductPhoto.product_id, ProductPhoto.width, ProductPhoto.height, ProductPhoto.position)
    mine = select(ProductPhoto).where(ProductPhoto.product_id == Product.id)
    return _array(mine, {column.key: column for column in columns}, ProductPhoto.position)


def _object(**facts: Any) -> ColumnElement[Any]:
    named: list[Any] = []
    for name, fact in facts.items():
        named += literal_column(f"'{name}'"), fact
    return func.json_build_object(*named)


def _array(rows: Select[Any], facts: dict[str, Any], *order: Any) -> ScalarSelect[Any]:
    """Rows that hang on the product, as one JSON array in an order."""
    listed = func.json_agg(aggregate_order_by(_object(**facts), *order))
    return rows.with_only_columns(func.coalesce(listed, func.json_build_array())).correlate(Product).scalar_subquery()
