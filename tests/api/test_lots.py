"""Harvest lots over HTTP."""

from datetime import timedelta

import pytest

from core.db import session
from core.permissions import Role
from core.testing import frozen
from shop import stock
from tests import make
from tests.make.shop import MORNING

URL = "/api/v1/lots"
TODAY = MORNING.date()


@pytest.fixture(autouse=True)
def _in_august():
    with frozen(MORNING):
        yield


@pytest.fixture
def farmer():
    """A person with the role of a farmer."""
    return make.user(roles=[Role.FARMER])


@pytest.fixture
def headers(client, login, farmer) -> dict[str, str]:
    """The farmer, signed in."""
    return login(client, farmer)


@pytest.fixture
def product(farmer):
    """A product of the farmer."""
    return make.product(farm=make.farm(member_id=farmer.id))


def sheet(product, **more) -> dict:
    """What the farmer fills in."""
    plain = {"product_id": str(product.id), "low_g": 400_000, "likely_g": 500_000, "high_g": 600_000}
    return plain | {"ready_on": "2026-08-13", "best_before": "2026-08-18"} | more


def test_a_lot_is_opened_weighed_in_and_written_off(client, headers, product) -> None:
    lot = client.post(URL, json=sheet(product, sell_factor_bp=9_000), headers=headers)
    assert lot.status_code == 201, lot.json
    assert (lot.json["left_g"], lot.json["ceiling_g"], lot.json["weighed_at"]) == (360_000, 360_000, None)
    url = f"{URL}/{lot.json['id']}"
    weighed = client.post(f"{url}/weigh-in", json={"weighed_g": 512_000}, headers=headers)
    assert (weighed.status_code, weighed.json["on_hand_g"]) == (200, 512_000)
    assert weighed.json["weighed_at"] == "2026-08-13T10:00:00+08:00"
    spoilt = client.post(f"{url}/write-off", json={"grams": 12_000, "reason": "碰伤"}, headers=headers)
    assert (spoilt.status_code, spoilt.json["left_g"], spoilt.json["lost_g"]) == (200, 500_000, 12_000)
    assert client.get(url, headers=headers).json == spoilt.json


def test_a_short_weigh_in_is_accepted_and_stands_on_the_work_list(client, headers, product) -> None:
    lot, fine = make.lot(product=product, low_g=10_000), make.lot(product=product)
    stock.hold({lot.id: 10_000}, reference="orders", now=MORNING)
    weighed = client.post(f"{URL}/{lot.id}/weigh-in", json={"weighed_g": 8_000}, headers=headers)
    assert (weighed.status_code, weighed.json["short_g"], weighed.json["left_g"]) == (200, 2_000, 0)
    short = client.get(f"{URL}?short=true", headers=headers).json["items"]
    assert [found["id"] for found in short] == [str(lot.id)]
    assert len(client.get(f"{URL}?product_id={product.id}", headers=headers).json["items"]) == 2
    assert str(fine.id) not in {found["id"] for found in short}


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"low_g": 0}, 422, "malformed"),
        ({"low_g": -1}, 422, "malformed"),
        ({"low_g": 1.5}, 422, "malformed"),
        ({"high_g": 1_000_000_001}, 422, "malformed"),
        ({"sell_factor_bp": 10_001}, 422, "malformed"),
        ({"ready_on": "13.8.2026"}, 422, "malformed"),
        ({"held_g": 5}, 422, "malformed"),
        ({"low_g": 500_001}, 422, "estimate_disordered"),
        ({"best_before": "2026-08-12", "ready_on": "2026-08-13"}, 422, "estimate_disordered"),
        ({"best_before": "2026-08-12", "ready_on": "2026-08-10"}, 409, "lot_past_date"),
    ],
)
def test_a_lot_of_the_wrong_shape_is_refused(client, headers, product, wrong: dict, status: int, code: str) -> None:
    answer = client.post(URL, json=sheet(product, **wrong), headers=headers)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert client.get(URL, headers=headers).json["items"] == []


def test_estimates_and_dates_can_be_corrected(client, headers, product) -> None:
    url = f"{URL}/{make.lot(product=product).id}"
    changed = client.patch(url, json={"low_g": 100_000, "best_before": "2026-08-20"}, headers=headers)
    assert (changed.status_code, changed.json["left_g"], changed.json["best_before"]) == (200, 100_000, "2026-08-20")
    assert client.patch(url, json={"status": "closed"}, headers=headers).json["status"] == "closed"
    client.post(f"{url}/weigh-in", json={"weighed_g": 1}, headers=headers)
    assert client.patch(url, json={"low_g": 5}, headers=headers).json["code"] == "lot_weighed"


@pytest.mark.parametrize(
    ("path", "sent", "status", "code"),
    [
        ("weigh-in", {"weighed_g": -1}, 422, "malformed"),
        ("weigh-in", {"weighed_g": "viel"}, 422, "malformed"),
        ("weigh-in", {}, 422, "malformed"),
        ("write-off", {"grams": 400_001, "reason": "烂"}, 409, "write_off_too_large"),
        ("write-off", {"grams": 1, "reason": " "}, 422, "malformed"),
        ("write-off", {"grams": 0, "reason": "烂"}, 422, "malformed"),
    ],
)
def test_a_wrong_scale_is_refused(client, headers, product, path: str, sent: dict, status: int, code: str) -> None:
    url = f"{URL}/{make.lot(product=product).id}"
    session.commit()
    answer = client.post(f"{url}/{path}", json=sent, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert client.get(url, headers=headers).json["left_g"] == 400_000


def test_a_foreign_lot_is_not_there(client, headers) -> None:
    url = f"{URL}/{make.lot().id}"
    assert client.get(url, headers=headers).json["code"] == "lot_unknown"
    assert client.patch(url, json={"status": "closed"}, headers=headers).status_code == 404
    assert client.post(f"{url}/weigh-in", json={"weighed_g": 1}, headers=headers).status_code == 404
    assert client.post(f"{url}/write-off", json={"grams": 1, "reason": "烂"}, headers=headers).status_code == 404
    assert client.get(URL, headers=headers).json["items"] == []


def test_the_keeper_weighs_in_for_the_farms_of_his_station(client, login) -> None:
    station = make.station()
    lot = make.lot(product=make.product(farm=make.farm(station=station)))
    keeper = login(client, make.keeper(station))
    assert client.post(f"{URL}/{lot.id}/weigh-in", json={"weighed_g": 1}, headers=keeper).status_code == 200


def test_buyers_and_strangers_see_no_lots(client, login) -> None:
    assert client.get(URL).status_code == 401
    assert client.get(URL, headers=login(client, make.user())).status_code == 403


def test_lots_come_in_pages(client, headers, product) -> None:
    for hours in range(3):
        make.lot(product=product, now=MORNING + timedelta(hours=hours))
    first = client.get(f"{URL}?limit=2", headers=headers).json
    rest = client.get(f"{URL}?limit=2&after={first['next']}", headers=headers).json
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)
