"""Cancelling: what calling an order off means depends on how far it has come, and the house decides which it is.

Before payment the order ends and its goods go back on the shelf. Paid, and nothing packed yet: it ends, and all of its
money goes back by itself. Once a box is packed it is too late; then a refund is asked for, which a person decides.
"""

from datetime import datetime
from uuid import UUID

from core.errors import Conflict, IllegalMove
from core.i18n import _
from orders import fulfilment, lifecycle, moves, payments, refunding
from orders.orders import Order, OrderStatus
from orders.refunds import RefundReason

S = OrderStatus
TOO_LATE = frozenset({S.PACKING, S.SHIPPED, S.DELIVERED, S.COMPLETED})


class TooLateToCancel(Conflict):
    """A box is packed, or on its way, or there."""

    message = _("站点已经开始备货，不能再取消。收到后有问题，请找站点申请退款。")


def cancel(order: Order, *, by: UUID, now: datetime, reason: str = "") -> None:
    """Call an order off; a paid one is refunded whole. Raises TooLateToCancel, and IllegalMove when it has ended."""
    fulfilment.lock_parcels(order)
    order = payments.lock_order(order.id)
    if order.status in TOO_LATE:
        raise TooLateToCancel(status=str(order.status))
    if order.status is S.PAID:
        key = f"{RefundReason.CANCELLED}:{order.id}"
        refunding.whole(order, reason=RefundReason.CANCELLED, key=key, now=now, by=by, note=reason)
    elif order.status is S.REFUNDED:
        raise IllegalMove(current=moves.WORDS[order.status], wanted=moves.WORDS[S.CANCELLED])
    else:
        lifecycle.cancel(order, by=by, now=now, reason=reason)
