"""Payments: one try to pay one order, its legal moves and what became of the money."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Select, func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from core.auth import Who
from core.db import Id, Model, among, new_id, one_of, session
from core.errors import Conflict, IllegalMove, NotFound
from core.i18n import _
from core.money import CURRENCY
from orders import orders
from orders.orders import Order


class Method(StrEnum):
    """How a buyer pays."""

    CARD = "card"
    ALIPAY = "alipay"
    WECHAT_PAY = "wechat_pay"
    CASH = "cash"


class PaymentStatus(StrEnum):
    """Where a payment is."""

    PREPARING = "preparing"  # a job opens it at Stripe
    PENDING = "pending"  # the buyer can pay
    SUCCEEDED = "succeeded"  # the money is there
    FAILED = "failed"  # the bank, the wallet or Stripe said no
    WITHDRAWN = "withdrawn"  # the order ended, or another way to pay was chosen


class Outcome(StrEnum):
    """What money that arrived did."""

    PAID = "paid"  # the order, in time
    RETAKEN = "retaken"  # the order, late, and its goods could be taken again
    LATE = "late"  # its goods were gone: sent back
    CANCELLED = "cancelled"  # the order had been cancelled: sent back
    DOUBLED = "doubled"  # the order was paid already: sent back


S = PaymentStatus

NEXT: dict[PaymentStatus, frozenset[PaymentStatus]] = {
    S.PREPARING: frozenset({S.PENDING, S.SUCCEEDED, S.FAILED, S.WITHDRAWN}),
    S.PENDING: frozenset({S.SUCCEEDED, S.FAILED, S.WITHDRAWN}),
    S.FAILED: frozenset({S.SUCCEEDED}),  # paid at a second try on the same page
    S.WITHDRAWN: frozenset({S.SUCCEEDED}),  # paid before the page could be shut
    S.SUCCEEDED: frozenset(),
}
OPEN = (S.PREPARING, S.PENDING)
KEPT = (Outcome.PAID, Outcome.RETAKEN)

ATTEMPTS_MAX = 10


class PaymentUnknown(NotFound):
    """No such payment of this order."""

    message = _("没有找到这笔付款。")


class TooManyAttempts(Conflict):
    """So many tries for one order help nobody."""

    message = _("这个订单已经试付 {most} 次，请重新下单。")


class Payment(Model):
    """One try to pay, with the place where it happens. At most one of an order is open, at most one is kept."""

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint(among("method", Method), name="method"),
        CheckConstraint(among("status", PaymentStatus), name="status"),
        CheckConstraint(among("outcome", Outcome), name="outcome"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("refunded_minor BETWEEN 0 AND amount_minor", name="refunded_within_amount"),
        CheckConstraint("(status = 'succeeded') = (outcome IS NOT NULL)", name="outcome_of_success"),
        CheckConstraint("refunded_minor = 0 OR status = 'succeeded'", name="refunded_when_paid"),
        CheckConstraint("given_minor >= amount_minor", name="given_enough"),
        Index(
            "uq_payments_order_id_open",
            "order_id",
            unique=True,
            postgresql_where=text("status IN ('preparing', 'pending')"),
        ),
        Index(
            "uq_payments_order_id_kept",
            "order_id",
            unique=True,
            postgresql_where=text("outcome IN ('paid', 'retaken')"),
        ),
    )

    id: Mapped[Id]
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    method: Mapped[Method] = mapped_column(one_of(Method))
    status: Mapped[PaymentStatus] = mapped_column(one_of(PaymentStatus))
    outcome: Mapped[Outcome | None] = mapped_column(one_of(Outcome))
    amount_minor: Mapped[int]
    refunded_minor: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str] = mapped_column(default=CURRENCY)
    given_minor: Mapped[int | None]
    """Cash only: what was put on the counter."""
    intent_id: Mapped[str | None] = mapped_column(unique=True)
    stripe_session_id: Mapped[str | None] = mapped_column(unique=True)
    pay_url: Mapped[str | None]
    qr_text: Mapped[str | None]
    return_url: Mapped[str | None]
    failure: Mapped[str] = mapped_column(default="")
    """The supplier's word for why not."""
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))


class PaymentMove(Model):
    """One step of one payment. Never changed."""

    __tablename__ = "payment_moves"

    id: Mapped[Id]
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"), index=True)
    was: Mapped[PaymentStatus | None] = mapped_column(one_of(PaymentStatus))
    became: Mapped[PaymentStatus] = mapped_column(one_of(PaymentStatus))
    at: Mapped[datetime]
    by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str]


def visible_to(who: Who) -> Select[Payment]:
    """The payments of the orders that a person may see."""
    return select(Payment).where(Payment.order_id.in_(orders.visible_to(who).with_only_columns(Order.id)))


def of_order(number: str, payment_id: UUID, *, who: Who) -> Payment:
    """One payment of one order, if this person may see it. Raises PaymentUnknown."""
    query = visible_to(who).join(Order, Order.id == Payment.order_id)
    payment = session.scalars(query.where(Order.number == number, Payment.id == payment_id)).one_or_none()
    if payment is None:
        raise PaymentUnknown()
    return payment


def lock_order(order_id: UUID) -> Order:
    """The order, ours alone until the transaction ends. Whoever locks payments locks their order first."""
    query = select(Order).where(Order.id == order_id).with_for_update(key_share=True)
    return session.scalars(query.execution_options(populate_existing=True)).one()


def lock(payment_id: UUID) -> Payment:
    """The payment, ours alone until the transaction ends."""
    query = select(Payment).where(Payment.id == payment_id).with_for_update(key_share=True)
    return session.scalars(query.execution_options(populate_existing=True)).one()


def add(
    order: Order,
    method: Method,
    *,
    status: PaymentStatus,
    by: UUID | None,
    now: datetime,
    outcome: Outcome | None = None,
    return_url: str | None = None,
    given_minor: int | None = None,
) -> Payment:
    """A further try, with its first move. The order is locked by the caller. Raises TooManyAttempts."""
    tries = session.scalar(select(func.count()).select_from(Payment).where(Payment.order_id == order.id)) or 0
    if tries >= ATTEMPTS_MAX:
        raise TooManyAttempts(most=ATTEMPTS_MAX)
    payment = Payment(
        id=new_id(now),
        order_id=order.id,
        method=method,
        status=status,
        outcome=outcome,
        amount_minor=order.total_minor,
        refunded_minor=0,
        currency=order.currency,
        given_minor=given_minor,
        return_url=return_url,
        failure="",
        created_at=now,
        settled_at=now if status is S.SUCCEEDED else None,
        by=by,
    )
    session.add(payment)
    session.flush()
    _note(payment, None, by=by, reason=str(method), now=now)
    return payment


def move(payment: Payment, wanted: PaymentStatus, *, now: datetime, by: UUID | None = None, reason: str = "") -> None:
    """Take one legal step of a locked payment and keep the proof. Raises IllegalMove."""
    was = payment.status
    if wanted not in NEXT[was]:
        raise IllegalMove(current=str(was), wanted=str(wanted))
    payment.status = wanted
    _note(payment, was, by=by, reason=reason, now=now)


def _note(payment: Payment, was: PaymentStatus | None, *, by: UUID | None, reason: str, now: datetime) -> None:
    session.add(
        PaymentMove(id=new_id(now), payment_id=payment.id, was=was, became=payment.status, at=now, by=by, reason=reason)
    )
    session.flush()
