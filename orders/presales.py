"""Presales that will be late, or whose fruit will be gone: the dates of a lot were changed after it was sold.

The buyer agreed to days, and they stay. When the farm says that the lot will be ready after them, or past its date
before them, the station has it on its work list and the buyer reads it on her order; either may call the order off.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, or_, select

from core.db import session
from logistics.moves import ParcelStatus
from logistics.parcels import Parcel
from orders.fulfilment import OrderParcel
from orders.orders import Order, OrderLine, OrderStatus
from shop.lots import HarvestLot

SHOWN = 50
NOT_PACKED = frozenset({OrderStatus.AWAITING_PAYMENT, OrderStatus.PAID})
MISSED = or_(HarvestLot.ready_on > Order.ships_by, HarvestLot.best_before < Order.ships_from)


def at_risk(station_id: UUID, *, limit: int = SHOWN) -> list[Row[Any]]:
    """Lines of a station whose boxes are not packed and whose lot misses their days, the earliest promise first."""
    query = (
        select(
            Order.number, Order.ships_from, Order.ships_by, OrderLine.product_name, OrderLine.pack_name,
            HarvestLot.code.label("lot_code"), HarvestLot.ready_on, HarvestLot.best_before,
            func.count().label("boxes"), func.sum(OrderLine.price_minor).label("worth_minor"),
        )
        .select_from(Parcel)
        .join(OrderParcel, OrderParcel.parcel_id == Parcel.id)
        .join(Order, Order.id == OrderParcel.order_id)
        .join(OrderLine, OrderLine.id == OrderParcel.line_id)
        .join(HarvestLot, HarvestLot.id == OrderLine.lot_id)
        .where(Parcel.station_id == station_id, Parcel.status == ParcelStatus.REGISTERED)
        .where(Parcel.pack_from.is_not(None), MISSED)
        .group_by(Order.id, OrderLine.id, HarvestLot.id)
        .order_by(Order.ships_by, Order.id)
        .limit(limit)
    )  # fmt: skip
    return list(session.execute(query))


def missed_by(order: Order) -> HarvestLot | None:
    """The lot of an order, not packed yet, that misses the days which were agreed; usually none does."""
    if order.ships_by is None or order.status not in NOT_PACKED:
        return None
    lots = select(HarvestLot).join(OrderLine, OrderLine.lot_id == HarvestLot.id).join(Order)
    return session.scalars(lots.where(Order.id == order.id, MISSED).limit(1)).first()
