"""Paying: from the wish to pay to a page where the buyer can. A job asks Stripe, so nobody waits in a transaction."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from core import clock
from core.db import session
from core.errors import Conflict
from core.i18n import _
from core.jobs import job, periodic
from core.settings import settings
from orders import arrivals, payments, stripe
from orders.events import order_cancelled
from orders.orders import Order, OrderStatus
from orders.payments import OPEN, Method, Payment
from orders.payments import PaymentStatus as S

STALE = timedelta(minutes=1)
"""A payment that is still being prepared after this long is prepared again when asked for."""


class OrderNotPayable(Conflict):
    """The order is paid, cancelled or past its time."""

    message = _("这个订单现在不能付款。")


def check_payable(order: Order, *, now: datetime) -> None:
    """Raises OrderNotPayable unless the order waits for its payment and has time left."""
    if order.status is not OrderStatus.AWAITING_PAYMENT or (order.pay_by is not None and now >= order.pay_by):
        raise OrderNotPayable(status=str(order.status))


def start(order: Order, method: Method, *, return_url: str, by: UUID | None, now: datetime) -> Payment:
    """Begin to pay an order; asking again for the same method gives the same payment, another method takes its place.

    Raises OrderNotPayable, TooManyAttempts.
    """
    order = payments.lock_order(order.id)
    check_payable(order, now=now)
    opened = session.scalars(
        select(Payment).where(Payment.order_id == order.id, Payment.status.in_(OPEN))
    ).one_or_none()
    if opened is not None and opened.method is method:
        if opened.status is S.PREPARING and now - opened.created_at > STALE:
            open_payment.later(payment_id=str(opened.id))
        return opened
    if opened is not None:
        withdraw(opened, reason=f"{method}", now=now)
    payment = payments.add(order, method, status=S.PREPARING, by=by, now=now, return_url=return_url)
    open_payment.later(payment_id=str(payment.id))
    return payment


def withdraw(payment: Payment, *, reason: str, now: datetime) -> None:
    """Nobody shall pay here any more; the page at Stripe is shut by a job."""
    payments.move(payment, S.WITHDRAWN, reason=reason, now=now)
    close_payment.later(payment_id=str(payment.id))


@order_cancelled.connect
def withdraw_of(order: Order, *, now: datetime) -> None:
    """The order has ended without these payments, or another way."""
    query = select(Payment).where(Payment.order_id == order.id, Payment.status.in_(OPEN)).with_for_update()
    for payment in session.scalars(query):
        withdraw(payment, reason="order ended", now=now)


@periodic("* * * * * */15")
def withdraw_ended(timestamp: int) -> None:
    """Every quarter of a minute: nobody shall pay for an order that is paid or expired."""
    withdraw_of_ended_orders(now=clock.now())


def withdraw_of_ended_orders(*, now: datetime, limit: int = 200) -> int:
    """Withdraw open payments of orders that wait no more; returns how many. Rows in use are left for the next time."""
    query = (
        select(Payment)
        .join(Order, Order.id == Payment.order_id)
        .where(Payment.status.in_(OPEN), Order.status != OrderStatus.AWAITING_PAYMENT)
        .limit(limit)
        .with_for_update(of=Payment, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    found = session.scalars(query).all()
    for payment in found:
        withdraw(payment, reason="order ended", now=now)
    return len(found)


@job(retries=8)
def open_payment(payment_id: str) -> None:
    """Make the place where the buyer pays. No row is locked while Stripe is asked; a repeat finds the same place."""
    payment = session.get_one(Payment, UUID(payment_id), populate_existing=True)
    if payment.status is not S.PREPARING:
        return
    number = session.scalars(select(Order.number).where(Order.id == payment.order_id)).one()
    asked = stripe.Asked(
        payment_id, number, str(payment.method), payment.amount_minor, payment.currency, payment.return_url or ""
    )
    try:
        opened = stripe.open_payment(asked)
    except stripe.StripeRefused as no:
        _refused(payment.id, no.code, now=clock.now())
        return
    _opened(payment.id, opened, now=clock.now())


def _opened(payment_id: UUID, opened: stripe.Opened, *, now: datetime) -> None:
    payment = payments.lock(payment_id)
    payment.intent_id = payment.intent_id or opened.intent_id
    payment.stripe_session_id = opened.session_id
    payment.pay_url, payment.qr_text = opened.pay_url, opened.qr_text
    if payment.status is S.PREPARING:
        payments.move(payment, S.PENDING, now=now)
    elif payment.status is S.WITHDRAWN:
        close_payment.later(payment_id=str(payment.id))
    session.flush()


def _refused(payment_id: UUID, code: str, *, now: datetime) -> None:
    payment = payments.lock(payment_id)
    if payment.status is S.PREPARING:
        payment.failure = code
        payments.move(payment, S.FAILED, reason=code, now=now)


@job(retries=8)
def close_payment(payment_id: str) -> None:
    """Shut the page of a withdrawn payment. Where it is too late for that, look what has happened there."""
    payment = session.get_one(Payment, UUID(payment_id), populate_existing=True)
    if payment.status is not S.WITHDRAWN or payment.pay_url is None:
        return
    try:
        stripe.close_payment(payment_id, intent_id=payment.intent_id, session_id=payment.stripe_session_id)
    except stripe.StripeRefused:
        look.later(payment_id=payment_id)


@job(retries=8)
def look(payment_id: str) -> None:
    """Ask Stripe how a payment stands and take that in, as if its news had come: it may have been lost."""
    payment = session.get_one(Payment, UUID(payment_id), populate_existing=True)
    intent_id = payment.intent_id
    if intent_id is None and payment.stripe_session_id is not None:
        intent_id = stripe.intent_of_session(payment.stripe_session_id)
    if intent_id is not None:
        arrivals.take_in(stripe.read_intent(intent_id), live=settings().world == "live", now=clock.now())
