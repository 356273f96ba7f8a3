"""Restocking: a station orders goods for its shelf, by the case and of one supplier, at the prices of the day."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Sequence as NumberSequence
from sqlalchemy import select

from core.clock import local_day
from core.db import Model, new_id, session
from core.errors import Conflict, Malformed
from core.i18n import _
from core.money import CURRENCY
from logistics import stations
from logistics.branches import Branch
from logistics.stations import Station
from shop import supply, wholesale
from shop.supply import SupplyOffer, SupplyOfferUnknown, SupplyStatus, SupplyStopped
from shop.wholesale import WholesaleLine, WholesaleOrder, WholesaleStatus

NUMBERS = NumberSequence("wholesale_order_numbers", metadata=Model.metadata)
LINES_MAX = 50


class OrderEmpty(Malformed):
    """An order has 1 to 50 lines."""

    message = _("请选要订的货，最多 {most} 种。")


class BelowSmallestOrder(Malformed):
    """The supplier sends no fewer cases."""

    message = _("“{name}”最少订 {min_cases} 箱。")


class TooManyCases(Malformed):
    """More than the van could bring."""

    message = _("“{name}”最多订 {most} 箱。")


class SeveralSuppliers(Malformed):
    """One order goes to one supplier."""

    message = _("一张单只能订一家供应商的货。")


class StationMissing(Conflict):
    """Only people of a station order for its shelf."""

    message = _("您不在任何站点，不能订货。")


def place(lines: Sequence[tuple[UUID, int]], *, by: UUID, now: datetime) -> WholesaleOrder:
    """Order goods, as (supply offer, cases), for the station where `by` works. The same good twice is summed.

    Raises StationMissing, OrderEmpty, SeveralSuppliers, BelowSmallestOrder, TooManyCases, SupplyOfferUnknown,
    SupplyStopped.
    """
    station = stations.of_keeper(by)
    if station is None:
        raise StationMissing()
    cases: Counter[UUID] = Counter()
    for offer_id, count in lines:
        cases[offer_id] += count
    offers = _wanted(cases)
    priced = [_line(offer, cases[offer.id], position) for position, offer in enumerate(offers, start=1)]
    order = WholesaleOrder(
        id=new_id(now),
        number=_next_number(station, now),
        station_id=station.id,
        supplier_id=offers[0].supplier_id,
        status=WholesaleStatus.PLACED,
        total_minor=sum(line.total_minor for line in priced),
        currency=CURRENCY,
        deliver_on=max(supply.next_delivery(offer.delivery_weekday, now=now) for offer in offers),
        placed_at=now,
        lines=priced,
    )
    session.add(order)
    session.flush()
    wholesale.log(order, None, WholesaleStatus.PLACED, by=by, now=now)
    return order


def _wanted(cases: Mapping[UUID, int]) -> Sequence[SupplyOffer]:
    if not 0 < len(cases) <= LINES_MAX:
        raise OrderEmpty(most=LINES_MAX)
    offers = session.scalars(select(SupplyOffer).where(SupplyOffer.id.in_(cases)).order_by(SupplyOffer.id)).all()
    if len(offers) < len(cases):
        raise SupplyOfferUnknown()
    if len({offer.supplier_id for offer in offers}) > 1:
        raise SeveralSuppliers()
    for offer in offers:
        if offer.status is not SupplyStatus.LISTED:
            raise SupplyStopped(name=offer.name)
        if cases[offer.id] < offer.min_cases:
            raise BelowSmallestOrder(name=offer.name, min_cases=offer.min_cases)
        if cases[offer.id] > supply.CASES_MAX:
            raise TooManyCases(name=offer.name, most=supply.CASES_MAX)
    return offers


def _line(offer: SupplyOffer, cases: int, position: int) -> WholesaleLine:
    price_minor = supply.price_of(offer.tiers, cases)
    return WholesaleLine(
        position=position,
        offer_id=offer.id,
        barcode=offer.barcode,
        name=offer.name,
        unit=offer.unit,
        case_factor=offer.case_factor,
        cases=cases,
        units=cases * offer.case_factor,
        price_minor=price_minor,
        total_minor=cases * price_minor,
    )


def _next_number(station: Station, now: datetime) -> str:
    """PX, branch code, day, running number: any door can tell whose it is."""
    number = session.scalar(NUMBERS)
    code = session.scalars(select(Branch.code).where(Branch.id == station.branch_id)).one()
    return f"PX{code}{local_day(now):%y%m%d}{number % 1_000_000:06d}"
