"""Stations and branches over HTTP: one's own work, nobody else's."""

from collections.abc import Callable
from typing import Any

import pytest

from core.permissions import Role
from core.users import User
from logistics import stations
from tests import make

NEW = {
    "code": "XW-07",
    "name": "低庄便民站",
    "outlet_type": "town",
    "level": "town",
    "region_code": "431224102",
    "van_stop_time": "15:20:00",
}


@pytest.fixture
def head() -> User:
    return make.user(roles=[Role.BRANCH_HEAD])


@pytest.fixture
def province() -> User:
    return make.user(roles=[Role.PROVINCE])


@pytest.fixture
def call(client, login) -> Callable[..., Any]:
    """`call(user, "post", "/stations", {...})` as that user, who signs in on his first call."""
    signed_in: dict[int, dict[str, str]] = {}

    def do(user: User, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = signed_in.get(id(user)) or signed_in.setdefault(id(user), login(client, user))
        return getattr(client, method)("/api/v1" + path, json=body, headers=headers)

    return do


def test_a_head_sees_and_opens_the_stations_of_the_branch(call, head):
    branch = make.branch(head=head)
    opened = call(head, "post", f"/branches/{branch.id}/stations", NEW)
    assert opened.status_code == 201
    assert (opened.json["outlet_type"], opened.json["van_stop_time"]) == ("town", "15:20:00")
    listed = call(head, "get", "/stations").json
    assert [station["code"] for station in listed["items"]] == ["XW-07"]
    assert call(head, "get", f"/stations/{opened.json['id']}").json["next_van"].endswith("15:20:00+08:00")
    assert [b["code"] for b in call(head, "get", "/branches").json["items"]] == [branch.code]
    assert call(head, "get", f"/branches/{branch.id}").json["head_id"] == str(head.id)


def test_a_long_list_comes_in_pages(call, head):
    branch = make.branch(head=head)
    for _ in range(3):
        make.station(branch)
    first = call(head, "get", "/stations?limit=2").json
    rest = call(head, "get", f"/stations?limit=2&after={first['next']}").json
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"code": "x"}, "code_wrong"),
        ({"name": " "}, "name_wrong"),
        ({"region_code": "431299"}, "region_unknown"),
        ({"region_code": ""}, "region_missing"),
        ({"region_code": "43"}, "region_too_coarse"),
        ({"longitude": "27.2", "latitude": "109.9"}, "position_wrong"),
    ],
)
def test_a_station_that_makes_no_sense_is_refused_by_name(call, head, change: dict[str, str], code: str):
    refused = call(head, "post", f"/branches/{make.branch(head=head).id}/stations", NEW | change)
    assert (refused.status_code, refused.json["code"]) == (422, code)


@pytest.mark.parametrize(
    "change", [{"outlet_type": "palace"}, {"level": "city"}, {"van_stop_time": "25:00"}, {"unknown": 1}, {"name": 5}]
)
def test_the_wrong_shape_is_refused(call, head, change: dict[str, Any]):
    assert call(head, "post", f"/branches/{make.branch(head=head).id}/stations", NEW | change).status_code == 422


def test_a_code_that_is_taken_is_a_conflict(call, head):
    branch = make.branch(head=head)
    call(head, "post", f"/branches/{branch.id}/stations", NEW)
    again = call(head, "post", f"/branches/{branch.id}/stations", NEW)
    assert (again.status_code, again.json["code"]) == (409, "code_taken")


def test_a_foreign_station_is_not_there(call, head):
    make.branch(head=head)
    foreign = make.station()
    station, branch = f"/stations/{foreign.id}", f"/branches/{foreign.branch_id}"
    for method, path, body in [
        ("get", station, None),
        ("get", f"{station}/transfers", None),
        ("post", f"{station}/van-stop", {"van_stop_time": None}),
        ("post", f"{station}/keepers", {"phone": "13900000003"}),
        ("post", f"{branch}/stations", NEW),
        ("get", branch, None),
    ]:
        assert call(head, method, path, body).status_code == 404, path


def test_a_buyer_sees_no_station_and_arranges_none(call):
    buyer, station = make.user(), make.station()
    assert call(buyer, "get", "/stations").json["items"] == []
    assert call(buyer, "post", f"/stations/{station.id}/van-stop", {"van_stop_time": None}).status_code == 403


def test_nobody_gets_in_without_signing_in(client):
    assert client.get("/api/v1/stations").status_code == 401
    assert client.get("/api/v1/branches").status_code == 401


def test_a_single_head_cannot_give_a_station_away(call, head):
    station, target = make.station(make.branch(head=head)), make.branch()
    body = {"branch_id": str(target.id), "reason": "网点整合"}
    assert call(head, "post", f"/stations/{station.id}/transfers", body).status_code == 404


def test_the_province_moves_a_station_once(call, province):
    station, target = make.station(), make.branch()
    path, body = f"/stations/{station.id}/transfers", {"branch_id": str(target.id), "reason": "网点整合"}
    moved = call(province, "post", path, body)
    assert (moved.status_code, moved.json["to_branch_id"]) == (201, body["branch_id"])
    assert len(call(province, "get", path).json["items"]) == 1
    again = call(province, "post", path, body)
    assert (again.status_code, again.json["code"]) == (409, "already_there")


def test_a_keeper_is_appointed_by_phone_and_released(call, head):
    person, path = make.user(phone="13700001234").id, f"/stations/{make.station(make.branch(head=head)).id}"
    appointed = call(head, "post", f"{path}/keepers", {"phone": "１３７ 0000 1234"})
    assert (appointed.status_code, appointed.json["duty"]) == (201, "keeper")
    assert stations.of_keeper(person) is not None
    released = call(head, "post", f"{path}/keepers/{person}/release")
    assert released.json["until"] is not None
    assert stations.of_keeper(person) is None


@pytest.mark.parametrize(("phone", "status"), [("13999999999", 404), ("12", 422)])
def test_a_person_who_never_signed_up_keeps_no_station(call, head, phone: str, status: int):
    station = make.station(make.branch(head=head))
    assert call(head, "post", f"/stations/{station.id}/keepers", {"phone": phone}).status_code == status


def test_the_van_may_come_at_another_time_or_not_at_all(call, head):
    station = make.station(make.branch(head=head))
    path = f"/stations/{station.id}/van-stop"
    assert call(head, "post", path, {"van_stop_time": "07:15"}).json["van_stop_time"] == "07:15:00"
    assert call(head, "post", path, {"van_stop_time": None}).json["next_van"] is None


NEW_BRANCH = {"code": "431288", "name": "低庄支局", "region_code": "431224102", "head_phone": "13700008888"}


def test_the_province_opens_a_branch_and_hands_it_on(call, province):
    first, second = make.user(phone="13700008888").id, make.user(phone="13700009999").id
    opened = call(province, "post", "/branches", NEW_BRANCH)
    assert (opened.status_code, opened.json["head_id"]) == (201, str(first))
    handed = call(province, "post", f"/branches/{opened.json['id']}/head", {"head_phone": "13700009999"})
    assert handed.json["head_id"] == str(second)


def test_a_head_opens_no_branch(call, head):
    assert call(head, "post", "/branches", NEW_BRANCH).status_code == 403


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"code": "430188"}, 422, "code_wrong"),
        ({"head_phone": "13999999999"}, 404, "person_unknown"),
        ({"region_code": "43"}, 422, "region_too_coarse"),
    ],
)
def test_a_branch_that_makes_no_sense_is_refused_by_name(call, province, change, status, code):
    make.user(phone="13700008888")
    refused = call(province, "post", "/branches", NEW_BRANCH | change)
    assert (refused.status_code, refused.json["code"]) == (status, code)
