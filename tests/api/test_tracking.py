"""Tracking over HTTP: public, masked, and no map of buyers for whoever counts through numbers."""

from logistics import numbers
from tests import make

URL = "/api/v1/tracking"


def test_anybody_sees_state_and_counties(client):
    box = make.arrived_parcel()
    answer = client.get(f"{URL}/{box.number}")
    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["words"]) == ("in_transit", "运输中")
    assert answer.json["events"] == []
    for secret in ("王", "13800001234", "1234", "麓山南路", "401"):
        assert secret not in answer.text.replace(box.number, "")


def test_the_addressee_sees_the_places(client):
    box = make.arrived_parcel()
    events = client.get(f"{URL}/{box.number}?tail=1234").json["events"]
    assert [event["code"] for event in events] == ["EMD", "EMC", "EMA"]
    assert all(event["at"].endswith("+08:00") for event in events)


def test_an_unknown_number_has_the_shape_of_one_not_on_its_way(client):
    waiting, unknown = make.labelled_parcel().number, numbers.s10("ZZ", 99_999_999)
    one, other = client.get(f"{URL}/{waiting}"), client.get(f"{URL}/{unknown}")
    assert one.status_code == other.status_code == 200
    assert {k: v for k, v in one.json.items() if k != "number"} == {
        k: v for k, v in other.json.items() if k != "number"
    }


def test_a_wrong_tail_tells_nothing(client):
    number = make.arrived_parcel().number
    known = client.get(f"{URL}/{number}?tail=9999")
    unknown = client.get(f"{URL}/{numbers.s10('ZZ', 99_999_998)}?tail=9999")
    assert (known.status_code, unknown.status_code) == (403, 403)
    assert known.json["detail"] == unknown.json["detail"]
    assert client.get(f"{URL}/{number}?tail=12345").status_code == 422


def test_a_misread_number_is_refused_in_english_too(client):
    answer = client.get(f"{URL}/ZA123456784CN", headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.json["code"]) == (422, "number_wrong")
    assert "is not a parcel number" in answer.json["detail"]


def test_counting_through_numbers_meets_the_limit(client):
    codes = [
        client.get(f"{URL}/{numbers.s10('ZX', serial)}", environ_base={"REMOTE_ADDR": "198.51.100.7"}).status_code
        for serial in range(40)
    ]
    assert codes.count(200) == 30
    assert codes[-1] == 429
