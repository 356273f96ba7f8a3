"""Wholesale: a station orders goods by the case, the supplier confirms and hands them to the post, the van brings them.

`shop.receipts` counts them in.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Select, UniqueConstraint, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.auth import Who
from core.db import Id, Model, among, new_id, one_of, session
from core.errors import IllegalMove, NotFound
from core.i18n import _
from core.money import CURRENCY
from core.permissions import Permission
from logistics import parcels, stations
from logistics.parcels import Kind, NewParcel
from shop import suppliers


class WholesaleOrderUnknown(NotFound):
    """There is no such order, or it is not the caller's."""

    message = _("没有找到这张批销单。")


class WholesaleStatus(StrEnum):
    """Where a wholesale order stands."""

    PLACED = "placed"
    CONFIRMED = "confirmed"
    SHIPPED = "shipped"
    RECEIVED = "received"
    CANCELLED = "cancelled"


S = WholesaleStatus

NEXT: dict[WholesaleStatus, frozenset[WholesaleStatus]] = {
    S.PLACED: frozenset({S.CONFIRMED, S.CANCELLED}),
    S.CONFIRMED: frozenset({S.SHIPPED, S.CANCELLED}),
    S.SHIPPED: frozenset({S.RECEIVED}),
    S.RECEIVED: frozenset(),
    S.CANCELLED: frozenset(),
}
"""Every legal step. Nothing else moves an order."""

WORDS = {
    S.PLACED: _("待确认"),
    S.CONFIRMED: _("备货中"),
    S.SHIPPED: _("配送中"),
    S.RECEIVED: _("已收货"),
    S.CANCELLED: _("已取消"),
}


class WholesaleOrder(Model):
    """What one station orders of one supplier. Prices are frozen when it is placed."""

    __tablename__ = "wholesale_orders"
    __table_args__ = (
        CheckConstraint(among("status", WholesaleStatus), name="status_known"),
        CheckConstraint("payable_minor BETWEEN 0 AND total_minor", name="payable_within_total"),
        CheckConstraint("(status = 'received') = (payable_minor IS NOT NULL)", name="payable_once_received"),
    )

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(unique=True)
    station_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"), index=True)
    supplier_id: Mapped[UUID] = mapped_column(ForeignKey("suppliers.id"), index=True)
    status: Mapped[WholesaleStatus] = mapped_column(one_of(WholesaleStatus))
    total_minor: Mapped[int] = mapped_column(BigInteger)
    payable_minor: Mapped[int | None] = mapped_column(BigInteger)
    """What is owed to the supplier once counted: short and damaged units are not paid."""
    currency: Mapped[str] = mapped_column(default=CURRENCY)
    deliver_on: Mapped[date]
    placed_at: Mapped[datetime]
    lines: Mapped[list["WholesaleLine"]] = relationship(order_by="WholesaleLine.position", lazy="selectin")


class WholesaleLine(Model):
    """One good of an order, in cases and in units; what arrived is counted in units."""

    __tablename__ = "wholesale_lines"
    __table_args__ = (
        UniqueConstraint("order_id", "position"),
        UniqueConstraint("order_id", "barcode"),
        CheckConstraint(
            "cases >= 1 AND case_factor >= 1 AND units = cases * case_factor", name="units_are_whole_cases"
        ),
        CheckConstraint("price_minor > 0 AND total_minor = cases * price_minor", name="total_is_cases_by_price"),
        CheckConstraint(
            "received_units >= 0 AND short_units >= 0 AND damaged_units >= 0"
            " AND received_units + short_units + damaged_units = units",
            name="nothing_lost_in_the_count",
        ),
        CheckConstraint("num_nulls(received_units, short_units, damaged_units) IN (0, 3)", name="counted_whole"),
    )

    id: Mapped[Id]
    order_id: Mapped[UUID] = mapped_column(ForeignKey("wholesale_orders.id"))
    position: Mapped[int]
    offer_id: Mapped[UUID] = mapped_column(ForeignKey("supply_offers.id"), index=True)
    barcode: Mapped[str]
    name: Mapped[str]
    unit: Mapped[str]
    case_factor: Mapped[int]
    cases: Mapped[int]
    units: Mapped[int]
    price_minor: Mapped[int] = mapped_column(BigInteger)
    """Fen a case, from the tier of the ordered cases."""
    total_minor: Mapped[int] = mapped_column(BigInteger)
    received_units: Mapped[int | None]
    short_units: Mapped[int | None]
    damaged_units: Mapped[int | None]


class WholesaleMove(Model):
    """One step of an order: what, who, when, why. Rows are added, never changed."""

    __tablename__ = "wholesale_moves"

    id: Mapped[Id]
    order_id: Mapped[UUID] = mapped_column(ForeignKey("wholesale_orders.id"), index=True)
    from_status: Mapped[WholesaleStatus | None] = mapped_column(one_of(WholesaleStatus))
    to_status: Mapped[WholesaleStatus] = mapped_column(one_of(WholesaleStatus))
    at: Mapped[datetime]
    by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str]


def confirm(order: WholesaleOrder, *, by: UUID, now: datetime) -> WholesaleOrder:
    """The supplier will deliver."""
    return move(order, S.CONFIRMED, by=by, now=now)


def cancel(order: WholesaleOrder, *, reason: str, by: UUID, now: datetime) -> WholesaleOrder:
    """The station or the supplier takes it back, as long as it has not left."""
    return move(order, S.CANCELLED, by=by, now=now, reason=reason)


def ship(order: WholesaleOrder, *, by: UUID, now: datetime) -> WholesaleOrder:
    """The supplier hands the goods to the branch: a closed carton a line, to ride the van to the station."""
    move(order, S.SHIPPED, by=by, now=now)
    cartons = [
        NewParcel(
            station_id=None,
            reference=order.number,
            recipient=None,
            contents=f"{line.name} × {line.cases}箱",
            promised_net_g=None,
            tare_g=0,
            pack_by=None,
            kind=Kind.GOODS,
            destination_station_id=order.station_id,
        )
        for line in order.lines
    ]
    parcels.register_many(cartons, now=now, by=by)
    return order


def move(
    order: WholesaleOrder, to: WholesaleStatus, *, by: UUID, now: datetime, reason: str = "", **facts: Any
) -> WholesaleOrder:
    """One legal step, compare-and-set, with its row. Raises IllegalMove."""
    seen = order.status
    moved = to in NEXT[seen] and session.scalar(
        update(WholesaleOrder)
        .where(WholesaleOrder.id == order.id, WholesaleOrder.status == seen)
        .values(status=to, **facts)
        .returning(WholesaleOrder.id)
    )
    session.refresh(order)
    if not moved:
        raise IllegalMove(current=WORDS[order.status], wanted=WORDS[to])
    log(order, seen, to, by=by, now=now, reason=reason)
    return order


def ordered_by(who: Who) -> Select[WholesaleOrder]:
    """The orders of the stations that are the caller's business."""
    return select(WholesaleOrder).where(WholesaleOrder.station_id.in_(stations.managed_by(who)))


def supplied_by(who: Who) -> Select[WholesaleOrder]:
    """The orders to the caller's own supplier."""
    return select(WholesaleOrder).where(WholesaleOrder.supplier_id.in_(suppliers.ids_of(who)))


def dealt_by(who: Who) -> Select[WholesaleOrder]:
    """The orders that the caller is a side of: of the station where he may order, or to his own supplier."""
    mine = WholesaleOrder.supplier_id.in_(suppliers.ids_of(who))
    if who.may(Permission.WHOLESALE_ORDER):
        return select(WholesaleOrder).where(or_(mine, WholesaleOrder.station_id.in_(stations.managed_by(who))))
    return select(WholesaleOrder).where(mine)


def visible_to(who: Who) -> Select[WholesaleOrder]:
    """Both sides see an order: the station that placed it, the supplier that fills it."""
    mine = WholesaleOrder.station_id.in_(stations.managed_by(who))
    return select(WholesaleOrder).where(or_(mine, WholesaleOrder.supplier_id.in_(suppliers.ids_of(who))))


def find(number: str, *, among: Select[WholesaleOrder]) -> WholesaleOrder:
    """One order of those given, by its number. Raises WholesaleOrderUnknown."""
    order = session.scalar(among.where(WholesaleOrder.number == number))
    if order is None:
        raise WholesaleOrderUnknown()
    return order


def log(
    order: WholesaleOrder,
    seen: WholesaleStatus | None,
    to: WholesaleStatus,
    *,
    by: UUID,
    now: datetime,
    reason: str = "",
) -> None:
    session.add(
        WholesaleMove(
            id=new_id(now), order_id=order.id, from_status=seen, to_status=to, at=now, by=by, reason=reason.strip()
        )
    )
    session.flush()
