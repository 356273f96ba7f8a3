"""Moves: how the status of orders changes, one legal step at a time, each leaving its row."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm.util import identity_key

from core.db import new_id, session
from core.errors import IllegalMove
from core.i18n import _
from orders.orders import NEXT, Order, OrderStatus

S = OrderStatus

WORDS = {
    S.AWAITING_PAYMENT: _("待付款"),
    S.PAID: _("待发货"),
    S.PACKING: _("备货中"),
    S.SHIPPED: _("已发货"),
    S.DELIVERED: _("已签收"),
    S.COMPLETED: _("交易成功"),
    S.CANCELLED: _("已取消"),
    S.EXPIRED: _("超时关闭"),
    S.REFUNDED: _("已退款"),
}

_MOVE = text("""
    WITH wanted AS (
        SELECT * FROM unnest(CAST(:order_ids AS uuid[]), CAST(:move_ids AS uuid[])) AS wanted (order_id, move_id)
    ), found AS (
        SELECT one.id, one.status AS was, wanted.move_id FROM orders AS one JOIN wanted ON wanted.order_id = one.id
        WHERE one.status = ANY(:sources) ORDER BY one.id FOR NO KEY UPDATE OF one
    ), moved AS (
        UPDATE orders AS one
        SET status = :became,
            paid_at = CASE :became WHEN 'paid' THEN :now ELSE one.paid_at END,
            completed_at = CASE :became WHEN 'completed' THEN :now ELSE one.completed_at END
        FROM found WHERE one.id = found.id
    ), written AS (
        INSERT INTO order_moves (id, order_id, was, became, at, by, reason)
        SELECT move_id, id, was, :became, :now, CAST(:by AS uuid), :reason FROM found
    )
    SELECT id FROM found
""")


def move(
    order_ids: Collection[UUID], to: OrderStatus, *, now: datetime, by: UUID | None = None, reason: str = ""
) -> list[UUID]:
    """Take a set of orders one step on, a compare-and-set in one statement; returns those for which it was legal."""
    if not order_ids:
        return []
    ids = list(order_ids)
    values = {
        "order_ids": ids,
        "move_ids": [new_id(now) for _order in ids],
        "sources": [status.value for status, steps in NEXT.items() if to in steps],
        "became": to.value,
        "now": now,
        "by": by,
        "reason": reason,
    }
    session.flush()
    moved = list(session.scalars(_MOVE, values))
    for order_id in moved:
        copy = session.identity_map.get(identity_key(Order, order_id))
        if copy is not None:
            session.expire(copy)
    return moved


def step(order: Order, to: OrderStatus, *, now: datetime, by: UUID | None = None, reason: str = "") -> None:
    """Take one order one legal step on. Raises IllegalMove, with the state that it really is in."""
    if not move([order.id], to, now=now, by=by, reason=reason):
        session.refresh(order, ["status"])
        raise IllegalMove(current=WORDS[order.status], wanted=WORDS[to])
