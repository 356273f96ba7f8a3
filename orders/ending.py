"""Ending: what a parcel that came back means in money, once every parcel of its order is delivered or back.

The addressee's fault (`logistics.delivery.ADDRESSEES_FAULT`) and fresh goods: the sale stands, as nobody can sell them
again. The addressee's fault and other goods: the price less freight goes back. Carrier or station's fault: the price.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, func, select

from core.db import session
from logistics.delivery import ADDRESSEES_FAULT
from orders import completion, events, moves, refunding
from orders.fulfilment import OrderParcel
from orders.orders import Order, OrderLine, OrderStatus
from orders.splits import LineSplit, Party
from shop.packs import Pack
from shop.products import Product, ProductKind

Returned = Row[str | None, int, OrderLine, ProductKind, int]


@events.order_ended.connect
def end(order: Order, *, now: datetime) -> None:
    """Give back what the returned parcels ask for, and share out the rest. The order is locked by the caller."""
    if order.status is not OrderStatus.SHIPPED:
        return
    back = _returned(order)
    amounts = _amounts(back) if order.external_number is None else {}
    if amounts:
        note = next(row.because for row in back if _refundable(row))
        refunding.of_ended(order, amounts, key=f"returned:{order.id}", now=now, note=note or "")
        session.refresh(order)
    if order.refunded_minor < order.total_minor or not amounts:
        _complete(order, back, now)


def _complete(order: Order, back: Sequence[Returned], now: datetime) -> None:
    """What was kept is shared out; the step says why a parcel of it came back."""
    if sum(row.packs for row in back) < _packs(order):
        moves.step(order, OrderStatus.DELIVERED, now=now)
    kept = [row.because for row in back if not _refundable(row)]
    partly = [f"returned_{row.because}" for row in back if _refundable(row)]
    reason = next(iter([f"kept_{because}" for because in kept] + partly), "")
    completion.complete(order, now=now, reason=reason)


def _packs(order: Order) -> int:
    query = select(func.count()).where(OrderParcel.order_id == order.id, OrderParcel.withdrawn_at.is_(None))
    return session.scalar(query) or 0


def _returned(order: Order) -> Sequence[Returned]:
    """By line and reason: how many packs came back, and the freight that was frozen for the line."""
    because, packs = OrderParcel.returned_because.label("because"), func.count().label("packs")
    freight = func.coalesce(LineSplit.amount_minor, 0).label("freight_minor")
    query = (
        select(because, packs, OrderLine, Product.kind, freight)
        .join(OrderLine, OrderLine.id == OrderParcel.line_id)
        .join(Pack, Pack.id == OrderLine.pack_id)
        .join(Product, Product.id == Pack.product_id)
        .outerjoin(LineSplit, (LineSplit.line_id == OrderLine.id) & (LineSplit.party == Party.FREIGHT))
        .where(OrderParcel.order_id == order.id, OrderParcel.returned_at.is_not(None))
        .where(OrderParcel.withdrawn_at.is_(None))
        .group_by(because, OrderLine.id, Product.kind, LineSplit.amount_minor)
        .order_by(OrderLine.position, because)
    )
    return session.execute(query.execution_options(populate_existing=True)).all()


def _refundable(row: Returned) -> bool:
    return row.because not in ADDRESSEES_FAULT or row.kind is not ProductKind.FRESH


def _amounts(back: Sequence[Returned]) -> dict[UUID, int]:
    """Fen by line, never above what is left of it."""
    amounts: dict[UUID, int] = {}
    for row in filter(_refundable, back):
        line = row.OrderLine
        freight = -(-row.freight_minor * row.packs // line.quantity) if row.because in ADDRESSEES_FAULT else 0
        asked = amounts.get(line.id, 0) + line.price_minor * row.packs - freight
        amounts[line.id] = min(asked, line.total_minor - line.refunded_minor)
    return {line_id: minor for line_id, minor in amounts.items() if minor}
