"""Refunds: money of one payment on its way back, its reasons, its legal moves and the lines it belongs to."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Select, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.auth import Who
from core.db import Id, Model, among, new_id, one_of, session
from core.errors import IllegalMove, NotFound
from core.i18n import _
from core.money import CURRENCY
from orders import orders
from orders.orders import Order
from orders.payments import Method, Payment


class RefundReason(StrEnum):
    """Why money goes back."""

    REQUEST = "request"  # the buyer asked
    CANCELLED = "cancelled"  # the order was cancelled
    LATE = "late"  # paid too late, and the goods were gone
    DOUBLED = "doubled"  # paid twice
    QUALITY = "quality"  # bad fruit
    RETURNED = "returned"  # a parcel came back
    SHORTAGE = "shortage"  # the harvest fell short, or a box was short


class RefundStatus(StrEnum):
    """Where the money is."""

    REQUESTED = "requested"  # booked; a job sends it, or the counter hands it out
    PENDING = "pending"  # Stripe has taken it on
    SUCCEEDED = "succeeded"  # the buyer has it
    FAILED = "failed"  # her bank did not take it; it stays owed to her


S = RefundStatus

NEXT: dict[RefundStatus, frozenset[RefundStatus]] = {
    S.REQUESTED: frozenset({S.PENDING, S.SUCCEEDED, S.FAILED}),
    S.PENDING: frozenset({S.SUCCEEDED, S.FAILED}),
    S.SUCCEEDED: frozenset({S.FAILED}),  # a bank may send it back days later
    S.FAILED: frozenset({S.REQUESTED}),  # sent once more
}


class RefundUnknown(NotFound):
    """No such refund of this order."""

    message = _("没有找到这笔退款。")


class Refund(Model):
    """Money of one payment on its way back. `key` is made by the asker before the first try."""

    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint(among("reason", RefundReason), name="reason"),
        CheckConstraint(among("status", RefundStatus), name="status"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("attempt >= 1", name="attempt_positive"),
    )

    id: Mapped[Id]
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"), index=True)
    key: Mapped[str] = mapped_column(unique=True)
    reason: Mapped[RefundReason] = mapped_column(one_of(RefundReason))
    note: Mapped[str] = mapped_column(default="")
    status: Mapped[RefundStatus] = mapped_column(one_of(RefundStatus))
    amount_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(default=CURRENCY)
    attempt: Mapped[int] = mapped_column(default=1)
    stripe_id: Mapped[str | None] = mapped_column(unique=True)
    failure: Mapped[str] = mapped_column(default="")
    requested_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))

    payment: Mapped[Payment] = relationship()
    lines: Mapped[list["RefundLine"]] = relationship(order_by="RefundLine.line_id")


class RefundLine(Model):
    """The part of a refund that belongs to one line of the order."""

    __tablename__ = "refund_lines"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount_positive"),)

    refund_id: Mapped[UUID] = mapped_column(ForeignKey("refunds.id"), primary_key=True)
    line_id: Mapped[UUID] = mapped_column(ForeignKey("order_lines.id"), primary_key=True, index=True)
    amount_minor: Mapped[int]


class RefundMove(Model):
    """One step of one refund. Never changed."""

    __tablename__ = "refund_moves"

    id: Mapped[Id]
    refund_id: Mapped[UUID] = mapped_column(ForeignKey("refunds.id"), index=True)
    was: Mapped[RefundStatus | None] = mapped_column(one_of(RefundStatus))
    became: Mapped[RefundStatus] = mapped_column(one_of(RefundStatus))
    at: Mapped[datetime]
    by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str]


def visible_to(who: Who) -> Select[Refund]:
    """The refunds of the orders that a person may see."""
    return select(Refund).where(Refund.order_id.in_(orders.visible_to(who).with_only_columns(Order.id)))


def of_order(number: str, refund_id: UUID, *, who: Who) -> Refund:
    """One refund of one order, if this person may see it. Raises RefundUnknown."""
    query = visible_to(who).join(Order, Order.id == Refund.order_id)
    refund = session.scalars(query.where(Order.number == number, Refund.id == refund_id)).one_or_none()
    if refund is None:
        raise RefundUnknown()
    return refund


def lock(refund_id: UUID) -> Refund:
    """The refund, ours alone until the transaction ends."""
    query = select(Refund).where(Refund.id == refund_id).with_for_update(of=Refund)
    return session.scalars(query.execution_options(populate_existing=True)).one()


def owed_account(method: Method) -> str:
    """Where a refund waits: with Stripe, or to be handed out at a counter."""
    return "refunds:cash" if method is Method.CASH else "refunds:stripe"


def move(refund: Refund, wanted: RefundStatus, *, now: datetime, by: UUID | None = None, reason: str = "") -> None:
    """Take one legal step of a locked refund and keep the proof. Raises IllegalMove."""
    was = refund.status
    if wanted not in NEXT[was]:
        raise IllegalMove(current=str(was), wanted=str(wanted))
    refund.status = wanted
    note(refund, was, by=by, reason=reason, now=now)


def note(refund: Refund, was: RefundStatus | None, *, by: UUID | None, reason: str, now: datetime) -> None:
    row = RefundMove(id=new_id(now), refund_id=refund.id, was=was, became=refund.status, at=now, by=by, reason=reason)
    session.add(row)
    session.flush()
