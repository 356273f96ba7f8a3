"""Asking: a buyer asks for her money back. While no box is on the van she has it at once; later a person answers."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Select, exists, or_, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.auth import Who
from core.db import Id, Model, among, new_id, one_of, session
from core.errors import Conflict, Malformed, NotFound
from core.i18n import _
from core.money import split
from logistics import stations
from logistics.moves import ParcelStatus, sources
from logistics.parcels import Parcel
from orders import fulfilment, payments, refunding
from orders.fulfilment import OrderParcel
from orders.orders import Order, OrderLine
from orders.refunds import Refund, RefundReason

WORDS_MAX = 200


class RequestStatus(StrEnum):
    """What became of it."""

    OPEN = "open"
    AGREED = "agreed"
    DECLINED = "declined"


class RequestUnknown(NotFound):
    """No such request for this person."""

    message = _("没有找到这个退款申请。")


class WordsMissing(Malformed):
    """A request, and each answer to it, says why."""

    message = _("请写明原因，最多 {most} 个字。")


class AlreadyAnswered(Conflict):
    """Somebody answered it before."""

    message = _("这个退款申请已经答复过了。")


class OwnRequest(Conflict):
    """Nobody decides on money for himself."""

    message = _("自己的退款申请，请由别人来答复。")


class RefundRequest(Model):
    """One request of a buyer and its answer. At most one of an order is open."""

    __tablename__ = "refund_requests"
    __table_args__ = (
        CheckConstraint(among("status", RequestStatus), name="status"),
        CheckConstraint("(status = 'open') = (answered_at IS NULL)", name="answered"),
        CheckConstraint("(status = 'agreed') = (refund_id IS NOT NULL)", name="agreed_with_refund"),
        Index("ix_refund_requests_open", "order_id", unique=True, postgresql_where="status = 'open'"),
    )

    id: Mapped[Id]
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    words: Mapped[str]
    status: Mapped[RequestStatus] = mapped_column(one_of(RequestStatus))
    asked_at: Mapped[datetime]
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    answer: Mapped[str] = mapped_column(default="")
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    """Nobody: the house itself agreed, as nothing had left."""
    refund_id: Mapped[UUID | None] = mapped_column(ForeignKey("refunds.id"), unique=True)

    order: Mapped[Order] = relationship(viewonly=True)


def ask(order: Order, *, words: str, by: UUID, now: datetime) -> RefundRequest:
    """Refund all of an order that has not left; else keep the request. Asked again it is the same request.

    Raises WordsMissing, NothingPaid, RefundAbovePaid when nothing is left.
    """
    words = _said(words)
    fulfilment.lock_parcels(order)
    order = payments.lock_order(order.id)
    if (known := _standing(order)) is not None:
        return known
    if order.paid_at is None:
        raise refunding.NothingPaid()
    if order.refunded_minor == order.total_minor:
        raise refunding.RefundAbovePaid(0)
    request = RefundRequest(
        id=new_id(now), order_id=order.id, words=words, status=RequestStatus.OPEN, asked_at=now, asked_by=by
    )
    if _all_here(order):
        key = f"asked:{request.id}"
        refund = refunding.whole(order, reason=RefundReason.REQUEST, key=key, now=now, by=by, note=words)
        _close(request, RequestStatus.AGREED, answer="", by=None, now=now, refund=refund)
    session.add(request)
    session.flush()
    return request


def agree(request: RefundRequest, *, amount_minor: int, words: str, by: UUID, now: datetime) -> RefundRequest:
    """Give back so much of the order, taken from its lines alike.

    Raises AlreadyAnswered, OwnRequest, WordsMissing, RefundAbovePaid, RefundAmountImpossible.
    """
    words, order = _said(words), _for_answer(request, by)
    query = select(OrderLine.id, OrderLine.total_minor - OrderLine.refunded_minor).where(OrderLine.order_id == order.id)
    left = dict(session.execute(query.order_by(OrderLine.position)).all())
    if amount_minor <= 0:
        raise refunding.RefundAmountImpossible()
    if amount_minor > sum(left.values()):
        raise refunding.RefundAbovePaid(sum(left.values()))
    parts = zip(left, split(amount_minor, list(left.values())), strict=True)
    amounts = {line_id: minor for line_id, minor in parts if minor}
    key = f"asked:{request.id}"
    refund = refunding.of_lines(order, amounts, reason=RefundReason.REQUEST, key=key, now=now, by=by, note=words)
    _close(request, RequestStatus.AGREED, answer=words, by=by, now=now, refund=refund)
    return request


def decline(request: RefundRequest, *, words: str, by: UUID, now: datetime) -> RefundRequest:
    """Say no, and why. Raises AlreadyAnswered, OwnRequest, WordsMissing."""
    words = _said(words)
    _for_answer(request, by)
    _close(request, RequestStatus.DECLINED, answer=words, by=by, now=now)
    return request


def visible_to(who: Who) -> Select[RefundRequest]:
    """One's own requests, and those that one may answer."""
    of = select(Order.id).where(or_(Order.buyer_id == who.user_id, Order.station_id.in_(stations.managed_by(who))))
    return select(RefundRequest).where(RefundRequest.order_id.in_(of))


def answerable_by(who: Who) -> Select[RefundRequest]:
    """The requests for orders of the stations that one looks after."""
    of = select(Order.id).where(Order.station_id.in_(stations.managed_by(who)))
    return select(RefundRequest).where(RefundRequest.order_id.in_(of))


def by_id(request_id: UUID, *, who: Who) -> RefundRequest:
    """A request that this person may answer. Raises RequestUnknown."""
    request = session.scalars(answerable_by(who).where(RefundRequest.id == request_id)).one_or_none()
    if request is None:
        raise RequestUnknown()
    return request


def _said(words: str) -> str:
    words = words.strip()
    if not words or len(words) > WORDS_MAX:
        raise WordsMissing(most=WORDS_MAX)
    return words


def _standing(order: Order) -> RefundRequest | None:
    """The request that is open, or that the house agreed to."""
    at_once = (RefundRequest.status == RequestStatus.AGREED) & RefundRequest.answered_by.is_(None)
    standing = or_(RefundRequest.status == RequestStatus.OPEN, at_once)
    return session.scalars(select(RefundRequest).where(RefundRequest.order_id == order.id, standing)).one_or_none()


def _all_here(order: Order) -> bool:
    """Whether every box of the order can still be taken back. Its parcels are locked."""
    gone = Parcel.status.not_in(sources(ParcelStatus.CANCELLED))
    boxes = select(OrderParcel.parcel_id).where(OrderParcel.order_id == order.id, OrderParcel.withdrawn_at.is_(None))
    return order.completed_at is None and not session.scalar(select(exists().where(Parcel.id.in_(boxes), gone)))


def _for_answer(request: RefundRequest, by: UUID) -> Order:
    """The order, locked after its parcels; the request is ours alone and still open."""
    fulfilment.lock_parcels(session.get_one(Order, request.order_id))
    order = payments.lock_order(request.order_id)
    session.refresh(request, with_for_update=True)
    if request.status is not RequestStatus.OPEN:
        raise AlreadyAnswered()
    if by == order.buyer_id:
        raise OwnRequest()
    return order


def _close(
    request: RefundRequest, to: RequestStatus, *, answer: str, by: UUID | None, now: datetime,
    refund: Refund | None = None,
) -> None:  # fmt: skip
    request.status, request.answer, request.answered_by, request.answered_at = to, answer, by, now
    request.refund_id = refund.id if refund else None
    session.flush()
