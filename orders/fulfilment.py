"""Fulfilment: a paid order becomes parcels, one a pack, and hears from the post how they fare.

The post knows nothing of orders; the link between the two is here. Every piece of news is counted once per parcel, so
news that comes twice, or in another order than it happened, ends in the same state.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, exists, func, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from core import sealed
from core.clock import LOCAL
from core.db import Model, session
from logistics import events as post
from logistics import parcels, stations
from logistics.addresses import Address
from logistics.moves import ParcelStatus, sources
from logistics.parcels import Kind, NewParcel, Parcel
from logistics.stations import Station
from orders import events, hot, limits, moves
from orders.limits import Take
from orders.orders import Order, OrderLine, OrderStatus
from shop.packs import Pack

PACK_WITHIN = timedelta(hours=24)
"""When a station has no van stop, its boxes are packed within a day."""
DAY_ENDS = time(23, 59)


class OrderParcel(Model):
    """One pack of one line, in one parcel. What has happened to it is written once, with its time."""

    __tablename__ = "order_parcels"

    parcel_id: Mapped[UUID] = mapped_column(ForeignKey("parcels.id"), primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    line_id: Mapped[UUID] = mapped_column(ForeignKey("order_lines.id"), index=True)
    left_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None]
    returned_because: Mapped[str | None]
    """Why it could not be delivered (`logistics.delivery.Reason`)."""


ENDED_AT: ColumnElement[Any] = func.coalesce(OrderParcel.delivered_at, OrderParcel.returned_at)


@events.order_paid.connect
def prepare(order: Order, *, now: datetime) -> None:
    """Hand a paid order to its station as parcels. A sale without an address has none: nothing is sent by guess."""
    if order.station_id is None or order.detail_sealed is None:
        return
    lines = session.scalars(select(OrderLine).where(OrderLine.order_id == order.id).order_by(OrderLine.position))
    _register(order, [line for line in lines for _pack in range(line.quantity)], now)


def _register(order: Order, packs: list[OrderLine], now: datetime) -> None:
    """One parcel for each of these packs, and the links to their lines."""
    station = session.get_one(Station, order.station_id)
    fields = {field: sealed.open_field(order, field) for field in ("name", "phone", "detail")}
    to = Address(region_code=order.region_code or "", **fields)
    tares = select(Pack.id, Pack.tare_g).where(Pack.id.in_({line.pack_id for line in packs}))
    tare_g = {row.id: row.tare_g for row in session.execute(tares)}
    pack_by = _pack_by(station, order.ships_by, now)
    fresh = parcels.register_many(
        [
            NewParcel(
                station_id=station.id,
                reference=order.number,
                recipient=to,
                contents=f"{line.product_name} {line.pack_name}",
                promised_net_g=line.net_g,
                tare_g=tare_g[line.pack_id],
                pack_by=pack_by,
                pack_from=order.ships_from,
            )
            for line in packs
        ],
        now=now,
    )
    links = [
        {"parcel_id": parcel.id, "order_id": order.id, "line_id": line.id}
        for parcel, line in zip(fresh, packs, strict=True)
    ]
    session.execute(insert(OrderParcel), links)


def _pack_by(station: Station, ships_by: date | None, now: datetime) -> datetime:
    """Before the next van; a presale before the van of its last day, and never before its window opens."""
    soon = stations.next_van(station, now=now) or now + PACK_WITHIN
    if ships_by is None:
        return soon
    return max(soon, datetime.combine(ships_by, station.van_stop_time or DAY_ENDS, tzinfo=LOCAL))


def parcels_of(order: Order) -> Sequence[Parcel]:
    """The parcels of an order that were not withdrawn, oldest first."""
    of_order = select(OrderParcel.parcel_id).where(OrderParcel.order_id == order.id, OrderParcel.withdrawn_at.is_(None))
    return session.scalars(select(Parcel).where(Parcel.id.in_(of_order)).order_by(Parcel.id)).all()


def lock_parcels(order: Order) -> None:
    """Take the parcels of an order before the order itself, as every scan does, so that nobody waits in a ring."""
    of_order = select(OrderParcel.parcel_id).where(OrderParcel.order_id == order.id)
    session.execute(
        select(Parcel.id).where(Parcel.id.in_(of_order)).order_by(Parcel.id).with_for_update(of=Parcel, key_share=True)
    )


@post.parcel_moved.connect
def hear_moved(parcel: Parcel, *, now: datetime) -> None:
    """The first packed parcel of an order starts its packing."""
    if parcel.kind is Kind.ORDER and parcel.status is ParcelStatus.PACKED:
        link = session.get(OrderParcel, parcel.id)
        if link is not None:
            moves.move([link.order_id], OrderStatus.PACKING, now=now)


@post.parcel_dispatched.connect
def hear_dispatched(parcel: Parcel, *, now: datetime) -> None:
    """The pack has left: its grams leave the lot. With the last one the order is shipped."""
    link = _once(parcel.id, OrderParcel.left_at, now)
    if link is None:
        return
    order, line = session.get_one(Order, link.order_id), session.get_one(OrderLine, link.line_id)
    hot.move(hot.SHIP, {}, {line.lot_id: line.net_g}, reference=order.number, now=now)
    if _none_without(OrderParcel.left_at, order.id) and moves.move([order.id], OrderStatus.SHIPPED, now=now):
        events.order_shipped.send(order, now=now)


@post.parcel_delivered.connect
def hear_delivered(parcel: Parcel, *, now: datetime) -> None:
    """The pack is in the right hands."""
    hear_dispatched(parcel, now=now)  # it may have ridden along without a scan
    _ended(_once(parcel.id, OrderParcel.delivered_at, now), now)


@post.parcel_returned.connect
def hear_returned(parcel: Parcel, *, because: str, now: datetime) -> None:
    """The pack could not be delivered. It has left its lot and never goes back on the shelf by itself."""
    hear_dispatched(parcel, now=now)
    _ended(_once(parcel.id, OrderParcel.returned_at, now, returned_because=because), now)


def _ended(link: Any, now: datetime) -> None:
    """With the last pack that is delivered or came back, the order has ended (`orders.ending`)."""
    if link is not None and _none_without(ENDED_AT, link.order_id):
        events.order_ended.send(session.get_one(Order, link.order_id, populate_existing=True), now=now)


@post.parcel_cancelled.connect
def hear_cancelled(parcel: Parcel, *, now: datetime) -> None:
    """A parcel that the station took back is packed anew under a new number, unless it was withdrawn for a refund."""
    link = _once(parcel.id, OrderParcel.withdrawn_at, now)
    if link is not None:
        _register(session.get_one(Order, link.order_id), [session.get_one(OrderLine, link.line_id)], now)


def withdraw(order: Order, *, now: datetime, by: UUID | None, reason: str) -> bool:
    """Stop what is not on the van yet, and put those packs back on the shelf. True when all of the order was stopped.

    For a paid order that is refunded. A parcel on the van comes too late for it: that pack stays sold.
    """
    here = select(Parcel).join(OrderParcel, OrderParcel.parcel_id == Parcel.id)
    boxes = session.scalars(
        here.where(
            OrderParcel.order_id == order.id,
            OrderParcel.withdrawn_at.is_(None),
            Parcel.status.in_(sources(ParcelStatus.CANCELLED)),
        ).with_for_update(of=Parcel, key_share=True)
    ).all()
    stopped = session.scalars(
        update(OrderParcel)
        .where(OrderParcel.parcel_id.in_([box.id for box in boxes]))
        .values(withdrawn_at=now)
        .returning(OrderParcel.line_id)
        .execution_options(synchronize_session=False)
    ).all()
    for box in boxes:
        parcels.cancel(box, by=by, now=now, reason=reason)
    _restock(order, stopped, now)
    return not session.scalar(
        select(exists().where(OrderParcel.order_id == order.id, OrderParcel.withdrawn_at.is_(None)))
    )


def _restock(order: Order, line_ids: Sequence[UUID], now: datetime) -> None:
    """Give back one pack for each mention of a line."""
    grams: dict[UUID, int] = {}
    packs: dict[UUID, int] = {}
    lines = {line.id: line for line in session.scalars(select(OrderLine).where(OrderLine.id.in_(line_ids)))}
    for line in (lines[line_id] for line_id in line_ids):
        grams[line.lot_id] = grams.get(line.lot_id, 0) + line.net_g
        if line.offer_id is not None:
            packs[line.offer_id] = packs.get(line.offer_id, 0) + 1
    if order.buyer_id is not None:
        counted = [lines[line_id] for line_id in line_ids if lines[line_id].limited]
        limits.give_back((Take(order.buyer_id, line.offer_id or line.pack_id), 1) for line in counted)
    if grams:
        hot.move(hot.UNSELL, packs, grams, reference=order.number, now=now)


def _once(parcel_id: UUID, moment: InstrumentedAttribute[datetime | None], now: datetime, **also: str) -> Any:
    """Write a moment of a parcel that was not written yet; None when it was, or the parcel is no order's."""
    fresh = (
        update(OrderParcel)
        .where(OrderParcel.parcel_id == parcel_id, moment.is_(None), OrderParcel.withdrawn_at.is_(None))
        .values({moment.key: now} | also)
        .returning(OrderParcel.order_id, OrderParcel.line_id)
        .execution_options(synchronize_session=False)
    )
    return session.execute(fresh).one_or_none()


def _none_without(moment: ColumnElement[Any] | InstrumentedAttribute[datetime | None], order_id: UUID) -> bool:
    """Whether every parcel of an order that was not withdrawn has this moment. Locks the order, so that two parcels
    that end at the same time see each other."""
    session.execute(select(Order.id).where(Order.id == order_id).with_for_update(key_share=True))
    lacking = exists().where(OrderParcel.order_id == order_id, moment.is_(None), OrderParcel.withdrawn_at.is_(None))
    return not session.scalar(select(lacking))
