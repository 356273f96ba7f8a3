"""The stream: everybody in the room learns what is new, and whoever reads slowly holds up nobody."""

import json
import threading
import time
from wsgiref.util import setup_testing_defaults

import pytest
from sqlalchemy.exc import OperationalError

from core import clock, db, testing
from core.db import session
from shop import audience, live, offers, pools, rooms, stock, stream
from shop.audience import Audience, Room, TooManyStreams
from shop.ears import Ear
from shop.live import LiveSession
from shop.offers import LiveOffer
from shop.stream import StreamService
from tests import make
from tests.make.shop import MORNING

ON_AIR = {"status": "on_air", "pinned": None}


class Viewer:
    """A program that opens one stream."""

    def __init__(self, service, session_id, *, method="GET", **headers):
        self.environ = {}
        setup_testing_defaults(self.environ)
        self.environ |= {"PATH_INFO": f"/api/v1/live-sessions/{session_id}/stream", "REQUEST_METHOD": method}
        self.environ |= {"REMOTE_ADDR": "10.0.0.1"} | headers
        self.body = service(self.environ, self._start)
        self.words = iter(self.body)

    def _start(self, status, headers):
        self.status, self.headers = int(status[:3]), dict(headers)

    def close(self):
        getattr(self.body, "close", lambda: None)()

    def event(self):
        """The next event, passing over comments and the time to come back."""
        for chunk in self.words:
            lines = dict(line.split(": ", 1) for line in chunk.decode().strip().split("\n") if not line.startswith(":"))
            if "data" in lines:
                return json.loads(lines["data"]) | {"id": lines["id"]}
        return None


@pytest.fixture
def service():
    return StreamService(Audience(), behind_proxy=False)


@pytest.fixture(autouse=True)
def _morning():
    with testing.frozen(MORNING):
        yield


def pinned_room(**given):
    room = make.live_session()
    offer = make.live_offer(room, **given)
    offers.pin(room, offer.id, by=room.host_id, now=MORNING)
    return room, offer


def test_a_viewer_gets_the_state_at_once(service):
    room, offer = pinned_room(pool=20)
    viewer = Viewer(service, room.id)
    assert viewer.status == 200
    assert viewer.headers["Content-Type"].startswith("text/event-stream")
    assert next(viewer.words) == b"retry: 3000\n\n"
    event = viewer.event()
    assert (event["status"], event["viewers"]) == ("on_air", 1)
    shown = event["pinned"]
    assert (shown["offer_id"], shown["number"], shown["price_minor"], shown["left"]) == (str(offer.id), 1, 2_590, 20)


def test_a_stream_holds_public_facts_only(service):
    room, _offer = pinned_room()
    names = (
        "offer_id number name pack_id pack net_g price_minor currency per_buyer_limit opens_at closes_at "
        "ships_from ships_by status left"
    )
    assert Viewer(service, room.id).event()["pinned"].keys() == set(names.split())


def test_every_change_reaches_the_viewer(service):
    room, offer = pinned_room(pool=20)
    by = room.host_id
    viewer = Viewer(service, room.id)
    viewer.event()

    def after(change):
        change(session.get(LiveOffer, offer.id))
        service.audience.look([room.id])
        return viewer.event()

    assert after(lambda o: pools.hold({o.id: 5}, reference="a", now=MORNING))["pinned"]["left"] == 15
    assert (
        after(lambda o: offers.reprice(o, price_minor=99, confirmed=True, by=by, now=MORNING))["pinned"]["price_minor"]
        == 99
    )
    assert after(lambda o: offers.stop(o, by=by, now=MORNING))["pinned"]["left"] == 0
    assert after(lambda _o: live.end(session.get(LiveSession, room.id), by=by, now=MORNING))["status"] == "ended"
    assert viewer.event() is None


def test_left_follows_what_the_shop_window_sells(service):
    room = make.live_session()
    product = make.product(farm=make.farm(station=make.station_of(room)))
    lot = make.lot(product=product, low_g=10_000)
    offer = make.live_offer(room, pack=make.pack(product=product))
    offers.pin(room, offer.id, by=room.host_id, now=MORNING)
    assert rooms.now_showing([room.id], now=clock.now())[room.id]["pinned"]["left"] == 4
    stock.hold({lot.id: 5_000}, reference="order", now=MORNING)
    assert rooms.now_showing([room.id], now=clock.now())[room.id]["pinned"]["left"] == 2


def test_a_slow_reader_skips_to_the_newest_state():
    room = Room()
    room.viewers = 1
    words = stream.watch(room, Ear(""))
    next(words)
    for left in range(100, 0, -1):
        room.tell(ON_AIR | {"left": left}, at=0)
    assert json.loads(next(words).split(b"data: ")[1])["left"] == 1


def test_who_comes_back_with_the_newest_id_hears_nothing_old(service, monkeypatch):
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.01)
    room, offer = pinned_room()
    first = Viewer(service, room.id)
    seen = first.event()["id"]
    again = Viewer(service, room.id, HTTP_LAST_EVENT_ID=seen)
    next(again.words)
    assert next(again.words) == b": still here\n\n"
    pools.hold({offer.id: 1}, reference="a", now=MORNING)
    service.audience.look([room.id])
    assert again.event()["pinned"]["left"] == 99


def test_an_ended_session_tells_so_once_and_then_sends_nobody_back(service):
    room = make.live_session()
    live.end(room, by=room.host_id, now=MORNING)
    viewer = Viewer(service, room.id)
    seen = viewer.event()
    assert (seen["status"], viewer.event()) == ("ended", None)
    viewer.close()
    again = Viewer(service, room.id, HTTP_LAST_EVENT_ID=seen["id"])
    assert (again.status, list(again.body)) == (204, [])
    again.close()
    assert service.audience.viewers == 0


def test_unknown_sessions_other_methods_and_other_paths_are_not_found(service):
    for viewer in (
        Viewer(service, make.missing_id()),
        Viewer(service, make.live_session().id, method="POST"),
        Viewer(service, "../../healthz"),
    ):
        assert (viewer.status, viewer.headers["Content-Type"]) == (404, "application/problem+json")
        assert json.loads(b"".join(viewer.body))["code"] == "not_found"
    assert (service.audience.viewers, service.audience.rooms) == (0, {})


def test_viewers_are_counted_and_a_room_that_empties_is_forgotten(service):
    room, _offer = pinned_room()
    first, second = Viewer(service, room.id), Viewer(service, room.id)
    assert service.audience.rooms[room.id].viewers == 2
    for viewer in (first, second):
        viewer.close()
    assert (service.audience.viewers, service.audience.rooms) == (0, {})


def test_a_new_number_of_viewers_is_told_but_not_all_the_time():
    room = Room()
    room.viewers = 1
    room.tell(ON_AIR, at=0)
    first = room.state.event_id
    room.viewers = 50
    room.tell(ON_AIR, at=audience.RECOUNT_S - 1)
    assert room.state.event_id == first
    room.tell(ON_AIR, at=audience.RECOUNT_S)
    assert b'"viewers":50' in room.state.event


def test_an_address_and_a_process_have_their_bounds(monkeypatch):
    monkeypatch.setattr(audience, "VIEWERS_PER_ADDRESS_MAX", 2)
    monkeypatch.setattr(audience, "VIEWERS_MAX", 3)
    everybody, session_id = Audience(), make.missing_id()
    everybody.enter(session_id, "10.0.0.1")
    everybody.enter(session_id, "10.0.0.1")
    with pytest.raises(TooManyStreams):
        everybody.enter(session_id, "10.0.0.1")
    everybody.enter(session_id, "10.0.0.2")
    with pytest.raises(TooManyStreams):
        everybody.enter(session_id, "10.0.0.3")


def test_of_a_crowd_that_comes_at_once_one_asks_the_database(monkeypatch):
    asked, crowd, session_id = [], Audience(), make.missing_id()

    def look(session_ids):
        asked.append(session_ids)
        time.sleep(0.05)
        crowd.rooms[session_id].tell(ON_AIR, at=0)

    monkeypatch.setattr(crowd, "look", look)
    rooms_entered = [crowd.enter(session_id, "10.0.0.1") for _one in range(20)]
    threads = [threading.Thread(target=crowd.welcome, args=(session_id, room)) for room in rooms_entered]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked == [[session_id]]


def test_without_the_database_a_newcomer_is_told_to_wait(service, monkeypatch):
    def away(_session_ids):
        raise OperationalError("", {}, Exception())

    monkeypatch.setattr(service.audience, "look", away)
    viewer = Viewer(service, make.live_session().id)
    assert (viewer.status, json.loads(b"".join(viewer.body))["code"]) == (503, "busy")
    assert service.audience.viewers == 0


def test_who_is_refused_learns_when_to_come_back(service, monkeypatch):
    monkeypatch.setattr(audience, "VIEWERS_MAX", 0)
    viewer = Viewer(service, make.live_session().id)
    assert (viewer.status, viewer.headers["Retry-After"]) == (429, "10")


@pytest.mark.parametrize("header", ["HTTP_COOKIE", "HTTP_AUTHORIZATION"])
def test_a_signed_in_session_follows_three_streams_at_once(service, header):
    room = make.live_session()
    tokens = {"HTTP_COOKIE": "lang=zh; xx={}", "HTTP_AUTHORIZATION": "Bearer {}"}[header]
    mine = [Viewer(service, room.id, **{header: tokens.format("mine")}) for _one in range(4)]
    assert [viewer.status for viewer in mine] == [200, 200, 200, 429]
    assert Viewer(service, room.id, **{header: tokens.format("another")}).status == 200
    assert [Viewer(service, room.id).status for _one in range(5)] == [200] * 5
    mine[0].close()
    assert Viewer(service, room.id, **{header: tokens.format("mine")}).status == 200


def test_who_has_left_is_not_remembered(service):
    viewer = Viewer(service, make.live_session().id, HTTP_COOKIE="xx=mine")
    viewer.close()
    assert (service.audience._by_address, service.audience._by_session) == ({}, {})


def test_behind_the_proxy_the_viewer_is_whom_the_proxy_names():
    service = StreamService(Audience(), behind_proxy=True)
    room = make.live_session()
    viewer = Viewer(service, room.id, HTTP_X_FORWARDED_FOR="6.6.6.6, 10.1.2.3")
    assert service.audience._by_address == {"10.1.2.3": 1}
    viewer.close()


def test_a_stream_ends_itself(monkeypatch):
    monkeypatch.setattr(stream, "LIFE_S", 0.05)
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.01)
    room = Room()
    room.tell(ON_AIR, at=0)
    assert list(stream.watch(room, Ear(room.state.event_id)))[-1] == b": still here\n\n"


def test_the_service_says_that_it_is_well(service):
    viewer = Viewer.__new__(Viewer)
    assert service({"PATH_INFO": "/healthz"}, viewer._start) == [b"ok\n"]
    assert viewer.status == 200


def test_news_travels_from_a_commit_to_every_viewer(race_db):
    with db.transaction():
        room, offer = pinned_room(pool=20)
        room_id, offer_id = room.id, offer.id
    service = StreamService(Audience(), behind_proxy=False)
    service.audience.follow()
    viewers = [Viewer(service, room_id) for _one in range(20)]
    assert {viewer.event()["pinned"]["left"] for viewer in viewers} == {20}
    heard = []
    threads = [threading.Thread(target=lambda v=viewer: heard.append(v.event()), daemon=True) for viewer in viewers]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    with db.transaction():
        pools.hold({offer_id: 3}, reference="a", now=MORNING)
    for thread in threads:
        thread.join(timeout=5)
    for viewer in viewers:
        viewer.close()
    assert [event["pinned"]["left"] for event in heard] == [17] * 20
