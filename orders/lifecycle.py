"""Life of an order until it is paid: cancelled by a person, expired by the clock, or paid, in time or late.

Rows are locked in one order everywhere: the order, and last of all offers, then lots (`orders.hot`).
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from core import clock
from core.db import session
from core.errors import Conflict
from core.i18n import _
from core.jobs import job, periodic
from orders import events, hot, limits, moves
from orders.limits import Take
from orders.orders import Order, OrderLine, OrderStatus
from shop.presale import window_of

EXPIRE_BATCH = 200


class OrderAlreadyPaid(Conflict):
    """What is paid is not cancelled but refunded."""

    message = _("订单已经付款，请申请退款。")


def cancel(order: Order, *, by: UUID, now: datetime, reason: str = "") -> None:
    """Take an order back before it is paid; its goods go back on the shelf. Raises OrderAlreadyPaid, IllegalMove."""
    session.refresh(order, with_for_update={"key_share": True})
    if order.paid_at is not None:
        raise OrderAlreadyPaid()
    moves.step(order, OrderStatus.CANCELLED, now=now, by=by, reason=reason)
    _release([order.id], order.number, now)
    events.order_cancelled.send(order, now=now)


def expire_due(now: datetime, limit: int = EXPIRE_BATCH) -> int:
    """End orders that were not paid in time and give their goods back; returns how many.

    Orders that somebody is working on are left for the next round, so that the sweep waits for nobody.
    """
    due = (
        select(Order.id)
        .where(Order.status == OrderStatus.AWAITING_PAYMENT, Order.pay_by < now)
        .order_by(Order.pay_by)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    expired = moves.move(list(session.scalars(due)), OrderStatus.EXPIRED, now=now, reason="unpaid")
    if expired:
        _release(expired, f"expired {now:%Y-%m-%dT%H:%M:%SZ}", now)
    return len(expired)


@job()
def expire_more() -> None:
    """Go on expiring while there is a full batch of it, each batch a transaction of its own."""
    if expire_due(clock.now()) == EXPIRE_BATCH:
        expire_more.later()


@periodic("* * * * * */10")
def expire_unpaid(timestamp: int) -> None:
    """Every ten seconds: goods that nobody paid for go back on the shelf."""
    expire_more()


def mark_paid(order: Order, *, now: datetime, by: UUID | None = None) -> None:
    """The money is there: what was held is allocated, and the order can be packed.

    An order that had expired takes its goods once more, and now: whether they are there decides what the money does.
    Raises LotSoldOut, OfferSoldOut, PresaleOver or the like when they are gone, and IllegalMove when the order was
    cancelled or paid before; then nothing has changed and the money must go back.
    """
    with session.begin_nested():
        session.refresh(order, with_for_update={"key_share": True})
        late = order.status is OrderStatus.EXPIRED
        moves.step(order, OrderStatus.PAID, now=now, by=by, reason="late" if late else "")
        packs, grams = drawn_on([order.id])
        if late:
            _count_again(order)
        else:
            limits.give_back(_unpaid([order.id]))
        events.order_paid.send(order, now=now)
        if late:
            days = window_of(order).days(clock.local_day(now))
            hot.retake(packs, grams, leaving=dict.fromkeys(grams, days), reference=order.number, now=now)
    if not late:
        hot.move(hot.SELL, packs, grams, reference=order.number, now=now)


def drawn_on(order_ids: Collection[UUID]) -> tuple[dict[UUID, int], dict[UUID, int]]:
    """What orders take: packs by offer, and grams by lot."""
    packs: dict[UUID, int] = {}
    grams: dict[UUID, int] = {}
    query = select(OrderLine.offer_id, OrderLine.lot_id, OrderLine.quantity, OrderLine.net_g)
    for offer_id, lot_id, quantity, net_g in session.execute(query.where(OrderLine.order_id.in_(order_ids))):
        if offer_id is not None:
            packs[offer_id] = packs.get(offer_id, 0) + quantity
        grams[lot_id] = grams.get(lot_id, 0) + quantity * net_g
    return packs, grams


def counted(order_ids: Collection[UUID]) -> list[tuple[Take, int]]:
    """What orders count against the limits of their buyers."""
    query = (
        select(Order.buyer_id, OrderLine.offer_id, OrderLine.pack_id, OrderLine.quantity)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(Order.id.in_(order_ids), OrderLine.limited)
    )
    return [(Take(buyer, offer or pack), quantity) for buyer, offer, pack, quantity in session.execute(query) if buyer]


def _release(order_ids: Collection[UUID], reference: str, now: datetime) -> None:
    """Give back what was held, summed over all these orders."""
    limits.give_back(counted(order_ids) + _unpaid(order_ids))
    hot.move(hot.RELEASE, *drawn_on(order_ids), reference=reference, now=now)


def _unpaid(order_ids: Collection[UUID]) -> list[tuple[Take, int]]:
    """What orders counted as long as they waited for their payment. Sales of other platforms have no buyer of ours."""
    buyers = session.scalars(select(Order.buyer_id).where(Order.id.in_(order_ids)))
    return [(limits.unpaid_order(buyer), 1) for buyer in buyers if buyer]


def _count_again(order: Order) -> None:
    """A late payment counts against the limit again, even beyond it: the money is there and so are the goods."""
    limits.give_back((take, -quantity) for take, quantity in counted([order.id]))
