"""Repaying: refunds go to Stripe, or over the counter, and end with the buyer or stay owed to her."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from core import clock
from core.db import session
from core.jobs import job
from orders import ledger, refunds, stripe
from orders.orders import Order
from orders.payments import Payment
from orders.refunds import Refund, owed_account
from orders.refunds import RefundStatus as S

CLEARING = "stripe:clearing"


@job(retries=8)
def send_refund(refund_id: str) -> None:
    """Ask Stripe to send the money. No row is locked while Stripe is asked; a repeat sends nothing twice."""
    refund = session.get_one(Refund, UUID(refund_id), populate_existing=True)
    if refund.status is not S.REQUESTED:
        return
    intent_id = session.scalars(select(Payment.intent_id).where(Payment.id == refund.payment_id)).one()
    try:
        returned = stripe.refund(
            refund_id, attempt=refund.attempt, intent_id=intent_id or "", amount_minor=refund.amount_minor
        )
    except stripe.StripeRefused as no:
        fail(refunds.lock(refund.id), no.code, now=clock.now())
        return
    hear(returned, now=clock.now())


def hear(returned: stripe.Returned, *, now: datetime) -> bool:
    """Take in what Stripe says of a refund now. False when it is none of ours or does not fit ours."""
    try:
        known = session.get(Refund, UUID(returned.refund_id))
    except ValueError:
        return False
    if known is None or (known.amount_minor, known.currency) != (returned.amount_minor, returned.currency):
        return False
    refund = refunds.lock(known.id)
    if refund.stripe_id not in (None, returned.id):
        return False  # the news of an earlier attempt
    refund.stripe_id = returned.id
    if returned.status == "succeeded":
        succeed(refund, CLEARING, now=now)
    elif returned.status in ("failed", "canceled"):
        fail(refund, returned.reason or returned.status, now=now)
    elif refund.status is S.REQUESTED:
        refunds.move(refund, S.PENDING, now=now)
    session.flush()
    return True


def succeed(refund: Refund, out_of: str, *, now: datetime, by: UUID | None = None) -> None:
    """The buyer has the money: it left this account of ours. A repeat, or news older than a failure, does nothing."""
    if refund.status not in (S.REQUESTED, S.PENDING):
        return
    refunds.move(refund, S.SUCCEEDED, now=now, by=by)
    refund.ended_at = now
    _post(refund, "sent", owed_account(refund.payment.method), out_of, now=now, by=by)


def fail(refund: Refund, why: str, *, now: datetime) -> None:
    """The money did not reach her, or came back: it is owed to her again, and somebody must look."""
    if refund.status is S.FAILED:
        return
    came_back = refund.status is S.SUCCEEDED
    refund.failure = why
    refund.ended_at = now
    refunds.move(refund, S.FAILED, now=now, reason=why)
    if came_back:
        _post(refund, "back", CLEARING, owed_account(refund.payment.method), now=now, by=None)


def send_again(refund: Refund, *, by: UUID, now: datetime) -> None:
    """Try a failed refund once more, as a new attempt. Raises IllegalMove."""
    refund = refunds.lock(refund.id)
    refunds.move(refund, S.REQUESTED, now=now, by=by)
    refund.attempt += 1
    refund.stripe_id, refund.ended_at, refund.failure = None, None, ""
    session.flush()
    send_refund.later(refund_id=str(refund.id))


def _post(refund: Refund, step: str, debit: str, credit: str, *, now: datetime, by: UUID | None) -> None:
    number = session.scalars(select(Order.number).where(Order.id == refund.order_id)).one()
    entries = [(debit, refund.amount_minor), (credit, -refund.amount_minor)]
    ledger.post("refund", number, f"refund:{refund.id}:{step}:{refund.attempt}", entries, now=now, by=by)
