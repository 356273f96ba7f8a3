"""Refunding: who asks gets one refund for one key, booked at once, never above what was paid; a job sends the money."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update

from core.db import new_id, session
from core.errors import Conflict, Malformed
from core.i18n import _
from core.money import format_yuan
from orders import completion, fulfilment, ledger, moves, payments, refunds, repaying
from orders.orders import Order, OrderLine, OrderStatus
from orders.payments import KEPT, Method, Payment
from orders.refunds import Refund, RefundLine, RefundReason, RefundStatus


class NothingPaid(Conflict):
    """Nobody has paid for the order, so nothing can go back."""

    message = _("这个订单没有收到钱，没有可退的。")


class RefundAbovePaid(Conflict):
    """More than is left of what was paid."""

    message = _("最多还能退 {left}。")

    def __init__(self, left_minor: int) -> None:
        super().__init__(left=format_yuan(left_minor), left_minor=left_minor)


class RefundAmountImpossible(Malformed):
    """Zero, less, or for a line that is not of this order."""

    message = _("退款金额要大于 0，并且只能退这个订单里的商品。")


class RefundKeyReused(Conflict):
    """The key stands for another refund."""

    message = _("这个编号已经用在另一笔退款上。")


def whole(
    order: Order, *, reason: RefundReason, key: str, now: datetime, by: UUID | None = None, note: str = ""
) -> Refund:
    """Give back everything that is left of an order. Raises NothingPaid, RefundAbovePaid when nothing is left."""
    fulfilment.lock_parcels(order)
    order = payments.lock_order(order.id)
    if (known := _known(key, order.id, None)) is not None:
        return known
    query = select(OrderLine.id, OrderLine.total_minor - OrderLine.refunded_minor).where(OrderLine.order_id == order.id)
    left = {line_id: minor for line_id, minor in session.execute(query) if minor}
    return _of_lines(order, left, reason=reason, key=key, now=now, by=by, note=note)


def of_lines(
    order: Order,
    amounts: Mapping[UUID, int],
    *,
    reason: RefundReason,
    key: str,
    now: datetime,
    by: UUID | None = None,
    note: str = "",
) -> Refund:
    """Give back fen of lines. Raises NothingPaid, RefundAbovePaid, RefundAmountImpossible, RefundKeyReused."""
    fulfilment.lock_parcels(order)
    order = payments.lock_order(order.id)
    if (known := _known(key, order.id, sum(amounts.values()))) is not None:
        return known
    if not amounts or any(minor <= 0 for minor in amounts.values()):
        raise RefundAmountImpossible()
    return _of_lines(order, amounts, reason=reason, key=key, now=now, by=by, note=note)


def of_ended(order: Order, amounts: Mapping[UUID, int], *, key: str, now: datetime, note: str) -> Refund:
    """Give back fen of lines whose parcels came back. The caller holds the order; its parcels rest."""
    return _of_lines(order, amounts, reason=RefundReason.RETURNED, key=key, now=now, by=None, note=note)


def _known(key: str, order_id: UUID, amount_minor: int | None) -> Refund | None:
    """The refund that this key stands for, if it was asked before. Raises RefundKeyReused."""
    known = session.scalars(select(Refund).where(Refund.key == key)).one_or_none()
    if known is not None and (known.order_id != order_id or amount_minor not in (None, known.amount_minor)):
        raise RefundKeyReused()
    return known


def _of_lines(
    order: Order,
    amounts: Mapping[UUID, int],
    *,
    reason: RefundReason,
    key: str,
    now: datetime,
    by: UUID | None,
    note: str,
) -> Refund:
    payment = session.scalars(
        select(Payment).where(Payment.order_id == order.id, Payment.outcome.in_(KEPT))
    ).one_or_none()
    if payment is None:
        raise NothingPaid()
    total = sum(amounts.values())
    before = completion.shares(order)
    _draw_on_lines(order, amounts)
    refund = _add(order, payment, total, reason=reason, key=key, now=now, by=by, note=note)
    session.add_all(
        RefundLine(refund_id=refund.id, line_id=line, amount_minor=minor) for line, minor in amounts.items()
    )
    if order.completed_at is None:
        from_whom = {completion.buyer_account(order): total}
    else:  # everybody who earned by it gives his share back
        after = completion.shares(order)
        from_whom = {code: minor - after.get(code, 0) for code, minor in before.items() if minor != after.get(code, 0)}
    _book(refund, order, from_whom, now=now, by=by)
    if order.refunded_minor == order.total_minor:
        fulfilment.withdraw(order, now=now, by=by, reason=str(reason))
        moves.step(order, OrderStatus.REFUNDED, by=by, now=now, reason=str(reason))
    return refund


def send_back(order: Order, payment: Payment, *, reason: RefundReason, now: datetime) -> Refund:
    """Return money that could pay for nothing. Both are locked by the caller; asking twice is once."""
    refund = _add(order, payment, payment.amount_minor, reason=reason, key=f"{reason}:{payment.id}", now=now)
    _book(refund, order, {completion.buyer_account(order): payment.amount_minor}, now=now, by=None)
    return refund


def _draw_on_lines(order: Order, amounts: Mapping[UUID, int]) -> None:
    """Raise what was refunded of lines and order; the order is locked. Raises RefundAbovePaid."""
    lines = {
        line.id: line
        for line in session.scalars(
            select(OrderLine).where(OrderLine.order_id == order.id).execution_options(populate_existing=True)
        )
    }
    if not amounts:
        raise RefundAbovePaid(0)
    for line_id, minor in amounts.items():
        if (line := lines.get(line_id)) is None:
            raise RefundAmountImpossible()
        if minor > line.total_minor - line.refunded_minor:
            raise RefundAbovePaid(line.total_minor - line.refunded_minor)
        line.refunded_minor += minor
    order.refunded_minor += sum(amounts.values())
    session.flush()


def _add(
    order: Order,
    payment: Payment,
    amount_minor: int,
    *,
    reason: RefundReason,
    key: str,
    now: datetime,
    by: UUID | None = None,
    note: str = "",
) -> Refund:
    """A refund, drawn on its payment, which bounds it. Raises RefundAbovePaid."""
    drawn = session.execute(
        update(Payment)
        .where(Payment.id == payment.id, Payment.refunded_minor + amount_minor <= Payment.amount_minor)
        .values(refunded_minor=Payment.refunded_minor + amount_minor)
        .returning(Payment.refunded_minor)
    ).one_or_none()
    if drawn is None:
        raise RefundAbovePaid(payment.amount_minor - payment.refunded_minor)
    session.refresh(payment)
    refund = Refund(
        id=new_id(now),
        order_id=order.id,
        payment_id=payment.id,
        key=key,
        reason=reason,
        note=note,
        status=RefundStatus.REQUESTED,
        amount_minor=amount_minor,
        currency=payment.currency,
        attempt=1,
        failure="",
        requested_at=now,
        by=by,
    )
    session.add(refund)
    session.flush()
    refunds.note(refund, None, by=by, reason=str(reason), now=now)
    return refund


def _book(refund: Refund, order: Order, from_whom: Mapping[str, int], *, now: datetime, by: UUID | None) -> None:
    """From now on it is owed to the buyer; unless it is cash, a job sends it."""
    entries = [*from_whom.items(), (refunds.owed_account(refund.payment.method), -refund.amount_minor)]
    ledger.post("refund", order.number, f"refund:{refund.id}", entries, now=now, by=by)
    if refund.payment.method is not Method.CASH:
        repaying.send_refund.later(refund_id=str(refund.id))
