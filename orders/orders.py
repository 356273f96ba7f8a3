"""Orders: what somebody wants, at a price fixed when it was asked, and every step it took since."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Select, UniqueConstraint, or_, select, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core import db
from core.auth import Who
from core.db import Id, Model, one_of, session
from core.errors import NotFound
from core.i18n import _
from core.money import CURRENCY
from core.permissions import Role
from logistics import stations
from shop.farms import FarmMember
from shop.live import LiveSession


class OrderStatus(StrEnum):
    """Where an order is on its way from the claim to the door."""

    AWAITING_PAYMENT = "awaiting_payment"  # its goods are held until `pay_by`
    PAID = "paid"
    PACKING = "packing"  # at least one of its parcels is packed
    SHIPPED = "shipped"  # all of its parcels left the station
    DELIVERED = "delivered"
    COMPLETED = "completed"  # the money is shared out
    CANCELLED = "cancelled"  # by a person, before it was paid
    EXPIRED = "expired"  # by the clock, before it was paid
    REFUNDED = "refunded"  # all of its money went back


S = OrderStatus

NEXT: dict[OrderStatus, frozenset[OrderStatus]] = {
    S.AWAITING_PAYMENT: frozenset({S.PAID, S.CANCELLED, S.EXPIRED}),
    S.PAID: frozenset({S.PACKING, S.SHIPPED, S.REFUNDED}),
    S.PACKING: frozenset({S.SHIPPED, S.REFUNDED}),
    S.SHIPPED: frozenset({S.DELIVERED, S.COMPLETED, S.REFUNDED}),  # completed: all came back and the sale stands
    S.DELIVERED: frozenset({S.COMPLETED, S.REFUNDED}),
    S.COMPLETED: frozenset({S.REFUNDED}),
    S.CANCELLED: frozenset(),
    S.EXPIRED: frozenset({S.PAID}),  # paid too late, and the goods could be taken again
    S.REFUNDED: frozenset(),
}
"""Every legal move. Nothing else changes the status of an order."""


class Channel(StrEnum):
    """Where an order was placed."""

    WEB = "web"
    LIVE = "live"
    COUNTER = "counter"
    TMALL_REPORT = "tmall-report"
    KUAISHOU = "kuaishou"
    DOUYIN = "douyin"


class OrderUnknown(NotFound):
    """No such order, or it is not for these eyes."""

    message = _("没有找到这个订单。")


class Order(Model):
    """One buyer's order at one station. Prices include freight (包邮).

    An order from a platform's report may have neither buyer nor station nor address: it is a sale in the books, and
    nothing that could be sent by guess.
    """

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint(db.among("status", OrderStatus), name="status"),
        CheckConstraint(db.among("channel", Channel), name="channel"),
        CheckConstraint("total_minor >= 0", name="total_not_negative"),
        CheckConstraint("refunded_minor BETWEEN 0 AND total_minor", name="refunded_within_total"),
        CheckConstraint("(ships_from IS NULL) = (ships_by IS NULL) AND ships_from <= ships_by", name="ship_window"),
        UniqueConstraint("channel", "external_number"),
        UniqueConstraint("buyer_id", "placing_key"),
        Index("ix_orders_buyer_id_id", "buyer_id", "id"),
        Index("ix_orders_station_id_id", "station_id", "id"),
        Index("ix_orders_pay_by", "pay_by", postgresql_where=text("status = 'awaiting_payment'")),
    )

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(unique=True)
    channel: Mapped[Channel] = mapped_column(one_of(Channel))
    status: Mapped[OrderStatus] = mapped_column(one_of(OrderStatus))
    buyer_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    station_id: Mapped[UUID | None] = mapped_column(ForeignKey("stations.id"))
    session_id: Mapped[UUID | None] = mapped_column(ForeignKey("live_sessions.id"), index=True)
    total_minor: Mapped[int]
    refunded_minor: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str] = mapped_column(default=CURRENCY)
    placed_at: Mapped[datetime]
    pay_by: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    region_code: Mapped[str | None] = mapped_column(ForeignKey("regions.code"))
    name_sealed: Mapped[bytes | None]
    phone_sealed: Mapped[bytes | None]
    phone_index: Mapped[bytes | None] = mapped_column(index=True)
    phone_tail: Mapped[str | None]
    detail_sealed: Mapped[bytes | None]
    external_number: Mapped[str | None]
    placing_key: Mapped[bytes | None]
    """The caller's idempotency key, as a hash: asked again with it, this order is the answer."""
    placing_print: Mapped[bytes | None]
    """A hash of what was asked with the key."""
    ships_from: Mapped[date | None]
    """The days in which a presale leaves, as the buyer agreed to them; whatever becomes of pack and offer."""
    ships_by: Mapped[date | None]

    lines: Mapped[list["OrderLine"]] = relationship(order_by="OrderLine.position", viewonly=True)
    moves: Mapped[list["OrderMove"]] = relationship(order_by="OrderMove.id", viewonly=True)


class OrderLine(Model):
    """So many packs of one kind, drawn on one lot. Names and price are those of the moment of the order."""

    __tablename__ = "order_lines"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("net_g > 0", name="net_positive"),
        CheckConstraint("price_minor >= 0 AND total_minor = price_minor * quantity", name="total_is_the_product"),
        CheckConstraint("refunded_minor BETWEEN 0 AND total_minor", name="refunded_within_total"),
        UniqueConstraint("order_id", "position"),
        Index("ix_order_lines_farm_id_order_id", "farm_id", "order_id"),
    )

    id: Mapped[Id]
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    position: Mapped[int]
    pack_id: Mapped[UUID] = mapped_column(ForeignKey("packs.id"))
    offer_id: Mapped[UUID | None] = mapped_column(ForeignKey("live_offers.id"), index=True)
    lot_id: Mapped[UUID] = mapped_column(ForeignKey("harvest_lots.id"), index=True)
    farm_id: Mapped[UUID] = mapped_column(ForeignKey("farms.id"))
    product_name: Mapped[str]
    pack_name: Mapped[str]
    quantity: Mapped[int]
    net_g: Mapped[int]
    price_minor: Mapped[int]
    total_minor: Mapped[int]
    refunded_minor: Mapped[int] = mapped_column(default=0)
    limited: Mapped[bool] = mapped_column(default=False)
    """Whether the line counts against a limit per buyer (`orders.limits`)."""

    @property
    def grams(self) -> int:
        """What the line takes from its lot."""
        return self.net_g * self.quantity


class OrderMove(Model):
    """One step of one order: what it was, what it became, when, by whom and why. Never changed."""

    __tablename__ = "order_moves"
    __table_args__ = (
        CheckConstraint(db.among("was", OrderStatus), name="was"),
        CheckConstraint(db.among("became", OrderStatus), name="became"),
    )

    id: Mapped[Id]
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    was: Mapped[OrderStatus | None] = mapped_column(one_of(OrderStatus))
    became: Mapped[OrderStatus] = mapped_column(one_of(OrderStatus))
    at: Mapped[datetime]
    by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str] = mapped_column(default="")


def visible_to(who: Who) -> Select[Order]:
    """The orders that a person may see: one's own, those of one's farm, live room, station or branch."""
    orders = select(Order)
    if who.roles & {Role.ADMIN, Role.PROVINCE}:
        return orders
    mine = [Order.buyer_id == who.user_id]
    if Role.HOST in who.roles:
        mine.append(Order.session_id.in_(select(LiveSession.id).where(LiveSession.host_id == who.user_id)))
    if Role.FARMER in who.roles:
        farms = select(FarmMember.farm_id).where(FarmMember.user_id == who.user_id)
        mine.append(Order.id.in_(select(OrderLine.order_id).where(OrderLine.farm_id.in_(farms))))
    if who.roles & {Role.KEEPER, Role.BRANCH_HEAD}:
        mine.append(Order.station_id.in_(stations.managed_by(who)))
    return orders.where(or_(*mine))


def changeable_by(who: Who) -> Select[Order]:
    """The orders that a person may call off: one's own, and those of the station that one looks after."""
    mine = Order.buyer_id == who.user_id
    if who.roles & {Role.KEEPER, Role.BRANCH_HEAD}:
        return select(Order).where(or_(mine, Order.station_id.in_(stations.managed_by(who))))
    return select(Order).where(mine)


def serves(who: Who, order: Order) -> bool:
    """Whether somebody looks at an order as its station does, and may call it off for its buyer."""
    return order.buyer_id != who.user_id and bool(session.scalar(changeable_by(who).where(Order.id == order.id)))


def by_number(number: str, *, who: Who, among: Select[Order] | None = None) -> Order:
    """The order with this number, of those given or of all that this person may see. Raises OrderUnknown."""
    these = visible_to(who) if among is None else among
    order = session.scalars(these.where(Order.number == number)).one_or_none()
    if order is None:
        raise OrderUnknown()
    return order
