"""News of Stripe: kept once, worked by asking how things are, and therefore welcome late, twice or in disorder."""

import itertools
import time
from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from core.db import session
from core.testing import frozen, run_jobs
from orders import lifecycle, refunding, stripe, webhooks
from orders.orders import Order, OrderStatus
from orders.payments import Method, Outcome, Payment, PaymentStatus
from orders.refunds import Refund, RefundReason, RefundStatus
from orders.webhooks import EventOutcome, StripeEvent, WebhookUnsigned
from tests.orders import buying
from tests.orders.buying import MORNING
from tests.standin.running import StandIn

LATE = MORNING + timedelta(minutes=20)


def deliver(standin: StandIn, *, later_s: float = 0) -> int:
    """Everything that is due comes in and is worked."""

    def post(body: bytes, headers: Mapping[str, str]) -> int:
        try:
            webhooks.receive(body, headers["Stripe-Signature"], now=MORNING)
        except WebhookUnsigned as no:
            return no.status
        return 200

    standin.sender.post = post
    taken = int(standin.sender.send_due(time.time() + later_s))
    with frozen(LATE if later_s else MORNING):
        run_jobs(MORNING)
    session.expire_all()
    return taken


def kinds() -> dict[str, EventOutcome | None]:
    return {kind: outcome for kind, outcome in session.execute(select(StripeEvent.kind, StripeEvent.outcome))}  # noqa: C416


@pytest.mark.parametrize("method", [Method.CARD, Method.ALIPAY, Method.WECHAT_PAY])
def test_an_event_pays_the_order(standin: StandIn, method: Method) -> None:
    order = buying.order()
    buying.pay(standin, buying.opened(order, method))
    assert deliver(standin) == (2 if method is Method.CARD else 1)
    assert session.get_one(Order, order.id).status is OrderStatus.PAID
    assert set(kinds().values()) == {EventOutcome.WORKED}


def test_a_declined_payment_is_heard_of(standin: StandIn) -> None:
    payment = buying.opened(buying.order())
    buying.pay(standin, payment, "fail")
    deliver(standin)
    assert buying.fresh(payment).status is PaymentStatus.FAILED


def test_an_event_is_kept_once_however_often_it_comes(standin: StandIn) -> None:
    order = buying.order()
    standin.arm("webhook_duplicate", copies=4)
    buying.pay(standin, buying.opened(order))
    assert deliver(standin) == 5
    assert session.scalar(select(func.count()).select_from(StripeEvent)) == 1
    assert buying.balances(order) == {"stripe:clearing": 2_990, "buyer": -2_990}


def test_a_late_event_finds_the_order_expired_and_takes_the_goods_again(standin: StandIn) -> None:
    order = buying.order()
    payment = buying.opened(order)
    standin.arm("webhook_delay", seconds=40)
    buying.pay(standin, payment)
    assert deliver(standin) == 0
    lifecycle.expire_due(LATE)
    assert deliver(standin, later_s=41) == 1
    assert buying.fresh(payment).outcome is Outcome.RETAKEN
    assert session.get_one(Order, order.id).status is OrderStatus.PAID


def test_news_of_a_refund_may_overtake_news_of_its_payment(standin: StandIn) -> None:
    order = buying.order()
    payment = buying.opened(order)
    standin.arm("webhook_reorder")
    buying.pay(standin, payment)
    stripe.refund("01900000-0000-7000-8000-000000000000", attempt=1, intent_id=payment.intent_id or "", amount_minor=1)
    deliver(standin)
    assert session.get_one(Order, order.id).status is OrderStatus.AWAITING_PAYMENT
    deliver(standin, later_s=60)
    assert session.get_one(Order, order.id).status is OrderStatus.PAID
    assert kinds()["refund.created"] is EventOutcome.REFUSED


def test_the_end_of_a_pending_refund_is_heard_of(standin: StandIn) -> None:
    order = buying.order()
    buying.pay(standin, buying.opened(order))
    deliver(standin)
    standin.arm("refund_pending")
    refund = refunding.whole(order, reason=RefundReason.REQUEST, key="k1", now=MORNING)
    run_jobs(MORNING)
    session.expire_all()
    standin.end_refund(session.get_one(Refund, refund.id).stripe_id or "", "succeeded")
    deliver(standin)
    assert session.get_one(Refund, refund.id).status is RefundStatus.SUCCEEDED
    assert buying.balances(order) == {}


def test_an_event_of_another_kind_is_kept_and_ignored(standin: StandIn) -> None:
    order = buying.order()
    payment = buying.opened(order)
    buying.pay(standin, payment)
    deliver(standin)
    refunding.whole(order, reason=RefundReason.REQUEST, key="k1", now=MORNING)
    run_jobs(MORNING)
    deliver(standin)
    assert kinds()["charge.refunded"] is EventOutcome.IGNORED


def test_an_event_that_stripe_cannot_explain_now_is_worked_again(standin: StandIn) -> None:
    order = buying.order()
    payment = buying.opened(order)
    buying.pay(standin, payment)
    standin.arm("rate_limit")
    with pytest.raises(stripe.StripeUnreachable):
        deliver(standin)
    webhooks.work_event(event_id=str(session.scalars(select(StripeEvent.id)).one()))
    assert buying.fresh(payment).outcome is Outcome.PAID


def test_no_personal_data_of_an_event_is_kept() -> None:
    assert {column.name for column in StripeEvent.__table__.columns} == {
        "id", "event_id", "kind", "object_id", "account", "livemode", "created_at", "received_at", "worked_at",
        "outcome", "note",
    }  # fmt: skip


def test_unworked_events_are_found(standin: StandIn) -> None:
    buying.pay(standin, buying.opened(buying.order()))
    standin.arm("rate_limit")
    with pytest.raises(stripe.StripeUnreachable):
        deliver(standin)
    assert [event.kind for event in webhooks.unworked(MORNING + timedelta(minutes=1))] == ["payment_intent.succeeded"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_and_any_repetition_of_an_orders_events_end_in_one_state(
    standin: StandIn, data: st.DataObject
) -> None:
    """Declined, paid, refunded in part, the rest refunded; before each step some events come in, later ones again."""
    with session.begin_nested() as example:
        state = _a_life(standin, data)
        example.rollback()
    assert state == ("refunded", "succeeded", "paid", [("succeeded", 990), ("succeeded", 2_000)], {})


def _a_life(standin: StandIn, data: st.DataObject) -> tuple[object, ...]:
    order = buying.order()
    payment = buying.opened(order, Method.CARD)
    seen = {event["id"] for event in standin.objects("event")}

    def some_come_in(*, at_least_all: bool = False) -> None:
        happened = [event for event in standin.objects("event") if event["id"] not in seen]
        chosen = data.draw(st.lists(st.sampled_from(happened), max_size=6)) if happened else []
        if at_least_all:
            chosen = data.draw(st.permutations([*happened, *chosen]))
        for event in chosen:
            _work(event)

    buying.pay(standin, payment, "fail")
    some_come_in()
    buying.pay(standin, payment)
    some_come_in(at_least_all=True)
    refunding.of_lines(
        order, {buying.lines_of(order)[0].id: 990}, reason=RefundReason.QUALITY, key=f"{order.id}1", now=MORNING
    )
    some_come_in()
    run_jobs(MORNING)
    some_come_in()
    refunding.whole(order, reason=RefundReason.REQUEST, key=f"{order.id}2", now=MORNING)
    run_jobs(MORNING)
    some_come_in(at_least_all=True)
    session.expire_all()
    refunds = session.execute(select(Refund.status, Refund.amount_minor).order_by(Refund.amount_minor)).all()
    kept = session.get_one(Payment, payment.id)
    return order.status, kept.status, kept.outcome, [tuple(row) for row in refunds], buying.balances(order)


_serial = itertools.count()


def _work(event: dict[str, object]) -> None:
    """Work an event as if it had just come, also when it came before."""
    told: dict[str, dict[str, str]] = event["data"]  # type: ignore[assignment]
    row = StripeEvent(
        event_id=f"{event['id']}:{next(_serial)}",
        kind=str(event["type"]),
        object_id=told["object"]["id"],
        account=None,
        livemode=False,
        created_at=MORNING,
        received_at=MORNING,
        note="",
    )
    session.add(row)
    session.flush()
    webhooks.work_event(event_id=str(row.id))
    assert row.outcome is not EventOutcome.REFUSED
