"""The last mile on the screens and over HTTP: the branch sends on, the station counts, the keeper hands over."""

from itertools import count

import pytest
from sqlalchemy import select, text

from core.db import session
from core.users import User
from logistics import reconciliation, runs, verify
from logistics.branches import Branch
from logistics.delivery import DeliveryProof
from logistics.parcels import Parcel
from tests import make
from tests.make.parcels import MORNING

SIGNED = {"proof": "signed"}
HTML = {"Accept": "text/html"}
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
    return login(client, session.get_one(User, branch.head_id))


def send(client, headers, path, form=None):
    return client.post(path, data={"key": f"hand-over-{next(_keys):010d}"} | (form or {}), headers=headers | HTML)


def call(client, headers, path, body):
    keyed = headers | {"Idempotency-Key": f"hand-over-{next(_keys):010d}"}
    return client.post(f"/api/v1{path}", json=body, headers=keyed)


def show(client, headers, path):
    return client.get(path, headers=headers | HTML)


def at_branch(station) -> str:
    branch = session.get_one(Branch, station.branch_id)
    box = make.staged_parcel(station, recipient=make.address(region_code="431224106", name="王小明"))
    reconciliation.receive(make.departed_dispatch([box], station, branch), [box.number], by=None, now=MORNING)
    return box.number


def state(number):
    return (
        session.scalars(select(Parcel).where(Parcel.number == number).execution_options(populate_existing=True))
        .one()
        .status
    )


def test_a_parcel_goes_on_to_the_village_and_is_signed_for_there(client, head, keeper, branch, station):
    number = at_branch(station)
    assert number in show(client, head, "/branch").text.partition("发到村站")[2]
    assert send(client, head, f"/branch/forward/{station.id}", {"number": number}).status_code == 303
    van = make.run(branch, station)
    runs.load(van, [number], by=None, now=MORNING)
    runs.depart(van, by=None, now=MORNING)
    bag = next(
        bag for bag in client.get("/api/v1/dispatches", headers=keeper).json["items"] if bag["direction"] == "outward"
    )
    assert bag["number"] in show(client, keeper, "/station/hand-over").text
    assert send(client, keeper, f"/dispatches/{bag['number']}", {"numbers": number}).status_code == 303

    shelf = show(client, keeper, "/station/hand-over").text
    assert number in shelf
    assert "1234" in shelf
    assert "王小明" not in shelf
    assert number in show(client, keeper, "/station/hand-over?q=1234").text
    assert number not in show(client, keeper, "/station/hand-over?q=9999").text
    found = show(client, keeper, f"/station/hand-over?q={number.lower()}")
    assert (found.status_code, found.location) == (303, f"/station/hand-over/{number}")

    nameless = send(client, keeper, f"/station/hand-over/{number}/given", {"collector": "neighbour"})
    assert (nameless.status_code, state(number)) == (422, "arrived")
    signed = {"collector": "neighbour", "collector_name": "李大山"}
    assert send(client, keeper, f"/station/hand-over/{number}/given", signed).status_code == 303
    assert state(number) == "delivered"
    again = send(client, keeper, f"/station/hand-over/{number}/given", {"collector": "self"})
    assert again.status_code == 409
    assert "已经签收" in again.text
    assert session.query(DeliveryProof).count() == 1
    told = show(client, {}, f"/tracking/{number}?tail=1234").text
    assert station.name in told
    assert "已签收" in told


def test_a_page_that_waits_says_so_to_anybody_who_asks(client, station):
    number = make.waiting_parcel(station).number
    assert "等收件人来取" in show(client, {}, f"/tracking/{number}").text


def test_the_first_screen_counts_what_waits(client, keeper, station):
    make.waiting_parcel(station)
    page = show(client, keeper, "/station").text
    assert "/station/hand-over" in page
    assert "待交件" in page


def test_what_nobody_collects_goes_into_the_next_bag(client, keeper, station):
    number = make.waiting_parcel(station).number
    assert send(client, keeper, f"/station/hand-over/{number}/back", {"reason": "not_collected"}).status_code == 303
    assert state(number) == "going_back"
    assert number in show(client, keeper, "/station/load").text
    assert send(client, keeper, "/station/load").status_code == 303
    assert send(client, keeper, f"/station/hand-over/{number}/given", {"collector": "self"}).status_code == 409
    assert "待退支局" in show(client, keeper, "/station/load").text


def test_a_second_bag_of_the_day_leaves_the_first_alone(client, keeper, station):
    make.staged_parcel(station)
    assert send(client, keeper, "/station/load").status_code == 303
    make.staged_parcel(station)
    assert send(client, keeper, "/station/load").status_code == 303


def test_a_foreign_parcel_is_not_shown_and_not_handed_over(client, keeper, branch):
    number = make.waiting_parcel(make.station(branch)).number
    assert show(client, keeper, f"/station/hand-over?q={number}").status_code == 404
    assert show(client, keeper, f"/station/hand-over/{number}").status_code == 404
    assert send(client, keeper, f"/station/hand-over/{number}/given", {"collector": "self"}).status_code == 404
    assert state(number) == "arrived"


def test_words_that_no_page_offers_are_refused(client, keeper, station):
    number = make.waiting_parcel(station).number
    for deed, form in (("given", {"collector": "cat"}), ("back", {"reason": "because"}), ("given", {})):
        answer = send(client, keeper, f"/station/hand-over/{number}/{deed}", form)
        assert (answer.status_code, state(number)) == (404, "arrived")


def test_the_same_over_http(client, keeper, head, station):
    bag = call(client, head, f"/stations/{station.id}/forward", {"numbers": [at_branch(station)]})
    assert (bag.status_code, bag.json["direction"], bag.json["status"]) == (201, "outward", "closed")
    here = f"/stations/{station.id}/to-hand-over"
    first, second = make.waiting_parcel(station).number, make.waiting_parcel(station).number
    shelf = client.get(f"/api/v1{here}?limit=1", headers=keeper).json
    assert [row["number"] for row in shelf["items"]] == [first]
    assert (shelf["items"][0]["phone_tail"], shelf["items"][0]["recipient"]["name"]) == ("1234", "王**")
    rest = client.get(f"/api/v1{here}?limit=1&after={shelf['next']}", headers=keeper).json
    assert ([row["number"] for row in rest["items"]], rest["next"]) == ([second], None)
    assert call(client, keeper, f"{here}/{first}/hand-over", SIGNED).json["status"] == "delivered"
    back = call(client, keeper, f"{here}/{second}/send-back", {"reason": "refused"})
    assert back.json["status"] == "going_back"
    broken = [name for name, sql in verify.checks() if session.execute(text(sql)).all()]
    assert broken == []
    again = call(client, keeper, f"{here}/{first}/hand-over", SIGNED)
    assert (again.status_code, again.json["code"]) == (409, "already_handed_over")


def test_what_is_sent_on_twice_is_refused_by_name(client, head, station):
    path, wanted = f"/stations/{station.id}/forward", {"numbers": [at_branch(station)]}
    call(client, head, path, wanted)
    assert call(client, head, path, wanted).json["code"] == "not_at_branch"


def test_a_keeper_sends_nothing_on(client, keeper, station):
    answer = call(client, keeper, f"/stations/{station.id}/forward", {"numbers": [at_branch(station)]})
    assert (answer.status_code, answer.json["code"]) == (404, "branch_unknown")


def test_a_parcel_that_is_not_here_yet_is_refused_by_name(client, keeper, station):
    path = f"/stations/{station.id}/to-hand-over/{at_branch(station)}/hand-over"
    assert call(client, keeper, path, SIGNED).json["code"] == "parcel_not_here"


def test_a_parcel_of_another_station_is_refused_by_name(client, head, branch, station):
    number = make.waiting_parcel(make.station(branch)).number
    path = f"/stations/{station.id}/to-hand-over/{number}/hand-over"
    assert call(client, head, path, SIGNED).json["code"] == "parcel_not_ours"


def test_the_shelf_of_a_station_is_closed_to_others(client, login, branch, station):
    stranger = login(client, make.keeper(make.station(branch)))
    assert client.get(f"/api/v1/stations/{station.id}/to-hand-over", headers=stranger).status_code == 404


def test_a_tail_is_four_digits(client, keeper, station):
    path = f"/api/v1/stations/{station.id}/to-hand-over?tail=12"
    assert client.get(path, headers=keeper).status_code == 422
