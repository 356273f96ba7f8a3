"""The key of a live picture: who may push, when, and what ends a push."""

from datetime import timedelta

import pytest

from core import video_server
from core.testing import run_jobs
from shop import live, video
from shop.live import NotOnAir
from shop.video import PushRefused
from tests import make
from tests.make.shop import MORNING

SOON = MORNING + timedelta(seconds=10)


@pytest.fixture
def dropped(monkeypatch):
    """The names that the video server was told to drop."""
    names = []
    monkeypatch.setattr(video_server, "drop", lambda name: names.append(name) or True)
    return names


@pytest.fixture(autouse=True)
def _no_server(dropped):
    """None runs here."""


def test_the_right_key_is_let_in_and_shown_under_a_name_that_does_not_hold_it():
    room = make.live_session()
    key = video.key_of(room.id)
    name = video.admit(key, "7", now=MORNING)
    assert name == room.id.hex
    assert video.since(room.id, now=SOON) == MORNING
    assert len(key.removeprefix(name).strip("-")) == 26


@pytest.mark.parametrize(
    "spoil", [lambda k: k[:-1], lambda k: k + "a", lambda k: k[:32], lambda k: "", lambda k: "é🍑" * 20]
)
def test_a_wrong_key_is_refused(spoil):
    room = make.live_session()
    with pytest.raises(PushRefused):
        video.admit(spoil(video.key_of(room.id)), "7", now=MORNING)
    assert video.since(room.id, now=SOON) is None


def test_the_key_of_another_session_opens_nothing_here():
    mine, theirs = make.live_session(), make.live_session()
    borrowed = mine.id.hex + video.key_of(theirs.id)[32:]
    with pytest.raises(PushRefused):
        video.admit(borrowed, "7", now=MORNING)


def test_nobody_pushes_before_the_start_and_after_the_end():
    room = make.live_session(on_air=False)
    key = video.key_of(room.id)
    with pytest.raises(PushRefused):
        video.admit(key, "7", now=MORNING)
    live.start(room, by=room.host_id, now=MORNING)
    video.admit(key, "7", now=MORNING)
    live.end(room, by=room.host_id, now=SOON)
    for refused in (lambda: video.admit(key, "8", now=SOON), lambda: video.seen(key, "7", now=SOON)):
        with pytest.raises(PushRefused):
            refused()


def test_the_end_of_a_session_drops_who_pushes(dropped):
    room = make.live_session()
    video.admit(video.key_of(room.id), "7", now=MORNING)
    dropped.clear()
    live.end(room, by=room.host_id, now=SOON)
    assert dropped == []
    run_jobs(SOON)
    assert dropped == [room.id.hex]


def test_the_newest_push_takes_the_place_of_the_one_before(dropped):
    room = make.live_session()
    key = video.key_of(room.id)
    video.admit(key, "7", now=MORNING)
    video.admit(key, "8", now=SOON)
    assert dropped == [room.id.hex, room.id.hex]
    video.gone(key, "7")
    assert video.since(room.id, now=SOON) == SOON
    with pytest.raises(PushRefused):
        video.seen(key, "7", now=SOON)
    video.gone(key, "8")
    assert video.since(room.id, now=SOON) is None


def test_a_renewed_key_is_another_and_the_old_one_is_thrown_out(dropped):
    room = make.live_session()
    old = video.key_of(room.id)
    video.admit(old, "7", now=MORNING)
    dropped.clear()
    for _ in range(2):
        video.renew(room, by=room.host_id, now=SOON)
    run_jobs(SOON)
    assert dropped == [room.id.hex, room.id.hex]
    assert video.key_of(room.id) != old
    for refused in (lambda: video.admit(old, "8", now=SOON), lambda: video.seen(old, "7", now=SOON)):
        with pytest.raises(PushRefused):
            refused()
    video.admit(video.key_of(room.id), "9", now=SOON)


def test_the_key_of_an_ended_session_is_not_renewed():
    room = make.live_session()
    live.end(room, by=room.host_id, now=SOON)
    with pytest.raises(NotOnAir):
        video.renew(room, by=room.host_id, now=SOON)


def test_a_push_that_is_not_heard_of_is_over():
    room = make.live_session()
    key = video.key_of(room.id)
    video.admit(key, "7", now=MORNING)
    video.seen(key, "7", now=SOON)
    assert video.since(room.id, now=SOON + timedelta(seconds=24)) == MORNING
    assert video.since(room.id, now=SOON + timedelta(seconds=26)) is None
