"""Live sessions: who hosts, what is on air, what is before the camera."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from core import auth, db
from core.db import session
from core.errors import IllegalMove
from core.permissions import Role, granted
from shop import events, live, offers
from shop.live import AlreadyOnAir, LiveSessionUnknown, NotOnAir, Pin, SessionStatus, StationNotYours, TitleMissing
from shop.offers import OfferStopped, OfferUnknown
from tests import make
from tests.make.shop import MORNING


def who(user):
    roles = frozenset(Role(role) for role in user.roles)
    return auth.Who(user.id, roles, user.name, "zh", False, granted(roles))


def test_a_host_plans_a_session_at_the_station_where_he_works():
    station = make.station()
    host = make.host(station)
    room = live.plan("  黄桃  专场 ", by=host.id, now=MORNING)
    assert (room.station_id, room.title, room.status) == (station.id, "黄桃 专场", SessionStatus.PLANNED)


def test_nobody_hosts_for_a_station_where_he_does_not_work():
    with pytest.raises(StationNotYours):
        live.plan("黄桃专场", by=make.user(roles=[Role.HOST]).id, now=MORNING)
    with pytest.raises(StationNotYours):
        live.plan("黄桃专场", station_id=make.station().id, by=make.host().id, now=MORNING)


@pytest.mark.parametrize("title", ["", "   ", "桃" * 41])
def test_a_session_needs_a_title_of_bounded_length(title):
    with pytest.raises(TitleMissing):
        live.plan(title, by=make.host().id, now=MORNING)


def test_going_on_air_and_off_air_leaves_times_and_news():
    heard = []
    events.session_started.connect(lambda room, now: heard.append(("started", room.id)))
    events.session_ended.connect(lambda room, now: heard.append(("ended", room.id)))
    room = make.live_session(on_air=False)
    live.start(room, by=room.host_id, now=MORNING)
    live.end(room, by=room.host_id, now=MORNING + timedelta(hours=2))
    assert room.status is SessionStatus.ENDED
    assert room.ended_at - room.started_at == timedelta(hours=2)
    assert heard == [("started", room.id), ("ended", room.id)]


def test_an_ended_session_does_not_start_again():
    room = make.live_session()
    live.end(room, by=room.host_id, now=MORNING)
    with pytest.raises(IllegalMove):
        live.start(room, by=room.host_id, now=MORNING)


def test_a_host_is_on_air_once_at_a_time():
    host = make.host()
    make.live_session(host=host)
    second = make.live_session(host=host, on_air=False)
    with pytest.raises(AlreadyOnAir):
        live.start(second, by=host.id, now=MORNING)


def test_two_starts_at_once_are_one(race_db):
    with db.transaction():
        host = make.host()
        planned = [make.live_session(host=host, on_air=False).id for _one in range(4)]
        host_id = host.id
    ended = []

    def go(session_id):
        try:
            with db.transaction():
                live.start(session.get_one(live.LiveSession, session_id), by=host_id, now=MORNING)
            ended.append("on air")
        except AlreadyOnAir:
            ended.append("refused")

    threads = [threading.Thread(target=go, args=(session_id,)) for session_id in planned]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["on air", "refused", "refused", "refused"]


def test_one_offer_is_before_the_camera_and_every_change_is_logged():
    room = make.live_session()
    first, second = make.live_offer(room), make.live_offer(room)
    for minute, offer_id in enumerate((first.id, second.id, None)):
        offers.pin(room, offer_id, by=room.host_id, now=MORNING + timedelta(minutes=minute))
    log = session.execute(select(Pin.offer_id, Pin.by).where(Pin.session_id == room.id).order_by(Pin.at)).all()
    assert [row.offer_id for row in log] == [first.id, second.id, None]
    assert {row.by for row in log} == {room.host_id}
    assert room.pinned_offer_id is None


def test_going_off_air_takes_the_offer_from_the_camera():
    offer = make.live_offer()
    room = session.get(live.LiveSession, offer.session_id)
    offers.pin(room, offer.id, by=room.host_id, now=MORNING)
    live.end(room, by=room.host_id, now=MORNING)
    assert room.pinned_offer_id is None
    assert len(session.scalars(select(Pin).where(Pin.session_id == room.id)).all()) == 2


def test_only_an_open_offer_of_this_session_is_shown():
    room = make.live_session()
    with pytest.raises(OfferUnknown):
        offers.pin(room, make.live_offer().id, by=room.host_id, now=MORNING)
    stopped = make.live_offer(room)
    offers.stop(stopped, by=room.host_id, now=MORNING)
    with pytest.raises(OfferStopped):
        offers.pin(room, stopped.id, by=room.host_id, now=MORNING)


def test_nothing_is_shown_before_the_start():
    room = make.live_session(on_air=False)
    offer = make.live_offer(room)
    with pytest.raises(NotOnAir):
        offers.pin(room, offer.id, by=room.host_id, now=MORNING)


def test_a_session_is_run_by_its_host_and_the_keeper_of_its_station_only():
    station = make.station()
    room = make.live_session(host=make.host(station))
    keeper = make.keeper(station)
    assert live.find(room.id, among=live.run_by(who(keeper))) is room
    for stranger in (make.host(station), make.keeper(), make.user()):
        with pytest.raises(LiveSessionUnknown):
            live.find(room.id, among=live.run_by(who(stranger)))
