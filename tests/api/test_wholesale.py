"""Wholesale over HTTP: both sides do their part, nobody does another's."""

from itertools import count

import pytest

from core.db import session
from core.permissions import Role
from shop import suppliers
from tests import make

OFFERS, ORDERS = "/api/v1/wholesale/offers", "/api/v1/wholesale/orders"
_serial = count(1)


def key(headers):
    return headers | {"Idempotency-Key": f"wholesale-test-{next(_serial):08d}"}


@pytest.fixture
def member():
    return make.supplier_member()


@pytest.fixture
def keeper():
    return make.keeper()


@pytest.fixture
def offer(member):
    made = make.supply_offer(supplier=suppliers.of_user(member.id))
    session.commit()
    return made


def good(**given):
    return {
        "barcode": "6901234567892",
        "name": "矿泉水550ml",
        "unit": "瓶",
        "case_factor": 24,
        "min_cases": 5,
        "tiers": [{"from_cases": 5, "price_minor": 2_800}, {"from_cases": 20, "price_minor": 2_650}],
        "delivery_weekday": 2,
    } | given


def test_the_story_of_an_order(client, login, member, keeper):
    supplier, station = login(client, member), login(client, keeper)
    offer = client.post(OFFERS, json=good(), headers=supplier)
    assert offer.status_code == 201
    lines = {"lines": [{"offer_id": offer.json["id"], "cases": 20}]}
    placed = client.post(ORDERS, json=lines, headers=key(station))
    assert (placed.status_code, placed.json["total_minor"], placed.json["currency"]) == (201, 53_000, "CNY")
    here = f"{ORDERS}/{placed.json['number']}"
    assert client.post(f"{here}/confirm", headers=supplier).json["status"] == "confirmed"
    assert client.post(f"{here}/deliver", headers=key(supplier)).json["status"] == "shipped"
    counted = {"lines": [{"barcode": "6901234567892", "received_units": 470, "damaged_units": 4}]}
    received = client.post(f"{here}/receive", json=counted, headers=key(station)).json
    assert (received["status"], received["payable_minor"]) == ("received", 51_896)
    assert [received["lines"][0][part] for part in ("received_units", "damaged_units", "short_units")] == [470, 4, 6]
    (shelf,) = client.get("/api/v1/wholesale/shelf", headers=station).json["items"]
    assert (shelf["barcode"], shelf["on_hand_units"]) == ("6901234567892", 470)


def test_an_order_sent_twice_is_one_order(client, login, keeper, offer):
    headers = key(login(client, keeper))
    sent = {"lines": [{"offer_id": str(offer.id), "cases": 5}]}
    first, second = (client.post(ORDERS, json=sent, headers=headers) for _time in range(2))
    assert first.json["number"] == second.json["number"]
    assert len(client.get(ORDERS, headers=headers).json["items"]) == 1
    other = client.post(ORDERS, json={"lines": [{"offer_id": str(offer.id), "cases": 6}]}, headers=headers)
    assert other.json["code"] == "idempotency_key_reused"


def test_a_key_is_asked_for(client, login, keeper, offer):
    sent = {"lines": [{"offer_id": str(offer.id), "cases": 5}]}
    assert client.post(ORDERS, json=sent, headers=login(client, keeper)).json["code"] == "missing_idempotency_key"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"barcode": "6901234567891"}, "barcode_wrong"),
        ({"barcode": "6.90123E+12"}, "barcode_wrong"),
        (
            {"tiers": [{"from_cases": 5, "price_minor": 2_800}, {"from_cases": 9, "price_minor": 2_900}]},
            "tiers_disordered",
        ),
        ({"min_cases": 4}, "tiers_disordered"),
        ({"case_factor": 0}, "malformed"),
        ({"case_factor": 24.0}, "malformed"),
        ({"delivery_weekday": 8}, "malformed"),
        ({"tiers": []}, "malformed"),
        ({"name": ""}, "malformed"),
    ],
)
def test_a_wrong_good_is_refused_by_name(client, login, member, given, code):
    answer = client.post(OFFERS, json=good(**given), headers=login(client, member))
    assert (answer.status_code, answer.json["code"]) == (422, code)


@pytest.mark.parametrize("cases", [0, -1, 1.5, "5", 1_001, None, True])
def test_cases_are_whole_and_bounded(client, login, keeper, offer, cases):
    sent = {"lines": [{"offer_id": str(offer.id), "cases": cases}]}
    assert client.post(ORDERS, json=sent, headers=key(login(client, keeper))).status_code == 422


def test_each_side_does_its_own_part_only(client, login, member, keeper, offer):
    supplier, station = login(client, member), login(client, keeper)
    number = make.wholesale_order([(offer.id, 5)], keeper=keeper).number
    session.commit()
    here = f"{ORDERS}/{number}"
    assert client.post(f"{here}/confirm", headers=station).status_code == 403
    assert client.post(f"{here}/receive", json={"lines": []}, headers=key(supplier)).status_code == 403
    foreign = login(client, make.supplier_member())
    assert client.post(f"{here}/confirm", headers=foreign).json["code"] == "wholesale_order_unknown"
    assert client.post(f"{here}/cancel", json={"reason": "试试"}, headers=foreign).status_code == 404
    assert client.get(here, headers=login(client, make.keeper())).status_code == 404
    assert client.get(ORDERS, headers=foreign).json["items"] == []
    assert client.get(here).status_code == 401
    assert client.get(here, headers=login(client, make.user())).status_code == 403


def test_either_side_takes_an_order_back_before_it_leaves(client, login, member, keeper, offer):
    for headers in (login(client, member), login(client, keeper)):
        number = make.wholesale_order([(offer.id, 5)], keeper=keeper).number
        session.commit()
        answer = client.post(f"{ORDERS}/{number}/cancel", json={"reason": "货不够"}, headers=headers)
        assert answer.json["status"] == "cancelled"


def test_a_supplier_changes_its_own_goods_only(client, login, member, offer):
    supplier = login(client, member)
    changed = client.patch(f"{OFFERS}/{offer.id}", json={"status": "stopped"}, headers=supplier)
    assert changed.json["status"] == "stopped"
    foreign = login(client, make.supplier_member())
    assert client.patch(f"{OFFERS}/{offer.id}", json={"status": "listed"}, headers=foreign).status_code == 404


def test_a_person_without_a_supplier_offers_nothing(client, login):
    answer = client.post(OFFERS, json=good(), headers=login(client, make.user(roles=[Role.SUPPLIER])))
    assert (answer.status_code, answer.json["code"]) == (403, "without_supplier")
