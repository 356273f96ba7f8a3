"""Paying an order: one way at a time, in time or late, and each arrival of money has one outcome."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text

from core import clock
from core.db import session
from core.testing import frozen, run_jobs
from orders import arrivals, lifecycle, paying, stripe
from orders.orders import Order, OrderStatus
from orders.payments import ATTEMPTS_MAX, Method, Outcome, Payment, PaymentMove, PaymentStatus, TooManyAttempts
from orders.refunds import Refund, RefundReason, RefundStatus
from shop import stock
from tests.orders import buying
from tests.orders.buying import MORNING
from tests.standin.running import StandIn

LATE = MORNING + timedelta(minutes=20)


def intent_of(payment: Payment) -> stripe.Intent:
    intent_id = payment.intent_id or stripe.intent_of_session(payment.stripe_session_id or "")
    return stripe.read_intent(intent_id or "")


def hear(payment: Payment, *, now: datetime = MORNING) -> Payment:
    arrivals.take_in(intent_of(payment), live=False, now=now)
    return buying.fresh(payment)


def moves_of(payment: Payment) -> dict[str | None, str]:
    """Every step: what it was → what it became."""
    query = select(PaymentMove.was, PaymentMove.became).where(PaymentMove.payment_id == payment.id)
    return dict(session.execute(query).all())


@pytest.mark.parametrize("method", [Method.CARD, Method.ALIPAY, Method.WECHAT_PAY])
def test_an_order_is_paid_by_each_method(standin: StandIn, method: Method) -> None:
    order = buying.order(2)
    payment = buying.opened(order, method)
    assert (payment.status, payment.amount_minor) == (PaymentStatus.PENDING, 5_980)
    buying.pay(standin, payment)
    payment = hear(payment)
    assert (payment.status, payment.outcome) == (PaymentStatus.SUCCEEDED, Outcome.PAID)
    assert order.status is OrderStatus.PAID
    assert moves_of(payment) == {None: "preparing", "preparing": "pending", "pending": "succeeded"}
    assert buying.balances(order) == {"stripe:clearing": 5_980, "buyer": -5_980}


def test_nothing_is_asked_of_stripe_before_the_order_is_durable(standin: StandIn) -> None:
    payment = paying.start(buying.order(), Method.ALIPAY, return_url=buying.RETURN_URL, by=None, now=MORNING)
    assert (payment.status, payment.pay_url) == (PaymentStatus.PREPARING, None)
    assert standin.objects("payment_intent") == []


def test_only_numbers_reach_stripe(standin: StandIn) -> None:
    order = buying.order()
    payment = buying.opened(order)
    assert standin.objects("payment_intent")[0]["metadata"] == {"order": order.number, "payment": str(payment.id)}


def test_asking_twice_gives_the_same_payment(standin: StandIn) -> None:
    order = buying.order()
    first = buying.opened(order)
    assert buying.opened(order).id == first.id
    assert len(standin.objects("payment_intent")) == 1


def test_another_method_takes_the_place_of_the_first(standin: StandIn) -> None:
    order = buying.order()
    first = buying.opened(order, Method.ALIPAY)
    second = buying.opened(order, Method.CARD)
    assert (buying.fresh(first).status, second.status) == (PaymentStatus.WITHDRAWN, PaymentStatus.PENDING)
    assert standin.objects("payment_intent")[-1]["status"] == "canceled"


def test_a_lost_answer_is_healed_by_the_next_try(standin: StandIn) -> None:
    standin.arm("server_error")
    payment = paying.start(buying.order(), Method.ALIPAY, return_url=buying.RETURN_URL, by=None, now=MORNING)
    with pytest.raises(stripe.StripeUnreachable):
        run_jobs(MORNING)
    paying.open_payment(payment_id=str(payment.id))
    paying.open_payment(payment_id=str(payment.id))
    assert buying.fresh(payment).status is PaymentStatus.PENDING
    assert len(standin.objects("payment_intent")) == 1


def test_a_payment_stuck_in_preparation_is_prepared_again_when_asked_for(standin: StandIn) -> None:
    order = buying.order()
    paying.start(order, Method.ALIPAY, return_url=buying.RETURN_URL, by=None, now=MORNING)
    session.execute(text("DELETE FROM procrastinate_jobs"))
    assert buying.opened(order, now=MORNING + timedelta(minutes=2)).status is PaymentStatus.PENDING


def test_a_wallets_no_ends_the_try_and_another_may_follow(standin: StandIn) -> None:
    order = buying.order()
    payment = buying.opened(order)
    buying.pay(standin, payment, "fail")
    payment = hear(payment)
    assert (payment.status, payment.failure) == (PaymentStatus.FAILED, "payment_method_provider_decline")
    assert order.status is OrderStatus.AWAITING_PAYMENT
    assert buying.opened(order).id != payment.id


def test_a_declined_card_may_be_tried_again_on_its_page(standin: StandIn) -> None:
    order = buying.order()
    payment = buying.opened(order, Method.CARD)
    buying.pay(standin, payment, "fail")
    assert (hear(payment).status, payment.failure) == (PaymentStatus.PENDING, "card_declined")
    buying.pay(standin, payment)
    assert hear(payment).outcome is Outcome.PAID


def test_what_stripe_does_not_take_at_all_fails_with_its_word(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(asked: stripe.Asked) -> stripe.Opened:
        raise stripe.StripeRefused("payment_method_not_available")

    monkeypatch.setattr(stripe, "open_payment", refuse)
    payment = buying.opened(buying.order())
    assert (payment.status, payment.failure) == (PaymentStatus.FAILED, "payment_method_not_available")


def test_tries_are_bounded(standin: StandIn) -> None:
    order = buying.order()
    methods = [Method.ALIPAY, Method.CARD]
    for number in range(ATTEMPTS_MAX):
        paying.start(order, methods[number % 2], return_url=buying.RETURN_URL, by=None, now=MORNING)
    with pytest.raises(TooManyAttempts):
        paying.start(order, methods[ATTEMPTS_MAX % 2], return_url=buying.RETURN_URL, by=None, now=MORNING)


def test_a_paid_a_cancelled_and_an_overdue_order_cannot_be_paid(standin: StandIn) -> None:
    paid, cancelled, overdue = buying.order(), buying.order(), buying.order()
    payment = buying.opened(paid)
    buying.pay(standin, payment)
    hear(payment)
    lifecycle.cancel(cancelled, by=cancelled.buyer_id, now=MORNING)
    for order, now in ((paid, MORNING), (cancelled, MORNING), (overdue, LATE)):
        with pytest.raises(paying.OrderNotPayable):
            paying.start(order, Method.CARD, return_url=buying.RETURN_URL, by=None, now=now)


def test_money_after_expiry_takes_the_goods_again(standin: StandIn) -> None:
    order = buying.order()
    payment = buying.opened(order)
    lifecycle.expire_due(LATE)
    buying.pay(standin, payment)
    payment = hear(payment, now=LATE)
    session.refresh(order)
    assert (order.status, payment.outcome) == (OrderStatus.PAID, Outcome.RETAKEN)
    assert session.scalars(select(Refund)).all() == []


def test_money_after_expiry_goes_back_by_itself_when_the_goods_are_gone(standin: StandIn) -> None:
    order = buying.order()
    lot_id = buying.lines_of(order)[0].lot_id
    payment = buying.opened(order)
    lifecycle.expire_due(LATE)
    stock.hold({lot_id: 400_000}, reference="others", now=LATE)
    buying.pay(standin, payment)
    payment = hear(payment, now=LATE)
    run_jobs(LATE)
    session.expire_all()
    refund = session.scalars(select(Refund)).one()
    assert (order.status, payment.outcome) == (OrderStatus.EXPIRED, Outcome.LATE)
    assert (refund.reason, refund.status, refund.amount_minor) == (RefundReason.LATE, RefundStatus.SUCCEEDED, 2_990)
    assert buying.balances(order) == {}


def test_money_for_a_cancelled_order_goes_back(standin: StandIn) -> None:
    order = buying.order()
    payment = buying.opened(order)
    buying.pay(standin, payment)
    lifecycle.cancel(order, by=order.buyer_id, now=MORNING)
    payment = hear(payment)
    run_jobs(MORNING)
    session.expire_all()
    assert (payment.outcome, session.scalars(select(Refund.reason)).one()) == (
        Outcome.CANCELLED,
        RefundReason.CANCELLED,
    )
    assert buying.balances(order) == {}


def test_an_order_paid_twice_keeps_one_payment_and_returns_the_other(standin: StandIn) -> None:
    order = buying.order()
    first = buying.opened(order, Method.ALIPAY)
    second = buying.opened(order, Method.WECHAT_PAY)
    buying.pay(standin, second)
    assert hear(second).outcome is Outcome.PAID
    twice = replace(intent_of(first), state=stripe.IntentState.PAID, received_minor=2_990)
    arrivals.take_in(twice, live=False, now=MORNING)
    assert buying.fresh(first).outcome is Outcome.DOUBLED
    refund = session.scalars(select(Refund)).one()
    assert (refund.payment_id, refund.reason, refund.amount_minor) == (first.id, RefundReason.DOUBLED, 2_990)
    assert buying.balances(order) == {"stripe:clearing": 5_980, "buyer": -2_990, "refunds:stripe": -2_990}


def test_money_given_before_another_way_was_chosen_pays_the_order(standin: StandIn) -> None:
    order = buying.order()
    first = buying.opened(order, Method.ALIPAY)
    buying.pay(standin, first)
    second = buying.opened(order, Method.WECHAT_PAY)
    assert (buying.fresh(first).outcome, buying.fresh(second).outcome) == (Outcome.PAID, None)
    paying.withdraw_of_ended_orders(now=MORNING)
    run_jobs(MORNING)
    assert standin.objects("payment_intent")[0]["status"] == "canceled"


def test_the_page_of_a_cancelled_order_is_shut(standin: StandIn) -> None:
    order = buying.order()
    payment = buying.opened(order)
    lifecycle.cancel(order, by=order.buyer_id, now=MORNING)
    run_jobs(MORNING)
    assert buying.fresh(payment).status is PaymentStatus.WITHDRAWN
    assert standin.objects("payment_intent")[0]["status"] == "canceled"


def test_the_page_of_an_expired_order_is_shut_by_the_sweep(standin: StandIn) -> None:
    payment = buying.opened(buying.order(), Method.CARD)
    lifecycle.expire_due(LATE)
    with frozen(LATE):
        assert paying.withdraw_of_ended_orders(now=clock.now()) == 1
        run_jobs(LATE)
    assert buying.fresh(payment).status is PaymentStatus.WITHDRAWN
    assert standin.objects("checkout.session")[0]["status"] == "expired"


@pytest.mark.parametrize("method", [Method.CARD, Method.ALIPAY])
def test_money_whose_news_was_lost_is_found_when_its_page_is_to_be_shut(standin: StandIn, method: Method) -> None:
    order = buying.order()
    payment = buying.opened(order, method)
    buying.pay(standin, payment)
    lifecycle.expire_due(LATE)
    with frozen(LATE):
        paying.withdraw_of_ended_orders(now=LATE)
        run_jobs(LATE)
    assert buying.fresh(payment).outcome is Outcome.RETAKEN
    assert session.get_one(Order, order.id).status is OrderStatus.PAID


def test_every_word_of_stripe_is_compared_with_our_row(standin: StandIn) -> None:
    order = buying.order()
    payment = buying.opened(order)
    buying.pay(standin, payment)
    true = intent_of(payment)
    lies = {
        "payment": replace(true, payment_id="x"),
        "livemode": replace(true, livemode=True),
        "order": replace(true, order_number="1"),
        "intent": replace(true, id="pi_other"),
        "currency": replace(true, currency="USD"),
        "amount": replace(true, amount_minor=1),
        "received": replace(true, received_minor=1),
    }
    for fact, lie in lies.items():
        with pytest.raises(arrivals.NotOurs, match=fact):
            arrivals.take_in(lie, live=False, now=MORNING)
    assert session.get_one(Order, order.id).status is OrderStatus.AWAITING_PAYMENT
    assert buying.balances(order) == {}
