"""Sessions: opaque, hashed, replaced at every log-in, dead everywhere at once when ended."""

import contextlib
import hashlib
import threading
import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import delete, event, select, text, update

from core import auth, callers, clock, lifetimes, notify
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
    ("roles", "idle", "absolute"),
    [
        ([Role.BUYER], timedelta(days=30), timedelta(days=180)),
        ([Role.FARMER], timedelta(days=30), timedelta(days=180)),
        ([Role.HOST], timedelta(days=30), timedelta(days=180)),
        ([Role.KEEPER], timedelta(hours=12), timedelta(days=7)),
        ([Role.CLERK], timedelta(hours=12), timedelta(days=7)),
        ([Role.DRIVER], timedelta(hours=12), timedelta(days=7)),
        ([Role.BRANCH_HEAD], timedelta(minutes=30), timedelta(hours=12)),
        ([Role.PROVINCE], timedelta(minutes=30), timedelta(hours=12)),
        ([Role.SUPPLIER], timedelta(minutes=30), timedelta(hours=12)),
        ([Role.ADMIN], timedelta(minutes=30), timedelta(hours=12)),
        ([Role.FARMER, Role.KEEPER], timedelta(hours=12), timedelta(days=7)),
    ],
)
def test_a_session_ends_by_itself_sooner_the_more_it_opens(db, roles, idle, absolute):
    idling = opened(make.user(roles=roles), NOON)
    assert auth.who_has(idling, now=NOON + idle - timedelta(seconds=1))
    assert auth.who_has(opened(make.user(roles=roles), NOON), now=NOON + idle) is None
    used = opened(make.user(roles=roles), NOON)
    for moment in _every(idle / 2, NOON, NOON + absolute):
        assert auth.who_has(used, now=moment)
        callers.forget_all()
    assert auth.who_has(used, now=NOON + absolute - timedelta(seconds=1))
    assert auth.who_has(used, now=NOON + absolute) is None


def _every(step, start, end):
    """Moments from a start to right before an end."""
    return [start + step * turn for turn in range(1, -((start - end) // step))]


def test_every_role_has_a_lifetime():
    assert set(lifetimes.BY_ROLE) == set(Role)


def test_using_a_session_puts_off_its_end(db):
    token = opened(make.user(roles=[Role.BRANCH_HEAD]), NOON)
    for minutes, alive in [(29, True), (58, True), (87, True), (117, False)]:
        callers.forget_all()
        assert bool(auth.who_has(token, now=NOON + timedelta(minutes=minutes))) is alive


def test_what_this_process_remembers_does_not_outlive_the_idle_time(db):
    token = opened(make.user(roles=[Role.BRANCH_HEAD]), NOON)
    assert auth.who_has(token, now=NOON)
    assert auth.who_has(token, now=NOON + timedelta(minutes=29, seconds=59))
    assert auth.who_has(token, now=NOON + timedelta(minutes=30)) is None


def test_that_a_session_was_seen_is_written_once_a_minute(db):
    token = opened(make.user(), NOON)
    written = []
    for seconds in range(0, 181, 20):
        callers.forget_all()
        auth.who_has(token, now=NOON + timedelta(seconds=seconds))
        written.append(session.scalar(select(Login.seen_at)) - NOON)
    assert sorted({gone.total_seconds() for gone in written}) == [0, 60, 120, 180]


def test_a_page_that_renews_itself_does_not_keep_a_session_alive(client, db):
    head = make.user(roles=[Role.BRANCH_HEAD])
    headers = {"Authorization": f"Bearer {opened(head, NOON)}"}
    session.commit()
    for minutes, renewal, status in [(10, {}, 200), (30, {"X-Renewal": "1"}, 200), (41, {}, 401)]:
        with frozen(NOON + timedelta(minutes=minutes)):
            assert client.get("/api/v1/me", headers=headers | renewal).status_code == status


def test_a_person_who_comes_back_right_after_a_renewal_is_seen(db):
    token = opened(make.user(roles=[Role.BRANCH_HEAD]), NOON)
    later = NOON + timedelta(minutes=20)
    assert auth.who_has(token, now=later, by_itself=True)
    assert auth.who_has(token, now=later)
    assert session.scalar(select(Login.seen_at)) == later


def test_a_session_from_before_this_was_kept_counts_from_when_it_was_opened(db):
    token = opened(make.user(roles=[Role.KEEPER]), NOON)
    session.execute(update(Login).values(seen_at=None))
    assert auth.who_has(token, now=NOON + timedelta(hours=11))
    assert session.scalar(select(Login.seen_at)) == NOON + timedelta(hours=11)


def test_two_requests_of_one_session_do_not_wait_for_each_other(race_db):
    with transaction():
        token = opened(make.user(), NOON)
    later = NOON + timedelta(minutes=5)
    with transaction():
        assert auth.who_has(token, now=later)
        callers.forget_all()
        second = threading.Thread(target=_ask, args=(token, later, answers := []))
        second.start()
        second.join(1)
        assert [bool(answer) for answer in answers] == [True]


def _ask(token, now, answers):
    with transaction():
        answers.append(auth.who_has(token, now=now))


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
    with transaction():
        assert auth.who_has(token, now=clock.now())
    assert_remembered_longer_than_by_the_deaf(token)
    ended = _end_elsewhere(token)
    while auth.remembered(token, now=clock.now()):
        assert time.monotonic() - ended < 1
        time.sleep(0.01)
    with transaction():
        assert auth.who_has(token, now=clock.now()) is None


def assert_remembered_longer_than_by_the_deaf(token):
    time.sleep(callers.DEAF_S + 0.1)
    assert auth.remembered(token, now=clock.now()), "the listener's proof of life did not arrive"


def test_a_process_that_hears_no_news_forgets_within_a_second(race_db):
    with transaction():
        token = opened(make.user())
        assert auth.who_has(token, now=clock.now())
    ended = _end_elsewhere(token)
    with transaction():
        while auth.who_has(token, now=clock.now()):
            assert time.monotonic() - ended < callers.DEAF_S + 0.2
            time.sleep(0.01)


def test_a_line_that_falls_silent_is_not_trusted(db):
    token = opened(make.user())
    callers.hearing(time.monotonic() - callers.DEAF_S + 0.2)
    question = callers.question()._replace(at_s=time.monotonic() - 2 * callers.DEAF_S)
    who = make.who(make.user())
    callers.remember(_digest(token), who, until=clock.now() + timedelta(days=1), question=question)
    assert auth.remembered(token, now=clock.now()) is who
    time.sleep(0.25)
    assert auth.remembered(token, now=clock.now()) is None


def test_news_that_overtakes_the_answer_of_the_table_is_not_lost(db):
    token = opened(make.user())
    question = callers.question()
    callers.forget(_digest(token).hex())
    until = clock.now() + timedelta(days=1)
    callers.remember(_digest(token), make.who(make.user()), until=until, question=question)
    assert auth.remembered(token, now=clock.now()) is None


def test_a_remembered_caller_costs_no_query(client, login):
    headers = login(client, make.user())
    assert client.get("/api/v1/me", headers=headers).status_code == 200
    asked = []
    event.listen(engine(), "before_cursor_execute", lambda *facts: asked.append(facts[2]))
    assert client.get("/api/v1/me", headers=headers).status_code == 200
    assert not [sql for sql in asked if "logins" in sql]


def test_memory_is_bounded_and_gives_up_the_oldest(monkeypatch, db):
    monkeypatch.setattr(callers, "REMEMBERED_MAX", 3)
    tokens = [opened(make.user()) for _ in range(4)]
    for token in tokens:
        assert auth.who_has(token, now=clock.now())
    assert [bool(auth.remembered(token, now=clock.now())) for token in tokens] == [False, True, True, True]


def _digest(token):
    return hashlib.sha256(token.encode()).digest()


def _end_elsewhere(token):
    """What `sign_out` of another process does; it cannot reach our memory. Gives the moment."""
    digest = _digest(token)
    with engine().begin() as other:
        other.execute(delete(Login).where(Login.token_hash == digest))
        other.execute(text("SELECT pg_notify('logins', :digest)"), {"digest": digest.hex()})
    return time.monotonic()


def _start_listening():
    """What `notify.listen` does, except that it ends with the database of the test."""

    def hear():
        with contextlib.suppress(psycopg.Error):
            notify._hear(
                ["logins"],
                lambda _channel, digest: callers.forget(digest),
                callers.forget_all,
                lambda moment: (callers.hearing(moment), heard.set()),
            )

    heard = threading.Event()
    threading.Thread(target=hear, daemon=True).start()
    assert heard.wait(5), "nobody listens"


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
    began = time.monotonic()
    for passed_s, known in ((callers.HEARING_S - 1, True), (callers.HEARING_S + 1, False)):
        callers.hearing(began + passed_s)
        monkeypatch.setattr(callers.time, "monotonic", lambda moment=began + passed_s: moment)
        assert bool(auth.who_has(token, now=clock.now())) is known


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
