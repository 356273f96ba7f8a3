"""Farms over HTTP: a station takes them in, a farmer brings his own, strangers see nothing."""

import pytest
from sqlalchemy import select

from core.db import session
from core.permissions import Role
from shop.farms import FarmMember
from tests import make

URL = "/api/v1/farms"
HERE = "431224106"


def test_a_farmer_brings_his_own_farm_to_a_station(client, login) -> None:
    farmer, station = make.user(roles=[Role.FARMER]), make.station()
    sent = {"name": " 向大山家 ", "station_id": str(station.id), "region_code": HERE}
    answer = client.post(URL, json=sent, headers=login(client, farmer))
    assert answer.status_code == 201, answer.json
    assert answer.json["name"] == "向大山家"
    assert answer.json["household"] is True
    assert session.scalars(select(FarmMember.user_id)).all() == [farmer.id]
    found = client.get(URL, headers=login(client, farmer)).json["items"]
    assert [farm["id"] for farm in found] == [answer.json["id"]]


def test_a_keeper_takes_a_farm_in_for_a_person_with_a_phone(client, login) -> None:
    station = make.station()
    keeper, person = make.keeper(station), make.user(phone="13711112222")
    sent = {"name": "向家", "station_id": str(station.id), "region_code": HERE, "member_phone": "１３７ 1111 2222"}
    answer = client.post(URL, json=sent, headers=login(client, keeper))
    assert answer.status_code == 201, answer.json
    assert session.scalars(select(FarmMember.user_id)).all() == [person.id]
    assert Role.FARMER in person.role_set


def test_a_keeper_without_a_phone_takes_it_in_for_nobody_yet(client, login) -> None:
    station = make.station()
    sent = {"name": "向家", "station_id": str(station.id), "region_code": HERE}
    assert client.post(URL, json=sent, headers=login(client, make.keeper(station))).status_code == 201
    assert session.scalars(select(FarmMember.user_id)).all() == []


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"region_code": "999999"}, 422, "region_unknown"),
        ({"region_code": "43"}, 422, "region_too_coarse"),
        ({"station_id": "01900000-0000-7000-8000-000000000000"}, 404, "station_unknown"),
        ({"member_phone": "123"}, 422, "phone_impossible"),
        ({"member_phone": "13799999999"}, 404, "person_unknown"),
        ({"name": "  "}, 422, "malformed"),
        ({"name": "向\u0007家"}, 422, "malformed"),
        ({"owner": "me"}, 422, "malformed"),
    ],
)
def test_what_is_wrong_has_a_name(client, login, wrong: dict, status: int, code: str) -> None:
    station = make.station()
    sent = {"name": "向家", "station_id": str(station.id), "region_code": HERE} | wrong
    answer = client.post(URL, json=sent, headers=login(client, make.keeper(station)))
    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_a_keeper_takes_in_no_farm_of_another_station(client, login) -> None:
    sent = {"name": "向家", "station_id": str(make.station().id), "region_code": HERE}
    answer = client.post(URL, json=sent, headers=login(client, make.keeper()))
    assert (answer.status_code, answer.json["code"]) == (404, "station_unknown")


def test_a_foreign_farm_is_not_there(client, login) -> None:
    url = f"{URL}/{make.farm().id}"
    stranger = login(client, make.user(roles=[Role.FARMER]))
    assert client.get(url, headers=stranger).status_code == 404
    assert client.patch(url, json={"name": "我的"}, headers=stranger).status_code == 404
    assert client.get(URL, headers=stranger).json["items"] == []


def test_a_farm_is_corrected_by_its_own_people_and_its_station(client, login) -> None:
    station, farmer = make.station(), make.user()
    farm = make.farm(station=station, member_id=farmer.id)
    for person, name in ((farmer, "一"), (make.keeper(station), "二")):
        answer = client.patch(f"{URL}/{farm.id}", json={"name": name}, headers=login(client, person))
        assert (answer.status_code, answer.json["name"]) == (200, name)


def test_buyers_and_strangers_have_no_farms(client, login) -> None:
    assert client.get(URL).status_code == 401
    assert client.get(URL, headers=login(client, make.user())).status_code == 403
