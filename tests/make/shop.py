"""Makers of what farms offer."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from core.clock import local_day
from logistics.stations import Station
from shop import farms, lots, packs, products
from shop.farms import Farm
from shop.lots import HarvestLot
from shop.packs import Pack
from shop.products import Product, ProductKind
from tests import make

MORNING = datetime(2026, 8, 13, 2, 0, tzinfo=UTC)
"""Ten o'clock in Shanghai, in the middle of the yellow peaches."""


def farm(
    *,
    name: str = "向大山家",
    station: Station | None = None,
    member_id: UUID | None = None,
    region_code: str | None = None,
    now: datetime = MORNING,
) -> Farm:
    """A farm at a station."""
    home = station or make.station()
    return farms.register(
        name=name,
        station_id=home.id,
        region_code=region_code or home.region_code,
        member_id=member_id,
        by=None,
        now=now,
    )


def product(
    *,
    farm: Farm | None = None,
    name: str = "溆浦黄桃",
    kind: ProductKind = ProductKind.FRESH,
    listed: bool = True,
    now: datetime = MORNING,
    **more: Any,
) -> Product:
    """A product, listed unless told otherwise."""
    made = products.add(farm or make.farm(now=now), name=name, kind=kind, by=None, now=now, **more)
    if listed:
        products.list_for_sale(made, by=None, now=now)
    return made


def pack(
    *,
    product: Product | None = None,
    name: str = "5斤装(净重)",
    net_g: int = 2_500,
    tare_g: int = 300,
    price_minor: int = 2_990,
    now: datetime = MORNING,
    **more: Any,
) -> Pack:
    """A pack of five jin for ¥29.90."""
    made = product or make.product(now=now)
    return packs.add(made, name=name, net_g=net_g, tare_g=tare_g, price_minor=price_minor, by=None, now=now, **more)


def lot(
    *,
    product: Product | None = None,
    low_g: int = 400_000,
    likely_g: int | None = None,
    high_g: int | None = None,
    ready_on: date | None = None,
    best_before: date | None = None,
    now: datetime = MORNING,
    **more: Any,
) -> HarvestLot:
    """A lot that is ready today and keeps for five days; its low bound is what may be promised."""
    return lots.add(
        product or make.product(now=now),
        low_g=low_g,
        likely_g=likely_g or low_g,
        high_g=high_g or likely_g or low_g,
        ready_on=ready_on or local_day(now),
        best_before=best_before or local_day(now) + timedelta(days=5),
        by=None,
        now=now,
        **more,
    )
