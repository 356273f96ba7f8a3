"""Real threads, real commits: however many say that a payment succeeded, and whatever else happens, it counts once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from uuid import UUID

import pytest
from sqlalchemy import func, select

from core.db import session, transaction
from core.errors import Refusal
from logistics import packing
from orders import arrivals, cancelling, cash, fulfilment, ledger, lifecycle, paying, refunding, stripe
from orders.orders import Order, OrderMove, OrderStatus
from orders.payments import Method, Payment
from orders.refunds import Refund, RefundReason
from tests import make
from tests.make.shop import MORNING
from tests.standin.running import StandIn, standin

__all__ = ["standin"]

pytestmark = pytest.mark.usefixtures("race_db")
ROUNDS = 5
LATE = MORNING + timedelta(minutes=16)

Deed = Callable[[], object]


def at_once(*deeds: Deed) -> list[Refusal | None]:
    """Everybody acts at the same moment, each in a transaction of his own; gives the refusals."""
    start = Barrier(len(deeds))

    def act(deed: Deed) -> Refusal | None:
        start.wait()
        try:
            with transaction():
                deed()
        except Refusal as no:
            return no
        return None

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(act, deeds))


def paid_at_stripe(standin: StandIn) -> tuple[UUID, str]:
    """An order whose buyer has just pressed the button, and the intent of it."""
    with transaction():
        order = make.order()
        payment = paying.start(order, Method.ALIPAY, return_url="http://shop.test", by=None, now=MORNING)
        order_id, payment_id = order.id, payment.id
    with transaction():
        paying.open_payment(payment_id=str(payment_id))
    with transaction():
        payment = session.get_one(Payment, payment_id)
        standin.press(payment.pay_url or "")
        return order_id, payment.intent_id or ""


def news(intent_id: str, *, now: datetime = MORNING) -> Deed:
    return lambda: arrivals.take_in(stripe.read_intent(intent_id), live=False, now=now)


def facts(order_id: UUID) -> tuple[OrderStatus, int, int, list[RefundReason]]:
    """Status, how often it became paid, what its buyer's account holds, what went back."""
    with transaction():
        order = session.get_one(Order, order_id)
        paid = select(func.count()).select_from(OrderMove)
        times = session.scalar(paid.where(OrderMove.order_id == order_id, OrderMove.became == OrderStatus.PAID))
        reasons = session.scalars(select(Refund.reason).where(Refund.order_id == order_id)).all()
        return order.status, times or 0, ledger.balance(f"buyer:{order.buyer_id}"), list(reasons)


def test_one_payment_told_by_eight_counts_once(standin: StandIn) -> None:
    order_id, intent_id = paid_at_stripe(standin)
    assert at_once(*[news(intent_id)] * 8) == [None] * 8
    assert facts(order_id) == (OrderStatus.PAID, 1, -2_990, [])


def test_cash_and_card_at_the_same_moment_keep_one_and_return_the_other(standin: StandIn) -> None:
    for _round in range(ROUNDS):
        order_id, intent_id = paid_at_stripe(standin)
        with transaction():
            keeper_id = make.user().id

        def counter(order_id: UUID = order_id, keeper_id: UUID = keeper_id) -> None:
            cash.take(session.get_one(Order, order_id), given_minor=2_990, by=keeper_id, now=MORNING)

        refusals = [no for no in at_once(counter, news(intent_id)) if no]
        assert [type(no) for no in refusals] in ([], [paying.OrderNotPayable])
        expected = [] if refusals else [RefundReason.DOUBLED]
        assert facts(order_id) == (OrderStatus.PAID, 1, -2_990, expected)


def test_money_that_races_the_clock_pays_the_order_either_way(standin: StandIn) -> None:
    for _round in range(ROUNDS):
        order_id, intent_id = paid_at_stripe(standin)
        assert at_once(news(intent_id, now=LATE), lambda: lifecycle.expire_due(LATE)) == [None, None]
        assert facts(order_id) == (OrderStatus.PAID, 1, -2_990, [])


def test_money_that_races_a_cancellation_has_one_outcome(standin: StandIn) -> None:
    for _round in range(ROUNDS):
        order_id, intent_id = paid_at_stripe(standin)

        def change_of_mind(order_id: UUID = order_id) -> None:
            order = session.get_one(Order, order_id)
            assert order.buyer_id is not None
            lifecycle.cancel(order, by=order.buyer_id, now=MORNING)

        refusals = [no for no in at_once(change_of_mind, news(intent_id)) if no]
        if refusals:
            assert isinstance(refusals[0], lifecycle.OrderAlreadyPaid)
            assert facts(order_id) == (OrderStatus.PAID, 1, -2_990, [])
        else:
            assert facts(order_id) == (OrderStatus.CANCELLED, 0, 0, [RefundReason.CANCELLED])


def test_a_box_that_is_packed_while_its_order_is_cancelled_ends_in_one_of_the_two(standin: StandIn) -> None:
    for _round in range(ROUNDS):
        order_id, intent_id = paid_at_stripe(standin)
        with transaction():
            news(intent_id)()

        def change_of_mind(order_id: UUID = order_id) -> None:
            order = session.get_one(Order, order_id)
            assert order.buyer_id is not None
            cancelling.cancel(order, by=order.buyer_id, now=MORNING)

        def bench(order_id: UUID = order_id) -> None:
            packing.pack(fulfilment.parcels_of(session.get_one(Order, order_id))[0], by=None, now=MORNING)

        no_cancel, no_pack = at_once(change_of_mind, bench)
        assert (no_cancel is None) != (no_pack is None)
        status, _times, _held, reasons = facts(order_id)
        packed = (OrderStatus.PACKING, [])
        assert (status, reasons) == (packed if no_cancel else (OrderStatus.REFUNDED, [RefundReason.CANCELLED]))


def test_refunds_at_the_same_moment_never_add_up_to_more_than_was_paid(standin: StandIn) -> None:
    order_id, intent_id = paid_at_stripe(standin)
    with transaction():
        news(intent_id)()
    with transaction():
        line_id = session.get_one(Order, order_id).lines[0].id

    def part(number: int) -> Deed:
        facts = {"reason": RefundReason.QUALITY, "key": f"part {number}", "now": MORNING}
        return lambda: refunding.of_lines(session.get_one(Order, order_id), {line_id: 1_000}, **facts)

    refusals = at_once(*[part(number) for number in range(10)])
    assert sum(no is None for no in refusals) == 2
    assert {type(no) for no in refusals if no} == {refunding.RefundAbovePaid}
    with transaction():
        order = session.get_one(Order, order_id)
        assert (order.refunded_minor, ledger.balance("refunds:stripe")) == (2_000, -2_000)
