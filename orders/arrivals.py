"""Arrivals: money that came in, and the one outcome it has: the order is paid, or the money goes back by itself."""

from datetime import datetime
from uuid import UUID

from core.db import session
from core.errors import Conflict
from orders import completion, ledger, lifecycle, payments, refunding
from orders.orders import Order, OrderStatus
from orders.payments import KEPT, Outcome, Payment
from orders.payments import PaymentStatus as S
from orders.refunds import RefundReason
from orders.repaying import CLEARING
from orders.stripe import Intent, IntentState

REASONS = {
    Outcome.LATE: RefundReason.LATE,
    Outcome.CANCELLED: RefundReason.CANCELLED,
    Outcome.DOUBLED: RefundReason.DOUBLED,
}
"""Money that could pay for nothing goes back, and this is what the buyer reads."""


class NotOurs(Exception):
    """What Stripe shows does not fit our row; `fact` names the first difference. Nothing is changed."""

    def __init__(self, fact: str) -> None:
        super().__init__(fact)
        self.fact = fact


def take_in(intent: Intent, *, live: bool, now: datetime) -> Payment:
    """Bring a payment to where its intent is now. Any order and any number of calls end in the same state.

    Raises NotOurs when payment, order, amount, currency or world differ from our row.
    """
    known = _payment(intent)
    order = payments.lock_order(known.order_id)
    payment = payments.lock(known.id)
    _compare(intent, payment, order, live=live)
    payment.intent_id = intent.id
    match intent.state:
        case IntentState.PAID:
            settle(payment, order, account=CLEARING, now=now)
        case IntentState.DECLINED:
            _declined(payment, intent.reason, now=now)
        case IntentState.CLOSED if payment.status in payments.OPEN:
            payments.move(payment, S.WITHDRAWN, now=now, reason="closed")
        case _:
            pass  # still open, or closed as we asked
    session.flush()
    return payment


def _payment(intent: Intent) -> Payment:
    try:
        payment = session.get(Payment, UUID(intent.payment_id))
    except ValueError:
        payment = None
    if payment is None:
        raise NotOurs("payment")
    return payment


def _compare(intent: Intent, payment: Payment, order: Order, *, live: bool) -> None:
    facts = {
        "livemode": intent.livemode == live,
        "order": intent.order_number == order.number,
        "intent": payment.intent_id in (None, intent.id),
        "currency": intent.currency == payment.currency,
        "amount": intent.amount_minor == payment.amount_minor,
        "received": intent.state is not IntentState.PAID or intent.received_minor == payment.amount_minor,
    }
    for fact, fits in facts.items():
        if not fits:
            raise NotOurs(fact)


def settle(payment: Payment, order: Order, *, account: str, now: datetime, by: UUID | None = None) -> None:
    """The money is on `account`. Order and payment are locked by the caller; a repeat does nothing."""
    if payment.status is S.SUCCEEDED:
        return
    entries = [(account, payment.amount_minor), (completion.buyer_account(order), -payment.amount_minor)]
    kind = "cash" if account.startswith("cash:") else "payment"
    ledger.post(kind, order.number, f"payment:{payment.id}", entries, now=now, by=by)
    outcome = _spend(order, now=now, by=by)
    payment.outcome, payment.settled_at, payment.failure = outcome, now, ""
    payments.move(payment, S.SUCCEEDED, now=now, by=by, reason=str(outcome))
    if outcome not in KEPT:
        refunding.send_back(order, payment, reason=REASONS[outcome], now=now)


def _spend(order: Order, *, now: datetime, by: UUID | None) -> Outcome:
    """What the money does for the order."""
    if order.status is OrderStatus.CANCELLED:
        return Outcome.CANCELLED
    if order.status not in (OrderStatus.AWAITING_PAYMENT, OrderStatus.EXPIRED):
        return Outcome.DOUBLED
    late = order.status is OrderStatus.EXPIRED
    try:
        lifecycle.mark_paid(order, now=now, by=by)
    except Conflict:
        if not late:
            raise
        session.refresh(order)
        return Outcome.LATE  # sold out, past its date or closed: the goods cannot be had again
    return Outcome.RETAKEN if late else Outcome.PAID


def _declined(payment: Payment, reason: str, *, now: datetime) -> None:
    """A wallet's no ends the try; on a card's page the buyer may try again, so it stays open."""
    payment.failure = reason
    if payment.status in payments.OPEN and payment.stripe_session_id is None:
        payments.move(payment, S.FAILED, now=now, reason=reason)
