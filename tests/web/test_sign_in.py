"""Signing in with a browser: the cookie is ours alone, and so is the form."""

import pytest

from core import auth, clock
from core.db import session
from tests import make

PASSWORD = "peach-season"


def opened(user):
    return auth.open_login(user, agent="test", now=clock.now())


def test_a_cookie_set_beforehand_is_replaced_and_its_session_ended(client, db):
    victim, thief = make.user(phone="13812345678"), make.user()
    planted = opened(thief)
    session.commit()
    client.set_cookie(auth.cookie_name(), planted)
    form = {"phone": "13812345678", "password": PASSWORD}
    response = client.post("/login", data=form, headers={"Sec-Fetch-Site": "same-origin"})
    assert response.status_code == 303
    fresh = client.get_cookie(auth.cookie_name()).value
    assert fresh != planted
    assert auth.who_has(fresh, now=clock.now()).user_id == victim.id
    assert auth.who_has(planted, now=clock.now()) is None


def test_the_cookie_cannot_be_read_by_scripts_nor_sent_by_other_sites(client, db):
    make.user(phone="13812345678")
    response = client.post("/login", data={"phone": "13812345678", "password": PASSWORD})
    cookies = {line.split("=")[0]: line for line in response.headers.getlist("Set-Cookie")}
    for name in (auth.cookie_name(), "xx-device"):
        assert "HttpOnly" in cookies[name]
        assert "SameSite=Lax" in cookies[name]
        assert "Path=/" in cookies[name]


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}]
)
def test_another_site_cannot_sign_a_visitor_in(client, db, headers):
    make.user(phone="13812345678")
    response = client.post("/login", data={"phone": "13812345678", "password": PASSWORD}, headers=headers)
    assert response.status_code == 403


def test_the_device_is_known_after_signing_in(client, db):
    make.user(phone="13812345678")

    def attempt(password):
        form = {"phone": "13812345678", "password": password}
        return client.post("/login", data=form, headers={"Sec-Fetch-Site": "same-origin"}).status_code

    assert attempt(PASSWORD) == 303
    first = client.get_cookie("xx-device").value
    assert [attempt("wrong-password") for _ in range(6)] == [401] * 6
    assert attempt(PASSWORD) == 303
    assert client.get_cookie("xx-device").value == first


def test_a_wrong_password_shows_the_form_again_and_no_cookie(client, db):
    make.user(phone="13812345678")
    response = client.post("/login", data={"phone": "13812345678", "password": "wrong-password"})
    assert response.status_code == 401
    assert "密码" in response.get_data(as_text=True)
    assert client.get_cookie(auth.cookie_name()) is None


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\\\evil.example", "javascript:alert(1)"]
)
def test_after_signing_in_one_stays_in_the_house(client, db, wanted):
    make.user(phone="13812345678")
    response = client.post("/login", data={"phone": "13812345678", "password": PASSWORD, "next": wanted})
    assert response.status_code == 303
    assert "evil" not in response.headers["Location"]
    assert "javascript" not in response.headers["Location"]
