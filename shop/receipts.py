"""Receipts: the station scans what the van brought; whatever was ordered and is not there is short."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from core.db import session
from core.errors import Malformed
from core.i18n import _
from core.money import split
from logistics import delivery, parcels
from logistics.delivery import Collector, ProofKind
from logistics.moves import ParcelStatus
from logistics.parcels import Parcel
from shop import barcodes, events, shelf, wholesale
from shop.wholesale import WholesaleLine, WholesaleOrder, WholesaleStatus

AWAITED = (ParcelStatus.REGISTERED, ParcelStatus.STAGED)
AT_HAND = (ParcelStatus.ARRIVED, ParcelStatus.OUT_FOR_DELIVERY)


class NotOrdered(Malformed):
    """A scanned good is not on this order."""

    message = _("条码 {barcode} 不在这张单上。")


class MoreThanOrdered(Malformed):
    """More was counted than ordered: what is too much goes back, it is nobody's purchase."""

    message = _("“{name}”订了 {units}{unit}，数出来 {counted}{unit}。多出的请退回，不要入库。")


class CountNegative(Malformed):
    """Nobody counts fewer than none."""

    message = _("数量不能是负数。")


@dataclass(frozen=True)
class Count:
    """What the scanner saw of one good, in units: whole ones and damaged ones."""

    received_units: int
    damaged_units: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.received_units + other.received_units, self.damaged_units + other.damaged_units)


NOTHING = Count(0)


def receive(order: WholesaleOrder, scans: Sequence[tuple[str, Count]], *, by: UUID, now: datetime) -> WholesaleOrder:
    """Count an order in; several scans of one barcode are summed, what nobody scanned is short.

    Shelf, books and cartons follow.

    Raises IllegalMove, NotOrdered, MoreThanOrdered, CountNegative, BarcodeWrong.
    """
    seen = _by_barcode(order, scans)
    payable_minor = sum(_payable_minor(line, seen.get(line.barcode, NOTHING)) for line in order.lines)
    wholesale.move(order, WholesaleStatus.RECEIVED, by=by, now=now, payable_minor=payable_minor)
    for line in order.lines:
        _note(line, seen.get(line.barcode, NOTHING))
    session.flush()
    arrived = [shelf.Goods(line.barcode, line.name, line.unit, line.received_units or 0) for line in order.lines]
    shelf.put(order.station_id, arrived, reference=order.number, by=by, now=now)
    _close_cartons(order, by=by, now=now)
    events.wholesale_received.send(order, by=by, now=now)
    return order


def _by_barcode(order: WholesaleOrder, scans: Sequence[tuple[str, Count]]) -> dict[str, Count]:
    lines = {line.barcode: line for line in order.lines}
    seen: dict[str, Count] = {}
    for text, count in scans:
        barcode = barcodes.parse(text)
        if barcode not in lines:
            raise NotOrdered(barcode=barcode)
        if min(count.received_units, count.damaged_units) < 0:
            raise CountNegative()
        seen[barcode] = seen.get(barcode, NOTHING) + count
    for barcode, count in seen.items():
        line, counted = lines[barcode], count.received_units + count.damaged_units
        if counted > line.units:
            raise MoreThanOrdered(name=line.name, unit=line.unit, units=line.units, counted=counted)
    return seen


def _payable_minor(line: WholesaleLine, count: Count) -> int:
    """The line's total, shared by units between what is paid and what is not; the parts add up to the fen."""
    return split(line.total_minor, [count.received_units, line.units - count.received_units])[0]


def _note(line: WholesaleLine, count: Count) -> None:
    line.received_units = count.received_units
    line.damaged_units = count.damaged_units
    line.short_units = line.units - count.received_units - count.damaged_units


def _close_cartons(order: WholesaleOrder, *, by: UUID, now: datetime) -> None:
    """Cartons at the station are delivered: the count is the proof.

    Those that never went onto the van are taken back, since the supplier brought the goods himself. Those on the road
    stay the post's business until their dispatch is reconciled.
    """
    for carton in session.scalars(select(Parcel).where(Parcel.reference == order.number).order_by(Parcel.id)):
        if carton.status in AT_HAND:
            delivery.deliver(carton, proof=ProofKind.COUNTED, collector=Collector.STATION, by=by, now=now)
        elif carton.status in AWAITED:
            parcels.cancel(carton, by=by, now=now, reason="counted in at the station")
