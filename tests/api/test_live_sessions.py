"""Live sale over HTTP: run by its host, watched by everybody."""

import pytest

from core.db import session
from core.testing import frozen
from shop import live
from tests import make
from tests.make.shop import MORNING

URL = "/api/v1/live-sessions"


@pytest.fixture(autouse=True)
def _morning():
    """The lots of the makers are ready on this day."""
    with frozen(MORNING):
        yield


@pytest.fixture
def host():
    return make.host()


@pytest.fixture
def room(host):
    """A session that is still to start, with the pack to sell in it."""
    made = make.live_session(host=host, on_air=False)
    made.pack_id = make.live_pack(made).id
    session.commit()
    return made


def offered(client, headers, room, **given):
    sent = {"pack_id": str(room.pack_id), "price_minor": 2_590, "pool": 20} | given
    return client.post(f"{URL}/{room.id}/offers", json=sent, headers=headers)


def test_the_story_of_a_session(client, login, host):
    headers = login(client, host)
    planned = client.post(URL, json={"title": "黄桃专场"}, headers=headers)
    assert (planned.status_code, planned.json["status"]) == (201, "planned")
    room = session.get(live.LiveSession, planned.json["id"])
    room.pack_id = make.live_pack(room).id
    here = f"{URL}/{room.id}"
    assert client.post(f"{here}/start", headers=headers).json["status"] == "on_air"
    offer = offered(client, headers, room, per_buyer_limit=3)
    assert (offer.status_code, offer.json["number"], offer.json["held"]) == (201, 1, 0)
    offer_id = offer.json["id"]
    pinned = client.post(f"{here}/pin", json={"offer_id": offer_id}, headers=headers)
    assert pinned.json["pinned_offer_id"] == offer_id
    client.post(f"{here}/offers/{offer_id}/reprice", json={"price_minor": 1_990}, headers=headers)
    shown = client.get(f"{here}/now").json
    assert (shown["status"], shown["pinned"]["price_minor"], shown["pinned"]["left"]) == ("on_air", 1_990, 20)
    assert client.post(f"{here}/offers/{offer_id}/stop", headers=headers).json["status"] == "stopped"
    assert client.get(f"{here}/offers").json["items"][0]["left"] == 0
    assert client.post(f"{here}/offers/{offer_id}/reopen", headers=headers).json["status"] == "open"
    assert client.post(f"{here}/end", headers=headers).json["ended_at"].endswith("+08:00")
    assert client.get(f"{here}/now").json == {"status": "ended", "pinned": None}


def test_everybody_may_look_and_sees_public_facts_only(client, login, host, room):
    offered(client, login(client, host), room)
    assert str(room.id) in [item["id"] for item in client.get(URL).json["items"]]
    assert client.get(f"{URL}?status=on_air").json["items"] == []
    assert "host_id" not in client.get(f"{URL}/{room.id}").json
    (shown,) = client.get(f"{URL}/{room.id}/offers").json["items"]
    assert (shown["number"], shown["left"], shown["name"]) == (1, 20, "溆浦黄桃")
    assert not shown.keys() & {"pool", "held", "sold"}


@pytest.mark.parametrize("path", ["start", "end", "pin", "offers"])
def test_a_session_is_not_run_by_strangers(client, login, room, path):
    body = {"pin": {"offer_id": None}, "offers": {"pack_id": str(room.pack_id), "price_minor": 1, "pool": 1}}.get(path)
    url = f"{URL}/{room.id}/{path}"
    assert client.post(url, json=body).status_code == 401
    assert client.post(url, json=body, headers=login(client, make.user())).status_code == 403
    foreign = client.post(url, json=body, headers=login(client, make.host()))
    assert (foreign.status_code, foreign.json["code"]) == (404, "live_session_unknown")


def test_the_keeper_of_the_station_may_step_in(client, login, room):
    keeper = make.keeper(make.station_of(room))
    assert client.post(f"{URL}/{room.id}/start", headers=login(client, keeper)).status_code == 200


@pytest.mark.parametrize(
    "given",
    [
        {"price_minor": 0},
        {"price_minor": -1},
        {"price_minor": 25.9},
        {"price_minor": "2590"},
        {"price_minor": 10_000_001},
        {"pool": -1},
        {"pool": True},
        {"per_buyer_limit": 0},
        {"number": 0},
        {"number": 100},
        {"surprise": 1},
    ],
)
def test_an_offer_of_the_wrong_shape_is_refused(client, login, host, room, given):
    assert offered(client, login(client, host), room, **given).status_code == 422


def test_refusals_have_stable_codes(client, login, host, room):
    headers = login(client, host)
    here = f"{URL}/{room.id}"
    offer_id = offered(client, headers, room).json["id"]
    early = client.post(f"{here}/pin", json={"offer_id": offer_id}, headers=headers)
    assert (early.status_code, early.json["code"]) == (409, "not_on_air")
    assert offered(client, headers, room, number=1).json["code"] == "number_taken"
    foreign = offered(client, headers, room, pack_id=str(make.pack().id))
    assert (foreign.status_code, foreign.json["code"]) == (409, "pack_of_other_station")
    unknown = client.post(f"{here}/pin", json={"offer_id": str(make.missing_id())}, headers=headers)
    assert (unknown.status_code, unknown.json["code"]) == (404, "offer_unknown")
    client.post(f"{here}/end", headers=headers)
    again = client.post(f"{here}/start", headers=headers)
    assert (again.status_code, again.json["code"]) == (409, "illegal_move")


def test_a_refusal_speaks_the_language_of_the_reader(client, login, host, room):
    headers = login(client, host) | {"Accept-Language": "en"}
    offered(client, headers, room, number=3)
    assert offered(client, headers, room, number=3).json["title"] == "Number 3 has been used already."


@pytest.mark.parametrize("path", ["", "/offers", "/now", "/stream"])
def test_an_unknown_session_is_not_found(client, path):
    assert client.get(f"{URL}/{make.missing_id()}{path}").status_code == 404


def test_without_the_stream_service_the_way_to_it_is_told(client, room):
    answer = client.get(f"{URL}/{room.id}/stream")
    assert answer.status_code == 307
    assert answer.headers["Location"].endswith(f":8001{URL}/{room.id}/stream")


def test_the_report_and_the_sold_out_button_are_for_who_runs_the_session(client, login, host, room):
    mine, other = login(client, host), login(client, make.host())
    client.post(f"{URL}/{room.id}/start", headers=mine)
    offer = offered(client, mine, room).json
    path = f"{URL}/{room.id}/offers/{offer['id']}/sold-out"
    assert client.post(path, headers=other).status_code == 404
    assert client.post(path, headers=mine).json["pool"] == 0
    assert client.get(f"{URL}/{room.id}/report", headers=other).status_code == 404
    report = client.get(f"{URL}/{room.id}/report", headers=mine).json
    assert (report["orders"], report["net_minor"], report["offers"][0]["number"]) == (0, 0, offer["number"])
