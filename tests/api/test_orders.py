"""Orders over HTTP: who may, what is refused and in which words, and that the same key orders once."""

import json
from datetime import timedelta
from uuid import uuid4

import marshmallow
import pytest
from sqlalchemy import func, select

from core import clock
from core.db import session
from core.permissions import Role
from orders.api import orders as orders_api
from orders.orders import Order
from orders.splits import LineSplit
from shop.lots import HarvestLot
from shop.packs import PackStatus
from tests import make
from tests.make.shop import MORNING

ADDRESS = {"name": "王小明", "phone": "13800001234", "region_code": "430104001", "detail": "麓山南路2号"}


@pytest.fixture(autouse=True)
def _morning():
    clock.use(lambda: MORNING)


@pytest.fixture
def buyer(client, login):
    user = make.user()
    headers = login(client, user)
    return user, headers


def body(*lines, **address):
    return {"lines": list(lines), "address": ADDRESS | address}


def send(client, headers, asked, key=None, **more):
    session.commit()  # what the test made is there, whatever the request rolls back
    return client.post("/api/v1/orders", json=asked, headers=headers | {"Idempotency-Key": key or uuid4().hex} | more)


def nothing_written():
    return session.scalar(select(func.count()).select_from(Order)) == 0 and not session.scalar(
        select(func.sum(HarvestLot.held_g))
    )


def test_a_buyer_places_an_order(client, buyer):
    pack = make.pack_with_lot()
    answer = send(client, buyer[1], body({"pack_id": str(pack.id), "quantity": 2}))
    assert answer.status_code == 201
    assert answer.json["status"] == "awaiting_payment"
    assert answer.json["total_minor"] == 5_980
    assert answer.json["currency"] == "CNY"
    assert answer.json["pay_by"] == "2026-08-13T10:15:00+08:00"


def test_nobody_orders_without_signing_in(client):
    assert send(client, {}, body()).status_code == 401


def test_an_order_needs_a_key_of_the_caller(client, buyer):
    answer = client.post("/api/v1/orders", json=body(), headers=buyer[1])
    assert (answer.status_code, answer.json["code"]) == (400, "missing_idempotency_key")


def test_the_same_key_and_body_order_once(client, buyer):
    asked = body({"pack_id": str(make.pack_with_lot().id), "quantity": 1})
    first, again = send(client, buyer[1], asked, "k" * 20), send(client, buyer[1], asked, "k" * 20)
    assert first.json == again.json
    assert again.status_code == 201
    assert session.scalar(select(func.count()).select_from(Order)) == 1


def test_the_same_key_with_another_body_is_refused(client, buyer):
    pack = make.pack_with_lot()
    send(client, buyer[1], body({"pack_id": str(pack.id), "quantity": 1}), "k" * 20)
    answer = send(client, buyer[1], body({"pack_id": str(pack.id), "quantity": 2}), "k" * 20)
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("quantity", [0, -1, 1_000, 2**31, 10**17])
def test_an_impossible_quantity_is_refused(client, buyer, quantity):
    answer = send(client, buyer[1], body({"pack_id": str(make.pack_with_lot().id), "quantity": quantity}))
    assert (answer.status_code, answer.json["code"]) == (422, "quantity_impossible")
    assert "999" in answer.json["detail"]
    assert nothing_written()


@pytest.mark.parametrize("quantity", [1.5, "2", True, None, [1]])
def test_a_quantity_is_a_whole_number(client, buyer, quantity):
    answer = send(client, buyer[1], body({"pack_id": str(make.pack_with_lot().id), "quantity": quantity}))
    assert (answer.status_code, answer.json["code"]) == (422, "malformed")
    assert "quantity" in json.dumps(answer.json["errors"])
    assert nothing_written()


def test_an_unknown_pack_is_not_found(client, buyer):
    answer = send(client, buyer[1], body({"pack_id": str(uuid4()), "quantity": 1}))
    assert (answer.status_code, answer.json["code"]) == (404, "pack_unknown")


def test_a_stopped_pack_is_refused_in_the_readers_language(client, buyer):
    pack = make.pack_with_lot()
    pack.status = PackStatus.STOPPED
    asked = body({"pack_id": str(pack.id), "quantity": 1})
    chinese = send(client, buyer[1], asked)
    english = send(client, buyer[1], asked, **{"Accept-Language": "en"})
    assert chinese.status_code == english.status_code == 409
    assert chinese.json["code"] == english.json["code"] == "pack_stopped"
    assert "停售" in chinese.json["detail"]
    assert "停售" not in english.json["detail"]


def test_packs_of_a_foreign_station_are_another_order(client, buyer):
    lines = [{"pack_id": str(make.pack_with_lot().id), "quantity": 1} for _station in range(2)]
    answer = send(client, buyer[1], body(*lines))
    assert (answer.status_code, answer.json["code"]) == (422, "lines_of_several_stations")
    assert "分开下单" in answer.json["detail"]
    assert nothing_written()


def test_a_sold_out_lot_says_what_is_left(client, buyer):
    pack = make.pack_with_lot(low_g=2_500)
    answer = send(client, buyer[1], body({"pack_id": str(pack.id), "quantity": 2}))
    assert (answer.status_code, answer.json["code"]) == (409, "lot_sold_out")
    assert answer.json["facts"]["left_g"] == 2_500
    assert nothing_written()


def test_two_lines_of_one_lot_that_only_fit_singly_are_refused(client, buyer):
    pack = make.pack_with_lot(low_g=5_000)
    line = {"pack_id": str(pack.id), "quantity": 2}
    assert send(client, buyer[1], body(line, line)).json["code"] == "lot_sold_out"
    assert nothing_written()


def test_a_lot_past_its_date_is_refused(client, buyer):
    pack = make.pack_with_lot()
    clock.use(lambda: MORNING + timedelta(days=7))
    answer = send(client, buyer[1], body({"pack_id": str(pack.id), "quantity": 1}))
    assert (answer.status_code, answer.json["code"]) == (409, "lot_past_date")


@pytest.mark.parametrize(
    ("region_code", "code"),
    [("", "region_missing"), ("999999", "region_unknown"), ("43", "region_too_coarse"), ("湖南", "region_unknown")],
)
def test_a_region_that_nobody_can_deliver_to_is_refused(client, buyer, region_code, code):
    pack = make.pack_with_lot()
    answer = send(client, buyer[1], body({"pack_id": str(pack.id), "quantity": 1}, region_code=region_code))
    assert (answer.status_code, answer.json["code"]) == (422, code)
    assert nothing_written()


@pytest.mark.parametrize("phone", ["１３８００００１２３４", "138 0000 1234", " 138-0000-1234", "+86 13800001234"])
def test_a_phone_is_accepted_however_it_is_typed(client, buyer, phone):
    answer = send(client, buyer[1], body({"pack_id": str(make.pack_with_lot().id), "quantity": 1}, phone=phone))
    assert answer.status_code == 201
    assert client.get(f"/api/v1/orders/{answer.json['number']}", headers=buyer[1]).json["recipient"]["phone"] in (
        "+8613800001234",
        "13800001234",
    )


@pytest.mark.parametrize("phone", ["", "12345", "23800001234", "138000012345678", "abc"])
def test_an_impossible_phone_is_refused(client, buyer, phone):
    answer = send(client, buyer[1], body({"pack_id": str(make.pack_with_lot().id), "quantity": 1}, phone=phone))
    assert (answer.status_code, answer.json["code"]) == (422, "phone_impossible")
    assert nothing_written()


def test_a_price_cannot_be_sent(client, buyer):
    answer = send(client, buyer[1], body({"pack_id": str(make.pack_with_lot().id), "quantity": 1, "price_minor": 1}))
    assert answer.status_code == 422
    assert nothing_written()


def test_another_buyers_order_is_not_there(client, login, buyer):
    number = make.order().number
    for who in (buyer[1], login(client, make.user(roles=[Role.FARMER])), login(client, make.keeper())):
        assert client.get(f"/api/v1/orders/{number}", headers=who).status_code == 404
        assert client.post(f"/api/v1/orders/{number}/cancel", json={}, headers=who).status_code == 404
        assert client.get("/api/v1/orders", headers=who).json["items"] == []


def test_the_stations_keeper_reads_the_order_with_a_masked_recipient(client, login):
    station = make.station()
    pack = make.pack_with_lot(product=make.product(farm=make.farm(station=station)))
    order, keeper = make.order((pack, 1)), make.keeper(station)
    seen = client.get(f"/api/v1/orders/{order.number}", headers=login(client, keeper)).json
    assert seen["recipient"]["name"] == "王**"
    assert "0000" not in seen["recipient"]["phone"]
    assert seen["lines"][0]["quantity"] == 1
    assert seen["moves"][0]["became"] == "awaiting_payment"


def test_the_farmer_sees_the_orders_of_the_farm(client, login):
    farmer = make.user(roles=[Role.FARMER])
    order = make.order((make.pack_with_lot(product=make.product(farm=make.farm(member_id=farmer.id))), 1))
    listed = client.get("/api/v1/orders", headers=login(client, farmer)).json["items"]
    assert [one["number"] for one in listed] == [order.number]


def test_a_cancelled_order_gives_its_goods_back(client, login):
    buyer = make.user()
    order = make.order(buyer=buyer)
    headers = login(client, buyer)
    assert (
        client.post(f"/api/v1/orders/{order.number}/cancel", json={"reason": "买错了"}, headers=headers).json["status"]
        == "cancelled"
    )
    assert session.scalar(select(func.sum(HarvestLot.held_g))) == 0
    again = client.post(f"/api/v1/orders/{order.number}/cancel", json={}, headers=headers)
    assert (again.status_code, again.json["code"]) == (409, "illegal_move")


def test_the_shares_are_frozen_when_the_order_is_placed(client, buyer):
    pack = make.pack_with_lot()
    send(client, buyer[1], body({"pack_id": str(pack.id), "quantity": 1}))
    assert session.scalar(select(func.sum(LineSplit.amount_minor))) == 2_990


LINE = {"pack_id": "01a20ae9-c29d-730a-b438-3b01450e215c", "quantity": 2}
SHAPES = [
    {"lines": [LINE], "address": ADDRESS},
    {"lines": [{"offer_id": LINE["pack_id"], "quantity": -1}, LINE], "address": ADDRESS},
    {"lines": [], "address": ADDRESS},
    {"lines": [LINE | {"offer_id": LINE["pack_id"]}], "address": ADDRESS},
    {"lines": [{"quantity": 1}], "address": ADDRESS},
    {"lines": [LINE | {"quantity": True}], "address": ADDRESS},
    {"lines": [LINE | {"quantity": 1.0}], "address": ADDRESS},
    {"lines": [LINE | {"pack_id": "no"}], "address": ADDRESS},
    {"lines": [LINE | {"pack_id": 7}], "address": ADDRESS},
    {"lines": [LINE | {"price_minor": 1}], "address": ADDRESS},
    {"lines": LINE, "address": ADDRESS},
    {"lines": [7], "address": ADDRESS},
    {"lines": [LINE], "address": ADDRESS | {"name": "王" * 401}},
    {"lines": [LINE], "address": ADDRESS | {"name": None}},
    {"lines": [LINE], "address": ADDRESS | {"door": "2"}},
    {"lines": [LINE], "address": {"name": "王小明"}},
    {"lines": [LINE], "address": []},
    {"lines": [LINE], "address": ADDRESS, "status": "paid"},
    {"lines": [LINE]},
    [],
    None,
    "order",
]


@pytest.mark.parametrize("asked", SHAPES, ids=range(len(SHAPES)))
def test_what_is_plainly_right_is_what_the_schema_finds_right(asked):
    plainly = orders_api._plainly(asked)
    try:
        told = marshmallow.Schema.load(orders_api.OrderIn(), asked)
    except marshmallow.ValidationError:
        told = None
    assert plainly in (told, None)
    assert plainly is not None or asked not in SHAPES[:3]
