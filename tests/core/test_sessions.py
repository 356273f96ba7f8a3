"""Sessions: opaque, hashed, replaced at every log-in, dead everywhere at once when ended."""

import contextlib
import hashlib
import threading
import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import delete, select, text

from core import auth, clock, notify
from core.auth import Login
from core.db import engine, session, transaction
from core.permissions import Role
from core.testing import frozen
from tests import make

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)


def opened(user, now=None):
    return auth.open_login(user, agent="test", now=now or clock.now())


def test_only_a_hash_of_the_token_is_kept(db):
    token = opened(make.user())
    row = session.scalars(select(Login)).one()
    assert row.token_hash == hashlib.sha256(token.encode()).digest()
    assert len(token) >= 43


def test_every_log_in_makes_another_token(db):
    user = make.user()
    assert opened(user) != opened(user)


def test_a_token_that_was_never_given_out_is_nobody(db):
    assert auth.who_has("x" * 43, now=clock.now()) is None


@pytest.mark.parametrize(
    ("role", "lived"),
    [
        (Role.BUYER, timedelta(days=180)),
        (Role.FARMER, timedelta(days=180)),
        (Role.KEEPER, timedelta(days=7)),
        (Role.BRANCH_HEAD, timedelta(hours=12)),
        (Role.PROVINCE, timedelta(hours=12)),
        (Role.SUPPLIER, timedelta(hours=12)),
    ],
)
def test_a_session_ends_by_itself_sooner_the_more_it_opens(db, role, lived):
    token = opened(make.user(roles=[role]), NOON)
    assert auth.who_has(token, now=NOON + lived - timedelta(seconds=1))
    assert auth.who_has(token, now=NOON + lived) is None


def test_an_ended_session_is_dead_at_once_in_this_process(client, login):
    headers = login(client, make.user())
    assert client.get("/api/v1/me", headers=headers).status_code == 200
    assert client.post("/api/v1/logout", headers=headers).status_code == 204
    assert client.get("/api/v1/me", headers=headers).status_code == 401


def test_ending_one_session_leaves_the_others(db):
    user = make.user()
    first, second = opened(user), opened(user)
    auth.sign_out(first)
    assert auth.who_has(first, now=clock.now()) is None
    assert auth.who_has(second, now=clock.now())
    auth.end_all(user.id)
    assert auth.who_has(second, now=clock.now()) is None


def test_a_session_ended_in_another_process_is_dead_here_within_a_second(race_db):
    with transaction():
        token = opened(make.user())
        assert auth.who_has(token, now=clock.now())
    _start_listening()
    digest = hashlib.sha256(token.encode())
    with engine().begin() as other:  # what `sign_out` of another process does; it cannot reach our memory
        other.execute(delete(Login).where(Login.token_hash == digest.digest()))
        other.execute(text("SELECT pg_notify('logins', :digest)"), {"digest": digest.hexdigest()})
    ended = time.monotonic()
    while auth.who_has(token, now=clock.now()):
        session.rollback()
        assert time.monotonic() - ended < 1
        time.sleep(0.01)


def _start_listening():
    """What `notify.listen` does, except that it ends with the database of the test."""

    def hear():
        with contextlib.suppress(psycopg.Error):
            notify._hear(["logins"], lambda _channel, digest: auth.forget(digest), lambda: None)

    threading.Thread(target=hear, daemon=True).start()
    until = time.monotonic() + 5
    with engine().connect() as connection:
        while time.monotonic() < until:
            if connection.scalar(text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")):
                return
            connection.rollback()
            time.sleep(0.02)
    raise AssertionError("nobody listens")


def test_a_role_that_was_taken_away_is_gone_at_the_next_request(client, login):
    user = make.user(roles=[Role.KEEPER])
    headers = login(client, user)
    assert "parcel:pack" in client.get("/api/v1/me", headers=headers).json["permissions"]
    auth.change_roles(user.id, [Role.BUYER])
    session.commit()
    assert client.get("/api/v1/me", headers=headers).status_code == 401
    again = client.get("/api/v1/me", headers=login(client, user))
    assert "parcel:pack" not in again.json["permissions"]


def test_a_disabled_person_is_out_at_the_next_request(client, login):
    user = make.user()
    headers = login(client, user)
    client.get("/api/v1/me", headers=headers)
    auth.disable(user.id, now=clock.now())
    session.commit()
    assert client.get("/api/v1/me", headers=headers).status_code == 401


def test_the_memory_of_a_process_ends_after_half_a_minute(db, monkeypatch):
    token = opened(make.user())
    assert auth.who_has(token, now=clock.now())
    session.execute(delete(Login))
    assert auth.who_has(token, now=clock.now())
    later = time.monotonic() + auth.CACHE_S + 1
    monkeypatch.setattr(auth.time, "monotonic", lambda: later)
    assert auth.who_has(token, now=clock.now()) is None


def test_over_https_the_cookie_is_bound_to_the_host(monkeypatch):
    class Https:
        public_url = "https://shop.example"

    monkeypatch.setattr(auth, "settings", Https)
    assert auth.cookie_name() == "__Host-xx"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_another_site_cannot_act_with_the_cookie(client, db, headers):
    token = opened(make.user())
    session.commit()
    client.set_cookie(auth.cookie_name(), token)
    assert client.post("/api/v1/logout", headers=headers).status_code == 403
    assert auth.who_has(token, now=clock.now())


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}])
def test_our_own_pages_act_with_the_cookie(client, db, headers):
    client.set_cookie(auth.cookie_name(), opened(make.user()))
    session.commit()
    assert client.post("/api/v1/logout", headers=headers).status_code == 204


def test_a_bearer_token_needs_no_page(client, login):
    assert client.post("/api/v1/logout", headers=login(client, make.user())).status_code == 204


def test_a_token_in_the_address_is_not_looked_at(client, db):
    token = opened(make.user())
    session.commit()
    assert client.get(f"/api/v1/me?token={token}&access_token={token}").status_code == 401


def test_a_long_forgotten_session_is_no_session(client, db):
    with frozen(NOON):
        token = opened(make.user())
    session.commit()
    with frozen(NOON + timedelta(days=181)):
        assert client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
