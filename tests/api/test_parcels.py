"""Parcels over HTTP: the packing table of one station, closed to all others."""

from itertools import count

import pytest

from core.permissions import Role
from tests import make

BASE = "/api/v1/parcels"
_keys = count(1)


@pytest.fixture
def station():
    return make.station()


@pytest.fixture
def keeper(client, login, station):
    return login(client, make.keeper(station))


def post(client, headers, path, body=None, key=None):
    keyed = headers | {"Idempotency-Key": key or f"parcel-test-{next(_keys):08d}"}
    return client.post(f"{BASE}/{path}", json=body, headers=keyed)


def test_a_keeper_packs_weighs_marks_labels_and_stages(client, keeper, station):
    number = make.parcel(station).number
    assert post(client, keeper, f"{number}/pack").json["status"] == "packed"
    weighed = post(client, keeper, f"{number}/weigh", {"gross_g": 2_850}).json
    assert (weighed["status"], weighed["net_g"], weighed["currency"]) == ("weighed", 2_550, "CNY")
    assert post(client, keeper, f"{number}/label").status_code == 201
    marked = post(client, keeper, f"{number}/mark", {"real_name": True, "inspected": True, "screened": True}).json
    assert marked["screened_at"].endswith("+08:00")
    assert post(client, keeper, f"{number}/stage").json["status_words"] == "待装车"
    codes = [scan["code"] for scan in client.get(f"{BASE}/{number}/scans", headers=keeper).json]
    assert codes == ["REG", "PCK", "WGT", "LBL", "EMA"]


def test_the_label_is_read_as_a_document(client, keeper, station):
    number = make.labelled_parcel(station).number
    answer = client.get(f"{BASE}/{number}/label", headers=keeper)
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.data.startswith(b"%PDF")
    assert number in client.get(f"{BASE}/{number}/label?format=zpl", headers=keeper).text
    assert client.get(f"{BASE}/{number}/label?format=doc", headers=keeper).status_code == 422


def test_several_labels_come_as_one_document(client, keeper, station):
    numbers = [make.labelled_parcel(station).number for _box in range(2)]
    query = "&".join(f"number={number}" for number in numbers)
    assert client.get(f"{BASE}/labels?format=tspl&{query}", headers=keeper).data.count(b"PRINT 1,1") == 2


def test_a_box_without_a_label_prints_nothing(client, keeper, station):
    answer = client.get(f"{BASE}/{make.parcel(station).number}/label", headers=keeper)
    assert (answer.status_code, answer.json["code"]) == (409, "no_label")


def test_a_repeated_scan_with_one_key_is_one_deed(client, keeper, station):
    number = make.parcel(station).number
    first = post(client, keeper, f"{number}/pack", key="one-scan-one-deed")
    second = post(client, keeper, f"{number}/pack", key="one-scan-one-deed")
    assert (first.status_code, second.status_code, second.json) == (200, 200, first.json)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert post(client, keeper, f"{number}/pack").status_code == 409


def test_a_scan_without_a_key_is_refused(client, keeper, station):
    answer = client.post(f"{BASE}/{make.parcel(station).number}/pack", headers=keeper)
    assert (answer.status_code, answer.json["code"]) == (400, "missing_idempotency_key")


def test_a_box_below_its_promise_is_refused_in_the_readers_language(client, keeper, station):
    number = make.parcel(station).number
    post(client, keeper, f"{number}/pack")
    answer = post(client, keeper | {"Accept-Language": "en"}, f"{number}/weigh", {"gross_g": 2_000})
    assert (answer.status_code, answer.json["code"]) == (422, "weight_below_promise")
    assert answer.json["detail"].startswith("Net 1700 g is below")
    assert answer.json["facts"]["missing_g"] == 800
    passed = post(client, keeper, f"{number}/weigh", {"gross_g": 2_000, "reason": "买家同意"})
    assert passed.json["weight_note"] == "买家同意"


@pytest.mark.parametrize("gross", [0, -1, 2.5, "2850", 10**12, None, True])
def test_a_weight_is_a_whole_number_of_grams(client, keeper, station, gross):
    number = make.parcel(station).number
    assert post(client, keeper, f"{number}/weigh", {"gross_g": gross}).status_code == 422


def test_lists_show_masks_and_never_a_person(client, keeper, station):
    make.parcel(station)
    answer = client.get(f"{BASE}?station_id={station.id}&status=registered", headers=keeper)
    assert len(answer.json["items"]) == 1
    assert answer.json["items"][0]["recipient"]["name"] == "王**"
    assert "王小明" not in answer.text
    assert "3栋401" not in answer.text
    assert client.get(f"{BASE}?status=staged", headers=keeper).json["items"] == []


def test_the_door_is_opened_for_a_reason(client, keeper, station):
    number = make.parcel(station).number
    answer = client.post(f"{BASE}/{number}/recipient", json={"reason": "电话确认地址"}, headers=keeper)
    assert answer.json["name"] == "王小明"
    assert client.post(f"{BASE}/{number}/recipient", json={"reason": ""}, headers=keeper).status_code == 422


def test_the_board_counts_what_is_open(client, keeper, station):
    make.parcel(station)
    assert client.get(f"{BASE}/board?station_id={station.id}", headers=keeper).json["registered"] == 1
    assert client.get(f"{BASE}/board?station_id={make.station().id}", headers=keeper).status_code == 404


def test_an_opened_box_goes_back_to_the_table(client, keeper, station):
    number = make.labelled_parcel(station).number
    assert post(client, keeper, f"{number}/reopen", {"reason": "换箱"}).json["status"] == "packed"


def test_a_parcel_is_delivered_with_proof(client, login, station):
    box = make.arrived_parcel(station)
    driver = login(client, make.driver(branch_of(station)))
    assert post(client, driver, f"{box.number}/out-for-delivery").json["status"] == "out_for_delivery"
    assert post(client, driver, f"{box.number}/attempts", {"reason": "not_home"}).json["status"] == "arrived"
    proxy = {"proof": "signed", "collector": "neighbour"}
    assert post(client, driver, f"{box.number}/deliver", proxy).json["code"] == "collector_name_missing"
    assert post(client, driver, f"{box.number}/deliver", {"proof": "signed"}).json["status"] == "delivered"
    assert post(client, driver, f"{box.number}/return", {"reason": "refused"}).status_code == 409


def branch_of(station):
    from core.db import session
    from logistics.stations import Branch

    return session.get_one(Branch, station.branch_id)


def test_another_stations_box_is_not_there(client, login, station):
    number = make.parcel(station).number
    stranger = login(client, make.keeper())
    assert client.get(f"{BASE}/{number}", headers=stranger).status_code == 404
    assert post(client, stranger, f"{number}/pack").status_code == 404
    assert client.get(BASE, headers=stranger).json["items"] == []


def test_buyers_have_no_business_at_the_packing_table(client, login, station):
    number = make.parcel(station).number
    buyer = login(client, make.user(roles=[Role.BUYER]))
    assert client.get(f"{BASE}/{number}", headers=buyer).status_code == 403
    assert client.get(f"{BASE}/{number}").status_code == 401
