"""A buyer asks for her money on her order's page; her keeper answers on today's screen."""

import pytest
from sqlalchemy import select

from core.db import session
from logistics import delivery
from logistics.stations import Station
from orders import asking, fulfilment, verify
from orders.asking import RefundRequest
from orders.refunds import Refund
from tests import make
from tests.make.shop import MORNING
from tests.orders.test_fulfilment import bench, carry


@pytest.fixture
def buyer():
    return make.user()


@pytest.fixture
def order(buyer):
    return make.paid_order(buyer=buyer)


def get(client, login, user, path):
    answer = client.get(path, headers=login(client, user) | {"Accept": "text/html"})
    assert answer.status_code == 200
    return answer.text


def post(client, login, user, path, key="a" * 20, **form):
    form["idempotency_key"] = key
    return client.post(path, data=form, headers=login(client, user) | {"Accept": "text/html", "Idempotency-Key": key})


def keeper_of(order):
    return make.keeper(session.get_one(Station, order.station_id))


def test_a_packed_order_is_pulled_and_refunded_by_her_own_tap_and_two_taps_are_one(client, login, buyer, order):
    bench(fulfilment.parcels_of(order)[0])
    assert "申请退款" in get(client, login, buyer, f"/orders/{order.number}")
    for _tap in range(2):
        answer = post(client, login, buyer, f"/orders/{order.number}/ask", words="买错了")
        assert answer.status_code == 303
    assert session.scalars(select(Refund.amount_minor)).all() == [2_990]
    assert "已经同意" in get(client, login, buyer, f"/orders/{order.number}")
    assert verify.run() == []


def test_after_departure_the_keeper_sees_the_request_and_the_buyer_her_answer(client, login, buyer, order):
    carry(order)
    post(client, login, buyer, f"/orders/{order.number}/ask", words="收到两个烂的")
    keeper = keeper_of(order)
    assert "收到两个烂的" in get(client, login, keeper, "/station")
    request = session.scalars(select(RefundRequest)).one()
    path = f"/station/requests/{request.id}"
    answer = post(client, login, keeper, path, key="b" * 20, deed="agree", yuan="10", words="赔您两个")
    assert answer.status_code == 303
    assert "收到两个烂的" not in get(client, login, keeper, "/station")
    page = get(client, login, buyer, f"/orders/{order.number}")
    assert "赔您两个" in page
    assert "¥10.00" in page
    assert verify.run() == []


def test_a_refusal_is_told_in_the_keepers_words(client, login, buyer, order):
    carry(order)
    post(client, login, buyer, f"/orders/{order.number}/ask", words="不想要了")
    request = session.scalars(select(RefundRequest)).one()
    path = f"/station/requests/{request.id}"
    post(client, login, keeper_of(order), path, key="c" * 20, deed="decline", words="鲜果已经发车")
    page = get(client, login, buyer, f"/orders/{order.number}")
    assert "站点没有同意" in page
    assert "鲜果已经发车" in page
    assert session.scalars(select(Refund)).all() == []


def test_nobody_asks_for_anothers_order_and_no_buyer_answers(client, login, buyer, order):
    carry(order)
    stranger, number = make.user(), order.number
    request = asking.ask(order, words="坏了", by=buyer.id, now=MORNING)
    path = f"/api/v1/refund-requests/{request.id}/decline"
    headers = login(client, buyer) | {"Idempotency-Key": "f" * 20}
    strangers = login(client, stranger) | {"Accept": "text/html", "Idempotency-Key": "g" * 20}
    assert client.post(path, json={"words": "不"}, headers=headers).status_code == 403
    assert client.post(f"/orders/{number}/ask", data={"words": "我要"}, headers=strangers).status_code == 404


def test_it_all_works_over_http(client, login, buyer, order):
    carry(order)
    asked = client.post(
        f"/api/v1/orders/{order.number}/refund-requests",
        json={"words": "坏了"},
        headers=login(client, buyer) | {"Idempotency-Key": "d" * 20},
    )
    assert (asked.status_code, asked.json["status"]) == (201, "open")
    keeper = keeper_of(order)
    listed = client.get("/api/v1/refund-requests", headers=login(client, keeper)).json
    assert [one["order_number"] for one in listed["items"]] == [order.number]
    path = f"/api/v1/refund-requests/{asked.json['id']}/agree"
    headers = login(client, keeper) | {"Idempotency-Key": "e" * 20}
    for _tap in range(2):
        agreed = client.post(path, json={"words": "好", "amount_minor": 500}, headers=headers)
        assert (agreed.status_code, agreed.json["status"]) == (200, "agreed")
    assert session.scalars(select(Refund.amount_minor)).all() == [500]


def test_the_buyer_reads_on_her_order_why_it_came_back(client, login, buyer, order):
    carry(order)
    box = fulfilment.parcels_of(order)[0]
    session.refresh(box)
    delivery.send_back(box, reason=delivery.Reason.REFUSED, by=None, now=MORNING)
    assert "鲜货不能再卖，不退款" in get(client, login, buyer, f"/orders/{order.number}")
