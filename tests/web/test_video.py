"""The live picture on the screens: none without a video server; the key is for those who run the session."""

from dataclasses import replace
from uuid import uuid4

import pytest

from core import settings as module
from core import video_server
from core.db import session
from core.permissions import Role
from core.users import User
from shop import video
from tests import make
from web import video as screens

HTML = {"Accept": "text/html"}


@pytest.fixture
def room():
    return make.live_session()


@pytest.fixture
def host(client, login, room):
    return login(client, session.get_one(User, room.host_id)) | HTML


@pytest.fixture
def with_video(monkeypatch):
    """A video server runs beside the house."""
    found = replace(module.settings(), video=True)
    for place in (screens, video, video_server):
        monkeypatch.setattr(place, "settings", lambda: found)
    monkeypatch.setattr(video_server, "drop", lambda name: True)
    return found


def ask(client, what, key, secret, push="7", call=""):
    form = {"call": call or what, "name": key, "clientid": push, "app": "live"}
    return client.post(f"/video/hooks/{what}", data=form, headers={"X-Video-Secret": secret} if secret else {})


def test_without_a_video_server_there_is_neither_picture_nor_key(client, room, host):
    shown = client.get(f"/live/{room.id}")
    assert "data-picture" not in shown.text
    assert "push-key" not in client.get(f"/host/{room.id}", headers=host).text
    assert ask(client, "publish", video.key_of(room.id), video_server.secret(module.settings())).status_code == 404


def test_the_room_plays_and_may_fetch_from_the_video_server_and_no_other_page_may(client, room, with_video):
    shown = client.get(f"/live/{room.id}")
    port = with_video.video_port
    assert f'data-picture="http://localhost:{port}/hls/{room.id.hex}.m3u8"' in shown.text
    assert video.key_of(room.id) not in shown.text
    for directive in ("media-src 'self' blob:", "connect-src 'self' http://localhost:8001"):
        assert f"{directive} http://localhost:{port};" in shown.headers["Content-Security-Policy"]
    assert f":{port}" not in client.get("/live").headers["Content-Security-Policy"]


def test_the_key_is_shown_to_who_runs_the_session_only(client, login, room, host, with_video):
    assert f'value="{video.key_of(room.id)}"' in client.get(f"/host/{room.id}", headers=host).text
    other = login(client, make.host()) | HTML
    assert client.get(f"/host/{room.id}", headers=other).status_code == 404
    assert client.post(f"/host/{room.id}/video/renew", headers=other).status_code == 404
    buyer = login(client, make.user(roles=[Role.BUYER])) | HTML
    assert client.post(f"/host/{room.id}/video/renew", headers=buyer).status_code == 403


def test_a_press_makes_another_key(client, room, host, with_video):
    before = video.key_of(room.id)
    answer = client.post(f"/host/{room.id}/video/renew", data={"key": uuid4().hex}, headers=host)
    assert answer.status_code == 303
    assert video.key_of(room.id) != before


def test_the_video_server_is_told_the_name_or_no(client, room, with_video):
    secret, key = video_server.secret(with_video), video.key_of(room.id)
    let_in = ask(client, "publish", key, secret)
    assert (let_in.status_code, let_in.headers["Location"]) == (302, room.id.hex)
    assert ask(client, "update", key, secret).status_code == 204
    assert ask(client, "done", key, secret).status_code == 204
    assert ask(client, "update", key, secret).status_code == 403
    assert ask(client, "publish", key[:-1], secret).status_code == 403
    assert ask(client, "update", room.id.hex, secret, call="update_play").status_code == 204


def test_what_a_pusher_adds_to_his_address_gets_him_nowhere(client, room, with_video):
    secret, key = video_server.secret(with_video), video.key_of(room.id)
    for name, told in (("name", [key, "other"]), ("clientid", ["7", "8"])):
        form = {"name": key, "clientid": "7"} | {name: told}
        headers = {"X-Video-Secret": secret}
        assert client.post("/video/hooks/publish", data=form, headers=headers).status_code == 403
    assert ask(client, "update", room.id.hex, secret, call=["update_play", "update_publish"]).status_code == 403


@pytest.mark.parametrize("secret", ["", "wrong", "é"])
@pytest.mark.parametrize("what", ["publish", "update", "done"])
def test_nobody_but_the_video_server_finds_anything_there(client, room, with_video, what, secret):
    assert ask(client, what, video.key_of(room.id), secret).status_code == 404
