"""Dispatches and vans over HTTP: from the row at the station to the count at the branch."""

from itertools import count

import pytest

from core.db import session
from core.permissions import Role
from logistics.stations import Branch
from tests import make
from tests.make.parcels import MORNING

API = "/api/v1"
_keys = count(1)


@pytest.fixture
def branch():
    return make.branch()


@pytest.fixture
def station(branch):
    return make.station(branch)


@pytest.fixture
def keeper(client, login, station):
    return login(client, make.keeper(station))


@pytest.fixture
def head(client, login, branch):
    from core.users import User

    return login(client, session.get_one(User, session.get_one(Branch, branch.id).head_id))


def post(client, headers, path, body=None):
    return client.post(f"{API}{path}", json=body, headers=headers | {"Idempotency-Key": f"dispatch-{next(_keys):012d}"})


def opened(client, keeper, station) -> str:
    answer = post(client, keeper, "/dispatches", {"station_id": str(station.id)})
    assert answer.status_code == 201, answer.json
    return answer.json["number"]


def test_boxes_travel_from_the_station_to_the_branch(client, login, keeper, head, branch, station):
    boxes = [make.staged_parcel(station).number for _box in range(3)]
    number = opened(client, keeper, station)
    assert opened(client, keeper, station) == number
    post(client, keeper, f"/dispatches/{number}/items", {"numbers": boxes})
    assert post(client, keeper, f"/dispatches/{number}/close").json["status"] == "closed"

    driver = make.driver(branch)
    plan = {
        "branch_id": str(branch.id), "driver_id": str(driver.id), "day": str(MORNING.date()),
        "station_ids": [str(station.id)],
    }  # fmt: skip
    van = post(client, head, "/runs", plan).json["number"]
    wheel = login(client, driver)
    loaded = post(client, wheel, f"/runs/{van}/load", {"numbers": boxes[:2]}).json
    assert (loaded["loaded"], loaded["left_behind"]) == (sorted(boxes[:2]), boxes[2:])
    assert client.get(f"{API}/runs/{van}/left-behind", headers=wheel).json == {"left_behind": boxes[2:]}
    left = post(client, wheel, f"/runs/{van}/depart", {"reason": "车满"}).json
    assert (left["loaded"], left["left_behind"]) == (sorted(boxes[:2]), boxes[2:])
    assert client.get(f"{API}/runs", headers=wheel).json["items"][0]["stops"][0]["station_id"] == str(station.id)

    counted = post(client, head, f"/dispatches/{number}/receive", {"numbers": [boxes[0], "ZA999999999CN"]}).json
    assert counted == {
        "declared": 2, "received": 2, "matched": 1, "short": [boxes[1]], "over": ["ZA999999999CN"], "missent": []
    }  # fmt: skip
    assert client.get(f"{API}/dispatches/{number}/reconciliation", headers=head).json == counted
    rows = client.get(f"{API}/dispatches/{number}/discrepancies", headers=head).json
    short = next(row for row in rows if row["kind"] == "short")
    closing = f"/dispatches/{number}/discrepancies/{short['id']}/close"
    assert post(client, head, closing, {"cause": "left_behind", "note": "还在站里"}).json["cause"] == "left_behind"
    assert post(client, head, closing, {"cause": "lost"}).json["code"] == "discrepancy_closed"
    states = {
        item["number"]: item["state"] for item in client.get(f"{API}/dispatches/{number}/items", headers=head).json
    }
    assert states == {boxes[0]: "received", boxes[1]: "settled", boxes[2]: "left_behind"}
    assert post(client, wheel, f"/runs/{van}/arrive").json["status"] == "arrived"


def test_no_departure_without_marks_over_http(client, login, keeper, branch, station):
    box = make.staged_parcel(station, marked=False)
    make.closed_dispatch([box], station)
    van, driver = make.run(branch, station).number, login(client, make.driver(branch))
    number = box.number
    post(client, driver, f"/runs/{van}/load", {"numbers": [number]})
    refused = post(client, driver, f"/runs/{van}/depart", {})
    assert (refused.status_code, refused.json["code"]) == (409, "departure_without_marks")
    off = post(client, driver, f"/runs/{van}/unload", {"number": number, "reason": "没有标记"})
    assert off.status_code == 200


def test_a_branch_stages_cartons_and_sends_them_outward(client, head, station):
    from logistics import parcels

    carton = parcels.register(
        station_id=None, destination_station_id=station.id, reference="W1", recipient=None, contents="食用油",
        promised_net_g=None, tare_g=0, pack_by=None, kind="goods", now=MORNING,
    )  # fmt: skip
    marks = {"real_name": True, "inspected": True, "screened": True}
    assert post(client, head, "/cartons/stage", {"numbers": [carton.number]} | marks).status_code == 204
    number = post(client, head, "/dispatches", {"station_id": str(station.id), "direction": "outward"}).json["number"]
    assert post(client, head, f"/dispatches/{number}/items", {"numbers": [carton.number]}).status_code == 200
    listed = client.get(f"{API}/dispatches?status=open", headers=head).json["items"]
    assert [one["number"] for one in listed] == [number]


def test_a_strangers_dispatch_and_van_are_not_there(client, login, branch, station):
    bag = make.closed_dispatch([make.staged_parcel(station)], station).number
    van, home = make.run(branch, station).number, str(station.id)
    stranger = login(client, make.keeper())
    assert client.get(f"{API}/dispatches/{bag}", headers=stranger).status_code == 404
    assert post(client, stranger, f"/dispatches/{bag}/receive", {"numbers": []}).status_code == 404
    assert client.get(f"{API}/runs/{van}", headers=stranger).status_code == 404
    assert post(client, stranger, "/dispatches", {"station_id": home}).status_code == 404


def test_wrong_shapes_are_refused(client, keeper, station):
    number = opened(client, keeper, station)
    for body in ({}, {"numbers": []}, {"numbers": [1]}, {"numbers": ["A"], "more": 1}):
        assert post(client, keeper, f"/dispatches/{number}/items", body).status_code == 422
    assert post(client, keeper, f"/dispatches/{number}/items", {"numbers": ["ZA999999999CN"]}).status_code == 404


def test_buyers_and_strangers_stay_outside(client, login):
    buyer = login(client, make.user(roles=[Role.BUYER]))
    assert client.get(f"{API}/dispatches", headers=buyer).status_code == 403
    assert client.get(f"{API}/runs").status_code == 401
