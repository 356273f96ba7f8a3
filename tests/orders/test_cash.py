"""Cash at the counter: the drawer, the change, the receipt, and cash that goes back."""

import pytest

from core.db import session
from core.testing import run_jobs
from orders import cash, lifecycle, paying, refunding
from orders.orders import OrderStatus
from orders.payments import Method, Outcome, PaymentStatus
from orders.refunds import RefundReason, RefundStatus
from tests import make
from tests.orders import buying
from tests.orders.buying import MORNING
from tests.standin.running import StandIn


def test_the_keeper_takes_cash_and_gives_change() -> None:
    order, keeper = buying.order(2), make.user()
    payment = cash.take(order, given_minor=10_000, by=keeper.id, now=MORNING)
    session.refresh(order)
    assert (payment.status, payment.outcome, order.status) == (
        PaymentStatus.SUCCEEDED,
        Outcome.PAID,
        OrderStatus.PAID,
    )
    assert buying.balances(order) == {"drawer": 5_980, "buyer": -5_980}
    receipt = cash.receipt(payment)
    assert (receipt.total_minor, receipt.given_minor, receipt.change_minor) == (5_980, 10_000, 4_020)
    assert [(line.quantity, line.total_minor) for line in receipt.lines] == [(2, 5_980)]


def test_a_receipt_names_no_person() -> None:
    order = buying.order()
    receipt = cash.receipt(cash.take(order, given_minor=2_990, by=make.user().id, now=MORNING))
    assert "王小明" not in repr(receipt)
    assert "0001234" not in repr(receipt)


def test_too_little_and_far_too_much_are_refused() -> None:
    order, keeper = buying.order(), make.user()
    with pytest.raises(cash.CashTooLittle, match=r"29\.90"):
        cash.take(order, given_minor=2_989, by=keeper.id, now=MORNING)
    with pytest.raises(cash.CashImpossible):
        cash.take(order, given_minor=10**12, by=keeper.id, now=MORNING)
    assert buying.balances(order) == {}


def test_an_order_is_not_paid_twice_at_the_counter() -> None:
    order, keeper = buying.order(), make.user()
    cash.take(order, given_minor=2_990, by=keeper.id, now=MORNING)
    with pytest.raises(paying.OrderNotPayable):
        cash.take(order, given_minor=2_990, by=keeper.id, now=MORNING)


def test_a_cancelled_order_takes_no_cash() -> None:
    order = buying.order()
    lifecycle.cancel(order, by=order.buyer_id, now=MORNING)
    with pytest.raises(paying.OrderNotPayable):
        cash.take(order, given_minor=2_990, by=make.user().id, now=MORNING)


def test_cash_shuts_the_page_that_was_open_elsewhere(standin: StandIn) -> None:
    order = buying.order()
    online = buying.opened(order)
    cash.take(order, given_minor=2_990, by=make.user().id, now=MORNING)
    run_jobs(MORNING)
    assert buying.fresh(online).status is PaymentStatus.WITHDRAWN
    assert standin.objects("payment_intent")[0]["status"] == "canceled"


def test_cash_goes_back_over_the_counter() -> None:
    order, keeper = buying.order(), make.user()
    cash.take(order, given_minor=5_000, by=keeper.id, now=MORNING)
    refund = refunding.whole(order, reason=RefundReason.REQUEST, key="k1", now=MORNING)
    run_jobs(MORNING)
    assert refund.status is RefundStatus.REQUESTED
    assert buying.balances(order) == {"drawer": 2_990, "refunds:cash": -2_990}
    assert cash.hand_out(refund, by=keeper.id, now=MORNING).status is RefundStatus.SUCCEEDED
    assert buying.balances(order) == {}
    with pytest.raises(cash.NotWaitingForHandOut):
        cash.hand_out(refund, by=keeper.id, now=MORNING)


def test_what_was_paid_online_is_not_handed_out(standin: StandIn) -> None:
    from tests.orders.test_refunds import paid

    refund = refunding.whole(paid(standin), reason=RefundReason.REQUEST, key="k1", now=MORNING)
    with pytest.raises(cash.NotCash):
        cash.hand_out(refund, by=make.user().id, now=MORNING)


def test_only_cash_that_was_taken_has_a_receipt(standin: StandIn) -> None:
    payment = buying.opened(buying.order(), Method.ALIPAY)
    with pytest.raises(cash.NotCash):
        cash.receipt(payment)
