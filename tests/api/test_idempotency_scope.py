"""A key brings its owner the same answer, and nobody else anything."""

import io
import threading
import uuid
from datetime import timedelta

import pytest
from flask import Response, jsonify, request
from sqlalchemy import func, select, text

from core import auth, clock, once, problems
from core.auth import requires
from core.db import session, transaction
from core.errors import Conflict
from core.once import IdempotencyKey
from core.permissions import Permission
from core.settings import settings
from core.testing import bearer, frozen
from core.web import make_service
from tests import make

ADVISORY_LOCKS_HERE = """
    SELECT count(*) FROM pg_locks
    WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Broken(Conflict):
    message = "no"


@pytest.fixture
def deeds():
    """What the views did, in their order."""
    return []


@pytest.fixture
def gate():
    """Closed while a view shall take its time."""
    opened = threading.Event()
    opened.set()
    return opened


@pytest.fixture
def house(deeds, gate):
    app = make_service("once", settings())
    problems.init_app(app)

    def deed(kind="deed"):
        gate.wait(5)
        if request.headers.get("X-Fail"):
            raise Broken
        deeds.append((auth.current().user_id, kind))
        return jsonify(number=len(deeds)), 201

    def file(kind):
        deeds.append(kind)
        return Response(b"%PDF\xff\xfe\x00", 201, mimetype="application/pdf")

    def page():
        deeds.append(sorted(request.form.items()))
        return Response("", 303, {"Location": f"/done/{len(deeds)}"})

    guarded = requires(Permission.ORDER_PLACE)
    app.post("/deeds")(guarded(once.once(deed)))
    app.post("/deeds/<kind>", endpoint="kinds")(guarded(once.once(deed)))
    app.post("/files/<kind>")(guarded(once.once(file)))
    app.post("/pages")(guarded(once.once(page)))
    return app


@pytest.fixture
def caller(house, db):
    return house.test_client()


def key():
    return str(uuid.uuid4())


def send(caller, headers, key, body=None, path="/deeds"):
    return caller.post(path, json=body or {"a": 1}, headers={**headers, "Idempotency-Key": key})


def test_the_same_key_and_body_bring_the_same_answer_and_one_deed(caller, deeds):
    headers, mine = bearer(make.user()), key()
    first, second = send(caller, headers, mine), send(caller, headers, mine)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json == second.json == {"number": 1}
    assert len(deeds) == 1
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"


def test_another_key_is_another_deed(caller, deeds):
    headers = bearer(make.user())
    assert [send(caller, headers, key()).json["number"] for _ in range(2)] == [1, 2]


def test_two_persons_with_one_key_do_two_deeds(caller, deeds):
    first, second, shared = make.user(), make.user(), key()
    answers = [send(caller, bearer(user), shared).json for user in (first, second)]
    assert answers == [{"number": 1}, {"number": 2}]
    assert [person for person, _ in deeds] == [first.id, second.id]


def test_one_key_on_two_routes_is_two_deeds(caller, deeds):
    headers, mine = bearer(make.user()), key()
    send(caller, headers, mine)
    assert send(caller, headers, mine, path="/deeds/other").json == {"number": 2}


def test_one_key_for_two_subjects_of_one_route_is_refused(caller, deeds):
    headers, mine = bearer(make.user()), key()
    send(caller, headers, mine, path="/deeds/this")
    assert send(caller, headers, mine, path="/deeds/that").json["code"] == "idempotency_key_reused"


def test_another_body_is_refused(caller, deeds):
    headers, mine = bearer(make.user()), key()
    send(caller, headers, mine)
    answer = send(caller, headers, mine, body={"a": 2})
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")
    assert len(deeds) == 1


@pytest.mark.parametrize("bad", [None, "", "short", "x" * 129, "with space in the key", "ключ-из-других-букв"])
def test_without_a_good_key_nothing_is_done(caller, deeds, bad):
    headers = bearer(make.user()) | ({} if bad is None else {"Idempotency-Key": bad.encode().decode("latin-1")})
    answer = caller.post("/deeds", json={}, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (400, "missing_idempotency_key")
    assert deeds == []


def test_a_refused_deed_leaves_the_key_free(caller, deeds):
    headers, mine = bearer(make.user()), key()
    assert send(caller, headers | {"X-Fail": "1"}, mine).status_code == 409
    assert send(caller, headers, mine).status_code == 201


def test_a_stranger_is_asked_to_sign_in_before_his_key_is_looked_at(caller, deeds):
    assert send(caller, {}, key()).status_code == 401


def test_answers_are_forgotten_after_a_day(caller, deeds):
    headers, mine = bearer(make.user()), key()
    send(caller, headers, mine)
    with frozen(clock.now() + timedelta(hours=23)):
        once.forget_old_keys(0)
        assert send(caller, headers, mine).json == {"number": 1}
    with frozen(clock.now() + timedelta(hours=25)):
        once.forget_old_keys(0)
        assert send(caller, headers, mine).json == {"number": 2}


def test_the_kept_answer_is_sealed(caller, deeds):
    send(caller, bearer(make.user()), key(), body={"name": "王小明"})
    row = session.scalars(select(IdempotencyKey)).one()
    assert b"number" not in row.answer_sealed


def test_a_file_is_kept_byte_by_byte(caller, deeds):
    headers, mine = bearer(make.user()), key()
    first, second = (send(caller, headers, mine, path="/files/label") for _ in range(2))
    assert first.data == second.data == b"%PDF\xff\xfe\x00"
    assert second.mimetype == "application/pdf"
    assert deeds == ["label"]


def test_a_form_sent_twice_leads_to_the_same_page(caller, deeds):
    headers, mine = bearer(make.user()), key()
    pages = [caller.post("/pages", data={"key": mine, "grams": "5"}, headers=headers) for _ in range(2)]
    assert [page.headers["Location"] for page in pages] == ["/done/1", "/done/1"]


def test_a_form_with_other_fields_is_another_body(caller, deeds):
    headers, mine = bearer(make.user()), key()
    caller.post("/pages", data={"key": mine, "grams": "5"}, headers=headers)
    answer = caller.post("/pages", data={"key": mine, "grams": "6"}, headers=headers)
    assert answer.json["code"] == "idempotency_key_reused"


def test_a_form_with_another_file_is_another_body(caller, deeds):
    headers, mine = bearer(make.user()), key()

    def post(body):
        form = {"key": mine, "photo": (io.BytesIO(body), "a.jpg")}
        return caller.post("/pages", data=form, headers=headers, content_type="multipart/form-data")

    assert post(b"one").status_code == 303
    assert post(b"one").status_code == 303
    assert post(b"two").json["code"] == "idempotency_key_reused"


def test_a_request_still_running_is_told_so_and_the_deed_is_done_once(race_db, house, deeds, gate):
    with transaction():
        headers = bearer(make.user())
    mine, answers = key(), []
    gate.clear()
    threads = [
        threading.Thread(target=lambda: answers.append(send(house.test_client(), headers, mine).status_code))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(0.3)
    gate.set()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201, 409, 409, 409]
    assert len(deeds) == 1
    assert send(house.test_client(), headers, mine).json == {"number": 1}


def test_many_retries_at_once_make_one_row(race_db, house, deeds):
    with transaction():
        headers = bearer(make.user())
    mine, answers = key(), []
    threads = [
        threading.Thread(target=lambda: answers.append(send(house.test_client(), headers, mine).status_code))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {201, 409}
    assert len(deeds) == 1
    with transaction():
        assert session.scalar(select(func.count()).select_from(IdempotencyKey)) == 1
        assert session.scalar(text(ADVISORY_LOCKS_HERE)) == 0
