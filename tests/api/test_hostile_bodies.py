"""Odd bodies, odd addresses, odd numbers: always a 4xx with a name, never a fault, never a deed."""

import json
import re
import uuid
from pathlib import Path

import pytest

from core import bodies, users
from core.bodies import BodyUnreadable
from core.permissions import Role
from tests import make

JSON = "application/json"
DEEP = b"[" * 100_000 + b"]" * 100_000
HOSTILE = {
    "nothing": b"",
    "half": b'{"a": ',
    "deep": DEEP,
    "deep objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "number beyond doubles": b'{"a": 1e999}',
    "doubled key": b'{"a": 1, "a": 2}',
    "lone surrogate": b'{"a": "\\ud800"}',
    "surrogate as a key": b'{"\\udfff": 1}',
    "NUL": b'{"a": "x\\u0000y"}',
    "raw NUL": b'{"a": "x\x00y"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-32": '{"a": 1}'.encode("utf-32"),
    "GBK": '{"a": "桃"}'.encode("gbk"),
    "cut UTF-8": b'{"a": "\xe6\xa1"}',
    "beyond 64 bits": b'{"a": 9223372036854775808}',
    "ten thousand digits": b'{"a": ' + b"9" * 10_000 + b"}",
    "a list": b"[]",
    "null": b"null",
    "a number": b"42",
    "a text": b'"text"',
    "true": b"true",
    "a list of itself": b"[[{}]]",
    "unknown fields": b'{"id": "1", "role": "admin", "status": "paid", "price_minor": 0}',
    "prototype": b'{"__proto__": {"a": 1}, "__class__": "x"}',
    "a formula": b'{"name": "=cmd|calc"}',
    "comments": b'{"a": 1 /* x */}',
    "two documents": b"{}{}",
    "binary": bytes(range(256)),
}
UNREADABLE = {
    "half", "deep", "deep objects", "NaN", "Infinity", "number beyond doubles", "doubled key", "lone surrogate",
    "surrogate as a key", "NUL", "raw NUL", "UTF-16", "UTF-32", "GBK", "cut UTF-8", "beyond 64 bits",
    "ten thousand digits", "comments", "two documents", "binary",
}  # fmt: skip


@pytest.mark.no_db
@pytest.mark.parametrize("kind", sorted(UNREADABLE))
def test_what_would_fail_deeper_inside_is_refused_at_the_door(kind):
    with pytest.raises(BodyUnreadable):
        bodies.load(HOSTILE[kind])


@pytest.mark.no_db
@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": [1, 2.5, -3, True, None, "桃😀", {"b": {}}]},
        {"brackets": "[" * 500 + '"\\' * 50},
        [[[[[[[[[[1]]]]]]]]]],
        {"whole": 2**63 - 1, "least": -(2**63) + 1},
    ],
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_every_good_body_is_read_as_it_is(value, ascii_only):
    assert bodies.load(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@pytest.mark.no_db
def test_thirty_two_levels_pass_and_thirty_three_do_not():
    assert bodies.load(b"[" * 32 + b"]" * 32)
    with pytest.raises(BodyUnreadable):
        bodies.load(b"[" * 33 + b"]" * 33)


def writing_rules(app):
    """Every address that takes a body, but those that end the session we ask with."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.rule.endswith("/logout"):
            continue
        for method in sorted(rule.methods & {"POST", "PUT", "PATCH", "DELETE"}):
            yield method, rule


def address(rule):
    """The rule's address with ids that belong to nothing."""

    def filled(match):
        return str(uuid.UUID(int=7)) if match.group(1).startswith("uuid:") else "0" * 13

    return re.sub(r"<([^>]+)>", filled, rule.rule)


@pytest.fixture
def caller(app, db, monkeypatch):
    """One who may do everything, so that nothing is refused for his role."""
    monkeypatch.setattr(users, "password_fits", lambda _user, _password: False)
    from core.testing import bearer

    client = app.test_client()
    headers = bearer(make.user(roles=[Role.ADMIN]))

    def call(method, path, **arguments):
        extra = arguments.pop("headers", {})
        return client.open(path, method=method, headers={**headers, **extra}, **arguments)

    return call


def fits(response):
    """A refusal with a name; a page may also show itself again."""
    problem = response.status_code >= 500
    named = (
        response.mimetype in ("application/problem+json", "text/html", "application/json")
        or response.status_code == 303
    )
    return not problem and named


# The unreadable ones all end in the same loader: four of them stand for the rest.
@pytest.mark.parametrize("kind", sorted(set(HOSTILE) - UNREADABLE | {"half", "deep", "raw NUL", "binary"}))
def test_no_body_breaks_any_address(app, caller, kind):
    broken = []
    for method, rule in writing_rules(app):
        headers = {"Idempotency-Key": str(uuid.uuid4()), "Content-Type": JSON}
        response = caller(method, address(rule), data=HOSTILE[kind], headers=headers)
        if not fits(response):
            broken.append((method, rule.rule, response.status_code, response.get_data(as_text=True)[:80]))
        if kind in UNREADABLE and rule.rule.startswith("/api/") and response.status_code < 400:
            broken.append((method, rule.rule, "accepted"))
    assert broken == []


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "image/svg+xml",
        "x" * 500,
    ],
)
def test_no_kind_of_content_breaks_any_address(app, caller, content_type):
    broken = [
        (method, rule.rule, response.status_code)
        for method, rule in writing_rules(app)
        for headers in [{"Idempotency-Key": str(uuid.uuid4()), "Content-Type": content_type}]
        for response in [caller(method, address(rule), data=b'{"a": 1}', headers=headers)]
        if not fits(response)
    ]
    assert broken == []


def test_a_body_beyond_the_limit_is_refused_everywhere(app, caller):
    accepted, spaces = [], b" " * 21_000_000
    for method, rule in writing_rules(app):
        if not rule.rule.startswith("/api/"):
            continue
        headers = {"Idempotency-Key": str(uuid.uuid4()), "Content-Type": JSON}
        response = caller(method, address(rule), data=spaces, headers=headers)
        if not 400 <= response.status_code < 500:
            accepted.append((method, rule.rule, response.status_code))
    assert accepted == []


FORM_FIELD = re.compile(r"""(?:form\.get(?:list)?\(|form\[|_(?:grams|int|number|yuan|date|text)\()["']([a-z_]+)["']""")
FORM_VALUES = [
    "", " ", "x", "-1", "0", "1.5", "1e9", "９", "٣", "²", "9" * 30, "9" * 5_000, "NaN", "inf", "\ud83c", "\x00", "'--",
    "{0}", "%s", "2026-13-45", "2026-02-30", "25:99", "0001-01-01", "99999-01-01", "-" * 36, "=1+1",
    str(uuid.UUID(int=7)), "https://evil.example/", "<script>alert(1)</script>", "桃" * 20_000,
]  # fmt: skip


@pytest.mark.parametrize("value", FORM_VALUES, ids=range(len(FORM_VALUES)))
def test_no_field_of_a_form_breaks_any_page(app, caller, value):
    sources = (Path(__file__).resolve().parents[2] / "web").glob("*.py")
    names = {name for source in sources for name in FORM_FIELD.findall(source.read_text())}
    assert len(names) > 20
    broken = []
    for method, rule in writing_rules(app):
        if rule.rule.startswith("/api/"):
            continue
        form = {name: value.encode("utf-8", "surrogatepass") for name in names} | {"key": str(uuid.uuid4())}
        response = caller(method, address(rule), data=form)
        if response.status_code >= 500 or b"<script>alert(1)" in response.data or "evil" in str(response.headers):
            broken.append((method, rule.rule, response.status_code))
    assert broken == []


ODD = [
    "%00",
    "%ff%fe",
    "..%2f..%2fetc%2fpasswd",
    "'%20OR%201=1--",
    "%F0%9F%8D%91",
    "9" * 400,
    "-1",
    "%20",
    "<script>",
    "{{7*7}}",
]


def test_no_odd_address_breaks_any_rule(app, caller):
    broken = []
    for rule in app.url_map.iter_rules():
        if "GET" not in rule.methods or not rule.arguments or rule.endpoint == "static":
            continue
        for odd in ODD:
            path = re.sub(r"<[^>]+>", lambda _match, odd=odd: odd, rule.rule)
            response = caller("GET", path)
            if response.status_code >= 500:
                broken.append((path, response.status_code))
    assert broken == []


QUERIES = [
    "limit=0", "limit=-1", "limit=101", "limit=9999999999999999999999", "limit=x", "limit=1.5", "limit=NaN", "after=x",
    "after=", "after=00000000-0000-0000-0000-000000000000", "after='--", "q=%00", "q=%ed%a0%80", "q=" + "a" * 5_000,
    "q=%25%5f%5c", "q='%22;--", "q=(", "q=&q=", "limit=5&limit=6", "status=%00", "status=nothing", "from=x",
    "day=2026-13-45", "level=%00", "parent=%00", "station_id=x", "page=%00", "next=%00", "unknown=1",
]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
def test_no_query_breaks_any_list(app, caller, query):
    broken = []
    for rule in app.url_map.iter_rules():
        if "GET" not in rule.methods or rule.arguments or "stream" in rule.rule:
            continue
        response = caller("GET", f"{rule.rule}?{query}")
        if response.status_code >= 500:
            broken.append((rule.rule, response.status_code))
    assert broken == []
