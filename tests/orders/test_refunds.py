"""Money goes back once, to where it came from, never above what was paid; whoever earned by it gives his share back."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from core.db import session
from core.errors import IllegalMove
from core.testing import run_jobs
from orders import arrivals, completion, ledger, moves, refunding, repaying, stripe
from orders.orders import Order, OrderLine, OrderStatus
from orders.payments import Method, Payment
from orders.refunds import Refund, RefundReason, RefundStatus
from shop.lots import HarvestLot
from tests import make
from tests.orders import buying
from tests.orders.buying import MORNING
from tests.standin.running import StandIn


def paid(standin: StandIn, *quantities: int, method: Method = Method.ALIPAY) -> Order:
    order = buying.order(*quantities)
    payment = buying.opened(order, method)
    buying.pay(standin, payment)
    arrivals.take_in(stripe.read_intent(intent_of(payment)), live=False, now=MORNING)
    return session.get_one(Order, order.id)


def intent_of(payment: Payment) -> str:
    return payment.intent_id or stripe.intent_of_session(payment.stripe_session_id or "") or ""


def whole(order: Order, key: str = "k1", reason: RefundReason = RefundReason.REQUEST) -> Refund:
    return refunding.whole(order, reason=reason, key=key, now=MORNING)


def of_lines(order: Order, amounts: dict[UUID, int], key: str = "k1") -> Refund:
    return refunding.of_lines(order, amounts, reason=RefundReason.QUALITY, key=key, now=MORNING)


def sent(refund: Refund) -> Refund:
    run_jobs(MORNING)
    session.expire_all()
    return session.get_one(Refund, refund.id)


@pytest.mark.parametrize("method", [Method.CARD, Method.ALIPAY, Method.WECHAT_PAY])
def test_all_of_an_order_goes_back_the_way_it_came(standin: StandIn, method: Method) -> None:
    order = paid(standin, 2, method=method)
    refund = whole(order)
    assert buying.balances(order) == {"stripe:clearing": 5_980, "refunds:stripe": -5_980}
    refund = sent(refund)
    assert (refund.status, refund.amount_minor) == (RefundStatus.SUCCEEDED, 5_980)
    assert session.get_one(Order, order.id).status is OrderStatus.REFUNDED
    assert buying.balances(order) == {}


def test_a_whole_refund_puts_goods_that_have_not_left_back_on_the_shelf(standin: StandIn) -> None:
    order = paid(standin, 2)
    lot_id = buying.lines_of(order)[0].lot_id
    assert session.get_one(HarvestLot, lot_id, populate_existing=True).allocated_g == 5_000
    whole(order)
    lot = session.get_one(HarvestLot, lot_id, populate_existing=True)
    assert (lot.allocated_g, lot.held_g) == (0, 0)


def test_part_of_a_line_goes_back_and_the_rest_stays_refundable(standin: StandIn) -> None:
    order = paid(standin, 1, 1)
    first, second = buying.lines_of(order)
    of_lines(order, {first.id: 990})
    refund = sent(whole(order, "k2"))
    assert refund.amount_minor == 5_980 - 990
    assert {line.line_id: line.amount_minor for line in refund.lines} == {first.id: 2_000, second.id: 2_990}
    assert buying.balances(order) == {}


def test_the_same_key_is_one_refund(standin: StandIn) -> None:
    order = paid(standin)
    line = buying.lines_of(order)[0]
    assert of_lines(order, {line.id: 500}).id == of_lines(order, {line.id: 500}).id
    with pytest.raises(refunding.RefundKeyReused):
        of_lines(order, {line.id: 501})
    assert whole(order, "k2").id == whole(order, "k2").id


def test_no_line_goes_back_above_what_was_paid_for_it(standin: StandIn) -> None:
    order = paid(standin, 1, 1)
    first, _second = buying.lines_of(order)
    with pytest.raises(refunding.RefundAbovePaid, match=r"29\.90"):
        of_lines(order, {first.id: 2_991})
    of_lines(order, {first.id: 2_990})
    with pytest.raises(refunding.RefundAbovePaid):
        of_lines(order, {first.id: 1}, "k2")
    whole(order, "k3")
    with pytest.raises(refunding.RefundAbovePaid):
        whole(order, "k4")


def test_a_line_of_another_order_and_odd_amounts_are_refused(standin: StandIn) -> None:
    order, other = paid(standin), paid(standin)
    mine, foreign = buying.lines_of(order)[0], buying.lines_of(other)[0]
    for amounts in ({foreign.id: 1}, {mine.id: 0}, {mine.id: -1}, {}):
        with pytest.raises(refunding.RefundAmountImpossible):
            of_lines(order, amounts)


def test_an_unpaid_order_has_nothing_to_give_back(standin: StandIn) -> None:
    with pytest.raises(refunding.NothingPaid):
        whole(buying.order())


def test_the_database_itself_holds_refunds_below_what_was_paid(standin: StandIn) -> None:
    order = paid(standin)
    for model in (Payment, Order, OrderLine):
        with pytest.raises(IntegrityError), session.begin_nested():
            session.execute(update(model).values(refunded_minor=2_991))
    payment = session.scalars(select(Payment).where(Payment.order_id == order.id)).one()
    payment.refunded_minor = 1
    session.flush()
    with pytest.raises(refunding.RefundAbovePaid):
        refunding.send_back(order, payment, reason=RefundReason.LATE, now=MORNING)


def complete(order: Order) -> None:
    for status in (OrderStatus.SHIPPED, OrderStatus.DELIVERED):
        moves.step(order, status, now=MORNING)
    completion.complete(order, now=MORNING)


def test_after_completion_everybody_gives_his_share_back(standin: StandIn) -> None:
    order = paid(standin, 2, 1)
    complete(order)
    earned = completion.shares(order)
    assert sum(earned.values()) == 8_970
    first, second = buying.lines_of(order)
    for number, (line, minor) in enumerate([(first, 1), (second, 7), (first, 1_003), (second, 2_983)]):
        of_lines(order, {line.id: minor}, f"part {number}")
        kept = completion.shares(order)
        assert {code: -ledger.balance(code) for code in earned} == {code: kept.get(code, 0) for code in earned}
    sent(whole(order, "rest"))
    assert {ledger.balance(code) for code in earned} == {0}
    assert buying.balances(order) == {}
    assert sum(ledger.trial_balance().values()) == 0


def test_a_pending_refund_ends_when_the_bank_has_answered(standin: StandIn) -> None:
    order = paid(standin)
    standin.arm("refund_pending")
    refund = sent(whole(order))
    assert refund.status is RefundStatus.PENDING
    assert buying.balances(order) == {"stripe:clearing": 2_990, "refunds:stripe": -2_990}
    standin.end_refund(refund.stripe_id or "", "succeeded")
    assert repaying.hear(stripe.read_refund(refund.stripe_id or ""), now=MORNING)
    assert refund.status is RefundStatus.SUCCEEDED
    assert buying.balances(order) == {}


def test_a_refund_that_comes_back_is_owed_again_and_can_be_sent_again(standin: StandIn) -> None:
    order = paid(standin)
    standin.arm("refund_fails")
    refund = sent(whole(order))
    stripe_id = refund.stripe_id or ""
    repaying.hear(stripe.read_refund(stripe_id), now=MORNING)
    assert (refund.status, refund.failure) == (RefundStatus.FAILED, "expired_or_canceled_card")
    assert buying.balances(order) == {"stripe:clearing": 2_990, "refunds:stripe": -2_990}
    repaying.send_again(refund, by=order.buyer_id, now=MORNING)
    refund = sent(refund)
    assert (refund.status, refund.attempt) == (RefundStatus.SUCCEEDED, 2)
    assert buying.balances(order) == {}
    assert repaying.hear(stripe.read_refund(stripe_id), now=MORNING) is False
    assert refund.status is RefundStatus.SUCCEEDED


def test_a_refund_that_stripe_refuses_stays_owed(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    order = paid(standin)

    def refuse(refund_id: str, **_facts: object) -> stripe.Returned:
        raise stripe.StripeRefused("insufficient_funds")

    monkeypatch.setattr(stripe, "refund", refuse)
    refund = sent(whole(order))
    assert (refund.status, refund.failure) == (RefundStatus.FAILED, "insufficient_funds")
    assert buying.balances(order) == {"stripe:clearing": 2_990, "refunds:stripe": -2_990}


def test_a_refund_is_sent_once_however_often_its_job_runs(standin: StandIn) -> None:
    refund = whole(paid(standin))
    run_jobs(MORNING)
    session.execute(text("UPDATE refunds SET status = 'requested'"))
    repaying.send_refund(refund_id=str(refund.id))
    assert len(standin.objects("refund")) == 1


def test_only_a_failed_refund_is_sent_again(standin: StandIn) -> None:
    refund = sent(whole(paid(standin)))
    with pytest.raises(IllegalMove):
        repaying.send_again(refund, by=make.user().id, now=MORNING + timedelta(days=1))
