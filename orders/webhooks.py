"""Webhooks: an event is verified, kept once by its id, answered, and worked in a job that asks Stripe how things are.

An event is a hint that something happened. Its content is not believed and, holding a buyer's billing details, not
kept; so events may come late, twice, or in any order.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from core import clock
from core.db import Id, Model, among, new_id, one_of, session
from core.errors import Refusal
from core.i18n import _
from core.jobs import job
from core.settings import settings
from orders import arrivals, repaying, stripe


class EventOutcome(StrEnum):
    """What came of an event."""

    WORKED = "worked"  # our rows are where Stripe is
    IGNORED = "ignored"  # of a kind that tells us nothing
    REFUSED = "refused"  # it does not fit our rows: `note` names the difference


class WebhookUnsigned(Refusal):
    """Not signed by Stripe with our secret, or too old."""

    status = 400
    message = _("签名不对或者已经过期。")


class StripeEvent(Model):
    """One event of Stripe: which object it speaks of, and what came of it."""

    __tablename__ = "stripe_events"
    __table_args__ = (CheckConstraint(among("outcome", EventOutcome), name="outcome"),)

    id: Mapped[Id]
    event_id: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    object_id: Mapped[str] = mapped_column(index=True)
    account: Mapped[str | None]
    livemode: Mapped[bool]
    created_at: Mapped[datetime]
    received_at: Mapped[datetime]
    worked_at: Mapped[datetime | None]
    outcome: Mapped[EventOutcome | None] = mapped_column(one_of(EventOutcome))
    note: Mapped[str] = mapped_column(default="")


def receive(body: bytes, signature: str, *, now: datetime) -> bool:
    """Keep an event and plan its work; False when it was known. Raises WebhookUnsigned."""
    try:
        news = stripe.read_event(body, signature)
    except stripe.SignatureWrong:
        raise WebhookUnsigned() from None
    values = vars(news) | {"id": new_id(now), "received_at": now, "note": ""}
    kept = session.scalars(
        insert(StripeEvent).values(values).on_conflict_do_nothing(index_elements=["event_id"]).returning(StripeEvent.id)
    ).one_or_none()
    if kept is not None:
        work_event.later(event_id=str(kept))
    return kept is not None


@job(retries=8)
def work_event(event_id: str) -> None:
    """Ask Stripe for the object and bring our rows to where it is. A repeat does nothing."""
    event = session.get_one(StripeEvent, UUID(event_id), populate_existing=True)
    if event.outcome is None:
        event.outcome, event.note = work(event, now=clock.now())
        event.worked_at = clock.now()
        session.flush()


def work(event: StripeEvent, *, now: datetime) -> tuple[EventOutcome, str]:
    """What the event leads to; changes our rows, not the event's own."""
    live = settings().world == "live"
    if event.livemode is not live:
        return EventOutcome.REFUSED, "livemode"
    if event.account is not None:
        return EventOutcome.REFUSED, "account"
    worker = next((worker for prefix, worker in WORKERS.items() if event.kind.startswith(prefix)), None)
    if worker is None:
        return EventOutcome.IGNORED, ""
    try:
        return worker(event.object_id, live, now)
    except arrivals.NotOurs as difference:
        return EventOutcome.REFUSED, difference.fact
    except stripe.StripeRefused as no:
        return EventOutcome.REFUSED, no.code


def _intent(intent_id: str, live: bool, now: datetime) -> tuple[EventOutcome, str]:
    arrivals.take_in(stripe.read_intent(intent_id), live=live, now=now)
    return EventOutcome.WORKED, ""


def _session(session_id: str, live: bool, now: datetime) -> tuple[EventOutcome, str]:
    intent_id = stripe.intent_of_session(session_id)
    return (EventOutcome.IGNORED, "no intent") if intent_id is None else _intent(intent_id, live, now)


def _refund(refund_id: str, live: bool, now: datetime) -> tuple[EventOutcome, str]:
    fits = repaying.hear(stripe.read_refund(refund_id), now=now)
    return (EventOutcome.WORKED, "") if fits else (EventOutcome.REFUSED, "refund")


Worker = Callable[[str, bool, datetime], tuple[EventOutcome, str]]

WORKERS: dict[str, Worker] = {
    "payment_intent.": _intent,
    "checkout.session.": _session,
    "refund.": _refund,
}
"""Who works which kinds of event; the others are kept and ignored."""


def unworked(older_than: datetime) -> list[StripeEvent]:
    """Events that should have been worked by now."""
    query = select(StripeEvent).where(StripeEvent.outcome.is_(None), StripeEvent.received_at < older_than)
    return list(session.scalars(query.order_by(StripeEvent.id)))
