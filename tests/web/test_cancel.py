"""What a buyer can call off, on the page and over HTTP: before payment, before packing, and not after."""

import pytest
from sqlalchemy import select

from core.db import session
from core.testing import run_jobs
from core.users import User
from logistics import packing
from orders import arrivals, fulfilment, ledger, orders, stripe, verify
from orders.orders import Order, OrderStatus
from orders.refunds import Refund, RefundReason, RefundStatus
from shop.lots import HarvestLot
from tests import make
from tests.make.shop import MORNING
from tests.orders import buying
from tests.standin.running import StandIn, standin

__all__ = ["standin"]


@pytest.fixture
def buyer():
    return make.user()


def shown(client, login, order, user):
    answer = client.get(f"/orders/{order.number}", headers=login(client, user) | {"Accept": "text/html"})
    assert answer.status_code == 200
    return answer.text


def cancel_on_page(client, login, order, user):
    answer = client.post(f"/orders/{order.number}/cancel", headers=login(client, user) | {"Accept": "text/html"})
    return answer, reread()


def reread():
    return session.scalars(select(Order)).one()


def pack_a_box(order):
    packing.pack(fulfilment.parcels_of(order)[0], by=None, now=MORNING)


def test_an_unpaid_order_is_cancelled_and_nothing_goes_back(client, login, buyer):
    order = make.order(buyer=buyer)
    assert "取消订单" in shown(client, login, order, buyer)
    answer, order = cancel_on_page(client, login, order, buyer)
    assert answer.status_code == 303
    assert (order.status, session.scalars(select(Refund)).all()) == (OrderStatus.CANCELLED, [])
    assert f"/orders/{order.number}/cancel" not in shown(client, login, order, buyer)


def test_a_paid_order_is_cancelled_with_all_its_money_and_the_page_says_where_it_is(client, login, buyer):
    order = make.paid_order(buyer=buyer)
    assert "取消订单，原路退款" in shown(client, login, order, buyer)
    answer, order = cancel_on_page(client, login, order, buyer)
    assert answer.status_code == 303
    refund = session.scalars(select(Refund)).one()
    assert (order.status, order.refunded_minor) == (OrderStatus.REFUNDED, 2_990)
    assert (refund.reason, refund.amount_minor) == (RefundReason.CANCELLED, 2_990)
    assert ledger.balances([f"buyer:{buyer.id}", "refunds:cash"]) == {f"buyer:{buyer.id}": 0, "refunds:cash": -2_990}
    page = shown(client, login, order, buyer)
    assert "¥29.90" in page
    assert "请到站点柜台领回现金" in page
    assert session.scalars(select(HarvestLot.allocated_g)).one() == 0
    assert verify.run() == []


def test_a_packed_order_is_not_cancelled_and_the_page_says_what_to_do(client, login, buyer):
    order = make.paid_order(buyer=buyer)
    pack_a_box(order)
    page = shown(client, login, order, buyer)
    assert "不能再取消" in page
    assert f"/orders/{order.number}/cancel" not in page
    answer = client.post(f"/api/v1/orders/{order.number}/cancel", json={}, headers=login(client, buyer))
    assert (answer.status_code, answer.json["code"]) == (409, "too_late_to_cancel")
    order = reread()
    assert (order.status, order.refunded_minor) == (OrderStatus.PACKING, 0)


def test_card_money_of_a_cancelled_order_is_sent_back_by_itself(client, login, standin: StandIn):
    order = buying.order()
    payment = buying.opened(order)
    buying.pay(standin, payment)
    arrivals.take_in(stripe.read_intent(payment.intent_id), live=False, now=MORNING)
    answer = client.post(
        f"/api/v1/orders/{order.number}/cancel",
        json={"reason": "买错了"},
        headers=login(client, session.get_one(User, order.buyer_id)),
    )
    assert (answer.status_code, answer.json["status"], answer.json["refunded_minor"]) == (200, "refunded", 2_990)
    run_jobs(MORNING)
    refund = session.scalars(select(Refund)).one()
    assert (refund.status, refund.note) == (RefundStatus.SUCCEEDED, "买错了")
    assert buying.balances(order) == {}


def test_cancelling_a_paid_order_twice_refunds_once(client, login, buyer):
    order = make.paid_order(buyer=buyer)
    _answer, order = cancel_on_page(client, login, order, buyer)
    again = client.post(f"/api/v1/orders/{order.number}/cancel", json={}, headers=login(client, buyer))
    assert (again.status_code, again.json["code"]) == (409, "illegal_move")
    assert len(session.scalars(select(Refund)).all()) == 1


def test_who_only_sees_an_order_does_not_cancel_it_on_its_page(client, login, buyer):
    farmer = make.user(roles=["farmer"])
    pack = make.pack_with_lot(product=make.product(farm=make.farm(member_id=farmer.id)))
    order = make.order((pack, 1), buyer=buyer)
    assert orders.by_number(order.number, who=make.who(farmer)) == order
    answer, order = cancel_on_page(client, login, order, farmer)
    assert (answer.status_code, order.status) == (404, OrderStatus.AWAITING_PAYMENT)


def test_the_page_shows_the_boxes_on_their_way(client, login, buyer):
    order = make.paid_order(buyer=buyer)
    assert fulfilment.parcels_of(order)[0].number in shown(client, login, order, buyer)
